/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server_stream - a reply that is written in pieces
 *
 * MHD sends the head, and then asks for bytes. It is told that there are none: it suspends the
 * connection, and until all is written the socket is ours. What is written is sent at the end of
 * the turn, or as soon as it is much, and MHD goes on behind the last piece. Through its hands each
 * piece would be copied once more and cut to what its pool has room for, 20 KiB; sent so, a long
 * response takes half of the system calls, and wakes its reader half as often.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "emulator/http_server_private.h"

/* Once no more than this is left the writer goes on, so that the socket never runs dry. */
#define ROOM_AGAIN (HTTP_REPLY_ROOM / 2)

/* MHD wants to know how much it may ask for. */
#define BLOCK_SIZE ((size_t)1 << 10)

bool exchange_is_writing(const struct http_exchange *exchange)
{
	return exchange->is_reply_streamed && !exchange->is_reply_ended &&
	       !exchange->is_reply_broken;
}

static size_t unsent(const struct http_exchange *exchange)
{
	return exchange->reply.length - exchange->reply_sent;
}

/* ---- whose the socket is ---- */

static void take_over(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;

	exchange->is_reply_ours = true;
	exchange->next_writer = connection->server->writers;
	exchange->writer_link = &connection->server->writers;
	if (exchange->next_writer)
		exchange->next_writer->writer_link = &exchange->next_writer;
	connection->server->writers = exchange;
	loop_watch_change(&connection->watch, connection->watch.events | EPOLLOUT);
	exchange_suspend(exchange);
}

void exchange_stop_writing(struct http_exchange *exchange)
{
	struct http_connection *connection = exchange->connection;

	if (!exchange->is_reply_ours)
		return;
	exchange->is_reply_ours = false;
	*exchange->writer_link = exchange->next_writer;
	if (exchange->next_writer)
		exchange->next_writer->writer_link = exchange->writer_link;
	loop_watch_change(&connection->watch, connection->watch.events & ~(uint32_t)EPOLLOUT);
}

/* MHD ends the reply, well or not. */
static void give_back(struct http_exchange *exchange)
{
	if (!exchange->is_reply_ours)
		return;
	exchange_stop_writing(exchange);
	exchange_resume(exchange);
}

/* ---- sending ---- */

static void tell_room(struct http_exchange *exchange)
{
	if (!exchange->is_room_wanted || unsent(exchange) > ROOM_AGAIN || !exchange->listener ||
	    !exchange_is_writing(exchange))
		return;
	exchange->is_room_wanted = false;
	exchange->listener->on_room(exchange->listener, exchange);
}

/* Returns false when the peer is gone. */
static bool send_pieces(struct http_exchange *exchange)
{
	while (unsent(exchange) > 0) {
		ssize_t sent = send(exchange->connection->watch.fd,
		                    exchange->reply.data + exchange->reply_sent, unsent(exchange),
		                    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent > 0)
			exchange->reply_sent += (size_t)sent;
		else if (errno != EINTR)
			return errno == EAGAIN;
	}
	return true;
}

void exchange_send_pieces(struct http_exchange *exchange)
{
	exchange->has_pieces = false;
	if (!exchange->is_reply_ours)
		return;
	if (!send_pieces(exchange)) {
		exchange->is_reply_broken = true;
		give_back(exchange);
		return;
	}
	tell_room(exchange);
	if (exchange->is_reply_ended && unsent(exchange) == 0)
		give_back(exchange);
}

bool server_send_pieces(struct http_server *server)
{
	struct http_exchange *exchange, *next;
	bool has_more_work = server->has_pieces;

	if (!has_more_work)
		return false;
	server->has_pieces = false;
	for (exchange = server->writers; exchange; exchange = next) {
		next = exchange->next_writer;
		if (exchange->has_pieces)
			exchange_send_pieces(exchange);
	}
	return true;
}

void server_break_writers(struct http_server *server)
{
	while (server->writers) {
		struct http_exchange *exchange = server->writers;

		send_pieces(exchange);
		exchange->is_reply_broken |= !exchange->is_reply_ended || unsent(exchange) > 0;
		give_back(exchange);
	}
}

/* ---- for the handler ---- */

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

/* As a chunk, which MHD would make of it; HTTP/1.0 has none. */
static void append_piece(struct http_exchange *exchange, const void *data, size_t length)
{
	char size[24];

	if (exchange->is_http_1_0) {
		buffer_append(&exchange->reply, data, length);
		return;
	}
	buffer_append(&exchange->reply, size,
	              (size_t)snprintf(size, sizeof(size), "%zx\r\n", length));
	buffer_append(&exchange->reply, data, length);
	buffer_append(&exchange->reply, "\r\n", 2);
}

bool http_exchange_write(struct http_exchange *exchange, const void *data, size_t length)
{
	bool was_full = exchange->is_room_wanted;

	if (!exchange_is_writing(exchange) || length == 0)
		return true;
	forget_sent(exchange);
	append_piece(exchange, data, length);
	exchange->has_pieces = exchange->connection->server->has_pieces = true;
	exchange->is_room_wanted = unsent(exchange) >= HTTP_REPLY_ROOM;
	if (!exchange->is_room_wanted || was_full || !exchange->is_reply_ours)
		return !exchange->is_room_wanted;
	/* Rather now than to pause whoever writes it. */
	if (send_pieces(exchange))
		exchange->is_room_wanted = unsent(exchange) > ROOM_AGAIN;
	return !exchange->is_room_wanted;
}

void http_exchange_end_reply(struct http_exchange *exchange)
{
	if (!exchange_is_writing(exchange))
		return;
	exchange->is_reply_ended = true;
	exchange_send_pieces(exchange);
}

void http_exchange_break_reply(struct http_exchange *exchange)
{
	if (!exchange_is_writing(exchange))
		return;
	exchange->is_reply_broken = true;
	give_back(exchange);
}

/* ---- for MHD ---- */

/* The head is sent, or we have given the socket back. */
static ssize_t on_wanted(void *closure, uint64_t position, char *out, size_t room)
{
	struct http_exchange *exchange = closure;
	struct http_server *server = exchange->connection->server;

	(void)position;
	(void)out;
	(void)room;
	server->has_progress = true;
	exchange_met(exchange);
	if (exchange->is_reply_broken) {
		server_wake(server); /* to close it: it does not ask for that */
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	if (exchange->is_reply_ended && unsent(exchange) == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	take_over(exchange);
	exchange->has_pieces = server->has_pieces = true;
	return 0;
}

struct MHD_Response *exchange_create_stream(struct http_exchange *exchange)
{
	return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_wanted, exchange,
	                                         NULL);
}
