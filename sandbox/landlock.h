/* SPDX-License-Identifier: Apache-2.0 */
/*
 * landlock - what programs may write, where they cannot have a root of their own.
 *
 * Landlock lets a process give up rights for itself and all that comes from it, without any
 * privilege. Here that is every kind of writing but for /tmp and the devices that every program
 * needs; reading and executing are left to what the user may do. What was given up fails with
 * EACCES, and moving files between folders with EXDEV on the first ABI. Permissions, owners, times
 * and extended attributes are no business of Landlock's (linux/landlock.h, security/landlock).
 *
 * A process that gave something up cannot trace or look into those that did not either, whoever
 * their user is.
 */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

#include <stdbool.h>

#include "sandbox/error.h"

/* What the kernel's ABI has, by number: it begins with 1, in Linux 5.13. */
#define LANDLOCK_ABI_REFER 2    /* 5.19: files may be moved between folders of /tmp */
#define LANDLOCK_ABI_TRUNCATE 3 /* 6.2: truncate(2) is writing */
#define LANDLOCK_ABI_IOCTL 5    /* 6.10: so is an ioctl(2) on a device */
#define LANDLOCK_ABI_SCOPE 6    /* 6.12: signals, and abstract sockets */

/* Returns 0 when there is no Landlock, or it may not be used. errno tells why. */
int landlock_abi(void);

/*
 * The rules for writing, as a descriptor that is closed on execve, or -1. Where the kernel has
 * scopes, whoever follows them can send no signal to anybody but its own children.
 */
int landlock_make_rules(struct error *err);

/* Also allows writing to the device that is open as 'fd': a program's own terminal. System calls
 * only, as below. errno tells why not. */
bool landlock_allow_device(int rules, int fd);

/*
 * The calling process follows the rules from now on, and so do its children. It must have set
 * no_new_privs. System calls only, so that a child that shares memory may do it. errno tells why
 * not.
 */
bool landlock_follow(int rules);

/*
 * From now on the calling process and its children reach no abstract socket but their own. These
 * have no path, and all that share a network see them: the host's X server, a session's D-Bus. As
 * above; where the kernel cannot do it, false.
 */
bool landlock_leave_sockets(void);

#endif
