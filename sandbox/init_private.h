/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init_private - what the parts of init share, and nobody else.
 *
 *   init.c          from its birth to its death: alone, building, its loop
 *   init_request.c  what the owner asks of it
 */
#ifndef SANDBOX_INIT_PRIVATE_H
#define SANDBOX_INIT_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/init.h"
#include "sandbox/launch.h"
#include "sandbox/message.h"
#include "sandbox/rootfs.h"
#include "sandbox/supervisor.h"
#include "sandbox/tree.h"

#define INIT_PROGRAMS 64

struct program {
	unsigned id;
	pid_t pid;         /* 0: this place is free */
	bool out_of_reach; /* of a rehearsal: may not be sent signals */
};

struct init {
	const struct init_plan *plan;
	int socket;
	struct rootfs_parts parts; /* of the root, that were made before */
	struct tree tree;
	struct launcher launcher;
	int thaw; /* see cgroup_thaw_by() */
	struct supervisor supervisor;
	struct program programs[INIT_PROGRAMS];
	uint64_t largest_adopted; /* high-water mark, as far as it was told */
};

/* The place of the program with that pid, or one that is free for 0; NULL for none. */
struct program *init_find_program(struct init *init, pid_t pid);

/* Whoever cannot tell the owner anything any more has lost it. */
void init_tell(const struct init *init, const struct message *message,
               const struct message_fds *fds);

/* The end, of all that runs in the box as well. */
__attribute__((noreturn)) void init_end(const struct init *init, int status);

/* Receives what the owner asks for, and does it. */
void init_receive(struct init *init);

#endif
