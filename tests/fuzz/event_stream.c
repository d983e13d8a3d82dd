/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_stream - messages of any names, values and payloads: what is encoded reads back as it was
 *
 * The input is lines "name TAB value", an empty line, and the payload.
 */
#include "emulator/event_stream.h"

#include <stdlib.h>

#include "tests/unit/event_stream.h"

#define HEADERS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts 'text' into headers; returns what is behind them. */
static char *take_headers(char *text, struct event_stream_header *headers, size_t *count)
{
	for (*count = 0; *count < HEADERS && *text && *text != '\n'; (*count)++) {
		char *end = text + strcspn(text, "\n"), *tab;
		bool is_last = *end == '\0';

		*end = '\0';
		tab = text + strcspn(text, "\t");
		headers[*count].name = text;
		headers[*count].value = *tab ? tab + 1 : tab;
		*tab = '\0';
		text = is_last ? end : end + 1;
	}
	return text;
}

static void check_headers(struct message *message, const struct event_stream_header *headers,
                          size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const unsigned char *name, *value;
		size_t name_length, value_length;

		if (!message_header(message, &name, &name_length, &value, &value_length) ||
		    name_length != strlen(headers[i].name) ||
		    memcmp(name, headers[i].name, name_length) != 0 ||
		    value_length != strlen(headers[i].value) ||
		    memcmp(value, headers[i].value, value_length) != 0)
			abort();
	}
	if (message->headers_length > 0)
		abort();
}

static void check_message(const struct buffer *out, const void *payload, size_t length,
                          const struct event_stream_header *headers, size_t count)
{
	struct message message;

	if (!message_read(&message, out->data, out->length) || message.length != out->length ||
	    message.payload_length != length || memcmp(message.payload, payload, length) != 0)
		abort();
	if (headers)
		check_headers(&message, headers, count);
}

static void check_end(const char *text, size_t length)
{
	struct event_stream_end end = { .is_error = length % 3 > 0,
		                        .details = text,
		                        .details_length = length,
		                        .log_result = length % 2 ? "bG9n" : NULL };
	struct buffer out = BUFFER_INIT;
	struct message message;

	event_stream_append_end(&out, &end);
	if (!message_read(&message, out.data, out.length) || message.length != out.length ||
	    message.payload_length < 2 || message.payload[0] != '{' ||
	    message.payload[message.payload_length - 1] != '}')
		abort();
	buffer_finish(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_stream_header headers[HEADERS];
	struct buffer text = BUFFER_INIT, out = BUFFER_INIT;
	const char *payload;
	size_t count, length;

	buffer_append(&text, data, size);
	payload = take_headers(text.data, headers, &count);
	length = text.length - (size_t)(payload - text.data);
	if (event_stream_append(&out, headers, count, payload, length))
		check_message(&out, payload, length, headers, count);
	else if (out.length > 0)
		abort();
	buffer_clear(&out);
	event_stream_append_chunk(&out, data, size);
	check_message(&out, data, size, NULL, 0);
	check_end((const char *)data, size);
	buffer_finish(&text);
	buffer_finish(&out);
	return 0;
}
