/* SPDX-License-Identifier: Apache-2.0 */
/* event_store_clean - files whose events are over go */
#include <errno.h>
#include <string.h>

#include "emulator/event_store_private.h"
#include "emulator/log.h"

/* ---- a record that cannot be read ---- */

/* What is neither gone nor broken, as where there is no room for more descriptors, may be read
 * another time. */
static bool may_pass(const struct error *why)
{
	return why->code != 0 && why->code != EIO && why->code != ENOENT;
}

static bool put_aside(struct event_store *store, const struct event_store_item *item,
                      struct buffer *bytes, struct error *err)
{
	struct segment *segment = item->segment;

	/* What the disk does not give back is in no file that could be kept. */
	if (event_store_open_segment(store, segment, err))
		record_file_copy(&segment->file, item->offset, item->length, bytes, err);
	return event_store_keep_damaged(store, segment->number, bytes->data, bytes->length, err);
}

bool event_store_give_up(struct event_store *store, struct event_store_item *item,
                         const struct error *why)
{
	struct segment *segment = item->segment;
	autobuffer struct buffer bytes = BUFFER_INIT;
	struct error err = *why;

	if (may_pass(why) || !put_aside(store, item, &bytes, &err)) {
		log_warning("'%s/events-%llu.log': event %llu cannot be read, nor put aside: %s",
		            store->path, (unsigned long long)segment->number,
		            (unsigned long long)item->number, err.text);
		return false;
	}
	log_warning("'%s/events-%llu.log': event %llu cannot be read, and is kept no longer: %s; "
	            "%zu bytes of it are in 'events-%llu.damaged'",
	            store->path, (unsigned long long)segment->number,
	            (unsigned long long)item->number, why->text, bytes.length,
	            (unsigned long long)segment->number);
	if (item->untaken)
		event_store_free(store, item);
	else
		event_store_place(store, item, &store->unreadable, 0, 0);
	return true;
}

/* ---- moving ---- */

bool event_store_read(struct event_store *store, const struct event_store_item *item,
                      struct buffer *body, struct error *err)
{
	return event_store_open_segment(store, item->segment, err) &&
	       record_file_get(&item->segment->file, item->offset, item->length, body, err);
}

/* Writes an item of the oldest file again, at the end of the newest. */
static bool move_item(struct event_store *store, struct event_store_item *item, struct error *err)
{
	autobuffer struct buffer body = BUFFER_INIT;
	size_t before;

	if (!event_store_read(store, item, &body, err))
		return event_store_give_up(store, item, err);
	if (!event_store_append_again(store, item, &body, err))
		return false;
	/* Behind it is its progress. */
	before = store->newest->file.size - store->batch.length;
	event_store_place(store, item, store->newest, before, item->length);
	return true;
}

/* One whose end may be written goes with its file. */
static bool is_needed(const struct event_store *store, const struct event_store_item *item)
{
	return !item->is_over || !event_store_is_ripe(store, item);
}

static bool clean_oldest(struct event_store *store)
{
	struct segment *segment = store->oldest;
	struct link *next;
	struct error err;
	bool is_clean = true;

	for (struct link *at = segment->items.first; is_clean && at; at = next) {
		struct event_store_item *item = container_of(at, struct event_store_item,
		                                             in_segment);

		next = at->next;
		is_clean = !is_needed(store, item) || move_item(store, item, &err);
	}
	if (is_clean) {
		event_store_drop_oldest(store);
		return true;
	}
	log_warning("'%s/events-%llu.log' cannot be cleaned for now: %s", store->path,
	            (unsigned long long)segment->number, err.text);
	event_store_leave_segment(store);
	return false;
}

/* ---- when ---- */

/* One that failed is tried again when there is another file. */
static bool is_wasteful(const struct event_store *store)
{
	return store->file_bytes > 2 * store->bytes + 2 * EVENT_STORE_FILE &&
	       store->newest->number != store->not_cleaned_at;
}

void event_store_tidy(struct event_store *store)
{
	while (store->oldest != store->newest && !store->oldest->items.first)
		event_store_drop_oldest(store);
	if (store->oldest == store->newest || !is_wasteful(store))
		return;
	if (!clean_oldest(store))
		store->not_cleaned_at = store->newest->number;
}

void event_store_clean_all(struct event_store *store)
{
	uint64_t fresh = store->newest->number;

	while (store->oldest->number < fresh && clean_oldest(store))
		;
}
