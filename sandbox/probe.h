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
#include "sandbox/rootfs.h"
#include "sandbox/sandbox.h"

struct sandbox_host {
	unsigned long namespaces; /* CLONE_NEW* flags of every box */
	enum init_identity identity;
	struct rootfs_host *rootfs;
	struct cgroup_host *cgroups; /* NULL: none at all */
	struct sandbox_wall_state walls[SANDBOX_WALL_COUNT];
	char *arguments; /* see init.h */
	size_t arguments_size;
	unsigned boxes; /* how many were ever created; names the next one */
	bool own_proc;  /* boxes have a /proc of their own */

	/* The box that the probe was done with. It dies while lrie goes on starting, and is
	 * removed before the next box is made. */
	struct sandbox *rehearsal;
};

/* Like sandbox_exec(), but the child ends with status 0 where it would execute. */
bool sandbox_rehearse(struct sandbox *box, struct error *err);

/* Whether init could mount a fresh /proc. Once the box is ready. */
bool sandbox_has_own_proc(const struct sandbox *box);

/* Destroys host->rehearsal. */
void sandbox_forget_rehearsal(struct sandbox_host *host);

#endif
