/* SPDX-License-Identifier: Apache-2.0 */
/* output - a stream of lines */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "emulator/log.h"
#include "emulator/output.h"
#include "emulator/stream.h"
#include "sandbox/fd.h"

/* After a backlog, storage beyond this is given back. */
#define STORAGE_KEPT ((size_t)256 << 10)

struct output {
	struct loop *loop;
	struct loop_hook hook;
	struct loop_watch watch; /* runs only while the reader is slow */
	struct stream stream;
	char *path; /* of a file of records; NULL: stdout */
	bool has_no_reader;
	bool has_failed; /* for one warning per series */
	struct buffer waiting;
	size_t taken; /* bytes at the front of 'waiting' that the reader has */
	size_t torn;  /* bytes of an unfinished line that the reader has */
	bool is_torn; /* ... whose rest is lost */
	uint64_t dropped_lines;
	uint64_t dropped_bytes;
};

/* ---- writing ---- */

static size_t output_backlog(const struct output *output)
{
	return output->waiting.length - output->taken;
}

static void output_forget(struct output *output)
{
	output->taken = 0;
	if (output->waiting.capacity > STORAGE_KEPT)
		buffer_finish(&output->waiting);
	else
		buffer_clear(&output->waiting);
}

static uint64_t count_lines(const char *data, size_t length)
{
	const char *end = data + length;
	uint64_t count = 0;

	while (data < end && (data = memchr(data, '\n', (size_t)(end - data)))) {
		count++;
		data++;
	}
	return count;
}

static void output_drop(struct output *output, const char *data, size_t length)
{
	output->dropped_lines += count_lines(data, length);
	output->dropped_bytes += length;
}

static void output_tell_dropped(struct output *output)
{
	unsigned long long lines = output->dropped_lines, bytes = output->dropped_bytes;

	if (lines == 0)
		return;
	if (output->path)
		log_warning("%llu lines (%llu bytes) dropped: the reader of '%s' is too slow",
		            lines, bytes, output->path);
	else
		buffer_append_format(&output->waiting,
		                     "lrie: %llu lines (%llu bytes) dropped: "
		                     "the reader of stdout is too slow\n",
		                     lines, bytes);
	output->dropped_lines = 0;
	output->dropped_bytes = 0;
}

static void output_count_torn(struct output *output, const char *data, size_t length)
{
	const char *newline = memrchr(data, '\n', length);

	output->torn = newline ? (size_t)(data + length - newline - 1) : output->torn + length;
}

/* Takes the beginning of a line back whose rest did not fit, unless somebody has written behind
 * it. */
static void output_mend(struct output *output)
{
	int fd = output->stream.fd;
	off_t end = lseek(fd, 0, SEEK_CUR);
	struct stat status;

	if (output->torn == 0)
		return;
	output->is_torn = fstat(fd, &status) == -1 || !S_ISREG(status.st_mode) ||
	                  end != status.st_size || end < (off_t)output->torn ||
	                  ftruncate(fd, end - (off_t)output->torn) == -1;
	output->torn = 0;
}

/* The reader will not come back, or the disk is full. */
static void output_fail(struct output *output, int code)
{
	if (code == EPIPE || code == ECONNRESET) {
		output->has_no_reader = true;
	} else if (!output->has_failed) {
		output->has_failed = true;
		log_warning("cannot write to %s%s%s, lines are lost: %s", output->path ? "'" : "",
		            output->path ? output->path : "stdout", output->path ? "'" : "",
		            strerror(code));
	}
	if (output->path)
		output_mend(output);
	output_forget(output);
}

/* Writes what the reader takes now. False when some of it has to wait. */
static bool output_push(struct output *output)
{
	while (output_backlog(output) > 0) {
		ssize_t written = stream_write(&output->stream,
		                               output->waiting.data + output->taken,
		                               output_backlog(output));

		if (written >= 0) {
			output_count_torn(output, output->waiting.data + output->taken,
			                  (size_t)written);
			output->taken += (size_t)written;
			output->has_failed &= output_backlog(output) > 0;
		} else if (errno == EAGAIN) {
			return false;
		} else if (errno != EINTR) {
			output_fail(output, errno);
		}
	}
	output_forget(output);
	return true;
}

static void output_flush(struct output *output)
{
	bool is_done = output_push(output);

	if (is_done && output->dropped_lines > 0) {
		output_tell_dropped(output);
		is_done = output_push(output);
	}
	if (is_done)
		loop_watch_stop(&output->watch);
	else if (!output->watch.loop)
		loop_watch_start(output->loop, &output->watch, output->stream.fd, EPOLLOUT, NULL);
}

static void on_room(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	output_flush(container_of(watch, struct output, watch));
}

/* While the reader is slow, the watch does the writing. */
static bool on_before_sleep(struct loop_hook *hook)
{
	struct output *output = container_of(hook, struct output, hook);

	if (output_backlog(output) > 0 && !output->watch.loop)
		output_flush(output);
	return false;
}

/* Taken bytes are moved out of the way when they are the greater part: each byte is moved at
 * most once on average. */
static void output_compact(struct output *output)
{
	if (output->taken <= output->waiting.length / 2)
		return;
	buffer_consume(&output->waiting, output->taken);
	output->taken = 0;
}

/* Once lines are dropped, half of the backlog must be gone before more are taken: one gap that
 * can be read about, not thousands. */
static bool output_has_room(const struct output *output, size_t length)
{
	size_t limit = output->dropped_lines > 0 ? OUTPUT_BACKLOG / 2 : OUTPUT_BACKLOG;

	return length <= OUTPUT_BACKLOG && output_backlog(output) + length <= limit;
}

void output_write(struct output *output, const char *data, size_t length)
{
	if (output->has_no_reader || length == 0)
		return;
	if (!output_has_room(output, length)) {
		output_drop(output, data, length);
		return;
	}
	output_compact(output);
	output_tell_dropped(output);
	if (output->is_torn)
		buffer_append_text(&output->waiting, "\n");
	output->is_torn = false;
	buffer_append(&output->waiting, data, length);
}

/* ---- life ---- */

static struct output *output_start(struct loop *loop, const struct stream *stream)
{
	struct output *output = xcalloc(1, sizeof(*output));

	output->stream = *stream;
	/* write() has no MSG_NOSIGNAL, and a reader that leaves must not end us. */
	signal(SIGPIPE, SIG_IGN);
	output->loop = loop;
	buffer_init(&output->waiting);
	output->watch.on_ready = on_room;
	output->hook.before_sleep = on_before_sleep;
	loop_hook_start(loop, &output->hook);
	return output;
}

struct output *output_create(struct loop *loop, int fd, struct error *err)
{
	struct stream stream;

	return stream_open(&stream, fd, O_WRONLY, err) ? output_start(loop, &stream) : NULL;
}

/* Whoever wrote there before was cut off in a line, as by SIGKILL. */
static bool ends_within_a_line(int fd, const char *path)
{
	struct stat status;
	char last = '\n';

	if (fstat(fd, &status) == -1 || !S_ISREG(status.st_mode) || status.st_size == 0)
		return false;
	/* What is there already need not be ours to read. */
	autoclose int reading = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return reading != -1 && pread(reading, &last, 1, status.st_size - 1) == 1 && last != '\n';
}

struct output *output_open(struct loop *loop, const char *path, struct error *err)
{
	/* Without O_NONBLOCK a FIFO would keep us here until somebody reads it. */
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0666);
	struct stream stream;
	struct output *output;

	if (fd == -1) {
		error_set(err, errno, "open '%s'%s", path,
		          errno == ENXIO ? ", which nobody reads" : "");
		return NULL;
	}
	stream_take(&stream, fd);
	output = output_start(loop, &stream);
	output->path = xstrdup(path);
	output->is_torn = ends_within_a_line(fd, path);
	return output;
}

static void output_drain(struct output *output, unsigned grace_ms)
{
	uint64_t end = clock_now() + grace_ms * CLOCK_NS_PER_MS;
	struct pollfd room = { .fd = output->stream.fd, .events = POLLOUT };

	while (!output_push(output)) {
		uint64_t now = clock_now();

		if (now >= end)
			return;
		if (poll(&room, 1, (int)((end - now) / CLOCK_NS_PER_MS) + 1) == 0)
			return;
	}
}

void output_destroy(struct output *output, unsigned grace_ms)
{
	if (!output)
		return;
	loop_hook_stop(&output->hook);
	loop_watch_stop(&output->watch);
	if (!output->has_no_reader) {
		output_tell_dropped(output);
		output_drain(output, grace_ms);
	}
	buffer_finish(&output->waiting);
	stream_close(&output->stream);
	free(output->path);
	free(output);
}
