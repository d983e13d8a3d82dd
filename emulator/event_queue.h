/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_queue - events that nobody waits for: run, tried again, and told of when all is over.
 *
 * An event is accepted at once and keeps its request id through all its attempts.
 * A function error is tried again after one and after two minutes; what the function
 * could not take, being throttled or broken by us, after pauses that grow from one
 * second to five minutes, until the event is too old. What became of it goes to
 * destinations, if there are any. No more are at the function at a time than it has
 * environments for, so that those who wait for an answer find a place, too.
 *
 * A function whose reserved concurrency is 0 runs nothing: its events are given up at once.
 *
 * With a store (event_store.h) an event is in it before it is accepted, and until it is over: the
 * next lrie goes on with it, with the same request id, its age, and the attempts that were made.
 * Its answer so far is not kept: if it is given up without another attempt, none is told.
 *
 * Bounds: EVENT_QUEUE_LENGTH events, and EVENT_QUEUE_BYTES of them.
 * Source: spec invoke-api.md §3.
 */
#ifndef EMULATOR_EVENT_QUEUE_H
#define EMULATOR_EVENT_QUEUE_H

#include <stdbool.h>

#include "emulator/config.h"
#include "emulator/event_sink.h"
#include "emulator/function.h"
#include "emulator/invocation.h"
#include "emulator/metrics.h"

#define EVENT_QUEUE_LENGTH 10000
#define EVENT_QUEUE_BYTES ((size_t)256 << 20)

struct event_queue;

/* Opens the destinations that 'config' names. All arguments must outlive the queue. */
struct event_queue *event_queue_create(const struct config *config, const struct event_means *means,
                                       struct function *function, struct error *err);

/* Takes up what the store has kept for the function and nobody has taken: when nothing can fail any
 * more, and when another queue has given events of it back. */
void event_queue_start(struct event_queue *queue);

enum event_verdict {
	EVENT_ACCEPTED, /* with a store: it will be run, whatever becomes of lrie */
	EVENT_TOO_MANY,
	EVENT_NOT_KEPT, /* the store cannot take it, or lrie is ending */
};

/* Takes 'invocation', whose ops are the queue's from then on. 'err' tells why it was not accepted.
 */
enum event_verdict event_queue_add(struct event_queue *queue, struct invocation *invocation,
                                   struct error *err);

/* Accepts what became of an event of another function as an event of this one. */
bool event_queue_add_letter(struct event_queue *queue, const struct event_letter *letter,
                            struct error *err);

/* Those that wait for an attempt or are in one. */
unsigned event_queue_length(const struct event_queue *queue);

/* What was counted since lrie started. */
struct event_counts event_queue_counts(const struct event_queue *queue);

/* ---- another configuration ---- */

/* What a queue needs anew when its function is changed: made before anything is. */
struct event_queue_change;

/* Opens the destinations of 'config' that are not those of before. Returns NULL and fills 'err'. */
struct event_queue_change *event_queue_prepare(const struct event_queue *queue,
                                               const struct config *config, struct error *err);

/* Takes 'change' over: from now on it is as its config says, and the config of before may go.
 * Events go on; those that wait for an attempt are tried again as often as is said now. */
void event_queue_change(struct event_queue *queue, struct event_queue_change *change);

/* NULL is fine. */
void event_queue_abandon(struct event_queue_change *change);

/* ---- looking at it ---- */

enum event_state { EVENT_READY, EVENT_RUNNING, EVENT_DELAYED };

struct event_view {
	uint64_t number; /* in the order of acceptance, from 1 */
	const char *request_id;
	enum event_state state;
	unsigned attempts, failures;
	size_t bytes;
	uint64_t age_ns;
	uint64_t due_wall_ns; /* of the next attempt, EVENT_DELAYED only */
};

/* Calls on_event for each event whose number is above 'after', in their order, as long as it
 * returns true. */
struct event_visitor {
	uint64_t after;
	bool (*on_event)(struct event_visitor *visitor, const struct event_view *view);
};

void event_queue_each(const struct event_queue *queue, struct event_visitor *visitor);

/* ---- the end ---- */

/* The function is about to be stopped: what is not over is lost without a store. */
void event_queue_stop(struct event_queue *queue);

/* The function must be stopped. Writes records that are left for at most 'grace_ms' a destination,
 * and says what was lost or kept. NULL is fine. */
void event_queue_destroy(struct event_queue *queue, unsigned grace_ms);

#endif
