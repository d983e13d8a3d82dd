/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_queue_private - what the parts of an event_queue share.
 *
 *	event_queue.c       events, their attempts and their ends
 *	event_queue_kept.c  what is kept of them, for the next lrie
 */
#ifndef EMULATOR_EVENT_QUEUE_PRIVATE_H
#define EMULATOR_EVENT_QUEUE_PRIVATE_H

#include "emulator/backlog.h"
#include "emulator/event_outcome.h"
#include "emulator/event_queue.h"

/* Between two attempts. */
#define EVENT_LONGEST_PAUSE_NS (300 * CLOCK_NS_PER_S)

/* An event, from its acceptance to its end. */
struct queued {
	struct event_queue *queue;
	struct invocation *invocation; /* of the attempt that is next, or under way */
	uint64_t number;               /* in the queue, in the order of acceptance */
	struct event_store_item *item; /* NULL: it does not outlive lrie */
	unsigned attempts, failures;
	uint32_t chain; /* functions that have handed it on */
	uint64_t accepted_ns, due_ns;
	uint64_t aged_ns;  /* its age at 'accepted_ns', when an earlier lrie had accepted it */
	uint64_t pause_ns; /* the last one that was not the function's fault */
	struct buffer response;
	bool has_response, is_error;
	bool is_unanswered; /* this attempt was cut short by us */
	enum event_state state;
	struct queued *next;           /* in its list */
	struct queued *later, **place; /* of all */
};

struct queued_list {
	struct queued *first, **last;
};

struct event_queue {
	const struct config *config;
	struct loop *loop;
	struct function *function;
	const struct event_means *means;
	struct event_outcome outcome;
	struct queued *all, **last; /* in the order of acceptance */
	uint64_t next_number;
	struct queued_list ready;   /* to be run as soon as there is room */
	struct queued_list delayed; /* by the time that they are due */
	struct loop_timer timer;
	unsigned length, running, capacity;
	struct backlog backlog; /* the bytes of all */
	bool stopping;
	bool is_failing; /* events could not be kept; for one warning per series */
	unsigned lost, kept;
	struct event_counts counts;
};

/* ---- event_queue.c ---- */

extern const struct invocation_ops event_queue_ops;

/* Takes a reference. One of the two that follow is due. */
struct queued *event_queue_enqueue(struct event_queue *queue, struct invocation *invocation);
void event_queue_make_ready(struct queued *event);
void event_queue_make_delayed(struct queued *event, uint64_t due_ns);

/* ---- event_queue_kept.c: does nothing where there is no store ---- */

/* Keeps an event before anybody is told that it was accepted. Returns false when it cannot. */
bool event_queue_keep(struct event_queue *queue, const struct invocation *invocation,
                      uint32_t chain, struct event_store_item **item, struct error *err);

/* How far it has come; 'due_wall_ns' is that of the next attempt, or 0. */
void event_queue_note(const struct queued *event, uint64_t due_wall_ns);

/* It is over, and told. */
void event_queue_forget(const struct queued *event);
#endif
