/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template - the part of a box's root that is the same in each, ready for the next one.
 *
 * To show some forty folders, files and devices of this machine takes a third of the time that a
 * box takes. So the init of a box, when it has mounted these and nothing else, makes a second tree
 * of such mounts, attached nowhere, for the owner to keep. The init of the next box attaches that
 * as its root, in one call, and makes another; see tmp.h for why it may.
 *
 * The mounts are those of one box each, the file system that holds their places is the same: a
 * small tmpfs, read-only in every box. What a box has beside, for its own folders, is mounted on
 * top.
 */
#ifndef SANDBOX_TEMPLATE_H
#define SANDBOX_TEMPLATE_H

#include <stdint.h>

/* As many as boxes may be built at a time without one of them having to do without. */
#define TEMPLATES 4

/* Those of one owner; zeroed at first. */
struct templates {
	struct template
	{
		int tree;
		uint64_t state; /* of this machine then; see rootfs_host_state() */
	}
	kept[TEMPLATES];
	unsigned count;
};

/* One that shows what this machine has now, which becomes the caller's; -1: none. */
int templates_take(struct templates *templates, uint64_t state);

/* Takes over a tree. */
void templates_keep(struct templates *templates, int tree, uint64_t state);

void templates_clear(struct templates *templates);

#endif
