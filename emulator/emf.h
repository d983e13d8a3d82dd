/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emf - the Embedded Metric Format of CloudWatch: lines of a log that hold metrics.
 *
 * CloudWatch makes metrics of such a line, or drops them without a word when something is wrong
 * with it; here the word is said. What is checked is what CloudWatch's specification and its
 * schema demand ("Specification: Embedded metric format", MetricDatum and Dimension of its API).
 *
 * Pure functions. Memory: the tree of one line, which has at most EMF_LINE_LIMIT bytes and 20000
 * values, while it is looked at: 10 MB if a function is bent on it. What has more is let pass.
 */
#ifndef EMULATOR_EMF_H
#define EMULATOR_EMF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

/* What a log event may have; a longer one is cut into several, none of which is JSON. */
#define EMF_LINE_LIMIT ((size_t)1 << 20)

enum emf_verdict {
	EMF_NONE, /* no such line, nor meant as one */
	EMF_VALID,
	/* Meant as one, and no metric comes out of it. A kind each, so that each can be told once.
	 */
	EMF_TOO_LONG,
	EMF_NO_JSON,
	EMF_BAD_METADATA,
	EMF_BAD_TIMESTAMP,
	EMF_BAD_NAMESPACE,
	EMF_BAD_DIMENSIONS,
	EMF_TOO_MANY_DIMENSIONS,
	EMF_MISSING_DIMENSION, /* the root has no such member, or no text */
	EMF_BAD_METRICS,
	EMF_TOO_MANY_METRICS,
	EMF_BAD_UNIT,
	EMF_BAD_RESOLUTION,
	EMF_MISSING_VALUE, /* the root has no such member, or no number */
	EMF_TOO_MANY_VALUES,
	EMF_VERDICT_COUNT,
};

/* Whether it is worth a closer look, which costs a search for "_aws". */
bool emf_may_be(const char *line, size_t length);

/*
 * Looks at a line of a function's log, without its newline, at 'wall_ms'. What a runtime puts in
 * front of a message, such as a time and a request id, may stand before it. 'reason' gets what is
 * wrong, in words.
 */
enum emf_verdict emf_check(const char *line, size_t length, uint64_t wall_ms, struct error *reason);

/* ---- lrie's own ---- */

struct emf_record {
	uint64_t wall_ms;
	const char *function_name, *version, *request_id;
	bool is_cold;
	uint64_t duration_ns, billed_ms;
	uint64_t init_ns;           /* 0: none was told */
	uint64_t memory_bytes;      /* configured */
	uint64_t memory_peak_bytes; /* 0: not measured, left out */
	const char *error_type;     /* NULL: none */
};

/* Appends one line, which is valid EMF in the namespace "lrie". */
void emf_append(struct buffer *out, const struct emf_record *record);

#endif
