/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervisor - answers the calls of programs that wait for it.
 *
 * Each program's filter (seccomp.h) lets some calls wait for whoever has its listener.
 * That is the init of the box, for three reasons: it sees the programs' own pids and
 * files; a file system that hangs holds nobody but the box that uses it; and it is not
 * the owner, who may be waiting for the box to freeze while a program waits for an answer.
 *
 * What is worth telling goes into the ledger and comes out as events.
 */
#ifndef SANDBOX_SUPERVISOR_H
#define SANDBOX_SUPERVISOR_H

#include <linux/seccomp.h>
#include <poll.h>
#include <stdbool.h>

#include "sandbox/ledger.h"
#include "sandbox/sandbox.h"
#include "sandbox/seccomp.h"
#include "sandbox/write_check.h"

/* Filters in use at once: those of programs, and of what programs have left behind. */
#define SUPERVISOR_LISTENERS 128

struct supervisor {
	enum sandbox_syscalls policy; /* set by the caller, like the next four */
	struct syscall_ids ids;
	bool has_proc; /* /proc has the pids that calls come with */
	struct ledger *ledger;
	struct write_check writes;

	struct syscall_judge *judge; /* made when the first call waits */
	int listeners[SUPERVISOR_LISTENERS];
	nfds_t count;

	/* As long as this kernel has them, which may be longer than ours. */
	size_t call_size, answer_size;
	struct seccomp_notif *call;
	struct seccomp_notif_resp *answer;

	int waiting; /* the listener of the call that was taken; -1: none */
	int code;    /* its answer */
};

/* Whether another program can be supervised. Without room its calls would fail. */
bool supervisor_has_room(const struct supervisor *supervisor);

/* A program has loaded its filter. Takes over its listener. */
void supervisor_listen(struct supervisor *supervisor, int listener);

/* Fills in what to wait for, at most SUPERVISOR_LISTENERS. */
nfds_t supervisor_fill(const struct supervisor *supervisor, struct pollfd *fds);

/* For how long, as poll(2) takes it. */
int supervisor_timeout_ms(const struct supervisor *supervisor);

/* Takes one call from a descriptor that poll(2) has said something of. Returns true when there is
 * something to tell at once. Never blocks. */
bool supervisor_serve(struct supervisor *supervisor, const struct pollfd *listener,
                      struct sandbox_event *event);

/* Lets it go on or fail, if there was one. What it did has been told by then, so that nothing that
 * the caller does afterwards is heard of first. */
void supervisor_answer(struct supervisor *supervisor);

/* Takes the next of what was counted and has become due. */
bool supervisor_take(struct supervisor *supervisor, struct sandbox_event *event);

#endif
