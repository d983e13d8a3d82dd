/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xray_cause - why an invocation failed, as its runtime tells X-Ray
 *
 * A cause that is too long loses what is least worth: the ends of long texts, then paths, then
 * the far ends of stacks, then the exceptions behind the first. What a stack has lost is told in
 * "truncated", X-Ray's own member for that.
 */
#include <string.h>

#include "emulator/json.h"
#include "emulator/xray.h"

/* Bytes of a text that is kept. Escaped, each may take six: the first exception always fits. */
#define NAME_LIMIT 1000
#define MESSAGE_LIMIT 4000

/* What is read: a header has 1 MiB, and X-Ray is told 64 KiB of it. */
#define CAUSE_LIMIT ((size_t)2 << 20)
#define VALUES_LIMIT 50000

/* Left for the brackets and names behind what is being appended. */
#define RESERVE 100

static bool is_empty(const struct json *cause)
{
	static const char *const texts[] = { "working_directory", "message" };
	static const char *const arrays[] = { "exceptions", "paths" };

	for (size_t i = 0; i < 2; i++) {
		const char *text = json_text(json_member(cause, texts[i]));

		if ((text && *text) || json_length(json_member(cause, arrays[i])) > 0)
			return false;
	}
	return true;
}

/* ---- cropping ---- */

static void append_cropped(struct buffer *out, const char *name, const struct json *value,
                           size_t limit)
{
	const char *text = json_text(value);
	autobuffer struct buffer kept = BUFFER_INIT;

	if (!text)
		return;
	buffer_append(&kept, text, strnlen(text, limit));
	json_object_text(out, name, kept.data);
}

/* Whether what was appended behind 'before' may stay. */
static bool fits(struct buffer *out, size_t before)
{
	if (out->length + RESERVE <= XRAY_DOCUMENT_LIMIT)
		return true;
	buffer_cut(out, before);
	return false;
}

static bool append_frame(struct buffer *out, const struct json *frame)
{
	size_t before = out->length;
	double line;

	json_array_item(out);
	append_cropped(out, "path", json_member(frame, "path"), NAME_LIMIT);
	if (json_number(json_member(frame, "line"), &line))
		json_object_double(out, "line", line);
	append_cropped(out, "label", json_member(frame, "label"), NAME_LIMIT);
	json_object_end(out);
	return fits(out, before);
}

static bool append_exception(struct buffer *out, const struct json *exception)
{
	const struct json *stack = json_member(exception, "stack");
	size_t before = out->length, count = json_length(stack), kept = 0;

	json_array_item(out);
	append_cropped(out, "type", json_member(exception, "type"), NAME_LIMIT);
	append_cropped(out, "message", json_member(exception, "message"), MESSAGE_LIMIT);
	json_array_open(out, "stack");
	while (kept < count && append_frame(out, json_item(stack, kept)))
		kept++;
	json_array_end(out);
	if (kept < count)
		json_object_number(out, "truncated", count - kept);
	json_object_end(out);
	if (kept > 0)
		return kept == count;
	return fits(out, before);
}

static void append_exceptions(struct buffer *out, const struct json *exceptions)
{
	json_array_open(out, "exceptions");
	for (size_t i = 0; i < json_length(exceptions); i++)
		if (!append_exception(out, json_item(exceptions, i)))
			break;
	json_array_end(out);
}

static void append_paths(struct buffer *out, const struct json *paths)
{
	json_array_open(out, "paths");
	for (size_t i = 0; i < json_length(paths); i++) {
		const char *path = json_text(json_item(paths, i));
		size_t before = out->length;

		if (path)
			json_array_text(out, path);
		if (!fits(out, before))
			break;
	}
	json_array_end(out);
}

static void append_crop(struct buffer *out, const struct json *cause)
{
	json_object_begin(out);
	append_cropped(out, "working_directory", json_member(cause, "working_directory"),
	               NAME_LIMIT);
	append_cropped(out, "message", json_member(cause, "message"), MESSAGE_LIMIT);
	append_exceptions(out, json_member(cause, "exceptions"));
	append_paths(out, json_member(cause, "paths"));
	json_object_end(out);
}

/* ---- from outside ---- */

static bool append_cause(struct buffer *out, const struct json *cause)
{
	size_t before = out->length;

	if (!json_is_object(cause) || is_empty(cause))
		return false;
	json_append(out, cause);
	if (out->length - before <= XRAY_DOCUMENT_LIMIT)
		return true;
	buffer_cut(out, before);

	autobuffer struct buffer crop = BUFFER_INIT;

	append_crop(&crop, cause);
	buffer_append(out, crop.data, crop.length);
	return true;
}

static struct json *read_bounded(const char *text, size_t length)
{
	struct error err;

	if (length > CAUSE_LIMIT || json_count_values(text, length) > VALUES_LIMIT)
		return NULL;
	return json_read(text, length, &err);
}

bool xray_cause(struct buffer *out, const char *json, size_t length)
{
	struct json *cause = read_bounded(json, length);
	bool is_one = append_cause(out, cause);

	json_destroy(cause);
	return is_one;
}

bool xray_cause_of_body(struct buffer *out, const char *body, size_t length)
{
	struct json *json = read_bounded(body, length);
	bool is_one = append_cause(out, json_member(json, "errorCause"));

	json_destroy(json);
	return is_one;
}
