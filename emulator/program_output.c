/* SPDX-License-Identifier: Apache-2.0 */
/* program_output - a pipe that is read in whole lines */
#include "emulator/program_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"

/* The size of a pipe unless someone enlarges it: one read empties it. */
#define BLOCK_SIZE ((size_t)64 << 10)

/* A program that writes without end gets this much attention in one turn. */
#define BLOCKS_PER_TURN 4

/* fcntl(2): an unprivileged process may enlarge a pipe up to 1 MiB by default. What was
 * written before a drain is therefore never more than this many blocks. */
#define BLOCKS_PER_DRAIN 16

static void end_partial_line(struct program_output *output)
{
	if (output->partial.length == 0)
		return;
	buffer_append(&output->partial, "\n", 1);
	output->on_lines(output, output->partial.data, output->partial.length);
	buffer_clear(&output->partial);
}

/* Keeps the beginning of a line for later, splitting it when it grows too long. */
static void keep_partial(struct program_output *output, const char *data, size_t length)
{
	while (output->partial.length + length > PROGRAM_OUTPUT_LINE) {
		size_t fits = PROGRAM_OUTPUT_LINE - output->partial.length;

		buffer_append(&output->partial, data, fits);
		end_partial_line(output);
		data += fits;
		length -= fits;
	}
	buffer_append(&output->partial, data, length);
}

/* How many bytes of 'data' end with 'newline', which may be NULL. */
static size_t length_to_newline(const char *newline, const char *data)
{
	return newline ? (size_t)(newline - data) + 1 : 0;
}

static void take_block(struct program_output *output, const char *data, size_t length)
{
	size_t whole = length_to_newline(memrchr(data, '\n', length), data);
	size_t first = output->partial.length ? length_to_newline(memchr(data, '\n', whole), data)
	                                      : 0;

	if (first > 0) {
		keep_partial(output, data, first - 1);
		end_partial_line(output);
	}
	if (whole > first)
		output->on_lines(output, data + first, whole - first);
	keep_partial(output, data + whole, length - whole);
}

/* Returns false when there is nothing more to read for now. */
static bool read_block(struct program_output *output)
{
	static char block[BLOCK_SIZE];
	ssize_t length = read(output->fd, block, sizeof(block));

	if (length > 0 && output->on_bytes)
		output->on_bytes(output, block, (size_t)length);
	else if (length > 0)
		take_block(output, block, (size_t)length);
	else if (length == 0 || (errno != EAGAIN && errno != EINTR))
		loop_watch_stop(&output->watch); /* all writers are gone */
	return length == (ssize_t)sizeof(block);
}

static void on_readable(struct loop_watch *watch, uint32_t events)
{
	struct program_output *output = container_of(watch, struct program_output, watch);

	(void)events;
	for (unsigned i = 0; i < BLOCKS_PER_TURN; i++)
		if (!read_block(output))
			return;
}

int program_output_open(struct program_output *output, struct loop *loop, struct error *err)
{
	int ends[2];

	buffer_init(&output->partial);
	output->fd = -1;
	if (pipe2(ends, O_CLOEXEC) == -1) {
		error_set(err, errno, "make a pipe for the function's output");
		return -1;
	}
	output->fd = ends[0];
	autoclose int writing = ends[1];

	output->watch = (struct loop_watch){ .on_ready = on_readable };
	/* A script that writes to /dev/stderr opens the pipe anew, with the rights of the box's
	 * user on an inode that is ours. */
	if (fchmod(writing, 0622) == -1) {
		error_set(err, errno, "let the function open its output");
		return -1;
	}
	if (fcntl(output->fd, F_SETFL, O_NONBLOCK) == -1) {
		error_set(err, errno, "make the function's output non-blocking");
		return -1;
	}
	if (!loop_watch_start(loop, &output->watch, output->fd, EPOLLIN, err))
		return -1;
	return steal_fd(&writing);
}

void program_output_read(struct program_output *output)
{
	for (unsigned i = 0; output->watch.loop && i < BLOCKS_PER_DRAIN; i++)
		if (!read_block(output))
			break;
}

void program_output_drain(struct program_output *output)
{
	program_output_read(output);
	end_partial_line(output);
}

void program_output_close(struct program_output *output)
{
	if (!output->partial.data)
		return;
	program_output_drain(output);
	loop_watch_stop(&output->watch);
	fd_close(&output->fd);
	buffer_finish(&output->partial);
	output->partial.data = NULL;
}
