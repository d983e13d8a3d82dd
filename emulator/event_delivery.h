/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_delivery - how it gets to servers what became of events: destinations with http://.
 *
 * A letter is one POST of its JSON; any 2xx takes it. Each destination has a line of its own
 * and sends one letter after the other. A server that is not there, answers nothing in time, or
 * says 408, 425, 429 or 5xx gets the same again after pauses that grow from one second to one
 * minute; any other status refuses that one letter. With a store a letter is in it until it is
 * taken, and the next lrie goes on with it: with its age, but once at least.
 *
 * What is refused, is too old, or finds the line full is told, and put aside if there is a store.
 * Bounds: EVENT_DELIVERY_LETTERS and _BYTES in each line.
 */
#ifndef EMULATOR_EVENT_DELIVERY_H
#define EMULATOR_EVENT_DELIVERY_H

#include "emulator/event_sink.h"

#define EVENT_DELIVERY_LETTERS 10000
#define EVENT_DELIVERY_BYTES ((size_t)64 << 20)

/* As long as Lambda keeps an event. */
#define EVENT_DELIVERY_AGE_S 21600

struct event_delivery;

/* 'store' may be NULL. Outlives all queues. */
struct event_delivery *event_delivery_create(struct loop *loop, struct event_store *store);
void event_delivery_destroy(struct event_delivery *delivery); /* NULL is fine */

/* Whether a server is being told right now. */
bool event_delivery_is_under_way(const struct event_delivery *delivery);

/* What queues are given. */
struct event_servers *event_delivery_servers(struct event_delivery *delivery);

/* At the end of lrie: calls 'on_drained' once, in a turn of the loop, when nothing is left, when
 * what is left has been tried in vain, or after 'grace_ms'. */
void event_delivery_drain(struct event_delivery *delivery, unsigned grace_ms,
                          void (*on_drained)(struct event_delivery *delivery));

#endif
