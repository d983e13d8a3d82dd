/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backlog - how many bytes wait for something, and the memory that they leave.
 *
 * The C library keeps much of what a long line of them took, for the next one; and each box that
 * is made is a fork, which takes the longer the more memory there is. So it is given back
 * when a backlog of more than BACKLOG_MOST has shrunk to the half, and again to the half of
 * that, or by BACKLOG_STEP, which takes a millisecond: not for what comes and goes.
 */
#ifndef EMULATOR_BACKLOG_H
#define EMULATOR_BACKLOG_H

#include <stddef.h>

#define BACKLOG_MOST ((size_t)4 << 20)
#define BACKLOG_STEP ((size_t)16 << 20)

/* Zeroed, it is empty. */
struct backlog {
	size_t bytes;
	size_t most; /* since memory was given back last */
};

void backlog_add(struct backlog *backlog, size_t bytes);

/* They are freed already. */
void backlog_remove(struct backlog *backlog, size_t bytes);

#endif
