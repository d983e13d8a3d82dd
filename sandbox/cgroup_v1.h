/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v1 - version 1: a hierarchy for each controller.
 */
#ifndef SANDBOX_CGROUP_V1_H
#define SANDBOX_CGROUP_V1_H

#include "sandbox/cgroup.h"

extern const struct cgroup_version cgroup_v1;

#endif
