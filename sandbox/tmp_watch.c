/* SPDX-License-Identifier: Apache-2.0 */
/* tmp_watch - how much is in the /tmp of a box, and when the first file comes into it */
#include "sandbox/tmp_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "sandbox/fd.h"

/* What the kernel holds for a file in tmpfs beside its pages: inode, dentry, a name. */
#define FILE_BYTES 1024

/* A pipe by name must not wait for its other end. */
#define EVENT_FLAGS (O_RDONLY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC)

struct tmp_watch {
	int tmp;
	uint64_t first_files; /* that an empty one has: the folder itself */
	int inotify;          /* -1: not used, like the other */
	int fanotify;
	int held; /* whom fanotify holds, by his file; -1: nobody */
	bool is_armed;
};

/*
 * Closing a fanotify group takes the kernel 20 ms, in which it waits for a grace period whether or
 * not there is a mark left: as long as ten cold starts. So those that nobody needs any more are
 * kept, as many as there were boxes at a time, and the end of this process is the end of them.
 */
#define MAX_SPARE 64

static int spare[MAX_SPARE];
static unsigned spare_count;

static int take_fanotify(void)
{
	if (spare_count > 0)
		return spare[--spare_count];
	return fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK, EVENT_FLAGS);
}

static bool add(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd != -1 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

struct tmp_watch *tmp_watch_create(int tmp, int epoll)
{
	struct tmp_watch *watch = malloc(sizeof(*watch));

	if (!watch)
		abort();
	*watch = (struct tmp_watch){ .tmp = tmp, .inotify = -1, .fanotify = -1, .held = -1 };
	watch->first_files = tmp_watch_usage(watch).files;
	watch->fanotify = take_fanotify();
	if (add(epoll, watch->fanotify) && tmp_watch_arm(watch))
		return watch;
	fd_close(&watch->fanotify);
	watch->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (!add(epoll, watch->inotify))
		fd_close(&watch->inotify);
	return watch;
}

/* ---- the first file ------------------------------------------------------------- */

static const char *tmp_path(const struct tmp_watch *watch, char *path, size_t size)
{
	snprintf(path, size, "/proc/self/fd/%d", watch->tmp);
	return path;
}

static bool mark(const struct tmp_watch *watch, unsigned action, const char *path)
{
	return fanotify_mark(watch->fanotify, action | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD,
	                     path) == 0;
}

bool tmp_watch_arm(struct tmp_watch *watch)
{
	char path[32];

	if (watch->is_armed)
		return true;
	tmp_path(watch, path, sizeof(path));
	if (watch->fanotify != -1)
		watch->is_armed = mark(watch, FAN_MARK_ADD, path);
	else if (watch->inotify != -1)
		/* What is in /tmp itself comes before what is in its folders; a file without a name
		 * is told of when it is written to. */
		watch->is_armed = inotify_add_watch(watch->inotify, path,
		                                    IN_CREATE | IN_MODIFY | IN_MOVED_TO |
		                                            IN_ONESHOT | IN_ONLYDIR) != -1;
	return watch->is_armed;
}

/* The second event of inotify says that there will be no more. */
static bool hear_inotify(const struct tmp_watch *watch)
{
	char events[4096];
	bool heard = false;

	while (watch->inotify != -1 && read(watch->inotify, events, sizeof(events)) > 0)
		heard = true;
	return heard;
}

/* Takes one who is held, if there is one. */
static bool hold(struct tmp_watch *watch)
{
	struct fanotify_event_metadata event;

	if (watch->fanotify == -1 || read(watch->fanotify, &event, sizeof(event)) <= 0)
		return false;
	watch->held = event.fd;
	return event.fd >= 0;
}

static void let_go(struct tmp_watch *watch)
{
	const struct fanotify_response response = { .fd = watch->held, .response = FAN_ALLOW };

	if (write(watch->fanotify, &response, sizeof(response)) == -1)
		fd_close(&watch->fanotify); /* which lets everybody go */
	fd_close(&watch->held);
}

bool tmp_watch_heard(struct tmp_watch *watch)
{
	if (!watch->is_armed || (!hear_inotify(watch) && !hold(watch)))
		return false;
	watch->is_armed = false;
	return true;
}

void tmp_watch_release(struct tmp_watch *watch)
{
	char path[32];

	if (watch->held == -1)
		return;
	mark(watch, FAN_MARK_REMOVE, tmp_path(watch, path, sizeof(path)));
	do {
		let_go(watch);
	} while (hold(watch));
}

/* Only one without marks and without a word to say may be another's. */
static void give_fanotify_back(struct tmp_watch *watch)
{
	if (fanotify_mark(watch->fanotify, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD,
	                  NULL) == -1 ||
	    spare_count == MAX_SPARE)
		return;
	if (watch->held != -1)
		let_go(watch);
	while (watch->fanotify != -1 && hold(watch))
		let_go(watch);
	if (watch->fanotify != -1 && errno == EAGAIN)
		spare[spare_count++] = steal_fd(&watch->fanotify);
}

void tmp_watch_destroy(struct tmp_watch *watch)
{
	if (!watch)
		return;
	if (watch->fanotify != -1)
		give_fanotify_back(watch);
	fd_close(&watch->held);
	fd_close(&watch->fanotify);
	fd_close(&watch->inotify);
	fd_close(&watch->tmp);
	free(watch);
}

/* ---- how much ---------------------------------------------------------------------- */

struct tmp_usage tmp_watch_usage(const struct tmp_watch *watch)
{
	struct tmp_usage usage = { .bytes = 0 };
	struct statfs fs;

	if (!watch || fstatfs(watch->tmp, &fs) == -1)
		return usage;
	usage.files = fs.f_files - fs.f_ffree;
	usage.files -= usage.files < watch->first_files ? usage.files : watch->first_files;
	usage.bytes = (fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize + usage.files * FILE_BYTES;
	return usage;
}
