/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_store_private - what the parts of an event_store share: event_store.c writes and tidies,
 * event_store_load.c reads what an earlier lrie has left.
 */
#ifndef EMULATOR_EVENT_STORE_PRIVATE_H
#define EMULATOR_EVENT_STORE_PRIVATE_H

#include "emulator/event_store.h"
#include "emulator/record_file.h"

#define NAME_SIZE 40 /* of a file in the folder */

/* A file of the log. */
struct segment {
	struct record_file file;
	uint64_t number;
	struct event_store_item *first, **last; /* what is in it and not over */
	struct segment *next;
};

struct event_store_item {
	uint64_t number;
	struct segment *segment;
	uint64_t offset;
	size_t length; /* of its frame and body there */
	struct event_progress progress;
	enum event_record_kind kind;
	char *function;                         /* while nobody has taken it; else NULL */
	bool is_over;                           /* ... but that could not be written */
	struct event_store_item *next, **place; /* in the segment */
};

struct event_store {
	char *path;
	int dir, lock;
	struct segment *oldest, *newest;
	void *items; /* a tree by number, while the store is opened */
	uint64_t next_number;
	uint64_t count, bytes; /* that are kept */
	uint64_t file_bytes;   /* of all segments but the newest */
	unsigned over;         /* whose end is not written yet */
	bool is_failing;       /* for one warning per series */
	bool is_damaged;       /* something in it was */
	bool is_open;
	struct buffer scratch;
};

/* ---- event_store.c ---- */

/* "events-7.log" */
void event_store_segment_name(char name[NAME_SIZE], uint64_t number, const char *suffix);

/* Puts where it happened before what happened. Always returns false. */
bool event_store_blame(const struct event_store *store, const char *name, struct error *err);

/* The newest; takes 'file' over. */
void event_store_add_segment(struct event_store *store, const struct record_file *file,
                             uint64_t number);

/* Only the newest is open all the time: there may be hundreds. */
bool event_store_open_segment(struct event_store *store, struct segment *segment,
                              struct error *err);
void event_store_leave_segment(const struct event_store *store, struct segment *segment);

/* An item whose record is the last one that was read or written. */
void event_store_link(struct event_store *store, struct event_store_item *item, uint64_t offset,
                      size_t length);
void event_store_free(struct event_store *store, struct event_store_item *item);

/* ---- event_store_load.c ---- */

/* Reads all files. What is damaged is kept aside, or that is an error. */
bool event_store_load(struct event_store *store, struct error *err);

#endif
