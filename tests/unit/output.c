/* SPDX-License-Identifier: Apache-2.0 */
/* output - lines reach a slow reader whole and in order, or are counted; nothing ever waits. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/output.h"
#include "tests/unit/test.h"

static struct loop *loop;
static int fds[2]; /* [0] reads what [1] is given */

static struct output *begin(void)
{
	struct error err;
	struct output *output;

	loop = loop_create(&err);
	output = output_create(loop, fds[1], &err);
	CHECK(loop && output);
	return output;
}

static void on_due_stop(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void turn_once(void)
{
	struct loop_timer timer = { .on_due = on_due_stop };

	loop_timer_start(loop, &timer, 0);
	loop_run(loop);
}

static void end(struct output *output)
{
	output_destroy(output, 0);
	loop_destroy(loop);
	close(fds[0]);
	close(fds[1]);
}

static void open_pipe(void)
{
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	fcntl(fds[1], F_SETPIPE_SZ, 4096);
}

/* All that can be read now is added to 'got'. */
static void take(struct buffer *got)
{
	char chunk[4096];
	ssize_t length;

	while ((length = read(fds[0], chunk, sizeof(chunk))) > 0)
		buffer_append(got, chunk, (size_t)length);
}

static void test_pipe(void)
{
	autobuffer struct buffer got = BUFFER_INIT;
	struct output *output;

	open_pipe();
	output = begin();
	output_write(output, "one\n", 4);
	output_write(output, "two\n", 4);
	take(&got);
	CHECK_STR(got.data, ""); /* gathered, not yet written */
	turn_once();
	take(&got);
	CHECK_STR(got.data, "one\ntwo\n");
	CHECK_INT(fcntl(fds[1], F_GETFL) & O_NONBLOCK, 0);
	end(output);
}

static void write_numbered(struct output *output, int from, int to)
{
	for (int i = from; i < to; i++) {
		char line[32];

		output_write(output, line, (size_t)snprintf(line, sizeof(line), "line %d\n", i));
	}
}

static void check_numbered(const char *text, int from, int to)
{
	const char *at = text;

	for (int i = from; i < to; i++) {
		char line[32];
		size_t length = (size_t)snprintf(line, sizeof(line), "line %d\n", i);

		if (!CHECK(strncmp(at, line, length) == 0))
			return;
		at += length;
	}
	CHECK_STR(at, "");
}

static void take_until(struct buffer *got, const char *last)
{
	size_t length = strlen(last);

	for (int i = 0; i < 100000; i++) {
		if (got->length >= length && strcmp(got->data + got->length - length, last) == 0)
			return;
		take(got);
		turn_once();
	}
	CHECK(!"the last line came");
}

static void slow_reader(void)
{
	autobuffer struct buffer got = BUFFER_INIT;
	struct output *output = begin();

	write_numbered(output, 0, 20000);
	turn_once();
	write_numbered(output, 20000, 40000);
	take_until(&got, "line 39999\n");
	check_numbered(got.data, 0, 40000);
	end(output);
}

static void test_slow_pipe(void)
{
	open_pipe();
	slow_reader();
}

static void test_slow_socket(void)
{
	CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	slow_reader();
}

static void test_regular_file(void)
{
	autobuffer struct buffer got = BUFFER_INIT;
	char path[] = "/tmp/lrie-output-XXXXXX";
	struct output *output;

	fds[1] = mkostemp(path, O_CLOEXEC | O_APPEND);
	fds[0] = open(path, O_RDONLY | O_CLOEXEC);
	unlink(path);
	output = begin();
	write_numbered(output, 0, 20000);
	turn_once();
	take(&got);
	check_numbered(got.data, 0, 20000);
	end(output);
}

static void test_null_device(void)
{
	struct output *output;

	fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	fds[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	output = begin();
	write_numbered(output, 0, 1000);
	turn_once();
	end(output);
}

static void test_reader_leaves(void)
{
	struct output *output;

	open_pipe();
	output = begin();
	write_numbered(output, 0, 5000);
	turn_once();
	close(fds[0]);
	turn_once();
	write_numbered(output, 0, 5000);
	turn_once();
	fds[0] = dup(fds[1]);
	end(output);
}

/* Whole lines are lost, the loss is told where it happened, and life goes on. */
static void test_backlog(void)
{
	enum { LINE = 1 << 20 };
	autobuffer struct buffer got = BUFFER_INIT;
	char *line = xmalloc(LINE);
	struct output *output;
	char *told;

	memset(line, 'x', LINE);
	line[LINE - 1] = '\n';
	open_pipe();
	fcntl(fds[1], F_SETPIPE_SZ, 1 << 20);
	output = begin();
	for (int i = 0; i < 70; i++)
		output_write(output, line, LINE);
	output_write(output, "a\nb\n", 4);
	take_until(&got, "too slow\n");
	output_write(output, "after\n", 6);
	take_until(&got, "after\n");
	told = memmem(got.data, got.length, "lrie: ", 6);
	if (CHECK(told)) {
		CHECK_INT(told - got.data, OUTPUT_BACKLOG);
		CHECK_STR(told, "lrie: 8 lines (6291460 bytes) dropped: "
		                "the reader of stdout is too slow\nafter\n");
	}
	free(line);
	end(output);
}

static void test_destroy_writes_the_rest(void)
{
	autobuffer struct buffer got = BUFFER_INIT;
	struct output *output;

	open_pipe();
	output = begin();
	output_write(output, "last\n", 5);
	output_destroy(output, 0);
	take(&got);
	CHECK_STR(got.data, "last\n");

	/* A reader that takes nothing holds us up for no longer than it may. */
	output = output_create(loop, fds[1], NULL);
	write_numbered(output, 0, 5000);
	end(output);
}

/* ---- files of records ---- */

static char file_path[] = "/tmp/lrie-output-XXXXXX";

static void check_file(const char *expected)
{
	char text[64] = "";
	int fd = open(file_path, O_RDONLY | O_CLOEXEC);

	CHECK(read(fd, text, sizeof(text) - 1) >= 0);
	CHECK_STR(text, expected);
	close(fd);
}

static struct output *begin_file(void)
{
	struct error err = { .text = "" };
	struct output *output;
	int fd;

	strcpy(file_path + strlen(file_path) - 6, "XXXXXX");
	fd = mkstemp(file_path);
	CHECK_INT(write(fd, "before\n", 7), 7);
	close(fd);
	loop = loop_create(&err);
	output = output_open(loop, file_path, &err);
	CHECK_STR(err.text, "");
	return output;
}

static void end_file(struct output *output)
{
	output_destroy(output, 0);
	loop_destroy(loop);
	unlink(file_path);
}

/* As on a full disk: at most this much is in the file. */
static void limit_file_size(rlim_t size)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = size;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void test_file_is_appended_to(void)
{
	struct output *output = begin_file();

	output_write(output, "one\n", 4);
	turn_once();
	check_file("before\none\n");
	output_write(output, "two\n", 4);
	end_file(output);
}

static void test_full_disk_leaves_whole_lines(void)
{
	struct output *output = begin_file();

	limit_file_size(13);
	output_write(output, "one\n", 4);
	turn_once();
	output_write(output, "two\n", 4); /* two bytes of it would fit */
	turn_once();
	check_file("before\none\n");
	output_write(output, "three\n", 6);
	turn_once();
	limit_file_size(RLIM_INFINITY);
	output_write(output, "four\n", 5);
	turn_once();
	check_file("before\none\nfour\n");
	end_file(output);
}

/* What they wrote is theirs: the line that is torn stays, and ends. */
static void test_full_disk_with_somebody_else(void)
{
	struct output *output = begin_file();
	int fd = open(file_path, O_WRONLY | O_CLOEXEC);

	output_write(output, "one\n", 4);
	turn_once();
	CHECK_INT(ftruncate(fd, 20), 0);
	limit_file_size(22);
	output_write(output, "two\n", 4);
	turn_once();
	CHECK_INT(lseek(fd, 0, SEEK_END), 20);
	limit_file_size(RLIM_INFINITY);
	close(fd);
	end_file(output);
}

static void test_files_that_cannot_be_opened(void)
{
	struct error err;

	CHECK(!output_open(NULL, "/nonexistent/file", &err));
	CHECK_STR(err.text, "open '/nonexistent/file': No such file or directory");
	CHECK(!output_open(NULL, "/", &err));
}

static void test_fifo_without_a_reader(void)
{
	struct error err;

	strcpy(file_path + strlen(file_path) - 6, "XXXXXX");
	close(mkstemp(file_path));
	unlink(file_path);
	CHECK_INT(mkfifo(file_path, 0600), 0);
	CHECK(!output_open(NULL, file_path, &err));
	CHECK(strstr(err.text, "which nobody reads"));
	unlink(file_path);
}

TEST_MAIN(test_file_is_appended_to, test_full_disk_leaves_whole_lines,
          test_full_disk_with_somebody_else, test_files_that_cannot_be_opened,
          test_fifo_without_a_reader, test_pipe, test_slow_pipe, test_slow_socket,
          test_regular_file, test_null_device, test_reader_leaves, test_backlog,
          test_destroy_writes_the_rest)
