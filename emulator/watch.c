/* SPDX-License-Identifier: Apache-2.0 */
/* watch - tells when files have changed, once they are done changing */
#include "emulator/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/watch_tree.h"
#include "sandbox/fd.h"

/* Events that are read in one turn of the loop. */
#define EVENTS_AT_ONCE 2000

/* Room for the marks of files that have changed, with some to spare. */
#define MARKS 1024

/* The last files that have changed: one of these may not be done. */
#define RECENT 8

struct watch {
	struct loop *loop;
	struct watch_listener *listener;
	struct watch_tree *tree;
	struct loop_watch input;
	struct loop_timer rest;  /* takes what one turn has left over */
	struct loop_timer quiet; /* all is done */

	/* since the last time that something was told */
	uint64_t first_ns, last_ns; /* of the changes; 0: there is none */
	bool is_lost;               /* nobody knows what has changed */
	char *path;
	uint64_t marks[MARKS]; /* of the files; 0: free */
	unsigned count;        /* of them */
	char *recent[RECENT];
};

/* ---- what has changed ---- */

/* FNV-1a; never 0. */
static uint64_t mark_of(const char *path)
{
	uint64_t mark = UINT64_C(14695981039346656037);

	for (; *path; path++)
		mark = (mark ^ (unsigned char)*path) * UINT64_C(1099511628211);
	return mark | 1;
}

/* Returns whether it is a new one. */
static bool remember(struct watch *watch, const char *path)
{
	uint64_t mark = mark_of(path);
	size_t place = (mark >> 32) % MARKS;

	while (watch->marks[place] && watch->marks[place] != mark)
		place = (place + 1) % MARKS;
	if (watch->marks[place] || watch->count > WATCH_COUNTED)
		return false;
	watch->marks[place] = mark;
	watch->count++;
	return true;
}

static void note(struct watch *watch, const char *path)
{
	if (!watch->path)
		watch->path = xstrdup(path);
	if (remember(watch, path)) {
		char **place = &watch->recent[watch->count % RECENT];

		free(*place);
		*place = xstrdup(path);
	}
}

static void forget_all(struct watch *watch)
{
	free(watch->path);
	for (unsigned i = 0; i < RECENT; i++) {
		free(watch->recent[i]);
		watch->recent[i] = NULL;
	}
	watch->path = NULL;
	memset(watch->marks, 0, sizeof(watch->marks));
	watch->count = 0;
	watch->first_ns = watch->last_ns = 0;
	watch->is_lost = false;
}

/* ---- when it is done ---- */

/* Of a lease the kernel knows what keeps a file from being executed. If somebody comes to write in
 * this microsecond he waits for the end of it, and we get a signal that means nothing. */
static bool is_open_for_writing(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) == -1)
		return false;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == -1)
		return errno == EAGAIN;
	fcntl(fd, F_SETLEASE, F_UNLCK);
	return false;
}

bool watch_is_being_written(const char *path)
{
	struct stat status;

	/* To open anything else may have an effect. */
	if (stat(path, &status) == -1 || !S_ISREG(status.st_mode))
		return false;
	autoclose int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd != -1 && is_open_for_writing(fd);
}

static bool is_done(const struct watch *watch)
{
	for (unsigned i = 0; i < RECENT; i++)
		if (watch->recent[i] && watch_is_being_written(watch->recent[i]))
			return false;
	return true;
}

/* The first that is still there: who writes beside a file and over it means the file. */
static const char *choose(const struct watch *watch)
{
	if (access(watch->path, F_OK) == 0)
		return watch->path;
	for (unsigned i = 1; i <= RECENT; i++) {
		const char *path = watch->recent[i % RECENT];

		if (path && access(path, F_OK) == 0)
			return path;
	}
	return watch->path;
}

static void tell(struct watch *watch)
{
	char *path = watch->is_lost ? NULL
	                            : xstrdup(watch_tree_shorten(watch->tree, choose(watch)));
	struct watch_change change = {
		.path = path,
		.more = watch->count > 0 ? watch->count - 1 : 0,
	};

	forget_all(watch);
	watch->listener->on_change(watch->listener, &change);
	free(path);
}

static void wait_for_quiet(struct watch *watch)
{
	uint64_t due;

	watch->last_ns = clock_now();
	if (!watch->first_ns)
		watch->first_ns = watch->last_ns;
	due = watch->last_ns + WATCH_QUIET_NS;
	if (due > watch->first_ns + WATCH_MOST_NS)
		due = watch->first_ns + WATCH_MOST_NS;
	loop_timer_start(watch->loop, &watch->quiet, due);
}

/* ---- what comes in ---- */

/* Returns whether there may be more. */
static bool take_events(struct watch *watch)
{
	enum watch_tree_event event = WATCH_TREE_CHANGED;
	bool has_changed = false;
	const char *path;

	for (unsigned i = 0; i < EVENTS_AT_ONCE && event != WATCH_TREE_NOTHING; i++) {
		event = watch_tree_next(watch->tree, &path);
		if (event == WATCH_TREE_CHANGED)
			note(watch, path);
		watch->is_lost |= event == WATCH_TREE_LOST;
		has_changed |= event != WATCH_TREE_NOTHING;
	}
	if (has_changed)
		wait_for_quiet(watch);
	return event != WATCH_TREE_NOTHING;
}

static void go_on(struct watch *watch)
{
	bool has_more = take_events(watch);

	if (watch_tree_look(watch->tree) || has_more)
		loop_timer_start(watch->loop, &watch->rest, clock_now());
}

static void on_rest(struct loop_timer *timer)
{
	go_on(container_of(timer, struct watch, rest));
}

static void on_input(struct loop_watch *input, uint32_t events)
{
	(void)events;
	go_on(container_of(input, struct watch, input));
}

/* Of a file that has been closed by now the kernel has told before: that is the same change. There
 * may be others without end. */
static void take_last_events(struct watch *watch, uint64_t now)
{
	if (now < watch->first_ns + WATCH_MOST_NS)
		go_on(watch);
}

static void on_quiet(struct loop_timer *timer)
{
	struct watch *watch = container_of(timer, struct watch, quiet);
	uint64_t now = clock_now();
	bool is_over = !watch->rest.loop &&
	               (now >= watch->last_ns + WATCH_PATIENCE_NS || is_done(watch));

	if (is_over)
		take_last_events(watch, now);
	if (timer->loop)
		return;
	if (is_over)
		tell(watch);
	else
		loop_timer_start(watch->loop, timer, now + WATCH_QUIET_NS);
}

bool watch_is_quiet(struct watch *watch)
{
	go_on(watch);
	return !watch->first_ns && !watch->rest.loop;
}

/* ---- life ---- */

static struct watch_tree *plant(const char *const *paths, size_t count, struct error *err)
{
	char **whole = xcalloc(count, sizeof(*whole));
	char *current = getcwd(NULL, 0);
	struct watch_tree *tree;

	for (size_t i = 0; i < count; i++)
		whole[i] = paths[i][0] == '/'
		                   ? xstrdup(paths[i])
		                   : xasprintf("%s/%s", current ? current : "", paths[i]);
	tree = watch_tree_create((const char *const *)whole, count, err);
	for (size_t i = 0; i < count; i++)
		free(whole[i]);
	free(whole);
	free(current);
	return tree;
}

struct watch *watch_create(struct loop *loop, struct watch_listener *listener,
                           const char *const *paths, size_t count, struct error *err)
{
	struct watch *watch = xcalloc(1, sizeof(*watch));

	watch->loop = loop;
	watch->listener = listener;
	watch->quiet.on_due = on_quiet;
	watch->rest.on_due = on_rest;
	watch->input.on_ready = on_input;
	watch->tree = plant(paths, count, err);
	if (!watch->tree ||
	    !loop_watch_start(loop, &watch->input, watch_tree_fd(watch->tree), EPOLLIN, err)) {
		watch_destroy(watch);
		return NULL;
	}
	go_on(watch);
	return watch;
}

void watch_destroy(struct watch *watch)
{
	if (!watch)
		return;
	loop_watch_stop(&watch->input);
	loop_timer_stop(&watch->quiet);
	loop_timer_stop(&watch->rest);
	watch_tree_destroy(watch->tree);
	forget_all(watch);
	free(watch);
}
