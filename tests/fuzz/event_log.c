/* SPDX-License-Identifier: Apache-2.0 */
/* event_log - a file of events that a crash, a disk, or somebody has made of it what it is */
#include <stdlib.h>
#include <string.h>

#include "emulator/event_record.h"
#include "emulator/record_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read is written to the same bytes. */
static void check_record(const char *body, size_t length)
{
	autobuffer struct buffer again = BUFFER_INIT;
	struct event_record record;

	if (!event_record_read(&record, body, length))
		return;
	event_record_append(&again, &record);
	buffer_append(&again, record.data, record.length);
	if (again.length != length || memcmp(again.data, body, length) != 0)
		abort();
}

/* The whole of it, in pieces: no byte is left out, and none is told of twice. */
static void read_all(uint32_t marker, const char *data, size_t size, size_t piece)
{
	size_t used = 0, seen = 0;

	for (;;) {
		struct record_log_part part = record_log_next(marker, data + used, seen - used,
		                                              seen == size);

		if (part.length > seen - used)
			abort();
		used += part.length;
		if (part.kind == RECORD_LOG_NOTHING)
			break;
		if (part.kind == RECORD_LOG_RECORD)
			check_record(part.body, part.body_length);
		if (part.kind != RECORD_LOG_MORE)
			continue;
		if (seen == size || part.length != 0)
			abort();
		seen += piece < size - seen ? piece : size - seen;
	}
	if (used != size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	uint32_t marker = 0x6c726965; /* "lrie", for what has no head */

	check_record(bytes, size);
	if (record_log_read_head(bytes, size, &marker)) {
		bytes += RECORD_LOG_HEAD;
		size -= RECORD_LOG_HEAD;
	}
	read_all(marker, bytes, size, size ? size : 1);
	read_all(marker, bytes, size, size ? (unsigned char)bytes[0] % 32U + 1 : 1);
	return 0;
}
