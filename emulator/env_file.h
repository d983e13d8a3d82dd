/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_file - files of NAME=VALUE lines, for --env-file.
 *
 * What docker's and dotenv's formats have in common: empty lines and lines that
 * begin with '#' are passed over, "export " before a name is allowed, a value may
 * stand in single or double quotes, which are taken off. Nothing is expanded;
 * a '#' inside a line is part of the value.
 */
#ifndef EMULATOR_ENV_FILE_H
#define EMULATOR_ENV_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

struct env_file {
	const char *path; /* for messages; borrowed */
	struct buffer text;
	size_t next;   /* where the next line starts */
	unsigned line; /* the line of the last item, from 1 */
};

/* Reads the whole file (at most 1 MiB). env_file_close() is needed in any case. */
bool env_file_open(struct env_file *file, const char *path, struct error *err);
void env_file_close(struct env_file *file);

/*
 * Gives the next "NAME=VALUE", which lives as long as the file, or NULL at the
 * end. Returns false and fills 'err' ("app.env:3: ...") on a bad line.
 */
bool env_file_next(struct env_file *file, const char **item, struct error *err);

#endif
