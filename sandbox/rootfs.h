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
#include "sandbox/rootfs_host.h"
#include "sandbox/sandbox.h"
#include "sandbox/template.h"

/* What a new root is made of that was made before, or -1. */
struct rootfs_parts {
	bool is_apart; /* init has a mount namespace of its own */
	enum template_kind kind;
	int template; /* of that kind; see template.h */
	int tmp;      /* of a mount that is attached nowhere; see tmp.h */
};

/* What its owner looks into or keeps, or -1. */
struct rootfs_own {
	int tmp;      /* of a mount that is attached nowhere if spec->tmp is set */
	int proc;     /* a fresh one; -1 where the kernel refuses it, and the surrounding /proc is
	               * shown instead */
	int template; /* for the next box */
};

/*
 * In init: builds the files of 'spec' and makes them the root, in a mount namespace of its own.
 * Makes anew what 'parts' has not, or what of it cannot be attached any more.
 */
bool rootfs_enter(const struct rootfs_host *host, const struct sandbox_spec *spec,
                  const struct rootfs_parts *parts, struct rootfs_own *own, struct error *err);

#endif
