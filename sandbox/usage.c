/* SPDX-License-Identifier: Apache-2.0 */
/* usage - what the programs of a box have used of CPU time, memory pages and files */
#include "sandbox/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/census.h"
#include "sandbox/fd.h"
#include "sandbox/file_count.h"

#define NS_PER_US 1000u
#define NS_PER_S 1000000000u

/* Fewer ticks than that tell nothing of what they interrupted. */
#define LEAST_TICKS 10

/* Of a look: who forks all the time is never to be seen at once. */
#define ATTEMPTS 8

/* What /proc/PID/io tells, of a process and its children that ended. */
struct transfer {
	uint64_t read, storage;
};

struct usage {
	pid_t init;
	const struct cgroup *group; /* or NULL */
	int stat;                   /* cpu.stat of version 2; -1: not there, like the others */
	int cpuacct;                /* cpuacct.usage */
	int cpu;                    /* cpu.stat of version 1 */
	int init_stat;              /* /proc/PID/stat of init */
	uint64_t tick_ns;           /* of the clock that tells the kernel's part of CPU time */

	struct message_spent spent;    /* on lrie's behalf, by all who became programs */
	struct census_faults reaped;   /* by init, before there were programs */
	struct file_count *file_count; /* NULL: nobody counts */
	int file_code;                 /* errno: why */
};

struct usage *usage_create(pid_t init)
{
	struct usage *usage = malloc(sizeof(*usage));
	struct timespec tick;

	if (!usage)
		abort();
	*usage = (struct usage){
		.init = init, .stat = -1, .cpuacct = -1, .cpu = -1, .init_stat = -1
	};
	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) == 0)
		usage->tick_ns = (uint64_t)tick.tv_sec * NS_PER_S + (uint64_t)tick.tv_nsec;
	return usage;
}

void usage_destroy(struct usage *usage)
{
	if (!usage)
		return;
	fd_close(&usage->stat);
	fd_close(&usage->cpuacct);
	fd_close(&usage->cpu);
	fd_close(&usage->init_stat);
	file_count_destroy(usage->file_count);
	free(usage);
}

void usage_confine(struct usage *usage, const struct cgroup *group)
{
	usage->group = group;
}

/* Not before the box stands: a program is about to be asked for then, which must not wait. */
static void open_files(struct usage *usage)
{
	const struct cgroup *group = usage->group;

	if (!group)
		return;
	usage->stat = cgroup_open_file(group, true, "cpu.stat");
	usage->cpu = cgroup_open_file(group, false, "cpu.stat");
	if (usage->stat == -1)
		usage->cpuacct = cgroup_open_file(group, false, "cpuacct.usage");
}

void usage_program_started(struct usage *usage, const struct message *message)
{
	struct message_spent *all = &usage->spent;
	const struct message_spent *one = &message->spent;

	all->cpu_ns += one->cpu_ns;
	all->entry_ns += one->entry_ns;
	all->system_ns += one->system_ns;
	all->minor_faults += one->minor_faults;
	all->major_faults += one->major_faults;
}

void usage_count_files(struct usage *usage, int fd, int code, int epoll)
{
	usage->file_code = code;
	if (fd != -1 && !usage->file_count)
		usage->file_count = file_count_create(fd, epoll, usage->init);
	else
		fd_close(&fd);
}

void usage_heed(struct usage *usage)
{
	if (usage->file_count)
		file_count_take(usage->file_count);
}

/* ---- what is known ----------------------------------------------------------------- */

static void know(struct sandbox_usage *figures, enum sandbox_usage_figure figure, uint64_t value)
{
	figures->figures[figure] = value;
	figures->missing[figure] = NULL;
}

static void lack(struct sandbox_usage *figures, enum sandbox_usage_figure figure, const char *why)
{
	figures->figures[figure] = SANDBOX_UNKNOWN;
	figures->missing[figure] = why;
}

void usage_know_nothing(struct sandbox_usage *figures, const char *why)
{
	for (unsigned i = 0; i < SANDBOX_USAGE_COUNT; i++)
		lack(figures, (enum sandbox_usage_figure)i, why);
}

static uint64_t subtract(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

/* ---- one process after another ------------------------------------------------------ */

/* What was found in /proc of all processes of a box. */
struct tally {
	struct census_visitor base; /* first */
	struct census_faults faults;
	struct transfer transfer;
	uint64_t mapped_bytes;
	uint64_t clocks_ns;
	int transfer_code; /* errno: why somebody's is not known */
	bool asks_clocks;  /* then the pids must be our own */
	bool lacks_clocks;
	bool is_unsettled; /* somebody went on his way to whoever waited for him */
};

static bool read_faults(int proc, pid_t pid, struct census_faults *faults, bool *is_dead)
{
	char stat[1024];

	if (!census_read_file(proc, pid, "stat", stat, sizeof(stat)) ||
	    !census_parse_faults(stat, faults))
		return false;
	*is_dead = strncmp(strrchr(stat, ')'), ") X", 3) == 0;
	return true;
}

static uint64_t line_value(const char *text, const char *key)
{
	const char *line = strstr(text, key);

	return line ? strtoull(line + strlen(key), NULL, 10) : 0;
}

static bool read_transfer(int proc, pid_t pid, const char *file, struct transfer *transfer)
{
	char io[512];

	errno = 0;
	if (!census_read_file(proc, pid, file, io, sizeof(io)))
		return false;
	*transfer = (struct transfer){ .read = line_value(io, "rchar: "),
		                       .storage = line_value(io, "\nread_bytes: ") };
	return true;
}

static void add_clock(struct tally *tally, pid_t pid)
{
	struct timespec spent;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0 && clock_gettime(clock, &spent) == 0)
		tally->clocks_ns += (uint64_t)spent.tv_sec * NS_PER_S + (uint64_t)spent.tv_nsec;
	else
		tally->lacks_clocks = true;
}

/* One that is gone is with whoever waited for it. */
static void add_process(struct census_visitor *visitor, int proc, pid_t pid)
{
	struct tally *tally = (struct tally *)visitor;
	struct census_faults faults;
	struct transfer transfer;
	char status[4096];
	bool is_dead;

	if (!read_faults(proc, pid, &faults, &is_dead) || is_dead) {
		tally->is_unsettled = true;
		return;
	}
	tally->faults.minor += faults.minor;
	tally->faults.major += faults.major;
	tally->faults.children_minor += faults.children_minor;
	tally->faults.children_major += faults.children_major;
	if (read_transfer(proc, pid, "io", &transfer)) {
		tally->transfer.read += transfer.read;
		tally->transfer.storage += transfer.storage;
	} else if (errno == ESRCH) {
		tally->is_unsettled = true;
	} else {
		tally->transfer_code = errno;
	}
	if (census_read_file(proc, pid, "status", status, sizeof(status)))
		tally->mapped_bytes += line_value(status, "\nRssFile:") * 1024;
	if (tally->asks_clocks)
		add_clock(tally, pid);
}

/* ---- what init has waited for -------------------------------------------------------- */

static bool read_inits_faults(const struct usage *usage, struct census_faults *faults)
{
	char stat[1024];

	return fd_read_again(usage->init_stat, stat, sizeof(stat)) &&
	       census_parse_faults(stat, faults);
}

/* Of a process the kernel tells what it has transferred with all whom it has waited for; of its
 * only thread, what that has alone, which cannot be more when it is looked at first. Those whom
 * init waits for before there are programs read nothing. */
static bool read_reaped_transfer(const struct usage *usage, struct transfer *transfer)
{
	autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct transfer own;
	char file[32];

	snprintf(file, sizeof(file), "task/%d/io", (int)usage->init);
	if (!read_transfer(proc, usage->init, file, &own) ||
	    !read_transfer(proc, usage->init, "io", transfer))
		return false;
	transfer->read = subtract(transfer->read, own.read);
	transfer->storage = subtract(transfer->storage, own.storage);
	return true;
}

void usage_ready(struct usage *usage, const struct message *message)
{
	char path[32];

	usage->reaped.children_minor = message->spent.minor_faults;
	usage->reaped.children_major = message->spent.major_faults;
	open_files(usage);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)usage->init);
	usage->init_stat = open(path, O_RDONLY | O_CLOEXEC);
}

/* Only if there was somebody: it is not always to be seen. */
static void add_reaped(struct tally *tally, const struct usage *usage,
                       const struct census_faults *reaped)
{
	struct transfer transfer;

	if (reaped->children_minor == usage->reaped.children_minor)
		return;
	tally->faults.children_minor += reaped->children_minor - usage->reaped.children_minor;
	tally->faults.children_major += reaped->children_major - usage->reaped.children_major;
	if (read_reaped_transfer(usage, &transfer)) {
		tally->transfer.read += transfer.read;
		tally->transfer.storage += transfer.storage;
	} else {
		tally->transfer_code = errno ? errno : EACCES;
	}
}

/* Who is waited for meanwhile may be found twice or not at all: then all are looked at again. */
static struct tally look_at_all(const struct usage *usage, int proc, bool asks_clocks)
{
	struct tally tally;
	struct census_faults before, after;

	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		tally = (struct tally){ .base.visit = add_process, .asks_clocks = asks_clocks };
		before = after = usage->reaped;
		read_inits_faults(usage, &before);
		census_visit(&tally.base, proc, usage->init);
		add_reaped(&tally, usage, &before);
		read_inits_faults(usage, &after);
		if (!tally.is_unsettled && before.children_minor == after.children_minor)
			break;
	}
	return tally;
}

/* ---- the figures --------------------------------------------------------------------- */

static void tell_clocks(const struct usage *usage, const struct tally *tally,
                        struct sandbox_usage *figures)
{
	if (tally->lacks_clocks)
		lack(figures, SANDBOX_USAGE_CPU_NS, "the clocks of its processes cannot be read");
	else if (tally->faults.children_minor)
		lack(figures, SANDBOX_USAGE_CPU_NS,
		     "processes have ended, and what those took only a cgroup tells");
	else
		know(figures, SANDBOX_USAGE_CPU_NS,
		     subtract(tally->clocks_ns, usage->spent.cpu_ns));
}

static void tell_system(const struct usage *usage, const char *stat, struct sandbox_usage *figures)
{
	if (figures->figures[SANDBOX_USAGE_CPU_NS] < LEAST_TICKS * usage->tick_ns)
		lack(figures, SANDBOX_USAGE_SYSTEM_NS,
		     "it takes ten clock ticks of CPU time to tell");
	else
		know(figures, SANDBOX_USAGE_SYSTEM_NS,
		     subtract(cgroup_value(stat, "system_usec") * NS_PER_US,
		              usage->spent.system_ns));
}

/* Whoever became a program was born in a group of version 2, or had entered one that counts. */
static void tell_cpu(const struct usage *usage, const struct tally *tally, const char *stat,
                     struct sandbox_usage *figures)
{
	uint64_t spent = subtract(usage->spent.cpu_ns, usage->spent.entry_ns), acct;

	lack(figures, SANDBOX_USAGE_SYSTEM_NS, "it takes a cgroup of version 2");
	if (stat) {
		know(figures, SANDBOX_USAGE_CPU_NS,
		     subtract(cgroup_value(stat, "usage_usec") * NS_PER_US, spent));
		tell_system(usage, stat, figures);
	} else if (cgroup_read_number(usage->cpuacct, &acct)) {
		know(figures, SANDBOX_USAGE_CPU_NS, subtract(acct, spent));
	} else {
		tell_clocks(usage, tally, figures);
	}
}

static void tell_throttled(const struct usage *usage, const char *stat,
                           struct sandbox_usage *figures)
{
	char text[1024];

	if (stat && strstr(stat, "\nthrottled_usec "))
		know(figures, SANDBOX_USAGE_THROTTLED_NS,
		     cgroup_value(stat, "throttled_usec") * NS_PER_US);
	else if (fd_read_again(usage->cpu, text, sizeof(text)))
		know(figures, SANDBOX_USAGE_THROTTLED_NS, cgroup_value(text, "throttled_time"));
	else
		lack(figures, SANDBOX_USAGE_THROTTLED_NS, "nothing limits its CPU time");
}

static const char *why_no_transfer(int code)
{
	if (code == EACCES || code == EPERM)
		return "/proc/PID/io may not be read: that takes the right to trace the program";
	return code == ENOENT ? "this kernel does not count it" : "/proc/PID/io cannot be read";
}

static void tell_processes(const struct usage *usage, const struct tally *tally,
                           struct sandbox_usage *figures)
{
	const struct census_faults *faults = &tally->faults;

	know(figures, SANDBOX_USAGE_MINOR_FAULTS,
	     subtract(faults->minor + faults->children_minor, usage->spent.minor_faults));
	know(figures, SANDBOX_USAGE_MAJOR_FAULTS,
	     subtract(faults->major + faults->children_major, usage->spent.major_faults));
	know(figures, SANDBOX_USAGE_MAPPED_BYTES, tally->mapped_bytes);
	if (tally->transfer_code) {
		lack(figures, SANDBOX_USAGE_READ_BYTES, why_no_transfer(tally->transfer_code));
		lack(figures, SANDBOX_USAGE_STORAGE_BYTES, why_no_transfer(tally->transfer_code));
	} else {
		know(figures, SANDBOX_USAGE_READ_BYTES, tally->transfer.read);
		know(figures, SANDBOX_USAGE_STORAGE_BYTES, tally->transfer.storage);
	}
}

static void tell_files(struct usage *usage, struct sandbox_usage *figures)
{
	uint64_t count;

	if (usage->file_count && file_count_get(usage->file_count, &count))
		know(figures, SANDBOX_USAGE_FILES, count);
	else if (usage->file_count)
		lack(figures, SANDBOX_USAGE_FILES, "they were too many to be counted");
	else if (usage->file_code == EPERM || usage->file_code == EACCES)
		lack(figures, SANDBOX_USAGE_FILES, "it takes root");
	else if (usage->file_code)
		lack(figures, SANDBOX_USAGE_FILES, "fanotify(7) does not work here");
	else
		lack(figures, SANDBOX_USAGE_FILES,
		     "it takes a box with a root of its own, where it is asked for");
}

void usage_look(struct usage *usage, int proc, struct sandbox_usage *figures)
{
	char text[2048];
	bool has_stat = fd_read_again(usage->stat, text, sizeof(text)) &&
	                strncmp(text, "usage_usec ", 11) == 0;
	bool asks_clocks = !has_stat && usage->cpuacct == -1;

	/* Programs that are found by way of init have the pids that clocks are known by. */
	struct tally tally = look_at_all(usage, asks_clocks ? -1 : proc, asks_clocks);
	if (tally.base.visits == 0) {
		usage_know_nothing(figures, "its processes are not to be found in /proc");
		return;
	}
	tell_processes(usage, &tally, figures);
	tell_cpu(usage, &tally, has_stat ? text : NULL, figures);
	tell_throttled(usage, has_stat ? text : NULL, figures);
	tell_files(usage, figures);
}
