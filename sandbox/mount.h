/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount - file systems and trees of mounts, by descriptor.
 *
 * The mount calls of Linux 5.2 to 5.12, which C libraries learned late, and what is made of them.
 * All descriptors are closed on execve. Where there is no 'err', errno tells.
 */
#ifndef SANDBOX_MOUNT_H
#define SANDBOX_MOUNT_H

#include <linux/mount.h>
#include <stdint.h>

#include "sandbox/error.h"

/* <sys/mount.h> and <linux/mount.h> cannot both be included with older C libraries. */
#define MOUNT_PRIVATE (1UL << 18)

#define MOUNT_READ_ONLY (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* open_tree(2): with OPEN_TREE_CLONE a copy that is attached nowhere. */
int mount_tree(int dir, const char *path, unsigned flags);

/* Attaches a mount at 'path', which may be "" for 'dir' itself. Returns 0, or -1. */
int mount_move(int mount, int dir, const char *path);

/* Sets attributes of a mount, with AT_RECURSIVE of all below it. Returns 0, or -1. */
int mount_set(int mount, unsigned flags, uint64_t attributes);

struct mount_option {
	const char *key, *value;
};

/* Makes a file system that is mounted nowhere yet. The last option has no key. */
int mount_make(const char *type, const struct mount_option *options, unsigned attributes,
               struct error *err);

/* Clones what is at 'path' of the host, with everything mounted below it; what is mounted there, or
 * on the clone, later is not seen by the other. */
int mount_clone(const char *path, uint64_t attributes, struct error *err);

/* Opens a path below 'root', whose links cannot lead out of it. */
int mount_open_inside(int root, const char *path, uint64_t flags);

#endif
