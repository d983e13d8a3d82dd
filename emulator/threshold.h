/* SPDX-License-Identifier: Apache-2.0 */
/*
 * threshold - what a benchmark must hold to pass: "cold.init.p90>300ms".
 *
 * A threshold names a metric, a relation and a bound, and is broken when the relation
 * is true. The bound is absolute (300ms, 1.5s, 90MB), a part of the configured memory
 * (80%, of memory.peak alone), or a change (+10%, -5%) from what was measured before,
 * or of another function. With a name and
 * a colon before it, "node:cold.init.p90>300ms", it is about that function alone.
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
	THRESHOLD_CHANGE,    /* of another figure, 0.1 for +10% */
};

struct threshold {
	const char *text;     /* as the user wrote it, borrowed */
	const char *function; /* the name of the only one it is about, in 'text'; NULL: all */
	size_t function_length;
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

/* Whether it is about the function of that name. */
bool threshold_is_about(const struct threshold *threshold, const char *name);

enum threshold_verdict {
	THRESHOLD_HOLDS,
	THRESHOLD_BROKEN,
	THRESHOLD_UNKNOWN, /* cannot be told: no value, no baseline */
};

/* What a change is a change of. */
struct threshold_reference {
	double value;     /* the same figure there; NAN: there is none */
	const char *name; /* "the baseline", for words */
};

/*
 * Judges 'value', in the metric's unit, which is NAN when it was not measured or the
 * sample is too small. 'words' gets a sentence: "cold.init.p90 is 312.4 ms, above 300 ms".
 */
enum threshold_verdict threshold_judge(const struct threshold *threshold, double value,
                                       uint64_t memory_bytes,
                                       const struct threshold_reference *reference,
                                       struct buffer *words);

/* The same where it is known why there is no value: "cold.files.p50 is not known: it takes root".
 */
enum threshold_verdict threshold_give_up(const struct threshold *threshold, const char *why,
                                         struct buffer *words);

#endif
