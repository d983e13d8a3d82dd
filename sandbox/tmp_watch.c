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
	struct tmp_spares *spares;
	int tmp;
	struct tmp_spare by; /* -1: not used */
	int mark;            /* of inotify, the last one */
	int held;            /* whom fanotify holds, by his file; -1: nobody */
	bool is_armed;
};

static struct tmp_spare take_spare(struct tmp_spares *spares)
{
	if (spares->count > 0)
		return spares->kept[--spares->count];
	return (struct tmp_spare){ .fanotify = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC |
		                                                     FAN_NONBLOCK,
		                                             EVENT_FLAGS),
		                   .inotify = -1 };
}

struct tmp_watch *tmp_watch_create(int tmp, int epoll, struct tmp_spares *spares)
{
	struct tmp_watch *watch = malloc(sizeof(*watch));

	if (!watch)
		abort();
	*watch = (struct tmp_watch){
		.spares = spares, .tmp = tmp, .by = take_spare(spares), .mark = -1, .held = -1
	};
	if (fd_watch(epoll, watch->by.fanotify, EPOLLIN) && tmp_watch_arm(watch))
		return watch;
	fd_close(&watch->by.fanotify);
	if (watch->by.inotify == -1)
		watch->by.inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (!fd_watch(epoll, watch->by.inotify, EPOLLIN))
		fd_close(&watch->by.inotify);
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
	return fanotify_mark(watch->by.fanotify, action | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM,
	                     AT_FDCWD, path) == 0;
}

bool tmp_watch_arm(struct tmp_watch *watch)
{
	char path[32];

	if (watch->is_armed)
		return true;
	tmp_path(watch, path, sizeof(path));
	if (watch->by.fanotify != -1) {
		watch->is_armed = mark(watch, FAN_MARK_ADD, path);
	} else if (watch->by.inotify != -1) {
		/* What is in /tmp itself comes before what is in its folders; a file without a name
		 * is told of when it is written to. */
		watch->mark = inotify_add_watch(watch->by.inotify, path,
		                                IN_CREATE | IN_MODIFY | IN_MOVED_TO | IN_ONESHOT |
		                                        IN_ONLYDIR);
		watch->is_armed = watch->mark != -1;
	}
	return watch->is_armed;
}

/* The second event of inotify says that there will be no more. */
static bool hear_inotify(const struct tmp_watch *watch)
{
	char events[4096];
	bool heard = false;

	while (watch->by.inotify != -1 && read(watch->by.inotify, events, sizeof(events)) > 0)
		heard = true;
	return heard;
}

/* Takes one who is held, if there is one. */
static bool hold(struct tmp_watch *watch)
{
	struct fanotify_event_metadata event;

	if (watch->by.fanotify == -1 || read(watch->by.fanotify, &event, sizeof(event)) <= 0)
		return false;
	watch->held = event.fd;
	return event.fd >= 0;
}

static void let_go(struct tmp_watch *watch)
{
	const struct fanotify_response response = { .fd = watch->held, .response = FAN_ALLOW };

	if (write(watch->by.fanotify, &response, sizeof(response)) == -1)
		fd_close(&watch->by.fanotify); /* which lets everybody go */
	fd_close(&watch->held);
}

/* What comes late is read as well: the kernel may have been about to tell of somebody when nobody
 * was asked about any more. He would be held for good, and the owner be woken without end. */
bool tmp_watch_heard(struct tmp_watch *watch)
{
	bool heard = hear_inotify(watch) || hold(watch);

	watch->is_armed &= !heard;
	return heard;
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

/* The child of the child has nothing else open but these, which become 1 and so on, and 'told',
 * which becomes 0: a listening socket that outlived lrie in it for a moment would take the
 * connections of the next one. */
static void keep_only(int told, const int *fds, int count)
{
	int high[1 + 2 * TMP_SPARES];

	for (int i = 0; i <= count; i++)
		high[i] = fcntl(i == 0 ? told : fds[i - 1], F_DUPFD, 1 + count);
	for (int i = 0; i <= count; i++)
		dup2(high[i], i);
	fd_close_from(1 + count);
}

/* Ends when all others have closed the other end of the pipe, and before that the descriptors. */
static __attribute__((noreturn)) void be_the_last(void)
{
	char byte;

	while (read(0, &byte, 1) == -1 && errno == EINTR)
		;
	_exit(0);
}

static void close_all(int *fds, int count)
{
	while (count > 0)
		fd_close(&fds[--count]);
}

/* Whoever closes the last descriptor of either kind waits until nobody in the kernel looks at its
 * marks any more: 14 ms, and 40 on a busy machine. So the child of a child does it, who is nobody's
 * to wait for. */
static void close_elsewhere(int *fds, int count)
{
	int pipe[2], pidfd = -1;

	if (count == 0 || pipe2(pipe, O_CLOEXEC) == -1) {
		close_all(fds, count);
		return;
	}
	pid_t child = namespace_fork(0, &pidfd);
	if (child == 0) {
		keep_only(pipe[0], fds, count);
		if (namespace_fork(0, &pidfd) == 0)
			be_the_last();
		_exit(0);
	}
	fd_close(&pidfd);
	if (child != -1)
		waitpid(child, NULL, __WALL);
	close_all(fds, count);
	fd_close(&pipe[0]);
	fd_close(&pipe[1]);
}

void tmp_spares_finish(struct tmp_spares *spares)
{
	int fds[2 * TMP_SPARES], count = 0;

	for (; spares->count > 0; spares->count--) {
		const struct tmp_spare *spare = &spares->kept[spares->count - 1];
		if (spare->fanotify != -1)
			fds[count++] = spare->fanotify;
		if (spare->inotify != -1)
			fds[count++] = spare->inotify;
	}
	close_elsewhere(fds, count);
}

/* Returns whether nothing is left that it would tell of. */
static bool forget_marks(struct tmp_watch *watch)
{
	if (watch->held != -1)
		let_go(watch);
	if (watch->by.fanotify != -1) {
		if (fanotify_mark(watch->by.fanotify, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0,
		                  AT_FDCWD, NULL) == -1)
			return false;
		while (hold(watch))
			let_go(watch);
	} else if (watch->by.inotify != -1) {
		/* There is none any more when it has told. */
		inotify_rm_watch(watch->by.inotify, watch->mark);
		hear_inotify(watch);
	}
	return watch->by.fanotify != -1 || watch->by.inotify != -1;
}

void tmp_watch_destroy(struct tmp_watch *watch)
{
	struct tmp_spares rest = { .count = 0 };
	struct tmp_spares *spares;

	if (!watch)
		return;
	spares = forget_marks(watch) && watch->spares->count < TMP_SPARES ? watch->spares : &rest;
	spares->kept[spares->count++] = watch->by;
	tmp_spares_finish(&rest);
	fd_close(&watch->tmp);
	free(watch);
}
