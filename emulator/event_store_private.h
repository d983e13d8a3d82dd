/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_store_private - what the parts of an event_store share.
 *
 *	event_store.c        from outside, and its life
 *	event_store_write.c  what is written, and when
 *	event_store_clean.c  files whose events are over go
 *	event_store_aside.c  what is no event any more, and is not thrown away
 *	event_store_load.c   what an earlier lrie has left
 */
#ifndef EMULATOR_EVENT_STORE_PRIVATE_H
#define EMULATOR_EVENT_STORE_PRIVATE_H

#include "emulator/event_store.h"
#include "emulator/loop.h"
#include "emulator/record_file.h"

#define NAME_SIZE 40 /* of a file in the folder */

/* ---- chains of items; a link is in one at a time ---- */

struct link {
	struct link *next, **place; /* NULL: in none */
};

struct chain {
	struct link *first, **last;
};

void chain_init(struct chain *chain);
void chain_add(struct chain *chain, struct link *link);
void chain_remove(struct chain *chain, struct link *link); /* fine on one that is in none */

/* ---- what there is ---- */

/* A file of the log. */
struct segment {
	struct record_file file;
	uint64_t number;
	struct chain items; /* what is in it and not over */
	struct segment *next;
};

/* Items that nobody has taken, of a function. */
struct untaken {
	char *function;
	struct chain items;
	unsigned count;
	struct untaken *next;
};

struct event_store_item {
	uint64_t number;
	struct segment *segment;
	uint64_t offset;
	size_t length; /* of its frame and body there */
	struct event_progress progress;
	enum event_record_kind kind;
	bool is_over;
	uint64_t waits_since;    /* in the order of all that waited to be written */
	struct untaken *untaken; /* NULL: somebody has taken it */
	struct link in_segment, in_waiting, in_untaken;
};

struct event_store {
	char *path;
	int dir, lock;
	struct loop *loop;
	struct segment *oldest, *newest;
	struct segment *opened;    /* to be read, and not the newest */
	struct segment unreadable; /* no file: items whose record is lost */
	void *items;               /* a tree by number, while the store is opened */
	void *functions;           /* ... by name, of what is untaken */
	struct untaken *untaken;   /* the same */
	uint64_t next_number;
	uint64_t count, bytes; /* that are kept */
	uint64_t file_bytes;   /* of all segments but the newest */

	struct chain waiting;         /* items whose progress or end is not written yet */
	uint64_t waited;              /* so many have, in all */
	uint64_t resting_to, ripe_to; /* of 'waits_since' */
	struct loop_hook hook;        /* while something waits */
	struct loop_timer writing;    /* ... until it is written */
	struct buffer scratch, batch; /* a record; records */
	bool is_failing;              /* for one warning per series */
	uint64_t not_cleaned_at;      /* the newest file when cleaning failed; 0: it did not */
	uint64_t damaged_bytes;       /* in files for them */
	bool is_undelivered_told, is_damaged_told; /* ... that they are half full */
	bool is_damaged;                           /* something in it was */
	bool is_open;
};

/* ---- event_store.c ---- */

/* "events-7.log" */
void event_store_segment_name(char name[NAME_SIZE], uint64_t number, const char *suffix);

/* The opposite. 0: it is no such name. */
uint64_t event_store_segment_number(const char *name, const char *suffix);

/* Puts where it happened before what happened. Always returns false. */
bool event_store_blame(const struct event_store *store, const char *name, struct error *err);

/* The newest; takes 'file' over. */
void event_store_add_segment(struct event_store *store, const struct record_file *file,
                             uint64_t number);
bool event_store_begin_segment(struct event_store *store, struct error *err);

/* Only the newest is open all the time, and one more until it is left: there may be hundreds. */
bool event_store_open_segment(struct event_store *store, struct segment *segment,
                              struct error *err);
void event_store_leave_segment(struct event_store *store);

/* With all that is in it, which is over. */
void event_store_drop_oldest(struct event_store *store);

/* Where the record of an item is from now on. */
void event_store_place(struct event_store *store, struct event_store_item *item,
                       struct segment *segment, uint64_t offset, size_t length);
void event_store_free(struct event_store *store, struct event_store_item *item);

/* Puts it among those that nobody has taken, or takes it out. */
void event_store_offer(struct event_store *store, struct event_store_item *item,
                       const char *function);
void event_store_withdraw(struct event_store_item *item);

/* ---- event_store_write.c ---- */

void event_store_write_init(struct event_store *store);

/* Its progress, or its end, is to be written. */
void event_store_want(struct event_store *store, struct event_store_item *item);

/* Whether that may be written: all that was told before is. */
bool event_store_is_ripe(const struct event_store *store, const struct event_store_item *item);

/* Appends an event or a letter, after what is ripe. */
bool event_store_append(struct event_store *store, const struct event_record *record,
                        struct error *err);

/* Appends a body that was read, with the item's progress. */
bool event_store_append_again(struct event_store *store, const struct event_store_item *item,
                              const struct buffer *body, struct error *err);

/* All that waits, ripe or not: at the end. */
void event_store_write_all(struct event_store *store);

/* ---- event_store_clean.c ---- */

/* A file at a time, so that nobody waits long. */
void event_store_tidy(struct event_store *store);

/* What is needed of damaged files moves, so that they are told of once. */
void event_store_clean_all(struct event_store *store);

/* Appends the body of its record. */
bool event_store_read(struct event_store *store, const struct event_store_item *item,
                      struct buffer *body, struct error *err);

/* The record of an item cannot be read, for 'why': what is there is put aside, and an item that
 * somebody has taken has none any more; another one goes. Returns false when it could not be put
 * aside, or may be read another time. */
bool event_store_give_up(struct event_store *store, struct event_store_item *item,
                         const struct error *why);

/* ---- event_store_aside.c ---- */

/* How much there is from earlier. */
void event_store_count_damaged(struct event_store *store);

/* Appends damaged bytes of a segment to the file for them, behind those of another one of that
 * number. */
bool event_store_keep_damaged(struct event_store *store, uint64_t number, const char *bytes,
                              size_t length, struct error *err);

/* ---- event_store_load.c ---- */

/* Reads all files. What is damaged is kept aside, or that is an error. */
bool event_store_load(struct event_store *store, struct error *err);

#endif
