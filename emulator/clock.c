/* SPDX-License-Identifier: Apache-2.0 */
/* clock - the time that it is for Lambda, and that of the machine */
#include <time.h>

#include "emulator/clock.h"

/* Small beside the milliseconds that are told; slewing by 20 ppm takes five seconds for it. */
#define WALL_SLACK_NS INT64_C(100000)

static uint64_t ahead_ns;
static uint64_t moved_at_ns, ahead_before_ns; /* the last move: when, and from where */

static uint64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t clock_machine(void)
{
	/* A machine that is up for less than a nanosecond does not run lrie; a container with a
	 * time namespace may set its clock to 0 all the same. */
	return read_clock(CLOCK_MONOTONIC) ?: 1;
}

uint64_t clock_machine_wall_ms(void)
{
	return read_clock(CLOCK_REALTIME) / CLOCK_NS_PER_MS;
}

uint64_t clock_of_machine(uint64_t machine_ns)
{
	return machine_ns + (machine_ns < moved_at_ns ? ahead_before_ns : ahead_ns);
}

uint64_t clock_now(void)
{
	return clock_machine() + ahead_ns;
}

uint64_t clock_wall_ms(void)
{
	return clock_machine_wall_ms() + ahead_ns / CLOCK_NS_PER_MS;
}

/*
 * How far the wall clock is before the machine's. No two clocks can be read at once, and what
 * passes between the readings would give each call another answer: so the last one is kept until
 * the wall clock has left it behind, being set or slewed. A reading that waited for a processor
 * half-way is none.
 */
static uint64_t wall_lead(void)
{
	static uint64_t kept;
	uint64_t before, wall, after;
	int64_t least, most;

	for (int tries = 0; tries < 5; tries++) {
		before = clock_machine();
		wall = read_clock(CLOCK_REALTIME);
		after = clock_machine();
		if (after - before < (uint64_t)WALL_SLACK_NS)
			break;
	}
	least = (int64_t)(wall - after - kept);
	most = (int64_t)(wall - before - kept);
	if (least > WALL_SLACK_NS || most < -WALL_SLACK_NS)
		kept = wall - before;
	return kept;
}

uint64_t clock_wall_ns(uint64_t at_ns)
{
	return at_ns + wall_lead();
}

void clock_advance(uint64_t ns)
{
	moved_at_ns = clock_machine();
	ahead_before_ns = ahead_ns;
	ahead_ns += ns;
}

uint64_t clock_ahead(void)
{
	return ahead_ns;
}
