/* SPDX-License-Identifier: Apache-2.0 */
/* response_stream - the answer of a runtime that streams it, on its way to who asked */
#include "emulator/response_stream.h"

#include <stdlib.h>

#include "emulator/clock.h"
#include "emulator/invocation.h"

/* The source is paused while anything holds up the stream. */
static void update(struct response_stream *stream)
{
	bool is_paused = stream->source && (stream->is_full || stream->refill.loop);

	if (is_paused == stream->is_paused)
		return;
	stream->is_paused = is_paused;
	if (is_paused)
		stream->source->pause(stream->source);
	else if (stream->source)
		stream->source->resume(stream->source);
}

static void on_refilled(struct loop_timer *timer)
{
	update(container_of(timer, struct response_stream, refill));
}

void response_stream_create(struct invocation *invocation, struct loop *loop,
                            struct response_source *source, const char *content_type,
                            uint64_t bytes_per_s)
{
	struct response_stream *stream = xcalloc(1, sizeof(*stream));

	stream->invocation = invocation;
	stream->source = source;
	stream->content_type = xstrdup_if(content_type);
	stream->loop = loop;
	stream->refill.on_due = on_refilled;
	stream->refill.is_virtual = true;
	bandwidth_init(&stream->bandwidth, bytes_per_s, RESPONSE_STREAM_BURST, clock_now());
	invocation->stream = stream;
}

void response_stream_destroy(struct response_stream *stream)
{
	if (!stream)
		return;
	loop_timer_stop(&stream->refill);
	free(stream->content_type);
	free(stream);
}

bool response_stream_pass(struct response_stream *stream, const char *data, size_t length)
{
	struct invocation *invocation = stream->invocation;
	uint64_t now = clock_now(), wait;

	if (invocation->is_answered)
		return true;
	if (length > RESPONSE_STREAM_LIMIT - stream->length)
		return false;
	if (stream->length == 0)
		invocation->phase.first_byte_ns = now;
	stream->length += length;
	invocation_pass(invocation, data, length);
	wait = bandwidth_take(&stream->bandwidth, length, now);
	if (wait > 0 && !invocation->is_answered)
		loop_timer_start(stream->loop, &stream->refill, now + wait);
	update(stream);
	return true;
}

void response_stream_set_full(struct response_stream *stream, bool is_full)
{
	stream->is_full = is_full && !stream->invocation->is_answered;
	update(stream);
}

void response_stream_end(struct response_stream *stream)
{
	loop_timer_stop(&stream->refill);
	stream->is_full = false;
	update(stream);
	stream->source = NULL;
}

void response_stream_lose_source(struct response_stream *stream)
{
	stream->source = NULL;
	update(stream);
}
