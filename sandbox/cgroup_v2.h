/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v2 - version 2: one hierarchy, in which controllers are handed down.
 */
#ifndef SANDBOX_CGROUP_V2_H
#define SANDBOX_CGROUP_V2_H

#include "sandbox/cgroup.h"
#include "sandbox/cgroup_parent.h"

extern const struct cgroup_version cgroup_v2;

/*
 * Makes lrie's parent group, as near to the group that lrie runs in as the rule
 * allows that a group has either processes or controllers for its children. May
 * move lrie itself. 'usable' is the mask of controllers that boxes can have.
 */
bool cgroup_v2_prepare(struct cgroup_parent *parent, const struct cgroup_place *place,
                       unsigned *usable, struct error *err);

/* Whether the groups in a parent group can be frozen, which takes no controller. */
bool cgroup_v2_can_freeze(const struct cgroup_parent *parent, struct error *err);

/* Moves lrie back, if it was moved. Before the parent group is removed. */
void cgroup_v2_restore(struct cgroup_parent *parent);

#endif
