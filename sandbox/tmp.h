/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tmp - what of an environment outlives its box: /tmp.
 *
 * Where a box has a root of its own, /tmp is a tmpfs. Its init makes a second mount of it that is
 * attached nowhere, and hands that to the owner; the init of the next box attaches it in its own
 * mount namespace, and makes another for the time after. This takes no privilege across user
 * namespaces: whoever has the descriptor of a detached mount may attach it where he is at home, and
 * the file system goes on to belong to the first box's namespace, in which users and groups mean
 * the same.
 *
 * Elsewhere /tmp is the machine's. What outlives the box there is its user, whom files belong to.
 */
#ifndef SANDBOX_TMP_H
#define SANDBOX_TMP_H

#include <stdbool.h>

#include "sandbox/user.h"

struct sandbox_tmp {
	int mount;        /* attached nowhere, of the box that was last; -1: none yet */
	struct user user; /* of that; all zero while a box has it, or none had */
};

/* What the next box gets, -1 and false for nothing. NULL is a /tmp that no box has had. The mount
 * is borrowed, the user is the caller's. */
int tmp_mount(const struct sandbox_tmp *tmp);
bool tmp_take_user(struct sandbox_tmp *tmp, struct user *user);

/* What a box leaves. The mount is only looked at; the user is taken over. */
void tmp_keep_mount(struct sandbox_tmp *tmp, int mount);
void tmp_keep_user(struct sandbox_tmp *tmp, struct user *user);

#endif
