/* SPDX-License-Identifier: Apache-2.0 */
/* bench_result - all that a benchmark has to tell */
#include "emulator/bench_result.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#define MILLION 1e6

struct stats bench_stats(const struct bench_entry *entry, enum metric_id metric, uint64_t seed)
{
	size_t count;
	double *values = metric_values(metric, entry->measurement, &count);
	struct stats stats = stats_of(values, count, seed);

	free(values);
	return stats;
}

struct stats bench_figures(const struct bench_entry *entry, enum metric_id metric)
{
	size_t count;
	double *values = metric_values(metric, entry->measurement, &count);
	struct stats stats = stats_figures(values, count);

	free(values);
	return stats;
}

static double mean_of(const struct bench_entry *entry, enum metric_id metric)
{
	return bench_figures(entry, metric).mean;
}

double bench_cost_per_million(const struct bench_entry *entry, double cold_rate)
{
	double billed = 0;

	if (cold_rate > 0)
		billed += cold_rate * mean_of(entry, METRIC_COLD_BILLED);
	if (cold_rate < 1)
		billed += (1 - cold_rate) * mean_of(entry, METRIC_WARM_BILLED);
	if (!entry->prices || isnan(billed))
		return NAN;
	return MILLION *
	       price_invocation(entry->prices, entry->memory_bytes, entry->tmp_bytes, billed);
}

void bench_result_describe_machine(struct bench_result *result)
{
	struct utsname machine;
	cpu_set_t cpus;

	if (uname(&machine) == 0) {
		snprintf(result->machine.kernel, sizeof(result->machine.kernel), "%s",
		         machine.release);
		snprintf(result->machine.architecture, sizeof(result->machine.architecture), "%s",
		         machine.machine);
	}
	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		result->machine.cpus = (unsigned)CPU_COUNT(&cpus);
}
