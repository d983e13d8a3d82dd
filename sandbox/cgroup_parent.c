/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_parent - the groups in which boxes have theirs: made, locked, and swept */
#include "sandbox/cgroup_parent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"

#define LOCK_ATTEMPTS 20
#define NAME_ATTEMPTS 20
#define SWEEP_MS 50

typedef void group_action(int parent, const char *name, const struct cgroup_version *version);

/* Does that to each group in 'dir' whose name is a fitting one. */
static void for_each_group(int dir, bool (*fits)(const char *name), group_action *action,
                           const struct cgroup_version *version)
{
	autoclose int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = copy == -1 ? NULL : fdopendir(copy);

	if (!list)
		return;
	steal_fd(&copy);
	for (struct dirent *entry; (entry = readdir(list));) {
		if (entry->d_type == DT_DIR && fits(entry->d_name))
			action(dir, entry->d_name, version);
	}
	closedir(list);
}

static bool is_group_name(const char *name)
{
	return name[0] != '.';
}

/* One that has processes stays: rmdir() takes no other. */
static void remove_if_empty(int parent, const char *name, const struct cgroup_version *version)
{
	(void)version;
	unlinkat(parent, name, AT_REMOVEDIR);
}

static void remove_groups_in(int dir)
{
	for_each_group(dir, is_group_name, remove_if_empty, NULL);
}

static bool is_parent_name(const char *name)
{
	size_t prefix = strlen(CGROUP_PARENT_PREFIX);

	return strncmp(name, CGROUP_PARENT_PREFIX, prefix) == 0 && name[prefix] &&
	       name[prefix + strspn(name + prefix, "0123456789.")] == '\0';
}

static bool is_box_name(const char *name)
{
	return strncmp(name, CGROUP_BOX_PREFIX, strlen(CGROUP_BOX_PREFIX)) == 0;
}

/* Those that we can see: the pid of others is 0 here. */
static void kill_group(int group)
{
	char text[4096], *end = text;

	if (fd_read_file(group, "cgroup.procs", text, sizeof(text)) <= 0)
		return;
	for (char *line = text; *line; line = end + (*end == '\n')) {
		long pid = strtol(line, &end, 10);
		if (end == line)
			break;
		if (pid > 1 && *end == '\n')
			kill((pid_t)pid, SIGKILL);
	}
}

/* Ends what is left in the group of a box whose lrie is dead, and its init perhaps, too: frozen, it
 * could not follow them. */
static void end_group(int parent, const char *name, const struct cgroup_version *version)
{
	autoclose int group = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int ms = 0; ms < SWEEP_MS; ms++) {
		if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno != EBUSY)
			return;
		fd_write_file(group, version->freeze_file, version->thawed);
		kill_group(group);
		poll(NULL, 0, 1);
	}
}

/*
 * Before somebody is killed, the lock is not proof enough: the same groups mounted once more, in a
 * cgroup namespace, have locks of their own. Who has the pid of the owner may be somebody else by
 * now; then a later lrie ends what is left.
 */
static bool has_ended(const char *name)
{
	return kill((pid_t)strtol(name + strlen(CGROUP_PARENT_PREFIX), NULL, 10), 0) == -1 &&
	       errno == ESRCH;
}

/* Removes the groups of an lrie that was killed. The lock tells: pids are used again, and
 * mean nothing across containers. */
static void sweep_one(int above, const char *name, const struct cgroup_version *version)
{
	autoclose int dir = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir == -1 || flock(dir, LOCK_EX | LOCK_NB) == -1)
		return;
	if (has_ended(name))
		for_each_group(dir, is_box_name, end_group, version);
	remove_groups_in(dir);
	unlinkat(above, name, AT_REMOVEDIR);
}

static void sweep(int above, const struct cgroup_version *version)
{
	for_each_group(above, is_parent_name, sweep_one, version);
}

/* Whether the folder that is open as 'dir' is still there, by this name. */
static bool is_there(int above, const char *name, int dir)
{
	struct stat named, opened;

	return fstatat(above, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(dir, &opened) == 0 &&
	       named.st_ino == opened.st_ino;
}

/*
 * Makes and locks the folder. Between the two, another lrie that starts may take it for one
 * of the dead and remove it; this one then makes it again. Returns -1 and errno.
 */
static int make_locked(int above, const char *name)
{
	for (int attempt = 0; attempt < LOCK_ATTEMPTS; attempt++) {
		if (mkdirat(above, name, 0755) == -1 && errno != EEXIST)
			return -1;
		autoclose int dir = openat(above, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir == -1 && errno != ENOENT)
			return -1;
		if (dir != -1 && flock(dir, LOCK_EX | LOCK_NB) == -1) {
			if (errno != EWOULDBLOCK)
				return -1;
			poll(NULL, 0, 1); /* it is about to be removed */
			continue;
		}
		if (dir != -1 && is_there(above, name, dir))
			return steal_fd(&dir);
	}
	errno = EWOULDBLOCK;
	return -1;
}

/* The name is of this pid, but another lrie may have that, where it means something else. */
static bool make_somewhere(struct cgroup_parent *parent, int above)
{
	for (int i = 0; i < NAME_ATTEMPTS; i++) {
		snprintf(parent->name, sizeof(parent->name),
		         i ? CGROUP_PARENT_PREFIX "%d.%d" : CGROUP_PARENT_PREFIX "%d",
		         (int)getpid(), i);
		parent->dir = make_locked(above, parent->name);
		if (parent->dir != -1 || errno != EWOULDBLOCK)
			break;
	}
	return parent->dir != -1;
}

void cgroup_sweep(const char *path, const struct cgroup_version *version)
{
	autoclose int above = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (above != -1)
		sweep(above, version);
}

bool cgroup_parent_make(struct cgroup_parent *parent, const char *path, struct error *err)
{
	autoclose int above = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (above == -1)
		return error_set(err, errno, "open cgroup '%s'", path);
	sweep(above, parent->version);
	if (!make_somewhere(parent, above))
		return error_set(err, errno, "create cgroup '%s/%s'", path, parent->name);
	parent->above = steal_fd(&above);
	return true;
}

void cgroup_parent_remove(struct cgroup_parent *parent)
{
	if (parent->dir != -1) {
		remove_groups_in(parent->dir);
		unlinkat(parent->above, parent->name, AT_REMOVEDIR);
	}
	fd_close(&parent->dir);
	fd_close(&parent->above);
}
