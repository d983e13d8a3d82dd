/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_function - the function's own folders in the root of a box: its code, its runtime, its
 * layers merged, and what else the spec binds.
 */
#ifndef SANDBOX_ROOTFS_FUNCTION_H
#define SANDBOX_ROOTFS_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/error.h"
#include "sandbox/sandbox.h"

/* Their mounts, attached nowhere; -1: none. */
struct rootfs_function {
	int task, opt, runtime;
	int *binds; /* as many as the spec has; NULL before */
	size_t bind_count;
};

/* Where the paths of 'spec' are the host's. */
bool rootfs_function_open(struct rootfs_function *function, const struct sandbox_spec *spec,
                          struct error *err);

/* Attaches them below 'root', and makes the places of binds where there are none. */
bool rootfs_function_show(const struct rootfs_function *function, int root,
                          const struct sandbox_spec *spec, struct error *err);

/* Whatever of it is open. */
void rootfs_function_close(struct rootfs_function *function);

/* In a child that has the namespaces of a box: whether the layers of 'spec' can be shown as one
 * folder. Mounts nothing. */
bool rootfs_merges_layers(const struct sandbox_spec *spec, struct error *err);

#endif
