/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf - what a compiled program asks of the machine: reads an ELF file
 *
 * The file is read piece by piece instead of mapped: one that shrinks meanwhile
 * would kill us with SIGBUS, and of a program of 100 MB a few pages are wanted.
 */
#include "emulator/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "emulator/buffer.h"

/* The kernel's own limit of the table of program headers (fs/binfmt_elf.c). */
#define SEGMENTS_SIZE 65536

#define STRING_LIMIT 4096 /* of paths and names, as PATH_MAX */
#define DYNAMIC_LIMIT 4096
#define NEEDED_LIMIT 256
#define VERSION_LIMIT 1024 /* of files and of versions, together */

struct reader {
	struct elf *elf;
	int fd;
	uint64_t size;
	bool wide; /* ELFCLASS64 */
	unsigned char *segments;
	size_t segment_count;
	uint64_t strings; /* where the dynamic strings are in the file, and how many bytes */
	uint64_t strings_size;
};

/* What the dynamic section says, 0 where it does not. Addresses, not offsets. */
struct dynamic {
	uint64_t strings, strings_size;
	uint64_t rpath, runpath;
	bool has_rpath, has_runpath;
	uint64_t versions, versions_count;
	uint64_t needed[NEEDED_LIMIT];
	size_t needed_count;
};

/* ---- bytes ---- */

static bool read_at(const struct reader *reader, uint64_t at, void *data, size_t size)
{
	size_t done = 0;

	if (at > reader->size || size > reader->size - at)
		return false;
	while (done < size) {
		ssize_t length = pread(reader->fd, (char *)data + done, size - done,
		                       (off_t)(at + done));

		if (length == 0 || (length == -1 && errno != EINTR))
			return false;
		if (length > 0)
			done += (size_t)length;
	}
	return true;
}

static uint64_t number(const struct reader *reader, const unsigned char *at, size_t size)
{
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | at[reader->elf->big_endian ? i : size - 1 - i];
	return value;
}

/* A member of one of elf.h's structs, of the class that the file has. */
/* clang-format off */
#define FIELD(reader, bytes, type, member) \
	((reader)->wide ? number(reader, (bytes) + offsetof(Elf64_##type, member), \
	                         sizeof(((Elf64_##type *)0)->member)) \
	                : number(reader, (bytes) + offsetof(Elf32_##type, member), \
	                         sizeof(((Elf32_##type *)0)->member)))
/* clang-format on */
#define SIZE(reader, type) ((reader)->wide ? sizeof(Elf64_##type) : sizeof(Elf32_##type))

static bool defect(const struct reader *reader, const char *words)
{
	if (!reader->elf->defect)
		reader->elf->defect = words;
	return false;
}

static void broken(const struct reader *reader, const char *words)
{
	reader->elf->kind = ELF_KIND_BROKEN;
	reader->elf->defect = words;
}

/* ---- the program headers ---- */

static const unsigned char *segment(const struct reader *reader, size_t index)
{
	return reader->segments + index * SIZE(reader, Phdr);
}

static const unsigned char *find_segment(const struct reader *reader, uint64_t type)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		if (FIELD(reader, segment(reader, i), Phdr, p_type) == type)
			return segment(reader, i);
	}
	return NULL;
}

static bool read_segments(struct reader *reader, const unsigned char *head)
{
	uint64_t at = FIELD(reader, head, Ehdr, e_phoff);
	size_t count = FIELD(reader, head, Ehdr, e_phnum);
	size_t size = count * SIZE(reader, Phdr);

	if (FIELD(reader, head, Ehdr, e_phentsize) != SIZE(reader, Phdr) || size == 0 ||
	    size > SEGMENTS_SIZE) {
		broken(reader, "its table of segments is not as the kernel wants it");
		return false;
	}
	reader->segments = xmalloc(size);
	if (!read_at(reader, at, reader->segments, size)) {
		broken(reader, "it is cut off in front of its table of segments");
		return false;
	}
	reader->segment_count = count;
	return true;
}

static void check_size(const struct reader *reader)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		const unsigned char *at = segment(reader, i);
		uint64_t start = FIELD(reader, at, Phdr, p_offset);
		uint64_t size = FIELD(reader, at, Phdr, p_filesz);

		if (FIELD(reader, at, Phdr, p_type) == PT_LOAD && size > 0 &&
		    (start > reader->size || size > reader->size - start))
			defect(reader, "it is cut off: segments reach behind its end");
	}
}

static void read_interpreter(const struct reader *reader)
{
	const unsigned char *at = find_segment(reader, PT_INTERP);
	uint64_t size = at ? FIELD(reader, at, Phdr, p_filesz) : 0;
	char *path;

	if (!at)
		return;
	if (size < 2 || size > STRING_LIMIT) {
		broken(reader, "the name of its loader is empty or too long");
		return;
	}
	path = xmalloc(size);
	if (read_at(reader, FIELD(reader, at, Phdr, p_offset), path, size) &&
	    path[size - 1] == '\0' && path[0] != '\0') {
		reader->elf->interpreter = path;
		return;
	}
	free(path);
	broken(reader, "the name of its loader is not whole");
}

/* ---- the dynamic section ---- */

/* Where in the file 'address' is, and how many bytes of it are left there. */
static bool locate(const struct reader *reader, uint64_t address, uint64_t *at, uint64_t *left)
{
	for (size_t i = 0; i < reader->segment_count; i++) {
		const unsigned char *load = segment(reader, i);
		uint64_t start = FIELD(reader, load, Phdr, p_vaddr);
		uint64_t size = FIELD(reader, load, Phdr, p_filesz);
		uint64_t offset = FIELD(reader, load, Phdr, p_offset);

		if (FIELD(reader, load, Phdr, p_type) != PT_LOAD || address < start ||
		    address - start >= size)
			continue;
		*left = size - (address - start);
		*at = offset + (address - start);
		return *at >= offset;
	}
	return false;
}

/* A string of the dynamic section; NULL when it is not whole. */
static char *read_string(const struct reader *reader, uint64_t offset)
{
	char text[STRING_LIMIT];
	uint64_t size = reader->strings_size;

	if (offset >= size)
		return NULL;
	size -= offset;
	if (size > sizeof(text))
		size = sizeof(text);
	if (reader->strings + offset < offset ||
	    !read_at(reader, reader->strings + offset, text, (size_t)size) ||
	    !memchr(text, '\0', (size_t)size))
		return NULL;
	return xstrdup(text);
}

static void take_entry(struct dynamic *dynamic, uint64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_STRTAB:
		dynamic->strings = value;
		break;
	case DT_STRSZ:
		dynamic->strings_size = value;
		break;
	case DT_RPATH:
		dynamic->rpath = value;
		dynamic->has_rpath = true;
		break;
	case DT_RUNPATH:
		dynamic->runpath = value;
		dynamic->has_runpath = true;
		break;
	case DT_VERNEED:
		dynamic->versions = value;
		break;
	case DT_VERNEEDNUM:
		dynamic->versions_count = value;
		break;
	case DT_NEEDED:
		if (dynamic->needed_count < NEEDED_LIMIT)
			dynamic->needed[dynamic->needed_count++] = value;
		break;
	default:
		break;
	}
}

static bool read_entries(const struct reader *reader, const unsigned char *at,
                         struct dynamic *dynamic)
{
	uint64_t start = FIELD(reader, at, Phdr, p_offset);
	uint64_t count = FIELD(reader, at, Phdr, p_filesz) / SIZE(reader, Dyn);
	unsigned char entry[sizeof(Elf64_Dyn)];

	for (uint64_t i = 0; i < count && i < DYNAMIC_LIMIT; i++) {
		uint64_t place = start + i * SIZE(reader, Dyn);
		uint64_t tag;

		if (place < start || !read_at(reader, place, entry, SIZE(reader, Dyn)))
			return false;
		tag = FIELD(reader, entry, Dyn, d_tag);
		if (tag == DT_NULL)
			return true;
		take_entry(dynamic, tag, FIELD(reader, entry, Dyn, d_un));
	}
	return true;
}

static bool read_needed(const struct reader *reader, const struct dynamic *dynamic)
{
	struct elf *elf = reader->elf;

	elf->needed = xcalloc(dynamic->needed_count + 1, sizeof(*elf->needed));
	for (size_t i = 0; i < dynamic->needed_count; i++) {
		char *name = read_string(reader, dynamic->needed[i]);

		if (!name)
			return false;
		elf->needed[elf->needed_count++] = name;
	}
	return true;
}

static bool read_paths(const struct reader *reader, const struct dynamic *dynamic)
{
	struct elf *elf = reader->elf;

	if (dynamic->has_rpath)
		elf->rpath = read_string(reader, dynamic->rpath);
	if (dynamic->has_runpath)
		elf->runpath = read_string(reader, dynamic->runpath);
	return (elf->rpath || !dynamic->has_rpath) && (elf->runpath || !dynamic->has_runpath);
}

/* ---- versions: a chain of files, each with a chain of names ---- */

static bool add_version(const struct reader *reader, uint64_t library, uint64_t name)
{
	struct elf *elf = reader->elf;
	struct elf_version version = { .library = read_string(reader, library),
		                       .name = read_string(reader, name) };

	if (!version.library || !version.name) {
		free(version.library);
		free(version.name);
		return false;
	}
	elf->versions = xrealloc(elf->versions, (elf->version_count + 1) * sizeof(version));
	elf->versions[elf->version_count++] = version;
	return true;
}

/* The structs of versions are the same in both classes. A weak one may be missing. */
static bool read_names(const struct reader *reader, uint64_t at, uint64_t count, uint64_t library,
                       unsigned *budget)
{
	unsigned char entry[sizeof(Elf64_Vernaux)];

	for (uint64_t i = 0; i < count; i++) {
		uint64_t next;

		if ((*budget)-- == 0 || !read_at(reader, at, entry, sizeof(entry)))
			return false;
		if (!(FIELD(reader, entry, Vernaux, vna_flags) & VER_FLG_WEAK) &&
		    !add_version(reader, library, FIELD(reader, entry, Vernaux, vna_name)))
			return false;
		next = FIELD(reader, entry, Vernaux, vna_next);
		if (next == 0)
			return true;
		at += next;
	}
	return true;
}

static bool read_versions(const struct reader *reader, const struct dynamic *dynamic)
{
	unsigned char entry[sizeof(Elf64_Verneed)];
	unsigned budget = VERSION_LIMIT;
	uint64_t at, left;

	if (!dynamic->versions)
		return true;
	if (!locate(reader, dynamic->versions, &at, &left))
		return false;
	for (uint64_t i = 0; i < dynamic->versions_count; i++) {
		uint64_t next;

		if (budget-- == 0 || !read_at(reader, at, entry, sizeof(entry)) ||
		    !read_names(reader, at + FIELD(reader, entry, Verneed, vn_aux),
		                FIELD(reader, entry, Verneed, vn_cnt),
		                FIELD(reader, entry, Verneed, vn_file), &budget))
			return false;
		next = FIELD(reader, entry, Verneed, vn_next);
		if (next == 0)
			return true;
		at += next;
	}
	return true;
}

static bool read_dynamic(struct reader *reader)
{
	const unsigned char *at = find_segment(reader, PT_DYNAMIC);
	struct dynamic dynamic = { .strings = 0 };
	uint64_t left;

	if (!at)
		return true;
	if (!read_entries(reader, at, &dynamic))
		return defect(reader, "its dynamic section reaches behind its end");
	if (!dynamic.strings && dynamic.needed_count == 0)
		return true;
	if (!locate(reader, dynamic.strings, &reader->strings, &left))
		return defect(reader, "its dynamic strings are in no segment");
	reader->strings_size = dynamic.strings_size < left ? dynamic.strings_size : left;
	if (!read_needed(reader, &dynamic) || !read_paths(reader, &dynamic) ||
	    !read_versions(reader, &dynamic))
		return defect(reader, "its dynamic section names strings or versions that are not "
		                      "there");
	return true;
}

/* ---- the whole ---- */

static bool read_head(struct reader *reader, unsigned char head[static sizeof(Elf64_Ehdr)])
{
	struct elf *elf = reader->elf;

	if (!read_at(reader, 0, head, EI_NIDENT) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return false;
	elf->kind = ELF_KIND_BROKEN;
	reader->wide = head[EI_CLASS] == ELFCLASS64;
	elf->bits = reader->wide ? 64 : 32;
	elf->big_endian = head[EI_DATA] == ELFDATA2MSB;
	if ((!reader->wide && head[EI_CLASS] != ELFCLASS32) ||
	    (!elf->big_endian && head[EI_DATA] != ELFDATA2LSB))
		return defect(reader, "its header is of no known class or byte order");
	if (!read_at(reader, 0, head, SIZE(reader, Ehdr)))
		return defect(reader, "it is cut off in its header");
	elf->machine = (uint16_t)FIELD(reader, head, Ehdr, e_machine);
	if (FIELD(reader, head, Ehdr, e_type) == ET_REL)
		return defect(reader, "it is an object file that was not linked");
	if (FIELD(reader, head, Ehdr, e_type) != ET_EXEC &&
	    FIELD(reader, head, Ehdr, e_type) != ET_DYN)
		return defect(reader, "it is neither a program nor a library");
	elf->kind = ELF_KIND_GOOD;
	return true;
}

void elf_read(struct elf *elf, int fd)
{
	unsigned char head[sizeof(Elf64_Ehdr)];
	struct reader reader = { .elf = elf, .fd = fd };
	struct stat st;

	*elf = (struct elf){ .kind = ELF_KIND_OTHER };
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return;
	reader.size = (uint64_t)st.st_size;
	if (read_head(&reader, head) && read_segments(&reader, head)) {
		check_size(&reader);
		read_interpreter(&reader);
		read_dynamic(&reader);
	}
	free(reader.segments);
}

void elf_finish(struct elf *elf)
{
	for (size_t i = 0; i < elf->needed_count; i++)
		free(elf->needed[i]);
	for (size_t i = 0; i < elf->version_count; i++) {
		free(elf->versions[i].library);
		free(elf->versions[i].name);
	}
	free(elf->needed);
	free(elf->versions);
	free(elf->interpreter);
	free(elf->rpath);
	free(elf->runpath);
	*elf = (struct elf){ .kind = ELF_KIND_OTHER };
}

/* ---- names of machines ---- */

const char *elf_architecture(const struct elf *elf)
{
	switch (elf->machine) {
	case EM_X86_64:
		return elf->bits == 64 ? "x86_64" : "x32";
	case EM_AARCH64:
		return elf->big_endian ? NULL : "arm64";
	case EM_386:
		return "i386";
	case EM_ARM:
		return "arm";
	case EM_RISCV:
		return elf->bits == 64 ? "riscv64" : "riscv32";
	case EM_PPC64:
		return elf->big_endian ? "ppc64" : "ppc64le";
	case EM_S390:
		return "s390x";
	default:
		return NULL;
	}
}

const char *elf_host_architecture(void)
{
	static struct utsname machine;

	uname(&machine);
	return strcmp(machine.machine, "aarch64") == 0 ? "arm64" : machine.machine;
}
