/* SPDX-License-Identifier: Apache-2.0 */
/* framed_log - what a runtime writes to its log descriptor, and in which pieces it is read */
#include "emulator/framed_log.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct buffer heard[2] = { BUFFER_INIT, BUFFER_INIT };
static unsigned now;

static void on_record(struct framed_log *log, const struct framed_log_record *record)
{
	(void)log;
	if (record->length == 0 || record->length > FRAMED_LOG_RECORD + 1 ||
	    record->data[record->length - 1] != '\n' || record->level >= LOG_LINE_LEVEL_COUNT)
		abort();
	buffer_append_format(&heard[now], "%d %d %d %zu ", record->is_stray, record->has_level,
	                     record->level, record->length);
	buffer_append(&heard[now], record->data, record->length);
}

static void feed(const uint8_t *data, size_t size, size_t piece)
{
	struct framed_log log = { .on_record = on_record };

	buffer_clear(&heard[now]);
	for (size_t at = 0; at < size; at += piece)
		framed_log_feed(&log, (const char *)data + at,
		                size - at < piece ? size - at : piece);
	framed_log_finish(&log);
}

/* The first byte says in which pieces the rest comes; what is heard is the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	now = 0;
	feed(data + 1, size - 1, size);
	now = 1;
	feed(data + 1, size - 1, data[0] % 32U + 1);
	if (heard[0].length != heard[1].length ||
	    memcmp(heard[0].data, heard[1].data, heard[0].length) != 0)
		abort();
	return 0;
}
