/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream - a standard stream that we share with whoever started us, used without waiting.
 *
 * O_NONBLOCK is a property of what is shared: setting it would surprise the shell. A pipe or
 * terminal is therefore opened again through /proc, a socket has MSG_DONTWAIT, and where neither
 * works poll() says whether a piece of PIPE_BUF bytes goes in. Regular files never wait for long.
 */
#ifndef EMULATOR_STREAM_H
#define EMULATOR_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sandbox/error.h"

enum stream_kind {
	STREAM_PLAIN, /* does not wait for the other end: a file, or our own O_NONBLOCK */
	STREAM_SOCKET,
	STREAM_POLLED, /* may wait, and the flag is not ours to set */
};

struct stream {
	int fd;
	enum stream_kind kind;
};

/* Opens what descriptor 'fd' is, which stays the caller's, for 'access': O_RDONLY or O_WRONLY. */
bool stream_open(struct stream *stream, int fd, int access, struct error *err);

/* Takes over a descriptor that does not block. */
void stream_take(struct stream *stream, int fd);

void stream_close(struct stream *stream);

/* Like read(2) and write(2). Nothing to read, or no room: -1 and EAGAIN. */
ssize_t stream_read(const struct stream *stream, void *data, size_t size);
ssize_t stream_write(const struct stream *stream, const void *data, size_t length);

#endif
