/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invocation - one event on its way through the function, and its answer.
 *
 * Whoever asks (the Invoke API, lrie invoke, ...) makes one, fills in 'ops' and
 * what is known of the event, and submits it to a function. It then hears
 * on_answered exactly once, as soon as the runtime has posted its answer or has
 * failed, and on_done exactly once, after END and REPORT. An invocation is
 * counted by reference: the asker holds one until on_done, the core while it
 * works on it, a front while it sends the event.
 */
#ifndef EMULATOR_INVOCATION_H
#define EMULATOR_INVOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/config.h"
#include "emulator/fault.h"
#include "emulator/identifier.h"
#include "emulator/phase.h"

/* What the function gave back, or what became of it instead. */
struct answer {
	struct buffer body; /* may be moved out by on_answered */
	bool is_error;      /* X-Amz-Function-Error */
	const struct fault
		*fault;     /* NULL: the handler itself answered, with a result or an error */
	bool is_of_restore; /* SnapStart: 'fault' ended the restore, and nothing was invoked */
};

struct log_tail;
struct invocation;

/* on_done may submit to the function, on_answered may not; neither may stop it. */
struct invocation_ops {
	void (*on_answered)(struct invocation *invocation, struct answer *answer);

	/* END and REPORT are written; 'tail' ends with them and is only valid in the call.
	 * NULL when the invocation never started. */
	void (*on_done)(struct invocation *invocation, const struct log_tail *tail);
};

/* What REPORT says of an invocation, and what it is made of. */
struct invocation_figures {
	uint64_t duration_ns;
	uint64_t billed_ms;
	uint64_t memory_peak_bytes; /* of its environment so far; 0: not measured */
	struct init_phase init;     /* of the environment that began with it; else zeroes */
};

struct invocation {
	const struct invocation_ops *ops;
	void *asker; /* for the ops */
	char request_id[UUID_SIZE];
	struct buffer event;
	char *function_arn; /* with the qualifier only if the caller used one */
	char *trace_header;
	char trace_caller[TRACE_PARENT_SIZE]; /* the segment that called, or ""; with --xray */
	char *content_type;
	char *client_context;   /* decoded JSON text, or NULL */
	char *cognito_identity; /* JSON text, or NULL */
	char *tenant_id;        /* or NULL */
	uint64_t deadline_ms;   /* by clock_machine_wall_ms(); set with the event */
	struct invoke_phase phase;
	uint64_t produced_bytes;           /* of the runtime's own answer */
	struct invocation_figures figures; /* in on_done, if it has started */

	/* private to the core */
	unsigned references;
	bool is_unattended; /* nobody waits for it: it is an event of a queue */
	uint64_t queued_ns; /* since when it waits in the function's line */
	bool is_answered;
	bool is_error;           /* the answer was one */
	struct invocation *next; /* in the function's line */
};

/* An invocation with an empty event, a fresh request id, and one reference. */
struct invocation *invocation_create(const struct invocation_ops *ops);

/* Gives it what Lambda gives each one, whoever asks: ARN and trace header. Once. */
void invocation_prepare(struct invocation *invocation, const struct config *config);

/* Both. */
struct invocation *invocation_make(const struct config *config, const struct invocation_ops *ops);

/* Takes the trace header of who asks, if it is one. With --xray, where Lambda's active tracing is
 * on, the function gets a segment of its own, whose id is the Parent of the new header. */
void invocation_take_trace(struct invocation *invocation, const struct config *config,
                           const char *given);

/* One more attempt at the same: all that was asked, and nothing that became of it. */
struct invocation *invocation_repeat(const struct invocation *invocation,
                                     const struct invocation_ops *ops);

struct invocation *invocation_ref(struct invocation *invocation);

/* Frees it with the last reference. NULL is fine. */
void invocation_unref(struct invocation *invocation);

/* Tells the asker; only the first answer counts. 'answer' is finished afterwards. */
void invocation_answer(struct invocation *invocation, struct answer *answer);

/* Answers with the JSON body of 'fault'. */
void invocation_answer_fault(struct invocation *invocation, const struct fault *fault);

#endif
