/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_noise - files that change while somebody works, and are no part of what he makes.
 *
 * What editors, version control, indexers and interpreters leave beside the source. By name alone:
 * a rename to the real name follows where a program writes beside it first.
 */
#ifndef EMULATOR_WATCH_NOISE_H
#define EMULATOR_WATCH_NOISE_H

#include <stdbool.h>

/* Whether nothing in a folder of that name is of interest. */
bool watch_noise_is_folder(const char *name);

/* Whether a change of a file, or folder, of that name is not. */
bool watch_noise_is_file(const char *name);

#endif
