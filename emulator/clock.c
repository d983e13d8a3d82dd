/* SPDX-License-Identifier: Apache-2.0 */
/* clock - the two clocks of lrie. */
#include <time.h>

#include "emulator/clock.h"

uint64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	/* A machine that is up for less than a nanosecond does not run lrie; a container with a
	 * time namespace may set its clock to 0 all the same. */
	return ((uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec) ?: 1;
}

uint64_t clock_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / CLOCK_NS_PER_MS;
}

uint64_t clock_wall_ns(uint64_t at_ns)
{
	struct timespec now;
	uint64_t past_ns = clock_now() - at_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * CLOCK_NS_PER_S + (uint64_t)now.tv_nsec - past_ns;
}
