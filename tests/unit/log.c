/* SPDX-License-Identifier: Apache-2.0 */
/* log - what a line looks like, and that a full stderr neither blocks nor hides the loss. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "emulator/log.h"
#include "tests/unit/test.h"

static int real_stderr;
static int reader;

/* stderr becomes a pipe whose other end is 'reader'. */
static void capture(void)
{
	int fds[2];

	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
	fcntl(reader, F_SETFL, O_NONBLOCK);
}

static void release(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	if (reader != -1)
		close(reader);
	log_set(LOG_WARNING, false);
}

static const char *captured(void)
{
	static char text[8192];
	ssize_t length = read(reader, text, sizeof(text) - 1);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

static void test_levels(void)
{
	capture();
	log_error("no %s", "luck");
	log_warning("careful");
	log_info("hidden");
	log_debug("hidden");
	CHECK_STR(captured(), "lrie: error: no luck\nlrie: warning: careful\n");
	log_set(LOG_TRACE, false);
	log_info("ready");
	log_debug("inside");
	log_trace("deep");
	CHECK_STR(captured(), "lrie: ready\nlrie: debug: inside\nlrie: trace: deep\n");
	CHECK(log_enabled(LOG_TRACE));
	log_set(LOG_ERROR, false);
	CHECK(!log_enabled(LOG_WARNING));
	release();
}

static void test_color(void)
{
	capture();
	log_set(LOG_INFO, true);
	log_warning("careful");
	log_info("ready");
	CHECK_STR(captured(), "lrie: \033[1;33mwarning:\033[m careful\nlrie: ready\n");
	release();
}

static void test_hostile_text(void)
{
	capture();
	log_warning("path '%s'", "a\nlrie: error: fake\033[2J\x7f");
	CHECK_STR(captured(), "lrie: warning: path 'a?lrie: error: fake?[2J?'\n");
	release();
}

static void test_long_line_is_cut(void)
{
	char text[5000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	capture();
	log_warning("%s", text);
	line = captured();
	CHECK(strlen(line) > 500 && strlen(line) < 4096);
	CHECK_INT(line[strlen(line) - 1], '\n');
	release();
}

static void test_errno_is_kept(void)
{
	capture();
	close(reader);
	reader = -1;
	errno = ENOENT;
	log_warning("nobody reads this");
	CHECK_INT(errno, ENOENT);
	release();
}

static void test_full_pipe(void)
{
	static char chunk[8192];

	capture();
	CHECK_INT(fcntl(STDERR_FILENO, F_SETPIPE_SZ, sizeof(chunk)), sizeof(chunk));
	CHECK_INT(write(STDERR_FILENO, chunk, sizeof(chunk)), sizeof(chunk));
	log_warning("lost");
	log_warning("lost too");
	CHECK_INT(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
	CHECK_INT(read(reader, chunk, sizeof(chunk)), sizeof(chunk));
	log_warning("seen");
	CHECK_STR(captured(), "lrie: warning: 2 diagnostic lines were dropped\n"
	                      "lrie: warning: seen\n");
	release();
}

TEST_MAIN(test_levels, test_color, test_hostile_text, test_long_line_is_cut, test_full_pipe,
          test_errno_is_kept)
