/* SPDX-License-Identifier: Apache-2.0 */
/* log_tail - a ring that keeps the end of a log */
#include "emulator/log_tail.h"

#include <string.h>

void log_tail_clear(struct log_tail *tail)
{
	tail->total = 0;
}

void log_tail_add(struct log_tail *tail, const char *data, size_t length)
{
	size_t at, first;

	if (length > LOG_TAIL_SIZE) {
		tail->total += length - LOG_TAIL_SIZE;
		data += length - LOG_TAIL_SIZE;
		length = LOG_TAIL_SIZE;
	}
	at = tail->total % LOG_TAIL_SIZE;
	first = length < LOG_TAIL_SIZE - at ? length : LOG_TAIL_SIZE - at;
	memcpy(tail->data + at, data, first);
	memcpy(tail->data, data + first, length - first);
	tail->total += length;
}

void log_tail_copy(const struct log_tail *tail, struct buffer *out)
{
	size_t at = tail->total % LOG_TAIL_SIZE;

	if (tail->total >= LOG_TAIL_SIZE)
		buffer_append(out, tail->data + at, LOG_TAIL_SIZE - at);
	buffer_append(out, tail->data, at);
}
