/* SPDX-License-Identifier: Apache-2.0 */
/*
 * folder - whole trees of files: copied, removed, measured
 *
 * Each level holds a descriptor or two. A tree is as deep as paths are long, so that no tree made
 * by ordinary means exhausts them; one that does is an error like others.
 */
#include "emulator/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"

#define BLOCK_SIZE 65536

bool folder_exists(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static bool is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static int open_below(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

DIR *folder_read(int dir)
{
	autoclose int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = own == -1 ? NULL : fdopendir(own);

	if (entries)
		steal_fd(&own);
	return entries;
}

/* ---- removing ---- */

static bool remove_content(int dir, struct error *err)
{
	bool removed = true;
	DIR *entries = folder_read(dir);

	if (!entries)
		return error_set(err, errno, "read a folder that is to be removed");
	for (struct dirent *entry; (entry = readdir(entries));) {
		if (!is_dots(entry->d_name) && !folder_remove(dir, entry->d_name, err))
			removed = false;
	}
	closedir(entries);
	return removed;
}

bool folder_remove(int parent, const char *name, struct error *err)
{
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return error_set(err, errno, "remove '%s'", name);
	/* Whoever made it may have taken the rights from its owner, too. */
	fchmodat(parent, name, 0700, 0);
	autoclose int dir = open_below(parent, name);
	if (dir == -1)
		return error_set(err, errno, "remove '%s'", name);
	return remove_content(dir, err) && (unlinkat(parent, name, AT_REMOVEDIR) == 0 ||
	                                    error_set(err, errno, "remove '%s'", name));
}

/* ---- copying ---- */

static bool pass_on(int from, int to)
{
	static char block[BLOCK_SIZE];
	ssize_t got, written;

	/* Where both can, the file system copies, or shares what is the same. */
	while ((got = copy_file_range(from, NULL, to, NULL, SSIZE_MAX / 2, 0)) > 0)
		;
	if (got == 0 && lseek(to, 0, SEEK_CUR) > 0)
		return true;
	while ((got = read(from, block, sizeof(block))) > 0) {
		for (ssize_t at = 0; at < got; at += written) {
			written = write(to, block + at, (size_t)(got - at));
			if (written == -1)
				return false;
		}
	}
	return got == 0;
}

static bool finish_copy(int fd, const struct stat *status)
{
	const struct timespec times[] = { status->st_atim, status->st_mtim };

	return fchmod(fd, status->st_mode & 0777) == 0 && futimens(fd, times) == 0;
}

static bool copy_file(int from, int to, const char *name, const struct stat *status,
                      struct error *err)
{
	autoclose int source = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (source == -1)
		return error_set(err, errno, "copy '%s'", name);
	if (!folder_remove(to, name, err))
		return false;
	autoclose int target = openat(to, name,
	                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (target == -1 || !pass_on(source, target) || !finish_copy(target, status))
		return error_set(err, errno, "copy '%s'", name);
	return true;
}

static bool copy_link(int from, int to, const char *name, struct error *err)
{
	char link[PATH_MAX];
	ssize_t length = readlinkat(from, name, link, sizeof(link) - 1);

	if (length == -1)
		return error_set(err, errno, "copy link '%s'", name);
	link[length] = '\0';
	if (!folder_remove(to, name, err))
		return false;
	return symlinkat(link, to, name) == 0 || error_set(err, errno, "copy link '%s'", name);
}

static bool copy_folder(int from, int to, const char *name, const struct stat *status,
                        struct error *err)
{
	struct stat there;

	if (fstatat(to, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(there.st_mode) &&
	    !folder_remove(to, name, err))
		return false;
	if (mkdirat(to, name, 0700) == -1 && errno != EEXIST)
		return error_set(err, errno, "copy '%s'", name);
	fchmodat(to, name, 0700, 0);
	autoclose int source = open_below(from, name);
	autoclose int target = open_below(to, name);
	if (source == -1 || target == -1)
		return error_set(err, errno, "copy '%s'", name);
	if (!folder_copy(source, target, err))
		return error_prefix(err, "%s", name);
	return finish_copy(target, status) || error_set(err, errno, "copy '%s'", name);
}

static bool copy_entry(int from, int to, const char *name, struct error *err)
{
	struct stat status;

	if (fstatat(from, name, &status, AT_SYMLINK_NOFOLLOW) == -1)
		return error_set(err, errno, "copy '%s'", name);
	switch (status.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(from, to, name, &status, err);
	case S_IFDIR:
		return copy_folder(from, to, name, &status, err);
	case S_IFLNK:
		return copy_link(from, to, name, err);
	default:
		return true;
	}
}

bool folder_copy(int from, int to, struct error *err)
{
	bool copied = true;
	DIR *entries = folder_read(from);

	if (!entries)
		return error_set(err, errno, "read a folder that is to be copied");
	for (struct dirent *entry; copied && (entry = readdir(entries));)
		copied = is_dots(entry->d_name) || copy_entry(from, to, entry->d_name, err);
	closedir(entries);
	return copied;
}

/* ---- measuring ---- */

static uint64_t size_below(int dir, size_t *entries_left)
{
	uint64_t bytes = 0;
	struct stat status;
	DIR *entries = folder_read(dir);

	if (!entries)
		return 0;
	for (struct dirent *entry; *entries_left > 0 && (entry = readdir(entries));) {
		if (is_dots(entry->d_name) ||
		    fstatat(dir, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == -1)
			continue;
		--*entries_left;
		if (S_ISREG(status.st_mode))
			bytes += (uint64_t)status.st_size;
		if (!S_ISDIR(status.st_mode))
			continue;
		autoclose int below = open_below(dir, entry->d_name);
		if (below != -1)
			bytes += size_below(below, entries_left);
	}
	closedir(entries);
	return bytes;
}

uint64_t folder_size(const char *path, size_t most_entries)
{
	autoclose int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir == -1 ? 0 : size_below(dir, &most_entries);
}
