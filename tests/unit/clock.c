/* SPDX-License-Identifier: Apache-2.0 */
/* clock - Lambda's time, and how far it is ahead of the machine's. */
#include "emulator/clock.h"

#include "tests/unit/test.h"

/* Two readings beside each other, on a machine that may be busy. */
#define NEAR_NS (5 * CLOCK_NS_PER_S)

#define HOUR_NS (3600 * CLOCK_NS_PER_S)

static void check_near(uint64_t actual_ns, uint64_t expected_ns)
{
	CHECK(actual_ns >= expected_ns);
	CHECK(actual_ns - expected_ns < NEAR_NS);
}

/* First: what has been moved stays so. */
static void test_both_are_one_at_first(void)
{
	uint64_t machine = clock_machine(), machine_wall_ms = clock_machine_wall_ms();

	CHECK_INT(clock_ahead(), 0);
	check_near(clock_now(), machine);
	CHECK_INT(clock_of_machine(machine), machine);
	check_near(clock_wall_ms() * CLOCK_NS_PER_MS, machine_wall_ms * CLOCK_NS_PER_MS);
}

static void test_a_move_is_lambdas_alone(void)
{
	uint64_t now = clock_now(), machine = clock_machine();
	uint64_t wall_ms = clock_wall_ms(), machine_wall_ms = clock_machine_wall_ms();
	uint64_t ahead = clock_ahead();

	clock_advance(HOUR_NS);
	CHECK_INT(clock_ahead(), ahead + HOUR_NS);
	check_near(clock_now(), now + HOUR_NS);
	check_near(clock_machine(), machine);
	check_near(clock_wall_ms() * CLOCK_NS_PER_MS, wall_ms * CLOCK_NS_PER_MS + HOUR_NS);
	check_near(clock_machine_wall_ms() * CLOCK_NS_PER_MS, machine_wall_ms * CLOCK_NS_PER_MS);
}

static void test_moments_keep_their_wall_time(void)
{
	uint64_t now = clock_now();
	uint64_t wall_ns = clock_wall_ns(now), later_ns;

	clock_advance(HOUR_NS);
	later_ns = clock_wall_ns(now);
	CHECK(later_ns > wall_ns ? later_ns - wall_ns < NEAR_NS : wall_ns - later_ns < NEAR_NS);
}

/* The two clocks behind it are never read at once. */
static void test_a_moment_has_one_wall_time(void)
{
	uint64_t now = clock_now(), wall_ns = clock_wall_ns(now);
	int changes = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t before_ns = wall_ns;

		wall_ns = clock_wall_ns(now);
		changes += wall_ns != before_ns;
	}
	CHECK(changes < 5); /* the wall clock may be moved meanwhile */
}

/* What the kernel tells of may have happened before the last move. */
static void test_moments_of_the_machine(void)
{
	uint64_t before = clock_machine(), ahead = clock_ahead();

	clock_advance(HOUR_NS);
	CHECK_INT(clock_of_machine(before), before + ahead);
	before = clock_machine();
	check_near(clock_now(), clock_of_machine(before));
}

static void test_it_runs_on(void)
{
	uint64_t before = clock_now(), machine = clock_machine();

	while (clock_machine() == machine)
		;
	CHECK(clock_now() > before);
}

TEST_MAIN(test_both_are_one_at_first, test_a_move_is_lambdas_alone,
          test_moments_keep_their_wall_time, test_a_moment_has_one_wall_time,
          test_moments_of_the_machine, test_it_runs_on)
