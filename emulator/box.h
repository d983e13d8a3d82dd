/* SPDX-License-Identifier: Apache-2.0 */
/*
 * box - the box that a function gets, whoever runs what in it.
 *
 * An environment and lrie shell build the same box and tell in the same words
 * what was refused in it. Source of limits: spec environment-and-limits.md §3.
 */
#ifndef EMULATOR_BOX_H
#define EMULATOR_BOX_H

#include "emulator/config.h"
#include "emulator/package.h"
#include "sandbox/sandbox.h"

/* Limits and folders. What 'spec' points to lives as long as the package. */
void box_fill_spec(const struct config *config, const struct package *package,
                   struct sandbox_spec *spec);

#define BOX_LOG_STREAM_SIZE 64

/* AWS_LAMBDA_LOG_STREAM_NAME of a new box: "2026/01/30/[$LATEST]<32 hex>". */
void box_make_log_stream(const struct config *config, char name[static BOX_LOG_STREAM_SIZE]);

/* Tells of system calls that were refused; 'when' is "during init", "in the shell". */
void box_tell_denial(const char *prefix, const struct sandbox_denial *denial, const char *when);

/* Tells of a write that failed, and what to do about it. */
void box_tell_write(const char *prefix, const struct sandbox_write *write, const char *when);

#endif
