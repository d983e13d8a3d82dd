/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole_file - files that are read or written in one piece.
 */
#ifndef EMULATOR_WHOLE_FILE_H
#define EMULATOR_WHOLE_FILE_H

#include <stdbool.h>

#include "emulator/buffer.h"

/* Appends the file, which may have at most 'limit' bytes. */
bool whole_file_read(const char *path, size_t limit, struct buffer *out, struct error *err);

/*
 * Writes the file under another name beside it and then gives it its own, so that
 * nobody ever sees half of it and a full disk leaves the old one. What is no regular
 * file (/dev/stdout, a pipe) is written to as it is.
 */
bool whole_file_write(const char *path, const struct buffer *data, struct error *err);

/* Appends to the file, which is made if it is not there. */
bool whole_file_append(const char *path, const struct buffer *data, struct error *err);

#endif
