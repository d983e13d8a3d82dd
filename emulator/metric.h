/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metric - the figures of a benchmark by name: "cold.init.p90", "memory.peak".
 *
 * A metric is a column of a measurement; with a statistic behind it, it is a number.
 * Thresholds, tables and exports know no other names.
 */
#ifndef EMULATOR_METRIC_H
#define EMULATOR_METRIC_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/measurement.h"
#include "emulator/stats.h"
#include "sandbox/error.h"

enum metric_unit {
	METRIC_MILLISECONDS,
	METRIC_MEGABYTES, /* of 1024 * 1024 bytes */
	METRIC_PIECES,
};

enum metric_id {
	METRIC_COLD_SETUP,
	METRIC_COLD_CONTACT,
	METRIC_COLD_CODE,
	METRIC_COLD_EXTENSIONS,
	METRIC_COLD_INIT,
	METRIC_COLD_INVOKE,
	METRIC_COLD_TOTAL,
	METRIC_COLD_BILLED,
	METRIC_WARM_INVOKE,
	METRIC_WARM_BILLED,
	METRIC_MEMORY_PEAK,

	/* What a cold start used, by figure: until init ended, and until its first invocation
	 * had. Nothing is throttled in init. */
	METRIC_INIT_CPU,
	METRIC_COLD_CPU,
	METRIC_INIT_SYSTEM,
	METRIC_COLD_SYSTEM,
	METRIC_COLD_THROTTLED,
	METRIC_INIT_MINOR_FAULTS,
	METRIC_COLD_MINOR_FAULTS,
	METRIC_INIT_MAJOR_FAULTS,
	METRIC_COLD_MAJOR_FAULTS,
	METRIC_INIT_READ,
	METRIC_COLD_READ,
	METRIC_INIT_STORAGE,
	METRIC_COLD_STORAGE,
	METRIC_INIT_MAPPED,
	METRIC_COLD_MAPPED,
	METRIC_INIT_FILES,
	METRIC_COLD_FILES,
	METRIC_COUNT,
};

struct metric {
	const char *name; /* "cold.init" */
	enum metric_unit unit;
	const char *what; /* "Init Duration: bootstrap executed to first /next" */
};

extern const struct metric metric_table[METRIC_COUNT]; /* by enum metric_id */

/* "ms", "MB" or "count". */
const char *metric_unit_name(enum metric_unit unit);

/* Whether it tells what a cold start used, rather than how long it took. */
bool metric_is_usage(enum metric_id metric);

/* Why it was not measured, as far as that is known; NULL where all is well. */
const char *metric_missing(enum metric_id metric, const struct measurement *measurement);

/*
 * The values of a metric, in its unit and in the order of the runs, as malloc()ed
 * storage. Runs in which it was not measured are left out.
 */
double *metric_values(enum metric_id metric, const struct measurement *measurement, size_t *count);

/* How many runs a metric comes from, when 'cold' and 'warm' of each kind are made. */
size_t metric_runs(enum metric_id metric, size_t cold, size_t warm);

/* ---- statistics by name -------------------------------------------------- */

enum metric_statistic {
	STATISTIC_MIN,
	STATISTIC_P10,
	STATISTIC_MEDIAN, /* "p50" as well */
	STATISTIC_MEAN,
	STATISTIC_P90,
	STATISTIC_P95,
	STATISTIC_P99,
	STATISTIC_MAX,
	STATISTIC_COUNT,
};

/* NAN when the sample is too small for it. */
double statistic_of(const struct stats *stats, enum metric_statistic statistic);

/* The least count of values that this statistic takes. */
size_t statistic_needs(enum metric_statistic statistic);

const char *statistic_name(enum metric_statistic statistic);

/*
 * Parses "cold.init.p90" or "cold.init", which means the median, or the largest for
 * memory: it is the largest that runs out. An unknown name is an error that lists
 * the known ones.
 */
bool metric_parse(const char *text, size_t length, enum metric_id *metric,
                  enum metric_statistic *statistic, struct error *err);

#endif
