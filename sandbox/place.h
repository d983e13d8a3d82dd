/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place - what is put where in the root of a box that is being built.
 *
 * Paths are absolute in the box, and known to lead through no link: nobody but init has made
 * anything there yet.
 */
#ifndef SANDBOX_PLACE_H
#define SANDBOX_PLACE_H

#include <stdbool.h>

#include "sandbox/error.h"

/* The path as seen from the root's descriptor. */
const char *place_below(const char *path);

/* One that is there already is fine. */
bool place_folder(int root, const char *path, struct error *err);

bool place_link(int root, const char *path, const char *link, struct error *err);
bool place_file(int root, const char *path, const char *text, struct error *err);

/* Shows 'source' of the host at 'path' in the box, read-only, where something of its kind is. */
bool place_tree(int root, const char *source, const char *path, struct error *err);

#endif
