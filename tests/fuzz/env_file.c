/* SPDX-License-Identifier: Apache-2.0 */
/* env_file - the reader of files of variables, which come with somebody's project */
#include "emulator/env_file.h"

#include "sandbox/error.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct env_file *file)
{
	const char *item = "";
	unsigned line = 0;
	struct error err;

	while (item) {
		if (!env_file_next(file, &item, &err)) {
			if (!*err.text)
				abort();
			return;
		}
		if (item && (*item == '=' || !strchr(item, '=') || file->line <= line))
			abort();
		line = file->line;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[32];
	struct env_file file;
	struct error err;

	if (fd == -1) {
		fd = memfd_create("env", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) == -1 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (env_file_open(&file, path, &err))
		read_all(&file);
	env_file_close(&file);
	return 0;
}
