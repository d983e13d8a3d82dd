/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cpus - which of the machine's CPUs the programs of a box run on.
 *
 * A share of the CPU (cgroup.h) says how much; this says on how many at once, which
 * is what runtimes size their thread pools by. It is no wall: a program may widen it
 * with sched_setaffinity(2), up to what its owner itself may use.
 */
#ifndef SANDBOX_CPUS_H
#define SANDBOX_CPUS_H

#include <sched.h>
#include <stdbool.h>

/*
 * Chooses 'count' of the CPUs in 'from', beginning at another place for each 'turn', so
 * that boxes are spread over the machine. Returns how many there are in 'chosen': fewer
 * when there are no more.
 */
unsigned cpus_choose(const cpu_set_t *from, unsigned count, unsigned turn, cpu_set_t *chosen);

/*
 * This process, and whom it starts, uses 'count' of the CPUs that it may use; 0 leaves
 * it alone. Returns false and errno when the kernel does not say or does not allow it, as
 * on a machine of more than 1024.
 */
bool cpus_restrict(unsigned count, unsigned turn);

#endif
