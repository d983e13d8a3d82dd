/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_sink - where it is told what became of an event: a file, another function, or a server.
 *
 * A sink takes letters and sees to them on its own; nobody waits for it. What it cannot
 * take it says at once. The core knows files and functions; what speaks to servers is filled in
 * from above.
 */
#ifndef EMULATOR_EVENT_SINK_H
#define EMULATOR_EVENT_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/destination_address.h"
#include "emulator/event_store.h"
#include "emulator/loop.h"

/* A function hands on to the next at most so many times: Lambda, too, stops a loop after about
 * sixteen invocations ("Use Lambda recursive loop detection", developer guide). */
#define EVENT_CHAIN 16

/* All borrowed. */
struct event_letter {
	const char *function; /* whose event it is about */
	const char *request_id;
	const char *trace_header; /* of the event; NULL: not known */
	uint32_t chain;           /* functions that have handed on so far, with this one */
	uint64_t kept_wall_ns;    /* when an earlier lrie kept it; 0: it is new */
	const char *data;         /* one line of JSON, with its line feed */
	size_t length;
};

struct event_sink {
	const struct event_sink_ops *ops;
	char *destination; /* as the user wrote it; its own, which destroy frees */
	uint64_t dropped;  /* letters that it took and could not deliver */
};

struct event_sink_ops {
	/* Returns false and fills 'err' when it cannot take the letter. */
	bool (*send)(struct event_sink *sink, const struct event_letter *letter, struct error *err);

	/* Takes one that an earlier lrie has kept, and the item. NULL: it keeps none. */
	void (*resume)(struct event_sink *sink, const struct event_letter *letter,
	               struct event_store_item *item);

	/* Writes what is left for at most 'grace_ms'. */
	void (*destroy)(struct event_sink *sink, unsigned grace_ms);
};

/* Makes sinks that are servers. */
struct event_servers {
	/* Takes over 'destination', in which 'address' is, if all goes well. */
	struct event_sink *(*open)(struct event_servers *servers,
	                           const struct destination_address *address, char *destination,
	                           struct error *err);
};

struct event_queue;

/* Finds the queues of other functions. */
struct event_peers {
	/* NULL when there is no such function. */
	struct event_queue *(*find)(struct event_peers *peers, const char *name);
};

/* What queues and sinks need, and share. */
struct event_means {
	struct loop *loop;
	struct event_store *store;     /* NULL: nothing outlives lrie */
	struct event_servers *servers; /* NULL: there are none */
	struct event_peers *peers;     /* NULL: there are none */
};

/* 'means' must outlive the sink. */
struct event_sink *event_sink_open(const struct event_means *means, const char *destination,
                                   struct error *err);

/* NULL is fine. */
void event_sink_destroy(struct event_sink *sink, unsigned grace_ms);

#endif
