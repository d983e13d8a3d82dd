/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory - what the programs of a box use of memory, and whether the limit killed one.
 *
 * The owner's side; it looks at the box's cgroup and at /proc from outside. Sizes are
 * in bytes. What a peak counts is told at sandbox_memory_peak().
 */
#ifndef SANDBOX_MEMORY_H
#define SANDBOX_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/cgroup.h"
#include "sandbox/message.h"
#include "sandbox/sandbox.h"
#include "sandbox/tmp_watch.h"

/* That of one box. */
struct memory;

/* Its box has the process 'init' and a limit, 0 for none. What becomes readable when there may be
 * something to take is added to the epoll descriptor, which is borrowed. 'spares' must live as
 * long. */
struct memory *memory_create(pid_t init, uint64_t limit, int epoll, struct tmp_spares *spares);

/* NULL is fine. */
void memory_destroy(struct memory *memory);

/* The box's cgroup, which must live as long; NULL when it has none. */
void memory_confine(struct memory *memory, const struct cgroup *group);

/* The box stands. Takes over 'tmp' and 'proc', its own /tmp and /proc, or -1. 'had_tmp': another
 * box had that /tmp before. */
void memory_ready(struct memory *memory, int tmp, bool had_tmp, int proc);
bool memory_has_own_proc(const struct memory *memory);
int memory_proc(const struct memory *memory); /* stays the memory's; -1: none */

/* A program was started or has ended, or could not be executed. */
void memory_program_started(struct memory *memory, unsigned id, pid_t pid);
void memory_program_ended(struct memory *memory, unsigned id);

/* Takes note of what MESSAGE_EXITED says of a program's memory; returns whether it was the limit
 * that killed it. */
bool memory_program_exited(struct memory *memory, const struct message *message);

/* The same of MESSAGE_ADOPTED. */
void memory_adopted_exited(struct memory *memory, const struct message *message);

/* Looks at who lives, which needs a box that does, for the peak. */
void memory_look(struct memory *memory);

/* The highest that was seen so far, 0 for nothing. */
uint64_t memory_peak(const struct memory *memory);

/* Keeps the limit as far as that is the owner's business; makes 'event' SANDBOX_OOM and returns
 * true when there is one to tell. Never blocks. */
bool memory_take_oom(struct memory *memory, struct sandbox_event *event);

/* Everything is about to be killed. Who is dying already does so by the limit, if that has killed
 * somebody: nobody will tell how it ended. */
void memory_end(struct memory *memory);

/* The same as memory_take_oom() when everybody is dead: what was still to be found out, or to be
 * told later. */
bool memory_take_rest(struct memory *memory, struct sandbox_event *event);

/* See memory_limit.h. */
void memory_set_frozen(struct memory *memory, bool frozen);

#endif
