/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree - what lies in a folder that is deployed with the function.
 *
 * Looks at names, kinds, modes and sizes, and follows no link. How long it may
 * take is bounded by a budget that several trees share.
 */
#ifndef EMULATOR_TREE_H
#define EMULATOR_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/view.h"

/* What stands out in one way: how many, and the first of them on the host. */
struct tree_oddity {
	size_t count;
	char *example; /* NULL: none */
};

struct tree {
	uint64_t bytes; /* of regular files, by their length */
	struct tree_oddity
		unreadable;         /* files that others may not read, folders they may not enter */
	struct tree_oddity outside; /* links to what exists here but not in the box */
	struct tree_oddity special; /* FIFOs, sockets, devices */
	struct tree_oddity databases; /* of SQLite */
	struct tree_oddity caches;    /* folders called .cache */
	bool is_cut;                  /* the budget was used up */
};

struct tree_budget {
	size_t entries;    /* how many may still be looked at */
	uint64_t until_ns; /* and until when, by clock_now() */
};

/* 'folder' is on the host, 'shown' where the box has it. tree_finish() is due. */
void tree_walk(struct tree *tree, const char *folder, const char *shown, const struct view *view,
               struct tree_budget *budget);
void tree_finish(struct tree *tree);

/* Counts one more. */
void tree_note(struct tree_oddity *oddity, const char *path);

#endif
