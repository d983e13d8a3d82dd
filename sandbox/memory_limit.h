/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory_limit - holds the programs of a box to their memory.
 *
 * Where there is a memory cgroup the kernel does it, to the page. But it charges files in /tmp to
 * the box as well, which are on a disk on Lambda. So while there is something in /tmp, the kernel's
 * limit is higher, by what is in there and by room for what is written until the next look; what
 * the processes themselves have is watched from here. A function that leaves /tmp empty has the
 * kernel's exact limit and costs no look: tmp_watch.h tells of the first file. Page cache kills
 * nobody: the kernel lets it go before it kills, and it is not counted here. A file system on a
 * loop device would need no watching, but root, and some 10 ms for every box.
 *
 * Where there is no such cgroup everything is watched. Whoever watches sees too late: a box may
 * have more until the next look. Looks come the sooner the less is left: 50 ms apart far from the
 * limit, 5 ms near it. On a machine with two busy cores a program that took all it could get, 2.4
 * GB/s, of 128 MB had 129 to 140 MB when it was killed (153 once, with the load at 24), here as
 * well as with a cgroup and a file in /tmp; with the kernel's exact limit it had 127. Memory that
 * processes share counts once, where the kernel tells (Linux 5.5). What children had that lived
 * shorter than two looks nobody sees, and shared memory counts only beyond the size of what is in
 * /tmp, since it looks the same.
 *
 * A look, with the waking up for it, takes 50 us with a cgroup, else 70 us and 8 us more for every
 * further process. Looks take a tenth of the owner's time at most: with a thousand processes they
 * come later for it. Nobody looks while the box is frozen.
 *
 * What another box has left in /tmp is charged to that one. How much of /tmp is charged here nobody
 * tells: it is taken to be all that the group has of shared memory and files in memory, up to what
 * /tmp holds.
 *
 * The largest process is killed, as the kernel would do, and more if that is not enough.
 */
#ifndef SANDBOX_MEMORY_LIMIT_H
#define SANDBOX_MEMORY_LIMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/cgroup_memory.h"
#include "sandbox/tmp_watch.h"

/* That of one box. */
struct memory_limit;

/* Of 'bytes', 0 for none, for a box with the process 'init'. What becomes readable when it is time
 * for memory_limit_keep() is added to the epoll descriptor, which is borrowed. 'spares' must live
 * as long. */
struct memory_limit *memory_limit_create(uint64_t bytes, pid_t init, int epoll,
                                         struct tmp_spares *spares);

/* NULL is fine. */
void memory_limit_destroy(struct memory_limit *limit);

/* The kernel keeps it, by the group's controller; which must live as long. */
void memory_limit_confine(struct memory_limit *limit, struct cgroup_memory *group);

/* The box stands, and is watched from now on. 'proc' is its own /proc, or -1, and must live as
 * long; takes over 'tmp', its /tmp, or -1 where that is not a tmpfs of its own. With 'had_tmp'
 * another box had it before. */
void memory_limit_ready(struct memory_limit *limit, int proc, int tmp, bool had_tmp);

/* Looks, if it is time to. Never blocks. */
void memory_limit_keep(struct memory_limit *limit);

/* How many processes were killed from here. */
uint64_t memory_limit_kills(const struct memory_limit *limit);

/* While a box is frozen it uses no more. Costs nothing when nothing is watched. */
void memory_limit_set_frozen(struct memory_limit *limit, bool frozen);

#endif
