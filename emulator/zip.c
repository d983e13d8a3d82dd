/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zip - unpacks a zip file, which may be hostile, into a folder
 *
 * In two passes over the directory at the end of the file, which alone says what there is. In the
 * first, everything is checked that can be without unpacking: so a bomb costs nothing, and the
 * message comes at once. In the second, each file is made below a descriptor of the folder, where
 * no link is followed and nothing may exist before.
 *
 * minizip reads the directory, holds it against the header in front of the data, inflates, and
 * checks the CRC. What it does not look at is looked at here.
 */
#include "emulator/zip.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <unzip.h>

#include "emulator/buffer.h"
#include "sandbox/fd.h"

#define BLOCK_SIZE ((size_t)64 << 10)

/* APPNOTE.TXT 4.4.4: encrypted, strongly, with a masked directory. */
#define FLAGS_ENCRYPTED (1u << 0 | 1u << 6 | 1u << 13)

#define METHOD_STORED 0
#define METHOD_DEFLATED 8

/* RFC 1951: two bits can stand for 258 bytes. */
#define DEFLATE_RATIO 1032

#define DOS_FOLDER 0x10

/* Far more than anybody needs, and few enough for each to hold a descriptor. */
#define MOST_DEPTH 255

enum kind { KIND_FILE, KIND_FOLDER, KIND_LINK };

struct entry {
	char *name; /* without slashes at its end, "." and doubled slashes */
	char *link; /* KIND_LINK: where it points */
	enum kind kind;
	mode_t mode;
	time_t mtime;
	uint64_t size, packed_size;
	uint64_t start; /* of its data in the file */
	unz64_file_pos position;
};

struct archive {
	const char *path;
	unzFile file;
	uint64_t file_size;
	int folder;
	const struct zip_limits *limits;
	zip_cancel *cancel;
	struct entry *entries; /* in the order of the file */
	struct entry **sorted; /* by name */
	size_t count;
	uint64_t bytes;
	char *block;
};

/* ---- what is said of an entry ---- */

/* A name chosen by somebody else, in a line of ours. */
static void make_printable(const char *name, char *out, size_t size)
{
	size_t length = 0;

	for (; *name && length + 1 < size; name++)
		out[length++] = (unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name;
	out[length] = '\0';
}

static bool refuse(const char *name, int code, const char *reason, struct error *err)
{
	char printable[160];

	make_printable(name, printable, sizeof(printable));
	return error_set(err, code, "entry '%s': %s", printable, reason);
}

static bool prefix(const struct entry *entry, struct error *err)
{
	char printable[160];

	make_printable(entry->name, printable, sizeof(printable));
	return error_prefix(err, "entry '%s'", printable);
}

/* Everything that minizip may say of a file that is not as it should be. */
static bool refuse_damaged(const char *name, int result, struct error *err)
{
	if (result == UNZ_CRCERROR)
		return refuse(name, 0, "the checksum does not fit: the file is damaged", err);
	if (result == UNZ_ERRNO)
		return refuse(name, 0, "cannot be read to its end: the file is cut off", err);
	return refuse(name, 0, "the file is damaged", err);
}

/* ---- names ---- */

static size_t depth_of(const char *name)
{
	size_t depth = 0;

	for (; *name; name++)
		depth += *name == '/';
	return depth;
}

static bool is_component(const char *at, size_t length, const char *word)
{
	return strlen(word) == length && memcmp(at, word, length) == 0;
}

/* Copies 'name' without what means nothing. False when it cannot be a name below a folder. */
static bool clean_name(const char *name, size_t length, char *out, struct error *err)
{
	const char *whole = name;
	size_t used = 0;

	if (strlen(name) != length)
		return refuse(name, 0, "a NUL is in its name", err);
	if (name[0] == '/')
		return refuse(name, 0, "its name is an absolute path", err);
	if (strchr(name, '\\'))
		return refuse(name, 0,
		              "a backslash is in its name: pack the layer with a tool that uses "
		              "slashes",
		              err);
	while (*name) {
		size_t part = strcspn(name, "/");

		if (is_component(name, part, ".."))
			return refuse(whole, 0, "'..' is in its name", err);
		if (part > NAME_MAX)
			return refuse(whole, ENAMETOOLONG, "its name", err);
		if (part > 0 && !is_component(name, part, ".")) {
			if (used > 0)
				out[used++] = '/';
			memcpy(out + used, name, part);
			used += part;
			out[used] = '\0';
		}
		name += part + (name[part] == '/');
	}
	return true;
}

/*
 * A link may go up only at its beginning, and no further than there are folders above it. Since no
 * entry lies below a link, those are the folders that the kernel goes up by; behind a name, which
 * may be a link itself, ".." would go elsewhere.
 */
static bool check_link(const struct entry *entry, struct error *err)
{
	const char *at = entry->link;
	size_t ups = 0;
	bool named = false;

	if (at[0] == '/')
		return refuse(entry->name, 0, "it is a link to an absolute path", err);
	if (!*at)
		return refuse(entry->name, 0, "it is a link to nothing", err);
	while (*at) {
		size_t part = strcspn(at, "/");

		if (is_component(at, part, "..")) {
			if (named)
				return refuse(entry->name, 0,
				              "it is a link with '..' behind a name", err);
			ups++;
		} else if (part > 0 && !is_component(at, part, ".")) {
			named = true;
		}
		at += part + (at[part] == '/');
	}
	return ups <= depth_of(entry->name) ||
	       refuse(entry->name, 0, "it is a link that leads out of the layer", err);
}

/* ---- the first pass: each entry by itself ---- */

static bool take_name(struct entry *entry, const char *name, size_t length, struct error *err)
{
	char *clean = xmalloc(length + 1);

	clean[0] = '\0';
	if (!clean_name(name, length, clean, err)) {
		free(clean);
		return false;
	}
	entry->name = clean;
	return (strlen(clean) < PATH_MAX && depth_of(clean) <= MOST_DEPTH) ||
	       refuse(clean, 0, "its name is too long, or lies too deep", err);
}

/* The upper half of the attributes is a Unix mode where a Unix made the entry, or somebody who
 * acts as one. */
static bool take_kind(struct entry *entry, const unz_file_info64 *info, bool has_slash,
                      struct error *err)
{
	mode_t mode = (mode_t)(info->external_fa >> 16);
	bool is_folder = has_slash || (mode == 0 && (info->external_fa & DOS_FOLDER));

	switch (mode & S_IFMT) {
	case 0:
	case S_IFREG:
		entry->kind = is_folder ? KIND_FOLDER : KIND_FILE;
		break;
	case S_IFDIR:
		entry->kind = KIND_FOLDER;
		break;
	case S_IFLNK:
		entry->kind = KIND_LINK;
		break;
	default:
		return refuse(entry->name, 0, "it is neither a file, nor a folder, nor a link",
		              err);
	}
	entry->mode = mode & 0777;
	if (mode == 0)
		entry->mode = entry->kind == KIND_FOLDER ? 0755 : 0644;
	if (!entry->name[0] && entry->kind != KIND_FOLDER)
		return refuse(entry->name, 0, "it has no name", err);
	return true;
}

/* An entry has no time zone; local time is what tools write. minizip counts years from 0, and
 * minizip-ng, which stands in for it on some systems, from 1900 as <time.h> does. */
static time_t time_of(const tm_unz *date)
{
	int year = (int)date->tm_year;
	struct tm local = { .tm_sec = (int)date->tm_sec,
		            .tm_min = (int)date->tm_min,
		            .tm_hour = (int)date->tm_hour,
		            .tm_mday = (int)date->tm_mday,
		            .tm_mon = (int)date->tm_mon,
		            .tm_year = year >= 1900 ? year - 1900 : year,
		            .tm_isdst = -1 };

	return mktime(&local);
}

static bool check_sizes(const struct archive *archive, const struct entry *entry,
                        const unz_file_info64 *info, struct error *err)
{
	if (info->flag & FLAGS_ENCRYPTED)
		return refuse(entry->name, 0, "it is encrypted", err);
	if (info->compression_method != METHOD_STORED &&
	    info->compression_method != METHOD_DEFLATED)
		return refuse(entry->name, 0, "its compression is not deflate", err);
	if (entry->packed_size > archive->file_size)
		return refuse(entry->name, 0, "it is larger than the file: the file is cut off",
		              err);
	if (info->compression_method == METHOD_STORED
	            ? entry->size != entry->packed_size
	            : entry->size / DEFLATE_RATIO > entry->packed_size)
		return refuse(entry->name, 0, "its size cannot be true", err);
	if (entry->kind == KIND_FOLDER && entry->size > 0)
		return refuse(entry->name, 0, "it is a folder with data", err);
	if (entry->kind == KIND_LINK && entry->size >= PATH_MAX)
		return refuse(entry->name, 0, "it is a link to a path that is too long", err);
	return true;
}

static bool add_size(struct archive *archive, const struct entry *entry, struct error *err)
{
	uint64_t limit = archive->limits->bytes;

	if (entry->size > limit || archive->bytes > limit - entry->size)
		return error_set(err, 0, "it unpacks to more than %llu MB",
		                 (unsigned long long)(limit >> 20));
	archive->bytes += entry->size;
	return true;
}

static bool read_entry(struct archive *archive, struct entry *entry, struct error *err)
{
	static char name[UINT16_MAX + 1]; /* as long as the format allows */
	unz_file_info64 info;

	int result = unzGetCurrentFileInfo64(archive->file, &info, name, sizeof(name) - 1, NULL, 0,
	                                     NULL, 0);
	if (result != UNZ_OK || info.size_filename >= sizeof(name))
		return error_set(err, 0, "its directory is damaged");
	name[info.size_filename] = '\0';
	if (!take_name(entry, name, info.size_filename, err))
		return false;
	entry->size = info.uncompressed_size;
	entry->packed_size = info.compressed_size;
	entry->mtime = time_of(&info.tmu_date);
	unzGetFilePos64(archive->file, &entry->position);
	bool has_slash = info.size_filename > 0 && name[info.size_filename - 1] == '/';
	return take_kind(entry, &info, has_slash, err) && check_sizes(archive, entry, &info, err) &&
	       add_size(archive, entry, err);
}

/* ---- data ---- */

/* Where an entry's data goes. */
typedef bool take_block(void *context, const char *data, size_t length, struct error *err);

static bool read_blocks(struct archive *archive, const struct entry *entry, take_block *take,
                        void *context, struct error *err)
{
	uint64_t total = 0;
	int got;

	while ((got = unzReadCurrentFile(archive->file, archive->block, BLOCK_SIZE)) > 0) {
		total += (uint64_t)got;
		if (archive->cancel && archive->cancel())
			return error_set(err, 0, "interrupted");
		if (!take(context, archive->block, (size_t)got, err))
			return prefix(entry, err);
	}
	if (got < 0)
		return refuse_damaged(entry->name, got, err);
	return total == entry->size || refuse(entry->name, 0, "its size is not as it says", err);
}

/* Hands the data of an entry to 'take', block by block. */
static bool read_data(struct archive *archive, const struct entry *entry, take_block *take,
                      void *context, struct error *err)
{
	int result = unzOpenCurrentFile(archive->file);

	if (result != UNZ_OK)
		return refuse_damaged(entry->name, result, err);
	bool read = read_blocks(archive, entry, take, context, err);
	result = unzCloseCurrentFile(archive->file);
	if (read && result != UNZ_OK)
		return refuse_damaged(entry->name, result, err);
	return read;
}

static bool take_link(void *context, const char *data, size_t length, struct error *err)
{
	(void)err;
	buffer_append(context, data, length);
	return true;
}

static bool read_link(struct archive *archive, struct entry *entry, struct error *err)
{
	autobuffer struct buffer target = BUFFER_INIT;

	if (!read_data(archive, entry, take_link, &target, err))
		return false;
	if (strlen(target.data) != target.length)
		return refuse(entry->name, 0, "it is a link with a NUL", err);
	entry->link = buffer_steal(&target, NULL);
	return check_link(entry, err);
}

/* Opening it makes minizip compare the two headers of an entry. */
static bool find_data(struct archive *archive, struct entry *entry, struct error *err)
{
	int result = unzOpenCurrentFile(archive->file);

	if (result != UNZ_OK)
		return refuse_damaged(entry->name, result, err);
	entry->start = unzGetCurrentFileZStreamPos64(archive->file);
	unzCloseCurrentFile(archive->file);
	if (entry->start > archive->file_size ||
	    entry->packed_size > archive->file_size - entry->start)
		return refuse(entry->name, 0, "the file is cut off", err);
	return true;
}

static bool read_directory(struct archive *archive, struct error *err)
{
	int result = archive->count ? unzGoToFirstFile(archive->file) : UNZ_OK;

	for (size_t i = 0; i < archive->count; i++) {
		struct entry *entry = &archive->entries[i];

		if (result != UNZ_OK)
			return error_set(err, 0, "its directory is damaged");
		if (!read_entry(archive, entry, err) || !find_data(archive, entry, err))
			return false;
		if (entry->kind == KIND_LINK && !read_link(archive, entry, err))
			return false;
		archive->sorted[i] = entry;
		result = unzGoToNextFile(archive->file);
	}
	return true;
}

/* ---- the first pass: all of them together ---- */

static int compare_names(const void *a, const void *b)
{
	const struct entry *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

static int compare_starts(const void *a, const void *b)
{
	const struct entry *const *one = a, *const *other = b;

	return ((*one)->start > (*other)->start) - ((*one)->start < (*other)->start);
}

/* Data that belongs to two entries is how a small file becomes a huge one. */
static bool check_overlaps(struct archive *archive, struct error *err)
{
	uint64_t end = 0;

	qsort(archive->sorted, archive->count, sizeof(struct entry *), compare_starts);
	for (size_t i = 0; i < archive->count; i++) {
		const struct entry *entry = archive->sorted[i];

		if (entry->packed_size == 0)
			continue;
		if (entry->start < end)
			return refuse(entry->name, 0, "it shares its data with another entry", err);
		end = entry->start + entry->packed_size;
	}
	return true;
}

/* Folders may be there as often as they like. */
static bool check_twins(const struct archive *archive, struct error *err)
{
	for (size_t i = 1; i < archive->count; i++) {
		const struct entry *one = archive->sorted[i - 1], *other = archive->sorted[i];

		if (strcmp(one->name, other->name) == 0 &&
		    (one->kind != KIND_FOLDER || other->kind != KIND_FOLDER))
			return refuse(one->name, 0, "it is there twice", err);
	}
	return true;
}

static const struct entry *find(const struct archive *archive, const char *name)
{
	struct entry wanted = { .name = (char *)name }, *key = &wanted;
	struct entry **found = bsearch(&key, archive->sorted, archive->count,
	                               sizeof(struct entry *), compare_names);

	return found ? *found : NULL;
}

/* What is above an entry and an entry itself must be a folder. */
static bool check_parents(const struct archive *archive, const struct entry *entry,
                          struct error *err)
{
	const char *slash = entry->name;
	bool fine = true;

	while (fine && (slash = strchr(slash + 1, '/'))) {
		char *name = xasprintf("%.*s", (int)(slash - entry->name), entry->name);
		const struct entry *parent = find(archive, name);

		fine = !parent || parent->kind == KIND_FOLDER ||
		       refuse(entry->name, 0,
		              parent->kind == KIND_LINK ? "it goes through a link"
		                                        : "it lies below what is a file",
		              err);
		free(name);
	}
	return fine;
}

static bool check_names(struct archive *archive, struct error *err)
{
	qsort(archive->sorted, archive->count, sizeof(struct entry *), compare_names);
	if (!check_twins(archive, err))
		return false;
	for (size_t i = 0; i < archive->count; i++) {
		if (!check_parents(archive, archive->sorted[i], err))
			return false;
	}
	return true;
}

/* ---- the second pass ---- */

/* Opens the folder below 'dir' that 'name' begins with, up to 'length', and makes what is missing.
 */
static int open_folder(int dir, const char *name, size_t length, struct error *err)
{
	char part[NAME_MAX + 1];
	autoclose int at = fcntl(dir, F_DUPFD_CLOEXEC, 0);

	for (const char *end = name + length; at != -1 && name < end;) {
		size_t size = strcspn(name, "/");

		memcpy(part, name, size);
		part[size] = '\0';
		if (mkdirat(at, part, 0755) == -1 && errno != EEXIST)
			break;
		int below = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		fd_close(&at);
		at = below;
		name += size + (name[size] == '/');
		if (name >= end)
			break;
	}
	if (at == -1)
		error_set(err, errno, "create its folder");
	return steal_fd(&at);
}

static bool write_block(void *context, const char *data, size_t length, struct error *err)
{
	const int *fd = context;

	while (length > 0) {
		ssize_t written = write(*fd, data, length);

		if (written == -1 && errno != EINTR)
			return error_set(err, errno, "write");
		if (written > 0) {
			data += written;
			length -= (size_t)written;
		}
	}
	return true;
}

static bool make_file(struct archive *archive, const struct entry *entry, int dir, const char *name,
                      struct error *err)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = entry->mtime } };
	autoclose int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	                          0600);

	if (fd == -1)
		return refuse(entry->name, errno, "create it", err);
	if (unzGoToFilePos64(archive->file, &entry->position) != UNZ_OK)
		return refuse_damaged(entry->name, UNZ_BADZIPFILE, err);
	if (!read_data(archive, entry, write_block, &fd, err))
		return false;
	futimens(fd, times);
	return fchmod(fd, entry->mode) == 0 || refuse(entry->name, errno, "set its mode", err);
}

static bool make_entry(struct archive *archive, const struct entry *entry, struct error *err)
{
	const char *slash = strrchr(entry->name, '/');
	const char *name = slash ? slash + 1 : entry->name;
	size_t above = entry->kind == KIND_FOLDER ? strlen(entry->name)
	               : slash                    ? (size_t)(slash - entry->name)
	                                          : 0;
	autoclose int dir = open_folder(archive->folder, entry->name, above, err);

	if (dir == -1)
		return prefix(entry, err);
	switch (entry->kind) {
	case KIND_FOLDER:
		return true;
	case KIND_LINK:
		return symlinkat(entry->link, dir, name) == 0 ||
		       refuse(entry->name, errno, "create it", err);
	case KIND_FILE:
		return make_file(archive, entry, dir, name, err);
	}
	return false;
}

/* At the end, and from the deepest up: one without write permission would not take its files. */
static bool finish_folders(struct archive *archive, struct error *err)
{
	for (size_t i = archive->count; i-- > 0;) {
		const struct entry *entry = archive->sorted[i];
		const struct timespec times[] = { { .tv_nsec = UTIME_OMIT },
			                          { .tv_sec = entry->mtime } };

		if (entry->kind != KIND_FOLDER || !entry->name[0])
			continue;
		autoclose int dir = open_folder(archive->folder, entry->name, strlen(entry->name),
		                                err);
		if (dir == -1)
			return prefix(entry, err);
		futimens(dir, times);
		if (fchmod(dir, entry->mode) == -1)
			return refuse(entry->name, errno, "set its mode", err);
	}
	return true;
}

static bool unpack(struct archive *archive, struct error *err)
{
	if (!read_directory(archive, err) || !check_overlaps(archive, err) ||
	    !check_names(archive, err))
		return false;
	for (size_t i = 0; i < archive->count; i++) {
		if (!make_entry(archive, &archive->entries[i], err))
			return false;
	}
	return finish_folders(archive, err);
}

/* ---- the file ---- */

static bool open_archive(struct archive *archive, struct error *err)
{
	unz_global_info64 info;
	struct stat status;

	if (stat(archive->path, &status) == -1 || access(archive->path, R_OK) == -1)
		return error_set(err, errno, "open it");
	if (!S_ISREG(status.st_mode))
		return error_set(err, 0, "it is not a file");
	archive->file_size = (uint64_t)status.st_size;
	archive->file = unzOpen64(archive->path);
	if (!archive->file || unzGetGlobalInfo64(archive->file, &info) != UNZ_OK ||
	    info.number_entry == 0)
		return error_set(err, 0, "it is not a zip file, is empty, or is cut off");
	/* An entry of the directory has 46 bytes. */
	if (info.number_entry > archive->limits->entries ||
	    info.number_entry > archive->file_size / 46)
		return error_set(err, 0, "it has, or claims to have, %llu entries",
		                 (unsigned long long)info.number_entry);
	archive->count = (size_t)info.number_entry;
	archive->entries = xcalloc(archive->count + 1, sizeof(*archive->entries));
	archive->sorted = xcalloc(archive->count + 1, sizeof(*archive->sorted));
	archive->block = xmalloc(BLOCK_SIZE);
	return true;
}

static void close_archive(struct archive *archive)
{
	if (archive->file)
		unzClose(archive->file);
	for (size_t i = 0; archive->entries && i < archive->count; i++) {
		free(archive->entries[i].name);
		free(archive->entries[i].link);
	}
	free(archive->entries);
	free(archive->sorted);
	free(archive->block);
}

bool zip_unpack(const char *path, int folder, const struct zip_limits *limits, zip_cancel *cancel,
                uint64_t *bytes, struct error *err)
{
	struct archive archive = {
		.path = path, .folder = folder, .limits = limits, .cancel = cancel
	};
	bool done = open_archive(&archive, err) && unpack(&archive, err);

	*bytes = archive.bytes;
	close_archive(&archive);
	return done;
}
