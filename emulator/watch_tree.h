/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_tree - which folders are watched for what: inotify(7), for whole trees.
 *
 * A path leads to a folder, of which everything below counts, or to a file. So that it is found
 * again after it was moved, replaced or removed, each folder and link on the way to it is watched
 * for the one name that leads on. Links inside of a folder are not followed: a box does not show
 * what they lead to either, unless it is in the same folder.
 *
 * Trees are looked through a piece at a time, so that nobody waits for a large one. At most
 * WATCH_TREE_FOLDERS folders; that, and what the kernel refuses, is said once, with what to do.
 */
#ifndef EMULATOR_WATCH_TREE_H
#define EMULATOR_WATCH_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/error.h"

/* Each costs some 150 bytes here and a kilobyte in the kernel. */
#define WATCH_TREE_FOLDERS 16384

struct watch_tree;

/* Starts to watch 'paths', which need not exist, and are absolute. Copies them. Returns NULL and
 * fills 'err' when the kernel gives no inotify instance. */
struct watch_tree *watch_tree_create(const char *const *paths, size_t count, struct error *err);

/* NULL is fine. */
void watch_tree_destroy(struct watch_tree *tree);

/* Readable when something may have happened. */
int watch_tree_fd(const struct watch_tree *tree);

enum watch_tree_event {
	WATCH_TREE_NOTHING, /* no more, for now */
	WATCH_TREE_CHANGED, /* 'path' */
	WATCH_TREE_LOST,    /* too much at once for the kernel's queue: anything may have changed */
};

/* Takes the next one. 'path' is absolute, and valid until the next call. */
enum watch_tree_event watch_tree_next(struct watch_tree *tree, const char **path);

/* Looks through some folders that have not been looked at. Returns whether more are left: then it
 * is to be called again soon. */
bool watch_tree_look(struct watch_tree *tree);

/* 'path' as its reader knows it: below one of the folders, relative to that. */
const char *watch_tree_shorten(const struct watch_tree *tree, const char *path);

/* How many folders are watched. */
size_t watch_tree_folders(const struct watch_tree *tree);

#endif
