/* SPDX-License-Identifier: Apache-2.0 */
/*
 * launch - the child of init that becomes a program.
 *
 * It enters the box's cgroups, takes the streams, the limits, the user, the rules and the filter
 * that a program is to have, tells the owner, and executes.
 */
#ifndef SANDBOX_LAUNCH_H
#define SANDBOX_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/init.h"
#include "sandbox/message.h"

/* What children need of init. */
struct launcher {
	const struct init_plan *plan;
	int socket;                 /* to the owner */
	struct message_fds entries; /* of the cgroups */
	int born_in;                /* a version 2 cgroup, or -1 */
	int rules;                  /* of landlock.h, or -1 */
	int listener_sockets[2];    /* through which children hand their filters' listeners over: a
	                             * MESSAGE_FILTER on the first one */
	struct outcome *outcome;
	char *stack;
};

/* Once, with the rest filled in or to be. */
bool launcher_init(struct launcher *launcher, struct error *err);

/*
 * Starts what a MESSAGE_EXEC asks for; 'block' is what its first descriptor holds, and is changed.
 * Returns when the program is executed, with its pid; or -1, with what is to be told in 'failed'.
 */
pid_t launch(struct launcher *launcher, const struct message *message, char *block,
             struct message_fds *fds, struct message *failed);

#endif
