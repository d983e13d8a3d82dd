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
	[METRIC_COLD_SETUP] = { "cold.setup", METRIC_MILLISECONDS,
	                        "set-up of the box, and hand-over of the event" },
	[METRIC_COLD_CONTACT] = { "cold.contact", METRIC_MILLISECONDS,
	                          "bootstrap executed, to first contact with the Runtime API" },
	[METRIC_COLD_CODE] = { "cold.code", METRIC_MILLISECONDS,
	                       "first contact, to the first /next" },
	[METRIC_COLD_EXTENSIONS] = { "cold.extensions", METRIC_MILLISECONDS,
	                             "init while only extensions were waited for" },
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
	[METRIC_INIT_CPU] = { "cold.init.cpu", METRIC_MILLISECONDS, "CPU time of init" },
	[METRIC_COLD_CPU] = { "cold.cpu", METRIC_MILLISECONDS,
	                      "CPU time of init and first invocation" },
	[METRIC_INIT_SYSTEM] = { "cold.init.cpu.system", METRIC_MILLISECONDS,
	                         "CPU time of init, in the kernel" },
	[METRIC_COLD_SYSTEM] = { "cold.cpu.system", METRIC_MILLISECONDS,
	                         "CPU time of init and first invocation, in the kernel" },
	[METRIC_COLD_THROTTLED] = { "cold.throttled", METRIC_MILLISECONDS,
	                            "time that the first invocation's threads were kept from "
	                            "running by its CPU share" },
	[METRIC_INIT_MINOR_FAULTS] = { "cold.init.faults.minor", METRIC_PIECES,
	                               "page faults of init without input" },
	[METRIC_COLD_MINOR_FAULTS] = { "cold.faults.minor", METRIC_PIECES,
	                               "page faults of init and first invocation without input" },
	[METRIC_INIT_MAJOR_FAULTS] = { "cold.init.faults.major", METRIC_PIECES,
	                               "page faults of init that waited for storage" },
	[METRIC_COLD_MAJOR_FAULTS] = { "cold.faults.major", METRIC_PIECES,
	                               "page faults of init and first invocation that waited for "
	                               "storage" },
	[METRIC_INIT_READ] = { "cold.init.read.bytes", METRIC_MEGABYTES,
	                       "what init read by calls" },
	[METRIC_COLD_READ] = { "cold.read.bytes", METRIC_MEGABYTES,
	                       "what init and first invocation read by calls" },
	[METRIC_INIT_STORAGE] = { "cold.init.storage.bytes", METRIC_MEGABYTES,
	                          "what storage delivered in init" },
	[METRIC_COLD_STORAGE] = { "cold.storage.bytes", METRIC_MEGABYTES,
	                          "what storage delivered in init and first invocation" },
	[METRIC_INIT_MAPPED] = { "cold.init.mapped.bytes", METRIC_MEGABYTES,
	                         "pages of files mapped at the end of init" },
	[METRIC_COLD_MAPPED] = { "cold.mapped.bytes", METRIC_MEGABYTES,
	                         "pages of files mapped at the end of the first invocation" },
	[METRIC_INIT_FILES] = { "cold.init.files", METRIC_PIECES, "files opened in init" },
	[METRIC_COLD_FILES] = { "cold.files", METRIC_PIECES,
	                        "files opened in init and first invocation" },
};

const char *metric_unit_name(enum metric_unit unit)
{
	static const char *const names[] = {
		[METRIC_MILLISECONDS] = "ms", [METRIC_MEGABYTES] = "MB", [METRIC_PIECES] = "count"
	};

	return names[unit];
}

/* ---- values ---- */

/* What a metric's values are taken from: a member of it that is a uint64_t. */
enum run_kind {
	OF_COLD,      /* struct cold_start */
	OF_WARM,      /* struct warm_invoke */
	OF_UNCOUNTED, /* struct cold_usage, of the one that measurement.h tells of */
};

static const struct source {
	enum run_kind kind;
	size_t offset;
	double per_unit;  /* of the metric */
	uint64_t unknown; /* the value that says so */

	bool is_usage;
	enum sandbox_usage_figure figure;
} sources[METRIC_COUNT] = {
#define SOURCE(kind, type, member, per_unit, unknown)                                  \
	{                                                                              \
		(kind), offsetof(struct type, member), (per_unit), (unknown), false, 0 \
	}
#define COLD_NS(member) SOURCE(OF_COLD, cold_start, member, CLOCK_NS_PER_MS, SANDBOX_UNKNOWN)
#define USAGE(part, figure, per_unit)                                                 \
	{                                                                             \
		OF_COLD, offsetof(struct cold_start, usage.part[figure]), (per_unit), \
			SANDBOX_UNKNOWN, true, (figure)                               \
	}
#define FILES(part)                                                                      \
	{                                                                                \
		OF_UNCOUNTED, offsetof(struct cold_usage, part[SANDBOX_USAGE_FILES]), 1, \
			SANDBOX_UNKNOWN, true, SANDBOX_USAGE_FILES                       \
	}
	[METRIC_COLD_SETUP] = COLD_NS(setup_ns),
	[METRIC_COLD_CONTACT] = COLD_NS(contact_ns),
	[METRIC_COLD_CODE] = COLD_NS(code_ns),
	[METRIC_COLD_EXTENSIONS] = COLD_NS(extensions_ns),
	[METRIC_COLD_INIT] = COLD_NS(init_ns),
	[METRIC_COLD_INVOKE] = COLD_NS(invoke_ns),
	[METRIC_COLD_TOTAL] = COLD_NS(total_ns),
	[METRIC_COLD_BILLED] = SOURCE(OF_COLD, cold_start, billed_ms, 1, SANDBOX_UNKNOWN),
	[METRIC_WARM_INVOKE] = SOURCE(OF_WARM, warm_invoke, invoke_ns, CLOCK_NS_PER_MS,
	                              SANDBOX_UNKNOWN),
	[METRIC_WARM_BILLED] = SOURCE(OF_WARM, warm_invoke, billed_ms, 1, SANDBOX_UNKNOWN),
	[METRIC_MEMORY_PEAK] = SOURCE(OF_COLD, cold_start, memory_peak_bytes, MEGABYTE, 0),
	[METRIC_INIT_CPU] = USAGE(init, SANDBOX_USAGE_CPU_NS, CLOCK_NS_PER_MS),
	[METRIC_COLD_CPU] = USAGE(all, SANDBOX_USAGE_CPU_NS, CLOCK_NS_PER_MS),
	[METRIC_INIT_SYSTEM] = USAGE(init, SANDBOX_USAGE_SYSTEM_NS, CLOCK_NS_PER_MS),
	[METRIC_COLD_SYSTEM] = USAGE(all, SANDBOX_USAGE_SYSTEM_NS, CLOCK_NS_PER_MS),
	[METRIC_COLD_THROTTLED] = USAGE(all, SANDBOX_USAGE_THROTTLED_NS, CLOCK_NS_PER_MS),
	[METRIC_INIT_MINOR_FAULTS] = USAGE(init, SANDBOX_USAGE_MINOR_FAULTS, 1),
	[METRIC_COLD_MINOR_FAULTS] = USAGE(all, SANDBOX_USAGE_MINOR_FAULTS, 1),
	[METRIC_INIT_MAJOR_FAULTS] = USAGE(init, SANDBOX_USAGE_MAJOR_FAULTS, 1),
	[METRIC_COLD_MAJOR_FAULTS] = USAGE(all, SANDBOX_USAGE_MAJOR_FAULTS, 1),
	[METRIC_INIT_READ] = USAGE(init, SANDBOX_USAGE_READ_BYTES, MEGABYTE),
	[METRIC_COLD_READ] = USAGE(all, SANDBOX_USAGE_READ_BYTES, MEGABYTE),
	[METRIC_INIT_STORAGE] = USAGE(init, SANDBOX_USAGE_STORAGE_BYTES, MEGABYTE),
	[METRIC_COLD_STORAGE] = USAGE(all, SANDBOX_USAGE_STORAGE_BYTES, MEGABYTE),
	[METRIC_INIT_MAPPED] = USAGE(init, SANDBOX_USAGE_MAPPED_BYTES, MEGABYTE),
	[METRIC_COLD_MAPPED] = USAGE(all, SANDBOX_USAGE_MAPPED_BYTES, MEGABYTE),
	[METRIC_INIT_FILES] = FILES(init),
	[METRIC_COLD_FILES] = FILES(all),
};

bool metric_is_usage(enum metric_id metric)
{
	return sources[metric].is_usage;
}

const char *metric_missing(enum metric_id metric, const struct measurement *measurement)
{
	if (metric == METRIC_COLD_EXTENSIONS)
		return measurement->cold_count > 0 &&
		                       measurement->cold->extensions_ns == SANDBOX_UNKNOWN
		               ? "there are none"
		               : NULL;
	return sources[metric].is_usage ? measurement->missing[sources[metric].figure] : NULL;
}

size_t metric_runs(enum metric_id metric, size_t cold, size_t warm)
{
	switch (sources[metric].kind) {
	case OF_COLD:
		return cold;
	case OF_WARM:
		return warm;
	case OF_UNCOUNTED:
		break;
	}
	return cold > 0;
}

static const void *run_of(enum metric_id metric, const struct measurement *measurement, size_t run)
{
	switch (sources[metric].kind) {
	case OF_COLD:
		return &measurement->cold[run];
	case OF_WARM:
		return &measurement->warm[run];
	case OF_UNCOUNTED:
		break;
	}
	return measurement->has_uncounted ? &measurement->uncounted : NULL;
}

/* Of one run; NAN when it was not measured. */
static double run_value(enum metric_id metric, const void *run)
{
	const struct source *source = &sources[metric];
	uint64_t value;

	if (!run)
		return NAN;
	memcpy(&value, (const char *)run + source->offset, sizeof(value));
	return value == source->unknown ? NAN : (double)value / source->per_unit;
}

double *metric_values(enum metric_id metric, const struct measurement *measurement, size_t *count)
{
	size_t runs = metric_runs(metric, measurement->cold_count, measurement->warm_count);
	double *values = xmalloc((runs + 1) * sizeof(*values));

	*count = 0;
	for (size_t i = 0; i < runs; i++) {
		double value = run_value(metric, run_of(metric, measurement, i));
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

/* A name that begins as the one before it does is told without its first word: there are many. */
static const char *told_name(unsigned metric)
{
	const char *name = metric_table[metric].name;
	size_t word = strcspn(name, ".");

	if (metric > 0 && strncmp(name, metric_table[metric - 1].name, word + 1) == 0)
		return name + word;
	return name;
}

static bool unknown(const char *text, size_t length, struct error *err)
{
	char known[400] = "";

	for (unsigned i = 0; i < METRIC_COUNT; i++)
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
		         i ? ", " : "", told_name(i));
	return error_set(err, 0,
	                 "unknown metric '%.*s' (known are %s; then .min, .p10, .p50, .mean, .p90, "
	                 ".p95, .p99 or .max)",
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
