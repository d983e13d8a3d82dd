/* SPDX-License-Identifier: Apache-2.0 */
/* framed_log - takes apart what a runtime writes to its log descriptor */
#include "emulator/framed_log.h"

#include <string.h>

#define HEADER_SIZE 16
#define TYPE_SIZE 4
#define LENGTH_AT 4

/* The last byte of a type: 2 or 3, and a level above it. */
#define KIND_MASK 0x03
#define KIND_JSON 0x02
#define KIND_TEXT 0x03
#define LEVEL_SHIFT 2

static const char magic[] = { '\xa5', '\x5a', '\x00' };

static bool is_last_of_type(unsigned char byte)
{
	unsigned kind = byte & KIND_MASK;

	return (kind == KIND_JSON || kind == KIND_TEXT) &&
	       byte >> LEVEL_SHIFT <= LOG_LINE_LEVEL_COUNT;
}

/* Whether a frame begins here, as far as can be seen. */
static bool may_be_frame(const char *data, size_t length)
{
	size_t known = length < sizeof(magic) ? length : sizeof(magic);

	return memcmp(data, magic, known) == 0 &&
	       (length < TYPE_SIZE || is_last_of_type((unsigned char)data[TYPE_SIZE - 1]));
}

static uint32_t big_endian(const char *data)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < sizeof(value); i++)
		value = value << 8 | (unsigned char)data[i];
	return value;
}

/* ---- handing on ---- */

static void hand_on(struct framed_log *log, const struct framed_log_record *kind, const char *data,
                    size_t length)
{
	struct framed_log_record record = *kind;

	record.data = data;
	record.length = length;
	if (length == 0 || data[length - 1] != '\n') {
		buffer_clear(&log->line);
		buffer_append(&log->line, data, length);
		buffer_append(&log->line, "\n", 1);
		record.data = log->line.data;
		record.length = log->line.length;
	}
	log->on_record(log, &record);
}

/* ---- each takes what it can from the front, and returns how much; 0: more must come ---- */

static size_t take_header(struct framed_log *log, const char *data, size_t length)
{
	unsigned level;

	if (length < HEADER_SIZE)
		return 0;
	level = (unsigned char)data[TYPE_SIZE - 1] >> LEVEL_SHIFT;
	log->in_frame = true;
	log->frame_left = big_endian(data + LENGTH_AT);
	log->frame = (struct framed_log_record){ .has_level = level > 0 };
	if (level > 0)
		log->frame.level = (enum log_line_level)(level - 1);
	return HEADER_SIZE;
}

/* May return 0 for a message without a byte: then in_frame has changed. */
static size_t take_message(struct framed_log *log, const char *data, size_t length)
{
	size_t piece = log->frame_left < FRAMED_LOG_RECORD ? (size_t)log->frame_left
	                                                   : FRAMED_LOG_RECORD;

	if (length < piece)
		return 0;
	hand_on(log, &log->frame, data, piece);
	log->frame_left -= piece;
	log->in_frame = log->frame_left > 0;
	return piece;
}

/*
 * How long the stray line at the front is, which ends behind its newline or where a frame begins; 0
 * when that cannot be seen yet. Nothing is looked at twice, however small the pieces are in which a
 * line comes.
 */
static size_t find_stray_end(struct framed_log *log, const char *data, size_t length)
{
	for (size_t at = log->looked_at; at < length; at++) {
		bool is_frame = at > 0 && may_be_frame(data + at, length - at);

		log->looked_at = at;
		if (data[at] == '\n')
			return at + 1;
		if (is_frame) /* or the first bytes of one; a character may have them, too */
			return length - at < TYPE_SIZE ? 0 : at;
	}
	log->looked_at = length;
	return 0;
}

static const struct framed_log_record stray = { .is_stray = true };

static size_t take_stray(struct framed_log *log, const char *data, size_t length)
{
	size_t most = length < FRAMED_LOG_RECORD ? length : FRAMED_LOG_RECORD;
	size_t line = find_stray_end(log, data, most);

	if (line == 0 && most < FRAMED_LOG_RECORD)
		return 0;
	if (line == 0)
		line = most;
	log->is_stray = false;
	log->looked_at = 0;
	hand_on(log, &stray, data, line);
	return line;
}

static size_t take(struct framed_log *log, const char *data, size_t length)
{
	if (log->in_frame)
		return take_message(log, data, length);
	log->is_stray = log->is_stray || !may_be_frame(data, length);
	return log->is_stray ? take_stray(log, data, length) : take_header(log, data, length);
}

/* ---- from outside ---- */

void framed_log_feed(struct framed_log *log, const char *data, size_t length)
{
	size_t at = 0;

	if (!log->is_open) {
		buffer_init(&log->waiting);
		buffer_init(&log->line);
		log->is_open = true;
	}
	buffer_append(&log->waiting, data, length);
	for (;;) {
		bool in_frame = log->in_frame;
		size_t left = log->waiting.length - at;
		size_t taken = left > 0 || in_frame ? take(log, log->waiting.data + at, left) : 0;

		if (taken == 0 && log->in_frame == in_frame)
			break;
		at += taken;
	}
	buffer_consume(&log->waiting, at);
}

void framed_log_flush(struct framed_log *log)
{
	if (!log->is_stray)
		return;
	hand_on(log, &stray, log->waiting.data, log->waiting.length);
	buffer_clear(&log->waiting);
	log->is_stray = false;
	log->looked_at = 0;
}

void framed_log_finish(struct framed_log *log)
{
	if (!log->is_open)
		return;
	if (log->waiting.length > 0)
		hand_on(log, log->in_frame ? &log->frame : &stray, log->waiting.data,
		        log->waiting.length);
	buffer_finish(&log->waiting);
	buffer_finish(&log->line);
	log->is_open = log->in_frame = log->is_stray = false;
	log->looked_at = 0;
}
