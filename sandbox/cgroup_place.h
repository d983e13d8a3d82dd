/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_place - where on this machine the controllers are, and which group lrie runs in.
 */
#ifndef SANDBOX_CGROUP_PLACE_H
#define SANDBOX_CGROUP_PLACE_H

#include "sandbox/cgroup.h"

/* Where to look for the freezer when the first place does not do. */
#define CGROUP_OTHER_FREEZER CGROUP_CONTROLLERS
#define CGROUP_PLACES (CGROUP_CONTROLLERS + 1)

/* Fills in, by controller, what /proc/self/mountinfo and /proc/self/cgroup tell. A place without
 * a version is nowhere. */
void cgroup_find_places(struct cgroup_place places[CGROUP_PLACES]);

#endif
