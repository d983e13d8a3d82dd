/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_response - where a response to a request of ours ends, and its status.
 *
 * Of a response only the status counts here: headers are looked at for what
 * says where it ends, and all else is thrown away as it arrives, so that a
 * response takes no memory. What sends it is a process in the box: it may send
 * anything, and never end.
 *
 * Interim responses (1xx) are passed over. After HTTP_RESPONSE_BAD the bytes that
 * follow mean nothing; the connection must be closed.
 *
 * Source: RFC 9112 §4 to §7.
 */
#ifndef EMULATOR_HTTP_RESPONSE_H
#define EMULATOR_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a head, interim ones included, and of the chunks' own lines. */
#define HTTP_RESPONSE_HEAD_LIMIT ((size_t)32 << 10)

/* Bytes of a body. Who acknowledges telemetry has nothing to say. */
#define HTTP_RESPONSE_BODY_LIMIT ((size_t)1 << 20)

/* Bytes of a line that are looked at; the rest of a longer one is passed over. */
#define HTTP_RESPONSE_LINE 256

enum http_response_state {
	HTTP_RESPONSE_UNFINISHED,
	HTTP_RESPONSE_COMPLETE,
	HTTP_RESPONSE_BAD, /* no HTTP, or too long; 'defect' tells which */
};

struct http_response {
	enum http_response_state state;
	unsigned status;    /* 0 until it is known */
	bool keeps;         /* COMPLETE: the connection may be used again */
	bool has_head;      /* whatever becomes of the body, 'status' is what the peer says */
	const char *defect; /* BAD: "the status line is no HTTP" */

	/* private */
	enum {
		HTTP_RESPONSE_STATUS_LINE,
		HTTP_RESPONSE_HEADER,
		HTTP_RESPONSE_BODY,
		HTTP_RESPONSE_CHUNK_SIZE,
		HTTP_RESPONSE_CHUNK,
		HTTP_RESPONSE_CHUNK_END,
		HTTP_RESPONSE_TRAILER,
	} part;
	bool is_chunked, has_length, until_close;
	uint64_t left; /* of the body, or the chunk */
	size_t head_bytes, body_bytes;
	size_t line_length; /* of what is looked at */
	char line[HTTP_RESPONSE_LINE];
};

/* For the response to the next request. */
void http_response_begin(struct http_response *response);

/* Takes what has arrived. Returns how many bytes belong to the response: fewer than 'length' only
 * when it is COMPLETE or BAD. */
size_t http_response_take(struct http_response *response, const char *data, size_t length);

/* The peer sends no more, which ends some responses and breaks others. */
void http_response_end(struct http_response *response);

#endif
