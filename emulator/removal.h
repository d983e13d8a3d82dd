/* SPDX-License-Identifier: Apache-2.0 */
/*
 * removal - removes folders in children, so that nobody waits who is served meanwhile.
 *
 * The layers of a function may be thousands of files, and take a second. The children do not end
 * with lrie, which waits for them when it ends in order.
 */
#ifndef EMULATOR_REMOVAL_H
#define EMULATOR_REMOVAL_H

/* Begins to remove the folder 'path', which is absolute, and all that is in it. 'lock' stays open
 * until that is done. What cannot be removed is a warning. */
void removal_begin(const char *path, int lock);

/* Waits for all that have begun. */
void removal_await(void);

#endif
