/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function - who gets which invocation
 *
 * The last test plays at random, with fixed seeds: runtimes that call what they
 * like, boxes that do what they like, and askers in any number. Whatever
 * happens, each invocation that was accepted is answered once and done once.
 */
#include "emulator/function.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

static struct function *function;
static unsigned stops;

static void on_stopped(struct function_end *end)
{
	(void)end;
	stops++;
}

static struct function_end function_end = { .on_stopped = on_stopped };

static void settle(void)
{
	fake_settle(stage.context.loop);
}

static void pass_ms(uint64_t ms)
{
	fake_pass(stage.context.loop, ms * MS);
}

static void begin(uint64_t concurrency)
{
	stage_open();
	stage.config.concurrency = concurrency;
	stops = 0;
	function = function_create(&stage.context);
	function_start(function, true);
}

static void end(void)
{
	function_stop(function, &function_end);
	settle();
	CHECK_INT(stops, 1);
	function_destroy(function);
	stage_close();
}

/* The environment that holds that event, by its Runtime API; NULL when none does. */
static struct stage_port *holder(const char *id)
{
	struct stage_port *port = stage_ports;

	while (port && strcmp(port->delivered, id) != 0)
		port = port->next;
	return port;
}

/* The newest environment comes up: its runtime waits. */
static struct stage_port *come_up(void)
{
	struct stage_port *port = stage_ports;

	fake_box_ready(stage_box(port));
	fake_box_started(stage_box(port));
	settle();
	CHECK_INT(runtime_next(port), RUNTIME_ACCEPTED);
	return port;
}

static struct asker *submit(const char *id)
{
	struct asker *asker = asker_create(id);

	CHECK_INT(function_submit(function, asker->invocation), FUNCTION_ACCEPTED);
	return asker;
}

static void check_refused(enum function_verdict expected)
{
	struct asker *asker = asker_create("refused");

	CHECK_INT(function_submit(function, asker->invocation), expected);
	CHECK_INT(asker->answered, 0);
	asker_destroy(asker);
}

static void answer(const char *id)
{
	CHECK_INT(runtime_respond(holder(id), id, "fine"), RUNTIME_ACCEPTED);
}

static void finish(const char *id)
{
	struct stage_port *port = holder(id);

	CHECK_INT(runtime_respond(port, id, "fine"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(port), RUNTIME_ACCEPTED);
}

static void check_fine(struct asker *asker)
{
	CHECK_INT(asker->answered, 1);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->body, "fine");
	asker_destroy(asker);
}

/* ---- which environment ---- */

static void test_first_environment_starts_before_any_invocation(void)
{
	struct asker *asker;

	begin(0);
	CHECK_INT(stage_count_ports(), 1);
	asker = submit("one"); /* waits for that one's init */
	CHECK_INT(stage_count_ports(), 1);
	come_up();
	CHECK(holder("one"));
	finish("one");
	check_fine(asker);
	end();
}

static void test_overlap_gets_a_second_environment(void)
{
	struct asker *one, *two;
	struct stage_port *first;

	begin(0);
	first = come_up();
	one = submit("one");
	two = submit("two");
	CHECK(holder("one") == first && !holder("two"));
	CHECK_INT(stage_count_ports(), 2);
	CHECK(come_up() != first);
	CHECK(holder("two") == stage_ports);
	finish("two");
	check_fine(two);
	finish("one");
	check_fine(one);
	end();
}

static void test_most_recently_used_first(void)
{
	struct asker *one, *two, *three;
	struct stage_port *first, *second;

	begin(0);
	first = come_up();
	one = submit("one");
	two = submit("two");
	second = come_up();
	finish("two");
	finish("one");
	check_fine(one);
	check_fine(two);

	/* the last use is when it got its event, not when it finished */
	three = submit("three");
	CHECK(holder("three") == second);
	one = submit("four");
	CHECK(holder("four") == first);
	finish("three");
	finish("four");
	check_fine(three);
	check_fine(one);
	two = submit("five");
	CHECK(holder("five") == first);
	finish("five");
	check_fine(two);
	CHECK_INT(stage_count_ports(), 2);
	end();
}

/* The new environment is for who came first; who came later gets the one that comes back. */
static void test_first_free_serves_first_in_line(void)
{
	struct asker *askers[3];
	struct stage_port *first;

	begin(2);
	first = come_up();
	askers[0] = submit("one");
	answer("one");
	askers[1] = submit("two"); /* waits for the runtime to come back */
	askers[2] = asker_create("three");
	CHECK_INT(function_submit(function, askers[2]->invocation), FUNCTION_ACCEPTED);
	CHECK_INT(stage_count_ports(), 2); /* "two" has the new one */
	CHECK_INT(runtime_next(first), RUNTIME_ACCEPTED);
	CHECK(holder("three") == first);
	come_up();
	CHECK(holder("two") && holder("two") != first);
	finish("two");
	finish("three");
	for (unsigned i = 0; i < 3; i++)
		check_fine(askers[i]);
	end();
}

static void test_reset_environment_is_used_again(void)
{
	struct stage_port *first;
	struct asker *asker;

	begin(0);
	first = come_up();
	asker = submit("one");
	fake_box_exited(stage_box(first), SIGSEGV, false);
	settle();
	CHECK_STR(asker->fault, "Runtime.ExitError");
	asker_destroy(asker);
	CHECK_INT(stage_count_ports(), 0);
	asker = submit("two");
	CHECK_INT(stage_count_ports(), 1);
	come_up();
	finish("two");
	check_fine(asker);
	end();
}

/* ---- limits ---- */

static void test_reserved_concurrency(void)
{
	struct asker *one, *two;

	begin(2);
	come_up();
	one = submit("one");
	two = submit("two");
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	CHECK_INT(stage_count_ports(), 2);
	come_up();
	finish("one");
	check_fine(one);
	one = submit("three");
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	finish("two");
	finish("three");
	check_fine(two);
	check_fine(one);
	end();
}

/* A caller that sends one request after the other never exceeds a concurrency of one. */
static void test_serial_caller_fits_a_concurrency_of_one(void)
{
	struct asker *one, *two;

	begin(1);
	come_up();
	one = submit("one");
	answer("one");
	two = submit("two");
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	pass_ms(1000);
	CHECK_INT(stage_count_ports(), 1);
	CHECK_INT(runtime_next(stage_ports), RUNTIME_ACCEPTED);
	CHECK(holder("two"));
	finish("two");
	check_fine(one);
	check_fine(two);
	end();
}

static void number(char id[8], unsigned n)
{
	snprintf(id, 8, "n%u", n);
}

static void test_line_is_first_in_first_out(void)
{
	struct asker *askers[15];
	char id[8];

	begin(0);
	come_up();
	for (unsigned i = 0; i < 15; i++) {
		number(id, i);
		askers[i] = submit(id);
		if (i > 0 && i < FUNCTION_ENVIRONMENTS)
			come_up();
	}
	CHECK_INT(stage_count_ports(), FUNCTION_ENVIRONMENTS);
	/* from the back, so that the order is the line's and not the environments' */
	for (unsigned i = 10; i < 15; i++) {
		number(id, 19 - i);
		struct stage_port *port = holder(id);

		finish(id);
		number(id, i);
		CHECK(holder(id) == port);
	}
	for (unsigned i = 0; i < 15; i++) {
		number(id, i);
		if (holder(id))
			finish(id);
		check_fine(askers[i]);
	}
	CHECK_INT(stage_count_ports(), FUNCTION_ENVIRONMENTS);
	end();
}

static void test_line_has_an_end(void)
{
	static struct asker *askers[FUNCTION_ENVIRONMENTS + LINE_LENGTH];
	unsigned count = FUNCTION_ENVIRONMENTS + LINE_LENGTH;

	begin(0);
	for (unsigned i = 0; i < count; i++)
		askers[i] = submit("n");
	check_refused(FUNCTION_LINE_IS_FULL);
	CHECK_INT(stage_count_ports(), FUNCTION_ENVIRONMENTS);
	end();
	for (unsigned i = 0; i < count; i++) {
		CHECK(askers[i]->answered == 1 && askers[i]->done == 1);
		asker_destroy(askers[i]);
	}
}

/* ---- handover ---- */

/* A caller may be quicker than the runtime's next /next. */
static void test_serial_caller_needs_one_environment(void)
{
	struct asker *one, *two;

	begin(0);
	come_up();
	one = submit("one");
	answer("one");
	two = submit("two");
	pass_ms(59);
	CHECK_INT(stage_count_ports(), 1);
	CHECK_INT(two->answered, 0);
	CHECK_INT(runtime_next(stage_ports), RUNTIME_ACCEPTED);
	CHECK(holder("two"));
	CHECK_INT(fake_next_due(stage.context.loop), FAKE_START_NS + (59 + 3000) * MS);
	finish("two");
	check_fine(one);
	check_fine(two);
	end();
}

static void test_slow_runtime_costs_a_second_environment(void)
{
	struct asker *one, *two;
	struct stage_port *first;

	begin(0);
	first = come_up();
	one = submit("one");
	answer("one");
	two = submit("two");
	pass_ms(200);
	CHECK_INT(stage_count_ports(), 2);
	come_up();
	CHECK(holder("two") && holder("two") != first);
	runtime_next(first);
	finish("two");
	check_fine(one);
	check_fine(two);
	end();
}

/* One environment that finishes is worth one waiter, not two. */
static void test_handover_is_for_one(void)
{
	struct asker *one, *two, *three;

	begin(0);
	come_up();
	one = submit("one");
	answer("one");
	two = submit("two");
	three = submit("three");
	CHECK_INT(stage_count_ports(), 2);
	runtime_next(stage_ports->next);
	come_up();
	finish("two");
	finish("three");
	check_fine(one);
	check_fine(two);
	check_fine(three);
	end();
}

static void test_runtime_dies_during_handover(void)
{
	struct stage_port *first;
	struct asker *one, *two;

	begin(1);
	first = come_up();
	one = submit("one");
	answer("one");
	two = submit("two");
	fake_box_exited(stage_box(first), W_EXITCODE(1, 0), false);
	settle();
	check_fine(one);
	CHECK_INT(stage_count_ports(), 1);
	come_up();
	finish("two");
	check_fine(two);
	end();
}

/* ---- from inside on_done ---- */

static struct asker *chain;

static void submit_then(struct asker *asker)
{
	(void)asker;
	CHECK_INT(function_submit(function, chain->invocation), FUNCTION_ACCEPTED);
}

/* As a benchmark does. */
static void test_submit_from_on_done(void)
{
	struct asker *one;

	for (uint64_t concurrency = 0; concurrency < 2; concurrency++) {
		begin(concurrency);
		come_up();
		one = submit("one");
		chain = asker_create("two");
		one->then = submit_then;
		finish("one");
		check_fine(one);
		CHECK(holder("two") == stage_ports && stage_ports->deliveries == 2);
		CHECK_INT(stage_count_ports(), 1);
		one = chain;
		chain = asker_create("three");
		one->then = submit_then;
		fake_box_exited(stage_box(stage_ports), SIGSEGV, false);
		settle();
		CHECK_INT(one->done, 1);
		asker_destroy(one);
		CHECK_INT(stage_count_ports(), 1);
		come_up();
		finish("three");
		check_fine(chain);
		end();
	}
}

static void stop_then(struct asker *asker)
{
	(void)asker;
	function_stop(function, &function_end);
}

/* As "lrie invoke" does. */
static void test_stop_from_on_done(void)
{
	struct asker *one;

	begin(0);
	come_up();
	one = submit("one");
	one->then = stop_then;
	finish("one");
	check_fine(one);
	settle();
	CHECK_INT(stops, 1);
	function_destroy(function);
	stage_close();
}

/* ---- stop ---- */

static void test_stop_with_a_line(void)
{
	struct asker *askers[12];

	begin(0);
	come_up();
	for (unsigned i = 0; i < 12; i++)
		askers[i] = submit("n");
	function_stop(function, &function_end);
	for (unsigned i = 0; i < 12; i++) {
		CHECK(askers[i]->answered == 1 && askers[i]->done == 1);
		CHECK_STR(askers[i]->fault, "Sandbox.Failure");
		CHECK_INT(askers[i]->tail != NULL, i == 0); /* only that one has started */
		asker_destroy(askers[i]);
	}
	CHECK_INT(stops, 0);
	check_refused(FUNCTION_IS_STOPPING);
	settle();
	CHECK_INT(stops, 1);
	check_refused(FUNCTION_IS_STOPPING);
	function_destroy(function);
	stage_close();
}

static void test_stop_during_handover(void)
{
	struct asker *one, *two;

	begin(0);
	come_up();
	one = submit("one");
	answer("one");
	two = submit("two");
	end();
	check_fine(one);
	CHECK_STR(two->fault, "Sandbox.Failure");
	asker_destroy(two);
}

static void test_stop_waits_for_the_last_box(void)
{
	struct asker *one, *two;

	begin(0);
	fake_box_dies_slowly = true;
	come_up();
	one = submit("one");
	two = submit("two");
	function_stop(function, &function_end);
	CHECK(one->done == 1 && two->done == 1);
	asker_destroy(one);
	asker_destroy(two);
	fake_box_gone(fake_boxes);
	settle();
	CHECK_INT(stops, 0);
	fake_box_gone(fake_boxes);
	settle();
	CHECK_INT(stops, 1);
	function_destroy(function);
	stage_close();
}

/* ---- retirement ---- */

/* Idle ones end at once, others when they have answered; those in line find their place. */
static void test_retirement_ends_what_was_accepted(void)
{
	struct asker *askers[12];

	begin(0);
	come_up();
	for (unsigned i = 0; i < 12; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%u", i);
		askers[i] = submit(id);
	}
	function_retire(function, &function_end);
	check_refused(FUNCTION_IS_STOPPING);
	settle();
	for (struct stage_port *port = stage_ports; port->next; port = port->next) {
		fake_box_ready(stage_box(port));
		fake_box_started(stage_box(port));
		settle();
		CHECK_INT(runtime_next(port), RUNTIME_ACCEPTED);
	}
	for (unsigned i = 0; i < 12; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%u", i);
		CHECK_INT(stops, 0);
		finish(id);
		settle();
		check_fine(askers[i]);
	}
	settle();
	CHECK_INT(stops, 1);
	function_destroy(function);
	stage_close();
}

static void test_retirement_of_what_does_nothing(void)
{
	begin(0);
	come_up();
	function_retire(function, &function_end);
	CHECK_INT(stops, 0); /* not in that call */
	settle();
	CHECK_INT(stops, 1);
	function_destroy(function);
	stage_close();
}

static void test_retirement_without_environments(void)
{
	stage_open();
	stops = 0;
	function = function_create(&stage.context);
	function_start(function, false);
	CHECK_INT(stage_count_ports(), 0);
	function_retire(function, &function_end);
	settle();
	CHECK_INT(stops, 1);
	function_destroy(function);
	stage_close();
}

static void test_retirement_of_a_crash(void)
{
	struct asker *one;

	begin(0);
	come_up();
	one = submit("one");
	function_retire(function, &function_end);
	settle();
	fake_box_exited(fake_boxes, 1 << 8, false);
	settle();
	CHECK_STR(one->fault, "Runtime.ExitError");
	CHECK_INT(stops, 1);
	asker_destroy(one);
	function_destroy(function);
	stage_close();
}

static void test_stop_during_retirement(void)
{
	struct asker *one;

	begin(0);
	come_up();
	one = submit("one");
	function_retire(function, &function_end);
	settle();
	end();
	CHECK_INT(one->done, 1);
	asker_destroy(one);
}

/* Without any box there is nothing to wait for. */
static void test_stop_without_a_box(void)
{
	stage_open();
	stage_port_fails = true;
	stops = 0;
	function = function_create(&stage.context);
	function_start(function, true);
	function_stop(function, &function_end);
	CHECK_INT(stops, 1);
	settle();
	function_destroy(function);
	stage_close();
}

/* ---- other code ---- */

static unsigned unused;

static void on_unused(struct context_owner *owner)
{
	(void)owner;
	unused++;
}

static struct context_owner owner = { .on_unused = on_unused };

static void begin_owned(uint64_t concurrency)
{
	stage_open();
	stage.config.concurrency = concurrency;
	stage.context.owner = &owner;
	stops = unused = 0;
	function = function_create(&stage.context);
	function_start(function, true);
}

static unsigned replace(void)
{
	return function_replace_environments(function, &stage.context);
}

static void end_owned(unsigned generations)
{
	end();
	CHECK_INT(unused, generations);
}

static void test_idle_environments_are_replaced_at_once(void)
{
	struct asker *asker;

	begin_owned(0);
	come_up();
	CHECK_INT(replace(), 1);
	CHECK_INT(unused, 0); /* it is still being taken down */
	settle();
	CHECK_INT(unused, 1);
	CHECK_INT(stage_count_ports(), 1);
	asker = submit("one"); /* waits for the new one's init */
	CHECK_INT(stage_count_ports(), 1);
	come_up();
	finish("one");
	check_fine(asker);
	CHECK_INT(function_metrics(function)->environments, 2);
	end_owned(2);
}

static void test_old_invocations_finish_on_the_old_code(void)
{
	struct asker *one, *two;
	struct stage_port *old, *fresh;

	begin_owned(0);
	old = come_up();
	one = submit("one");
	CHECK_INT(replace(), 1);
	CHECK_INT(stage_count_ports(), 2);
	fresh = come_up();
	two = submit("two");
	CHECK(holder("one") == old && holder("two") == fresh);
	finish("two");
	check_fine(two);
	CHECK_INT(unused, 0);
	finish("one");
	check_fine(one);
	settle();
	CHECK_INT(unused, 1);
	CHECK(stage_count_ports() == 1 && stage_ports == fresh);
	end_owned(2);
}

/* Also twice, and in the order in which they came. */
static void test_who_waits_for_old_code_waits_for_the_new(void)
{
	struct asker *askers[3];
	char id[8];

	begin_owned(0);
	for (unsigned i = 0; i < 3; i++) {
		number(id, i);
		askers[i] = submit(id);
	}
	CHECK_INT(replace(), 3);
	CHECK_INT(replace(), 3);
	settle();
	CHECK_INT(stage_count_ports(), 3);
	CHECK_INT(unused, 2);
	come_up(); /* of the last */
	CHECK(holder("n2"));
	for (unsigned i = 0; i < 3; i++)
		CHECK_INT(askers[i]->answered, 0);
	for (struct stage_port *port = stage_ports->next; port; port = port->next) {
		fake_box_started(stage_box(port));
		settle();
		CHECK_INT(runtime_next(port), RUNTIME_ACCEPTED);
	}
	for (unsigned i = 0; i < 3; i++) {
		number(id, i);
		finish(id);
		check_fine(askers[i]);
	}
	end_owned(3);
}

/* Its init has failed and is tried again as part of the invocation, whose clock runs. */
static void test_a_second_init_is_not_waited_for(void)
{
	struct asker *one;

	begin_owned(1);
	fake_box_ready(stage_box(stage_ports));
	fake_box_started(stage_box(stage_ports));
	fake_box_exited(stage_box(stage_ports), W_EXITCODE(1, 0), false);
	settle();
	one = submit("one");
	fake_box_ready(stage_box(stage_ports));
	fake_box_started(stage_box(stage_ports));
	pass_ms(2900);
	CHECK_INT(replace(), 1);
	settle();
	CHECK_INT(stage_count_ports(), 1);
	CHECK_INT(function_metrics(function)->environments, 2);
	pass_ms(200); /* the old clock would be over */
	CHECK_INT(one->answered, 0);
	come_up();
	finish("one");
	check_fine(one);
	end_owned(2);
}

static void test_old_environments_count_as_concurrency(void)
{
	struct asker *one, *two;
	struct stage_port *fresh;

	begin_owned(1);
	come_up();
	one = submit("one");
	replace();
	fresh = come_up();
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	answer("one");
	two = submit("two"); /* a caller that sends one request after the other */
	CHECK(!holder("two"));
	CHECK_INT(runtime_next(holder("one")), RUNTIME_ACCEPTED);
	CHECK(holder("two") == fresh);
	finish("two");
	check_fine(one);
	check_fine(two);
	end_owned(2);
}

/* Nobody is left in line when there is concurrency again. */
static void test_old_environment_that_fails_makes_room(void)
{
	struct asker *askers[FUNCTION_ENVIRONMENTS + 1];
	struct stage_port *old = NULL;
	char id[8];

	begin_owned(0);
	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS; i++) {
		number(id, i);
		askers[i] = submit(id);
		old = come_up();
	}
	CHECK_INT(replace(), FUNCTION_ENVIRONMENTS);
	CHECK_INT(stage_count_ports(), FUNCTION_ENVIRONMENTS + 1);
	come_up();
	askers[FUNCTION_ENVIRONMENTS] = submit("last");
	CHECK(!holder("last"));
	fake_box_exited(stage_box(old), SIGSEGV, false);
	settle();
	CHECK(holder("last") == stage_ports);
	finish("last");
	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS - 1; i++) {
		number(id, i);
		finish(id);
	}
	for (unsigned i = 0; i <= FUNCTION_ENVIRONMENTS; i++) {
		CHECK(askers[i]->answered == 1 && askers[i]->done == 1);
		asker_destroy(askers[i]);
	}
	settle();
	CHECK_INT(stage_count_ports(), 1);
	end_owned(2);
}

static void test_replace_what_has_ended(void)
{
	begin_owned(0);
	stage.config.idle_timeout_ms = 1000;
	come_up();
	pass_ms(1000);
	CHECK_INT(stage_count_ports(), 0);
	CHECK_INT(replace(), 0);
	settle();
	CHECK_INT(unused, 1);
	CHECK_INT(stage_count_ports(), 1);
	function_stop(function, &function_end);
	CHECK_INT(replace(), 0);
	settle();
	CHECK_INT(stops, 1);
	function_destroy(function);
	CHECK_INT(unused, 3);
	stage_close();
}

static void test_limits_are_those_of_the_new_code(void)
{
	struct asker *one, *two;

	begin_owned(1);
	come_up();
	one = submit("one");
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	stage.config.concurrency = 2;
	replace();
	come_up();
	two = submit("two");
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	finish("one");
	finish("two");
	check_fine(one);
	check_fine(two);
	end_owned(2);
}

/* ---- too old ---- */

#define AGE_MS 60000

static void begin_aging(uint64_t concurrency, uint64_t provisioned)
{
	stage_open();
	stage.config.concurrency = concurrency;
	stage.config.max_environment_age_ms = AGE_MS;
	if (provisioned) {
		stage.config.initialization = PLATFORM_PROVISIONED_CONCURRENCY;
		stage.config.provisioned = provisioned;
	}
	stops = 0;
	function = function_create(&stage.context);
	function_start(function, true);
}

static void test_an_old_environment_without_work_ends(void)
{
	struct asker *one;

	begin_aging(0, 0);
	come_up();
	one = submit("one");
	finish("one");
	pass_ms(AGE_MS - 1);
	CHECK_INT(stage_count_ports(), 1);
	pass_ms(1);
	CHECK_INT(stage_count_ports(), 0);
	check_fine(one);
	one = submit("two");
	come_up();
	finish("two");
	check_fine(one);
	CHECK_INT(function_metrics(function)->environments, 2);
	pass_ms(AGE_MS); /* the second one, too */
	CHECK_INT(stage_count_ports(), 0);
	end();
}

static void test_an_old_environment_finishes_its_invocation(void)
{
	struct asker *one, *two;
	struct stage_port *old;

	begin_aging(1, 0);
	stage.config.timeout_ms = 2 * AGE_MS;
	old = come_up();
	pass_ms(AGE_MS / 2);
	one = submit("one");
	pass_ms(AGE_MS / 2);
	CHECK(holder("one") == old);
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED); /* it counts as ever */
	answer("one");
	two = submit("two"); /* waits for it to be gone */
	CHECK_INT(runtime_next(old), RUNTIME_ACCEPTED);
	settle();
	CHECK_INT(stage_count_ports(), 1);
	CHECK(come_up() != old);
	finish("two");
	check_fine(one);
	check_fine(two);
	end();
}

/* One that begins with its age already up would never serve. */
static void test_an_environment_may_grow_old_in_init(void)
{
	struct asker *one;

	begin_aging(0, 0);
	fake_box_ready(stage_box(stage_ports));
	fake_box_started(stage_box(stage_ports));
	stage.config.init_timeout_ms = 2 * AGE_MS;
	settle();
	pass_ms(AGE_MS - 1);
	one = submit("one");
	pass_ms(1);
	settle();
	CHECK_INT(stage_count_ports(), 1); /* a fresh one took over who waited */
	come_up();
	finish("one");
	check_fine(one);
	end();
}

static void test_what_was_provisioned_is_replaced(void)
{
	begin_aging(0, 3);
	pass_ms(AGE_MS);
	CHECK_INT(stage_count_ports(), 3);
	CHECK_INT(function_metrics(function)->environments, 6);
	CHECK_INT(function_now(function).environments[METRICS_STARTING], 3);
	end();
}

/* ---- the account ---- */

static struct account account;

/* The function, of which the others of the account have some invocations. */
static void begin_in_account(uint64_t limit, unsigned others)
{
	stage_open();
	account = (struct account){ .limit = limit, .running = others };
	stage.context.account = &account;
	stops = 0;
	function = function_create(&stage.context);
	function_start(function, true);
}

static void end_in_account(unsigned others)
{
	end();
	CHECK_INT(account.running, others);
	stage.context.account = NULL;
}

static void test_the_account_is_a_limit_of_all(void)
{
	struct asker *one, *two;

	begin_in_account(4, 2);
	come_up();
	one = submit("one");
	two = submit("two");
	check_refused(FUNCTION_ACCOUNT_EXCEEDED);
	CHECK_INT(account.running, 4);
	come_up();
	answer("one"); /* that is the end of it for the account */
	CHECK_INT(account.running, 3);
	CHECK_INT(runtime_next(stage_ports->next), RUNTIME_ACCEPTED);
	check_fine(one);
	one = submit("three");
	finish("two");
	finish("three");
	check_fine(one);
	check_fine(two);
	CHECK_INT(function_metrics(function)->throttles[METRICS_THROTTLE_ACCOUNT], 1);
	end_in_account(2);
}

static void test_a_chosen_account_is_more_than_ten_environments(void)
{
	struct asker *askers[FUNCTION_ENVIRONMENTS + 5];

	begin_in_account(FUNCTION_ENVIRONMENTS + 5, 0);
	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS + 5; i++)
		askers[i] = submit("n");
	check_refused(FUNCTION_ACCOUNT_EXCEEDED);
	CHECK_INT(stage_count_ports(), FUNCTION_ENVIRONMENTS + 5);
	end_in_account(0);
	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS + 5; i++)
		asker_destroy(askers[i]);
}

/* One that was not chosen is Lambda's, and far away: functions have ten environments, and a line.
 */
static void test_without_a_choice_invocations_wait(void)
{
	struct asker *askers[FUNCTION_ENVIRONMENTS + 5];

	begin_in_account(0, 0);
	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS + 5; i++)
		askers[i] = submit("n");
	CHECK_INT(function_now(function).waiting, 5);
	CHECK_INT(account.running, FUNCTION_ENVIRONMENTS);
	account.running = ACCOUNT_LIMIT;
	check_refused(FUNCTION_ACCOUNT_EXCEEDED);
	account.running = FUNCTION_ENVIRONMENTS;
	end_in_account(0);
	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS + 5; i++)
		asker_destroy(askers[i]);
}

/* Others may have taken its share while it waited for a runtime to come back. */
static void test_a_place_without_a_share_is_none(void)
{
	struct asker *one, *two;

	begin_in_account(4, 0);
	come_up();
	one = submit("one");
	answer("one");
	two = submit("two");
	account.running = 4;
	CHECK_INT(runtime_next(stage_ports), RUNTIME_ACCEPTED);
	CHECK_INT(two->answered, 1);
	CHECK_INT(two->done, 1);
	CHECK_STR(two->throttle, "ConcurrentInvocationLimitExceeded");
	check_fine(one);
	asker_destroy(two);
	end_in_account(4);
}

static void test_what_comes_back_to_the_line_counts_once(void)
{
	struct asker *one;

	begin_in_account(2, 0);
	one = submit("one"); /* waits for init */
	CHECK_INT(account.running, 1);
	function_replace_environments(function, &stage.context);
	settle();
	CHECK_INT(account.running, 1);
	come_up();
	finish("one");
	check_fine(one);
	end_in_account(0);
}

static void test_what_is_reserved_is_its_own(void)
{
	struct asker *one;

	stage_open();
	account = (struct account){ .limit = 4, .reserved = 1, .running = 3 };
	stage.context.account = &account;
	stage.config.concurrency = 1;
	stops = 0;
	function = function_create(&stage.context);
	function_start(function, true);
	one = submit("one");
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	CHECK_INT(account.running, 3);
	end_in_account(3);
	asker_destroy(one);
}

/* ---- who waits too long, or not long enough ---- */

static void begin_waiting(uint64_t max_wait_ms)
{
	begin(0);
	stage.config.timeout_ms = 900000;
	stage.config.init_timeout_ms = 900000;
	stage.config.max_wait_ms = max_wait_ms;
	come_up();
}

static void fill(struct asker *askers[FUNCTION_ENVIRONMENTS])
{
	char id[8];

	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS; i++) {
		number(id, i);
		askers[i] = submit(id);
		if (i > 0)
			come_up();
	}
}

static void empty(struct asker *askers[FUNCTION_ENVIRONMENTS])
{
	char id[8];

	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS; i++) {
		number(id, i);
		finish(id);
		check_fine(askers[i]);
	}
}

static void test_who_waits_too_long_is_refused(void)
{
	struct asker *askers[FUNCTION_ENVIRONMENTS], *early, *late;

	begin_waiting(10000);
	fill(askers);
	early = submit("early");
	pass_ms(4000);
	late = submit("late");
	pass_ms(5999);
	CHECK_INT(early->answered, 0);
	pass_ms(1);
	CHECK_INT(early->answered, 1);
	CHECK_INT(early->done, 1);
	CHECK(!early->tail);
	CHECK_STR(early->throttle, "ConcurrentInvocationLimitExceeded");
	pass_ms(3999);
	CHECK_INT(late->answered, 0);
	finish("n0");
	CHECK(holder("late"));
	pass_ms(10000);
	finish("late");
	check_fine(late);
	check_fine(askers[0]);
	askers[0] = submit("n0");
	empty(askers);
	asker_destroy(early);
	end();
}

static void test_who_leaves_the_line_is_forgotten(void)
{
	struct asker *askers[FUNCTION_ENVIRONMENTS], *leaves, *stays;

	begin_waiting(0);
	fill(askers);
	leaves = submit("leaves");
	stays = submit("stays");
	CHECK(function_withdraw(function, leaves->invocation));
	CHECK(!function_withdraw(function, leaves->invocation));
	CHECK(!function_withdraw(function, askers[0]->invocation));
	CHECK_INT(function_now(function).waiting, 1);
	finish("n0");
	CHECK(holder("stays"));
	finish("stays");
	check_fine(stays);
	CHECK_INT(leaves->answered + leaves->done, 0);
	asker_destroy(leaves);
	check_fine(askers[0]);
	askers[0] = submit("n0");
	empty(askers);
	end();
}

static void test_the_line_is_bounded_in_bytes(void)
{
	struct asker *askers[FUNCTION_ENVIRONMENTS], *large, *larger;

	begin_waiting(0);
	fill(askers);
	large = asker_create("large");
	larger = asker_create("larger");
	/* What is told of is not looked at. */
	large->invocation->event.length = LINE_BYTES - 1;
	larger->invocation->event.length = 2;
	CHECK_INT(function_submit(function, large->invocation), FUNCTION_ACCEPTED);
	CHECK_INT(function_submit(function, larger->invocation), FUNCTION_LINE_IS_FULL);
	larger->invocation->event.length = 1;
	CHECK_INT(function_submit(function, larger->invocation), FUNCTION_ACCEPTED);
	CHECK(function_withdraw(function, large->invocation));
	CHECK(function_withdraw(function, larger->invocation));
	large->invocation->event.length = larger->invocation->event.length = 0;
	asker_destroy(large);
	asker_destroy(larger);
	empty(askers);
	end();
}

static void test_when_to_try_again(void)
{
	struct asker *one, *two;

	begin(1);
	come_up();
	one = submit("one");
	CHECK_INT(function_retry_after_s(function), 0); /* nobody knows */
	pass_ms(1200);
	finish("one");
	check_fine(one);
	two = submit("two");
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	CHECK_INT(function_retry_after_s(function), 2);
	finish("two");
	check_fine(two);
	CHECK_INT(function_retry_after_s(function), 1);
	end();
}

/* ---- anything at all ---- */

#define STEPS 4000
#define ASKERS 64

struct play {
	uint64_t random;
	uint64_t concurrency;
	struct asker *askers[ASKERS]; /* submitted and accepted */
	unsigned asker_count, asked;
	bool replaces; /* the code, now and then */
};

/* xorshift64*: the same on every machine. */
static unsigned pick(struct play *play, unsigned below)
{
	play->random ^= play->random >> 12;
	play->random ^= play->random << 25;
	play->random ^= play->random >> 27;
	return (unsigned)((play->random * UINT64_C(2685821657736338717)) >> 33) % below;
}

static struct stage_port *pick_port(struct play *play)
{
	unsigned count = stage_count_ports();
	struct stage_port *port = stage_ports;

	for (unsigned at = count ? pick(play, count) : 0; at > 0; at--)
		port = port->next;
	return port;
}

static struct sandbox *pick_box(struct play *play)
{
	unsigned count = 0;
	struct sandbox *box;

	for (box = fake_boxes; box; box = box->next)
		count++;
	box = fake_boxes;
	for (unsigned at = count ? pick(play, count) : 0; at > 0; at--)
		box = box->next;
	return box && !box->is_gone && box->event_count < 12 ? box : NULL;
}

static void play_submit(struct play *play)
{
	struct asker *asker;
	char id[16];

	if (play->asker_count == ASKERS)
		return;
	snprintf(id, sizeof(id), "i%u", play->asked++);
	asker = asker_create(id);
	if (function_submit(function, asker->invocation) == FUNCTION_ACCEPTED)
		play->askers[play->asker_count++] = asker;
	else if (CHECK_INT(asker->answered + asker->done, 0))
		asker_destroy(asker);
}

/* A runtime that mostly does what it should; otherwise none would ever serve. */
static void play_well(struct stage_port *port)
{
	if (port->is_uploading)
		runtime_finish(port, "fine", false);
	else if (environment_runtime_state(port->env) == RUNTIME_RUNNING)
		runtime_respond(port, port->delivered, "fine");
	else
		runtime_next(port);
}

static void play_call(struct play *play)
{
	struct stage_port *port = pick_port(play);
	const char *id;

	if (!port)
		return;
	id = pick(play, 4) ? port->delivered : "other";
	switch (pick(play, 12)) {
	case 0:
		runtime_next(port);
		break;
	case 1:
		runtime_begin(port, id, RUNTIME_CALL_RESPONSE);
		break;
	case 2:
		runtime_begin(port, id, RUNTIME_CALL_ERROR);
		break;
	case 3:
		if (port->is_uploading)
			runtime_truncate(port);
		break;
	case 4:
		runtime_init_error(port, pick(play, 2) ? "Runtime.Mine" : NULL, "{}");
		break;
	default:
		play_well(port);
		break;
	}
}

static void play_end_of_program(struct play *play, struct sandbox *box)
{
	static const int statuses[] = { W_EXITCODE(0, 0), W_EXITCODE(7, 0), SIGKILL, SIGSEGV };

	if (pick(play, 4) == 0)
		fake_box_exec_failed(box, ENOENT);
	else
		fake_box_exited(box, statuses[pick(play, 4)], pick(play, 2));
}

static void play_box(struct play *play)
{
	struct sandbox *box = pick_box(play);

	if (!box)
		return;
	switch (pick(play, 40)) {
	case 0:
		fake_box_failed(box, "no");
		break;
	case 1:
		fake_box_gone(box);
		break;
	case 2:
		fake_box_oom(box);
		break;
	case 3:
	case 4:
		play_end_of_program(play, box);
		break;
	case 5:
	case 6:
		fake_box_print(box, "half a line");
		break;
	case 7:
		box->memory_peak += 1000000;
		fake_box_print(box, "a line\n");
		break;
	default:
		if (box->is_killed)
			fake_box_gone(box);
		else if (pick(play, 2))
			fake_box_started(box);
		else
			fake_box_ready(box);
		break;
	}
}

static void play_machine(struct play *play)
{
	stage_port_fails = pick(play, 8) == 0;
	fake_box_create_fails = pick(play, 8) == 0;
	fake_box_exec_fails = pick(play, 8) == 0;
	if (pick(play, 8) == 0)
		fake_refuse_watches(pick(play, 4), 1);
	if (pick(play, 4) == 0)
		stage_remove_bootstrap();
	else
		stage_put_bootstrap();
}

static void play_time(struct play *play)
{
	static const uint64_t steps_ms[] = { 0, 1, 1, 5, 30, 61, 300, 1000, 3000 };

	if (pick(play, 4) == 0)
		fake_turn_watches(stage.context.loop, pick(play, 100));
	else if (pick(play, 3) == 0)
		fake_turn(stage.context.loop, pick(play, 100));
	else
		pass_ms(steps_ms[pick(play, sizeof(steps_ms) / sizeof(steps_ms[0]))]);
}

/* Those that are done make room; the others are still to be answered or done. */
static void play_check(struct play *play)
{
	for (unsigned i = 0; i < play->asker_count;) {
		struct asker *asker = play->askers[i];

		CHECK(asker->answered <= 1 && asker->done <= asker->answered);
		if (asker->done) {
			asker_destroy(asker);
			play->askers[i] = play->askers[--play->asker_count];
		} else {
			i++;
		}
	}
	/* One more has room for each time that all were replaced, until the old ones have gone. */
	if (!play->replaces)
		CHECK(stage_count_ports() <= (play->concurrency ? play->concurrency : 10));
	CHECK(function_now(function).environments[METRICS_BUSY] <=
	      (play->concurrency ? play->concurrency : 10));
}

static void play_step(struct play *play)
{
	switch (pick(play, 8)) {
	case 0:
		play_submit(play);
		break;
	case 1:
	case 2:
		play_box(play);
		break;
	case 3:
	case 4:
	case 5:
		play_call(play);
		break;
	case 6:
		play_time(play);
		break;
	case 7:
		if (pick(play, 20) == 0)
			play_machine(play);
		else if (play->replaces && pick(play, 20) == 0)
			replace();
		break;
	}
	play_check(play);
}

static void play_end(struct play *play)
{
	fake_box_dies_slowly = false;
	function_stop(function, &function_end);
	CHECK_INT(play->asker_count > 0 ? play->askers[0]->done : 1, 1);
	for (struct sandbox *box = fake_boxes; box; box = box->next)
		if (box->is_killed && !box->is_gone)
			fake_box_gone(box);
	settle();
	CHECK_INT(stops, 1);
	for (unsigned i = 0; i < play->asker_count; i++) {
		CHECK_INT(play->askers[i]->answered, 1);
		CHECK_INT(play->askers[i]->done, 1);
		asker_destroy(play->askers[i]);
	}
	function_destroy(function);
	stage_put_bootstrap();
	stage_close();
}

static void test_anything_at_all(void)
{
	static const uint64_t seeds[] = { 1, 22, 333, 4444, 55555, 666666 };

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		struct play play = { .random = seeds[i], .concurrency = i % 3, .replaces = i >= 3 };

		begin(play.concurrency);
		fake_box_dies_slowly = i % 2;
		for (unsigned step = 0; step < STEPS && !test_now.failed; step++)
			play_step(&play);
		play_end(&play);
	}
}

/* ---- figures ---- */

static void check_states(unsigned starting, unsigned idle, unsigned busy, unsigned waiting)
{
	struct metrics_now now = function_now(function);

	CHECK_INT(now.environments[METRICS_STARTING], starting);
	CHECK_INT(now.environments[METRICS_IDLE], idle);
	CHECK_INT(now.environments[METRICS_BUSY], busy);
	CHECK_INT(now.waiting, waiting);
}

static void test_figures(void)
{
	const struct metrics *metrics;
	struct asker *one, *two;

	begin(2);
	metrics = function_metrics(function);
	check_states(1, 0, 0, 0);
	come_up();
	check_states(0, 1, 0, 0);
	one = submit("one");
	two = submit("two");
	check_states(1, 0, 1, 0);
	check_refused(FUNCTION_CONCURRENCY_EXCEEDED);
	CHECK_INT(metrics->throttles[METRICS_THROTTLE_RESERVED], 1);
	come_up();
	CHECK_INT(runtime_error(holder("one"), "one", "fine"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(holder("one")), RUNTIME_ACCEPTED);
	fake_box_exited(stage_box(holder("two")), 1 << 8, false);
	settle();
	CHECK_INT(metrics->environments, 2);
	CHECK_INT(metrics->setup.count, 2);
	CHECK_INT(metrics->init.count, 2);
	CHECK_INT(metrics->invoke[METRICS_COLD].count, 2);
	CHECK_INT(metrics->errors.count, 2);
	CHECK_STR(metrics->errors.items[0].type, "Unhandled");
	CHECK_STR(metrics->errors.items[1].type, "Runtime.ExitError");
	CHECK_INT(function_now(function).environments[METRICS_RESET], 1);
	asker_destroy(one);
	asker_destroy(two);
	end();
}

TEST_MAIN(test_figures, test_first_environment_starts_before_any_invocation,
          test_overlap_gets_a_second_environment, test_most_recently_used_first,
          test_first_free_serves_first_in_line, test_reset_environment_is_used_again,
          test_reserved_concurrency, test_serial_caller_fits_a_concurrency_of_one,
          test_line_is_first_in_first_out, test_line_has_an_end,
          test_serial_caller_needs_one_environment, test_slow_runtime_costs_a_second_environment,
          test_handover_is_for_one, test_runtime_dies_during_handover, test_submit_from_on_done,
          test_stop_from_on_done, test_stop_with_a_line, test_stop_during_handover,
          test_stop_waits_for_the_last_box, test_stop_without_a_box,
          test_retirement_ends_what_was_accepted, test_retirement_of_what_does_nothing,
          test_retirement_without_environments, test_retirement_of_a_crash,
          test_stop_during_retirement, test_idle_environments_are_replaced_at_once,
          test_old_invocations_finish_on_the_old_code,
          test_who_waits_for_old_code_waits_for_the_new, test_a_second_init_is_not_waited_for,
          test_old_environments_count_as_concurrency, test_old_environment_that_fails_makes_room,
          test_replace_what_has_ended, test_limits_are_those_of_the_new_code,
          test_an_old_environment_without_work_ends,
          test_an_old_environment_finishes_its_invocation, test_an_environment_may_grow_old_in_init,
          test_what_was_provisioned_is_replaced, test_the_account_is_a_limit_of_all,
          test_a_chosen_account_is_more_than_ten_environments,
          test_without_a_choice_invocations_wait, test_a_place_without_a_share_is_none,
          test_what_comes_back_to_the_line_counts_once, test_what_is_reserved_is_its_own,
          test_who_waits_too_long_is_refused, test_who_leaves_the_line_is_forgotten,
          test_the_line_is_bounded_in_bytes, test_when_to_try_again, test_anything_at_all)
