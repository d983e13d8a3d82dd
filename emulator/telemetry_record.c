/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry_record - one line that was printed, as subscribers get it */
#include "emulator/telemetry_record.h"

#include "emulator/json.h"
#include "emulator/json_check.h"
#include "emulator/timestamp.h"

static void begin(struct buffer *out, enum subscription_type source, uint64_t wall_ns)
{
	char time[TIMESTAMP_SIZE];

	timestamp_format(wall_ns, time);
	json_object_begin(out);
	json_object_text(out, "time", time);
	json_object_text(out, "type", subscription_type_name(source));
}

void telemetry_record_line(struct buffer *out, enum subscription_type source, uint64_t wall_ns,
                           const char *line, size_t length)
{
	begin(out, source, wall_ns);
	json_object_bytes(out, "record", line, length);
	json_object_end(out);
}

bool telemetry_record_object(struct buffer *out, enum subscription_type source, uint64_t wall_ns,
                             const char *line, size_t length)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	/* Blanks around an object are no part of it, nor is the end of the line. */
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r' ||
	                      line[length - 1] == ' ' || line[length - 1] == '\t'))
		length--;
	while (length > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		length--;
	}
	if (length == 0 || *line != '{' || !json_check(line, length, &reason))
		return false;
	begin(out, source, wall_ns);
	json_object_json(out, "record", line, length);
	json_object_end(out);
	return true;
}
