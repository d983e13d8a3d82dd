/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder - whole trees of files: copied, removed, measured.
 *
 * Trees may be hostile: no link is followed, nothing outside is touched.
 */
#ifndef EMULATOR_FOLDER_H
#define EMULATOR_FOLDER_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/error.h"

/* Whether 'path' leads to one. */
bool folder_exists(const char *path);

/* Begins to read the folder 'dir', which stays the caller's. Returns NULL and errno when that
 * cannot be. */
DIR *folder_read(int dir);

/*
 * Copies what is in folder 'from' over what is in folder 'to', both open: folders are merged, of
 * two files the copied one wins. Modes (but for setuid and the like) and times are kept, links stay
 * links; sockets, pipes and devices are left out, as nobody could use them in a box.
 */
bool folder_copy(int from, int to, struct error *err);

/* Removes 'name' below the open folder 'parent', and all that is in it, as far as it can be. */
bool folder_remove(int parent, const char *name, struct error *err);

/* The size of all files in the folder 'path', or of those found until 'most_entries' were looked
 * at. */
uint64_t folder_size(const char *path, size_t most_entries);

#endif
