/* SPDX-License-Identifier: Apache-2.0 */
/* memory_limit - holds the programs of a box to their memory */
#include "sandbox/memory_limit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/census.h"
#include "sandbox/fd.h"

#define MB (UINT64_C(1) << 20)

/* How much may be written to /tmp between two looks. At 3 GB/s, faster than which nothing was seen
 * to write, this takes 85 ms: a look comes after a third of that, and may come 50 ms late on a busy
 * machine. With more the kernel would let a function have more, too, when looks come late. */
#define SLACK (256 * MB)

#define MOST_PER_MS (8 * MB)
#define LOOK_MIN_MS 5
#define LOOK_MAX_MS 50
#define KILLS_AT_ONCE 16
#define LOOK_SHARE 10 /* a look takes that part of the time at most */

/* Page cache that is made to give way at once, so that nobody waits for long. */
#define STEP (4 * MB)

struct memory_limit {
	uint64_t bytes;
	pid_t init;
	int epoll;
	int proc;
	struct tmp_spares *spares;
	struct tmp_watch *tmp;       /* NULL: none that counts */
	struct cgroup_memory *group; /* NULL: everything is watched */
	uint64_t set;                /* the group's limit now */
	bool had_tmp;                /* some of what is in /tmp may be charged elsewhere */

	int timer;       /* -1: not yet */
	bool is_waiting; /* for the timer */
	bool is_frozen;

	uint64_t kills;
};

struct memory_limit *memory_limit_create(uint64_t bytes, pid_t init, int epoll,
                                         struct tmp_spares *spares)
{
	struct memory_limit *limit = malloc(sizeof(*limit));

	if (!limit)
		abort();
	*limit = (struct memory_limit){ .bytes = bytes,
		                        .init = init,
		                        .epoll = epoll,
		                        .proc = -1,
		                        .spares = spares,
		                        .timer = -1 };
	return limit;
}

void memory_limit_destroy(struct memory_limit *limit)
{
	if (!limit)
		return;
	tmp_watch_destroy(limit->tmp);
	fd_close(&limit->timer);
	free(limit);
}

void memory_limit_confine(struct memory_limit *limit, struct cgroup_memory *group)
{
	limit->group = group;
	limit->set = limit->bytes;
}

/* ---- the kernel's limit --------------------------------------------------------- */

static void set_limit(struct memory_limit *limit, uint64_t bytes)
{
	if (bytes != limit->set && cgroup_memory_limit(limit->group, bytes))
		limit->set = bytes;
}

/* Below what is charged only as far as page cache can give way, and in steps. */
static void lower_limit(struct memory_limit *limit, uint64_t bytes)
{
	struct cgroup_memory_stat stat;
	uint64_t usage;

	if (!cgroup_memory_usage(limit->group, &usage))
		return;
	if (usage > bytes) {
		if (!cgroup_memory_read(limit->group, &stat))
			return;
		uint64_t step = stat.cache_bytes / 2 < STEP ? stat.cache_bytes / 2 : STEP;
		bytes = usage - step > bytes ? usage - step : bytes;
	}
	if (bytes < limit->set)
		set_limit(limit, bytes);
}

/* Whether the kernel has the exact limit, and nothing needs to be watched. */
static bool is_exact(const struct memory_limit *limit)
{
	return limit->group && limit->set == limit->bytes;
}

static bool is_empty(const struct tmp_usage *tmp)
{
	return tmp->files == 0 && tmp->bytes == 0;
}

/* From a /tmp that has been empty on, everything in it is charged here. */
static void leave_out_earlier(struct memory_limit *limit, struct tmp_usage *tmp)
{
	struct cgroup_memory_stat stat;

	if (is_empty(tmp))
		limit->had_tmp = false;
	if (!limit->had_tmp || !cgroup_memory_read(limit->group, &stat))
		return;
	uint64_t most = stat.shared_bytes + tmp->files * TMP_FILE_BYTES;
	if (tmp->bytes > most)
		tmp->bytes = most;
}

/* Exact is the limit only where the next file will be told of. */
static void follow_tmp(struct memory_limit *limit, struct tmp_usage *tmp)
{
	bool is_told = false;

	if (is_empty(tmp) && limit->tmp) {
		is_told = tmp_watch_arm(limit->tmp);
		*tmp = tmp_watch_usage(limit->tmp);
	}
	uint64_t bytes = limit->bytes;
	if (!is_told || !is_empty(tmp))
		bytes += tmp->bytes + SLACK;
	if (bytes >= limit->set)
		set_limit(limit, bytes);
	else
		lower_limit(limit, bytes);
}

/* ---- what the processes have ----------------------------------------------------- */

static uint64_t subtract(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

static uint64_t used_of_group(const struct memory_limit *limit, const struct tmp_usage *tmp)
{
	struct cgroup_memory_stat stat;
	uint64_t usage;

	if (!cgroup_memory_usage(limit->group, &usage))
		return 0;
	usage = subtract(usage, tmp->bytes);
	if (usage <= limit->bytes || !cgroup_memory_read(limit->group, &stat))
		return usage;
	return stat.anonymous_bytes + subtract(stat.shared_bytes, tmp->bytes);
}

/* Looks no closer than it must. */
static uint64_t used_of_processes(const struct memory_limit *limit, const struct tmp_usage *tmp)
{
	uint64_t used = 0;

	for (enum census_depth depth = CENSUS_RESIDENT; depth <= CENSUS_SHARES; depth++) {
		const struct census_usage all = census_usage(depth, limit->proc, limit->init);
		used = all.own_bytes + subtract(all.shared_bytes, tmp->bytes);
		if (used <= limit->bytes || (depth == CENSUS_OWN && all.processes - all.dying <= 1))
			break;
	}
	return used;
}

/* ---- killing ---------------------------------------------------------------------- */

/* A folder in /proc stands for its process, whatever the number means outside of the box. */
static bool kill_by_folder(int proc, pid_t pid)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", (int)pid);
	autoclose int folder = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return folder != -1 && syscall(SYS_pidfd_send_signal, folder, SIGKILL, NULL, 0) == 0;
}

static bool kill_outside(const struct memory_limit *limit)
{
	const struct census_usage all = census_usage(CENSUS_OWN, -1, limit->init);

	return all.largest && kill(all.largest, SIGKILL) == 0;
}

static bool kill_inside(const struct memory_limit *limit)
{
	if (limit->proc == -1)
		return false;
	const struct census_usage all = census_usage(CENSUS_OWN, limit->proc, limit->init);
	return all.largest && kill_by_folder(limit->proc, all.largest);
}

static bool kill_largest(struct memory_limit *limit)
{
	if (!kill_inside(limit) && !kill_outside(limit))
		return false;
	limit->kills++;
	return true;
}

/* Those who die keep their memory for a while: when there are some, the others count. */
static void hold_to_limit(struct memory_limit *limit, const struct tmp_usage *tmp, uint64_t used)
{
	if (limit->group && used > limit->bytes &&
	    census_usage(CENSUS_OWN, limit->proc, limit->init).dying)
		used = used_of_processes(limit, tmp);
	for (int i = 0; i < KILLS_AT_ONCE && used > limit->bytes; i++) {
		if (!kill_largest(limit))
			return;
		used = used_of_processes(limit, tmp);
	}
}

/* ---- looking ------------------------------------------------------------------------ */

static void wait_for(struct memory_limit *limit, uint64_t ms)
{
	struct itimerspec delay = { .it_value = { .tv_sec = (time_t)(ms / 1000),
		                                  .tv_nsec = (long)(ms % 1000) * 1000000 } };

	if (limit->timer == -1) {
		limit->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (limit->timer == -1 || !fd_watch(limit->epoll, limit->timer, EPOLLIN))
			return;
	}
	limit->is_waiting = timerfd_settime(limit->timer, 0, &delay, NULL) == 0;
}

/* How long it may take to use 'left' more. */
static uint64_t patience_ms(uint64_t left)
{
	uint64_t ms = left / MOST_PER_MS;

	if (ms < LOOK_MIN_MS)
		return LOOK_MIN_MS;
	return ms < LOOK_MAX_MS ? ms : LOOK_MAX_MS;
}

/* Until the next look is needed, by whichever comes first: the function's limit or the kernel's. */
static uint64_t left(const struct memory_limit *limit, uint64_t used)
{
	uint64_t usage, own = subtract(limit->bytes, used);

	if (!limit->group || !cgroup_memory_usage(limit->group, &usage))
		return own;
	uint64_t charge = subtract(limit->set, usage);
	return own < charge ? own : charge;
}

/* The processor time of the owner, whom others may keep waiting. */
static uint64_t worked_ns(void)
{
	struct timespec worked;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &worked);
	return (uint64_t)worked.tv_sec * 1000000000 + (uint64_t)worked.tv_nsec;
}

static void look(struct memory_limit *limit)
{
	uint64_t began_ns = worked_ns();
	struct tmp_usage tmp = tmp_watch_usage(limit->tmp);

	if (limit->group) {
		leave_out_earlier(limit, &tmp);
		follow_tmp(limit, &tmp);
	}
	if (is_exact(limit))
		return;
	uint64_t used = limit->group ? used_of_group(limit, &tmp) : used_of_processes(limit, &tmp);
	hold_to_limit(limit, &tmp, used);
	uint64_t ms = patience_ms(left(limit, used));
	uint64_t rest_ms = (worked_ns() - began_ns) * LOOK_SHARE / 1000000;
	wait_for(limit, ms > rest_ms ? ms : rest_ms);
}

void memory_limit_ready(struct memory_limit *limit, int proc, int tmp, bool had_tmp)
{
	limit->had_tmp = had_tmp;
	limit->proc = proc;
	if (tmp != -1)
		limit->tmp = tmp_watch_create(tmp, limit->epoll, limit->spares);
	if (limit->bytes && (limit->tmp || !limit->group))
		look(limit);
}

void memory_limit_keep(struct memory_limit *limit)
{
	uint64_t count;
	bool is_due = limit->tmp && tmp_watch_heard(limit->tmp);

	if (limit->is_waiting && read(limit->timer, &count, sizeof(count)) > 0) {
		limit->is_waiting = false;
		is_due |= !limit->is_frozen;
	}
	if (!is_due)
		return;
	look(limit);
	if (limit->tmp)
		tmp_watch_release(limit->tmp);
}

uint64_t memory_limit_kills(const struct memory_limit *limit)
{
	return limit->kills;
}

/* The timer is left to itself, so that short rests cost nothing. */
void memory_limit_set_frozen(struct memory_limit *limit, bool frozen)
{
	limit->is_frozen = frozen;
	if (!frozen && limit->timer != -1 && !limit->is_waiting && !is_exact(limit))
		wait_for(limit, LOOK_MIN_MS);
}
