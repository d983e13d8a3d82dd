/* SPDX-License-Identifier: Apache-2.0 */
/* event_stream - messages of application/vnd.amazon.eventstream, as bytes */
#include "emulator/event_stream.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include <zlib.h>

#include "emulator/json.h"

/* Both lengths and their checksum; and the checksum of all at the end. */
#define PRELUDE_SIZE 12
#define FRAME_SIZE (PRELUDE_SIZE + 4)

#define TYPE_TEXT 7

static void append_u8(struct buffer *out, size_t value)
{
	char byte = (char)value;

	buffer_append(out, &byte, 1);
}

static void append_u16(struct buffer *out, size_t value)
{
	append_u8(out, value >> 8);
	append_u8(out, value & 0xff);
}

static void append_u32(struct buffer *out, size_t value)
{
	append_u16(out, value >> 16);
	append_u16(out, value & 0xffff);
}

/* Of what stands behind 'start'. */
static void append_checksum(struct buffer *out, size_t start)
{
	const Bytef *data = (const Bytef *)out->data + start;

	append_u32(out, crc32_z(0, data, out->length - start));
}

/* What the headers take; more than the format allows when they cannot be. */
static size_t measure(const struct event_stream_header *headers, size_t count)
{
	size_t total = 0;

	for (size_t i = 0; i < count && total <= EVENT_STREAM_HEADERS_LIMIT; i++) {
		size_t name = strlen(headers[i].name), value = strlen(headers[i].value);

		if (name == 0 || name > EVENT_STREAM_NAME_LIMIT || value > EVENT_STREAM_VALUE_LIMIT)
			return EVENT_STREAM_HEADERS_LIMIT + 1;
		total += 1 + name + 1 + 2 + value;
	}
	return total;
}

static void append_header(struct buffer *out, const struct event_stream_header *header)
{
	append_u8(out, strlen(header->name));
	buffer_append_text(out, header->name);
	append_u8(out, TYPE_TEXT);
	append_u16(out, strlen(header->value));
	buffer_append_text(out, header->value);
}

bool event_stream_append(struct buffer *out, const struct event_stream_header *headers,
                         size_t count, const void *payload, size_t length)
{
	size_t headers_length = measure(headers, count), start = out->length;

	if (headers_length > EVENT_STREAM_HEADERS_LIMIT || length > EVENT_STREAM_PAYLOAD_LIMIT)
		return false;
	buffer_reserve(out, FRAME_SIZE + headers_length + length);
	append_u32(out, FRAME_SIZE + headers_length + length);
	append_u32(out, headers_length);
	append_checksum(out, start);
	for (size_t i = 0; i < count; i++)
		append_header(out, &headers[i]);
	buffer_append(out, payload, length);
	append_checksum(out, start);
	return true;
}

/* Clients do not know what a message is that lacks its type. */
static void append_event(struct buffer *out, const char *type, const char *content_type,
                         const void *payload, size_t length)
{
	struct event_stream_header headers[] = {
		{ ":message-type", "event" },
		{ ":event-type", type },
		{ ":content-type", content_type },
	};
	bool fits = event_stream_append(out, headers, sizeof(headers) / sizeof(headers[0]), payload,
	                                length);

	assert(fits);
	(void)fits;
}

void event_stream_append_chunk(struct buffer *out, const void *payload, size_t length)
{
	assert(length <= EVENT_STREAM_CHUNK);
	append_event(out, "PayloadChunk", "application/octet-stream", payload, length);
}

/* Whole characters. */
static size_t cut(const char *text, size_t length)
{
	if (length <= EVENT_STREAM_DETAILS_LIMIT)
		return length;
	length = EVENT_STREAM_DETAILS_LIMIT;
	while (length > EVENT_STREAM_DETAILS_LIMIT - 4 && (text[length] & 0xc0) == 0x80)
		length--;
	return length;
}

void event_stream_append_end(struct buffer *out, const struct event_stream_end *end)
{
	autobuffer struct buffer text = BUFFER_INIT;

	json_object_begin(&text);
	if (end->is_error) {
		json_object_text(&text, "ErrorCode", "Unhandled");
		json_object_bytes(&text, "ErrorDetails", end->details,
		                  cut(end->details, end->details_length));
	}
	if (end->log_result)
		json_object_text(&text, "LogResult", end->log_result);
	json_object_end(&text);
	append_event(out, "InvokeComplete", "application/json", text.data, text.length);
}
