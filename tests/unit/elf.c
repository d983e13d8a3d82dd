/* SPDX-License-Identifier: Apache-2.0 */
/* elf - made files are read as they were made, and broken ones break nothing */
#include "emulator/elf.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "tests/unit/elf.h"
#include "tests/unit/test.h"

static void read_bytes(struct elf *elf, const void *data, size_t size)
{
	autoclose int fd = memfd_create("elf", MFD_CLOEXEC);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	elf_read(elf, fd);
}

static void read_image(struct elf *elf, const struct elf_image *image)
{
	read_bytes(elf, image->data, image->size);
}

static struct elf_image make(bool wide, bool big, uint16_t machine)
{
	return elf_make(wide, big, machine, "/lib/ld.so", "GLIBC_2.38", "libx.so.1", "$ORIGIN/lib");
}

static void test_every_class_and_byte_order(void)
{
	static const struct {
		const char *label;
		bool wide, big;
		uint16_t machine;
		const char *architecture;
	} cases[] = {
		{ "x86_64", true, false, EM_X86_64, "x86_64" },
		{ "x32", false, false, EM_X86_64, "x32" },
		{ "arm64", true, false, EM_AARCH64, "arm64" },
		{ "arm64, big-endian", true, true, EM_AARCH64, NULL },
		{ "arm", false, false, EM_ARM, "arm" },
		{ "i386", false, false, EM_386, "i386" },
		{ "ppc64", true, true, EM_PPC64, "ppc64" },
		{ "m68k", false, true, EM_68K, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct elf_image image = make(cases[i].wide, cases[i].big, cases[i].machine);
		struct elf elf;

		test_case(cases[i].label);
		read_image(&elf, &image);
		CHECK_INT(elf.kind, ELF_KIND_GOOD);
		CHECK_STR(elf.defect, NULL);
		CHECK_INT(elf.bits, cases[i].wide ? 64 : 32);
		CHECK_STR(elf_architecture(&elf), cases[i].architecture);
		CHECK_STR(elf.interpreter, "/lib/ld.so");
		CHECK_STR(elf.rpath, NULL);
		CHECK_STR(elf.runpath, "$ORIGIN/lib");
		if (CHECK_INT(elf.needed_count, 2)) {
			CHECK_STR(elf.needed[0], "libc.so.6");
			CHECK_STR(elf.needed[1], "libx.so.1");
		}
		if (CHECK_INT(elf.version_count, 1)) { /* the other one is weak */
			CHECK_STR(elf.versions[0].library, "libc.so.6");
			CHECK_STR(elf.versions[0].name, "GLIBC_2.38");
		}
		elf_finish(&elf);
	}
}

static void test_this_program(void)
{
	autoclose int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf elf;

	elf_read(&elf, fd);
	CHECK_INT(elf.kind, ELF_KIND_GOOD);
	CHECK_STR(elf.defect, NULL);
	CHECK_INT(elf.bits, sizeof(void *) * 8);
	if (elf_architecture(&elf))
		CHECK_STR(elf_architecture(&elf), elf_host_architecture());
	elf_finish(&elf);
}

static void test_no_elf(void)
{
	static const char *const texts[] = { "", "#!/bin/sh\n", "\177EL", "\177ELX" };
	struct elf elf;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		read_bytes(&elf, texts[i], strlen(texts[i]));
		CHECK_INT(elf.kind, ELF_KIND_OTHER);
		elf_finish(&elf);
	}
	elf_read(&elf, -1);
	CHECK_INT(elf.kind, ELF_KIND_OTHER);
	autoclose int folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	elf_read(&elf, folder);
	CHECK_INT(elf.kind, ELF_KIND_OTHER);
}

/* What is wrong, by the one field that is. */

static void break_type(struct elf_image *image)
{
	ELF_PUT(image, 0, Ehdr, e_type, ET_REL);
}

static void break_core(struct elf_image *image)
{
	ELF_PUT(image, 0, Ehdr, e_type, ET_CORE);
}

static void break_class(struct elf_image *image)
{
	image->data[EI_CLASS] = 3;
}

static void break_order(struct elf_image *image)
{
	image->data[EI_DATA] = 0;
}

static void break_entry_size(struct elf_image *image)
{
	ELF_PUT(image, 0, Ehdr, e_phentsize, 1);
}

static void break_no_segments(struct elf_image *image)
{
	ELF_PUT(image, 0, Ehdr, e_phnum, 0);
}

static void break_count(struct elf_image *image)
{
	ELF_PUT(image, 0, Ehdr, e_phnum, PN_XNUM);
}

static void break_table(struct elf_image *image)
{
	ELF_PUT(image, 0, Ehdr, e_phoff, UINT64_MAX - 8);
}

static void break_loader_size(struct elf_image *image)
{
	ELF_PUT(image, image->segments, Phdr, p_filesz, UINT64_MAX);
}

static void break_loader_place(struct elf_image *image)
{
	ELF_PUT(image, image->segments, Phdr, p_offset, UINT64_MAX - 2);
}

static void break_loader_end(struct elf_image *image)
{
	ELF_PUT(image, image->segments, Phdr, p_filesz, 4);
}

static void break_size(struct elf_image *image)
{
	ELF_PUT(image, image->segments + ELF_SIZE(image, Phdr), Phdr, p_filesz, image->size + 1);
}

static void break_dynamic(struct elf_image *image)
{
	size_t at = image->segments + 2 * ELF_SIZE(image, Phdr);

	ELF_PUT(image, at, Phdr, p_offset, image->size - 1);
}

static void break_dynamic_place(struct elf_image *image)
{
	size_t at = image->segments + 2 * ELF_SIZE(image, Phdr);

	ELF_PUT(image, at, Phdr, p_offset, UINT64_MAX - 15);
}

/* The first entry is DT_NEEDED. */
static void break_needed(struct elf_image *image)
{
	ELF_PUT(image, image->dynamic, Dyn, d_un, UINT64_MAX);
}

static void break_strings(struct elf_image *image)
{
	ELF_PUT(image, image->dynamic + 3 * ELF_SIZE(image, Dyn), Dyn, d_un, 1);
}

static void break_strings_size(struct elf_image *image)
{
	ELF_PUT(image, image->dynamic + 4 * ELF_SIZE(image, Dyn), Dyn, d_un, 3);
}

static void break_versions(struct elf_image *image)
{
	ELF_PUT(image, image->needs, Verneed, vn_aux, UINT32_MAX);
}

/* A chain that leads back to itself ends all the same. */
static void break_versions_loop(struct elf_image *image)
{
	ELF_PUT(image, image->dynamic + 6 * ELF_SIZE(image, Dyn), Dyn, d_un, UINT64_MAX);
	ELF_PUT(image, image->needs, Verneed, vn_next, 1);
	ELF_PUT(image, image->names, Vernaux, vna_next, 1);
	ELF_PUT(image, image->needs, Verneed, vn_cnt, UINT16_MAX);
}

static void test_broken(void)
{
	static const struct {
		const char *label;
		void (*damage)(struct elf_image *image);
		enum elf_kind kind;
		const char *defect;
	} cases[] = {
		{ "type", break_type, ELF_KIND_BROKEN, "not linked" },
		{ "core", break_core, ELF_KIND_BROKEN, "neither a program nor a library" },
		{ "class", break_class, ELF_KIND_BROKEN, "no known class" },
		{ "order", break_order, ELF_KIND_BROKEN, "no known class" },
		{ "entry size", break_entry_size, ELF_KIND_BROKEN, "table of segments" },
		{ "no segments", break_no_segments, ELF_KIND_BROKEN, "table of segments" },
		{ "count", break_count, ELF_KIND_BROKEN, "table of segments" },
		{ "table", break_table, ELF_KIND_BROKEN, "in front of its table" },
		{ "loader size", break_loader_size, ELF_KIND_BROKEN, "empty or too long" },
		{ "loader place", break_loader_place, ELF_KIND_BROKEN, "loader is not whole" },
		{ "loader end", break_loader_end, ELF_KIND_BROKEN, "loader is not whole" },
		{ "size", break_size, ELF_KIND_GOOD, "behind its end" },
		{ "dynamic", break_dynamic, ELF_KIND_GOOD, "behind its end" },
		{ "dynamic place", break_dynamic_place, ELF_KIND_GOOD, "behind its end" },
		{ "needed", break_needed, ELF_KIND_GOOD, "that are not there" },
		{ "strings", break_strings, ELF_KIND_GOOD, "in no segment" },
		{ "strings size", break_strings_size, ELF_KIND_GOOD, "that are not there" },
		{ "versions", break_versions, ELF_KIND_GOOD, "that are not there" },
		{ "versions loop", break_versions_loop, ELF_KIND_GOOD, "that are not there" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]) * 2; i++) {
		size_t row = i / 2;
		struct elf_image image = make(i % 2, false, EM_AARCH64);
		struct elf elf;

		test_case(cases[row].label);
		cases[row].damage(&image);
		read_image(&elf, &image);
		CHECK_INT(elf.kind, cases[row].kind);
		if (CHECK(elf.defect) && !strstr(elf.defect, cases[row].defect))
			CHECK_STR(elf.defect, cases[row].defect);
		elf_finish(&elf);
	}
}

static void test_cut_off_anywhere(void)
{
	struct elf_image image = make(true, false, EM_X86_64);
	struct elf elf;

	for (size_t size = SELFMAG; size < image.size; size++) {
		read_bytes(&elf, image.data, size);
		CHECK(size < EI_NIDENT || elf.kind != ELF_KIND_OTHER);
		CHECK(size < EI_NIDENT || elf.defect);
		elf_finish(&elf);
	}
}

/* Whatever one byte is: it is read to an end, and the sanitizers have nothing to say. */
static void test_every_byte_changed(void)
{
	static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
	const struct elf_image good = make(false, true, EM_PPC);
	struct elf elf;

	for (size_t i = 0; i < good.size; i++) {
		for (size_t value = 0; value < sizeof(values); value++) {
			struct elf_image image = good;

			image.data[i] = values[value];
			read_image(&elf, &image);
			elf_finish(&elf);
		}
	}
	CHECK(true);
}

TEST_MAIN(test_every_class_and_byte_order, test_this_program, test_no_elf, test_broken,
          test_cut_off_anywhere, test_every_byte_changed)
