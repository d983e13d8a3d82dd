/* SPDX-License-Identifier: Apache-2.0 */
/* xray - segment documents of AWS X-Ray */
#include "emulator/xray.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/json.h"

/* The daemon's own line of a datagram. */
#define HEADER_LIMIT 256

#define NAME_LIMIT 200 /* characters */

/* ---- members ---- */

static bool is_hex(const char *text, size_t digits)
{
	return strspn(text, "0123456789abcdefABCDEF") >= digits;
}

static bool is_id(const char *text)
{
	return text && strlen(text) == XRAY_ID_SIZE - 1 && is_hex(text, XRAY_ID_SIZE - 1);
}

static bool is_trace_id(const char *text)
{
	return text && strlen(text) == XRAY_TRACE_SIZE - 1 && strncmp(text, "1-", 2) == 0 &&
	       is_hex(text + 2, 8) && text[10] == '-' && is_hex(text + 11, 24);
}

/* In UTF-8, each byte but those that go on with one begins a character. */
static size_t count_characters(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static bool check_name(const struct json *document, struct error *err)
{
	const char *name = json_text(json_member(document, "name"));
	size_t length = name ? count_characters(name) : 0;

	if (length == 0 || length > NAME_LIMIT)
		return error_set(err, 0, "it has no name of 1 to %d characters", NAME_LIMIT);
	return true;
}

static bool check_times(const struct json *document, struct error *err)
{
	const struct json *end_json = json_member(document, "end_time");
	double start, end;

	if (!json_number(json_member(document, "start_time"), &start) || start <= 0)
		return error_set(err, 0, "its start_time is no number of seconds");
	if (!end_json) {
		if (json_is_true(json_member(document, "in_progress")))
			return true;
		return error_set(err, 0, "it has neither an end_time nor in_progress");
	}
	if (!json_number(end_json, &end) || end < start)
		return error_set(err, 0, "its end_time is no number of seconds after start_time");
	return true;
}

/* What a segment and a subsegment, sent alone or inside, have in common. */
static bool check_segment(const struct json *document, struct error *err)
{
	const struct json *inner = json_member(document, "subsegments");

	if (!json_is_object(document))
		return error_set(err, 0, "it is no object");
	if (!check_name(document, err))
		return false;
	if (!is_id(json_text(json_member(document, "id"))))
		return error_set(err, 0, "its id has not 16 hexadecimal digits");
	if (!check_times(document, err))
		return false;
	if (inner && !json_is_array(inner))
		return error_set(err, 0, "its subsegments are no array");
	for (size_t i = 0; i < json_length(inner); i++) {
		struct error why;

		/* Nested no deeper than json_read() takes. */
		if (!check_segment(json_item(inner, i), &why))
			return error_set(err, 0, "one of its subsegments: %.150s", why.text);
	}
	return true;
}

/* A text of which the length is known to be right. */
static void copy(char *to, const char *from, size_t size)
{
	memcpy(to, from, size - 1);
	to[size - 1] = '\0';
}

static bool check_document(const struct json *json, struct xray_document *document,
                           struct error *err)
{
	const char *trace = json_text(json_member(json, "trace_id"));
	const struct json *type = json_member(json, "type");
	const struct json *parent = json_member(json, "parent_id");

	if (!check_segment(json, err))
		return false;
	if (!is_trace_id(trace))
		return error_set(err, 0, "its trace_id has not the form 1-8digits-24digits");
	document->is_subsegment = json_text(type) && strcmp(json_text(type), "subsegment") == 0;
	if (type && !document->is_subsegment)
		return error_set(err, 0, "its type is not 'subsegment'");
	if ((parent || document->is_subsegment) && !is_id(json_text(parent)))
		return error_set(err, 0, "its parent_id has not 16 hexadecimal digits");
	copy(document->id, json_text(json_member(json, "id")), sizeof(document->id));
	copy(document->trace_id, trace, sizeof(document->trace_id));
	if (parent)
		copy(document->parent_id, json_text(parent), sizeof(document->parent_id));
	return true;
}

/* ---- datagrams ---- */

static bool check_header(const char *header, size_t length, struct error *err)
{
	struct error why;
	struct json *json = length <= HEADER_LIMIT ? json_read(header, length, &why) : NULL;
	const char *format = json_text(json_member(json, "format"));
	double version = 0;
	bool is_fine = format && strcmp(format, "json") == 0 &&
	               json_number(json_member(json, "version"), &version) && version == 1;

	json_destroy(json);
	return is_fine || error_set(err, 0,
	                            "it does not begin with the line "
	                            "{\"format\":\"json\",\"version\":1}");
}

bool xray_read(const char *datagram, size_t length, struct xray_document *document,
               struct error *err)
{
	const char *newline = memchr(datagram, '\n', length);
	size_t header_length = newline ? (size_t)(newline - datagram) : length;
	struct error why;
	struct json *json;
	bool is_fine;

	*document = (struct xray_document){ .is_subsegment = false };
	if (!check_header(datagram, header_length, err))
		return false;
	if (!newline || header_length + 1 == length)
		return error_set(err, 0, "no document follows its first line");
	document->json = newline + 1;
	document->length = length - header_length - 1;
	if (document->length > XRAY_DOCUMENT_LIMIT)
		return error_set(err, 0, "it has %zu bytes, and X-Ray takes %zu", document->length,
		                 XRAY_DOCUMENT_LIMIT);
	json = json_read(document->json, document->length, &why);
	if (!json)
		return error_set(err, 0, "it is no JSON: %.150s", why.text);
	is_fine = check_document(json, document, err);
	json_destroy(json);
	return is_fine;
}

/* ---- lines ---- */

static void begin_line(struct buffer *out, const char *request_id, const char *source)
{
	json_object_begin(out);
	json_object_text_or_null(out, "requestId", request_id);
	json_object_text(out, "source", source);
}

static void end_line(struct buffer *out)
{
	json_object_end(out);
	buffer_append_text(out, "\n");
}

void xray_append_document(struct buffer *out, const struct xray_document *document,
                          const char *request_id)
{
	size_t start = out->length;

	begin_line(out, request_id, "function");
	json_object_json(out, "document", document->json, document->length);
	/* Inside of a text there is none: JSON escapes them there. */
	for (char *at = out->data + start; *at; at++)
		if (*at == '\n' || *at == '\r')
			*at = ' ';
	end_line(out);
}

/* Seconds since the epoch to the microsecond, which a double would not hold exactly. */
static void append_time(struct buffer *out, const char *name, uint64_t ns)
{
	char text[40];
	int length = snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64, ns / CLOCK_NS_PER_S,
	                      ns % CLOCK_NS_PER_S / CLOCK_NS_PER_US);

	json_object_json(out, name, text, (size_t)length);
}

static void append_span(struct buffer *out, const char *name, const struct xray_span *span)
{
	json_object_text(out, "name", name);
	json_object_text(out, "id", span->id);
	append_time(out, "start_time", span->start_ns);
	append_time(out, "end_time", span->end_ns);
}

static void append_subsegment(struct buffer *out, const char *name, const struct xray_span *span)
{
	if (!span->start_ns || span->end_ns < span->start_ns)
		return;
	json_array_item(out);
	append_span(out, name, span);
	json_object_end(out);
}

static void append_cause(struct buffer *out, const struct xray_invocation *invocation)
{
	if (!invocation->is_fault)
		return;
	json_object_bool(out, "fault", true);
	if (invocation->cause) {
		json_object_json(out, "cause", invocation->cause, strlen(invocation->cause));
	} else if (invocation->error_type) {
		json_object_open(out, "cause");
		json_array_open(out, "exceptions");
		json_array_item(out);
		json_object_text(out, "type", invocation->error_type);
		json_object_text(out, "message", invocation->error_message);
		json_object_end(out);
		json_array_end(out);
		json_object_end(out);
	}
}

/* Function errors are answered with 200, too. */
static void append_lambda(struct buffer *out, const struct xray_invocation *invocation)
{
	begin_line(out, invocation->request_id, "lambda");
	json_object_open(out, "document");
	append_span(out, invocation->function_name, &invocation->lambda);
	json_object_text(out, "trace_id", invocation->trace_id);
	if (*invocation->caller_id)
		json_object_text(out, "parent_id", invocation->caller_id);
	json_object_text(out, "origin", "AWS::Lambda");
	json_object_text(out, "resource_arn", invocation->function_arn);
	json_object_open(out, "http");
	json_object_open(out, "response");
	json_object_number(out, "status", 200);
	json_object_end(out);
	json_object_end(out);
	json_object_open(out, "aws");
	json_object_text(out, "request_id", invocation->request_id);
	json_object_end(out);
	json_object_end(out);
	end_line(out);
}

static void append_function(struct buffer *out, const struct xray_invocation *invocation)
{
	begin_line(out, invocation->request_id, "lambda");
	json_object_open(out, "document");
	append_span(out, invocation->function_name, &invocation->function);
	json_object_text(out, "trace_id", invocation->trace_id);
	json_object_text(out, "parent_id", invocation->lambda.id);
	json_object_text(out, "origin", "AWS::Lambda::Function");
	json_object_open(out, "aws");
	json_object_text(out, "account_id", invocation->account_id);
	json_object_text(out, "function_arn", invocation->function_arn);
	json_object_text(out, "request_id", invocation->request_id);
	json_object_end(out);
	append_cause(out, invocation);
	json_array_open(out, "subsegments");
	append_subsegment(out, "Initialization", &invocation->init);
	append_subsegment(out, "Invocation", &invocation->invocation);
	append_subsegment(out, "Overhead", &invocation->overhead);
	json_array_end(out);
	json_object_end(out);
	end_line(out);
}

void xray_append_invocation(struct buffer *out, const struct xray_invocation *invocation)
{
	append_lambda(out, invocation);
	append_function(out, invocation);
}
