/* SPDX-License-Identifier: Apache-2.0 */
/* destination - what is told of an event that nobody waited for, when all is over */
#include "emulator/destination.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/json.h"
#include "emulator/json_check.h"
#include "emulator/timestamp.h"

/* Of an error, in a dead letter. */
#define MESSAGE_LIMIT 1024

static const char *const condition_words[] = {
	[DESTINATION_SUCCESS] = "Success",
	[DESTINATION_RETRIES_EXHAUSTED] = "RetriesExhausted",
	[DESTINATION_EVENT_AGE_EXCEEDED] = "EventAgeExceeded",
};

/* JSON as it is, but in one line: there are line feeds between its tokens only. What is no JSON is
 * a text. */
static void append_payload(struct buffer *out, const char *name, const struct buffer *payload)
{
	autobuffer struct buffer reason = BUFFER_INIT;
	autobuffer struct buffer line = BUFFER_INIT;

	if (!json_check(payload->data, payload->length, &reason)) {
		json_object_bytes(out, name, payload->data, payload->length);
		return;
	}
	buffer_append(&line, payload->data, payload->length);
	for (size_t i = 0; i < line.length; i++) {
		if (line.data[i] == '\n' || line.data[i] == '\r')
			line.data[i] = ' ';
	}
	json_object_json(out, name, line.data, line.length);
}

static void append_context(struct buffer *out, const struct destination_record *record)
{
	json_object_open(out, "requestContext");
	json_object_text(out, "requestId", record->request_id);
	json_object_text(out, "functionArn", record->function_arn);
	json_object_text(out, "condition", condition_words[record->condition]);
	json_object_number(out, "approximateInvokeCount", record->attempts);
	json_object_end(out);
}

static void append_response(struct buffer *out, const struct destination_record *record)
{
	json_object_open(out, "responseContext");
	json_object_number(out, "statusCode", 200);
	json_object_text(out, "executedVersion", record->executed_version);
	if (record->is_error)
		json_object_text(out, "functionError", "Unhandled");
	json_object_end(out);
	append_payload(out, "responsePayload", record->response);
}

void destination_append(struct buffer *out, const struct destination_record *record)
{
	char timestamp[TIMESTAMP_SIZE];

	timestamp_format(record->wall_ns, timestamp);
	json_object_begin(out);
	json_object_text(out, "version", "1.0");
	json_object_text(out, "timestamp", timestamp);
	append_context(out, record);
	append_payload(out, "requestPayload", record->event);
	if (record->response)
		append_response(out, record);
	json_object_end(out);
	buffer_append_text(out, "\n");
}

/* ---- dead letters ---- */

static void append_attribute(struct buffer *out, const char *name, const char *value,
                             const char *type)
{
	json_object_open(out, name);
	json_object_text(out, "stringValue", value);
	json_object_text(out, "dataType", type);
	json_object_end(out);
}

/* The error's own message; of an answer that has none, all of it. */
static void append_error_message(struct buffer *out, const struct buffer *response)
{
	struct error err;
	struct json *json = json_read(response->data, response->length, &err);
	const char *message = json_text(json_member(json, "errorMessage"));
	char text[MESSAGE_LIMIT + 1];

	snprintf(text, sizeof(text), "%s", message ? message : response->data);
	append_attribute(out, "ErrorMessage", text, "String");
	json_destroy(json);
}

void destination_append_dead_letter(struct buffer *out, const struct destination_record *record)
{
	json_object_begin(out);
	json_object_bytes(out, "body", record->event->data, record->event->length);
	json_object_open(out, "messageAttributes");
	append_attribute(out, "RequestID", record->request_id, "String");
	if (record->response) {
		append_attribute(out, "ErrorCode", "200", "Number");
		append_error_message(out, record->response);
	}
	json_object_end(out);
	json_object_end(out);
	buffer_append_text(out, "\n");
}
