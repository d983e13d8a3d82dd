/* SPDX-License-Identifier: Apache-2.0 */
/* files - a fresh folder for a test, and files in it. What the machine refuses ends the program. */
#ifndef TESTS_UNIT_FILES_H
#define TESTS_UNIT_FILES_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/test.h"

/* The working directory between files_begin() and files_end(), without links on the way to it. */
static char files_folder[PATH_MAX];

static inline void files_begin(void)
{
	char made[] = "/tmp/lrie-unit-XXXXXX";

	if (!mkdtemp(made) || !realpath(made, files_folder) || chdir(files_folder) == -1)
		abort();
}

/* Removes the names, of which some may not be there, and then the folder, which must be empty. */
static inline void files_end(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		remove(names[i]);
	CHECK_INT(chdir("/"), 0);
	CHECK_INT(rmdir(files_folder), 0);
}

/* Makes a file that may be executed. */
static inline void files_put(const char *name, const void *data, size_t length)
{
	FILE *file = fopen(name, "w");

	if (!CHECK(file))
		return;
	CHECK_INT(fwrite(data, 1, length, file), length);
	fclose(file);
	CHECK_INT(chmod(name, 0755), 0);
}

static inline void files_put_text(const char *name, const char *text)
{
	files_put(name, text, strlen(text));
}

/* That this, which is short, is what is in a file, and all of it. */
static inline void files_check_text(const char *name, const char *expected)
{
	char text[100] = "";
	FILE *file = fopen(name, "r");

	if (!CHECK(file))
		return;
	CHECK_INT(fread(text, 1, sizeof(text) - 1, file), strlen(expected));
	CHECK_STR(text, expected);
	fclose(file);
}

#endif
