/* SPDX-License-Identifier: Apache-2.0 */
/* zip - the reader of zip files, which come from whoever made the layer: nothing leaves its folder
 */
#include "emulator/zip.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char above[] = "/tmp/lrie-fuzz-XXXXXX";

static void remove_all(void)
{
	folder_remove(AT_FDCWD, above, NULL);
}

/* The folder "inside" is alone, as it was before. */
static void check_alone(void)
{
	DIR *entries = opendir(above);

	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "inside") != 0)
			abort();
	}
	closedir(entries);
}

static int open_inside(void)
{
	static int folder = -1;

	if (folder == -1) {
		if (!mkdtemp(above) || atexit(remove_all) != 0)
			abort();
		folder = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (mkdirat(folder, "inside", 0755) == -1)
		abort();
	return openat(folder, "inside", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct zip_limits limits = { .bytes = 1 << 20, .entries = 64 };
	char path[PATH_MAX];
	uint64_t bytes;
	struct error err = { .text = "" };
	static int fd = -1;

	if (fd == -1)
		fd = memfd_create("zip", MFD_CLOEXEC);
	if (ftruncate(fd, 0) == -1 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int inside = open_inside();
	if (!zip_unpack(path, inside, &limits, NULL, &bytes, &err) && !err.text[0])
		abort(); /* a refusal without a reason */
	close(inside);
	check_alone();
	snprintf(path, sizeof(path), "%s/inside", above);
	if (folder_size(path, 1000) > limits.bytes || !folder_remove(AT_FDCWD, path, &err))
		abort();
	return 0;
}
