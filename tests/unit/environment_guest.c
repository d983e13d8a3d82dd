/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_guest - a runtime that somebody else starts, story by story
 *
 * The fake box takes for the guest's process whatever descriptor its connection is: here a pipe,
 * whose other end the test closes when the guest ends.
 */
#include <stdlib.h>
#include <unistd.h>

#include "emulator/environment.h"
#include "tests/unit/story.h"

#define DAYS_20_MS (UINT64_C(20) * 24 * 3600 * 1000)

static int guest;

static void begin(void)
{
	stage_open();
	stage.config.only_apis = CONFIG_APIS_NEEDED_VARIABLES;
	stage.config.timeout_ms = stage.config.init_timeout_ms = DAYS_20_MS;
	stage.config.freeze = false;
	create(PLATFORM_ON_DEMAND);
	start();
}

static void end(void)
{
	environment_stop(env);
	settle();
	CHECK(is_gone);
	fake_output_take();
	stage_close();
}

static void guest_comes(void)
{
	int ends[2];

	if (pipe(ends) == -1)
		abort();
	guest = ends[1];
	CHECK(environment_meet_guest(env, ends[0]));
	close(ends[0]);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
}

/* Another one asks, and goes on its way. */
static bool other_is_met(void)
{
	int ends[2];

	if (pipe(ends) == -1)
		abort();
	bool is_met = environment_meet_guest(env, ends[0]);

	close(ends[0]);
	close(ends[1]);
	return is_met;
}

static void guest_goes(void)
{
	close(guest);
	settle();
}

static void answer(const char *id)
{
	CHECK_INT(runtime_respond(port(), id, "fine"), RUNTIME_ACCEPTED);
}

static void check_result(struct asker *asker, const char *fault)
{
	CHECK_INT(asker->answered, 1);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, fault);
	asker_destroy(asker);
}

/* The next life, whose stand-in runs: nobody has asked for it. */
static void check_new_life(void)
{
	CHECK_INT(environment_state(env), ENVIRONMENT_STARTING);
	start();
}

static void test_nothing_is_told_that_was_not_measured(void)
{
	struct asker *one;

	begin();
	check_lines("export _HANDLER=handler\nexport AWS_LAMBDA_RUNTIME_API=127.0.0.1:40000\n");
	box()->memory_peak = 5000000;
	pass_ms(5000);
	guest_comes();
	one = ask("r1");
	pass_ms(24 * 3600 * 1000); /* in a debugger */
	CHECK_INT(one->answered, 0);
	answer("r1");
	runtime_next(port());
	check_lines("START RequestId: r1 Version: $LATEST\n"
	            "END RequestId: r1\n"
	            "REPORT RequestId: r1\tDuration: 86400000.00 ms\tBilled Duration: 86400000 ms"
	            "\tMemory Size: 128 MB\t\n");
	check_result(one, "");
	guest_goes();
	end();
}

static void test_it_goes_with_an_event(void)
{
	struct asker *one, *two;

	begin();
	guest_comes();
	one = ask("r1");
	pass_ms(200);
	guest_goes();
	check_result(one, "Runtime.ExitError");
	check_new_life();
	two = ask("r2"); /* waits for the next one */
	settle();
	guest_comes();
	CHECK_STR(port()->delivered, "r2");
	answer("r2");
	guest_goes(); /* it was there when the answer was: no helper */
	check_result(two, "");
	check_new_life();
	end();
}

static void test_it_goes_without_an_event(void)
{
	struct asker *one;

	begin();
	guest_comes();
	close(guest);
	fake_turn_watches(stage.context.loop, 0);
	one = ask("r1"); /* before the end has been judged */
	CHECK_INT(port()->deliveries, 0);
	settle();
	CHECK_INT(one->answered, 0);
	check_new_life();
	guest_comes();
	answer("r1");
	runtime_next(port());
	check_result(one, "");
	guest_goes();
	end();
}

static void test_helpers_ask_for_it(void)
{
	struct asker *one;

	begin();
	guest_comes();
	one = ask("r1");
	guest_goes();
	pass_ms(200);
	CHECK_INT(one->answered, 0);
	answer("r1");
	guest_comes();
	check_result(one, "");
	one = ask("r2");
	pass_ms(200);
	guest_goes(); /* later than the first: now it is known what they are */
	CHECK_INT(one->answered, 0);
	answer("r2");
	guest_comes();
	check_result(one, "");
	guest_goes(); /* one that has no event is none */
	check_new_life();
	end();
}

static void test_another_is_refused(void)
{
	struct asker *one;

	begin();
	guest_comes();
	CHECK(!other_is_met()); /* both would wait */
	one = ask("r1");
	CHECK(!other_is_met());
	answer("r1");
	runtime_next(port());
	check_result(one, "");
	CHECK(!other_is_met());
	guest_goes();
	check_new_life();
	guest_comes();
	one = ask("r2");
	close(guest); /* and nobody has seen it yet */
	CHECK(other_is_met());
	end();
	CHECK_INT(one->done, 1);
	asker_destroy(one);
}

/* It does not wait for an event, and may never do so again. */
static void test_another_comes_in_between(void)
{
	struct asker *one;

	begin();
	guest_comes();
	one = ask("r1");
	answer("r1");
	CHECK(other_is_met());
	runtime_next(port());
	check_result(one, "");
	settle();
	close(guest);
	end();
}

static void test_it_cannot_be_known(void)
{
	struct asker *one;

	begin();
	CHECK(environment_meet_guest(env, -1));
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	one = ask("r1");
	pass_ms(1000);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(port()->deliveries, 2); /* of the same */
	answer("r1");
	runtime_next(port());
	check_result(one, "");
	end();
}

TEST_MAIN(test_nothing_is_told_that_was_not_measured, test_it_goes_with_an_event,
          test_it_goes_without_an_event, test_helpers_ask_for_it, test_another_is_refused,
          test_another_comes_in_between, test_it_cannot_be_known)
