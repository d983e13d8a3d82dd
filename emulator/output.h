/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output - a stream of lines: the product (the function's lines and Lambda's own), or a file of
 * records that was asked for.
 *
 * Lines are gathered during a turn of the loop and written in one go before it
 * sleeps. A reader that is slow or stopped never stalls lrie: what it has not
 * taken waits in memory, up to OUTPUT_BACKLOG bytes; beyond that whole lines are
 * dropped, and one line tells how many once there is room again.
 *
 * The descriptor is opened again where the kernel allows it (pipes, terminals),
 * so that its O_NONBLOCK is ours and not that of the shell that we share it with.
 *
 * What cannot be written, as on a full disk, is lost and said once. A file of records has whole
 * lines also then, and nothing but its records: what was dropped is told on stderr.
 */
#ifndef EMULATOR_OUTPUT_H
#define EMULATOR_OUTPUT_H

#include <stddef.h>

#include "emulator/loop.h"

#define OUTPUT_BACKLOG ((size_t)64 << 20)

struct output;

/* Writes to a copy of 'fd', which stays the caller's. */
struct output *output_create(struct loop *loop, int fd, struct error *err);

/* Appends to the file at 'path', which is made if it is not there; a line that was cut off there is
 * ended first. A FIFO must have its reader. */
struct output *output_open(struct loop *loop, const char *path, struct error *err);

/* Writes what is left as long as the reader takes it, for at most 'grace_ms'. NULL is fine. */
void output_destroy(struct output *output, unsigned grace_ms);

/* Adds whole lines: 'data' must end with a newline. */
void output_write(struct output *output, const char *data, size_t length);

#endif
