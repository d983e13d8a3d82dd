/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs - the files that a box sees.
 *
 * A small tmpfs with the host's programs and libraries, the function's folders,
 * a /tmp of its own, a handful of devices and its own /proc; all read-only but
 * /tmp. The host's other files are not there.
 */
#ifndef SANDBOX_ROOTFS_H
#define SANDBOX_ROOTFS_H

#include <stdbool.h>

#include "sandbox/error.h"
#include "sandbox/sandbox.h"

/* What every box shows of this machine: looked up once, since it takes a few
 * hundred system calls. */
struct rootfs_host;

struct rootfs_host *rootfs_host_create(void);
void rootfs_host_destroy(struct rootfs_host *host);

/*
 * In init, in a mount namespace of its own: builds the files of 'spec' and makes
 * them the root. 'earlier_tmp' is the mount that becomes /tmp, if it can be attached,
 * or -1 for a new one; see tmp.h. '*tmp' becomes a descriptor of /tmp, of a mount
 * that is attached nowhere if spec->tmp is set, and '*proc' of a fresh /proc, or -1
 * where the kernel refuses one and the surrounding /proc is shown instead.
 */
bool rootfs_enter(const struct rootfs_host *host, const struct sandbox_spec *spec, int earlier_tmp,
                  int *tmp, int *proc, struct error *err);

/* In a child that has the namespaces of a box: whether the layers of 'spec' can be shown as one
 * folder. Mounts nothing. */
bool rootfs_merges_layers(const struct sandbox_spec *spec, struct error *err);

#endif
