/* SPDX-License-Identifier: Apache-2.0 */
/* event_store - a folder in which events outlive lrie, however it ends */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "emulator/event_store_private.h"
#include "emulator/identifier.h"
#include "emulator/log.h"
#include "sandbox/fd.h"

void event_store_segment_name(char name[NAME_SIZE], uint64_t number, const char *suffix)
{
	snprintf(name, NAME_SIZE, "events-%llu.%s", (unsigned long long)number, suffix);
}

uint64_t event_store_segment_number(const char *name, const char *suffix)
{
	unsigned long long number;
	char again[NAME_SIZE];

	if (sscanf(name, "events-%llu.", &number) != 1 || number == UINT64_MAX)
		return 0;
	event_store_segment_name(again, number, suffix);
	return strcmp(name, again) == 0 ? number : 0;
}

bool event_store_blame(const struct event_store *store, const char *name, struct error *err)
{
	return error_prefix(err, "'%s/%s'", store->path, name);
}

/* ---- chains ---- */

void chain_init(struct chain *chain)
{
	*chain = (struct chain){ .last = &chain->first };
}

void chain_add(struct chain *chain, struct link *link)
{
	link->next = NULL;
	link->place = chain->last;
	*chain->last = link;
	chain->last = &link->next;
}

void chain_remove(struct chain *chain, struct link *link)
{
	if (!link->place)
		return;
	*link->place = link->next;
	if (link->next)
		link->next->place = link->place;
	else
		chain->last = link->place;
	link->place = NULL;
}

/* ---- items ---- */

void event_store_place(struct event_store *store, struct event_store_item *item,
                       struct segment *segment, uint64_t offset, size_t length)
{
	if (item->segment)
		chain_remove(&item->segment->items, &item->in_segment);
	chain_add(&segment->items, &item->in_segment);
	store->bytes += length;
	store->bytes -= item->length;
	item->segment = segment;
	item->offset = offset;
	item->length = length;
}

void event_store_free(struct event_store *store, struct event_store_item *item)
{
	chain_remove(&item->segment->items, &item->in_segment);
	chain_remove(&store->waiting, &item->in_waiting);
	event_store_withdraw(item);
	store->count--;
	store->bytes -= item->length;
	free(item);
}

static int compare_functions(const void *one, const void *other)
{
	return strcmp(((const struct untaken *)one)->function,
	              ((const struct untaken *)other)->function);
}

static struct untaken *find_untaken(const struct event_store *store, const char *function)
{
	struct untaken wanted = { .function = (char *)(uintptr_t)function };
	void *found = tfind(&wanted, &store->functions, compare_functions);

	return found ? *(struct untaken **)found : NULL;
}

static struct untaken *make_untaken(struct event_store *store, const char *function)
{
	struct untaken *untaken = xcalloc(1, sizeof(*untaken));

	untaken->function = xstrdup(function);
	untaken->next = store->untaken;
	store->untaken = untaken;
	chain_init(&untaken->items);
	if (!tsearch(untaken, &store->functions, compare_functions))
		abort();
	return untaken;
}

void event_store_offer(struct event_store *store, struct event_store_item *item,
                       const char *function)
{
	item->untaken = find_untaken(store, function) ?: make_untaken(store, function);
	chain_add(&item->untaken->items, &item->in_untaken);
	item->untaken->count++;
}

void event_store_withdraw(struct event_store_item *item)
{
	if (!item->untaken)
		return;
	chain_remove(&item->untaken->items, &item->in_untaken);
	item->untaken->count--;
	item->untaken = NULL;
}

/* ---- segments ---- */

void event_store_add_segment(struct event_store *store, const struct record_file *file,
                             uint64_t number)
{
	struct segment *segment = xcalloc(1, sizeof(*segment));

	segment->file = *file;
	segment->number = number;
	chain_init(&segment->items);
	if (store->newest) {
		record_file_close(&store->newest->file);
		store->file_bytes += store->newest->file.size;
		store->newest->next = segment;
	} else {
		store->oldest = segment;
	}
	store->newest = segment;
}

static uint32_t draw_marker(void)
{
	char digits[9];

	hex_make(digits, 8);
	return (uint32_t)strtoul(digits, NULL, 16);
}

bool event_store_begin_segment(struct event_store *store, struct error *err)
{
	uint64_t number = store->newest ? store->newest->number + 1 : 1;
	struct record_file file;
	char name[NAME_SIZE];

	event_store_segment_name(name, number, "log");
	if (!record_file_create(&file, store->dir, name, draw_marker(), err))
		return event_store_blame(store, name, err);
	event_store_add_segment(store, &file, number);
	return true;
}

void event_store_leave_segment(struct event_store *store)
{
	if (store->opened)
		record_file_close(&store->opened->file);
	store->opened = NULL;
}

bool event_store_open_segment(struct event_store *store, struct segment *segment, struct error *err)
{
	struct record_file file;
	char name[NAME_SIZE];

	if (segment->file.fd != -1)
		return true;
	event_store_leave_segment(store);
	event_store_segment_name(name, segment->number, "log");
	if (!record_file_open(&file, store->dir, name, err))
		return event_store_blame(store, name, err);
	/* Its size stays what was counted, whatever has become of it since. */
	segment->file.fd = file.fd;
	store->opened = segment;
	return true;
}

static void free_items(struct event_store *store, struct segment *segment)
{
	while (segment->items.first)
		event_store_free(store, container_of(segment->items.first, struct event_store_item,
		                                     in_segment));
}

void event_store_drop_oldest(struct event_store *store)
{
	struct segment *segment = store->oldest;
	char name[NAME_SIZE];

	free_items(store, segment);
	if (store->opened == segment)
		event_store_leave_segment(store);
	event_store_segment_name(name, segment->number, "log");
	if (unlinkat(store->dir, name, 0) == -1 && errno != ENOENT)
		log_warning("remove '%s/%s': %s", store->path, name, strerror(errno));
	store->oldest = segment->next;
	if (!store->oldest)
		store->newest = NULL;
	else
		store->file_bytes -= segment->file.size;
	record_file_close(&segment->file);
	free(segment);
}

/* ---- from outside ---- */

struct event_store_item *event_store_add(struct event_store *store,
                                         const struct event_record *record, struct error *err)
{
	struct event_record numbered = *record;
	struct event_store_item *item;
	size_t length;

	assert(record->kind == EVENT_RECORD_EVENT || record->kind == EVENT_RECORD_LETTER);
	if (store->count >= EVENT_STORE_ITEMS ||
	    store->bytes + record->length > EVENT_STORE_BYTES) {
		error_set(err, ENOSPC, "'%s' holds all that it may", store->path);
		return NULL;
	}
	numbered.number = store->next_number;
	if (!event_store_append(store, &numbered, err))
		return NULL;
	store->next_number++;
	store->count++;
	item = xcalloc(1, sizeof(*item));
	item->number = numbered.number;
	item->kind = record->kind;
	item->progress = record->progress;
	length = RECORD_LOG_FRAME + store->scratch.length + record->length;
	event_store_place(store, item, store->newest, store->newest->file.size - length, length);
	event_store_tidy(store);
	return item;
}

void event_store_note(struct event_store *store, struct event_store_item *item,
                      const struct event_progress *progress)
{
	item->progress = *progress;
	event_store_want(store, item);
}

void event_store_remove(struct event_store *store, struct event_store_item *item)
{
	if (!store || !item)
		return;
	item->is_over = true;
	event_store_want(store, item);
}

bool event_store_give_back(struct event_store *store, struct event_store_item *item,
                           const char *function)
{
	if (item->segment == &store->unreadable) {
		event_store_free(store, item);
		return false;
	}
	event_store_offer(store, item, function);
	return true;
}

static int compare_items(const void *one, const void *other)
{
	uint64_t a = (*(struct event_store_item *const *)one)->number;
	uint64_t b = (*(struct event_store_item *const *)other)->number;

	return a < b ? -1 : a > b;
}

static bool read_item(struct event_store *store, const struct event_store_item *item,
                      struct buffer *body, struct event_record *record, struct error *err)
{
	if (!event_store_read(store, item, body, err))
		return false;
	if (!event_record_read(record, body->data, body->length))
		return error_set(err, 0, "it is none any more");
	record->progress = item->progress;
	return true;
}

static void take_item(struct event_store *store, struct event_store_item *item,
                      struct event_store_taker *taker)
{
	autobuffer struct buffer body = BUFFER_INIT;
	struct event_record record;
	struct error err;

	if (!read_item(store, item, &body, &record, &err)) {
		event_store_give_up(store, item, &err);
		return;
	}
	event_store_withdraw(item);
	taker->on_item(taker, item, &record);
}

void event_store_take(struct event_store *store, enum event_record_kind kind, const char *function,
                      struct event_store_taker *taker)
{
	struct untaken *untaken = find_untaken(store, function);
	struct event_store_item **found;
	size_t count = 0;

	if (!untaken)
		return;
	/* First all of them, since what a taker does may move items. */
	found = xcalloc(untaken->count + 1, sizeof(struct event_store_item *));
	for (struct link *at = untaken->items.first; at; at = at->next) {
		struct event_store_item *item = container_of(at, struct event_store_item,
		                                             in_untaken);

		if (item->kind == kind)
			found[count++] = item;
	}
	qsort(found, count, sizeof(struct event_store_item *), compare_items);
	for (size_t i = 0; i < count; i++)
		take_item(store, found[i], taker);
	event_store_leave_segment(store);
	free(found);
}

void event_store_tell_untaken(const struct event_store *store)
{
	const char *first = NULL;
	unsigned count = 0;

	for (const struct untaken *at = store->untaken; at; at = at->next) {
		if (at->count > 0)
			first = at->function;
		count += at->count;
	}
	if (count > 0)
		log_warning("'%s' has %u event%s of functions that are not there, as '%s': kept",
		            store->path, count, count == 1 ? "" : "s", first);
}

const char *event_store_path(const struct event_store *store)
{
	return store->path;
}

/* ---- life ---- */

static bool open_folder(struct event_store *store, struct error *err)
{
	if (mkdir(store->path, 0700) == -1 && errno != EEXIST)
		return error_set(err, errno, "create the folder '%s'", store->path);
	store->dir = open(store->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return store->dir != -1 || error_set(err, errno, "open the folder '%s'", store->path);
}

static bool refuse_lock(const struct event_store *store, int code, struct error *err)
{
	struct stat status;

	if (code == EACCES && fstat(store->dir, &status) == 0 && status.st_uid != geteuid())
		return error_set(err, code, "open '%s/lock' in a folder of user %u", store->path,
		                 (unsigned)status.st_uid);
	return error_set(err, code, "open '%s/lock'", store->path);
}

/* A lock of the process: its children, the processes of boxes among them, do not have it, and the
 * kernel tells who does. */
static bool lock_folder(struct event_store *store, struct error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char who[40] = "";

	store->lock = openat(store->dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (store->lock == -1)
		return refuse_lock(store, errno, err);
	if (fcntl(store->lock, F_SETLK, &lock) == 0)
		return true;
	if (errno != EACCES && errno != EAGAIN)
		return error_set(err, errno, "lock '%s/lock'", store->path);
	if (fcntl(store->lock, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0)
		snprintf(who, sizeof(who), ", process %d", (int)lock.l_pid);
	return error_set(err, 0, "the folder '%s' is in use by another lrie%s", store->path, who);
}

struct event_store *event_store_open(const char *path, struct loop *loop, struct error *err)
{
	struct event_store *store = xcalloc(1, sizeof(*store));

	store->path = xstrdup(path);
	store->dir = store->lock = -1;
	store->loop = loop;
	store->next_number = 1;
	store->unreadable.file.fd = -1;
	chain_init(&store->unreadable.items);
	event_store_write_init(store);
	if (!open_folder(store, err) || !lock_folder(store, err) || !event_store_load(store, err) ||
	    !event_store_begin_segment(store, err)) {
		event_store_close(store);
		return NULL;
	}
	store->is_open = true;
	if (store->is_damaged)
		event_store_clean_all(store);
	event_store_tidy(store);
	return store;
}

/* Nothing is written: what is in the files is what is so. */
static void close_segments(struct event_store *store)
{
	bool is_empty = store->is_open && store->count == 0;

	while (store->oldest) {
		struct segment *segment = store->oldest;

		if (is_empty) {
			event_store_drop_oldest(store);
			continue;
		}
		free_items(store, segment);
		record_file_close(&segment->file);
		store->oldest = segment->next;
		free(segment);
	}
}

static void free_untaken(void *item)
{
	struct untaken *untaken = item;

	free(untaken->function);
	free(untaken);
}

void event_store_close(struct event_store *store)
{
	if (!store)
		return;
	event_store_write_all(store);
	free_items(store, &store->unreadable);
	close_segments(store);
	tdestroy(store->functions, free_untaken);
	buffer_finish(&store->scratch);
	buffer_finish(&store->batch);
	fd_close(&store->lock);
	fd_close(&store->dir);
	free(store->path);
	free(store);
}
