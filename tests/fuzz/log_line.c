/* SPDX-License-Identifier: Apache-2.0 */
/* log_line - a line that a function has written, for JSON logging */
#include "emulator/log_line.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/json_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A line without a time has one afterwards, is still JSON, and is taken for what it says. */
static void check_timed(const struct log_line *what, const char *line, size_t length)
{
	struct buffer timed = BUFFER_INIT, reason = BUFFER_INIT;
	struct log_line again;

	log_line_append_timed(&timed, what, line, length, UINT64_C(1791444627768) * 1000000);
	again = log_line_read(timed.data, timed.length);
	if (!json_check(timed.data, timed.length, &reason) || !again.is_object || !again.has_time)
		abort();
	buffer_finish(&timed);
	buffer_finish(&reason);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct log_line what;

	memcpy(line, data, size);
	line[size] = '\n';
	what = log_line_read(line, size + 1);
	if (what.level >= LOG_LINE_LEVEL_COUNT || (!what.has_time && !what.is_object))
		abort();
	if (!what.has_time)
		check_timed(&what, line, size + 1);
	free(line);
	return 0;
}
