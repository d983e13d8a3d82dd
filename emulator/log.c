/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log - diagnostics, to stderr.
 *
 * stderr is shared with the shell and with other programs, so its O_NONBLOCK is not ours to set.
 * For each line, a pipe or terminal is opened again through /proc, where the flag is only ours;
 * nothing is kept open in between, so that a forked child cannot write into a descriptor that
 * means something else by then. Where that does not work, poll() tells whether there is room,
 * and a line shorter than PIPE_BUF goes into a pipe in one piece (pipe(7)).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/log.h"
#include "sandbox/fd.h"

/* Less than PIPE_BUF, which is 4096 on Linux, and long enough. */
#define LINE_SIZE 1024

static enum log_level max_level = LOG_WARNING;
static bool has_color;
static unsigned long dropped;

static const struct {
	const char *word; /* NULL: nothing between "lrie: " and the text, as in git */
	const char *color;
} levels[] = {
	[LOG_ERROR] = { "error", "\033[1;31m" },
	[LOG_WARNING] = { "warning", "\033[1;33m" },
	[LOG_INFO] = { NULL, "" },
	[LOG_DEBUG] = { "debug", "\033[36m" },
	[LOG_TRACE] = { "trace", "\033[2m" },
};

void log_set(enum log_level level, bool color)
{
	max_level = level;
	has_color = color;
}

bool log_enabled(enum log_level level)
{
	return level <= max_level;
}

static bool write_if_ready(int fd, const char *line, size_t length)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	/* With POLLERR beside it there is no reader, and write() would raise SIGPIPE. */
	if (poll(&room, 1, 0) != 1 || room.revents != POLLOUT)
		return false;
	return write(fd, line, length) != -1;
}

/* False when the line did not go out. */
static bool write_line(const char *line, size_t length)
{
	autoclose int own = -1;
	struct stat status;

	if (fstat(STDERR_FILENO, &status) == -1)
		return false;
	if (S_ISREG(status.st_mode))
		return write(STDERR_FILENO, line, length) != -1;
	if (S_ISSOCK(status.st_mode))
		return send(STDERR_FILENO, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) != -1;
	own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return write_if_ready(own == -1 ? STDERR_FILENO : own, line, length);
}

static void report_dropped(void)
{
	char line[128];
	int length;

	if (dropped == 0)
		return;
	length = snprintf(line, sizeof(line), "lrie: warning: %lu diagnostic line%s dropped\n",
	                  dropped, dropped == 1 ? " was" : "s were");
	if (write_line(line, (size_t)length))
		dropped = 0;
}

static size_t format_prefix(char *line, size_t size, enum log_level level)
{
	const char *word = levels[level].word;
	int length;

	if (!word)
		length = snprintf(line, size, "lrie: ");
	else if (has_color)
		length = snprintf(line, size, "lrie: %s%s:\033[m ", levels[level].color, word);
	else
		length = snprintf(line, size, "lrie: %s: ", word);
	return (size_t)length;
}

/* What a function sent may be quoted in a line: it must not move the reader's cursor, and it
 * must not look like a line of its own. */
static void mask_controls(char *text)
{
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text, next = (unsigned char)text[1];
		if (byte < ' ' || byte == 0x7f)
			*text = '?';
		else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) /* the same in UTF-8 */
			text[0] = text[1] = '?';
	}
}

static PRINTF_LIKE(2, 0) void log_line(enum log_level level, const char *format, va_list args)
{
	int saved_errno = errno;
	char line[LINE_SIZE];
	size_t prefix = format_prefix(line, sizeof(line), level);
	int length = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, args);

	if (length < 0)
		return;
	mask_controls(line + prefix);
	length = (int)strlen(line);
	line[length++] = '\n';
	report_dropped();
	if (dropped > 0 || !write_line(line, (size_t)length))
		dropped++;
	errno = saved_errno;
}

void log_notice(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_INFO, format, args);
	va_end(args);
}

#define LOG_FUNCTION(name, level)              \
	void name(const char *format, ...)     \
	{                                      \
		va_list args;                  \
                                               \
		if (!log_enabled(level))       \
			return;                \
		va_start(args, format);        \
		log_line(level, format, args); \
		va_end(args);                  \
	}

LOG_FUNCTION(log_error, LOG_ERROR)
LOG_FUNCTION(log_warning, LOG_WARNING)
LOG_FUNCTION(log_info, LOG_INFO)
LOG_FUNCTION(log_debug, LOG_DEBUG)
LOG_FUNCTION(log_trace, LOG_TRACE)
