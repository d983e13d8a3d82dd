/* SPDX-License-Identifier: Apache-2.0 */
/* metric - the figures of a benchmark by name */
#include "emulator/metric.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"

#define MEGABYTE ((double)(1 << 20))

const struct metric metric_table[METRIC_COUNT] = {
	[METRIC_COLD_SETUP] = { "cold.setup", METRIC_MILLISECONDS, "set-up of the box" },
	[METRIC_COLD_CONTACT] = { "cold.contact", METRIC_MILLISECONDS,
	                          "bootstrap executed, to first contact with the Runtime API" },
	[METRIC_COLD_CODE] = { "cold.code", METRIC_MILLISECONDS,
	                       "first contact, to the first /next" },
	[METRIC_COLD_INIT] = { "cold.init", METRIC_MILLISECONDS, "Init Duration" },
	[METRIC_COLD_INVOKE] = { "cold.invoke", METRIC_MILLISECONDS,
	                         "Duration of the first invocation" },
	[METRIC_COLD_TOTAL] = { "cold.total", METRIC_MILLISECONDS,
	                        "set-up, init and first invocation" },
	[METRIC_COLD_BILLED] = { "cold.billed", METRIC_MILLISECONDS,
	                         "Billed Duration of a cold start" },
	[METRIC_WARM_INVOKE] = { "warm.invoke", METRIC_MILLISECONDS,
	                         "Duration of further invocations" },
	[METRIC_WARM_BILLED] = { "warm.billed", METRIC_MILLISECONDS,
	                         "Billed Duration of further invocations" },
	[METRIC_MEMORY_PEAK] = { "memory.peak", METRIC_MEGABYTES, "Max Memory Used" },
};

/* ---- values ---- */

static double milliseconds(uint64_t ns)
{
	return (double)ns / CLOCK_NS_PER_MS;
}

/* Of one cold start; NAN when it was not measured. */
static double cold_value(enum metric_id metric, const struct cold_start *cold)
{
	switch (metric) {
	case METRIC_COLD_SETUP:
		return milliseconds(cold->setup_ns);
	case METRIC_COLD_CONTACT:
		return milliseconds(cold->contact_ns);
	case METRIC_COLD_CODE:
		return milliseconds(cold->code_ns);
	case METRIC_COLD_INIT:
		return milliseconds(cold->init_ns);
	case METRIC_COLD_INVOKE:
		return milliseconds(cold->invoke_ns);
	case METRIC_COLD_TOTAL:
		return milliseconds(cold->total_ns);
	case METRIC_COLD_BILLED:
		return (double)cold->billed_ms;
	case METRIC_MEMORY_PEAK:
		return cold->memory_peak_bytes ? (double)cold->memory_peak_bytes / MEGABYTE : NAN;
	case METRIC_WARM_INVOKE:
	case METRIC_WARM_BILLED:
	case METRIC_COUNT:
		break;
	}
	return NAN;
}

static bool is_warm(enum metric_id metric)
{
	return metric == METRIC_WARM_INVOKE || metric == METRIC_WARM_BILLED;
}

size_t metric_runs(enum metric_id metric, size_t cold, size_t warm)
{
	return is_warm(metric) ? warm : cold;
}

double *metric_values(enum metric_id metric, const struct measurement *measurement, size_t *count)
{
	size_t runs = metric_runs(metric, measurement->cold_count, measurement->warm_count);
	double *values = xmalloc((runs + 1) * sizeof(*values));

	*count = 0;
	for (size_t i = 0; i < runs; i++) {
		double value;
		if (metric == METRIC_WARM_INVOKE)
			value = milliseconds(measurement->warm[i].invoke_ns);
		else if (metric == METRIC_WARM_BILLED)
			value = (double)measurement->warm[i].billed_ms;
		else
			value = cold_value(metric, &measurement->cold[i]);
		if (!isnan(value))
			values[(*count)++] = value;
	}
	return values;
}

/* ---- statistics ---- */

static const struct {
	const char *name;
	unsigned permille; /* of a percentile that needs support; 0: none */
} statistics[] = {
	[STATISTIC_MIN] = { "min", 0 },    [STATISTIC_P10] = { "p10", 100 },
	[STATISTIC_MEDIAN] = { "p50", 0 }, [STATISTIC_MEAN] = { "mean", 0 },
	[STATISTIC_P90] = { "p90", 900 },  [STATISTIC_P95] = { "p95", 950 },
	[STATISTIC_P99] = { "p99", 990 },  [STATISTIC_MAX] = { "max", 0 },
};

double statistic_of(const struct stats *stats, enum metric_statistic statistic)
{
	switch (statistic) {
	case STATISTIC_MIN:
		return stats->min;
	case STATISTIC_P10:
		return stats->p10;
	case STATISTIC_MEDIAN:
		return stats->median;
	case STATISTIC_MEAN:
		return stats->mean;
	case STATISTIC_P90:
		return stats->p90;
	case STATISTIC_P95:
		return stats->p95;
	case STATISTIC_P99:
		return stats->p99;
	case STATISTIC_MAX:
		return stats->max;
	case STATISTIC_COUNT:
		break;
	}
	return NAN;
}

size_t statistic_needs(enum metric_statistic statistic)
{
	size_t count = 1;

	while (statistics[statistic].permille &&
	       !stats_supports(count, statistics[statistic].permille))
		count++;
	return count;
}

const char *statistic_name(enum metric_statistic statistic)
{
	return statistics[statistic].name;
}

/* ---- names ---- */

static bool is_word(const char *text, size_t length, const char *word)
{
	return strlen(word) == length && strncmp(text, word, length) == 0;
}

static bool find_statistic(const char *text, size_t length, enum metric_statistic *statistic)
{
	if (is_word(text, length, "median")) {
		*statistic = STATISTIC_MEDIAN;
		return true;
	}
	for (unsigned i = 0; i < STATISTIC_COUNT; i++) {
		if (is_word(text, length, statistics[i].name)) {
			*statistic = (enum metric_statistic)i;
			return true;
		}
	}
	return false;
}

static bool unknown(const char *text, size_t length, struct error *err)
{
	char known[256] = "";

	for (unsigned i = 0; i < METRIC_COUNT; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
		         i ? ", " : "", metric_table[i].name);
	return error_set(err, 0,
	                 "unknown metric '%.*s' (known are %s; with .min, .p10, .p50, .mean, .p90, "
	                 ".p95, .p99 or .max behind)",
	                 (int)(length < 40 ? length : 40), text, known);
}

bool metric_parse(const char *text, size_t length, enum metric_id *metric,
                  enum metric_statistic *statistic, struct error *err)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		size_t name = strlen(metric_table[i].name);
		if (length < name || strncmp(text, metric_table[i].name, name) != 0)
			continue;
		*metric = (enum metric_id)i;
		*statistic = i == METRIC_MEMORY_PEAK ? STATISTIC_MAX : STATISTIC_MEDIAN;
		if (length == name)
			return true;
		if (text[name] == '.' &&
		    find_statistic(text + name + 1, length - name - 1, statistic))
			return true;
	}
	return unknown(text, length, err);
}
