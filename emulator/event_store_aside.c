/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_store_aside - what is no event any more, and is not thrown away
 *
 * Files for it only grow: nobody but the user knows what of it is needed still. So there is a
 * bound to what they take, of which is told when it is half reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/event_store_private.h"
#include "emulator/folder.h"
#include "emulator/log.h"
#include "sandbox/fd.h"

#define MB ((uint64_t)1 << 20)

/* 'size' is -1 where that cannot be: a pipe has none. */
static int open_to_append(const struct event_store *store, const char *name, off_t *size)
{
	int fd = openat(store->dir, name,
	                O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	*size = fd == -1 ? -1 : lseek(fd, 0, SEEK_END);
	return fd;
}

/* All of it or, if the file lets it be taken back, nothing. */
static bool append(int fd, off_t size, const char *bytes, size_t length, struct error *err)
{
	ssize_t written = size == -1 ? -1 : write(fd, bytes, length);
	int code = written == -1 ? errno : ENOSPC;

	if (written == (ssize_t)length)
		return true;
	if (written > 0 && ftruncate(fd, size) == -1)
		return error_set(err, code, "write (and take back)");
	return error_set(err, code, "write");
}

/* Once for each lrie. */
static void tell_half(const struct event_store *store, bool *is_told, const char *name,
                      uint64_t bytes)
{
	if (*is_told || bytes <= EVENT_STORE_ASIDE / 2)
		return;
	*is_told = true;
	log_warning("'%s/%s' has %u MB, and takes %u MB at most: move away what has been looked at",
	            store->path, name, (unsigned)(bytes / MB), (unsigned)(EVENT_STORE_ASIDE / MB));
}

static bool has_room(uint64_t bytes, size_t more, struct error *err)
{
	return bytes + more <= EVENT_STORE_ASIDE ||
	       error_set(err, 0, "%u MB of at most %u MB: move away what has been looked at",
	                 (unsigned)(bytes / MB), (unsigned)(EVENT_STORE_ASIDE / MB));
}

/* ---- letters ---- */

/* By an lrie that was killed while it wrote there: what follows is a line of its own. */
static bool is_torn(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

bool event_store_set_aside(struct event_store *store, const char *line, size_t length,
                           struct error *err)
{
	off_t size;
	autoclose int fd = open_to_append(store, "undelivered", &size);

	if (is_torn(fd, size) && append(fd, size, "\n", 1, err))
		size++;
	if ((size > 0 && !has_room((uint64_t)size, length, err)) ||
	    !append(fd, size, line, length, err))
		return event_store_blame(store, "undelivered", err);
	tell_half(store, &store->is_undelivered_told, "undelivered", (uint64_t)size + length);
	return true;
}

/* ---- damaged bytes ---- */

void event_store_count_damaged(struct event_store *store)
{
	DIR *dir = folder_read(store->dir);
	const struct dirent *entry;
	struct stat status;

	store->damaged_bytes = 0;
	while (dir && (entry = readdir(dir))) {
		if (event_store_segment_number(entry->d_name, "damaged") &&
		    fstatat(store->dir, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0)
			store->damaged_bytes += (uint64_t)status.st_size;
	}
	if (dir)
		closedir(dir);
	tell_half(store, &store->is_damaged_told, "events-*.damaged", store->damaged_bytes);
}

bool event_store_keep_damaged(struct event_store *store, uint64_t number, const char *bytes,
                              size_t length, struct error *err)
{
	char name[NAME_SIZE];
	off_t size;

	if (store->damaged_bytes + length > EVENT_STORE_ASIDE)
		event_store_count_damaged(store); /* some may have been moved away */
	if (!has_room(store->damaged_bytes, length, err))
		return event_store_blame(store, "events-*.damaged", err);
	event_store_segment_name(name, number, "damaged");

	autoclose int fd = open_to_append(store, name, &size);

	if (!append(fd, size, bytes, length, err))
		return event_store_blame(store, name, err);
	store->damaged_bytes += length;
	tell_half(store, &store->is_damaged_told, "events-*.damaged", store->damaged_bytes);
	return true;
}
