/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage - what the programs of a box have used of CPU time, memory pages and files.
 *
 * The owner's side; it looks at the box's cgroup and at /proc from outside, and only when it is
 * asked to. What the figures mean is told at struct sandbox_usage.
 *
 * Who becomes a program has worked for lrie before; it tells how much at the last moment, and that
 * is taken off. Children that ended are found at whoever waited for them, which is init for those
 * that were left to it.
 */
#ifndef SANDBOX_USAGE_H
#define SANDBOX_USAGE_H

#include <sys/types.h>

#include "sandbox/cgroup.h"
#include "sandbox/message.h"
#include "sandbox/sandbox.h"

/* That of one box. */
struct usage;

struct usage *usage_create(pid_t init);
void usage_destroy(struct usage *usage); /* NULL is fine */

/* The box's cgroup, which must live as long; NULL when it has none. */
void usage_confine(struct usage *usage, const struct cgroup *group);

/* Takes note of what MESSAGE_READY says. Programs may have come and gone since it was sent. */
void usage_ready(struct usage *usage, const struct message *message);

/* Takes note of what MESSAGE_STARTED says. */
void usage_program_started(struct usage *usage, const struct message *message);

/* What MESSAGE_FILES says: 'fd' counts them, or is -1 and 'code' tells why. Taken over. It becomes
 * readable, for the epoll descriptor as well, when usage_heed() is due. */
void usage_count_files(struct usage *usage, int fd, int code, int epoll);
void usage_heed(struct usage *usage);

/* 'proc' is the box's own /proc, or -1. The box must live. */
void usage_look(struct usage *usage, int proc, struct sandbox_usage *figures);

/* Nothing is known, and this is why. */
void usage_know_nothing(struct sandbox_usage *figures, const char *why);

#endif
