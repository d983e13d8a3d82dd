/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threshold - what a benchmark must hold to pass: "cold.init.p90>300ms".
 *
 * A threshold names a metric, a relation and a bound, and is broken when the relation
 * is true. The bound is absolute (300ms, 1.5s, 90MB), a part of the configured memory
 * (80%, of memory.peak alone), or a change from a baseline (+10%, -5%).
 */
#ifndef EMULATOR_THRESHOLD_H
#define EMULATOR_THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/metric.h"
#include "sandbox/error.h"

enum threshold_bound {
	THRESHOLD_ABSOLUTE,  /* 'bound' is in the metric's unit */
	THRESHOLD_OF_MEMORY, /* a part of the configured memory, 0.8 for 80% */
	THRESHOLD_CHANGE,    /* of the baseline's figure, 0.1 for +10% */
};

struct threshold {
	const char *text; /* as the user wrote it, borrowed */
	enum metric_id metric;
	enum metric_statistic statistic;
	bool above;    /* broken above the bound, else below */
	bool or_equal; /* and on it */
	enum threshold_bound kind;
	double bound;
};

/* 'text' must live as long as the threshold. An unknown metric, relation or unit is an error that
 * lists the known ones. */
bool threshold_parse(const char *text, struct threshold *threshold, struct error *err);

enum threshold_verdict {
	THRESHOLD_HOLDS,
	THRESHOLD_BROKEN,
	THRESHOLD_UNKNOWN, /* cannot be told: no value, no baseline */
};

/*
 * Judges 'value', in the metric's unit, which is NAN when it was not measured or the
 * sample is too small. 'baseline' is the same figure of the baseline, or NAN. 'words'
 * gets a sentence: "cold.init.p90 is 312.4 ms, above 300 ms".
 */
enum threshold_verdict threshold_judge(const struct threshold *threshold, double value,
                                       uint64_t memory_bytes, double baseline,
                                       struct buffer *words);

/* The same where it is known why there is no value: "cold.files.p50 is not known: it takes root".
 */
enum threshold_verdict threshold_give_up(const struct threshold *threshold, const char *why,
                                         struct buffer *words);

#endif
