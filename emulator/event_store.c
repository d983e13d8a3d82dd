/* SPDX-License-Identifier: Apache-2.0 */
/* event_store - a folder in which events outlive lrie, however it ends */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
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

bool event_store_blame(const struct event_store *store, const char *name, struct error *err)
{
	return error_prefix(err, "'%s/%s'", store->path, name);
}

/* ---- items ---- */

static void link_item(struct event_store_item *item, struct segment *segment, uint64_t offset,
                      size_t length)
{
	item->segment = segment;
	item->offset = offset;
	item->length = length;
	item->next = NULL;
	item->place = segment->last;
	*segment->last = item;
	segment->last = &item->next;
}

static void unlink_item(struct event_store_item *item)
{
	*item->place = item->next;
	if (item->next)
		item->next->place = item->place;
	else
		item->segment->last = item->place;
}

void event_store_link(struct event_store *store, struct event_store_item *item, uint64_t offset,
                      size_t length)
{
	link_item(item, store->newest, offset, length);
	store->count++;
	store->bytes += length;
}

void event_store_free(struct event_store *store, struct event_store_item *item)
{
	unlink_item(item);
	store->count--;
	store->bytes -= item->length;
	store->over -= item->is_over;
	free(item->function);
	free(item);
}

/* ---- segments ---- */

void event_store_add_segment(struct event_store *store, const struct record_file *file,
                             uint64_t number)
{
	struct segment *segment = xcalloc(1, sizeof(*segment));

	segment->file = *file;
	segment->number = number;
	segment->last = &segment->first;
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

static bool begin_segment(struct event_store *store, struct error *err)
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

bool event_store_open_segment(struct event_store *store, struct segment *segment, struct error *err)
{
	uint32_t marker = segment->file.marker;
	char name[NAME_SIZE];

	if (segment->file.fd != -1)
		return true;
	event_store_segment_name(name, segment->number, "log");
	if (!record_file_open(&segment->file, store->dir, name, err))
		return event_store_blame(store, name, err);
	segment->file.marker = marker;
	return true;
}

void event_store_leave_segment(const struct event_store *store, struct segment *segment)
{
	if (segment != store->newest)
		record_file_close(&segment->file);
}

/* With all that is in it, which is over. */
static void drop_oldest(struct event_store *store)
{
	struct segment *segment = store->oldest;
	char name[NAME_SIZE];

	while (segment->first)
		event_store_free(store, segment->first);
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

/* ---- writing ---- */

/* A file that was removed, by hand, takes what is written and loses it. */
static bool have_room(struct event_store *store, struct error *err)
{
	if (store->newest->file.size < EVENT_STORE_FILE &&
	    !record_file_is_removed(&store->newest->file))
		return true;
	return begin_segment(store, err);
}

static bool append(struct event_store *store, const struct event_record *record,
                   const struct iovec *data, struct error *err)
{
	struct iovec parts[RECORD_FILE_PARTS];
	char name[NAME_SIZE];

	if (!have_room(store, err))
		return false;
	buffer_clear(&store->scratch);
	event_record_append(&store->scratch, record);
	parts[0] = (struct iovec){ store->scratch.data, store->scratch.length };
	parts[1] = data ? *data : (struct iovec){ .iov_len = 0 };
	if (record_file_append(&store->newest->file, parts, 2, err))
		return true;
	event_store_segment_name(name, store->newest->number, "log");
	return event_store_blame(store, name, err);
}

static bool append_short(struct event_store *store, const struct event_record *record)
{
	struct error err;
	bool is_written = append(store, record, NULL, &err);

	if (!is_written && !store->is_failing)
		log_warning("what becomes of events is not kept for now: %s", err.text);
	store->is_failing = !is_written;
	return is_written;
}

static bool append_end(struct event_store *store, const struct event_store_item *item)
{
	struct event_record end = { .kind = EVENT_RECORD_END, .number = item->number };

	return append_short(store, &end);
}

static bool append_progress(struct event_store *store, const struct event_store_item *item)
{
	struct event_record record = { .kind = EVENT_RECORD_PROGRESS,
		                       .number = item->number,
		                       .progress = item->progress };

	return append_short(store, &record);
}

/* Ends that could not be written when they came. */
static void write_ends(struct event_store *store)
{
	for (struct segment *at = store->oldest; at && store->over > 0; at = at->next) {
		struct event_store_item *item = at->first, *next;

		for (; item; item = next) {
			next = item->next;
			if (!item->is_over)
				continue;
			if (!append_end(store, item))
				return;
			event_store_free(store, item);
		}
	}
}

/* ---- what is needed no more ---- */

/* Writes an item of the oldest file again, at the end of the newest. */
static bool move_item(struct event_store *store, struct event_store_item *item, struct error *err)
{
	struct segment *from = item->segment;
	autobuffer struct buffer body = BUFFER_INIT;
	struct iovec part;
	uint64_t offset;

	if (!event_store_open_segment(store, from, err) ||
	    !record_file_get(&from->file, item->offset, item->length, &body, err) ||
	    !have_room(store, err))
		return false;
	part = (struct iovec){ body.data, body.length };
	offset = store->newest->file.size;
	if (!record_file_append(&store->newest->file, &part, 1, err))
		return false;
	unlink_item(item);
	link_item(item, store->newest, offset, item->length);
	return item->kind == EVENT_RECORD_LETTER || append_progress(store, item);
}

static bool clean_oldest(struct event_store *store)
{
	struct segment *segment = store->oldest;
	struct error err;

	while (segment->first) {
		struct event_store_item *item = segment->first;

		if (item->is_over) {
			event_store_free(store, item); /* it goes with its file */
		} else if (!move_item(store, item, &err)) {
			log_debug("'%s': cannot move an event: %s", store->path, err.text);
			event_store_leave_segment(store, segment);
			return false;
		}
	}
	drop_oldest(store);
	return true;
}

static bool is_wasteful(const struct event_store *store)
{
	return store->file_bytes > 2 * store->bytes + 2 * EVENT_STORE_FILE;
}

/* A file at a time, so that nobody waits long. */
static void tidy(struct event_store *store)
{
	while (store->oldest != store->newest && !store->oldest->first)
		drop_oldest(store);
	if (store->oldest != store->newest && is_wasteful(store))
		clean_oldest(store);
}

/* ---- from outside ---- */

struct event_store_item *event_store_add(struct event_store *store,
                                         const struct event_record *record, struct error *err)
{
	struct iovec data = { (void *)(uintptr_t)record->data, record->length };
	struct event_record numbered = *record;
	struct event_store_item *item;
	uint64_t offset;

	assert(record->kind == EVENT_RECORD_EVENT || record->kind == EVENT_RECORD_LETTER);
	if (store->count >= EVENT_STORE_ITEMS ||
	    store->bytes + record->length > EVENT_STORE_BYTES) {
		error_set(err, ENOSPC, "'%s' holds all that it may", store->path);
		return NULL;
	}
	numbered.number = store->next_number;
	if (!append(store, &numbered, &data, err))
		return NULL;
	store->next_number++;
	item = xcalloc(1, sizeof(*item));
	item->number = numbered.number;
	item->kind = record->kind;
	item->progress = record->progress;
	offset = store->newest->file.size;
	size_t length = RECORD_LOG_FRAME + store->scratch.length + record->length;
	event_store_link(store, item, offset - length, length);
	if (store->over > 0)
		write_ends(store);
	tidy(store);
	return item;
}

void event_store_note(struct event_store *store, struct event_store_item *item,
                      const struct event_progress *progress)
{
	item->progress = *progress;
	append_progress(store, item);
	tidy(store);
}

void event_store_remove(struct event_store *store, struct event_store_item *item)
{
	if (!store || !item)
		return;
	if (append_end(store, item)) {
		event_store_free(store, item);
		if (store->over > 0)
			write_ends(store);
	} else {
		item->is_over = true;
		store->over++;
	}
	tidy(store);
}

bool event_store_set_aside(struct event_store *store, const char *line, size_t length,
                           struct error *err)
{
	autoclose int fd = openat(store->dir, "undelivered",
	                          O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
	                                  O_CLOEXEC,
	                          0600);
	ssize_t written = fd == -1 ? -1 : write(fd, line, length);

	if (written == (ssize_t)length)
		return true;
	error_set(err, written == -1 ? errno : ENOSPC, "write");
	return event_store_blame(store, "undelivered", err);
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

/* What is needed of damaged files moves, so that they are told of once. */
static void clean_all(struct event_store *store)
{
	uint64_t fresh = store->newest->number;

	while (store->oldest->number < fresh && clean_oldest(store))
		;
}

struct event_store *event_store_open(const char *path, struct error *err)
{
	struct event_store *store = xcalloc(1, sizeof(*store));

	store->path = xstrdup(path);
	store->dir = store->lock = -1;
	store->next_number = 1;
	buffer_init(&store->scratch);
	if (!open_folder(store, err) || !lock_folder(store, err) || !event_store_load(store, err) ||
	    !begin_segment(store, err)) {
		event_store_close(store);
		return NULL;
	}
	store->is_open = true;
	if (store->is_damaged)
		clean_all(store);
	tidy(store);
	return store;
}

/* Nothing is written: what is in the files is what is so. */
static void close_segments(struct event_store *store)
{
	bool is_empty = store->is_open && store->count == 0;

	while (store->oldest) {
		struct segment *segment = store->oldest;

		if (is_empty) {
			drop_oldest(store);
			continue;
		}
		while (segment->first)
			event_store_free(store, segment->first);
		record_file_close(&segment->file);
		store->oldest = segment->next;
		free(segment);
	}
}

void event_store_close(struct event_store *store)
{
	if (!store)
		return;
	if (store->over > 0)
		write_ends(store);
	close_segments(store);
	buffer_finish(&store->scratch);
	fd_close(&store->lock);
	fd_close(&store->dir);
	free(store->path);
	free(store);
}
