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

static bool is_dying(const char *status)
{
	const unsigned long long sigkill = 1ull << (SIGKILL - 1);
	const char *state = strstr(status, "\nState:\t");

	return !state || strchr("ZX", state[8]) ||
	       (status_value(status, "\nSigPnd:", 16) & sigkill) ||
	       (status_value(status, "\nShdPnd:", 16) & sigkill);
}

static struct census_status parse_status(const char *text)
{
	return (struct census_status){
		.peak = status_value(text, "\nVmHWM:", 10) * 1024,
		.threads = (unsigned)status_value(text, "\nThreads:", 10),
		.dying = is_dying(text),
	};
}

bool census_read_status(int fd, struct census_status *status)
{
	char text[4096];

	if (!fd_read_again(fd, text, sizeof(text)))
		return false;
	*status = parse_status(text);
	return true;
}

/* Where field 'number' begins, counted from 1; a name that may hold anything is the second. */
static const char *stat_field(const char *stat, int number)
{
	const char *at = strrchr(stat, ')');

	for (int i = 2; at && i < number; i++) {
		at = strchr(at, ' ');
		if (at)
			at++;
	}
	return at;
}

bool census_parse_faults(const char *stat, struct census_faults *faults)
{
	const char *at = stat_field(stat, 10);
	uint64_t values[4];
	char *end;

	for (int i = 0; at && i < 4; i++, at = end) {
		values[i] = strtoull(at, &end, 10);
		if (end == at)
			return false;
	}
	if (!at)
		return false;
	*faults = (struct census_faults){ .minor = values[0],
		                          .children_minor = values[1],
		                          .major = values[2],
		                          .children_major = values[3] };
	return true;
}

bool census_read_signs(int fd, struct census_signs *signs)
{
	char text[1024];
	const char *threads, *resident;
	struct census_faults faults;

	if (!fd_read_again(fd, text, sizeof(text)))
		return false;
	threads = stat_field(text, 20);
	resident = stat_field(text, 24);
	if (!threads || !resident || !census_parse_faults(text, &faults))
		return false;
	*signs = (struct census_signs){ .faults = faults.minor + faults.children_minor +
		                                  faults.major + faults.children_major,
		                        .threads = (unsigned)strtoul(threads, NULL, 10),
		                        .resident_pages = strtoull(resident, NULL, 10) };
	return true;
}

void census_add(struct census *census, const struct census_status *status)
{
	census->has_dead |= status->peak == 0;
	census->sum += status->peak;
	if (status->peak > census->largest)
		census->largest = status->peak;
	census->threads += status->threads;
	census->processes++;
}

bool census_read_file(int proc, pid_t pid, const char *file, char *text, size_t size)
{
	char path[48];

	snprintf(path, sizeof(path), "%d/%s", (int)pid, file);
	return fd_read_file(proc, path, text, size) > 0;
}

static uint64_t faults_of_children(int proc, pid_t pid)
{
	struct census_faults faults;
	char stat[1024];

	if (!census_read_file(proc, pid, "stat", stat, sizeof(stat)) ||
	    !census_parse_faults(stat, &faults))
		return 0;
	return faults.children_minor + faults.children_major;
}

/* ---- walks ----------------------------------------------------------------- */

static void visit(struct census_visitor *visitor, int proc, pid_t pid)
{
	visitor->visits++;
	visitor->visit(visitor, proc, pid);
}

/* Everything in the box's own /proc but init. */
static void visit_own_proc(struct census_visitor *visitor, int proc)
{
	char entries[4096];
	long got;

	/* Processes come after everything else there, from this offset on (fs/proc). */
	lseek(proc, 256, SEEK_SET);
	while ((got = syscall(SYS_getdents64, proc, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got && visitor->visits < MAX_PROCESSES;) {
			/* struct linux_dirent64: inode, offset, length, type, name */
			unsigned short length;
			memcpy(&length, entries + at + 16, sizeof(length));
			pid_t pid = (pid_t)atoi(entries + at + 19);
			if (pid > 1)
				visit(visitor, proc, pid);
			at += length;
		}
	}
}

static void visit_children(struct census_visitor *visitor, int proc, pid_t pid);

static void visit_children_of_thread(struct census_visitor *visitor, int proc, const char *path)
{
	autoclose int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	FILE *children = fd == -1 ? NULL : fdopen(fd, "r");
	int child;

	if (!children)
		return;
	steal_fd(&fd);
	while (fscanf(children, "%d", &child) == 1 && visitor->visits < MAX_PROCESSES) {
		visit(visitor, proc, child);
		visit_children(visitor, proc, child);
	}
	fclose(children);
}

/* Without a pid namespace the family is followed down: children belong to threads. */
static void visit_children(struct census_visitor *visitor, int proc, pid_t pid)
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
		visit_children_of_thread(visitor, proc, path);
	}
	closedir(threads);
}

void census_visit(struct census_visitor *visitor, int proc, pid_t init)
{
	if (proc != -1) {
		visit_own_proc(visitor, proc);
		return;
	}
	autoclose int all = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (all != -1)
		visit_children(visitor, all, init);
}

/* ---- peaks ----------------------------------------------------------------- */

struct peak_visitor {
	struct census_visitor base;
	struct census *census;
};

static void visit_for_peak(struct census_visitor *visitor, int proc, pid_t pid)
{
	struct census *census = ((struct peak_visitor *)visitor)->census;
	char text[4096];

	if (census_read_file(proc, pid, "status", text, sizeof(text))) {
		const struct census_status seen = parse_status(text);
		census_add(census, &seen);
	}
	if (census->with_faults)
		census->faults += faults_of_children(proc, pid);
}

void census_add_box(struct census *census, int proc, pid_t init)
{
	struct peak_visitor visitor = { .base.visit = visit_for_peak, .census = census };

	census_visit(&visitor.base, proc, init);
}

/* ---- usage ----------------------------------------------------------------- */

struct usage_visitor {
	struct census_visitor base;
	struct census_usage *usage;
	enum census_depth depth;
};

/* Shares are told since Linux 5.5, to those who may look. */
static void read_shares(struct census_usage *usage, int proc, pid_t pid)
{
	char text[4096];

	if (!census_read_file(proc, pid, "smaps_rollup", text, sizeof(text)) ||
	    !strstr(text, "\nPss_Anon:"))
		return;
	usage->own_bytes = status_value(text, "\nPss_Anon:", 10) * 1024;
	usage->shared_bytes = status_value(text, "\nPss_Shmem:", 10) * 1024;
}

/* What one process has. Nothing when it is gone, or about to be. */
static struct census_usage usage_of(int proc, pid_t pid, enum census_depth depth)
{
	struct census_usage usage = { .own_bytes = 0 };
	char text[4096];
	const char *pages;

	if (depth == CENSUS_RESIDENT) {
		if (census_read_file(proc, pid, "statm", text, sizeof(text)) &&
		    (pages = strchr(text, ' ')))
			usage.own_bytes = strtoull(pages, NULL, 10) *
			                  (uint64_t)sysconf(_SC_PAGESIZE);
		return usage;
	}
	if (!census_read_file(proc, pid, "status", text, sizeof(text)))
		return usage;
	usage.dying = is_dying(text);
	if (usage.dying)
		return usage;
	usage.own_bytes = status_value(text, "\nRssAnon:", 10) * 1024;
	usage.shared_bytes = status_value(text, "\nRssShmem:", 10) * 1024;
	if (depth == CENSUS_SHARES)
		read_shares(&usage, proc, pid);
	return usage;
}

static void visit_for_usage(struct census_visitor *visitor, int proc, pid_t pid)
{
	const struct usage_visitor *of = (struct usage_visitor *)visitor;
	struct census_usage one = usage_of(proc, pid, of->depth), *all = of->usage;

	all->own_bytes += one.own_bytes;
	all->shared_bytes += one.shared_bytes;
	all->processes++;
	all->dying += one.dying;
	if (one.own_bytes + one.shared_bytes > all->largest_bytes) {
		all->largest_bytes = one.own_bytes + one.shared_bytes;
		all->largest = pid;
	}
}

struct census_usage census_usage(enum census_depth depth, int proc, pid_t init)
{
	struct census_usage usage = { .own_bytes = 0 };
	struct usage_visitor visitor = { .base.visit = visit_for_usage,
		                         .usage = &usage,
		                         .depth = depth };

	census_visit(&visitor.base, proc, init);
	return usage;
}
