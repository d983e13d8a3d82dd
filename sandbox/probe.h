/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe - finding out which walls can stand on this machine.
 *
 * The internals of struct sandbox_host, for sandbox.c. What it does is part of
 * sandbox.h.
 */
#ifndef SANDBOX_PROBE_H
#define SANDBOX_PROBE_H

#include "sandbox/cgroup.h"
#include "sandbox/init.h"
#include "sandbox/ledger.h"
#include "sandbox/rootfs.h"
#include "sandbox/sandbox.h"
#include "sandbox/seccomp.h"
#include "sandbox/template.h"
#include "sandbox/tmp_watch.h"

/* How a box is frozen. */
enum freezing {
	FREEZING_NONE,
	FREEZING_CGROUP,
	FREEZING_SIGNALS, /* by init */
};

struct sandbox_host {
	unsigned long namespaces; /* CLONE_NEW* flags of every box */
	enum init_identity identity;
	bool landlock; /* programs follow the rules of landlock.h */
	struct rootfs_host *rootfs;
	struct templates templates; /* of the roots of boxes */
	struct tmp_spares tmp_spares;
	struct cgroup_host *cgroups; /* NULL: none at all */
	struct sandbox_wall_state walls[SANDBOX_WALL_COUNT];
	char *arguments; /* see init.h */
	size_t arguments_size;
	unsigned boxes; /* how many were ever created; names the next one */
	bool is_hidden; /* this process was made undumpable */
	bool own_proc;  /* boxes have a /proc of their own */
	bool bounded;   /* the number of processes is limited */

	enum sandbox_network network;
	int peers; /* see peer.h; -1: connections cannot be looked up */

	bool freezes;              /* boxes are to be frozen, where that is possible */
	enum freezing freezing;    /* how */
	struct error freeze_error; /* why not by cgroup */

	enum sandbox_syscalls syscalls;
	/* By policy, and whether calls that change files wait; NULL: not made yet. */
	struct syscall_filter *filters[SANDBOX_SYSCALLS_OFF][2];
	bool has_filter;           /* what follows is known */
	struct ledger_told told;   /* of writes, by all boxes */
	enum syscall_hold hold;    /* what a filter can do here */
	struct error filter_error; /* why nothing */

	/* The box that the probe was done with. It dies while lrie goes on starting, and is
	 * removed before the next box is made. */
	struct sandbox *rehearsal;
};

/* Like sandbox_exec(), but the child ends with an enum init_rehearsal where it would execute. */
bool sandbox_rehearse(struct sandbox *box, struct error *err);

/* Whether init could mount a fresh /proc. Once the box is ready. */
bool sandbox_has_own_proc(const struct sandbox *box);

/* How the box can be frozen, and in 'why' the reason if not by a cgroup. Once a rehearsal is over.
 */
enum freezing sandbox_try_freezing(struct sandbox *box, struct error *why);

/* What became of the filter of the program that was started last; 'code' is why there is none. */
enum syscall_hold sandbox_hold(const struct sandbox *box, int *code);

/* The filter for a new box, which the host keeps; NULL when it is to have none. 'changes' as for
 * syscall_filter_create(), where that is possible. Returns false when it cannot be made. */
bool sandbox_host_filter(struct sandbox_host *host, bool changes,
                         const struct syscall_filter **filter, struct error *err);

/* Whether each box has a user of its own. */
bool sandbox_host_has_users(const struct sandbox_host *host);

/* Whether RLIMIT_NPROC counts the processes of a box, and no others. */
bool sandbox_host_counts_user(const struct sandbox_host *host);

/* Destroys host->rehearsal. */
void sandbox_forget_rehearsal(struct sandbox_host *host);

#endif
