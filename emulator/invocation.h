/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invocation - one event on its way through the function, and its answer.
 *
 * Whoever asks (the Invoke API, lrie invoke, ...) makes one, fills in 'ops' and
 * what is known of the event, and submits it to a function. It then hears
 * on_answered exactly once, as soon as the runtime has posted its answer or has
 * failed, and on_done exactly once, after END and REPORT.
 *
 * An asker that sets on_chunk takes answers in pieces. Of a function that
 * streams its answer each piece is then passed on as it comes, while the
 * function still writes; of another the whole answer is one piece. First
 * on_response_head tells what is coming, then on_chunk is called for each
 * piece, and on_answered ends it: either all is well, and the body that it
 * brings is empty, or something went wrong, before the first piece or behind
 * any, and the body tells what. An asker that has no room for more pieces
 * pauses the invocation; those that it gets all the same, of one that does not
 * come in pieces, are no more than an answer may have. An asker without
 * on_chunk gets whole answers, whoever makes them.
 *
 * An invocation is
 * counted by reference: the asker holds one until on_done, the core while it
 * works on it, a front while it sends the event.
 */
#ifndef EMULATOR_INVOCATION_H
#define EMULATOR_INVOCATION_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/account.h"
#include "emulator/buffer.h"
#include "emulator/config.h"
#include "emulator/fault.h"
#include "emulator/identifier.h"
#include "emulator/phase.h"
#include "emulator/response_stream.h"

/* What the function gave back, or what became of it instead. */
struct answer {
	struct buffer body; /* may be moved out by on_answered */
	bool is_error;      /* X-Amz-Function-Error */
	const struct fault
		*fault;     /* NULL: the handler itself answered, with a result or an error */
	bool is_of_restore; /* SnapStart: 'fault' ended the restore, and nothing was invoked */
	const char *content_type; /* of a result, for askers that take pieces; NULL: not known */
	const char *throttle; /* Lambda's Reason why nothing was invoked, beside 'fault'; NULL */
};

struct log_tail;
struct invocation;

/* on_done may submit to the function, the others may not; none may stop it. */
struct invocation_ops {
	/* Both or neither. What they are given is only valid in the call. */
	void (*on_response_head)(struct invocation *invocation, const struct response_head *head);
	void (*on_chunk)(struct invocation *invocation, const char *data, size_t length);

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
	char *client_context;                 /* decoded JSON text, or NULL */
	char *cognito_identity;               /* JSON text, or NULL */
	char *tenant_id;                      /* or NULL */
	const char *version;  /* of the function that takes it; good in ops, NULL: none does */
	uint64_t deadline_ms; /* by clock_machine_wall_ms(); set with the event */
	struct invoke_phase phase;
	uint64_t produced_bytes;           /* of the runtime's own answer */
	struct invocation_figures figures; /* in on_done, if it has started */
	struct response_stream *stream;    /* of an answer that comes in pieces; else NULL */

	/* private to the core */
	unsigned references;
	bool is_unattended;      /* nobody waits for it: it is an event of a queue */
	uint64_t queued_ns;      /* since when it waits in the function's line */
	struct account *account; /* that it counts in until it is answered; NULL: in none */
	bool is_answered;
	bool has_head;           /* the asker knows what is coming */
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

/* Whether the asker takes pieces. */
bool invocation_takes_pieces(const struct invocation *invocation);

/* For the asker: it has no room for more pieces, or has it again. Allowed at any time. */
void invocation_pause(struct invocation *invocation);
void invocation_resume(struct invocation *invocation);

/* A piece of the answer, for an asker that takes pieces and is not answered. */
void invocation_pass(struct invocation *invocation, const char *data, size_t length);

/* Tells the asker; only the first answer counts. 'answer' is finished afterwards. */
void invocation_answer(struct invocation *invocation, struct answer *answer);

/* Answers with the JSON body of 'fault'. */
void invocation_answer_fault(struct invocation *invocation, const struct fault *fault);

#endif
