/* SPDX-License-Identifier: Apache-2.0 */
/* json - the JSON that lrie reads and writes. The one home of json-c. */
#include "emulator/json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "emulator/utf8.h"

/* ---- writing ---- */

/* Copies 'text' and puts U+FFFD in place of each byte that is not part of UTF-8. */
static void append_valid_utf8(struct buffer *out, const char *text)
{
	const char *end = text + strlen(text);
	const char *bad;

	while (text < end) {
		size_t length = utf8_length(text, end, &bad);

		if (length > 0)
			buffer_append(out, text, length);
		else
			buffer_append_text(out, "\xef\xbf\xbd");
		text += length > 0 ? length : 1;
	}
}

static void append_string(struct buffer *out, const char *text)
{
	autobuffer struct buffer valid = BUFFER_INIT;
	struct json_object *string;
	size_t length;
	const char *json;

	append_valid_utf8(&valid, text);
	string = json_object_new_string_len(valid.data, (int)valid.length);
	json = json_object_to_json_string_length(
		string, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
	buffer_append(out, json, length);
	json_object_put(string);
}

void json_object_begin(struct buffer *out)
{
	buffer_append_text(out, "{");
}

static void append_name(struct buffer *out, const char *name)
{
	if (out->data[out->length - 1] != '{')
		buffer_append_text(out, ",");
	append_string(out, name);
	buffer_append_text(out, ":");
}

void json_object_text(struct buffer *out, const char *name, const char *value)
{
	append_name(out, name);
	append_string(out, value);
}

void json_object_number(struct buffer *out, const char *name, uint64_t value)
{
	append_name(out, name);
	buffer_append_format(out, "%" PRIu64, value);
}

void json_object_bool(struct buffer *out, const char *name, bool value)
{
	append_name(out, name);
	buffer_append_text(out, value ? "true" : "false");
}

void json_object_null(struct buffer *out, const char *name)
{
	append_name(out, name);
	buffer_append_text(out, "null");
}

void json_object_text_or_null(struct buffer *out, const char *name, const char *value)
{
	if (value)
		json_object_text(out, name, value);
	else
		json_object_null(out, name);
}

void json_object_open(struct buffer *out, const char *name)
{
	append_name(out, name);
	buffer_append_text(out, "{");
}

void json_array_open(struct buffer *out, const char *name)
{
	append_name(out, name);
	buffer_append_text(out, "[");
}

void json_array_item(struct buffer *out)
{
	buffer_append_text(out, out->data[out->length - 1] == '[' ? "{" : ",{");
}

void json_array_end(struct buffer *out)
{
	buffer_append_text(out, "]");
}

void json_object_end(struct buffer *out)
{
	buffer_append_text(out, "}");
}
