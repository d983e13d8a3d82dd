/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terminal - the user's terminal, while a program has one of its own.
 *
 * The program never gets the user's: it could push input into it (TIOCSTI) or change it for
 * whoever comes next. It gets a pseudo-terminal with the same settings and size, and the user's
 * is raw meanwhile: every key goes through, and what a key does is decided inside.
 *
 * There is one at a time. It becomes again what it was when terminal_restore() is called, and by
 * any signal that ends this process but SIGKILL.
 */
#ifndef EMULATOR_TERMINAL_H
#define EMULATOR_TERMINAL_H

#include <stdbool.h>

#include "sandbox/error.h"

/* Makes a pseudo-terminal like terminal 'fd'. '*master' does not block; both ends are the
 * caller's. */
bool terminal_make(int fd, int *master, int *slave, struct error *err);

/* Makes terminal 'fd' raw; it must stay open until it is restored. */
bool terminal_take(int fd, struct error *err);

/* Fine when none is taken. */
void terminal_restore(void);

/* Around lines of our own while it is raw: without, they would be stairs. */
void terminal_begin_lines(void);
void terminal_end_lines(void);

/* Gives terminal 'to' the size of terminal 'from'. */
void terminal_copy_size(int from, int to);

#endif
