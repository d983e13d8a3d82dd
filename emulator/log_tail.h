/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_tail - the last 4096 bytes of a log, for X-Amz-Log-Type: Tail.
 *
 * Cut at a byte, not at a line, as Lambda does (spec lifecycle-and-logs.md §2).
 */
#ifndef EMULATOR_LOG_TAIL_H
#define EMULATOR_LOG_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

#define LOG_TAIL_SIZE 4096

struct log_tail {
	uint64_t total; /* bytes ever added; the next one goes to total % LOG_TAIL_SIZE */
	char data[LOG_TAIL_SIZE];
};

void log_tail_clear(struct log_tail *tail);
void log_tail_add(struct log_tail *tail, const char *data, size_t length);

/* Appends what it holds, oldest byte first. */
void log_tail_copy(const struct log_tail *tail, struct buffer *out);

#endif
