/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - the time that it is for Lambda, and that of the machine.
 *
 * clock_now() is the only clock for durations and timers. Wall time is only for
 * deadlines and timestamps that leave the process.
 *
 * Lambda's time runs as fast as the machine's and may be ahead of it: by nothing, unless
 * somebody moves it forward (--clock virtual). How far is known here and nowhere else. All
 * moments in lrie are Lambda's; the machine's own are for what is told to processes, who
 * compare them with the clock that they see, and for what is heard of the kernel.
 */
#ifndef EMULATOR_CLOCK_H
#define EMULATOR_CLOCK_H

#include <stdint.h>

#define CLOCK_NS_PER_US UINT64_C(1000)
#define CLOCK_NS_PER_MS UINT64_C(1000000)
#define CLOCK_NS_PER_S UINT64_C(1000000000)

/* ---- Lambda's time ---- */

/* Monotonic nanoseconds; never 0, so that 0 can mean "has not happened". */
uint64_t clock_now(void);

/* Milliseconds since the epoch, UTC. */
uint64_t clock_wall_ms(void);

/* The wall time of a moment that clock_now() has told: nanoseconds since the epoch, UTC. The same
 * moment is told the same time, and a later one a later, until the wall clock is moved; exact to
 * 0.1 ms. */
uint64_t clock_wall_ns(uint64_t at_ns);

/* ---- the machine's ---- */

/* What clock_now() would be if it had never been moved. Runs on while that is moved: for how long
 * something has really taken. */
uint64_t clock_machine(void);

/* The same for clock_wall_ms(). */
uint64_t clock_machine_wall_ms(void);

/* When it was for clock_now(), of a moment of CLOCK_MONOTONIC that is not older than the last
 * move but one. */
uint64_t clock_of_machine(uint64_t machine_ns);

/* ---- moving ---- */

/* For loop_advance() alone, which sees to the timers. The caller bounds the sum. */
void clock_advance(uint64_t ns);

/* How far Lambda's time is ahead. */
uint64_t clock_ahead(void);

#endif
