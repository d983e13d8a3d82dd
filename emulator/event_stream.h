/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_stream - messages of application/vnd.amazon.eventstream, as bytes.
 *
 * A message is a frame with two checksums, some headers that are texts, and a
 * payload. InvokeWithResponseStream answers with any number of PayloadChunk
 * messages and one InvokeComplete. Source: spec invoke-api.md §2.
 */
#ifndef EMULATOR_EVENT_STREAM_H
#define EMULATOR_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

/* What the format allows. */
#define EVENT_STREAM_NAME_LIMIT 255
#define EVENT_STREAM_VALUE_LIMIT 32767
#define EVENT_STREAM_HEADERS_LIMIT ((size_t)128 << 10)
#define EVENT_STREAM_PAYLOAD_LIMIT ((size_t)16 << 20)

/* The payload of one PayloadChunk at most, which is ours to choose. */
#define EVENT_STREAM_CHUNK ((size_t)64 << 10)

/* Of what went wrong, InvokeComplete tells so many bytes: a message has an end. */
#define EVENT_STREAM_DETAILS_LIMIT ((size_t)64 << 10)

struct event_stream_header {
	const char *name;
	const char *value; /* UTF-8 */
};

/* Appends one message. Returns false, and appends nothing, when it is more than the format allows:
 * an empty name among it. */
bool event_stream_append(struct buffer *out, const struct event_stream_header *headers,
                         size_t count, const void *payload, size_t length);

/* Appends 'length' bytes, EVENT_STREAM_CHUNK at most, as a PayloadChunk. */
void event_stream_append_chunk(struct buffer *out, const void *payload, size_t length);

struct event_stream_end {
	bool is_error;
	const char *details; /* of the error; any bytes, and what is no UTF-8 is replaced */
	size_t details_length;
	const char *log_result; /* base64; NULL: the caller did not want it */
};

/* Appends an InvokeComplete. */
void event_stream_append_end(struct buffer *out, const struct event_stream_end *end);

#endif
