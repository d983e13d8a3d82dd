/* SPDX-License-Identifier: Apache-2.0 */
/* event_store_aside - what is no event any more, and is not thrown away */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "emulator/event_store_private.h"
#include "sandbox/fd.h"

static bool write_whole(int fd, const char *bytes, size_t length, struct error *err)
{
	ssize_t written = fd == -1 ? -1 : write(fd, bytes, length);

	return written == (ssize_t)length ||
	       error_set(err, written == -1 ? errno : ENOSPC, "write");
}

bool event_store_set_aside(struct event_store *store, const char *line, size_t length,
                           struct error *err)
{
	autoclose int fd = openat(store->dir, "undelivered",
	                          O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
	                                  O_CLOEXEC,
	                          0600);

	return write_whole(fd, line, length, err) || event_store_blame(store, "undelivered", err);
}

int event_store_open_damaged(const struct event_store *store, uint64_t number)
{
	char name[NAME_SIZE];

	event_store_segment_name(name, number, "damaged");
	return openat(store->dir, name,
	              O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
}

bool event_store_keep_damaged(const struct event_store *store, uint64_t number, const char *bytes,
                              size_t length, struct error *err)
{
	autoclose int fd = event_store_open_damaged(store, number);

	return write_whole(fd, bytes, length, err);
}
