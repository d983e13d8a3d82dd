/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry_record - one line that was printed, as subscribers get it */
#include "emulator/telemetry_record.h"

#include <assert.h>
#include <string.h>

#include "emulator/clock.h"
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

static void make_head(struct telemetry_record_head *head, enum subscription_type source,
                      uint64_t wall_ns)
{
	autobuffer struct buffer text = BUFFER_INIT;

	begin(&text, source, wall_ns);
	assert(text.length <= sizeof(head->text));
	memcpy(head->text, text.data, text.length);
	head->length = text.length;
	head->source = source;
	head->wall_ms = wall_ns / CLOCK_NS_PER_MS;
}

void telemetry_record_line(struct buffer *out, struct telemetry_record_head *head,
                           enum subscription_type source, uint64_t wall_ns, const char *line,
                           size_t length)
{
	if (head->length == 0 || head->source != source ||
	    head->wall_ms != wall_ns / CLOCK_NS_PER_MS)
		make_head(head, source, wall_ns);
	buffer_append(out, head->text, head->length);
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
