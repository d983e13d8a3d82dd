/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_parent - the groups in which boxes have theirs: made, locked, and swept.
 *
 * Whoever owns a parent group holds a lock on its folder. A later lrie removes
 * the groups whose lock is free: their owner is dead, whatever its pid says.
 */
#ifndef SANDBOX_CGROUP_PARENT_H
#define SANDBOX_CGROUP_PARENT_H

#include <stdbool.h>

#include "sandbox/cgroup.h"

/* Before a pid, behind which there is a number where somebody else has that pid: in containers of
 * one cgroup all begin with 1. */
#define CGROUP_PARENT_PREFIX "lrie-"
#define CGROUP_BOX_PREFIX "box-"

/* A group that boxes' groups are made in. Descriptors are -1 when closed. */
struct cgroup_parent {
	const struct cgroup_version *version;
	int above; /* the folder that it is in */
	int dir;   /* locked */
	char name[32];
};

/* Removes from the folder 'path' the parent groups whose owner is dead, and ends what runs in them.
 */
void cgroup_sweep(const char *path, const struct cgroup_version *version);

/* Makes, locks and opens a group in the folder 'path', after sweeping it, and fills in its name. */
bool cgroup_parent_make(struct cgroup_parent *parent, const char *path, struct error *err);

/* Removes it and the groups in it that are empty, as far as it was made. */
void cgroup_parent_remove(struct cgroup_parent *parent);

#endif
