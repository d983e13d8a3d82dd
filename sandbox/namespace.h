/* SPDX-License-Identifier: Apache-2.0 */
/*
 * namespace - forking into new namespaces, and becoming somebody there.
 */
#ifndef SANDBOX_NAMESPACE_H
#define SANDBOX_NAMESPACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/error.h"

/* What a box has of its own, without and with a user namespace to allow it. */
#define NAMESPACE_FLAGS (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)
#define NAMESPACE_USER_FLAGS (NAMESPACE_FLAGS | CLONE_NEWUSER)

/*
 * fork(2) with CLONE_NEW* 'flags'. The child is the first process in them. Its
 * end sends no signal and is seen only by a wait with __WALL; '*pidfd' becomes
 * readable then. Returns like fork.
 */
pid_t namespace_fork(unsigned long flags, int *pidfd);

/*
 * Like vfork: the caller goes on when the child has executed or exited; but the
 * child has its own memory, and returns. Unless 'cgroup' is -1, the child is born
 * in the version 2 cgroup that is open there; ENOSYS says that it cannot be.
 */
pid_t namespace_vfork(int cgroup);

/*
 * The same with a child that has the caller's memory, and runs 'run', which never returns, on the
 * given stack: a tenth of a millisecond less. ENOSYS also says that nobody has told yet how to do
 * it on this processor.
 */
pid_t namespace_vfork_shared(int cgroup, int (*run)(void *), void *argument, char *stack,
                             size_t size);

/* In the child of a new user namespace: 'uid' and 'gid' of the parent's namespace
 * become IDENTITY_UID and IDENTITY_GID; nobody else exists. */
bool namespace_map_user(uid_t uid, gid_t gid, struct error *err);

#endif
