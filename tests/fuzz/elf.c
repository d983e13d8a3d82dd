/* SPDX-License-Identifier: Apache-2.0 */
/* elf - the reader of ELF files, which come from whoever made the deployment package */
#include "emulator/elf.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct elf elf;

	if (fd == -1)
		fd = memfd_create("elf", MFD_CLOEXEC);
	if (ftruncate(fd, 0) == -1 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	elf_read(&elf, fd);
	if (elf.kind == ELF_KIND_BROKEN && !elf.defect)
		abort();
	elf_architecture(&elf);
	elf_finish(&elf);
	return 0;
}
