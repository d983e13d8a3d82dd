/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_store_write - what is written of a store, and when
 *
 * An event is written before anybody is told that it was accepted. That an attempt has begun or
 * failed, and that an event is over, waits for the next event to be written with it, and for
 * a millisecond at most; of an event that is over meanwhile only that is written. It must not be
 * written before what was told of the event, which a file gets before the loop sleeps: so it rests
 * until all hooks of the loop have been called once more, or the loop has slept.
 */
#include <string.h>

#include "emulator/clock.h"
#include "emulator/event_store_private.h"
#include "emulator/log.h"

#define WAIT_NS (1 * CLOCK_NS_PER_MS)
#define RETRY_NS (1 * CLOCK_NS_PER_S) /* after a write that failed */
#define BATCH 1000                    /* records of one write, at most */

/* ---- what waits ---- */

bool event_store_is_ripe(const struct event_store *store, const struct event_store_item *item)
{
	return item->in_waiting.place && item->waits_since <= store->ripe_to;
}

static void wait_for_write(struct event_store *store, uint64_t ns)
{
	if (!store->writing.loop)
		loop_timer_start(store->loop, &store->writing, clock_now() + ns);
}

void event_store_want(struct event_store *store, struct event_store_item *item)
{
	chain_remove(&store->waiting, &item->in_waiting);
	chain_add(&store->waiting, &item->in_waiting);
	item->waits_since = ++store->waited;
	if (!store->hook.loop)
		loop_hook_start(store->loop, &store->hook);
	wait_for_write(store, WAIT_NS);
}

/* What rested when this was called last has seen every other hook called since. */
static bool on_before_sleep(struct loop_hook *hook)
{
	struct event_store *store = container_of(hook, struct event_store, hook);

	store->ripe_to = store->resting_to;
	store->resting_to = store->waited;
	if (!store->waiting.first)
		loop_hook_stop(hook);
	return false;
}

static struct event_store_item *next_ripe(const struct event_store *store, struct link *at)
{
	struct event_store_item *item = at ? container_of(at, struct event_store_item, in_waiting)
	                                   : NULL;

	return item && event_store_is_ripe(store, item) ? item : NULL;
}

/* ---- records ---- */

/* A file that was removed, by hand, takes what is written and loses it. */
static bool have_room(struct event_store *store, struct error *err)
{
	if (store->newest->file.size < EVENT_STORE_FILE &&
	    !record_file_is_removed(&store->newest->file))
		return true;
	return event_store_begin_segment(store, err);
}

static void add_to_batch(struct event_store *store, const struct event_store_item *item)
{
	const struct event_record record = { .kind = item->is_over ? EVENT_RECORD_END
		                                                   : EVENT_RECORD_PROGRESS,
		                             .number = item->number,
		                             .progress = item->progress };
	struct iovec part;

	buffer_clear(&store->scratch);
	event_record_append(&store->scratch, &record);
	part = (struct iovec){ store->scratch.data, store->scratch.length };
	record_file_make(&store->newest->file, &store->batch, &part, 1);
}

static unsigned make_batch(struct event_store *store)
{
	struct event_store_item *item = next_ripe(store, store->waiting.first);
	unsigned count = 0;

	buffer_clear(&store->batch);
	for (; item && count < BATCH; count++) {
		add_to_batch(store, item);
		item = next_ripe(store, item->in_waiting.next);
	}
	return count;
}

static void forget_batch(struct event_store *store, unsigned count)
{
	for (; count > 0; count--) {
		struct event_store_item *item = next_ripe(store, store->waiting.first);

		if (item->is_over)
			event_store_free(store, item);
		else
			chain_remove(&store->waiting, &item->in_waiting);
	}
}

/* After those of a batch. */
static bool write_record(struct event_store *store, const struct iovec *parts, size_t count,
                         struct error *err)
{
	char name[NAME_SIZE];

	if (record_file_append(&store->newest->file, &store->batch, parts, count, err))
		return true;
	event_store_segment_name(name, store->newest->number, "log");
	return event_store_blame(store, name, err);
}

bool event_store_append(struct event_store *store, const struct event_record *record,
                        struct error *err)
{
	struct iovec parts[RECORD_FILE_PARTS];
	unsigned count;

	if (!have_room(store, err))
		return false;
	count = make_batch(store);
	buffer_clear(&store->scratch);
	event_record_append(&store->scratch, record);
	parts[0] = (struct iovec){ store->scratch.data, store->scratch.length };
	parts[1] = (struct iovec){ (void *)(uintptr_t)record->data, record->length };
	if (!write_record(store, parts, 2, err))
		return false;
	forget_batch(store, count);
	return true;
}

bool event_store_append_again(struct event_store *store, const struct event_store_item *item,
                              const struct buffer *body, struct error *err)
{
	const struct iovec part = { body->data, body->length };

	if (!have_room(store, err))
		return false;
	buffer_clear(&store->batch);
	record_file_make(&store->newest->file, &store->batch, &part, 1);
	if (item->kind == EVENT_RECORD_EVENT && !item->is_over)
		add_to_batch(store, item);
	return write_record(store, NULL, 0, err);
}

/* ---- when nothing else is written ---- */

static void write_ripe(struct event_store *store)
{
	struct error err;
	bool is_written = true;

	while (is_written && next_ripe(store, store->waiting.first)) {
		is_written = have_room(store, &err);
		unsigned count = is_written ? make_batch(store) : 0;
		is_written = is_written && write_record(store, NULL, 0, &err);
		if (is_written)
			forget_batch(store, count);
	}
	if (!is_written && !store->is_failing)
		log_warning("what becomes of events is not kept for now: %s", err.text);
	store->is_failing = !is_written;
}

static void on_writing(struct loop_timer *timer)
{
	struct event_store *store = container_of(timer, struct event_store, writing);

	/* The loop has slept since. */
	store->ripe_to = store->resting_to;
	write_ripe(store);
	event_store_tidy(store);
	if (store->waiting.first)
		wait_for_write(store, store->is_failing ? RETRY_NS : WAIT_NS);
}

void event_store_write_all(struct event_store *store)
{
	loop_hook_stop(&store->hook);
	loop_timer_stop(&store->writing);
	store->ripe_to = store->waited;
	if (store->waiting.first)
		write_ripe(store);
}

void event_store_write_init(struct event_store *store)
{
	chain_init(&store->waiting);
	buffer_init(&store->scratch);
	buffer_init(&store->batch);
	store->hook.before_sleep = on_before_sleep;
	store->writing.on_due = on_writing;
}
