/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_host - what every box shows of this machine: programs, libraries, and a part of /etc.
 */
#ifndef SANDBOX_ROOTFS_HOST_H
#define SANDBOX_ROOTFS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"
#include "sandbox/sandbox.h"

/* Looked up once, since it takes a few hundred system calls. */
struct rootfs_host;

struct rootfs_host *rootfs_host_create(void);
void rootfs_host_destroy(struct rootfs_host *host);

/*
 * A number that changes when this machine would show something else: a file was replaced, or
 * /etc/hosts was edited, of which boxes have a copy. So it does when the binds of 'spec' need other
 * places. Some 30 microseconds.
 */
uint64_t rootfs_host_state(const struct rootfs_host *host, const struct sandbox_spec *spec);

/* Makes and mounts all of it below 'root', where /etc is already. */
bool rootfs_host_show(const struct rootfs_host *host, int root, struct error *err);

#endif
