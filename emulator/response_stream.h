/* SPDX-License-Identifier: Apache-2.0 */
/*
 * response_stream - the answer of a runtime that streams it, on its way to who asked.
 *
 * Each piece is passed on as it comes, and nothing is kept. Two can hold it up:
 * the asker, who has no room for more, and Lambda's bandwidth
 * (--stream-bandwidth=aws). Then its source is paused: whoever reads the answer
 * from the runtime leaves it where it is, and the function has to wait. Once
 * the asker has its answer, whatever that is, the rest is read and forgotten,
 * so that the function can go on.
 *
 * Source: spec runtime-api.md §4.
 */
#ifndef EMULATOR_RESPONSE_STREAM_H
#define EMULATOR_RESPONSE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/bandwidth.h"
#include "emulator/loop.h"

/* 200 MB since the middle of 2025. */
#define RESPONSE_STREAM_LIMIT (UINT64_C(200) << 20)

/* The first 6 MiB pass at once, what follows at 2 MiB a second. */
#define RESPONSE_STREAM_BURST (UINT64_C(6) << 20)
#define RESPONSE_STREAM_RATE (UINT64_C(2) << 20)

struct invocation;

/* Who reads it from the runtime; embedded there. A pause and a resume that change nothing are
 * never asked for. */
struct response_source {
	void (*pause)(struct response_source *source);
	void (*resume)(struct response_source *source);
};

/* What is known of an answer before its first byte. */
struct response_head {
	const char *content_type; /* as the runtime said; NULL: it did not */
	bool is_streamed;         /* it comes as it is made, and not whole */
};

struct response_stream {
	struct invocation *invocation;
	struct response_source *source; /* NULL once it is gone */
	char *content_type;
	uint64_t length; /* so far */
	struct loop *loop;
	struct bandwidth bandwidth;
	struct loop_timer refill;
	bool is_full;   /* the asker has no room */
	bool is_paused; /* the source, for whatever reason */
};

/* The answer of 'invocation' begins, whose stream it becomes. 'source' must live until
 * response_stream_lose_source(), or until the invocation is answered. */
void response_stream_create(struct invocation *invocation, struct loop *loop,
                            struct response_source *source, const char *content_type,
                            uint64_t bytes_per_s);

/* For invocation.c alone. NULL is fine. */
void response_stream_destroy(struct response_stream *stream);

/* Passes a piece on. Returns false, and passes nothing on, when it is more than Lambda takes. */
bool response_stream_pass(struct response_stream *stream, const char *data, size_t length);

/* Whether the asker has no room. */
void response_stream_set_full(struct response_stream *stream, bool is_full);

/* Nothing more is passed on, and nothing holds up the source any longer. */
void response_stream_end(struct response_stream *stream);

/* The source ends before the stream, or with it. */
void response_stream_lose_source(struct response_stream *stream);

#endif
