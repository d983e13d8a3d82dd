/* SPDX-License-Identifier: Apache-2.0 */
/* invoke_stream - how InvokeWithResponseStream answers */
#include "emulator/invoke_stream.h"

#include "emulator/base64.h"
#include "emulator/event_stream.h"

void invoke_stream_begin(struct http_exchange *exchange, const char *version)
{
	http_exchange_add_header(exchange, "Content-Type", "application/vnd.amazon.eventstream");
	http_exchange_add_header(exchange, "X-Amz-Executed-Version", version);
	http_exchange_begin_reply(exchange, 200);
}

bool invoke_stream_write(struct http_exchange *exchange, const char *data, size_t length)
{
	autobuffer struct buffer message = BUFFER_INIT;
	bool has_room = true;

	while (length > 0) {
		size_t part = length < EVENT_STREAM_CHUNK ? length : EVENT_STREAM_CHUNK;

		buffer_clear(&message);
		event_stream_append_chunk(&message, data, part);
		has_room = http_exchange_write(exchange, message.data, message.length);
		data += part;
		length -= part;
	}
	return has_room;
}

void invoke_stream_end(struct http_exchange *exchange, const struct buffer *error,
                       const struct log_tail *tail)
{
	autobuffer struct buffer message = BUFFER_INIT, log = BUFFER_INIT, encoded = BUFFER_INIT;
	struct event_stream_end end = {
		.is_error = error != NULL,
		.details = error ? error->data : NULL,
		.details_length = error ? error->length : 0,
	};

	if (tail) {
		log_tail_copy(tail, &log);
		base64_encode(&encoded, log.data, log.length);
		end.log_result = encoded.data;
	}
	event_stream_append_end(&message, &end);
	http_exchange_write(exchange, message.data, message.length);
	http_exchange_end_reply(exchange);
}
