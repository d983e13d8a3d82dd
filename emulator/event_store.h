/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_store - a folder in which events outlive lrie, however it ends.
 *
 * What was added is there until it is removed: after a SIGKILL too, for the next lrie that opens
 * the folder. It is not synced to the disk: that would cost an event milliseconds, and lose none
 * but when the machine loses its power. In the folder are
 *
 *	lock                   locked by the lrie that uses the folder
 *	events-N.log           records (record_file.h, event_record.h), the oldest first
 *	events-N.damaged       bytes of such a file that were no records, kept aside
 *	undelivered            letters that nobody would take, a line each
 *
 * Files are begun anew at EVENT_STORE_FILE bytes and go once nothing in them is needed. When
 * they are more than twice as much as what is needed, what the oldest still holds is
 * written again, a file at a time: so all files together have at most twice the bytes of what is
 * kept and four files more, and nobody waits long.
 *
 * At least once: that an attempt has begun or failed, and that an event is over, is written a
 * millisecond later, or with the next event that is added. A kill before that repeats what was
 * over, with all that is told of it, or an attempt, which then is not counted. What cannot be
 * written is tried again each second; if lrie ends before, the event is run again; so may be those
 * that were over in a file that could not be removed, of which is told.
 *
 * A record that is broken or gone is told of, and put aside; its event goes on in memory, and
 * does not outlive lrie.
 *
 * Bounds: EVENT_STORE_ITEMS events and letters, EVENT_STORE_BYTES of them; EVENT_STORE_ASIDE of
 * letters in 'undelivered', and as much in all files of damaged bytes. Half of that is told. Beyond
 * it nothing is put aside: a letter stays in the store then, if it is there, for the next lrie;
 * a record that is damaged stays where it is; and a store whose damage cannot be put aside is not
 * opened.
 */
#ifndef EMULATOR_EVENT_STORE_H
#define EMULATOR_EVENT_STORE_H

#include <stdbool.h>

#include "emulator/event_record.h"
#include "emulator/loop.h"
#include "sandbox/error.h"

#define EVENT_STORE_FILE ((uint64_t)4 << 20)
#define EVENT_STORE_ITEMS 1000000
#define EVENT_STORE_BYTES ((uint64_t)4 << 30)
#define EVENT_STORE_ASIDE ((uint64_t)64 << 20)

struct event_store;
struct event_store_item; /* an event or a letter that is kept */

/*
 * Makes the folder if it is not there (its own folder must be), locks it and reads it. What is
 * damaged or torn is told. 'loop' must outlive the store. Returns NULL and 'err' when it cannot be
 * used, or another lrie uses it.
 */
struct event_store *event_store_open(const char *path, struct loop *loop, struct error *err);

/* Keeps what is in it; with nothing in it, no log stays. NULL is fine. */
void event_store_close(struct event_store *store);

/* Keeps an event or a letter; its number is given by the store. Returns NULL and 'err' when it
 * cannot be kept. */
struct event_store_item *event_store_add(struct event_store *store,
                                         const struct event_record *record, struct error *err);

/* Tells how far an event has come. */
void event_store_note(struct event_store *store, struct event_store_item *item,
                      const struct event_progress *progress);

/* Its end, which is written when what the hooks of the loop write in this turn is, such as what was
 * told of it. Both may be NULL. */
void event_store_remove(struct event_store *store, struct event_store_item *item);

/* Appends a line, which ends with a line feed, to 'undelivered'; all of it, or nothing. */
bool event_store_set_aside(struct event_store *store, const char *line, size_t length,
                           struct error *err);

/*
 * Calls on_item for each event, or letter, of a function that was there when the store was opened
 * and that nobody has taken yet, in the order in which they were added. 'record' is good for the
 * call. on_item owns the item from then on; it may remove it.
 */
struct event_store_taker {
	void (*on_item)(struct event_store_taker *taker, struct event_store_item *item,
	                const struct event_record *record);
};

void event_store_take(struct event_store *store, enum event_record_kind kind, const char *function,
                      struct event_store_taker *taker);

/* The opposite: whoever takes those of 'function' next takes it again. Returns false when there is
 * no record of it any more. */
bool event_store_give_back(struct event_store *store, struct event_store_item *item,
                           const char *function);

/* Tells of those that nobody has taken: their functions are not there any more. */
void event_store_tell_untaken(const struct event_store *store);

const char *event_store_path(const struct event_store *store);

#endif
