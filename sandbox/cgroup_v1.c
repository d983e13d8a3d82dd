/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v1 - version 1: a hierarchy for each controller
 *
 * Processes enter by "tasks", not by "cgroup.procs": moving one thread, namely
 * the writer, is the only move that does not wait for an RCU grace period, which
 * takes milliseconds (Linux 5.5 and newer). A child before its execve is one thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sandbox/cgroup_memory.h"
#include "sandbox/cgroup_v1.h"
#include "sandbox/fd.h"

#define MEMORY_FILE "memory.limit_in_bytes"
#define SWAP_FILE "memory.memsw.limit_in_bytes"
#define OOM_FILE "memory.oom_control"
#define QUOTA_FILE "cpu.cfs_quota_us"
#define PERIOD_FILE "cpu.cfs_period_us"

static bool limit_memory(int dir, uint64_t bytes, struct error *err)
{
	if (!cgroup_set_number(dir, MEMORY_FILE, bytes, err))
		return false;
	/* Missing without swap accounting (swapaccount=0); then the limit leaks into swap,
	 * unless the group does not swap at all. */
	if (cgroup_set_number(dir, SWAP_FILE, bytes, err))
		return true;
	return err->code == ENOENT && cgroup_set_number(dir, "memory.swappiness", 0, err);
}

static bool limit(int dir, enum cgroup_controller controller, const struct cgroup_limits *limits,
                  struct error *err)
{
	switch (controller) {
	case CGROUP_MEMORY:
		return !limits->memory_bytes || limit_memory(dir, limits->memory_bytes, err);
	case CGROUP_CPU:
		return cgroup_set_number(dir, PERIOD_FILE, CGROUP_CPU_PERIOD_US, err);
	case CGROUP_PIDS:
		return !limits->processes ||
		       cgroup_set_number(dir, "pids.max", limits->processes, err);
	case CGROUP_FREEZER:
	case CGROUP_CONTROLLERS:
		break;
	}
	return true;
}

static void format_cpu(char *text, size_t size, unsigned millis)
{
	if (millis)
		snprintf(text, size, "%u", millis * (CGROUP_CPU_PERIOD_US / 1000));
	else
		snprintf(text, size, "-1");
}

/* How many huge pages faults have brought is not counted here. */
static bool huge_pages_are_usual(void)
{
	char modes[64];

	return fd_read_file(AT_FDCWD, "/sys/kernel/mm/transparent_hugepage/enabled", modes,
	                    sizeof(modes)) > 0 &&
	       strstr(modes, "[always]");
}

static void parse_memory(int dir, const char *stat, struct cgroup_memory_stat *memory)
{
	char kernel[32] = "0";
	uint64_t cache = cgroup_value(stat, "cache"), shmem = cgroup_value(stat, "shmem");

	/* The kernel's own peak, since what it held for a process is gone with it. */
	fd_read_file(dir, "memory.kmem.max_usage_in_bytes", kernel, sizeof(kernel));
	*memory = (struct cgroup_memory_stat){
		.anonymous_bytes = cgroup_value(stat, "rss"),
		.shared_bytes = shmem,
		.cache_bytes = cache > shmem ? cache - shmem : 0,
		.kernel_bytes = strtoull(kernel, NULL, 10),
		.huge_bytes = huge_pages_are_usual() ? UINT64_MAX : 0,
	};
}

/* The limit is announced before anybody is killed. */
static int watch_oom(int dir, uint32_t *events)
{
	char line[32];
	autoclose int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	autoclose int control = openat(dir, OOM_FILE, O_RDONLY | O_CLOEXEC);

	snprintf(line, sizeof(line), "%d %d", event, control);
	if (event == -1 || control == -1 || !fd_write_file(dir, "cgroup.event_control", line))
		return -1;
	*events = EPOLLIN;
	return steal_fd(&event);
}

const struct cgroup_version cgroup_v1 = {
	.name = "cgroup v1",
	.cpu_file = QUOTA_FILE,
	.oom_file = OOM_FILE,
	.peak_file = "memory.max_usage_in_bytes",
	.usage_file = "memory.usage_in_bytes",
	.limit_files = { MEMORY_FILE, SWAP_FILE },
	.entry_file = "tasks",
	.freeze_file = "freezer.state",
	.frozen = "FROZEN",
	.thawed = "THAWED",
	.frozen_survive = true,
	.limit = limit,
	.format_cpu = format_cpu,
	.parse_memory = parse_memory,
	.watch_oom = watch_oom,
};
