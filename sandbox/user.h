/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user - a user of its own for each box, where nothing else tells the boxes apart.
 *
 * Without namespaces it is by their users that the kernel keeps the programs of one box from those
 * of another, and of the machine; and it counts and ends processes by user. So each box needs one
 * that nobody else has: IDENTITY_UID if that has no account here and is free, else one of a range
 * that nobody hands out. For root only.
 */
#ifndef SANDBOX_USER_H
#define SANDBOX_USER_H

#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/error.h"

struct user {
	uid_t uid; /* of the programs; 0 when the box has no user of its own */

	/* Another one, that nobody has but a process that is to signal those of 'uid': it can, and
	 * they cannot signal it. 0 where 'uid' may become somebody else's at any time, so that not
	 * all who have it may be signalled: IDENTITY_UID is that of every box with namespaces. */
	uid_t marshal;
	int lock; /* -1: none */
};

/*
 * Finds users that no process has, and keeps other boxes from taking them, in this lrie and in
 * others of the same network, until user_leave(). Looks at every process of the machine once. They
 * are not kept from somebody who is no lrie.
 */
bool user_take(struct user *user, struct error *err);

/* All processes of the user must be gone. Fine for a user that is all zero. */
void user_leave(struct user *user);

#endif
