/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics - what happened to a function since lrie started, as counters and histograms.
 *
 * One struct per function, filled by its environments as things happen: a few additions for
 * an invocation, no allocation, at most METRICS_TYPES names of errors. What can be seen by looking,
 * such as how many environments are busy, is not counted but looked at when somebody asks:
 * struct metrics_now. metrics_page renders both. All functions take NULL, where nobody counts.
 *
 * Not the metrics of a benchmark: those are metric.h.
 */
#ifndef EMULATOR_METRICS_H
#define EMULATOR_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/fault.h"

/* ---- a histogram of durations ---- */

/* From 0.1 ms to 15 minutes, which is the longest that Lambda lets an invocation take. */
#define METRICS_BUCKETS 21

struct metrics_histogram {
	uint64_t buckets[METRICS_BUCKETS + 1]; /* by bound; not cumulative; the last is the rest */
	uint64_t count, sum_ns;
};

/* The largest duration of each bucket but the last. */
extern const uint64_t metrics_bounds_ns[METRICS_BUCKETS];

/* ---- errors by type ---- */

/* Types beyond these are counted as "other": a runtime may make up as many as it likes. */
#define METRICS_TYPES 32

struct metrics_types {
	struct {
		char type[128]; /* as in REPORT, "Runtime.ExitError" */
		uint64_t count;
	} items[METRICS_TYPES];
	unsigned count;
	uint64_t others;
};

/* The error of an invocation whose handler itself answered with one: what Lambda calls it in
 * X-Amz-Function-Error. */
#define METRICS_UNHANDLED "Unhandled"

/* The error type of an invocation, NULL where there is none: that of 'fault' (NULL: none) before
 * that of an answer which 'is_error'. */
const char *metrics_error_type(const struct fault *fault, bool is_error);

/* ---- a function ---- */

enum metrics_start { METRICS_WARM, METRICS_COLD, METRICS_RESTORED, METRICS_START_COUNT };

enum metrics_throttle {
	METRICS_THROTTLE_RESERVED, /* the reserved concurrency is in use */
	METRICS_THROTTLE_ACCOUNT,  /* that of all functions is, or too many wait already */
	METRICS_THROTTLE_COUNT,
};

struct metrics {
	/* What REPORT calls Duration. Cold: an init belongs to the invocation, as its Init Duration
	 * or, suppressed, inside its Duration. Restored: begun by the restore of a snapshot, whose
	 * init was nobody's. */
	struct metrics_histogram invoke[METRICS_START_COUNT];
	struct metrics_types errors; /* of invocations */
	uint64_t billed_ms;
	uint64_t throttles[METRICS_THROTTLE_COUNT];

	uint64_t environments;          /* that were started */
	struct metrics_histogram setup; /* box asked for to first program executed */
	struct metrics_histogram init; /* first program executed to end of init, if all went well */
	struct metrics_types init_errors;
	struct metrics_histogram restore; /* of snapshots, where it went well */
	struct metrics_types restore_errors;

	struct metrics_types extension_errors; /* that ended a life of an environment */

	uint64_t memory_peak_bytes; /* of any environment; 0: never measured */

	uint64_t emf_valid, emf_invalid;   /* lines of the function in CloudWatch's metric format */
	uint64_t xray_valid, xray_invalid; /* documents of the function for X-Ray */
};

/* What REPORT told of an invocation. */
struct metrics_invocation {
	enum metrics_start start;
	uint64_t duration_ns, billed_ms;
	uint64_t memory_peak_bytes; /* 0: not measured */
	const char *error_type;     /* NULL: none */
};

void metrics_count_invocation(struct metrics *metrics, const struct metrics_invocation *invocation);
/* Of all invocations so far; 0: there were none. */
uint64_t metrics_mean_duration_ns(const struct metrics *metrics);

void metrics_count_throttle(struct metrics *metrics, enum metrics_throttle throttle);
void metrics_count_environment(struct metrics *metrics);
void metrics_count_setup(struct metrics *metrics, uint64_t duration_ns);
void metrics_count_init(struct metrics *metrics, uint64_t duration_ns);
void metrics_count_init_error(struct metrics *metrics, const char *type);
void metrics_count_extension_error(struct metrics *metrics, const char *type);
void metrics_count_restore(struct metrics *metrics, uint64_t duration_ns);
void metrics_count_restore_error(struct metrics *metrics, const char *type);
void metrics_count_emf(struct metrics *metrics, bool is_valid);
void metrics_count_xray(struct metrics *metrics, bool is_valid);

/* ---- events that nobody waits for ---- */

struct event_counts {
	uint64_t accepted;
	uint64_t retried; /* attempts behind the first */
	uint64_t succeeded;
	uint64_t exhausted, too_old; /* given up: after all retries, or for its age */
	uint64_t undelivered;        /* records that a destination did not take */
};

/* ---- what is so now ---- */

enum metrics_state {
	METRICS_STARTING, /* init is under way */
	METRICS_IDLE,
	METRICS_BUSY, /* it has an invocation */
	METRICS_STOPPING,
	METRICS_RESET, /* no box: the next invocation begins with init */
	METRICS_STATE_COUNT,
};

struct metrics_now {
	unsigned environments[METRICS_STATE_COUNT];
	unsigned waiting; /* invocations in line */
	unsigned events;  /* that nobody waits for, and that are not at their end */
};

#endif
