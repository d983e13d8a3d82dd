/* SPDX-License-Identifier: Apache-2.0 */
/* whole_file - files that are read or written in one piece */
#include "emulator/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"

bool whole_file_read(const char *path, size_t limit, struct buffer *out, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char block[16384];
	size_t begin = out->length;
	ssize_t length;

	if (fd == -1)
		return error_set(err, errno, "open '%s'", path);
	while ((length = read(fd, block, sizeof(block))) != 0) {
		if (length == -1 && errno == EINTR)
			continue;
		if (length == -1)
			return error_set(err, errno, "read '%s'", path);
		buffer_append(out, block, (size_t)length);
		if (out->length - begin > limit)
			return error_set(err, 0, "'%s' is larger than %zu bytes", path, limit);
	}
	return true;
}

static bool write_all(int fd, const struct buffer *data)
{
	size_t written = 0;

	while (written < data->length) {
		ssize_t length = write(fd, data->data + written, data->length - written);

		if (length == -1 && errno != EINTR)
			return false;
		if (length > 0)
			written += (size_t)length;
	}
	return true;
}

static bool write_in_place(const char *path, int flags, const struct buffer *data,
                           struct error *err)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0666);

	if (fd == -1)
		return error_set(err, errno, "open '%s'", path);
	return write_all(fd, data) || error_set(err, errno, "write '%s'", path);
}

/* mkostemp() makes files for their owner alone; this one is as any other. */
static void give_usual_mode(int fd)
{
	mode_t mask = umask(0);

	umask(mask);
	fchmod(fd, 0666 & ~mask);
}

static bool replace(const char *path, char *other, const struct buffer *data, struct error *err)
{
	autoclose int fd = mkostemp(other, O_CLOEXEC);

	if (fd == -1)
		return error_set(err, errno, "create '%s'", other);
	give_usual_mode(fd);
	if (!write_all(fd, data) || fsync(fd) == -1)
		error_set(err, errno, "write '%s'", path);
	else if (rename(other, path) == -1)
		error_set(err, errno, "rename '%s' to '%s'", other, path);
	else
		return true;
	unlink(other);
	return false;
}

bool whole_file_write(const char *path, const struct buffer *data, struct error *err)
{
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return write_in_place(path, 0, data, err);
	/* A link stays one: what it points to is replaced. */
	char *real = realpath(path, NULL);
	char *other = xasprintf("%s.XXXXXX", real ? real : path);
	bool written = replace(real ? real : path, other, data, err);
	free(other);
	free(real);
	return written;
}

bool whole_file_append(const char *path, const struct buffer *data, struct error *err)
{
	return write_in_place(path, O_CREAT | O_APPEND, data, err);
}
