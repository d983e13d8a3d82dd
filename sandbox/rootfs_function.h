/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_function - the function's own folders in the root of a box: its code, its runtime, its
 * layers merged, and what else the spec binds.
 */
#ifndef SANDBOX_ROOTFS_FUNCTION_H
#define SANDBOX_ROOTFS_FUNCTION_H

#include <stdbool.h>

#include "sandbox/error.h"
#include "sandbox/sandbox.h"

/* Mounts them below 'root', and makes the places of binds where there are none. */
bool rootfs_show_function(int root, const struct sandbox_spec *spec, struct error *err);

/* In a child that has the namespaces of a box: whether the layers of 'spec' can be shown as one
 * folder. Mounts nothing. */
bool rootfs_merges_layers(const struct sandbox_spec *spec, struct error *err);

#endif
