/* SPDX-License-Identifier: Apache-2.0 */
/* oom - that a kill is told of whom it was, however late the signal comes */
#include "sandbox/oom.h"

#include "tests/unit/test.h"

#define MS 1000000ull
#define PERIOD (100 * MS) /* of the CPU share */

static struct oom oom;
static uint64_t now, kills;

static void begin(void)
{
	oom = (struct oom){ .told = 0 };
	now = 1000 * MS;
	kills = 0;
}

static void kill_one(void)
{
	kills++;
	oom_news(&oom);
}

/* Looks as often as is asked for, for some time; returns how many are told as children's. */
static unsigned look_for(uint64_t ns, bool is_dying)
{
	unsigned told = 0, ms;

	for (uint64_t end = now + ns; (ms = oom_wait_ms(&oom, kills)) != 0;) {
		if (now + ms * MS > end) {
			now = end;
			break;
		}
		now += ms * MS;
		told += oom_look(&oom, kills, is_dying, now);
	}
	return told;
}

/* Who kills was made to wait between the counting and the signal. */
static void test_the_signal_comes_later(void)
{
	for (unsigned periods = 0; periods <= 4; periods++) {
		begin();
		kill_one();
		CHECK_INT(look_for(periods * PERIOD, false), 0);
		CHECK_INT(look_for(3 * PERIOD, true), 0); /* it frees its memory */
		CHECK(oom_claim(&oom, kills));
		CHECK(!oom_claim(&oom, kills)); /* whoever ends so next */
		CHECK_INT(look_for(100 * PERIOD, false), 0);
		CHECK_INT(oom_rest(&oom, kills), 0);
	}
}

static void test_a_child(void)
{
	begin();
	kill_one();
	CHECK_INT(look_for(10 * PERIOD, false), 1);
	CHECK_INT(look_for(100 * PERIOD, false), 0);
	CHECK(!oom_claim(&oom, kills));
	CHECK_INT(oom_wait_ms(&oom, kills), 0);
}

/* A function that has children killed all the time hears of them, and each once. */
static void test_one_child_after_another(void)
{
	unsigned told = 0;

	begin();
	for (int i = 0; i < 40; i++) {
		kill_one();
		told += look_for(PERIOD / 2, false);
	}
	CHECK(told >= 20);
	told += look_for(20 * PERIOD, false);
	CHECK_INT(told, 40);
}

static void test_a_child_and_a_program(void)
{
	begin();
	kill_one();
	CHECK_INT(look_for(2 * PERIOD, false), 0);
	kill_one();
	CHECK_INT(look_for(PERIOD, true), 0);
	CHECK(oom_claim(&oom, kills));
	CHECK_INT(look_for(10 * PERIOD, false), 1);
	CHECK_INT(oom_rest(&oom, kills), 0);
}

/* What is not sure when the box ends is told then. */
static void test_the_end_comes_first(void)
{
	begin();
	kill_one();
	kill_one();
	CHECK_INT(look_for(PERIOD, false), 0);
	CHECK_INT(oom_rest(&oom, kills), 2);
	CHECK_INT(oom_rest(&oom, kills), 0);
}

/* Announced, but nobody had to die; and one who is frozen dies when he is let go. */
static void test_looking_ends(void)
{
	begin();
	oom_news(&oom);
	CHECK_INT(look_for(1000 * PERIOD, false), 0);
	CHECK(now < 1000 * MS + 20 * PERIOD && now > 1000 * MS + 4 * PERIOD);
	CHECK_INT(oom_wait_ms(&oom, kills), 0);
	kill_one();
	CHECK_INT(look_for(1000 * PERIOD, true), 0);
	CHECK_INT(oom_wait_ms(&oom, kills), 0);
	CHECK(oom_claim(&oom, kills));
}

TEST_MAIN(test_the_signal_comes_later, test_a_child, test_one_child_after_another,
          test_a_child_and_a_program, test_the_end_comes_first, test_looking_ends)
