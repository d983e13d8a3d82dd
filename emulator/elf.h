/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf - what a compiled program asks of the machine: reads an ELF file.
 *
 * Only what the kernel and the dynamic linker read is read: the header, the
 * program headers, the dynamic section and the strings and versions that it
 * names. Sections are not looked at, so a stripped program is as good as any.
 * Both classes and both byte orders are understood, whatever this machine is.
 *
 * The file may hold anything: each offset is held against its size, each count
 * against a limit. Format: elf(5), and the System V ABI's "Dynamic Linking".
 */
#ifndef EMULATOR_ELF_H
#define EMULATOR_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum elf_kind {
	ELF_KIND_GOOD,   /* the kernel would take it, if it is of this machine's kind */
	ELF_KIND_BROKEN, /* it begins as an ELF file, and no kernel would execute it */
	ELF_KIND_OTHER,  /* it is something else */
};

/* A version that a library must have: the dynamic linker refuses to start without it. */
struct elf_version {
	char *library; /* "libc.so.6" */
	char *name;    /* "GLIBC_2.34" */
};

struct elf {
	enum elf_kind kind;
	const char *defect; /* in words what is broken, or what the dynamic linker will trip over:
	                     * "it is cut off". NULL: nothing */
	unsigned bits;      /* 32 or 64 */
	bool big_endian;
	uint16_t machine;  /* EM_X86_64... */
	char *interpreter; /* the loader that it asks for, or NULL */
	char *rpath;       /* DT_RPATH and DT_RUNPATH, or NULL */
	char *runpath;
	char **needed; /* names of libraries */
	size_t needed_count;
	struct elf_version *versions;
	size_t version_count;
};

/* Reads the file, wherever its offset is. elf_finish() is due in any case. */
void elf_read(struct elf *elf, int fd);
void elf_finish(struct elf *elf);

/* "x86_64", "arm64": AWS's words where it has them; NULL for what lrie has no word for. */
const char *elf_architecture(const struct elf *elf);

/* The same for this machine. */
const char *elf_host_architecture(void);

#endif
