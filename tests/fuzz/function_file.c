/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function_file - files of functions, as --config reads them for each command: a refusal has a
 * reason, each function that comes back is one of the file, and nothing is left.
 */
#include "emulator/function_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool claim)
{
	if (!claim)
		abort();
}

static size_t read_alone(const char *path)
{
	struct function_file file;
	struct error err = { .text = "" };
	bool read = function_file_read(&file, path, CONFIG_SERVE, &err);
	size_t count = file.count;

	check(read ? count > 0 : err.text[0]);
	for (size_t i = 0; read && i < count; i++)
		check(file.entries[i].name);
	function_file_finish(&file);
	return read ? count : 0;
}

/* 'count' functions at most, all different, and the same when they are read again. */
static void read_for(const char *command, char *path, size_t count)
{
	char *words[] = { (char *)"lrie", (char *)command, (char *)"--config", path, NULL };
	struct error err = { .text = "" };
	struct config *config = config_parse(4, words, &err);
	struct config *again = config_parse(4, words, &err);

	check(config ? count > 0 && again : err.text[0] && !again);
	for (const struct config *one = config, *same = again; one;
	     one = one->next, same = same->next) {
		check(count-- > 0 && same && strcmp(one->function_name, same->function_name) == 0);
		check(config_is_same_function(one, same) && !config_find_difference(one, same));
	}
	config_destroy(config);
	config_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[64];

	if (fd == -1)
		fd = memfd_create("functions", MFD_CLOEXEC);
	if (ftruncate(fd, 0) == -1 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

	size_t count = read_alone(path);

	/* Files of variables are not what is looked for here, and some never end. */
	if (memmem(data, size, "env-file", strlen("env-file")) || memmem(data, size, "\\u", 2))
		return 0;
	read_for("serve", path, count);
	read_for("bench", path, count);
	read_for("invoke", path, count);
	return 0;
}
