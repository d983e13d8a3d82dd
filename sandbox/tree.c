/* SPDX-License-Identifier: Apache-2.0 */
/* tree - all that runs in a box, as its init sees it */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sandbox/fd.h"
#include "sandbox/tree.h"

#define ROUND_MS 10

bool tree_init(struct tree *tree, struct error *err)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	tree->ended = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	if (tree->ended == -1)
		return error_set(err, errno, "create a signalfd");
	if (!tree->is_namespace && prctl(PR_SET_CHILD_SUBREAPER, 1) == -1)
		return error_set(err, errno, "become a subreaper");
	return true;
}

void tree_clear(const struct tree *tree)
{
	struct signalfd_siginfo ended;

	while (read(tree->ended, &ended, sizeof(ended)) > 0)
		;
}

/* ---- without a pid namespace ------------------------------------------------ */

/* The parent of a process: the fourth field of its stat, after a name in parentheses
 * that may hold anything. */
static pid_t parent_of(pid_t pid)
{
	char path[32], stat[512];
	pid_t parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file(AT_FDCWD, path, stat, sizeof(stat)) == -1)
		return -1;
	const char *name_end = strrchr(stat, ')');
	if (!name_end || sscanf(name_end + 1, " %*c %d", &parent) != 1)
		return -1;
	return parent;
}

/* Kills the children of init there are now. Theirs become init's own, and are killed in the
 * next round. */
static void kill_children(void)
{
	autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char entries[4096];
	long got;

	while (proc != -1 && (got = syscall(SYS_getdents64, proc, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got;) {
			/* struct linux_dirent64: inode, offset, length, type, name */
			unsigned short length;
			memcpy(&length, entries + at + 16, sizeof(length));
			pid_t pid = (pid_t)atoi(entries + at + 19);
			if (pid > 1 && parent_of(pid) == getpid())
				kill(pid, SIGKILL);
			at += length;
		}
	}
}

/* Returns false when there are no children any more. */
static bool reap_children(void)
{
	pid_t pid;

	do {
		pid = waitpid(-1, NULL, WNOHANG | __WALL);
	} while (pid > 0);
	return pid == 0 || errno != ECHILD;
}

void tree_kill(const struct tree *tree)
{
	struct pollfd ended = { .fd = tree->ended, .events = POLLIN };

	if (tree->is_namespace)
		return;
	for (;;) {
		kill_children();
		if (!reap_children())
			return;
		poll(&ended, 1, ROUND_MS);
		tree_clear(tree);
	}
}
