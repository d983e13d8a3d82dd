/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - all that runs in a box, as its init sees it.
 *
 * In a pid namespace the kernel knows who belongs to the box, and ends them with
 * init. Elsewhere they are those of a user of their own, if they have one, and
 * init's descendants: it adopts those whose parent has ended, and nobody leaves.
 */
#ifndef SANDBOX_TREE_H
#define SANDBOX_TREE_H

#include <stdbool.h>

#include "sandbox/error.h"
#include "sandbox/user.h"

struct tree {
	bool is_namespace; /* a pid namespace of its own; set by the caller, */
	struct user user;  /* as is this; 'marshal' is 0 when others may have it */
	int ended;         /* readable when a child of init has ended; -1 before tree_init() */
};

/* In init, which has blocked all signals. Makes it adopt orphans where that takes asking. */
bool tree_init(struct tree *tree, struct error *err);

/* Forgets what 'ended' has told so far. Before children are waited for. */
void tree_clear(const struct tree *tree);

/*
 * Sends a signal to everybody but init. Who is forked meanwhile gets it too, as far as that can be
 * had: in a pid namespace and for a user of their own the kernel sees to it, elsewhere whoever is
 * new is looked for until nobody is. Takes some microseconds in the first case, the time of a fork
 * in the second, and some microseconds for every process of the machine in the third. For init
 * itself, not for a child that shares its memory.
 */
void tree_signal(const struct tree *tree, int number);

/*
 * Ends everybody but init. In a pid namespace the exit of init does that, before anybody sees it as
 * gone, and this does nothing. Elsewhere it returns when nobody is left, which a process that forks
 * in a loop can only delay: each round kills faster than one forks.
 */
void tree_kill(const struct tree *tree);

#endif
