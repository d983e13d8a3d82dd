/* SPDX-License-Identifier: Apache-2.0 */
/*
 * renewal - new environments whenever a function's files have changed (--watch).
 *
 * Watches what the function is made of: the task root, the bootstrap, layers as folders or zip
 * files, the folder of extensions, and the /opt of an image. After a change its owner is asked to
 * put new environments in the place of the old ones. When that cannot be done yet, since a build
 * writes the bootstrap just now or has removed it, the old ones go on, and it is tried again after
 * each change, and now and then for what no change tells of. What was done, and what is waited for
 * longer than a moment, is said on stderr.
 */
#ifndef EMULATOR_RENEWAL_H
#define EMULATOR_RENEWAL_H

#include "emulator/config.h"
#include "emulator/loop.h"
#include "emulator/package.h"

struct renewal;

struct renewal_owner {
	/* Replaces the environments by those of the files as they are now; 'count' gets how many
	 * that were. Returns false, changes nothing, and fills 'err' when they are not complete; is
	 * then called again, with 'has_changed' if files have since. May not destroy the renewal.
	 */
	bool (*renew)(struct renewal_owner *owner, bool has_changed, unsigned *count,
	              struct error *err);
};

/*
 * Watches the files of 'config', which are read only during the call, as 'package' has found them.
 * Returns NULL and fills 'err' when the kernel does not allow it.
 */
struct renewal *renewal_create(struct loop *loop, struct renewal_owner *owner,
                               const struct config *config, const struct package *package,
                               struct error *err);

/* NULL is fine. */
void renewal_destroy(struct renewal *renewal);

#endif
