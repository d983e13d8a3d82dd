/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v1 - version 1: a hierarchy for each controller.
 */
#ifndef SANDBOX_CGROUP_V1_H
#define SANDBOX_CGROUP_V1_H

#include "sandbox/cgroup.h"

extern const struct cgroup_version cgroup_v1;

/* Makes lrie's parent group in the hierarchy 'place'. */
bool cgroup_v1_prepare(struct cgroup_parent *parent, const struct cgroup_place *place,
                       struct error *err);

#endif
