/* SPDX-License-Identifier: Apache-2.0 */
/* advance - what happens when, and what time stands for. */
#include "emulator/advance.h"

#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

#define S CLOCK_NS_PER_S

static struct loop *loop;
static struct advance advance;
static enum advance_work work;
static struct advance_moments seen;
static int completed;

static enum advance_work look(const struct advance *it, const struct advance_moments *moments)
{
	CHECK(it == &advance);
	seen = *moments;
	/* As the core does: what others began before they were given up is forgotten. */
	return work == ADVANCE_OTHERS_WORK && moments->given_up_ns ? ADVANCE_NO_WORK : work;
}

static void on_complete(struct advance *it)
{
	CHECK(it == &advance);
	CHECK(!advance_is_under_way(it));
	completed++;
}

static void begin(void)
{
	struct error err;

	loop = loop_create(&err);
	advance = (struct advance){ .look = look, .on_complete = on_complete };
	work = ADVANCE_NO_WORK;
	completed = 0;
}

static void end(void)
{
	advance_stop(&advance);
	loop_destroy(loop);
}

/* ---- timers that note when they fire ---- */

struct bell {
	struct loop_timer timer;
	uint64_t rang_ns; /* since the start of the test; 0: not yet */
	uint64_t every_ns;
	int count;
};

static void on_due(struct loop_timer *timer)
{
	struct bell *bell = container_of(timer, struct bell, timer);

	bell->rang_ns = clock_now() - FAKE_START_NS;
	bell->count++;
	if (bell->every_ns)
		loop_timer_start(loop, timer, clock_now() + bell->every_ns);
}

static void bell_set(struct bell *bell, bool is_virtual, uint64_t ns)
{
	bell->timer = (struct loop_timer){ .on_due = on_due, .is_virtual = is_virtual };
	loop_timer_start(loop, &bell->timer, clock_now() + ns);
}

static uint64_t passed(void)
{
	return clock_now() - FAKE_START_NS;
}

/* ---- tests ---- */

static void test_all_happens_when_it_is_due(void)
{
	struct bell minute = { .count = 0 }, two = { .count = 0 }, ten = { .count = 0 };

	begin();
	bell_set(&two, true, 120 * S);
	bell_set(&minute, true, 60 * S);
	bell_set(&ten, true, 600 * S);
	advance_start(&advance, loop, 150 * S, S);
	fake_settle(loop);
	CHECK_INT(completed, 1);
	CHECK_INT(minute.rang_ns, 60 * S);
	CHECK_INT(two.rang_ns, 120 * S);
	CHECK_INT(ten.count, 0);
	CHECK_INT(passed(), 150 * S);
	loop_timer_stop(&ten.timer);
	end();
}

static void test_what_is_begun_then_is_due_in_its_turn(void)
{
	struct bell bell = { .every_ns = 60 * S };

	begin();
	bell_set(&bell, true, 60 * S);
	advance_start(&advance, loop, 600 * S, S);
	fake_settle(loop);
	CHECK_INT(bell.count, 10);
	CHECK_INT(bell.rang_ns, 600 * S);
	CHECK_INT(completed, 1);
	loop_timer_stop(&bell.timer);
	end();
}

static void test_what_guards_the_machine_stays_as_far_away(void)
{
	struct bell guard = { .count = 0 };

	begin();
	bell_set(&guard, false, 5 * S);
	advance_start(&advance, loop, 3600 * S, S);
	fake_settle(loop);
	CHECK_INT(completed, 1);
	CHECK_INT(guard.count, 0);
	fake_pass(loop, 5 * S - 1);
	CHECK_INT(guard.count, 0);
	fake_pass(loop, 1);
	CHECK_INT(guard.count, 1);
	end();
}

static void test_its_own_work_takes_the_time_that_it_takes(void)
{
	struct bell bell = { .count = 0 };

	begin();
	bell_set(&bell, true, 60 * S);
	work = ADVANCE_OWN_WORK;
	advance_start(&advance, loop, 60 * S, S);
	fake_pass(loop, 10 * S);
	CHECK_INT(passed(), 10 * S);
	CHECK_INT(completed, 0);
	work = ADVANCE_NO_WORK;
	fake_settle(loop);
	fake_turn(loop, 0); /* as when a runtime has come back */
	fake_settle(loop);
	CHECK_INT(bell.rang_ns, 60 * S);
	CHECK_INT(completed, 1);
	CHECK_INT(passed(), 70 * S);
	end();
}

static void test_no_pause_is_for_ever(void)
{
	begin();
	work = ADVANCE_OWN_WORK;
	advance_start(&advance, loop, 60 * S, S);
	fake_pass(loop, ADVANCE_PAUSE_NS - 1);
	CHECK_INT(passed(), ADVANCE_PAUSE_NS - 1);
	fake_pass(loop, 1);
	CHECK_INT(passed(), ADVANCE_PAUSE_NS + 60 * S);
	fake_pass(loop, ADVANCE_PAUSE_NS);
	CHECK_INT(completed, 1);
	end();
}

static void test_others_have_a_while_to_settle(void)
{
	begin();
	work = ADVANCE_OTHERS_WORK;
	advance_start(&advance, loop, 60 * S, 2 * S);
	fake_pass(loop, 2 * S - 1);
	CHECK_INT(completed, 0);
	CHECK_INT(seen.began_ns, FAKE_START_NS);
	CHECK_INT(seen.given_up_ns, 0);
	fake_pass(loop, 1);
	fake_settle(loop);
	CHECK_INT(completed, 1);
	CHECK_INT(seen.given_up_ns, FAKE_START_NS + 2 * S);
	CHECK_INT(passed(), 62 * S);
	end();
}

static void test_nothing_is_an_advance_too(void)
{
	struct bell bell = { .count = 0 };

	begin();
	bell_set(&bell, true, 0);
	advance_start(&advance, loop, 0, S);
	CHECK(advance_is_under_way(&advance));
	fake_settle(loop);
	CHECK_INT(completed, 1);
	CHECK_INT(bell.count, 1);
	CHECK_INT(passed(), 0);
	end();
}

static void test_it_can_be_stopped(void)
{
	begin();
	advance_stop(&advance);
	work = ADVANCE_OWN_WORK;
	advance_start(&advance, loop, 60 * S, S);
	fake_turn(loop, 0);
	advance_stop(&advance);
	CHECK(!advance_is_under_way(&advance));
	fake_settle(loop);
	CHECK_INT(completed, 0);
	CHECK_INT(passed(), 0);
	end();
}

TEST_MAIN(test_all_happens_when_it_is_due, test_what_is_begun_then_is_due_in_its_turn,
          test_what_guards_the_machine_stays_as_far_away,
          test_its_own_work_takes_the_time_that_it_takes, test_no_pause_is_for_ever,
          test_others_have_a_while_to_settle, test_nothing_is_an_advance_too,
          test_it_can_be_stopped)
