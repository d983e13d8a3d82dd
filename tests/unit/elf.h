/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf - makes small ELF files for tests, of any class and byte order.
 *
 * Header, four segments (loader, all of it, dynamic section, one that means nothing), then the
 * dynamic section, versions, strings. The places are in the struct, so that a test can break one.
 */
#ifndef TESTS_UNIT_ELF_H
#define TESTS_UNIT_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ELF_BASE 0x10000 /* where it is loaded */

struct elf_image {
	unsigned char data[4096];
	size_t size;
	bool wide, big;
	size_t segments, dynamic, needs, names, strings; /* offsets */
	uint64_t entries;                                /* in the dynamic section so far */
};

static inline void elf_put(struct elf_image *image, size_t at, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		image->data[at + i] = (unsigned char)(value >> 8 * (image->big ? size - 1 - i : i));
	if (at + size > image->size)
		image->size = at + size;
}

/* Puts a member of a struct of the image's class. */
#define ELF_PUT(image, at, type, member, value)                          \
	elf_put((image),                                                 \
	        (at) + ((image)->wide ? offsetof(Elf64_##type, member)   \
	                              : offsetof(Elf32_##type, member)), \
	        (image)->wide ? sizeof(((Elf64_##type *)0)->member)      \
	                      : sizeof(((Elf32_##type *)0)->member),     \
	        (value))
#define ELF_SIZE(image, type) ((image)->wide ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

static inline size_t elf_string(struct elf_image *image, const char *text)
{
	size_t at = image->size;

	memcpy(image->data + at, text, strlen(text) + 1);
	image->size += strlen(text) + 1;
	return at - image->strings;
}

static inline void elf_entry(struct elf_image *image, uint64_t tag, uint64_t value)
{
	size_t at = image->dynamic + image->entries++ * ELF_SIZE(image, Dyn);

	ELF_PUT(image, at, Dyn, d_tag, tag);
	ELF_PUT(image, at, Dyn, d_un, value);
}

static inline void elf_segment(struct elf_image *image, size_t index, uint64_t type, size_t start,
                               size_t size)
{
	size_t at = image->segments + index * ELF_SIZE(image, Phdr);

	ELF_PUT(image, at, Phdr, p_type, type);
	ELF_PUT(image, at, Phdr, p_offset, start);
	ELF_PUT(image, at, Phdr, p_vaddr, ELF_BASE + start);
	ELF_PUT(image, at, Phdr, p_filesz, size);
	ELF_PUT(image, at, Phdr, p_memsz, size);
}

static inline void elf_head(struct elf_image *image, uint16_t machine)
{
	memcpy(image->data, ELFMAG, SELFMAG);
	image->data[EI_CLASS] = image->wide ? ELFCLASS64 : ELFCLASS32;
	image->data[EI_DATA] = image->big ? ELFDATA2MSB : ELFDATA2LSB;
	image->data[EI_VERSION] = EV_CURRENT;
	image->size = ELF_SIZE(image, Ehdr);
	image->segments = image->size;
	ELF_PUT(image, 0, Ehdr, e_type, ET_DYN);
	ELF_PUT(image, 0, Ehdr, e_machine, machine);
	ELF_PUT(image, 0, Ehdr, e_phoff, image->segments);
	ELF_PUT(image, 0, Ehdr, e_phentsize, ELF_SIZE(image, Phdr));
	ELF_PUT(image, 0, Ehdr, e_phnum, 4);
	image->dynamic = image->segments + 4 * ELF_SIZE(image, Phdr);
	image->needs = image->dynamic + 16 * ELF_SIZE(image, Dyn);
	image->names = image->needs + sizeof(Elf64_Verneed);
	image->strings = image->names + 2 * sizeof(Elf64_Vernaux);
	image->size = image->strings;
	elf_string(image, "");
}

/* A chain of one file with two names, of which the second is weak. */
static inline void elf_versions(struct elf_image *image, size_t library, size_t version,
                                size_t weak)
{
	size_t second = image->names + sizeof(Elf64_Vernaux);

	ELF_PUT(image, image->needs, Verneed, vn_version, 1);
	ELF_PUT(image, image->needs, Verneed, vn_cnt, 2);
	ELF_PUT(image, image->needs, Verneed, vn_file, library);
	ELF_PUT(image, image->needs, Verneed, vn_aux, sizeof(Elf64_Verneed));
	ELF_PUT(image, image->names, Vernaux, vna_name, version);
	ELF_PUT(image, image->names, Vernaux, vna_next, sizeof(Elf64_Vernaux));
	ELF_PUT(image, second, Vernaux, vna_flags, VER_FLG_WEAK);
	ELF_PUT(image, second, Vernaux, vna_name, weak);
}

/*
 * A program that asks for 'loader' (NULL: none), for libc.so.6 in 'version' and, if it is not NULL,
 * for 'library', searched in 'runpath'.
 */
static inline struct elf_image elf_make(bool wide, bool big, uint16_t machine, const char *loader,
                                        const char *version, const char *library,
                                        const char *runpath)
{
	struct elf_image image = { .wide = wide, .big = big };

	elf_head(&image, machine);

	size_t libc = elf_string(&image, "libc.so.6");
	size_t name = elf_string(&image, version);
	size_t weak = elf_string(&image, "GLIBC_2.99");

	elf_entry(&image, DT_NEEDED, libc);
	if (library)
		elf_entry(&image, DT_NEEDED, elf_string(&image, library));
	if (runpath)
		elf_entry(&image, DT_RUNPATH, elf_string(&image, runpath));
	elf_versions(&image, libc, name, weak);
	if (loader) {
		size_t at = image.strings + elf_string(&image, loader);

		elf_segment(&image, 0, PT_INTERP, at, strlen(loader) + 1);
	}
	elf_entry(&image, DT_STRTAB, ELF_BASE + image.strings);
	elf_entry(&image, DT_STRSZ, image.size - image.strings);
	elf_entry(&image, DT_VERNEED, ELF_BASE + image.needs);
	elf_entry(&image, DT_VERNEEDNUM, 1);
	elf_segment(&image, 1, PT_LOAD, 0, image.size);
	elf_segment(&image, 2, PT_DYNAMIC, image.dynamic,
	            (image.entries + 1) * ELF_SIZE(&image, Dyn));
	return image;
}

#endif
