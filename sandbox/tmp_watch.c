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
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/namespace.h"

/* The folder itself. */
#define FILES_OF_NONE 1

/* A pipe by name must not wait for its other end. */
#define EVENT_FLAGS (O_RDONLY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC)

struct tmp_watch {
	int tmp;
	int inotify; /* -1: not used, like the other */
	int fanotify;
	int held; /* whom fanotify holds, by his file; -1: nobody */
	bool is_armed;
};

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
	watch->fanotify = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC | FAN_NONBLOCK,
	                                EVENT_FLAGS);
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

/* ---- how much ---------------------------------------------------------------------- */

struct tmp_usage tmp_watch_usage(const struct tmp_watch *watch)
{
	struct tmp_usage usage = { .bytes = 0 };
	struct statfs fs;

	if (!watch || fstatfs(watch->tmp, &fs) == -1)
		return usage;
	usage.files = fs.f_files - fs.f_ffree;
	usage.files -= usage.files < FILES_OF_NONE ? usage.files : FILES_OF_NONE;
	usage.bytes = (fs.f_blocks - fs.f_bfree) * (uint64_t)fs.f_bsize +
	              usage.files * TMP_FILE_BYTES;
	return usage;
}

/* ---- the end -------------------------------------------------------------------- */

/* Closes all but 'fd', which becomes 0, and 'told', which becomes 1. */
static void keep_two(int fd, int told)
{
	int high_fd = fcntl(fd, F_DUPFD, 2), high_told = fcntl(told, F_DUPFD, 2);

	dup2(high_fd, 0);
	dup2(high_told, 1);
	fd_close_from(2);
}

/* Ends when all others have closed the other end of the pipe, and before that the descriptor. */
static __attribute__((noreturn)) void be_the_last(void)
{
	char byte;

	while (read(1, &byte, 1) == -1 && errno == EINTR)
		;
	_exit(0);
}

/* Whoever closes the last descriptor of either kind waits until nobody in the kernel looks at its
 * marks any more: 14 ms, and 40 on a busy machine. So the child of a child does it, who is nobody's
 * to wait for. It never has anything else open: a listening socket that outlived lrie in it for a
 * moment would take the connections of the next one. */
static void close_elsewhere(int *fd)
{
	int pipe[2], pidfd = -1;

	if (*fd == -1)
		return;
	if (pipe2(pipe, O_CLOEXEC) == -1) {
		fd_close(fd);
		return;
	}
	pid_t child = namespace_fork(0, &pidfd);
	if (child == 0) {
		keep_two(*fd, pipe[0]);
		if (namespace_fork(0, &pidfd) == 0)
			be_the_last();
		_exit(0);
	}
	fd_close(&pidfd);
	if (child != -1)
		waitpid(child, NULL, __WALL);
	fd_close(fd);
	fd_close(&pipe[0]);
	fd_close(&pipe[1]);
}

void tmp_watch_destroy(struct tmp_watch *watch)
{
	if (!watch)
		return;
	if (watch->held != -1)
		let_go(watch);
	close_elsewhere(&watch->fanotify);
	close_elsewhere(&watch->inotify);
	fd_close(&watch->tmp);
	free(watch);
}
