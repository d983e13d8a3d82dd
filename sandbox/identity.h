/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity - who a program is: uid 993, gid 990, no groups, no capabilities.
 *
 * Lambda's own user is sbx_user1051 with these numbers. A user namespace maps
 * them to the caller; elsewhere they are real. Where boxes have no namespaces,
 * only one can be this user; the others' are in user.h.
 */
#ifndef SANDBOX_IDENTITY_H
#define SANDBOX_IDENTITY_H

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/error.h"

#define IDENTITY_UID 993
#define IDENTITY_GID 990
#define IDENTITY_NAME "sbx_user1051"

/*
 * In init, once: what children inherit and init itself does not miss. Empties
 * the bounding set, sets no_new_privs and leaves the session's keyring. Without privileges the
 * former is forbidden, and not needed: 'privileged' says whether it must succeed.
 */
bool identity_prepare(bool privileged, struct error *err);

/*
 * In the child that is about to become a program: takes the user 'uid' and the group, who are
 * 'mapped' in a user namespace or real, and drops every capability. System calls only, since the
 * child shares its memory with init, and raw ones, since glibc's setresuid() tells all threads of
 * the memory it runs in. errno tells why not.
 */
bool identity_assume(uid_t uid, bool mapped);

/* Drops every capability, and keeps the user. For a child like the one above. */
bool identity_drop_capabilities(void);

#endif
