/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xray - segment documents of AWS X-Ray: read from a function, and made for it.
 *
 * A function sends subsegments to the X-Ray daemon, one in each datagram:
 *
 *   {"format": "json", "version": 1}\n{"name": ..., "id": ..., "trace_id": ..., ...}
 *
 * What a document must have: X-Ray developer guide, "Segment documents" and "Sending trace data".
 * The segments that Lambda makes of an invocation: Lambda developer guide, "Visualize Lambda
 * function invocations using AWS X-Ray".
 *
 * Pure functions. Memory: the tree of what is looked at, while it is: 10 MB of a document, 20 MB
 * of a cause if a function is bent on it. A cause of more than 2 MiB or 50000 values is ignored.
 */
#ifndef EMULATOR_XRAY_H
#define EMULATOR_XRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

/* What X-Ray takes as one document. */
#define XRAY_DOCUMENT_LIMIT ((size_t)64 << 10)

#define XRAY_ID_SIZE 17    /* 16 hexadecimal digits */
#define XRAY_TRACE_SIZE 36 /* "1-" 8 digits "-" 24 digits */

/* ---- reading ---- */

struct xray_document {
	bool is_subsegment;
	char id[XRAY_ID_SIZE];
	char trace_id[XRAY_TRACE_SIZE];
	char parent_id[XRAY_ID_SIZE]; /* "" when it has none */
	const char *json;             /* of the datagram; borrowed */
	size_t length;
};

/* Reads a datagram. Returns false and fills 'err' when the daemon or X-Ray would refuse it. */
bool xray_read(const char *datagram, size_t length, struct xray_document *document,
               struct error *err);

/*
 * Reads what a runtime sends in Lambda-Runtime-Function-XRay-Error-Cause, and appends it as a
 * "cause" of at most XRAY_DOCUMENT_LIMIT bytes: what is longer is cropped. Returns false when it
 * is none and to be ignored (spec runtime-api.md §5).
 */
bool xray_cause(struct buffer *out, const char *json, size_t length);

/* The same of the member errorCause of an error's body; false also when there is none. */
bool xray_cause_of_body(struct buffer *out, const char *body, size_t length);

/* ---- writing: lines of JSON ---- */

/* A document that came, on a line, with the request that it belongs to (NULL: unknown). */
void xray_append_document(struct buffer *out, const struct xray_document *document,
                          const char *request_id);

struct xray_span {
	char id[XRAY_ID_SIZE];
	uint64_t start_ns, end_ns; /* since the epoch; 0: has not happened */
};

/* What Lambda tells X-Ray of an invocation that is sampled. */
struct xray_invocation {
	const char *function_name, *function_arn, *account_id, *request_id;
	char trace_id[XRAY_TRACE_SIZE];
	char caller_id[XRAY_ID_SIZE]; /* whose call it was; "": unknown */
	struct xray_span lambda;      /* AWS::Lambda: from the request to the answer */
	struct xray_span function;    /* AWS::Lambda::Function; what the runtime has as Parent */
	struct xray_span init;        /* Initialization, where one belongs to it */
	struct xray_span invocation;  /* Invocation: event to answer */
	struct xray_span overhead;    /* Overhead: answer to the end of the invoke phase */
	bool is_fault;
	const char *error_type, *error_message; /* of the platform's fault; or NULL */
	const char *cause;                      /* as xray_cause() made it; or NULL */
};

/* Both segments, a line each. */
void xray_append_invocation(struct buffer *out, const struct xray_invocation *invocation);

#endif
