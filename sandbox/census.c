/* SPDX-License-Identifier: Apache-2.0 */
/* census - the processes of a box, looked up in /proc, and what they have in memory */
#include "sandbox/census.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/fd.h"

#define MAX_PROCESSES 4096 /* that are looked at */

static unsigned long long status_value(const char *text, const char *key, int base)
{
	const char *line = strstr(text, key);

	return line ? strtoull(line + strlen(key), NULL, base) : 0;
}

bool census_read_status(int fd, struct census_status *status)
{
	char text[4096];
	ssize_t length = fd == -1 ? -1 : pread(fd, text, sizeof(text) - 1, 0);

	if (length <= 0)
		return false;
	text[length] = '\0';
	const unsigned long long sigkill = 1ull << (SIGKILL - 1);
	const char *state = strstr(text, "\nState:\t");
	*status = (struct census_status){
		.peak = status_value(text, "\nVmHWM:", 10) * 1024,
		.threads = (unsigned)status_value(text, "\nThreads:", 10),
		.dying = !state || strchr("ZX", state[8]) ||
		         (status_value(text, "\nSigPnd:", 16) & sigkill) ||
		         (status_value(text, "\nShdPnd:", 16) & sigkill),
	};
	return true;
}

void census_add(struct census *census, int fd)
{
	struct census_status status;

	if (!census_read_status(fd, &status))
		return;
	census->has_dead |= status.peak == 0;
	census->sum += status.peak;
	if (status.peak > census->largest)
		census->largest = status.peak;
	census->threads += status.threads;
	census->processes++;
}

/* The twelfth and fourteenth field of a stat, after a name in parentheses that may hold anything:
 * cminflt and cmajflt. */
static uint64_t faults_of_children(int proc, pid_t pid)
{
	char path[32], stat[1024];
	unsigned long long minor = 0, major = 0;

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	if (fd_read_file(proc, path, stat, sizeof(stat)) == -1)
		return 0;
	const char *name_end = strrchr(stat, ')');
	if (name_end)
		sscanf(name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %llu %*u %llu", &minor,
		       &major);
	return minor + major;
}

static void add_process(struct census *census, int proc, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/status", (int)pid);
	autoclose int status = openat(proc, path, O_RDONLY | O_CLOEXEC);
	census_add(census, status);
	if (census->with_faults)
		census->faults += faults_of_children(proc, pid);
}

/* Everything in the box's own /proc but init. */
static void add_own_proc(struct census *census, int proc)
{
	char entries[4096];
	long got;

	/* Processes come after everything else there, from this offset on (fs/proc). */
	lseek(proc, 256, SEEK_SET);
	while ((got = syscall(SYS_getdents64, proc, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got && census->processes < MAX_PROCESSES;) {
			/* struct linux_dirent64: inode, offset, length, type, name */
			unsigned short length;
			memcpy(&length, entries + at + 16, sizeof(length));
			pid_t pid = (pid_t)atoi(entries + at + 19);
			if (pid > 1)
				add_process(census, proc, pid);
			at += length;
		}
	}
}

static void add_children(struct census *census, int proc, pid_t pid);

static void add_children_of_thread(struct census *census, int proc, const char *path)
{
	autoclose int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	FILE *children = fd == -1 ? NULL : fdopen(fd, "r");
	int child;

	if (!children)
		return;
	steal_fd(&fd);
	while (fscanf(children, "%d", &child) == 1 && census->processes < MAX_PROCESSES) {
		add_process(census, proc, child);
		add_children(census, proc, child);
	}
	fclose(children);
}

/* Without a pid namespace the family is followed down: children belong to threads. */
static void add_children(struct census *census, int proc, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/task", (int)pid);
	autoclose int fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *threads = fd == -1 ? NULL : fdopendir(fd);

	if (!threads)
		return;
	steal_fd(&fd);
	for (struct dirent *thread; (thread = readdir(threads));) {
		if (thread->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%d/task/%.20s/children", (int)pid, thread->d_name);
		add_children_of_thread(census, proc, path);
	}
	closedir(threads);
}

void census_add_box(struct census *census, int proc, pid_t init)
{
	if (proc != -1) {
		add_own_proc(census, proc);
		return;
	}
	autoclose int all = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (all != -1)
		add_children(census, all, init);
}
