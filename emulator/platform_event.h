/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform_event - what the platform says of a function's life.
 *
 * One struct per event, filled in by whoever knows of it, whole and once. Its
 * forms are made elsewhere: report.h makes lines of text, platform_event_json.h
 * the objects of JSON logs and of telemetry. Source of the events and their
 * members: spec extensions-telemetry.md §4.
 *
 * Moments are clock_now() nanoseconds and durations are nanoseconds; forms
 * round them. All pointers are borrowed: an event lives as long as the call it
 * is given to. What an event does not have is NULL or 0 and left out.
 */
#ifndef EMULATOR_PLATFORM_EVENT_H
#define EMULATOR_PLATFORM_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/fault.h"

enum platform_event_type {
	PLATFORM_INIT_START,
	PLATFORM_INIT_RUNTIME_DONE,
	PLATFORM_INIT_REPORT,
	PLATFORM_RESTORE_START,
	PLATFORM_RESTORE_RUNTIME_DONE,
	PLATFORM_RESTORE_REPORT,
	PLATFORM_START,
	PLATFORM_RUNTIME_DONE,
	PLATFORM_FAULT, /* the program has ended; just before END, only told to the Logs API */
	PLATFORM_END,   /* of the invoke phase, just before its report; not told to telemetry */
	PLATFORM_REPORT,
	PLATFORM_EXTENSION,
	PLATFORM_SUBSCRIPTION,
	PLATFORM_LOGS_DROPPED,
};

enum platform_initialization {
	PLATFORM_ON_DEMAND,
	PLATFORM_PROVISIONED_CONCURRENCY,
	PLATFORM_SNAP_START,
	PLATFORM_MANAGED_INSTANCES,
};

enum platform_phase {
	PLATFORM_PHASE_INIT,
	PLATFORM_PHASE_INVOKE, /* an init repeated inside an invocation (suppressed) */
	PLATFORM_PHASE_SNAP_START,
};

/* "on-demand": as in the variable and in telemetry. */
const char *platform_initialization_name(enum platform_initialization initialization);

/* A part of a phase; a moment that is 0 has not come. */
struct platform_span {
	uint64_t start_ns, end_ns;
};

struct platform_words {
	const char *const *items;
	size_t count;
};

/* Both of INIT_START and, but for 'initialization' and 'phase', of RESTORE_START. */
struct platform_init_start {
	enum platform_initialization initialization;
	enum platform_phase phase;
	const char *runtime_version, *runtime_version_arn; /* or NULL */
	const char *function_name, *function_version;
	const char *log_stream;
	uint64_t memory_bytes; /* configured */
};

/* INIT_RUNTIME_DONE, INIT_REPORT, RESTORE_RUNTIME_DONE, RESTORE_REPORT. */
struct platform_init_end {
	enum platform_initialization initialization;
	enum platform_phase phase;
	const struct fault *fault; /* NULL or FAULT_NONE: success */
	uint64_t duration_ns;      /* of a report */
};

struct platform_start {
	const char *request_id;
	const char *function_arn;
	const char *version;
	const char *tenant_id;    /* or NULL */
	const char *trace_header; /* or NULL; told only when it is sampled */
	const char *trace_caller; /* the segment that called, or ""; not told */
	uint64_t received_ns;     /* by the environment; not told */
};

struct platform_runtime_done {
	const char *request_id;
	const char *tenant_id;
	const char *trace_header;
	const struct fault *fault; /* NULL or FAULT_NONE: success */
	uint64_t duration_ns;      /* not capped at the time-out, unlike a report's */
	uint64_t produced_bytes;   /* of the answer */
	struct platform_span response_latency, response_duration, runtime_overhead;
};

/* FAULT and END. */
struct platform_end {
	const char *request_id;
	const struct fault *fault; /* NULL or FAULT_NONE: success */
};

struct platform_report {
	const char *request_id;
	const char *tenant_id;
	const char *trace_header;
	uint64_t duration_ns;
	uint64_t init_ns;           /* 0: no Init Duration in this report */
	uint64_t restore_ns;        /* 0: no Restore Duration in this report */
	uint64_t memory_bytes;      /* configured */
	uint64_t memory_peak_bytes; /* 0: not measured, left out */
	const struct fault *fault;  /* NULL or FAULT_NONE: success */
	bool is_error;              /* the answer was an error, be it the handler's own; not told */
	struct platform_span extension_overhead;
};

struct platform_extension {
	const char *name;
	const char *state;            /* "Ready", or the state that it reached */
	struct platform_words events; /* in the order in which it registered for them */
	const char *error_type;       /* or NULL */
};

struct platform_subscription {
	const char *name;
	struct platform_words types; /* "platform", "function", "extension" */
	bool is_logs_api;
};

struct platform_logs_dropped {
	uint64_t bytes, records;
	const char *reason;
};

struct platform_event {
	enum platform_event_type type;
	uint64_t at_ns;
	uint64_t wall_ns; /* the same moment since the epoch; the journal fills it in */
	union {
		struct platform_init_start init_start;
		struct platform_init_end init_end;
		struct platform_start start;
		struct platform_runtime_done runtime_done;
		struct platform_end end;
		struct platform_report report;
		struct platform_extension extension;
		struct platform_subscription subscription;
		struct platform_logs_dropped logs_dropped;
	};
};

/* Whether what an event tells of went well; also of no fault at all. */
static inline bool platform_succeeded(const struct fault *fault)
{
	return !fault || fault->status == FAULT_NONE;
}

static inline bool platform_span_happened(const struct platform_span *span)
{
	return span->start_ns && span->end_ns >= span->start_ns;
}

#endif
