/* SPDX-License-Identifier: Apache-2.0 */
/* log_line - what one line of a function is to JSON logging */
#include "emulator/log_line.h"

#include <string.h>
#include <strings.h>

#include "emulator/json_check.h"
#include "emulator/json_part.h"
#include "emulator/timestamp.h"

static const char *const level_names[LOG_LINE_LEVEL_COUNT] = {
	[LOG_LINE_TRACE] = "TRACE", [LOG_LINE_DEBUG] = "DEBUG", [LOG_LINE_INFO] = "INFO",
	[LOG_LINE_WARN] = "WARN",   [LOG_LINE_ERROR] = "ERROR", [LOG_LINE_FATAL] = "FATAL",
};

const char *log_line_level_name(enum log_line_level level)
{
	return level_names[level];
}

bool log_line_level_parse(const char *name, size_t length, enum log_line_level *level)
{
	for (unsigned i = 0; i < LOG_LINE_LEVEL_COUNT; i++) {
		if (strlen(level_names[i]) == length &&
		    strncasecmp(level_names[i], name, length) == 0) {
			*level = (enum log_line_level)i;
			return true;
		}
	}
	return false;
}

/* ---- reading ---- */

static bool begins_with_brace(const char *line, size_t length)
{
	size_t at = 0;

	while (at < length && (strchr(" \t\r\n", line[at]) && line[at]))
		at++;
	return at < length && line[at] == '{';
}

static bool is_object(const char *line, size_t length)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	return begins_with_brace(line, length) && json_check(line, length, &reason);
}

static bool is_named(const struct json_part *part, const char *name)
{
	size_t length = strlen(name);

	return part->length == length + 2 && memcmp(part->text + 1, name, length) == 0;
}

static void read_level(struct log_line *what, const struct json_part *value)
{
	what->level = LOG_LINE_INFO;
	if (json_part_kind(value) == JSON_STRING)
		log_line_level_parse(value->text + 1, value->length - 2, &what->level);
}

static void read_time(struct log_line *what, const struct json_part *value)
{
	what->has_time = json_part_kind(value) == JSON_STRING &&
	                 timestamp_is_valid(value->text + 1, value->length - 2);
	what->bad_time = value->text;
	what->bad_time_length = value->length;
}

/* The last member of a name counts, as it does for those who will read the line. */
static void read_members(struct log_line *what, const struct json_part *object)
{
	struct json_part name, value;
	struct json_walk walk;

	json_walk_begin(&walk, object);
	while (json_walk_next(&walk, &name, &value)) {
		if (is_named(&name, "level"))
			read_level(what, &value);
		else if (is_named(&name, "timestamp"))
			read_time(what, &value);
	}
	if (!what->has_time)
		what->level = LOG_LINE_INFO;
}

struct log_line log_line_read(const char *line, size_t length)
{
	struct log_line what = { .level = LOG_LINE_INFO, .has_time = true };
	struct json_part object;

	if (!is_object(line, length))
		return what;
	object = json_part_whole(line, length);
	what.is_object = true;
	what.has_time = false;
	read_members(&what, &object);
	return what;
}

/* ---- writing ---- */

void log_line_append_timed(struct buffer *out, const struct log_line *what, const char *line,
                           size_t length, uint64_t wall_ns)
{
	const char *end = line + length, *behind;
	char time[TIMESTAMP_SIZE];
	size_t before;

	timestamp_format(wall_ns, time);
	if (what->bad_time) {
		buffer_append(out, line, (size_t)(what->bad_time - line));
		buffer_append_format(out, "\"%s\"", time);
		behind = what->bad_time + what->bad_time_length;
	} else {
		before = (size_t)((const char *)memchr(line, '{', length) + 1 - line);
		buffer_append(out, line, before);
		buffer_append_format(out, "\"timestamp\":\"%s\"", time);
		behind = line + before;
		if (behind[strspn(behind, " \t\r\n")] != '}')
			buffer_append_text(out, ",");
	}
	buffer_append(out, behind, (size_t)(end - behind));
}
