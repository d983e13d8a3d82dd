/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extension_files - the external extensions that come with a function.
 *
 * Every entry of /opt/extensions that is no folder is one, in the order of the
 * names; layers are merged as the box merges them. A file in /opt switches all
 * of them off. Source: spec extensions-telemetry.md §1 and §2.
 */
#ifndef EMULATOR_EXTENSION_FILES_H
#define EMULATOR_EXTENSION_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/package.h"

struct extension_files {
	char **names;  /* sorted */
	char **places; /* on this machine, by name */
	size_t count;
	bool disabled; /* nobody may register, either */
};

/* Looks them up now. What cannot be read is not there. */
void extension_files_find(struct extension_files *files, const struct package *package);

void extension_files_finish(struct extension_files *files);

/* The path of one as the function's processes see it; to be freed. */
char *extension_files_shown(const struct extension_files *files, size_t index,
                            const struct package *package);

#endif
