/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry - what an environment tells the extensions that subscribed.
 *
 * Listens to the journal of its environment, keeps what is said until the
 * subscriptions are closed, and hands each subscriber all of its kinds, from the
 * beginning, in order, in batches. A batch is sent when it has the number of
 * records or bytes that was asked for, or is as old; the next one gathers
 * meanwhile. One that is not taken is sent again after a pause that grows.
 *
 * Nobody ever waits for a subscriber. What it has not taken waits in memory, up
 * to TELEMETRY_BACKLOG bytes each; beyond that records are dropped, whole, and
 * counted: platform.logsDropped tells of them as soon as there is room again.
 * What was said before a subscription waits up to TELEMETRY_REPLAY bytes in two
 * forms at most, until telemetry_close(); from then on an environment without
 * subscribers does nothing here.
 *
 * A record is never split, so that a batch is always JSON: it may be larger than
 * maxBytes by one record. While the subscribers are frozen nothing is sent, and
 * no time counts against them.
 *
 * Knows no HTTP: batches go through a telemetry_sink, and connections come from
 * the environment, which knows where the subscribers listen. Source: spec
 * extensions-telemetry.md §3 to §5.
 */
#ifndef EMULATOR_TELEMETRY_H
#define EMULATOR_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/journal.h"
#include "emulator/loop.h"
#include "emulator/subscription.h"
#include "sandbox/error.h"

/* Bytes that wait for one subscriber: four of the largest batches. What the platform says may have
 * some more: it is little, and there are extensions that wait for it. */
#define TELEMETRY_BACKLOG ((size_t)4 << 20)
#define TELEMETRY_PLATFORM_BACKLOG (TELEMETRY_BACKLOG + ((size_t)256 << 10))

/* Bytes that wait for subscribers of each of the two APIs. */
#define TELEMETRY_REPLAY ((size_t)1 << 20)

/* As many as there can be extensions. */
#define TELEMETRY_SUBSCRIBERS 10

/* A subscriber that has not said in this time that it has a batch gets it again. */
#define TELEMETRY_ANSWER_MS 5000

/* What is there at the end of a life is waited for as long as this. */
#define TELEMETRY_FLUSH_MS 500

/* The pause after a batch was not taken, at first; each time twice as long, up to the second. */
#define TELEMETRY_PAUSE_MS 50
#define TELEMETRY_LONGEST_PAUSE_MS 2000

/* ---- where batches go: made by the front that knows how ---- */

struct subscriber;

struct telemetry_sink {
	const struct telemetry_sink_ops *ops;
	struct subscriber *subscriber; /* whose it is */

	/* The batch is taken, or is not for the reason 'why'. Never during send(). */
	void (*on_sent)(struct telemetry_sink *sink, const struct error *why);

	/* A connection to the subscriber is wanted: connect() or refuse() follows, in this call or
	 * later. */
	void (*on_dial)(struct telemetry_sink *sink);
};

struct telemetry_sink_ops {
	/* 'data' is borrowed until on_sent; one batch at a time. */
	void (*send)(struct telemetry_sink *sink, const char *data, size_t length);

	/* A non-blocking socket, connected or about to be, which is taken over; or why there is
	 * none. */
	void (*connect)(struct telemetry_sink *sink, int fd);
	void (*refuse)(struct telemetry_sink *sink, const struct error *why);

	/* The subscriber cannot answer from now on, or can again. */
	void (*pause)(struct telemetry_sink *sink, bool pause);

	/* Drops what is under way, and frees the sink after the turn of the loop. */
	void (*destroy)(struct telemetry_sink *sink);
};

/* Makes sinks; all but 'ops' is filled in afterwards. Must outlive all telemetry. */
struct telemetry_sinks {
	struct telemetry_sink *(*open)(struct telemetry_sinks *sinks,
	                               const struct subscription *subscription);
};

/* ---- one environment's ---- */

struct telemetry;

struct telemetry_setup {
	struct loop *loop;
	struct journal *journal;
	struct telemetry_sinks *sinks;
	const char *label; /* of the environment, for messages */
	bool json_lines;   /* the function logs in JSON: its lines are objects */

	/* Gets a connection to 'port' where the subscribers listen; answered by
	 * telemetry_connect() or telemetry_refuse() with 'ticket', in this call or later. */
	void (*on_dial)(struct telemetry *telemetry, unsigned ticket, uint16_t port);

	/* What telemetry_flush() began is done. */
	void (*on_flushed)(struct telemetry *telemetry);

	void *owner; /* theirs */
};

struct telemetry *telemetry_create(const struct telemetry_setup *setup);
void telemetry_destroy(struct telemetry *telemetry); /* NULL is fine */
void *telemetry_owner(const struct telemetry *telemetry);

/* ---- a life of the environment ---- */

/* Init begins: extensions may subscribe until telemetry_close(). */
void telemetry_open(struct telemetry *telemetry);

/* Init is over. Without subscribers nothing is done from now on. */
void telemetry_close(struct telemetry *telemetry);

/* The subscribers are gone, with their processes. Tells in diagnostics what they never got. */
void telemetry_end(struct telemetry *telemetry);

bool telemetry_has_subscribers(const struct telemetry *telemetry);

/* The subscribers are frozen from now on, or are not any more. */
void telemetry_freeze(struct telemetry *telemetry, bool frozen);

/*
 * Sends what is there, and from now on all else at once: the subscribers are about to end. Returns
 * true when there is nothing to wait for; otherwise on_flushed follows, once, after
 * TELEMETRY_FLUSH_MS at the latest. A subscriber that does not take its batch is not waited for any
 * longer than until that is known.
 */
bool telemetry_flush(struct telemetry *telemetry);

void telemetry_connect(struct telemetry *telemetry, unsigned ticket, int fd);
void telemetry_refuse(struct telemetry *telemetry, unsigned ticket, const struct error *why);

/* ---- subscribers ---- */

enum telemetry_verdict {
	TELEMETRY_ACCEPTED,
	TELEMETRY_CLOSED,    /* init is over */
	TELEMETRY_OTHER_API, /* somebody in this environment uses it already */
	TELEMETRY_FULL,
};

/* Whether a subscription would be heard now, whatever it says. */
bool telemetry_is_open(const struct telemetry *telemetry);

/* What was said so far is sent to it from the beginning. A subscription that 'name' (of the
 * extension) already had is replaced. */
enum telemetry_verdict telemetry_subscribe(struct telemetry *telemetry, const char *name,
                                           const struct subscription *subscription);

#endif
