/* SPDX-License-Identifier: Apache-2.0 */
/* http_stream - bodies and replies in pieces: promptness, flow control, and every way to break off.
 */
#include <string.h>

#include "tests/unit/http_peer.h"

#define POST "POST /up HTTP/1.1\r\nHost: a\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"
#define DOWN "GET /down HTTP/1.1\r\nHost: a\r\n\r\n"

static struct {
	int heads, pieces, requests, hangups, finished, truncated, rooms;
	struct http_exchange *exchange; /* the last one, until it is finished */
	struct buffer body;
	size_t total;     /* bytes of body */
	bool is_ordered;  /* each byte was as make_bytes() makes them */
	bool pauses;      /* ... after each piece */
	bool drops;       /* ... the exchange, at the first piece */
	bool forgets;     /* what is behind the first piece */
	bool writes_all;  /* a whole reply inside on_request */
	bool closes_room; /* closes the listener in on_room */
	char trailer[64];
} seen;

static char byte_at(size_t position)
{
	return (char)((position * 7 + position / 251) & 0xff);
}

static void on_head(struct http_listener *self, struct http_exchange *exchange)
{
	(void)self;
	seen.heads++;
	seen.exchange = exchange;
	if (strcmp(http_exchange_path(exchange), "/up") == 0)
		http_exchange_stream_body(exchange);
}

static void on_body(struct http_listener *self, struct http_exchange *exchange, const char *data,
                    size_t length)
{
	CHECK(self == &listener && exchange == seen.exchange && length > 0);
	seen.pieces++;
	for (size_t i = 0; i < length && seen.is_ordered; i++)
		seen.is_ordered = data[i] == byte_at(seen.total + i);
	seen.total += length;
	if (seen.body.length < 1000)
		buffer_append(&seen.body, data, length);
	if (seen.pauses)
		http_exchange_pause_body(exchange);
	if (seen.drops)
		http_exchange_drop(exchange);
	if (seen.forgets)
		http_exchange_forget_body(exchange);
}

static void on_request(struct http_listener *self, struct http_exchange *exchange)
{
	const char *trailer = http_exchange_trailer(exchange, "X-Trailer");
	struct buffer body = BUFFER_INIT;

	(void)self;
	seen.requests++;
	snprintf(seen.trailer, sizeof(seen.trailer), "%s", trailer ? trailer : "");
	CHECK_INT(http_exchange_body_state(exchange),
	          seen.forgets ? HTTP_BODY_TOO_LARGE : HTTP_BODY_COMPLETE);
	if (seen.forgets) {
		http_exchange_reply(exchange, 413, NULL);
	} else if (strcmp(http_exchange_path(exchange), "/up") == 0) {
		CHECK_INT(http_exchange_body_length(exchange), seen.total);
		http_exchange_reply(exchange, 202, &body);
	} else if (seen.writes_all) {
		http_exchange_begin_reply(exchange, 200);
		http_exchange_write(exchange, "all at", 6);
		http_exchange_write(exchange, " once", 5);
		http_exchange_end_reply(exchange);
	}
}

static void on_hangup(struct http_listener *self, struct http_exchange *exchange)
{
	CHECK(self == &listener && exchange == seen.exchange);
	seen.hangups++;
}

static void on_room(struct http_listener *self, struct http_exchange *exchange)
{
	CHECK(self == &listener && exchange == seen.exchange);
	seen.rooms++;
	if (seen.closes_room)
		close_listener();
}

static void on_finished(struct http_listener *self, struct http_exchange *exchange)
{
	CHECK(self == &listener);
	seen.finished++;
	seen.truncated += http_exchange_is_truncated(exchange);
	if (seen.exchange == exchange)
		seen.exchange = NULL;
}

static void begin(void)
{
	static const struct http_listener callbacks = { .on_head = on_head,
		                                        .on_body = on_body,
		                                        .on_request = on_request,
		                                        .on_hangup = on_hangup,
		                                        .on_room = on_room,
		                                        .on_finished = on_finished };

	memset(&seen, 0, sizeof(seen));
	buffer_init(&seen.body);
	seen.is_ordered = true;
	server_begin(&callbacks, 65536, 100);
}

static void end(void)
{
	server_end();
	CHECK_INT(seen.finished, seen.heads);
	buffer_finish(&seen.body);
}

/* ---- bodies ---- */

static size_t wanted;

static bool has_total(const void *subject)
{
	(void)subject;
	return seen.total >= wanted;
}

static void expect_total(size_t total)
{
	wanted = total;
	CHECK(wait_for(has_total, NULL));
	CHECK_INT(seen.total, total);
}

static void test_pieces_come_at_once(void)
{
	struct client client;

	begin();
	client_open(&client, CHUNKED "3\r\none\r\n");
	seen.is_ordered = false;
	expect_total(3);
	CHECK_STR(seen.body.data, "one");
	CHECK_INT(seen.requests, 0);
	client_say(&client, "3\r\ntw");
	expect_total(5);
	client_say(&client, "o\r\n1\r\n3\r\n");
	expect_total(7);
	turn_a_while();
	CHECK_INT(seen.requests, 0);
	client_say(&client, "0\r\nX-Trailer: the end\r\n\r\n");
	CHECK(wait_for(has_reply, &client));
	CHECK_INT(status_of(&client), 202);
	CHECK_STR(seen.body.data, "onetwo3");
	CHECK_STR(seen.trailer, "the end");
	client_finish(&client);
	end();
}

static void test_announced_length(void)
{
	struct client client;

	begin();
	client_open(&client, POST "Content-Length: 6\r\n\r\nhel");
	expect_total(3);
	client_say(&client, "lo!");
	CHECK(wait_for(has_reply, &client));
	CHECK_STR(seen.body.data, "hello!");
	buffer_clear(&client.got);
	client_say(&client, POST "Content-Length: 0\r\n\r\n");
	expect_total(6);
	client_finish(&client);
	end();
}

/* A request whose body has 'length' bytes, in chunks. */
static void make_request(struct buffer *request, size_t length, size_t chunk)
{
	buffer_append_text(request, CHUNKED);
	for (size_t at = 0; at < length; at += chunk) {
		size_t part = length - at < chunk ? length - at : chunk;

		buffer_append_format(request, "%zx\r\n", part);
		for (size_t i = 0; i < part; i++) {
			char byte = byte_at(at + i);

			buffer_append(request, &byte, 1);
		}
		buffer_append_text(request, "\r\n");
	}
	buffer_append_text(request, "0\r\n\r\n");
}

static void on_resume(struct loop_timer *timer)
{
	if (seen.exchange)
		http_exchange_resume_body(seen.exchange);
	loop_timer_start(loop, timer, 0);
}

static void test_pauses(void)
{
	static const size_t chunks[] = { 1 << 20, 70001, 997 };

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct buffer request = BUFFER_INIT;
		struct loop_timer resume = { .on_due = on_resume };
		struct client client;
		size_t total = (size_t)8 << 20;

		begin();
		seen.pauses = true;
		make_request(&request, total, chunks[i]);
		client_open(&client, "");
		client_write(&client, request.data, request.length);
		CHECK(wait_for(reached, &seen.pieces));
		turn_a_while();
		/* The rest lies in the sockets, or is not even sent. */
		CHECK_INT(seen.pieces, 1);
		CHECK(client.left > 0);
		loop_timer_start(loop, &resume, 0);
		CHECK(wait_for(has_reply, &client));
		loop_timer_stop(&resume);
		CHECK_INT(status_of(&client), 202);
		CHECK_INT(seen.total, total);
		CHECK(seen.is_ordered);
		client_finish(&client);
		buffer_finish(&request);
		end();
	}
}

/* A pause keeps nobody from being told what is wrong, and others from nothing. */
static void test_pause_is_no_standstill(void)
{
	struct client paused, other;

	begin();
	seen.pauses = true;
	client_open(&paused, CHUNKED "5\r\nhello\r\n5\r\nwor");
	CHECK(wait_for(reached, &seen.pieces));
	seen.writes_all = true;
	client_open(&other, DOWN);
	CHECK(wait_for(has_reply, &other));
	CHECK_INT(status_of(&other), 200);
	client_finish(&other);
	client_finish(&paused);
	end();
}

static void test_peer_leaves(void)
{
	static const char *const requests[] = {
		CHUNKED "5\r\nhel",
		CHUNKED "5\r\nhello\r\n",
		CHUNKED "5\r\nhello\r\n0\r\nX-Tra",
		POST "Content-Length: 10\r\n\r\nhello",
	};

	for (size_t i = 0; i < 2 * sizeof(requests) / sizeof(requests[0]); i++) {
		struct client client;

		test_case(requests[i / 2]);
		begin();
		seen.pauses = i % 2;
		client_open(&client, requests[i / 2]);
		CHECK(wait_for(reached, &seen.pieces));
		turn_a_while();
		client_leave(&client);
		turn_a_while();
		if (seen.exchange)
			http_exchange_resume_body(seen.exchange);
		CHECK(wait_for(reached, &seen.finished));
		CHECK_INT(seen.requests, 0);
		CHECK_INT(seen.truncated, 1);
		client_finish(&client);
		end();
	}
}

static void test_drop_in_piece(void)
{
	for (int i = 0; i < 2; i++) {
		struct client client;

		begin();
		seen.drops = true;
		seen.pauses = i == 1;
		client_open(&client, CHUNKED "5\r\nhello\r\n5\r\nworld\r\n");
		CHECK(wait_for(is_over, &client));
		CHECK(wait_for(reached, &seen.finished));
		CHECK_INT(seen.pieces, 1);
		client_finish(&client);
		end();
	}
}

/* What a handler has found to be too large is read, up to a point, so that its reply is seen. */
static void test_forget_in_piece(void)
{
	for (int i = 0; i < 4; i++) {
		size_t rest = i < 3 ? (size_t)8 << 20 : (size_t)72 << 20;
		struct buffer request = BUFFER_INIT;
		struct client client;

		begin();
		seen.forgets = true;
		seen.pauses = i == 1;
		make_request(&request, i == 2 ? 5 : rest, (size_t)1 << 20);
		client_open(&client, "");
		client_write(&client, request.data, request.length);
		CHECK(wait_for(has_reply, &client));
		CHECK_INT(status_of(&client), i < 3 ? 413 : 0);
		CHECK_INT(seen.requests, i < 3);
		CHECK_INT(seen.pieces, 1);
		client_finish(&client);
		buffer_finish(&request);
		end();
	}
}

static void test_drop_while_paused(void)
{
	struct client client;

	begin();
	seen.pauses = true;
	client_open(&client, CHUNKED "5\r\nhello\r\n5\r\nworld\r\n");
	CHECK(wait_for(reached, &seen.pieces));
	turn_a_while();
	http_exchange_drop(seen.exchange);
	CHECK(wait_for(is_over, &client));
	CHECK_INT(seen.pieces, 1);
	CHECK(wait_for(reached, &seen.finished));
	client_finish(&client);
	end();
}

static void test_close_while_paused(void)
{
	struct client client;

	begin();
	seen.pauses = true;
	client_open(&client, CHUNKED "5\r\nhello\r\n5\r\nworld\r\n");
	CHECK(wait_for(reached, &seen.pieces));
	close_listener();
	CHECK_INT(seen.finished, 1);
	CHECK_INT(seen.truncated, 1);
	CHECK(wait_for(is_over, &client));
	CHECK_INT(seen.pieces, 1);
	client_finish(&client);
	end();
}

/* ---- replies ---- */

static bool is_asked(const void *subject)
{
	(void)subject;
	return seen.exchange && seen.requests > 0;
}

/* The client's request is at the handler. */
static struct http_exchange *open_down(struct client *client, const char *request)
{
	client_open(client, request);
	CHECK(wait_for(is_asked, NULL));
	turn_a_while();
	return seen.exchange;
}

static const char *expected;

static bool ends_so(const void *subject)
{
	const struct client *client = subject;
	size_t length = strlen(expected);

	return client->is_over ||
	       (client->got.length >= length &&
	        memcmp(client->got.data + client->got.length - length, expected, length) == 0);
}

static void expect_end(struct client *client, const char *text)
{
	expected = text;
	CHECK(wait_for(ends_so, client));
	CHECK(client->got.length >= strlen(text));
	CHECK_STR(client->got.data + client->got.length - strlen(text), text);
}

static void test_each_piece_is_sent(void)
{
	struct client client;

	begin();
	for (int i = 0; i < 2; i++) {
		struct http_exchange *exchange;

		if (i == 0)
			exchange = open_down(&client, DOWN);
		else
			client_say(&client, DOWN), CHECK(wait_for(is_asked, NULL)),
				exchange = seen.exchange;
		http_exchange_add_header(exchange, "Content-Type", "text/plain");
		http_exchange_begin_reply(exchange, 203);
		expect_end(&client, "\r\n\r\n");
		CHECK_INT(status_of(&client), 203);
		CHECK(strstr(client.got.data, "Transfer-Encoding: chunked\r\n"));
		CHECK(strstr(client.got.data, "Content-Type: text/plain\r\n"));
		CHECK(http_exchange_write(exchange, "hello", 5));
		expect_end(&client, "5\r\nhello\r\n");
		turn_a_while();
		CHECK(http_exchange_write(exchange, "wor", 3));
		CHECK(http_exchange_write(exchange, "ld", 2));
		expect_end(&client, "3\r\nwor\r\n2\r\nld\r\n");
		http_exchange_end_reply(exchange);
		CHECK(seen.exchange == exchange); /* from the loop, not from inside */
		expect_end(&client, "0\r\n\r\n");
		CHECK_INT(seen.finished, i + 1);
		CHECK(!client.is_over);
		buffer_clear(&client.got);
		seen.requests = 0;
	}
	CHECK_INT(seen.rooms, 0);
	client_finish(&client);
	end();
}

static void test_whole_reply_inside(void)
{
	struct client client;

	begin();
	seen.writes_all = true;
	client_open(&client, DOWN);
	expect_end(&client, "6\r\nall at\r\n5\r\n once\r\n0\r\n\r\n");
	client_finish(&client);
	end();
}

/* A peer may ask for more before it has all of the first. */
static void test_pipelining(void)
{
	struct http_exchange *exchange;
	struct client client;

	begin();
	exchange = open_down(&client, DOWN DOWN);
	http_exchange_begin_reply(exchange, 200);
	http_exchange_write(exchange, "first", 5);
	expect_end(&client, "5\r\nfirst\r\n");
	turn_a_while();
	CHECK_INT(seen.heads, 1);
	seen.writes_all = true;
	http_exchange_end_reply(exchange);
	expect_end(&client, "5\r\n once\r\n0\r\n\r\n");
	CHECK_INT(seen.finished, 2);
	client_finish(&client);
	end();
}

static void test_empty_reply(void)
{
	struct http_exchange *exchange;
	struct client client;

	begin();
	exchange = open_down(&client, DOWN);
	http_exchange_begin_reply(exchange, 200);
	http_exchange_end_reply(exchange);
	http_exchange_end_reply(exchange);
	http_exchange_write(exchange, "late", 4);
	http_exchange_break_reply(exchange);
	expect_end(&client, "\r\n\r\n0\r\n\r\n");
	CHECK(!client.is_over);
	client_finish(&client);
	end();
}

/* Without chunks the end of the connection is that of the reply. */
static void test_old_peer(void)
{
	struct http_exchange *exchange;
	struct client client;

	begin();
	exchange = open_down(&client, "GET /down HTTP/1.0\r\n\r\n");
	http_exchange_begin_reply(exchange, 200);
	http_exchange_write(exchange, "hello ", 6);
	expect_end(&client, "hello ");
	http_exchange_write(exchange, "world", 5);
	http_exchange_end_reply(exchange);
	CHECK(wait_for(is_over, &client));
	CHECK_STR(body_of(&client), "hello world");
	CHECK(!strstr(client.got.data, "chunked"));
	client_finish(&client);
	end();
}

static void test_head_has_no_body(void)
{
	struct http_exchange *exchange;
	struct client client;

	begin();
	exchange = open_down(&client, "HEAD /down HTTP/1.1\r\nHost: a\r\n\r\n");
	http_exchange_begin_reply(exchange, 200);
	http_exchange_write(exchange, "hello", 5);
	expect_end(&client, "\r\n\r\n");
	CHECK(wait_for(reached, &seen.finished));
	client_finish(&client);
	end();
}

/* The number of bytes that were written before there was no room. */
static size_t write_until_full(struct http_exchange *exchange, size_t at)
{
	char piece[8192];

	for (;;) {
		for (size_t i = 0; i < sizeof(piece); i++)
			piece[i] = byte_at(at + i);
		at += sizeof(piece);
		if (!http_exchange_write(exchange, piece, sizeof(piece)))
			return at;
	}
}

/* Takes the chunks apart; returns how many bytes are in order. */
static size_t read_chunks(const struct client *client)
{
	const char *at = body_of(client), *end = client->got.data + client->got.length;
	size_t total = 0;

	while (at < end) {
		char *data;
		size_t length = strtoul(at, &data, 16);

		if (length == 0)
			return total;
		for (size_t i = 0; i < length; i++, total++)
			if (data[2 + i] != byte_at(total))
				return 0;
		at = data + 2 + length + 2;
	}
	return total;
}

/* A peer that does not read holds up the writer, and nobody else; nothing is lost. */
static void test_slow_reader(void)
{
	struct http_exchange *exchange;
	size_t written = 0;
	struct client client;

	begin();
	exchange = open_down(&client, DOWN);
	loop_watch_change(&client.watch, 0);
	http_exchange_begin_reply(exchange, 200);
	do {
		seen.rooms = 0;
		written = write_until_full(exchange, written);
		turn_a_while();
	} while (seen.rooms > 0 && written < (size_t)256 << 20);
	CHECK(written < (size_t)256 << 20);
	for (int i = 0; i < 50; i++) {
		loop_watch_change(&client.watch, EPOLLIN);
		CHECK(wait_for(reached, &seen.rooms));
		loop_watch_change(&client.watch, 0);
		seen.rooms = 0;
		written = write_until_full(exchange, written);
	}
	http_exchange_end_reply(exchange);
	loop_watch_change(&client.watch, EPOLLIN);
	expect_end(&client, "\r\n0\r\n\r\n");
	CHECK_INT(read_chunks(&client), written);
	client_finish(&client);
	end();
}

static void test_break(void)
{
	static const char *const moments[] = { "before the head", "right after", "while it rests" };

	for (int i = 0; i < 3; i++) {
		struct http_exchange *exchange;
		struct client client;

		test_case(moments[i]);
		begin();
		exchange = open_down(&client, DOWN);
		http_exchange_begin_reply(exchange, 200);
		if (i > 0) {
			http_exchange_write(exchange, "hello", 5);
			expect_end(&client, "hello\r\n");
		}
		if (i > 1)
			turn_a_while();
		http_exchange_break_reply(exchange);
		http_exchange_write(exchange, "lost", 4);
		http_exchange_end_reply(exchange);
		CHECK(wait_for(is_over, &client));
		CHECK(wait_for(reached, &seen.finished));
		CHECK(!strstr(body_of(&client), "0\r\n\r\n"));
		client_finish(&client);
		end();
	}
}

/* With RST, while nothing is written and nothing could tell. */
static void test_peer_resets(void)
{
	struct linger linger = { .l_onoff = 1 };
	struct http_exchange *exchange;
	struct client client;

	begin();
	exchange = open_down(&client, DOWN);
	http_exchange_begin_reply(exchange, 200);
	http_exchange_write(exchange, "hello", 5);
	expect_end(&client, "hello\r\n");
	turn_a_while();
	setsockopt(client.watch.fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	client_leave(&client);
	CHECK(wait_for(reached, &seen.finished));
	client_finish(&client);
	end();
}

/* It may only have closed its sending side; to write tells. */
static void test_peer_closes(void)
{
	struct http_exchange *exchange;
	struct client client;

	begin();
	exchange = open_down(&client, DOWN);
	http_exchange_begin_reply(exchange, 200);
	http_exchange_write(exchange, "hello", 5);
	expect_end(&client, "hello\r\n");
	turn_a_while();
	shutdown(client.watch.fd, SHUT_WR);
	CHECK(wait_for(reached, &seen.hangups));
	turn_a_while();
	CHECK_INT(seen.hangups, 1);
	http_exchange_write(exchange, "again", 5);
	expect_end(&client, "again\r\n");
	client_leave(&client);
	turn_a_while();
	while (seen.exchange) {
		http_exchange_write(exchange, "to nobody", 9);
		turn_a_while();
	}
	CHECK_INT(seen.finished, 1);
	CHECK_INT(seen.hangups, 1);
	client_finish(&client);
	end();
}

static void test_close_while_writing(void)
{
	for (int i = 0; i < 3; i++) {
		struct http_exchange *exchange;
		struct client client;

		begin();
		exchange = open_down(&client, DOWN);
		http_exchange_begin_reply(exchange, 200);
		http_exchange_write(exchange, "hello", 5);
		expect_end(&client, "hello\r\n");
		turn_a_while();
		if (i == 1)
			http_exchange_write(exchange, "more", 4);
		if (i == 2)
			http_exchange_end_reply(exchange);
		close_listener();
		CHECK_INT(seen.finished, 1);
		CHECK(wait_for(is_over, &client));
		CHECK_INT(strstr(body_of(&client), "\r\n0\r\n\r\n") != NULL, i == 2);
		client_finish(&client);
		end();
	}
}

static void test_close_in_room(void)
{
	struct http_exchange *exchange;
	struct client client;

	begin();
	seen.closes_room = true;
	exchange = open_down(&client, DOWN);
	http_exchange_begin_reply(exchange, 200);
	write_until_full(exchange, 0);
	CHECK(wait_for(is_over, &client));
	CHECK_INT(seen.finished, 1);
	client_finish(&client);
	end();
}

static void test_destroy_while_writing(void)
{
	struct http_exchange *exchange;
	struct client client;

	begin();
	exchange = open_down(&client, DOWN);
	http_exchange_begin_reply(exchange, 200);
	write_until_full(exchange, 0);
	close_listener();
	http_server_destroy(server);
	client_finish(&client);
	CHECK_INT(seen.finished, seen.heads);
	buffer_finish(&seen.body);
	loop_destroy(loop);
}

TEST_MAIN(test_pieces_come_at_once, test_announced_length, test_pauses, test_pause_is_no_standstill,
          test_peer_leaves, test_drop_in_piece, test_forget_in_piece, test_drop_while_paused,
          test_close_while_paused, test_each_piece_is_sent, test_whole_reply_inside,
          test_pipelining, test_empty_reply, test_old_peer, test_head_has_no_body, test_slow_reader,
          test_break, test_peer_resets, test_peer_closes, test_close_while_writing,
          test_close_in_room, test_destroy_while_writing)
