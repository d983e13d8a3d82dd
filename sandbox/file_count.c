/* SPDX-License-Identifier: Apache-2.0 */
/* file_count - how many files the programs of a box open */
#include "sandbox/file_count.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"

#define MAX_FILES (64 * 1024)
#define FIRST_ROOM 1024
#define MAX_TAKEN (64 * 1024) /* events at once */

/* A pipe by name must not wait for its other end. */
#define EVENT_FLAGS (O_RDONLY | O_NONBLOCK | O_LARGEFILE | O_CLOEXEC)

struct file {
	dev_t device;
	ino_t inode; /* 0: this place is free */
};

struct file_count {
	int fd;
	pid_t init;
	struct file *files; /* by hash; those of one hash follow each other */
	size_t room, count; /* 'room' is a power of two, and more than 'count' */
	bool lost;
};

/* ---- in init ------------------------------------------------------------------------- */

/* What is no file of a function's, though it looks like one. */
static bool is_of_kernel(const char *type)
{
	static const char *const types[] = { "proc",   "sysfs",  "devtmpfs", "devpts",
		                             "mqueue", "cgroup", "cgroup2" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i], type) == 0)
			return true;
	}
	return false;
}

/* Blanks and the like are written as \040 there. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *at = path; *at; at++) {
		if (at[0] == '\\' && at[1] && at[2] && at[3]) {
			*to++ = (char)((at[1] - '0') * 64 + (at[2] - '0') * 8 + (at[3] - '0'));
			at += 3;
		} else {
			*to++ = *at;
		}
	}
	*to = '\0';
}

/* A mount that lies below another is out of reach, and its path is another's. */
static bool mark_mount(int fd, char *line)
{
	char path[1024], type[64];
	const char *rest = strstr(line, " - ");

	if (!rest || sscanf(line, "%*d %*d %*s %*s %1023s", path) != 1 ||
	    sscanf(rest, " - %63s", type) != 1 || is_of_kernel(type))
		return true;
	unescape(path);
	return fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, path) == 0 ||
	       errno == ENOENT;
}

int file_count_open(void)
{
	FILE *mounts = fopen("/proc/self/mountinfo", "re");
	autoclose int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK, EVENT_FLAGS);
	char line[4096];
	bool fine = mounts && fd != -1;
	int code = errno;

	while (fine && fgets(line, sizeof(line), mounts)) {
		fine = mark_mount(fd, line);
		code = errno;
	}
	if (mounts)
		fclose(mounts);
	errno = code;
	return fine ? steal_fd(&fd) : -1;
}

/* ---- at the owner's ------------------------------------------------------------------ */

struct file_count *file_count_create(int fd, int epoll, pid_t init)
{
	struct file_count *files = malloc(sizeof(*files));

	if (!files)
		abort();
	*files = (struct file_count){ .fd = fd, .init = init };
	/* Whoever is not woken takes late what there may be too much of by then, which is told. */
	fd_watch(epoll, fd, EPOLLIN);
	return files;
}

void file_count_destroy(struct file_count *files)
{
	if (!files)
		return;
	fd_close(&files->fd);
	free(files->files);
	free(files);
}

static struct file *place_of(const struct file_count *files, const struct file *file)
{
	size_t mask = files->room - 1;
	size_t at = (size_t)((file->inode * 0x9e3779b97f4a7c15u + file->device) >> 20) & mask;

	while (files->files[at].inode &&
	       (files->files[at].inode != file->inode || files->files[at].device != file->device))
		at = (at + 1) & mask;
	return &files->files[at];
}

static void grow(struct file_count *files)
{
	const struct file_count old = *files;

	files->room = old.room ? 2 * old.room : FIRST_ROOM;
	files->files = calloc(files->room, sizeof(*files->files));
	if (!files->files)
		abort();
	for (size_t i = 0; i < old.room; i++) {
		if (old.files[i].inode)
			*place_of(files, &old.files[i]) = old.files[i];
	}
	free(old.files);
}

static void count(struct file_count *files, const struct file *file)
{
	if (2 * (files->count + 1) > files->room)
		grow(files);
	struct file *place = place_of(files, file);
	if (place->inode)
		return;
	if (files->count == MAX_FILES) {
		files->lost = true;
		return;
	}
	*place = *file;
	files->count++;
}

static void take_event(struct file_count *files, const struct fanotify_event_metadata *event)
{
	autoclose int fd = event->fd;
	struct stat status;

	if (event->mask & FAN_Q_OVERFLOW) {
		files->lost = true;
		return;
	}
	if (event->pid == files->init || fd == -1 || fstat(fd, &status) == -1 ||
	    !S_ISREG(status.st_mode) || !status.st_ino)
		return;
	count(files, &(const struct file){ .device = status.st_dev, .inode = status.st_ino });
}

void file_count_take(struct file_count *files)
{
	_Alignas(struct fanotify_event_metadata) char events[8192];
	size_t taken = 0;
	ssize_t got;

	while (taken < MAX_TAKEN && (got = read(files->fd, events, sizeof(events))) > 0) {
		const struct fanotify_event_metadata *event = (void *)events;
		for (; FAN_EVENT_OK(event, got); event = FAN_EVENT_NEXT(event, got)) {
			take_event(files, event);
			taken++;
		}
	}
}

bool file_count_get(struct file_count *files, uint64_t *found)
{
	file_count_take(files);
	*found = files->count;
	return !files->lost;
}
