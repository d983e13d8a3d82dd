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
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/namespace.h"
#include "sandbox/tree.h"

#define ROUND_MS 10
#define MAX_ROUNDS 20
#define MAX_DEPTH 10000

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

struct process {
	pid_t pid, parent;
};

/* In the order of their pids, in which the kernel lists them. */
struct processes {
	struct process *list;
	size_t count;
};

static void processes_free(struct processes *processes)
{
	free(processes->list);
}

/* The parent of a process: the fourth field of its stat, after a name in parentheses
 * that may hold anything. */
static pid_t parent_of(int proc, pid_t pid)
{
	char path[32], stat[512];
	pid_t parent;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	if (fd_read_file(proc, path, stat, sizeof(stat)) == -1)
		return -1;
	const char *name_end = strrchr(stat, ')');
	if (!name_end || sscanf(name_end + 1, " %*c %d", &parent) != 1)
		return -1;
	return parent;
}

static void add_process(struct processes *processes, struct process process)
{
	if (processes->count % 64 == 0) {
		processes->list = realloc(processes->list,
		                          (processes->count + 64) * sizeof(process));
		if (!processes->list)
			abort();
	}
	processes->list[processes->count++] = process;
}

static int compare_pids(const void *left, const void *right)
{
	pid_t one = ((const struct process *)left)->pid;
	pid_t other = ((const struct process *)right)->pid;

	return (one > other) - (one < other);
}

static const struct process *find_process(const struct processes *processes, pid_t pid)
{
	const struct process wanted = { .pid = pid };

	if (!processes->count)
		return NULL;
	return bsearch(&wanted, processes->list, processes->count, sizeof(wanted), compare_pids);
}

/* A walk through all processes, by which the family is found. */
struct walk {
	int proc;
	int number;             /* the signal */
	struct processes seen;  /* everybody so far, so that most ancestors need no second look */
	struct processes known; /* those of the family who were signalled in the walk before */
	struct processes family;
	bool any; /* somebody was not known */
};

static void walk_free(struct walk *walk)
{
	processes_free(&walk->seen);
	processes_free(&walk->known);
	processes_free(&walk->family);
	fd_close(&walk->proc);
}

/* A parent may have the higher pid, since they start again at their end. */
static bool descends(const struct walk *walk, pid_t parent)
{
	for (size_t steps = 0; parent > 1 && steps <= MAX_DEPTH; steps++) {
		if (parent == getpid())
			return true;
		const struct process *seen = find_process(&walk->seen, parent);
		parent = seen ? seen->parent : parent_of(walk->proc, parent);
	}
	return false;
}

/* At once, since a process that is listed may end, and its pid be another's. */
static void meet(struct walk *walk, pid_t pid)
{
	const struct process process = { .pid = pid, .parent = parent_of(walk->proc, pid) };

	add_process(&walk->seen, process);
	if (!descends(walk, process.parent))
		return;
	add_process(&walk->family, process);
	if (find_process(&walk->known, pid))
		return;
	kill(pid, walk->number);
	walk->any = true;
}

static void meet_all(struct walk *walk)
{
	char entries[4096];
	long got;

	while ((got = syscall(SYS_getdents64, walk->proc, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got;) {
			/* struct linux_dirent64: inode, offset, length, type, name */
			unsigned short length;
			memcpy(&length, entries + at + 16, sizeof(length));
			pid_t pid = (pid_t)atoi(entries + at + 19);
			if (pid > 1)
				meet(walk, pid);
			at += length;
		}
	}
}

static void signal_family(int number, int rounds)
{
	__attribute__((cleanup(walk_free))) struct walk walk = {
		.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
		.number = number,
		.any = true
	};

	for (int round = 0; walk.any && round < rounds; round++) {
		walk.any = false;
		walk.seen.count = 0;
		lseek(walk.proc, 0, SEEK_SET);
		meet_all(&walk);
		processes_free(&walk.known);
		walk.known = walk.family;
		walk.family = (struct processes){ .count = 0 };
	}
}

/* ---- by user --------------------------------------------------------------------- */

/*
 * A process that is 'uid' may signal everybody who is, in one call that nobody who forks escapes;
 * and they may signal it, stop it for one. Whose effective user alone is 'uid' may still signal
 * them, but is out of their reach.
 */
static bool signal_user(const struct user *user, int number)
{
	int status;
	pid_t pid = namespace_vfork(-1);

	if (pid == 0) {
		bool done = syscall(SYS_setresuid, user->marshal, user->uid, user->marshal) == 0 &&
		            (kill(-1, number) == 0 || errno == ESRCH);
		_exit(done ? 0 : 1);
	}
	return pid != -1 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---- all together ------------------------------------------------------------------ */

static void signal_everybody(const struct tree *tree, int number, int rounds)
{
	if (tree->is_namespace)
		kill(-1, number);
	else if (!tree->user.marshal || !signal_user(&tree->user, number))
		signal_family(number, rounds);
}

void tree_signal(const struct tree *tree, int number)
{
	signal_everybody(tree, number, MAX_ROUNDS);
	/* A process that was being forked just then was seen to stay stopped (Linux 6.18): who is
	 * told to go on twice goes on once. */
	if (number == SIGCONT)
		signal_everybody(tree, number, MAX_ROUNDS);
}

/* ---- the end ------------------------------------------------------------------ */

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
		signal_everybody(tree, SIGKILL, 1);
		if (!reap_children())
			return;
		poll(&ended, 1, ROUND_MS);
		tree_clear(tree);
	}
}
