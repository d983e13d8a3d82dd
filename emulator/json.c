/* SPDX-License-Identifier: Apache-2.0 */
/* json - the JSON that lrie reads and writes. The one home of json-c. */
#include "emulator/json.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/json_check.h"
#include "emulator/utf8.h"

#define DEPTH_LIMIT 32

/* ---- writing ---- */

/* What stands behind a backslash for a character; '\0': nothing that is known here. */
static char escape_of(char character)
{
	switch (character) {
	case '\b':
		return 'b';
	case '\f':
		return 'f';
	case '\n':
		return 'n';
	case '\r':
		return 'r';
	case '\t':
		return 't';
	case '"':
	case '\\':
		return character;
	default:
		return '\0';
	}
}

/* One byte below 0x80 that cannot stand for itself. */
static void append_escape(struct buffer *out, char character)
{
	char escape[] = { '\\', escape_of(character) };

	if (escape[1])
		buffer_append(out, escape, sizeof(escape));
	else
		buffer_append_format(out, "\\u%04x", (unsigned)(unsigned char)character);
}

/* Characters beyond ASCII, up to the next that is none; U+FFFD in place of each byte that is not
 * part of UTF-8. Returns where that is. */
static const char *append_wide(struct buffer *out, const char *at, const char *end)
{
	const char *from = at, *bad;

	while (at < end && (unsigned char)*at >= 0x80) {
		size_t length = utf8_length(at, end, &bad);

		if (length > 0) {
			at += length;
			continue;
		}
		buffer_append(out, from, (size_t)(at - from));
		buffer_append_text(out, "\xef\xbf\xbd");
		from = ++at;
	}
	buffer_append(out, from, (size_t)(at - from));
	return at;
}

void json_text_add(struct buffer *out, const char *data, size_t length)
{
	const char *at = data, *end = data + length;

	while (at < end) {
		size_t plain = json_plain_length(at, end);

		buffer_append(out, at, plain);
		at += plain;
		if (at == end)
			break;
		if ((unsigned char)*at >= 0x80)
			at = append_wide(out, at, end);
		else
			append_escape(out, *at++);
	}
}

static void append_bytes(struct buffer *out, const char *text, size_t length)
{
	buffer_append(out, "\"", 1);
	json_text_add(out, text, length);
	buffer_append(out, "\"", 1);
}

static void append_string(struct buffer *out, const char *text)
{
	append_bytes(out, text, strlen(text));
}

void json_object_begin(struct buffer *out)
{
	buffer_append_text(out, "{");
}

void json_object_name(struct buffer *out, const char *name, size_t length)
{
	if (out->data[out->length - 1] != '{')
		buffer_append(out, ",", 1);
	append_bytes(out, name, length);
	buffer_append(out, ":", 1);
}

static void append_name(struct buffer *out, const char *name)
{
	json_object_name(out, name, strlen(name));
}

void json_object_text(struct buffer *out, const char *name, const char *value)
{
	append_name(out, name);
	append_string(out, value);
}

void json_object_bytes(struct buffer *out, const char *name, const char *data, size_t length)
{
	append_name(out, name);
	append_bytes(out, data, length);
}

void json_text_open(struct buffer *out)
{
	char last = out->data[out->length - 1];

	/* A name has put its colon; an item is told from the one before it. */
	buffer_append_text(out, last == ':' || last == '[' ? "\"" : ",\"");
}

void json_text_close(struct buffer *out)
{
	buffer_append(out, "\"", 1);
}

void json_object_json(struct buffer *out, const char *name, const char *json, size_t length)
{
	append_name(out, name);
	buffer_append(out, json, length);
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

static void append_double(struct buffer *out, double value)
{
	if (isfinite(value))
		buffer_append_format(out, "%.17g", value);
	else
		buffer_append_text(out, "null");
}

void json_object_double(struct buffer *out, const char *name, double value)
{
	append_name(out, name);
	append_double(out, value);
}

void json_object_decimal(struct buffer *out, const char *name, uint64_t thousandths)
{
	append_name(out, name);
	buffer_append_format(out, "%" PRIu64 ".%03u", thousandths / 1000,
	                     (unsigned)(thousandths % 1000));
	while (out->data[out->length - 1] == '0' && out->data[out->length - 2] != '.')
		out->data[--out->length] = '\0';
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

static void append_separator(struct buffer *out)
{
	if (out->data[out->length - 1] != '[')
		buffer_append_text(out, ",");
}

void json_array_double(struct buffer *out, double value)
{
	append_separator(out);
	append_double(out, value);
}

void json_array_text(struct buffer *out, const char *value)
{
	append_separator(out);
	append_string(out, value);
}

void json_array_nest(struct buffer *out)
{
	append_separator(out);
	buffer_append_text(out, "[");
}

void json_array_end(struct buffer *out)
{
	buffer_append_text(out, "]");
}

void json_object_end(struct buffer *out)
{
	buffer_append_text(out, "}");
}

/* ---- reading: struct json is a json_object ---- */

struct json *json_read(const char *text, size_t length, struct error *err)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_LIMIT);
	autobuffer struct buffer reason = BUFFER_INIT, plain = BUFFER_INIT;
	struct json_object *json;

	if (!tokener)
		abort();
	/* json-c takes more for JSON than there is, such as names in single quotes. */
	if (!json_check(text, length, &reason)) {
		json_tokener_free(tokener);
		json_check_append_plain(&plain, reason.data);
		error_set(err, 0, "%s", plain.data);
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	json = json_tokener_parse_ex(tokener, text, (int)length);
	enum json_tokener_error code = json_tokener_get_error(tokener);
	size_t end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (code == json_tokener_success && json && end == length)
		return (struct json *)json;
	json_object_put(json);
	/* What is not in brackets could go on. */
	error_set(err, 0,
	          code == json_tokener_error_depth ? "it is nested too deeply"
	                                           : "it is neither an object nor an array");
	return NULL;
}

void json_destroy(struct json *json)
{
	json_object_put((struct json_object *)json);
}

const struct json *json_member(const struct json *json, const char *name)
{
	struct json_object *object = (struct json_object *)json, *member = NULL;

	if (json_object_is_type(object, json_type_object))
		json_object_object_get_ex(object, name, &member);
	return (const struct json *)member;
}

const char *json_member_name(const struct json *json, size_t index)
{
	struct json_object *object = (struct json_object *)json;

	if (!json_object_is_type(object, json_type_object))
		return NULL;
	json_object_object_foreach(object, name, member)
	{
		(void)member;
		if (index-- == 0)
			return name;
	}
	return NULL;
}

const struct json *json_item(const struct json *json, size_t index)
{
	struct json_object *array = (struct json_object *)json;

	if (index >= json_length(json))
		return NULL;
	return (const struct json *)json_object_array_get_idx(array, index);
}

bool json_is_array(const struct json *json)
{
	return json_object_is_type((struct json_object *)json, json_type_array);
}

size_t json_length(const struct json *json)
{
	struct json_object *array = (struct json_object *)json;

	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

bool json_is_true(const struct json *json)
{
	struct json_object *boolean = (struct json_object *)json;

	return json_object_is_type(boolean, json_type_boolean) && json_object_get_boolean(boolean);
}

bool json_is_object(const struct json *json)
{
	return json_object_is_type((struct json_object *)json, json_type_object);
}

bool json_number(const struct json *json, double *value)
{
	struct json_object *number = (struct json_object *)json;

	if (!json_object_is_type(number, json_type_double) &&
	    !json_object_is_type(number, json_type_int))
		return false;
	*value = json_object_get_double(number);
	return isfinite(*value);
}

/* From 2^53 on none has a fraction; infinity neither. */
bool json_is_whole(double value)
{
	if (value < -0x1p53 || value > 0x1p53)
		return true;
	return !isnan(value) && value == (double)(int64_t)value;
}

const char *json_text(const struct json *json)
{
	struct json_object *string = (struct json_object *)json;
	const char *text;

	if (!json_object_is_type(string, json_type_string))
		return NULL;
	text = json_object_get_string(string);
	return strlen(text) == (size_t)json_object_get_string_len(string) ? text : NULL;
}

void json_append(struct buffer *out, const struct json *json)
{
	size_t length;
	const char *text = json_object_to_json_string_length((struct json_object *)json,
	                                                     JSON_C_TO_STRING_PLAIN |
	                                                             JSON_C_TO_STRING_NOSLASHESCAPE,
	                                                     &length);

	buffer_append(out, text, length);
}

size_t json_count_values(const char *text, size_t length)
{
	size_t count = 1;

	/* Those inside of texts are counted, too. */
	for (size_t i = 0; i < length; i++)
		count += text[i] == ',' || text[i] == '[' || text[i] == '{';
	return count;
}
