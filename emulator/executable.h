/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executable - whether a program of the function can be executed, and if not, why.
 *
 * Looks at what execve(2), the script's interpreter and the dynamic linker would
 * look at, and executes nothing. The same words are used before a start (lrie
 * doctor) and behind one that failed.
 *
 * What is known of Lambda's OS-only runtime provided.al2023, beyond the spec
 * (environment-and-limits.md §4): it has glibc 2.34 with its loader and libraries,
 * sh, bash and coreutils, and no language runtime. Nothing else is claimed of it.
 */
#ifndef EMULATOR_EXECUTABLE_H
#define EMULATOR_EXECUTABLE_H

#include <stdbool.h>

#include "emulator/elf.h"
#include "emulator/finding.h"
#include "emulator/view.h"

struct executable_context {
	const struct view *view;
	const char *bootstrap;    /* in the box: what Lambda's messages name */
	const char *architecture; /* that it must be built for, in AWS's words */
	const char *path;         /* PATH and LD_LIBRARY_PATH of the function; may be NULL */
	const char *library_path;
	const char *cwd; /* in the box */
	bool os_only;    /* it will run in provided.al2023, with its own files and no others */
	struct findings *findings;
};

/* Checks the file that the box shows as 'shown', which is 'host' on this machine. */
void executable_check(const struct executable_context *context, const char *shown,
                      const char *host);

/* ---- parts of it, for each other ---- */

/* The file is at 'place'; 'depth' counts interpreters of interpreters. */
void executable_check_place(const struct executable_context *context,
                            const struct view_place *place, unsigned depth);

void executable_check_script(const struct executable_context *context,
                             const struct view_place *place, const char *head, size_t length,
                             unsigned depth);
void executable_check_elf(const struct executable_context *context, const struct view_place *place,
                          const struct elf *elf);
void executable_check_libraries(const struct executable_context *context,
                                const struct view_place *place, const struct elf *elf);

/* The interpreter or loader (that is 'what') that a file names, or complains that it is missing. */
bool executable_find(const struct executable_context *context, const struct view_place *file,
                     const char *what, const char *path, struct view_place *place);

bool executable_is_for_host(const struct executable_context *context);

/* Opens without waiting for whoever may be at the other end; -1 unless it is a regular file. */
int executable_open(const char *host);

#endif
