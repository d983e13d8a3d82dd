/* SPDX-License-Identifier: Apache-2.0 */
/* cpus - which of the machine's CPUs the programs of a box run on */
#include "sandbox/cpus.h"

/* The CPU of 'set' that has 'place' others before it, or -1. */
static int nth(const cpu_set_t *set, unsigned place)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (CPU_ISSET((size_t)cpu, set) && place-- == 0)
			return cpu;
	}
	return -1;
}

unsigned cpus_choose(const cpu_set_t *from, unsigned count, unsigned turn, cpu_set_t *chosen)
{
	unsigned available = (unsigned)CPU_COUNT(from);

	CPU_ZERO(chosen);
	if (count > available)
		count = available;
	for (unsigned i = 0; i < count; i++)
		CPU_SET((size_t)nth(from,
		                    (unsigned)(((unsigned long long)turn * count + i) % available)),
		        chosen);
	return count;
}

bool cpus_restrict(unsigned count, unsigned turn)
{
	cpu_set_t own, chosen;

	if (count == 0)
		return true;
	if (sched_getaffinity(0, sizeof(own), &own) == -1)
		return false;
	if (count >= (unsigned)CPU_COUNT(&own))
		return true;
	cpus_choose(&own, count, turn, &chosen);
	return sched_setaffinity(0, sizeof(chosen), &chosen) == 0;
}
