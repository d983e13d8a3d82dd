/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program_output - what a program in the box writes, line by line.
 *
 * stdout and stderr share one pipe, so that their order is kept. Bytes are
 * handed on as they are, '\r' included, in blocks of whole lines; a line longer
 * than 256 KiB is split, as Lambda does.
 */
#ifndef EMULATOR_PROGRAM_OUTPUT_H
#define EMULATOR_PROGRAM_OUTPUT_H

#include "emulator/buffer.h"
#include "emulator/loop.h"

#define PROGRAM_OUTPUT_LINE ((size_t)256 << 10)

struct program_output {
	/* Gets one or more whole lines; the last byte is a newline. */
	void (*on_lines)(struct program_output *output, const char *data, size_t length);

	/* If it is set: gets the bytes as they come instead. */
	void (*on_bytes)(struct program_output *output, const char *data, size_t length);

	/* private */
	struct loop_watch watch;
	struct buffer partial; /* a line whose end has not come */
	int fd;
};

/* Makes the pipe and returns its writing end, which becomes the caller's, or -1 and 'err'.
 * One of the two above must be set, the rest zero. */
int program_output_open(struct program_output *output, struct loop *loop, struct error *err);

/* Reads what is in the pipe right now; a line whose end has not come waits for it. */
void program_output_read(struct program_output *output);

/* The same, and ends an unfinished line with a newline:
 * whatever the program wrote before this moment has been handed on. */
void program_output_drain(struct program_output *output);

/* Drains and closes. Fine when it was zeroed and never opened. */
void program_output_close(struct program_output *output);

#endif
