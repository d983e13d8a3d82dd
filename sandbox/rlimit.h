/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rlimit - the resource limits that a program inherits.
 *
 * Runs in the child that is about to become the program, which shares its
 * memory with init: system calls only.
 */
#ifndef SANDBOX_RLIMIT_H
#define SANDBOX_RLIMIT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * No core files; at most 'open_files' descriptors and 'processes' processes and
 * threads (0 leaves either alone). RLIMIT_NPROC counts per user and user
 * namespace, so 'processes' makes sense only in a user namespace of the box's
 * own. A limit that is already lower stays. errno tells why not.
 */
bool rlimit_apply(unsigned open_files, unsigned processes);

/*
 * No file larger than 'bytes', where nothing else bounds what is written. Beyond that a write fails
 * with EFBIG: the signal that would come with it is ignored, which a program inherits. errno tells
 * why not.
 */
bool rlimit_bound_files(uint64_t bytes);

#endif
