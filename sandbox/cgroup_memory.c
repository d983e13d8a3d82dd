/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_memory - the memory controller of a box's group: its limit, what is charged, whom it
 * killed */
#include "sandbox/cgroup_memory.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "sandbox/fd.h"

#define LIMIT_FILES 2

struct cgroup_memory {
	const struct cgroup_version *version;
	int dir; /* the group's */
	int kills, usage, peak, stat;
	int limits[LIMIT_FILES];
	uint64_t limit; /* that was set here; 0: none */

	int watch; /* -1: nothing tells */
	uint32_t watch_events;
	uint64_t heeded; /* kills then */
};

static int open_file(int dir, const char *name, int flags)
{
	return name ? openat(dir, name, flags | O_CLOEXEC) : -1;
}

struct cgroup_memory *cgroup_memory_open(const struct cgroup *group)
{
	const struct cgroup_version *version;
	int dir = cgroup_memory_dir(group, &version);
	struct cgroup_memory *memory = dir == -1 ? NULL : malloc(sizeof(*memory));

	if (dir == -1)
		return NULL;
	if (!memory)
		abort();
	*memory = (struct cgroup_memory){
		.version = version,
		.dir = dir,
		.kills = open_file(dir, version->oom_file, O_RDONLY),
		.usage = open_file(dir, version->usage_file, O_RDONLY),
		.peak = open_file(dir, version->peak_file, O_RDONLY),
		.stat = open_file(dir, "memory.stat", O_RDONLY),
	};
	for (int i = 0; i < LIMIT_FILES; i++)
		memory->limits[i] = open_file(dir, version->limit_files[i], O_WRONLY);
	memory->watch = version->watch_oom(dir, &memory->watch_events);
	return memory;
}

void cgroup_memory_close(struct cgroup_memory *memory)
{
	if (!memory)
		return;
	fd_close(&memory->kills);
	fd_close(&memory->usage);
	fd_close(&memory->peak);
	fd_close(&memory->stat);
	for (int i = 0; i < LIMIT_FILES; i++)
		fd_close(&memory->limits[i]);
	fd_close(&memory->watch);
	free(memory);
}

/* ---- whom it killed -------------------------------------------------------- */

uint64_t cgroup_memory_kills(const struct cgroup_memory *memory)
{
	char text[512];

	return fd_read_again(memory->kills, text, sizeof(text)) ? cgroup_value(text, "oom_kill")
	                                                        : 0;
}

int cgroup_memory_watch(const struct cgroup_memory *memory, uint32_t *events)
{
	*events = memory->watch_events;
	return memory->watch;
}

/* Version 1 announces that the limit is hit, on an eventfd; version 2 that the file has changed,
 * which it takes for heard when the file is read by the same descriptor. */
bool cgroup_memory_heed(struct cgroup_memory *memory)
{
	uint64_t kills, count;
	char text[512];

	if (!(memory->watch_events & EPOLLPRI))
		return memory->watch != -1 &&
		       read(memory->watch, &count, sizeof(count)) == sizeof(count);
	kills = fd_read_again(memory->watch, text, sizeof(text)) ? cgroup_value(text, "oom_kill")
	                                                         : 0;
	bool rose = kills > memory->heeded;
	if (rose)
		memory->heeded = kills;
	return rose;
}

/* ---- how much ---------------------------------------------------------------- */

bool cgroup_memory_usage(const struct cgroup_memory *memory, uint64_t *bytes)
{
	return cgroup_read_number(memory->usage, bytes);
}

bool cgroup_memory_peak(const struct cgroup_memory *memory, uint64_t *bytes)
{
	return cgroup_read_number(memory->peak, bytes);
}

bool cgroup_memory_read(const struct cgroup_memory *memory, struct cgroup_memory_stat *stat)
{
	char text[8192];

	if (!fd_read_again(memory->stat, text, sizeof(text)))
		return false;
	memory->version->parse_memory(memory->dir, text, stat);
	return true;
}

/* ---- the limit ----------------------------------------------------------------- */

static bool write_number(int fd, uint64_t number)
{
	char text[24];
	int length = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);

	return fd == -1 || pwrite(fd, text, (size_t)length, 0) == length;
}

/* Version 1 wants memory and swap together to be no less than memory alone, at any time. */
bool cgroup_memory_limit(struct cgroup_memory *memory, uint64_t bytes)
{
	bool rises = bytes > memory->limit;

	if (memory->limits[0] == -1 || !write_number(memory->limits[rises ? 1 : 0], bytes) ||
	    !write_number(memory->limits[rises ? 0 : 1], bytes))
		return false;
	memory->limit = bytes;
	return true;
}
