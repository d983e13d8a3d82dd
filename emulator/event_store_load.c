/* SPDX-License-Identifier: Apache-2.0 */
/* event_store_load - reads what an earlier lrie has left */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/event_store_private.h"
#include "emulator/folder.h"
#include "emulator/log.h"
#include "emulator/loop.h" /* container_of */
#include "sandbox/fd.h"

/* ---- items ---- */

static int compare_items(const void *one, const void *other)
{
	uint64_t a = ((const struct event_store_item *)one)->number;
	uint64_t b = ((const struct event_store_item *)other)->number;

	return a < b ? -1 : a > b;
}

static struct event_store_item *find_item(struct event_store *store, uint64_t number)
{
	struct event_store_item wanted = { .number = number };
	void *found = tfind(&wanted, &store->items, compare_items);

	return found ? *(struct event_store_item **)found : NULL;
}

static void forget_item(struct event_store *store, struct event_store_item *item)
{
	tdelete(item, &store->items, compare_items);
	event_store_free(store, item);
}

/* What was written again is there twice, unless its first file is gone. */
static void restore_item(struct event_store *store, const struct event_record *record,
                         uint64_t offset, size_t length)
{
	struct event_store_item *before = find_item(store, record->number);
	struct event_store_item *item = xcalloc(1, sizeof(*item));

	item->number = record->number;
	item->kind = record->kind;
	item->progress = before ? before->progress : record->progress;
	if (before)
		forget_item(store, before);
	store->count++;
	event_store_place(store, item, store->newest, offset, length);
	event_store_offer(store, item, record->function);
	if (!tsearch(item, &store->items, compare_items))
		abort();
}

static void restore_record(struct event_store *store, const struct event_record *record,
                           uint64_t offset, size_t length)
{
	struct event_store_item *item;

	if (record->number >= store->next_number && record->number < UINT64_MAX)
		store->next_number = record->number + 1;
	switch (record->kind) {
	case EVENT_RECORD_EVENT:
	case EVENT_RECORD_LETTER:
		restore_item(store, record, offset, length);
		return;
	case EVENT_RECORD_PROGRESS:
		item = find_item(store, record->number);
		if (item)
			item->progress = record->progress;
		return;
	case EVENT_RECORD_END:
		item = find_item(store, record->number);
		if (item)
			forget_item(store, item);
		return;
	}
}

struct loading {
	struct record_file_reader reader;
	struct event_store *store;
	char name[NAME_SIZE];
	bool is_damaged;
	bool is_torn;
	uint64_t torn_at;
	struct error error; /* what is damaged could not be put aside, if there is a text */
};

static void keep_aside(struct loading *loading, uint64_t offset, const char *bytes, size_t length)
{
	struct event_store *store = loading->store;
	uint64_t number = store->newest->number;
	struct error err;

	if (!loading->is_damaged)
		log_warning("'%s/%s' is damaged at byte %llu: what is no record is kept beside it "
		            "in 'events-%llu.damaged'",
		            store->path, loading->name, (unsigned long long)offset,
		            (unsigned long long)number);
	loading->is_damaged = true;
	if (!*loading->error.text && !event_store_keep_damaged(store, number, bytes, length, &err))
		loading->error = err;
}

/* It is the last part of the file. */
static void note_torn(struct loading *loading, uint64_t offset, size_t length)
{
	log_warning("'%s/%s' ends with %zu bytes of a record that was never finished: cut",
	            loading->store->path, loading->name, length);
	loading->is_torn = true;
	loading->torn_at = offset;
}

static void on_part(struct record_file_reader *reader, uint64_t offset,
                    const struct record_log_part *part, const char *bytes)
{
	struct loading *loading = container_of(reader, struct loading, reader);
	struct event_record record;

	if (part->kind == RECORD_LOG_TORN)
		note_torn(loading, offset, part->length);
	else if (part->kind == RECORD_LOG_RECORD &&
	         event_record_read(&record, part->body, part->body_length))
		restore_record(loading->store, &record, offset, part->length);
	else
		keep_aside(loading, offset, bytes, part->length);
}

static bool load_segment(struct event_store *store, uint64_t number, struct error *err)
{
	struct loading loading = { .reader.on_part = on_part, .store = store };
	struct record_file file;
	bool is_read;

	event_store_segment_name(loading.name, number, "log");
	if (!record_file_open(&file, store->dir, loading.name, err))
		return event_store_blame(store, loading.name, err);
	event_store_add_segment(store, &file, number);
	is_read = record_file_read(&store->newest->file, &loading.reader, err);
	if (is_read && loading.is_torn)
		record_file_cut(&store->newest->file, loading.torn_at);
	store->is_damaged |= loading.is_damaged;
	if (!is_read)
		return event_store_blame(store, loading.name, err);
	if (!*loading.error.text)
		return true;
	*err = loading.error;
	return error_prefix(err, "keep what is damaged");
}

static int compare_numbers(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a < b ? -1 : a > b;
}

static bool list_segments(const struct event_store *store, struct buffer *numbers,
                          struct error *err)
{
	DIR *dir = folder_read(store->dir);
	const struct dirent *entry;

	if (!dir)
		return error_set(err, errno, "read '%s'", store->path);
	while ((entry = readdir(dir))) {
		uint64_t number = event_store_segment_number(entry->d_name, "log");

		if (number)
			buffer_append(numbers, &number, sizeof(number));
	}
	closedir(dir);
	qsort(numbers->data, numbers->length / sizeof(uint64_t), sizeof(uint64_t), compare_numbers);
	return true;
}

static void keep_node(void *item)
{
	(void)item;
}

bool event_store_load(struct event_store *store, struct error *err)
{
	autobuffer struct buffer list = BUFFER_INIT;
	bool is_loaded = list_segments(store, &list, err);

	event_store_count_damaged(store);

	for (size_t at = 0; is_loaded && at < list.length; at += sizeof(uint64_t)) {
		uint64_t number;

		memcpy(&number, list.data + at, sizeof(number));
		is_loaded = load_segment(store, number, err);
	}
	tdestroy(store->items, keep_node);
	store->items = NULL;
	return is_loaded;
}
