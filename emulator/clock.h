/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - the two clocks of lrie.
 *
 * clock_now() is the only clock for durations and timers. Wall time is only for
 * deadlines and timestamps that leave the process.
 */
#ifndef EMULATOR_CLOCK_H
#define EMULATOR_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_US UINT64_C(1000)
#define CLOCK_NS_PER_MS UINT64_C(1000000)
#define CLOCK_NS_PER_S UINT64_C(1000000000)

/* Monotonic nanoseconds; never 0, so that 0 can mean "has not happened". */
uint64_t clock_now(void);

/* Milliseconds since the epoch, UTC. */
uint64_t clock_wall_ms(void);

/* The wall time of a moment that clock_now() has told: nanoseconds since the epoch, UTC. */
uint64_t clock_wall_ns(uint64_t at_ns);

#endif
