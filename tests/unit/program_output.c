/* SPDX-License-Identifier: Apache-2.0 */
/* program_output - lines out of a pipe: none lost, none torn, none without end */
#include "emulator/program_output.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "tests/unit/test.h"

static struct loop *loop;
static struct program_output output;
static struct buffer lines;
static size_t longest; /* line, without its newline */
static unsigned calls;
static int writing;

static void measure(const char *data, size_t length)
{
	while (length > 0) {
		const char *newline = memchr(data, '\n', length);
		size_t line = newline ? (size_t)(newline - data) : length;

		longest = line > longest ? line : longest;
		data += line + 1;
		length -= line + 1;
	}
}

static void on_lines(struct program_output *from, const char *data, size_t length)
{
	CHECK(from == &output && length > 0 && data[length - 1] == '\n');
	buffer_append(&lines, data, length);
	measure(data, length);
	calls++;
	loop_stop(loop);
}

static void begin(void)
{
	struct error err;

	loop = loop_create(&err);
	output = (struct program_output){ .on_lines = on_lines };
	buffer_init(&lines);
	longest = calls = 0;
	writing = program_output_open(&output, loop, &err);
	CHECK(writing != -1);
}

static void end(void)
{
	program_output_close(&output);
	program_output_close(&output); /* does no harm */
	fd_close(&writing);
	buffer_finish(&lines);
	loop_destroy(loop);
}

static void print_bytes(const char *data, size_t length)
{
	CHECK_INT(write(writing, data, length), length);
}

static void print(const char *text)
{
	print_bytes(text, strlen(text));
}

/* 'length' bytes of one letter, read as they come so that the pipe never fills. */
static void print_many(char letter, size_t length)
{
	static char block[32768];

	memset(block, letter, sizeof(block));
	while (length > 0) {
		size_t part = length < sizeof(block) ? length : sizeof(block);

		print_bytes(block, part);
		output.watch.on_ready(&output.watch, 0);
		length -= part;
	}
}

static void test_lines_come_through_the_loop(void)
{
	begin();
	print("one\ntwo\nthr");
	loop_run(loop);
	CHECK_STR(lines.data, "one\ntwo\n");
	CHECK_INT(calls, 1);
	print("ee\nfour\n");
	loop_run(loop);
	CHECK_STR(lines.data, "one\ntwo\nthree\nfour\n");
	end();
}

static void test_bytes_stay_as_they_are(void)
{
	static const char bytes[] = "a\rb\r\n\n\0c\xff\t\n";

	begin();
	print_bytes(bytes, sizeof(bytes) - 1);
	program_output_drain(&output);
	CHECK_INT(lines.length, sizeof(bytes) - 1);
	CHECK(memcmp(lines.data, bytes, sizeof(bytes) - 1) == 0);
	end();
}

static void test_drain_ends_a_line(void)
{
	begin();
	program_output_drain(&output);
	CHECK_INT(calls, 0);
	print("half");
	program_output_drain(&output);
	CHECK_STR(lines.data, "half\n");
	program_output_drain(&output);
	CHECK_INT(calls, 1);
	print("\n"); /* the rest of it is a line of its own */
	program_output_drain(&output);
	CHECK_STR(lines.data, "half\n\n");
	end();
}

/* A pipe that the program has enlarged is drained, too. */
static void test_drain_takes_all(void)
{
	char *data;
	int size;

	begin();
	size = fcntl(writing, F_SETPIPE_SZ, 1 << 20);
	if (size == -1)
		size = 1 << 16;
	data = malloc((size_t)size);
	memset(data, '\n', (size_t)size);
	print_bytes(data, (size_t)size);
	free(data);
	program_output_drain(&output);
	CHECK_INT(lines.length, size);
	end();
}

static void test_close_drains(void)
{
	begin();
	print("last words");
	program_output_close(&output);
	CHECK_STR(lines.data, "last words\n");
	end();
}

static void test_end_of_the_program(void)
{
	begin();
	print("bye");
	fd_close(&writing);
	program_output_drain(&output);
	CHECK_STR(lines.data, "bye\n");
	program_output_drain(&output);
	output.watch.on_ready(&output.watch, 0);
	CHECK(!output.watch.loop); /* or the loop would turn without end */
	end();
}

static void test_long_lines_are_split(void)
{
	static const struct {
		const char *label;
		size_t first, rest; /* the line comes in two parts, then a newline */
		size_t lines, longest;
	} cases[] = {
		{ "fits", 1000, 1000, 1, 2000 },
		{ "just fits", PROGRAM_OUTPUT_LINE - 10, 10, 1, PROGRAM_OUTPUT_LINE },
		{ "one too long", PROGRAM_OUTPUT_LINE - 10, 11, 2, PROGRAM_OUTPUT_LINE },
		{ "end comes with a full block", PROGRAM_OUTPUT_LINE - 1, 30000, 2,
		  PROGRAM_OUTPUT_LINE },
		{ "three", 2 * PROGRAM_OUTPUT_LINE, 1, 3, PROGRAM_OUTPUT_LINE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *rest = malloc(cases[i].rest + 1);

		test_case(cases[i].label);
		begin();
		print_many('x', cases[i].first);
		memset(rest, 'y', cases[i].rest);
		rest[cases[i].rest] = '\n';
		print_bytes(rest, cases[i].rest + 1);
		free(rest);
		print("after\n");
		program_output_drain(&output);
		CHECK_INT(longest, cases[i].longest);
		CHECK_INT(lines.length, cases[i].first + cases[i].rest + cases[i].lines + 6);
		CHECK(strstr(lines.data, "y\nafter\n"));
		end();
	}
}

/* Other users than ours may open it again, as /dev/stderr does. */
static void test_anyone_in_the_box_may_open_it(void)
{
	struct stat st;

	begin();
	CHECK(fstat(writing, &st) == 0 && (st.st_mode & 0777) == 0622);
	CHECK(fcntl(writing, F_GETFD) & FD_CLOEXEC);
	CHECK(!(fcntl(writing, F_GETFL) & O_NONBLOCK)); /* a runtime does not expect EAGAIN */
	end();
}

static void test_never_opened(void)
{
	struct program_output zeroed = { .on_lines = on_lines };

	program_output_drain(&zeroed);
	program_output_close(&zeroed);
}

TEST_MAIN(test_lines_come_through_the_loop, test_bytes_stay_as_they_are, test_drain_ends_a_line,
          test_drain_takes_all, test_close_drains, test_end_of_the_program,
          test_long_lines_are_split, test_anyone_in_the_box_may_open_it, test_never_opened)
