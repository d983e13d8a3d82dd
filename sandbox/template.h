/* SPDX-License-Identifier: Apache-2.0 */
/*
 * template - the part of a box's root that is the same in each, ready for the next one.
 *
 * To show some forty folders, files and devices of this machine takes a third of the time that a
 * box takes. So the init of a box that had to mount these, when it has mounted nothing else yet,
 * leaves a template for the owner to keep.
 *
 * Without a user namespace that is a mount namespace which has these mounts and no others, those of
 * the host least of all. The init of the next box enters it and takes a copy of it for its own:
 * it never has a root of the host to get rid of, for which the kernel waits.
 *
 * The mount namespace of another user namespace cannot be entered. There it is a tree of mounts,
 * attached nowhere, that the next init attaches as its root, in one call, and makes another; see
 * tmp.h for why it may.
 *
 * The mounts are those of one box each, the file system that holds their places is the same: a
 * small tmpfs, read-only in every box. What a box has beside, for its own folders, is mounted on
 * top. Binds may have needed places of their own there, so a template is for boxes with the same.
 */
#ifndef SANDBOX_TEMPLATE_H
#define SANDBOX_TEMPLATE_H

#include <stdint.h>

enum template_kind {
	TEMPLATE_NAMESPACE, /* for any number of boxes */
	TEMPLATE_TREE,      /* for one */
};

/* For boxes with these CLONE_NEW* namespaces. */
enum template_kind template_kind(unsigned long namespaces);

/* As many as boxes may be built at a time without one of them having to do without; and as many
 * functions with different binds may take turns. */
#define TEMPLATES 4

/* Those of one owner; zeroed at first. */
struct templates {
	struct template
	{
		int fd;
		uint64_t state; /* then; see rootfs_host_state() */
	}
	kept[TEMPLATES];
	unsigned count;
};

/* One that shows what is to be shown now, which becomes the caller's; -1: none. */
int templates_take(struct templates *templates, enum template_kind kind, uint64_t state);

/* Takes over a template. */
void templates_keep(struct templates *templates, int template, uint64_t state);

void templates_clear(struct templates *templates);

#endif
