/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stand_in - what runs in the box while somebody else starts the runtime (--only-apis).
 *
 * A program of lrie's own binary that does nothing. Where it is, an environment has a box with a
 * runtime in it as always.
 */
#ifndef EMULATOR_STAND_IN_H
#define EMULATOR_STAND_IN_H

#include <stdbool.h>

/* Its name, for argv[0], and the path that it is executed by. */
#define STAND_IN_NAME "lrie: in place of a runtime (--only-apis)"
#define STAND_IN_PATH "/proc/self/exe"

/* Whether this process is to be one. */
bool stand_in_is_meant(char **argv);

/* Waits for a signal that ends it. */
_Noreturn void stand_in_run(void);

#endif
