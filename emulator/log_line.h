/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line - what one line of a function is to JSON logging: how important, and when.
 *
 * A line that is a JSON object tells both itself, by its members "level" and
 * "timestamp". One without a timestamp as RFC 3339 has them gets one, and is
 * INFO whatever it says; so is one without a level that Lambda knows, and all
 * that is no object, which stays as it is. Source: spec lifecycle-and-logs.md §3.
 *
 * Lines come from a process in the box. Nothing here is copied or allocated by
 * their size, but for the result; the work is two passes over a line that begins
 * with a brace, and none over others.
 */
#ifndef EMULATOR_LOG_LINE_H
#define EMULATOR_LOG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

enum log_line_level {
	LOG_LINE_TRACE,
	LOG_LINE_DEBUG,
	LOG_LINE_INFO,
	LOG_LINE_WARN,
	LOG_LINE_ERROR,
	LOG_LINE_FATAL,
	LOG_LINE_LEVEL_COUNT,
};

/* "INFO", as Lambda spells it. */
const char *log_line_level_name(enum log_line_level level);

/* In any case. Returns false when it is none. */
bool log_line_level_parse(const char *name, size_t length, enum log_line_level *level);

struct log_line {
	enum log_line_level level;
	bool is_object;
	bool has_time; /* or is no object, and needs none */

	/* private: the timestamp that is none */
	const char *bad_time;
	size_t bad_time_length;
};

/* 'line' is borrowed as long as the result is used; a newline at its end is no part of it. */
struct log_line log_line_read(const char *line, size_t length);

/* Appends an object that has no time, with that time; 'line' is what log_line_read() was given. */
void log_line_append_timed(struct buffer *out, const struct log_line *what, const char *line,
                           size_t length, uint64_t wall_ns);

#endif
