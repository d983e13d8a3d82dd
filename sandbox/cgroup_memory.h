/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_memory - the memory controller of a box's group: its limit, what is charged, whom it
 * killed.
 *
 * What is charged holds page cache and files in tmpfs beside the memory of processes; page cache
 * gives way before anybody is killed. All sizes are in bytes. Files are kept open: a number takes
 * half a microsecond to read and a microsecond to write.
 */
#ifndef SANDBOX_CGROUP_MEMORY_H
#define SANDBOX_CGROUP_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/cgroup.h"

/* That of one box. */
struct cgroup_memory;

/* Returns NULL when the group has no memory controller. The group must live as long. */
struct cgroup_memory *cgroup_memory_open(const struct cgroup *group);

/* NULL is fine. */
void cgroup_memory_close(struct cgroup_memory *memory);

/* ---- whom it killed -------------------------------------------------------- */

/* How many processes the limit has killed, or the kernel for want of memory elsewhere. */
uint64_t cgroup_memory_kills(const struct cgroup_memory *memory);

/* What to wait for, with epoll(7), for somebody may be killed soon or was killed. Returns -1 where
 * nothing tells. cgroup_memory_heed() says whether it was that, and waits for the next. */
int cgroup_memory_watch(const struct cgroup_memory *memory, uint32_t *events);
bool cgroup_memory_heed(struct cgroup_memory *memory);

/* ---- how much ---------------------------------------------------------------- */

/* What is charged now, and at most so far. False when unknown. */
bool cgroup_memory_usage(const struct cgroup_memory *memory, uint64_t *bytes);
bool cgroup_memory_peak(const struct cgroup_memory *memory, uint64_t *bytes);

/* What it is. The kernel adds these up with some delay, of a few pages for each CPU. */
struct cgroup_memory_stat {
	uint64_t anonymous_bytes; /* the processes' own */
	uint64_t shared_bytes;    /* files in tmpfs, memory files, shared anonymous memory */
	uint64_t cache_bytes;     /* page cache that gives way */
	uint64_t kernel_bytes;    /* what the kernel holds for the processes, at its peak in v1 */
	uint64_t huge_bytes; /* mapped by page faults in huge pages so far; the most if unknown */
};

/* False when unknown. Ten microseconds. */
bool cgroup_memory_read(const struct cgroup_memory *memory, struct cgroup_memory_stat *stat);

/* ---- the limit ----------------------------------------------------------------- */

/* Moves the limit. To set it below what is charged makes the caller wait until page cache has given
 * way, and version 2 kills when that is not enough. Returns false when it is as before. */
bool cgroup_memory_limit(struct cgroup_memory *memory, uint64_t bytes);

#endif
