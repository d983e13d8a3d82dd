/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framed_log - takes apart what a runtime writes to its log descriptor.
 *
 * A frame is one record, however many lines it has:
 *
 *	4 bytes  type: 0xa55a0003 for text, 0xa55a0002 for JSON, with the level in
 *	         bits 2 to 4: none, TRACE, DEBUG, INFO, WARN, ERROR, FATAL
 *	4 bytes  length of the message
 *	8 bytes  time in microseconds since the epoch
 *	message
 *
 * all big endian (spec lifecycle-and-logs.md §2). Time is passed over: records
 * are stamped when they are read, as lines are, so that what is said in an
 * environment has one order.
 *
 * The bytes come from a process in the box. What is no frame is taken as lines of
 * text until a frame begins again, so that nothing is lost. A message of more
 * than FRAMED_LOG_RECORD bytes is split, as a line is. Memory: one such record
 * and what is fed at once.
 */
#ifndef EMULATOR_FRAMED_LOG_H
#define EMULATOR_FRAMED_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/log_line.h"

#define FRAMED_LOG_RECORD ((size_t)256 << 10)

struct framed_log_record {
	bool is_stray;  /* a line outside of any frame */
	bool has_level; /* else it tells its level itself, or not at all */
	enum log_line_level level;
	const char *data; /* the last byte is a newline */
	size_t length;
};

/* Zeroes but for 'on_record'. */
struct framed_log {
	void (*on_record)(struct framed_log *log, const struct framed_log_record *record);

	/* private */
	bool is_open;
	bool in_frame;
	bool is_stray;                  /* what waits begins with a stray line */
	struct framed_log_record frame; /* of the frame that is under way */
	uint64_t frame_left;            /* bytes of its message that have not been handed on */
	size_t looked_at;               /* bytes of 'waiting' that end no stray line */
	struct buffer waiting, line;
};

/* Hands on the records that end in 'data', and keeps the rest. */
void framed_log_feed(struct framed_log *log, const char *data, size_t length);

/* Hands on a stray line that has not ended. The beginning of a frame is kept. */
void framed_log_flush(struct framed_log *log);

/* Hands on what is left, also of a frame, and frees. Fine when nothing was ever fed. */
void framed_log_finish(struct framed_log *log);

#endif
