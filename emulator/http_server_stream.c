/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server_stream - a reply that is written in pieces
 *
 * MHD asks for bytes when the socket takes them. While there are none, the connection is suspended:
 * a piece that is written resumes it. So nothing is sent, and nobody is woken, that has not to be.
 */
#include <assert.h>
#include <string.h>

#include "emulator/http_server_private.h"

/* Once no more than this is left the writer goes on, so that the socket never runs dry. */
#define ROOM_AGAIN (HTTP_REPLY_ROOM / 2)

/* For HTTP/1.0 alone; of chunks MHD makes the most of its pool. */
#define BLOCK_SIZE ((size_t)16 << 10)

bool exchange_is_writing(const struct http_exchange *exchange)
{
	return exchange->is_reply_streamed && !exchange->is_reply_ended &&
	       !exchange->is_reply_broken;
}

static size_t unsent(const struct http_exchange *exchange)
{
	return exchange->reply.length - exchange->reply_sent;
}

void http_exchange_begin_reply(struct http_exchange *exchange, unsigned status)
{
	if (exchange->phase == EXCHANGE_DROPPED)
		return;
	assert(exchange->phase == EXCHANGE_WAITING);
	exchange->phase = EXCHANGE_REPLIED;
	exchange->status = status;
	exchange->is_reply_streamed = true;
	exchange_resume(exchange);
}

/* Only when they are most of it, so that each byte is moved once at most. */
static void forget_sent(struct http_exchange *exchange)
{
	if (exchange->reply_sent < unsent(exchange))
		return;
	buffer_consume(&exchange->reply, exchange->reply_sent);
	exchange->reply_sent = 0;
}

bool http_exchange_write(struct http_exchange *exchange, const void *data, size_t length)
{
	if (!exchange_is_writing(exchange))
		return true;
	forget_sent(exchange);
	buffer_append(&exchange->reply, data, length);
	exchange_wake(exchange);
	exchange->is_room_wanted = unsent(exchange) >= HTTP_REPLY_ROOM;
	return !exchange->is_room_wanted;
}

void http_exchange_end_reply(struct http_exchange *exchange)
{
	if (!exchange_is_writing(exchange))
		return;
	exchange->is_reply_ended = true;
	exchange_resume(exchange);
}

void http_exchange_break_reply(struct http_exchange *exchange)
{
	if (!exchange_is_writing(exchange))
		return;
	exchange->is_reply_broken = true;
	exchange_wake(exchange);
}

static void tell_room(struct http_exchange *exchange)
{
	if (!exchange->is_room_wanted || unsent(exchange) > ROOM_AGAIN || !exchange->listener ||
	    !exchange_is_writing(exchange))
		return;
	exchange->is_room_wanted = false;
	exchange->listener->on_room(exchange->listener, exchange);
}

static size_t take(struct http_exchange *exchange, char *out, size_t room)
{
	size_t length = unsent(exchange) < room ? unsent(exchange) : room;

	memcpy(out, exchange->reply.data + exchange->reply_sent, length);
	exchange->reply_sent += length;
	tell_room(exchange);
	return length;
}

/* Of MHD, which has room for so much. */
static ssize_t on_wanted(void *closure, uint64_t position, char *out, size_t room)
{
	struct http_exchange *exchange = closure;

	(void)position;
	exchange->connection->server->has_progress = true;
	exchange_met(exchange);
	if (exchange->is_reply_broken) {
		server_wake(
			exchange->connection->server); /* to close it: it does not ask for that */
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (unsent(exchange) > 0)
		return (ssize_t)take(exchange, out, room);
	if (exchange->is_reply_ended)
		return MHD_CONTENT_READER_END_OF_STREAM;
	exchange_suspend(exchange);
	return 0;
}

struct MHD_Response *exchange_create_stream(struct http_exchange *exchange)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_wanted, exchange,
	                                         NULL);
}
