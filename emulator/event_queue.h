/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_queue - events that nobody waits for: run, tried again, and told of when all is over.
 *
 * An event is accepted at once and keeps its request id through all its attempts.
 * A function error is tried again after one and after two minutes; what the function
 * could not take, being throttled or broken by us, after pauses that grow from one
 * second to five minutes, until the event is too old. What became of it goes to the
 * files of destinations, if there are any. No more are at the function at a time than it has
 * environments for, so that those who wait for an answer find a place, too.
 *
 * Bounds: EVENT_QUEUE_LENGTH events, and EVENT_QUEUE_BYTES of them.
 * Source: spec invoke-api.md §3.
 */
#ifndef EMULATOR_EVENT_QUEUE_H
#define EMULATOR_EVENT_QUEUE_H

#include <stdbool.h>

#include "emulator/config.h"
#include "emulator/function.h"
#include "emulator/invocation.h"
#include "emulator/loop.h"

#define EVENT_QUEUE_LENGTH 10000
#define EVENT_QUEUE_BYTES ((size_t)256 << 20)

/* Of one event (spec invoke-api.md §1). */
#define EVENT_LIMIT 1048576

struct event_queue;

/* Opens the files that 'config' names. All arguments must outlive the queue. */
struct event_queue *event_queue_create(const struct config *config, struct loop *loop,
                                       struct function *function, struct error *err);

/* Takes 'invocation', whose ops are the queue's from then on. Returns false when there are too
 * many already. */
bool event_queue_add(struct event_queue *queue, struct invocation *invocation);

/* Those that wait for an attempt or are in one. */
unsigned event_queue_length(const struct event_queue *queue);

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

/* The function is about to be stopped: what has not begun is lost, and said to be. */
void event_queue_stop(struct event_queue *queue);

/* The function must be stopped. Writes records that are left for at most 'grace_ms' a file. NULL
 * is fine. */
void event_queue_destroy(struct event_queue *queue, unsigned grace_ms);

#endif
