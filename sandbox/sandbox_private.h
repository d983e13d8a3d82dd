/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_private - what the parts of a box's owner share, and nobody else.
 *
 *   sandbox.c          a box from its making to its end; what is asked of it meanwhile
 *   sandbox_program.c  how programs are started in it
 *   sandbox_event.c    what happens in it
 */
#ifndef SANDBOX_SANDBOX_PRIVATE_H
#define SANDBOX_SANDBOX_PRIVATE_H

#include <sys/types.h>

#include "sandbox/ledger.h"
#include "sandbox/memory.h"
#include "sandbox/message.h"
#include "sandbox/probe.h"
#include "sandbox/sandbox.h"
#include "sandbox/tmp.h"
#include "sandbox/usage.h"

struct sandbox {
	struct sandbox_host *host;
	struct cgroup *group;
	pid_t init;
	int pidfd, socket, epoll;
	int listener, datagram; /* in its own network; -1: none, or taken */
	struct user user;       /* of its programs */
	struct memory *memory;
	struct sandbox_tmp *tmp; /* the caller's, or NULL */
	uint64_t host_state;     /* of this machine, when its root was made */
	bool had_tmp;            /* there was something in it already, perhaps */
	struct usage *usage;     /* NULL: nobody will ask */

	const struct syscall_filter *filter; /* of its programs; NULL: none */
	struct ledger *ledger;               /* shared with init */
	enum syscall_hold hold;              /* what became of the filter */
	int filter_code;                     /* errno: why there is none */

	bool ready, killed;
	bool freezes; /* as its host was told */
	bool frozen;
	bool rehearses;    /* nothing is executed in it */
	bool has_programs; /* some were started */
	bool out_of_reach; /* of its init: see message.h */
	bool reaped;       /* init has ended, and with it the box */
	bool gone;         /* and the caller was told */

	bool has_failure; /* to be told as SANDBOX_FAILED */
	struct error failure;
};

/* Takes notice of its end, if it has come; 'flags' as for waitpid(2). */
void sandbox_reap(struct sandbox *box, int flags);

#endif
