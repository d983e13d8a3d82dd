/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscriber - one extension that hears telemetry: its batches, and how they get to it.
 *
 * Records are added as JSON and leave in batches, whole and in order: an array
 * for HTTP, lines for TCP. See telemetry.h for what is promised of them; a
 * subscriber keeps that promise alone, whatever the others do.
 */
#ifndef EMULATOR_SUBSCRIBER_H
#define EMULATOR_SUBSCRIBER_H

#include "emulator/telemetry.h"

struct subscriber_setup {
	struct loop *loop;
	struct telemetry_sink *sink; /* taken over */
	const char *name;            /* of the extension; copied */
	const struct subscription *wanted;
	const char *environment; /* what messages call it */

	void (*on_dial)(struct subscriber *subscriber);

	/* Nothing is left, or the last batch was not taken: see subscriber_is_settled(). */
	void (*on_settled)(struct subscriber *subscriber);

	struct telemetry *telemetry; /* theirs */
};

struct subscriber *subscriber_create(const struct subscriber_setup *setup);

/* Drops what waits, and frees it after the turn of the loop. NULL is fine. */
void subscriber_destroy(struct subscriber *subscriber);

/* Tells in diagnostics what it will never get, if that is news. */
void subscriber_tell_losses(const struct subscriber *subscriber);

struct telemetry *subscriber_telemetry(const struct subscriber *subscriber);
const char *subscriber_name(const struct subscriber *subscriber);
const struct subscription *subscriber_wanted(const struct subscriber *subscriber);
struct telemetry_sink *subscriber_sink(const struct subscriber *subscriber);

/* Adds a record, or drops it when too much waits. */
void subscriber_add(struct subscriber *subscriber, enum subscription_type type, const char *record,
                    size_t length);

/* Counts what was dropped before it came to this. */
void subscriber_miss(struct subscriber *subscriber, uint64_t records, uint64_t bytes);

void subscriber_freeze(struct subscriber *subscriber, bool frozen);

/* Sends what is there, and from now on every record at once. */
void subscriber_flush(struct subscriber *subscriber);

/* Whether it has all, or was offered the rest and does not take it. */
bool subscriber_is_settled(const struct subscriber *subscriber);

#endif
