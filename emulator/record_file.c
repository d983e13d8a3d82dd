/* SPDX-License-Identifier: Apache-2.0 */
/* record_file - a file of records on a disk that may be full, or lie */
#include "emulator/record_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "sandbox/fd.h"

#define BLOCK ((size_t)1 << 20)

/* ---- life ---- */

bool record_file_create(struct record_file *file, int dir, const char *name, uint32_t marker,
                        struct error *err)
{
	autoclose int fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	                          0600);
	char head[RECORD_LOG_HEAD];
	ssize_t written;

	if (fd == -1)
		return error_set(err, errno, "create");
	record_log_head(head, marker);
	written = pwrite(fd, head, sizeof(head), 0);
	if (written != sizeof(head)) {
		error_set(err, written == -1 ? errno : ENOSPC, "write");
		unlinkat(dir, name, 0);
		return false;
	}
	*file = (struct record_file){ .fd = steal_fd(&fd), .marker = marker, .size = sizeof(head) };
	return true;
}

bool record_file_open(struct record_file *file, int dir, const char *name, struct error *err)
{
	autoclose int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;

	if (fd == -1 || fstat(fd, &status) == -1)
		return error_set(err, errno, "open");
	if (!S_ISREG(status.st_mode))
		return error_set(err, 0, "it is no regular file");
	*file = (struct record_file){ .fd = steal_fd(&fd), .size = (uint64_t)status.st_size };
	return true;
}

void record_file_close(struct record_file *file)
{
	fd_close(&file->fd);
}

bool record_file_is_removed(const struct record_file *file)
{
	struct stat status;

	return fstat(file->fd, &status) == 0 && status.st_nlink == 0;
}

/* ---- writing ---- */

static size_t length_of(const struct iovec *parts, size_t count)
{
	size_t length = 0;

	for (size_t i = 0; i < count; i++)
		length += parts[i].iov_len;
	return length;
}

/* The rest of what a call has written in part, or not at all since a signal came. */
static void skip(struct iovec *parts, size_t count, size_t written)
{
	for (size_t i = 0; i < count; i++) {
		size_t of_it = written < parts[i].iov_len ? written : parts[i].iov_len;

		if (of_it > 0) /* a part of nothing may be nowhere */
			parts[i].iov_base = (char *)parts[i].iov_base + of_it;
		parts[i].iov_len -= of_it;
		written -= of_it;
	}
}

static bool write_all(int fd, struct iovec *parts, size_t count, uint64_t offset)
{
	while (length_of(parts, count) > 0) {
		ssize_t written = pwritev(fd, parts, (int)count, (off_t)offset);

		if (written == -1 && errno == EINTR)
			continue;
		if (written == 0)
			errno = ENOSPC;
		if (written <= 0)
			return false;
		skip(parts, count, (size_t)written);
		offset += (uint64_t)written;
	}
	return true;
}

void record_file_make(const struct record_file *file, struct buffer *out, const struct iovec *parts,
                      size_t count)
{
	char frame[RECORD_LOG_FRAME];

	record_log_frame(frame, file->marker, parts, count);
	buffer_append(out, frame, sizeof(frame));
	for (size_t i = 0; i < count; i++)
		buffer_append(out, parts[i].iov_base, parts[i].iov_len);
}

bool record_file_append(struct record_file *file, const struct buffer *before,
                        const struct iovec *parts, size_t count, struct error *err)
{
	struct iovec all[2 + RECORD_FILE_PARTS];
	char frame[RECORD_LOG_FRAME];
	size_t body = length_of(parts, count), used = 2, length;
	int code;

	assert(count <= RECORD_FILE_PARTS);
	if (body > RECORD_LOG_LIMIT)
		return error_set(err, EFBIG, "a record of %zu bytes", body);
	record_log_frame(frame, file->marker, parts, count);
	all[0] = (struct iovec){ .iov_base = before->data, .iov_len = before->length };
	all[1] = (struct iovec){ .iov_base = frame, .iov_len = count > 0 ? sizeof(frame) : 0 };
	for (size_t i = 0; i < count; i++)
		all[used++] = parts[i];
	length = length_of(all, used);
	if (write_all(file->fd, all, used, file->size)) {
		file->size += length;
		return true;
	}
	/* A part of it that stays is overwritten by the next, or read as torn. */
	code = errno;
	if (ftruncate(file->fd, (off_t)file->size) == -1)
		return error_set(err, code, "write (and take back)");
	return error_set(err, code, "write");
}

void record_file_cut(struct record_file *file, uint64_t size)
{
	if (ftruncate(file->fd, (off_t)size) == -1)
		return; /* then it is read as torn again */
	file->size = size;
}

/* ---- reading ---- */

/* Appends up to 'length' bytes; fewer when the file ends before. */
static bool read_at(int fd, uint64_t offset, size_t length, struct buffer *out, struct error *err)
{
	buffer_reserve(out, length);
	while (length > 0) {
		ssize_t got = pread(fd, out->data + out->length, length, (off_t)offset);

		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1)
			return error_set(err, errno, "read");
		if (got == 0)
			break;
		out->length += (size_t)got;
		offset += (uint64_t)got;
		length -= (size_t)got;
	}
	out->data[out->length] = '\0';
	return true;
}

bool record_file_copy(const struct record_file *file, uint64_t offset, size_t length,
                      struct buffer *out, struct error *err)
{
	return read_at(file->fd, offset, length, out, err);
}

bool record_file_get(const struct record_file *file, uint64_t offset, size_t length,
                     struct buffer *body, struct error *err)
{
	autobuffer struct buffer bytes = BUFFER_INIT;
	struct record_log_part part;

	if (!read_at(file->fd, offset, length, &bytes, err))
		return false;
	part = record_log_next(file->marker, bytes.data, bytes.length, true);
	if (part.kind != RECORD_LOG_RECORD || part.length != length)
		return error_set(err, 0, "the record at %llu has changed",
		                 (unsigned long long)offset);
	buffer_append(body, part.body, part.body_length);
	return true;
}

/* All of a file without a head, in pieces. One that was killed while it was made has less than one.
 */
static bool read_headless(const struct record_file *file, struct buffer *window,
                          struct record_file_reader *reader, struct error *err)
{
	struct record_log_part part = { .kind = file->size < RECORD_LOG_HEAD ? RECORD_LOG_TORN
		                                                             : RECORD_LOG_DAMAGED };

	for (uint64_t at = 0; window->length > 0; at += part.length) {
		part.length = window->length;
		reader->on_part(reader, at, &part, window->data);
		buffer_clear(window);
		if (!read_at(file->fd, at + part.length, BLOCK, window, err))
			return false;
	}
	return true;
}

/* A window is all that a record may take, but is only read as far as it is asked for. */
static bool read_records(const struct record_file *file, struct buffer *window,
                         struct record_file_reader *reader, struct error *err)
{
	uint64_t at = RECORD_LOG_HEAD; /* of the window */

	for (;;) {
		bool is_end = at + window->length >= file->size;
		size_t used = 0;
		struct record_log_part part;

		for (;;) {
			part = record_log_next(file->marker, window->data + used,
			                       window->length - used, is_end);
			if (part.kind == RECORD_LOG_NOTHING || part.kind == RECORD_LOG_MORE)
				break;
			reader->on_part(reader, at + used, &part, window->data + used);
			used += part.length;
		}
		buffer_consume(window, used);
		at += used;
		if (part.kind == RECORD_LOG_NOTHING)
			return true;
		size_t before = window->length;
		if (!read_at(file->fd, at + before, BLOCK, window, err))
			return false;
		if (window->length == before) /* it is shorter than it was */
			return error_set(err, 0, "it shrinks while it is read");
	}
}

bool record_file_read(struct record_file *file, struct record_file_reader *reader,
                      struct error *err)
{
	autobuffer struct buffer window = BUFFER_INIT;

	if (!read_at(file->fd, 0, BLOCK, &window, err))
		return false;
	if (!record_log_read_head(window.data, window.length, &file->marker))
		return read_headless(file, &window, reader, err);
	buffer_consume(&window, RECORD_LOG_HEAD);
	return read_records(file, &window, reader, err);
}
