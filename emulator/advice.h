/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advice - what to do about a write that Lambda would not allow.
 *
 * Pure: a table of paths and programs. Source of Lambda's side: spec
 * environment-and-limits.md §2; of the variables: each program's own manual.
 */
#ifndef EMULATOR_ADVICE_H
#define EMULATOR_ADVICE_H

#include "emulator/buffer.h"
#include "sandbox/sandbox.h"

/* Appends the whole sentence: "deno (pid 12) could not write '/var/task/x' during init: read-only
 * on Lambda: use /tmp, or set DENO_DIR=/tmp/deno". Names and paths are as the program has them;
 * whoever prints the line sees to what is in them. */
void advice_write(struct buffer *line, const struct sandbox_write *write, const char *when);

/* Patterns of paths whose failure is the program's own daily business: see struct sandbox_spec. */
extern const char *const advice_unreported[];

#endif
