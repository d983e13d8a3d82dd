/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_result - all that a benchmark has to tell; tables and exports are made of it.
 */
#ifndef EMULATOR_BENCH_RESULT_H
#define EMULATOR_BENCH_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/config.h"
#include "emulator/measurement.h"
#include "emulator/metric.h"
#include "emulator/price.h"
#include "emulator/stats.h"
#include "emulator/threshold.h"
#include "sandbox/sandbox.h"

/* One function at one memory size. */
struct bench_entry {
	const char *name; /* may hold anything that the user typed */
	const struct measurement *measurement;
	uint64_t memory_bytes, tmp_bytes;
	const struct price_list *prices;      /* NULL: costs are not told */
	const struct config_list *thresholds; /* as written, each checked; NULL: none */
};

/* How one entry fared with one threshold. */
struct bench_judgement {
	const char *threshold; /* as the user wrote it */
	size_t entry;          /* its place in the result */
	enum threshold_verdict verdict;
	char *words; /* of threshold_judge(); freed by the owner of the result */
};

struct bench_result {
	const struct bench_entry *entries;
	size_t count;
	const struct bench_baseline *baseline; /* NULL: none; see bench_baseline.h */
	struct bench_judgement *judgements;
	size_t judgement_count;
	struct bench_forecasts *forecasts; /* NULL: none; see bench_forecast.h */

	double noise;
	uint64_t seed;
	const char *commit;              /* of what was measured, or NULL */
	const struct sandbox_host *host; /* which walls stood; NULL in tests */
	bool is_partial;                 /* interrupted, or a function failed */
	struct {
		char kernel[65], architecture[65];
		unsigned cpus;
	} machine;
};

/* Statistics of a metric of one entry, without the interval: which takes long. */
struct stats bench_figures(const struct bench_entry *entry, enum metric_id metric);

/* All of them. */
struct stats bench_stats(const struct bench_entry *entry, enum metric_id metric, uint64_t seed);

/* Dollars for a million invocations of which 'cold_rate' (0 to 1) are cold starts; NAN when
 * something was not measured. */
double bench_cost_per_million(const struct bench_entry *entry, double cold_rate);

/* Fills in what is known of this machine. */
void bench_result_describe_machine(struct bench_result *result);

#endif
