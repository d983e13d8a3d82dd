/* SPDX-License-Identifier: Apache-2.0 */
/* stream - a standard stream that we share with whoever started us, used without waiting */
#include "emulator/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox/fd.h"

static int open_again(int fd, int access)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, access | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

bool stream_open(struct stream *stream, int fd, int access, struct error *err)
{
	struct stat status;

	stream->fd = -1;
	if (fstat(fd, &status) == -1)
		return error_set(err, errno, "use descriptor %d", fd);
	stream->kind = S_ISREG(status.st_mode)    ? STREAM_PLAIN
	               : S_ISSOCK(status.st_mode) ? STREAM_SOCKET
	                                          : STREAM_POLLED;
	if (stream->kind == STREAM_POLLED)
		stream->fd = open_again(fd, access);
	if (stream->fd != -1)
		stream->kind = STREAM_PLAIN;
	else
		stream->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return stream->fd != -1 || error_set(err, errno, "use descriptor %d", fd);
}

void stream_take(struct stream *stream, int fd)
{
	*stream = (struct stream){ .fd = fd, .kind = STREAM_PLAIN };
}

void stream_close(struct stream *stream)
{
	fd_close(&stream->fd);
}

static bool is_ready(const struct stream *stream, short events)
{
	struct pollfd room = { .fd = stream->fd, .events = events };

	if (poll(&room, 1, 0) != 0)
		return true;
	errno = EAGAIN;
	return false;
}

ssize_t stream_read(const struct stream *stream, void *data, size_t size)
{
	switch (stream->kind) {
	case STREAM_PLAIN:
		break;
	case STREAM_SOCKET:
		return recv(stream->fd, data, size, MSG_DONTWAIT);
	case STREAM_POLLED:
		if (!is_ready(stream, POLLIN))
			return -1;
		break;
	}
	return read(stream->fd, data, size);
}

ssize_t stream_write(const struct stream *stream, const void *data, size_t length)
{
	switch (stream->kind) {
	case STREAM_PLAIN:
		break;
	case STREAM_SOCKET:
		return send(stream->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	case STREAM_POLLED:
		if (!is_ready(stream, POLLOUT))
			return -1;
		if (length > PIPE_BUF)
			length = PIPE_BUF;
		break;
	}
	return write(stream->fd, data, length);
}
