/* SPDX-License-Identifier: Apache-2.0 */
/* http_answer - what a function answered, as the HTTP response that its site makes of it */
#include "emulator/http_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/base64.h"
#include "emulator/http_failure.h"
#include "emulator/http_head.h"
#include "emulator/http_prelude.h"
#include "emulator/json_check.h"
#include "emulator/json_part.h"

#define ALB_LIMIT ((size_t)1 << 20)
#define JSON_TYPE "application/json"
#define BINARY_TYPE "application/octet-stream"
#define REMAPPED "x-amzn-Remapped-"

void http_answer_init(struct http_answer *answer)
{
	*answer = (struct http_answer){ .status = 200 };
	buffer_init(&answer->headers);
	buffer_init(&answer->body);
}

void http_answer_finish(struct http_answer *answer)
{
	buffer_finish(&answer->headers);
	buffer_finish(&answer->body);
}

/* ---- headers ---- */

static bool is_one_of(const char *name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* Those that say where a response ends, or that are the server's own to say. */
static bool is_reserved(const struct http_site *site, const char *name)
{
	static const char *const reserved[] = {
		"Connection", "Content-Length", "Date",    "Keep-Alive",        "Proxy-Connection",
		"TE",         "Trailer",        "Upgrade", "Transfer-Encoding",
	};
	static const char *const of_aws[] = { "X-Amzn-RequestId", "X-Amzn-Trace-Id", "Server" };
	static const char *const of_rest[] = { "Content-MD5",  "Expect",     "Host",
		                               "Max-Forwards", "User-Agent", "WWW-Authenticate" };

	return is_one_of(name, reserved, sizeof(reserved) / sizeof(reserved[0])) ||
	       (site->format != HTTP_FORMAT_ALB &&
	        is_one_of(name, of_aws, sizeof(of_aws) / sizeof(of_aws[0]))) ||
	       (site->format == HTTP_FORMAT_REST_API &&
	        is_one_of(name, of_rest, sizeof(of_rest) / sizeof(of_rest[0])));
}

/* The value of a header; NULL when there is none of that name, or none but others than 'value'
 * where that is not NULL. */
static const char *find_header(const struct http_answer *answer, const char *name,
                               const char *value)
{
	const char *at = answer->headers.data, *end = at + answer->headers.length;

	while (at < end) {
		const char *found = at + strlen(at) + 1;

		if (strcasecmp(at, name) == 0 && (!value || strcmp(found, value) == 0))
			return found;
		at = found + strlen(found) + 1;
	}
	return NULL;
}

static void put(struct http_answer *answer, const char *prefix, const char *name, const char *value)
{
	buffer_append_text(&answer->headers, prefix);
	buffer_append(&answer->headers, name, strlen(name) + 1);
	buffer_append(&answer->headers, value, strlen(value) + 1);
}

void http_answer_put_header(struct http_answer *answer, const char *name, const char *value)
{
	put(answer, "", name, value);
}

/* Both may hold anything, NUL too. */
static bool add_header(struct http_answer *answer, const struct http_site *site,
                       const struct buffer *name, const struct buffer *value, bool is_once)
{
	const char *prefix = is_reserved(site, name->data) ? REMAPPED : "";

	if (strlen(name->data) != name->length || !http_is_token(name->data))
		return error_set(&answer->why, 0, "'%.64s' cannot be the name of a header",
		                 name->data);
	if (strlen(value->data) != value->length || !http_is_field_value(value->data))
		return error_set(&answer->why, 0,
		                 "header '%.64s' has a line break or control character in its "
		                 "value",
		                 name->data);
	answer->head_length += strlen(prefix) + name->length + value->length + strlen(": \r\n");
	if (answer->head_length > HTTP_ANSWER_HEADERS)
		return error_set(&answer->why, 0, "its headers have more than %d bytes",
		                 HTTP_ANSWER_HEADERS);
	if (prefix[0] && site->format == HTTP_FORMAT_ALB)
		return true;
	if (!is_once || !find_header(answer, name->data, value->data))
		put(answer, prefix, name->data, value->data);
	return true;
}

/* What a value of JSON is as a header's. Numbers and booleans are as they were written. */
static bool read_value(struct http_answer *answer, struct buffer *out, const char *name,
                       const struct json_part *value)
{
	switch (json_part_kind(value)) {
	case JSON_STRING:
		json_part_append_text(out, value);
		return true;
	case JSON_NUMBER:
	case JSON_BOOLEAN:
		buffer_append(out, value->text, value->length);
		return true;
	case JSON_OBJECT:
	case JSON_ARRAY:
	case JSON_NULL:
		break;
	}
	return error_set(&answer->why, 0, "the value of '%.64s' is no text, number or boolean",
	                 name);
}

static bool add_value(struct http_answer *answer, const struct http_site *site,
                      const struct buffer *name, const struct json_part *part, bool is_once)
{
	autobuffer struct buffer value = BUFFER_INIT;

	return read_value(answer, &value, name->data, part) &&
	       add_header(answer, site, name, &value, is_once);
}

static bool is_missing(const struct json_part *part)
{
	return part->length == 0 || json_part_kind(part) == JSON_NULL;
}

static bool add_all_values(struct http_answer *answer, const struct http_site *site,
                           const struct buffer *name, const struct json_part *values)
{
	struct json_walk walk;
	struct json_part value;

	if (json_part_kind(values) != JSON_ARRAY)
		return error_set(&answer->why, 0, "'%.64s' in 'multiValueHeaders' is no array",
		                 name->data);
	json_walk_begin(&walk, values);
	while (json_walk_next(&walk, NULL, &value))
		if (!add_value(answer, site, name, &value, false))
			return false;
	return true;
}

/* Only those of a prelude may have several values: runtimes for Rust write them so. */
static bool add_headers(struct http_answer *answer, const struct http_site *site,
                        const struct json_part *headers, bool is_prelude)
{
	struct json_part name, value;
	struct json_walk walk;

	if (is_missing(headers))
		return true;
	if (json_part_kind(headers) != JSON_OBJECT)
		return error_set(&answer->why, 0, "'headers' is no object");
	json_walk_begin(&walk, headers);
	while (json_walk_next(&walk, &name, &value)) {
		autobuffer struct buffer text = BUFFER_INIT;

		if (is_missing(&value))
			continue;
		json_part_append_text(&text, &name);
		if (is_prelude && json_part_kind(&value) == JSON_ARRAY
		            ? !add_all_values(answer, site, &text, &value)
		            : !add_value(answer, site, &text, &value, true))
			return false;
	}
	return true;
}

static bool add_multi_headers(struct http_answer *answer, const struct http_site *site,
                              const struct json_part *headers)
{
	struct json_part name, values;
	struct json_walk walk;

	if (is_missing(headers))
		return true;
	if (json_part_kind(headers) != JSON_OBJECT)
		return error_set(&answer->why, 0, "'multiValueHeaders' is no object");
	json_walk_begin(&walk, headers);
	while (json_walk_next(&walk, &name, &values)) {
		autobuffer struct buffer text = BUFFER_INIT;

		json_part_append_text(&text, &name);
		if (!is_missing(&values) && !add_all_values(answer, site, &text, &values))
			return false;
	}
	return true;
}

static bool add_cookies(struct http_answer *answer, const struct http_site *site,
                        const struct json_part *cookies)
{
	autobuffer struct buffer name = BUFFER_INIT;

	if (is_missing(cookies))
		return true;
	if (json_part_kind(cookies) != JSON_ARRAY)
		return error_set(&answer->why, 0, "'cookies' is no array");
	buffer_append_text(&name, "set-cookie");
	return add_all_values(answer, site, &name, cookies);
}

/* ---- an object, as all formats have it ---- */

struct members {
	struct json_part status, headers, multi_headers, cookies, body, is_base64;
	bool has_unknown;
	struct json_part unknown;
};

static struct json_part *member_named(struct members *members, const struct json_part *name,
                                      enum http_format format)
{
	if (json_part_is(name, "statusCode"))
		return &members->status;
	if (json_part_is(name, "headers"))
		return &members->headers;
	if (json_part_is(name, "multiValueHeaders"))
		return &members->multi_headers;
	if (json_part_is(name, "body"))
		return &members->body;
	if (json_part_is(name, "isBase64Encoded") ||
	    (format == HTTP_FORMAT_REST_API && json_part_is(name, "base64Encoded")))
		return &members->is_base64;
	if (format != HTTP_FORMAT_REST_API && json_part_is(name, "cookies"))
		return &members->cookies;
	return NULL;
}

static void read_members(struct members *members, const struct json_part *object,
                         enum http_format format)
{
	struct json_part name, value;
	struct json_walk walk;

	*members = (struct members){ .has_unknown = false };
	json_walk_begin(&walk, object);
	while (json_walk_next(&walk, &name, &value)) {
		struct json_part *member = member_named(members, &name, format);

		if (member) {
			*member = value;
		} else if (!members->has_unknown) {
			members->has_unknown = true;
			members->unknown = name;
		}
	}
}

/* 200, 200.0 and "200". */
static bool read_status(struct http_answer *answer, const struct json_part *part)
{
	bool is_text = part->text[0] == '"';
	char text[16] = "", *end;
	double status = 0;

	if ((is_text || json_part_kind(part) == JSON_NUMBER) && part->length < sizeof(text)) {
		memcpy(text, part->text + is_text, part->length - 2 * is_text);
		status = strtod(text, &end);
		if (*end || (is_text && text[strspn(text, "0123456789")]))
			status = 0;
	}
	if (!(status >= 200 && status <= 599) || status != (unsigned)status)
		return error_set(&answer->why, 0,
		                 "'statusCode' is %.*s, and no number from 200 to 599",
		                 part->length < 64 ? (int)part->length : 64, part->text);
	answer->status = (unsigned)status;
	return true;
}

static bool is_true(const struct json_part *part)
{
	return part->length > 0 && json_part_kind(part) == JSON_BOOLEAN && part->text[0] == 't';
}

static bool decode_body(struct http_answer *answer, const struct json_part *body)
{
	autobuffer struct buffer text = BUFFER_INIT;
	const char *data = body->text + 1;
	size_t length = body->length - 2;

	/* Some writers of JSON escape '/'. */
	if (memchr(data, '\\', length)) {
		json_part_append_text(&text, body);
		data = text.data;
		length = text.length;
	}
	if (base64_decode(&answer->body, data, length))
		return true;
	return error_set(&answer->why, 0, "'isBase64Encoded' is true, and 'body' is no base64");
}

static bool take_body(struct http_answer *answer, const struct json_part *body, bool is_base64,
                      bool takes_json)
{
	if (is_missing(body))
		return true;
	if (json_part_kind(body) == JSON_STRING) {
		if (is_base64)
			return decode_body(answer, body);
		buffer_reserve(&answer->body, body->length);
		json_part_append_text(&answer->body, body);
		return true;
	}
	if (!takes_json)
		return error_set(&answer->why, 0, "'body' is no string");
	json_part_append_compact(&answer->body, body);
	return true;
}

static bool has_no_body(unsigned status)
{
	return status == 204 || status == 304;
}

/* A response has a type, and none has a body that may have none. */
static void complete(struct http_answer *answer, const char *type)
{
	if (has_no_body(answer->status))
		buffer_finish(&answer->body);
	else if (!find_header(answer, "Content-Type", NULL))
		http_answer_put_header(answer, "Content-Type", type);
}

/* ---- by format ---- */

/* An answer that is no response is the body of one. */
static bool take_whole(struct http_answer *answer, const struct json_part *whole)
{
	if (json_part_kind(whole) == JSON_STRING)
		return take_body(answer, whole, false, true);
	json_part_append_compact(&answer->body, whole);
	return true;
}

static bool map_2_0(struct http_answer *answer, const struct http_site *site,
                    const struct json_part *whole)
{
	struct members members = { .has_unknown = false };

	if (json_part_kind(whole) == JSON_OBJECT)
		read_members(&members, whole, site->format);
	if (members.status.length == 0)
		return take_whole(answer, whole);
	return read_status(answer, &members.status) &&
	       add_headers(answer, site, &members.headers, false) &&
	       add_cookies(answer, site, &members.cookies) &&
	       take_body(answer, &members.body, is_true(&members.is_base64), true);
}

/* Only the first of the types that a client accepts counts. */
static bool accepts_binary(const struct http_site *site, const char *accept)
{
	char type[128];
	size_t length = accept ? strcspn(accept, ", ;") : 0;

	if (length >= sizeof(type))
		return false;
	memcpy(type, accept ? accept : "", length);
	type[length] = '\0';
	return http_site_is_binary(site, type);
}

static bool map_1_0(struct http_answer *answer, const struct http_site *site,
                    const struct json_part *whole, const char *accept)
{
	struct members members;

	if (json_part_kind(whole) != JSON_OBJECT)
		return error_set(&answer->why, 0, "it is no object");
	read_members(&members, whole, site->format);
	if (members.has_unknown)
		return error_set(&answer->why, 0, "it has the member %.*s, which is not known",
		                 members.unknown.length < 64 ? (int)members.unknown.length : 64,
		                 members.unknown.text);
	return (members.status.length == 0 || read_status(answer, &members.status)) &&
	       add_multi_headers(answer, site, &members.multi_headers) &&
	       add_headers(answer, site, &members.headers, false) &&
	       take_body(answer, &members.body,
	                 is_true(&members.is_base64) && accepts_binary(site, accept), false);
}

static bool map_alb(struct http_answer *answer, const struct http_site *site,
                    const struct json_part *whole, size_t length)
{
	struct members members;

	if (length > ALB_LIMIT)
		return error_set(&answer->why, 0, "it has %zu bytes, and %zu are allowed", length,
		                 ALB_LIMIT);
	if (json_part_kind(whole) != JSON_OBJECT)
		return error_set(&answer->why, 0, "it is no object");
	read_members(&members, whole, site->format);
	if (members.status.length == 0)
		return error_set(&answer->why, 0, "it has no 'statusCode'");
	return read_status(answer, &members.status) &&
	       (site->is_multi_value ? add_multi_headers(answer, site, &members.multi_headers)
	                             : add_headers(answer, site, &members.headers, false)) &&
	       take_body(answer, &members.body, is_true(&members.is_base64), false);
}

/* Whether it is a prelude with a body behind it. */
static bool is_stream(const char *text, size_t length)
{
	static const char delimiter[HTTP_PRELUDE_DELIMITER] = "";

	return length > 0 && text[0] == '{' && memmem(text, length, delimiter, sizeof(delimiter));
}

/* Where the value begins and ends. */
static bool read_json(struct http_answer *answer, const char *text, size_t length,
                      struct json_part *whole)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	if (!json_check(text, length, &reason))
		return error_set(&answer->why, 0, "%s",
		                 is_stream(text, length) ? "it is made to be streamed, which takes "
		                                           "--invoke-mode=response_stream"
		                                         : "it is no JSON");
	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		length -= 3;
	}
	*whole = json_part_whole(text, length);
	return true;
}

static bool map(struct http_answer *answer, const struct http_site *site, const char *result,
                size_t length, const char *accept)
{
	struct json_part whole;

	if (!read_json(answer, result, length, &whole))
		return false;
	switch (site->format) {
	case HTTP_FORMAT_URL:
	case HTTP_FORMAT_HTTP_API:
		return map_2_0(answer, site, &whole);
	case HTTP_FORMAT_REST_API:
		return map_1_0(answer, site, &whole, accept);
	case HTTP_FORMAT_ALB:
		return map_alb(answer, site, &whole, length);
	}
	return false;
}

void http_answer_map(struct http_answer *answer, const struct http_site *site, const char *result,
                     size_t length, const char *accept)
{
	if (map(answer, site, result, length, accept))
		complete(answer, site->format == HTTP_FORMAT_ALB ? BINARY_TYPE : JSON_TYPE);
	else
		http_answer_fail(answer, site, HTTP_FAILURE_FUNCTION, 0);
}

/* ---- streams ---- */

static bool map_prelude(struct http_answer *answer, const struct http_site *site, const char *json,
                        size_t length)
{
	struct members members;
	struct json_part whole;

	if (!read_json(answer, json, length, &whole))
		return false;
	if (json_part_kind(&whole) != JSON_OBJECT)
		return error_set(&answer->why, 0, "it is no object");
	read_members(&members, &whole, site->format);
	return (members.status.length == 0 || read_status(answer, &members.status)) &&
	       add_multi_headers(answer, site, &members.multi_headers) &&
	       add_headers(answer, site, &members.headers, true) &&
	       add_cookies(answer, site, &members.cookies);
}

bool http_answer_map_prelude(struct http_answer *answer, const struct http_site *site,
                             const char *json, size_t length)
{
	if (map_prelude(answer, site, json, length)) {
		complete(answer, BINARY_TYPE);
		return true;
	}
	http_answer_fail(answer, site, HTTP_FAILURE_FUNCTION, 0);
	return false;
}

void http_answer_begin_stream(struct http_answer *answer, const char *type)
{
	bool is_fine = type && *type && http_is_field_value(type);

	complete(answer, is_fine ? type : BINARY_TYPE);
}
