/* SPDX-License-Identifier: Apache-2.0 */
/*
 * view - which file of this machine a path in the box leads to.
 *
 * Follows links as a process in the box would: those that lead out of what the
 * box shows lead nowhere. Made from the description of a box, before there is
 * one, so nothing has to run to look at what it will see.
 */
#ifndef EMULATOR_VIEW_H
#define EMULATOR_VIEW_H

#include <limits.h>
#include <stdbool.h>

#include "sandbox/sandbox.h"

struct view;

/* 'own_root' as for package_create(): without a root of its own a box shows everything. 'spec' is
 * only read during the call. */
struct view *view_create(const struct sandbox_spec *spec, bool own_root);
void view_destroy(struct view *view);

struct view_place {
	char shown[PATH_MAX]; /* in the box, without links */
	char host[PATH_MAX];
	bool is_deployed; /* it comes with the function; else it is the machine's own */
};

/*
 * Finds what is at 'path', which is absolute, in the box. Returns false and errno when a process in
 * the box would find nothing there.
 */
bool view_find(const struct view *view, const char *path, struct view_place *place);

#endif
