/* SPDX-License-Identifier: Apache-2.0 */
/* memory - what the programs of a box use of memory, and whether the limit killed one */
#include "sandbox/memory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/census.h"
#include "sandbox/cgroup_memory.h"
#include "sandbox/fd.h"
#include "sandbox/memory_limit.h"
#include "sandbox/oom.h"

#define MAX_PROGRAMS 64

struct program {
	unsigned id;
	int status, stat; /* of /proc/PID, kept open; -1 when they cannot be read */

	struct census_signs signs; /* when 'seen' was; but for 'dying' it is still so with them */
	struct census_status seen; /* its peak is 0 before */
};

struct memory {
	const struct cgroup *group;    /* or NULL */
	struct cgroup_memory *charges; /* of the group, or NULL */
	struct memory_limit *keeper;
	pid_t init;
	int epoll;
	int proc; /* the box's own /proc, or -1 */

	struct program programs[MAX_PROGRAMS]; /* those that run */
	size_t program_count;

	uint64_t limit;
	uint64_t peak;
	uint64_t charged; /* the cgroup's peak when those who ended were last looked at */
	uint64_t faults;  /* of them, then */
	struct oom oom;
	uint64_t kept; /* how many the keeper had killed when it was last heeded */
	int oom_timer;
};

struct memory *memory_create(pid_t init, uint64_t limit, int epoll, struct tmp_spares *spares)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		abort();
	*memory = (struct memory){ .keeper = memory_limit_create(limit, init, epoll, spares),
		                   .init = init,
		                   .epoll = epoll,
		                   .proc = -1,
		                   .limit = limit,
		                   .oom_timer = -1 };
	return memory;
}

void memory_confine(struct memory *memory, const struct cgroup *group)
{
	uint32_t events;

	memory->group = group;
	memory->charges = group ? cgroup_memory_open(group) : NULL;
	if (!memory->charges)
		return;
	memory_limit_confine(memory->keeper, memory->charges);
	int fd = cgroup_memory_watch(memory->charges, &events);
	if (fd != -1)
		fd_watch(memory->epoll, fd, events);
}

static void forget_program(struct memory *memory, size_t index)
{
	fd_close(&memory->programs[index].status);
	fd_close(&memory->programs[index].stat);
	memory->programs[index] = memory->programs[--memory->program_count];
}

void memory_destroy(struct memory *memory)
{
	if (!memory)
		return;
	while (memory->program_count)
		forget_program(memory, 0);
	memory_limit_destroy(memory->keeper);
	cgroup_memory_close(memory->charges);
	fd_close(&memory->proc);
	fd_close(&memory->oom_timer);
	free(memory);
}

/* ---- who is there ------------------------------------------------------------ */

void memory_ready(struct memory *memory, int tmp, bool had_tmp, int proc)
{
	memory->proc = proc;
	memory_limit_ready(memory->keeper, proc, tmp, had_tmp);
}

bool memory_has_own_proc(const struct memory *memory)
{
	return memory->proc != -1;
}

int memory_proc(const struct memory *memory)
{
	return memory->proc;
}

static int open_of(pid_t pid, const char *file)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return open(path, O_RDONLY | O_CLOEXEC);
}

void memory_program_started(struct memory *memory, unsigned id, pid_t pid)
{
	if (memory->program_count == MAX_PROGRAMS)
		return;
	memory->programs[memory->program_count++] = (struct program){
		.id = id,
		.status = open_of(pid, "status"),
		.stat = open_of(pid, "stat"),
	};
}

void memory_program_ended(struct memory *memory, unsigned id)
{
	for (size_t i = 0; i < memory->program_count; i++) {
		if (memory->programs[i].id == id) {
			forget_program(memory, i);
			break;
		}
	}
}

/* ---- the peak ---------------------------------------------------------------- */

/* The signs are read first: what happens in between is then found the next time. */
static bool look_at(struct program *program)
{
	struct census_signs signs = { .faults = 0 };
	bool has_signs = census_read_signs(program->stat, &signs);

	if (has_signs && program->seen.peak && signs.faults == program->signs.faults &&
	    signs.resident_pages == program->signs.resident_pages &&
	    signs.threads == program->seen.threads)
		return true;
	program->signs = signs;
	return census_read_status(program->status, &program->seen);
}

static void add_programs(struct census *peaks, struct memory *memory)
{
	for (size_t i = 0; i < memory->program_count; i++) {
		if (look_at(&memory->programs[i]))
			census_add(peaks, &memory->programs[i].seen);
	}
}

/*
 * Most functions are one process, and the pids cgroup tells in half a microsecond
 * that nothing but the known programs runs. Otherwise everybody is looked up.
 */
static void add_everybody(struct census *peaks, struct memory *memory)
{
	unsigned tasks;

	if (memory->group && cgroup_task_count(memory->group, &tasks)) {
		add_programs(peaks, memory);
		if (peaks->threads == tasks)
			return;
		*peaks = (struct census){ .sum = 0 };
	}
	census_add_box(peaks, memory->proc, memory->init);
}

/* Processes that share pages, or had their peaks at different times, used less together
 * than the sum; more than was ever charged it cannot be. */
static uint64_t together(const struct memory *memory, const struct census *peaks)
{
	uint64_t charged;

	if (peaks->processes <= 1 || !memory->charges ||
	    !cgroup_memory_peak(memory->charges, &charged))
		return peaks->sum;
	if (charged < peaks->largest)
		charged = peaks->largest;
	return charged < peaks->sum ? charged : peaks->sum;
}

static void raise_peak(struct memory *memory, uint64_t bytes)
{
	if (bytes > memory->peak)
		memory->peak = bytes;
}

static uint64_t subtract(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

/*
 * Children that have ended left their mark in the group's peak alone. That holds file cache and
 * files in /tmp as well. What there is of these now was, at the peak, mostly there: the rest of
 * the peak was memory. If some of it went since, as when a file in /tmp was deleted, this says too
 * much; but those who ended cannot have had more than their page faults brought them, which writing
 * and reading files does not take. Where nobody ended nothing is guessed at all.
 */
static uint64_t together_with_the_ended(const struct census *peaks, uint64_t charged,
                                        const struct cgroup_memory_stat *held)
{
	uint64_t own = subtract(charged,
	                        held->shared_bytes + held->cache_bytes + held->kernel_bytes);
	uint64_t faulted = peaks->faults * (uint64_t)sysconf(_SC_PAGESIZE);

	if (held->huge_bytes == UINT64_MAX)
		return own;
	uint64_t most = peaks->sum + faulted + held->huge_bytes;
	return own < most ? own : most;
}

/* Costs next to nothing unless the group's peak has risen since the last time. */
static void count_the_ended(struct memory *memory)
{
	struct census peaks = { .with_faults = true };
	struct cgroup_memory_stat held;
	uint64_t charged;

	if (!memory->charges || !cgroup_memory_peak(memory->charges, &charged) ||
	    charged <= memory->charged || charged <= memory->peak)
		return;
	census_add_box(&peaks, memory->proc, memory->init);
	if (peaks.faults != memory->faults && cgroup_memory_read(memory->charges, &held))
		raise_peak(memory, together_with_the_ended(&peaks, charged, &held));
	memory->faults = peaks.faults;
	if (!peaks.has_dead)
		memory->charged = charged;
}

void memory_look(struct memory *memory)
{
	struct census peaks = { .sum = 0 };

	add_everybody(&peaks, memory);
	raise_peak(memory, together(memory, &peaks));
	count_the_ended(memory);
}

uint64_t memory_peak(const struct memory *memory)
{
	return memory->peak;
}

/* ---- out of memory ----------------------------------------------------------------- */

/* How many processes the limit has killed. */
static uint64_t kills_of(const struct memory *memory)
{
	return memory_limit_kills(memory->keeper) +
	       (memory->charges ? cgroup_memory_kills(memory->charges) : 0);
}

static void set_oom_timer(struct memory *memory)
{
	long ms = oom_wait_ms(&memory->oom, kills_of(memory));
	struct itimerspec delay = { .it_value = { .tv_sec = ms / 1000,
		                                  .tv_nsec = ms % 1000 * 1000000 } };

	if (!ms)
		return;
	if (memory->oom_timer == -1) {
		memory->oom_timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (memory->oom_timer == -1 || !fd_watch(memory->epoll, memory->oom_timer, EPOLLIN))
			return;
	}
	timerfd_settime(memory->oom_timer, 0, &delay, NULL);
}

static bool is_dying(const struct program *program)
{
	struct census_status status;

	return !census_read_status(program->status, &status) || status.dying;
}

static bool a_program_is_dying(const struct memory *memory)
{
	for (size_t i = 0; i < memory->program_count; i++) {
		if (is_dying(&memory->programs[i]))
			return true;
	}
	return false;
}

/* What a program that ended had at most. */
static uint64_t rss_at_the_end(const struct memory *memory, const struct message *message)
{
	uint64_t charged;

	if (!message->rss_is_inits)
		return message->max_rss_bytes;
	/* Better seen before. Otherwise no more than init had, nor than was charged. */
	if (memory->peak)
		return memory->peak;
	if (memory->charges && cgroup_memory_peak(memory->charges, &charged) &&
	    charged < message->max_rss_bytes)
		return charged;
	return message->max_rss_bytes;
}

bool memory_program_exited(struct memory *memory, const struct message *message)
{
	memory_program_ended(memory, message->id);
	raise_peak(memory, rss_at_the_end(memory, message));
	if (!WIFSIGNALED(message->number) || WTERMSIG(message->number) != SIGKILL ||
	    !oom_claim(&memory->oom, kills_of(memory)))
		return false;
	raise_peak(memory, memory->limit);
	return true;
}

void memory_end(struct memory *memory)
{
	for (size_t i = 0; i < memory->program_count; i++) {
		if (is_dying(&memory->programs[i]))
			oom_claim(&memory->oom, kills_of(memory));
	}
}

void memory_adopted_exited(struct memory *memory, const struct message *message)
{
	raise_peak(memory, message->max_rss_bytes);
}

/* Whether somebody may have been killed of late. */
static bool has_news(struct memory *memory)
{
	uint64_t kept = memory_limit_kills(memory->keeper);
	bool news = kept > memory->kept;

	memory->kept = kept;
	return (memory->charges && cgroup_memory_heed(memory->charges)) || news;
}

static bool tell_oom(struct memory *memory, unsigned kills, struct sandbox_event *event)
{
	if (!kills)
		return false;
	raise_peak(memory, memory->limit);
	*event = (struct sandbox_event){ .type = SANDBOX_OOM,
		                         .at_ns = message_now(),
		                         .kills = kills };
	return true;
}

bool memory_take_oom(struct memory *memory, struct sandbox_event *event)
{
	uint64_t count;

	memory_limit_keep(memory->keeper);
	if (has_news(memory)) {
		oom_news(&memory->oom);
		set_oom_timer(memory);
	}
	if (memory->oom_timer == -1 || read(memory->oom_timer, &count, sizeof(count)) <= 0)
		return false;
	uint64_t kills = kills_of(memory);
	unsigned told = oom_look(&memory->oom, kills, a_program_is_dying(memory), message_now());
	set_oom_timer(memory);
	return tell_oom(memory, told, event);
}

bool memory_take_rest(struct memory *memory, struct sandbox_event *event)
{
	return tell_oom(memory, oom_rest(&memory->oom, kills_of(memory)), event);
}

void memory_set_frozen(struct memory *memory, bool frozen)
{
	memory_limit_set_frozen(memory->keeper, frozen);
}
