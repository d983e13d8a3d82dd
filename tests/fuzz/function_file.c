/* SPDX-License-Identifier: Apache-2.0 */
/* function_file - the reader of files of functions: a refusal has a reason, and nothing is left */
#include "emulator/function_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct function_file file;
	struct error err = { .text = "" };
	char path[64];

	if (fd == -1)
		fd = memfd_create("functions", MFD_CLOEXEC);
	if (ftruncate(fd, 0) == -1 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	bool read = function_file_read(&file, path, CONFIG_BENCH, &err);
	if (read ? file.count == 0 : !err.text[0])
		abort();
	for (size_t i = 0; read && i < file.count; i++) {
		if (!file.entries[i].name)
			abort();
	}
	function_file_finish(&file);
	return 0;
}
