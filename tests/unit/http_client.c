/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client - requests to servers that are quick, slow, silent, rude and gone
 *
 * The test is the server: it listens on a real socket and moves only between turns of the loop.
 * Time stands still (fake_time.c).
 */
#include "emulator/http_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "emulator/http_listen.h"
#include "sandbox/fd.h"
#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

#define LIMIT (1000 * MS)
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

static struct loop *loop;
static struct http_client client;
static int listener, peer;
static uint16_t port;
static unsigned dials, done, status;
static struct error why;
static bool dial_fails, again;
static char request[1 << 16]; /* as the server got it */

static void send_body(const char *body, size_t length);

static void on_dial(struct http_client *it)
{
	struct error err;
	int fd = dial_fails ? -1 : tcp_client_dial_loopback(port, &err);

	dials++;
	if (dial_fails)
		error_set(&err, 0, "nobody is at home");
	if (fd == -1)
		http_client_fail(it, &err);
	else
		http_client_connect(it, fd);
}

static void on_done(struct http_client *it, unsigned code, const struct error *reason)
{
	CHECK(it == &client && (code == 0) == (reason != NULL));
	done++;
	status = code;
	why = reason ? *reason : (struct error){ .text = "" };
	if (again)
		send_body("again", 5);
	again = false;
}

static void send_body(const char *body, size_t length)
{
	struct http_client_request it = {
		.method = "POST",
		.target = "/path?q",
		.host = "sandbox.localdomain",
		.port = 8080,
		.content_type = "application/json",
		.body = body,
		.length = length,
	};

	http_client_send(&client, &it, LIMIT);
}

static void begin(void)
{
	struct error err;

	loop = loop_create(&err);
	client = (struct http_client){ .loop = loop, .on_dial = on_dial, .on_done = on_done };
	http_client_init(&client);
	dials = done = status = 0;
	dial_fails = again = false;
	peer = -1;
	listener = http_listen("127.0.0.1:0", &err);
	port = http_listen_port(listener);
}

static void end(void)
{
	http_client_finish(&client);
	http_client_finish(&client); /* does no harm */
	fd_close(&peer);
	fd_close(&listener);
	loop_destroy(loop); /* which sees that nothing is watched any more */
}

static bool is_readable(int fd)
{
	struct pollfd it = { .fd = fd, .events = POLLIN };

	return poll(&it, 1, 2000) == 1;
}

/* The kernel's part takes a moment. */
static void server_accept(void)
{
	fd_close(&peer);
	if (!CHECK(is_readable(listener)))
		return;
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	CHECK(peer != -1);
	fake_settle(loop);
}

/* Reads until 'end' has come, or nothing more. */
static void server_read(const char *end)
{
	size_t length = 0;

	request[0] = '\0';
	while (!strstr(request, end) && is_readable(peer)) {
		ssize_t got = read(peer, request + length, sizeof(request) - 1 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
		request[length] = '\0';
		fake_settle(loop);
	}
	CHECK(strstr(request, end) != NULL);
}

static void server_write(const char *text)
{
	CHECK_INT(write(peer, text, strlen(text)), strlen(text));
	CHECK(is_readable(client.peer.fd));
	fake_settle(loop);
}

static void server_close(void)
{
	int fd = client.peer.fd;

	fd_close(&peer);
	CHECK(is_readable(fd));
	fake_settle(loop);
}

/* ---- well-behaved ---- */

static void test_a_request_and_its_answer(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	CHECK_STR(request, "POST /path?q HTTP/1.1\r\nHost: sandbox.localdomain:8080\r\n"
	                   "Content-Type: application/json\r\nContent-Length: 3\r\n\r\n[1]");
	CHECK_INT(done, 0);
	server_write(OK);
	CHECK_INT(done, 1);
	CHECK_INT(status, 200);
	end();
}

static void test_the_connection_is_kept(void)
{
	begin();
	for (unsigned i = 0; i < 3; i++) {
		send_body("[1]", 3);
		if (i == 0)
			server_accept();
		fake_settle(loop);
		server_read("[1]");
		server_write("HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nabc");
		CHECK_INT(done, i + 1);
		CHECK_INT(status, 500);
	}
	CHECK_INT(dials, 1);
	end();
}

static void test_the_next_request_from_the_callback(void)
{
	begin();
	again = true;
	send_body("first", 5);
	server_accept();
	server_read("first");
	server_write(OK);
	CHECK_INT(done, 1);
	server_read("again");
	server_write(OK);
	CHECK_INT(done, 2);
	CHECK_INT(dials, 1);
	end();
}

static void test_connection_close(void)
{
	begin();
	for (unsigned i = 0; i < 2; i++) {
		send_body("[1]", 3);
		server_accept();
		server_read("[1]");
		server_write("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
		CHECK_INT(done, i + 1);
	}
	CHECK_INT(dials, 2);
	end();
}

static void test_an_answer_that_a_close_ends(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	server_write("HTTP/1.0 200 OK\r\n\r\nwell");
	CHECK_INT(done, 0);
	server_close();
	CHECK_INT(done, 1);
	CHECK_INT(status, 200);
	end();
}

static void test_a_stale_connection_is_replaced_once(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	server_write(OK);

	/* Closed unseen, while the next request is being written. */
	fd_close(&peer);
	CHECK(is_readable(client.peer.fd));
	send_body("[2]", 3);
	fake_settle(loop);
	server_accept();
	server_read("[2]");
	server_write(OK);
	CHECK_INT(done, 2);
	CHECK_INT(status, 200);
	CHECK_INT(dials, 2);

	/* Closed and seen. */
	server_close();
	CHECK(!tcp_client_is_open(&client.peer));
	CHECK_INT(done, 2);
	end();
}

static void test_who_speaks_unasked_is_left(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	server_write(OK);
	server_write(OK);
	CHECK(!tcp_client_is_open(&client.peer));
	CHECK_INT(done, 1);
	end();
}

static void test_a_large_body_in_pieces(void)
{
	static char body[8 << 20];
	size_t taken = 0;

	begin();
	memset(body, 'x', sizeof(body));
	send_body(body, sizeof(body));
	server_accept();
	while (taken < sizeof(body) && is_readable(peer)) {
		ssize_t got = read(peer, request, sizeof(request));

		if (!CHECK(got > 0))
			break;
		taken += (size_t)got;
		fake_settle(loop);
	}
	CHECK(taken > sizeof(body));
	server_write(OK);
	CHECK_INT(done, 1);
	CHECK_INT(status, 200);
	end();
}

static void test_an_answer_before_the_request_is_sent(void)
{
	static char body[8 << 20];

	begin();
	send_body(body, sizeof(body));
	server_accept();
	server_write("HTTP/1.1 413 Too large\r\nContent-Length: 0\r\n\r\n");
	CHECK_INT(done, 1);
	CHECK_INT(status, 413);
	CHECK(!tcp_client_is_open(&client.peer));
	end();
}

/* ---- hostile ---- */

static void test_a_silent_server(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	fake_pass(loop, LIMIT - 1);
	CHECK_INT(done, 0);
	fake_pass(loop, 1);
	CHECK_INT(done, 1);
	CHECK_INT(status, 0);
	CHECK_STR(why.text, "no answer within 1000 ms");
	CHECK(!tcp_client_is_open(&client.peer));
	end();
}

static void test_a_server_that_trickles(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	for (const char *letter = "HTTP/1.1 2"; *letter; letter++) {
		char text[] = { *letter, '\0' };

		server_write(text);
		fake_pass(loop, LIMIT / 10);
	}
	CHECK_INT(done, 1);
	CHECK_STR(why.text, "no answer within 1000 ms");
	end();
}

static void test_a_frozen_server_has_time(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	http_client_pause(&client, true);
	fake_pass(loop, 10 * LIMIT);
	CHECK_INT(done, 0);
	http_client_pause(&client, false);
	fake_pass(loop, LIMIT - 1);
	CHECK_INT(done, 0);
	fake_pass(loop, 1);
	CHECK_INT(done, 1);
	http_client_pause(&client, false); /* nothing is under way */
	CHECK_INT(fake_next_due(loop), UINT64_MAX);
	end();
}

static void test_garbage(void)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "SSH-2.0-OpenSSH\r\n", "the status line is no HTTP" },
		{ "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
		  "the Content-Length is no number" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin();
		send_body("[1]", 3);
		server_accept();
		server_read("[1]");
		server_write(cases[i].text);
		CHECK_INT(done, 1);
		CHECK_INT(status, 0);
		CHECK_STR(why.text, cases[i].why);
		CHECK(!tcp_client_is_open(&client.peer));
		end();
	}
}

static void test_a_head_without_end(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	server_write("HTTP/1.1 200 OK\r\n");
	for (unsigned i = 0; i < 20000 && done == 0; i++) {
		if (write(peer, "X: y\r\n", 6) != 6)
			break;
		fake_settle(loop);
	}
	CHECK_INT(done, 1);
	CHECK_STR(why.text, "the head is too long");
	end();
}

static void test_a_cut_body_is_an_answer(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	server_write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
	server_close();
	CHECK_INT(done, 1);
	CHECK_INT(status, 200);
	CHECK(!tcp_client_is_open(&client.peer));
	end();
}

static void test_who_closes_without_an_answer(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	server_close();
	CHECK_INT(done, 1);
	CHECK_STR(why.text, "the peer closed the connection");
	CHECK_INT(dials, 1);
	end();
}

static void test_a_closed_port(void)
{
	begin();
	fd_close(&listener);
	send_body("[1]", 3);
	CHECK_INT(done, 0);
	for (unsigned i = 0; i < 1000 && done == 0; i++)
		fake_settle(loop);
	CHECK_INT(done, 1);
	CHECK_INT(status, 0);
	CHECK_INT(why.code, ECONNREFUSED);
	CHECK_STR(why.text, "connect: Connection refused");
	end();
}

static void test_no_connection_at_all(void)
{
	begin();
	dial_fails = true;
	send_body("[1]", 3);
	CHECK_INT(done, 0); /* never during the call */
	fake_settle(loop);
	CHECK_INT(done, 1);
	CHECK_STR(why.text, "nobody is at home");
	end();
}

static void test_no_more_watches(void)
{
	begin();
	fake_refuse_watches(0, 1);
	send_body("[1]", 3);
	fake_settle(loop);
	CHECK_INT(done, 1);
	CHECK_STR(why.text, "no more watches");
	end();
}

static void test_a_late_connection_is_not_wanted(void)
{
	struct error err;
	int fd;

	begin();
	fd = tcp_client_dial_loopback(port, &err);
	http_client_connect(&client, fd);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
	CHECK(!tcp_client_is_open(&client.peer));
	end();
}

static void test_finished_in_the_middle(void)
{
	begin();
	send_body("[1]", 3);
	server_accept();
	server_read("[1]");
	http_client_finish(&client);
	fake_pass(loop, 2 * LIMIT);
	CHECK_INT(done, 0);
	end();
}

TEST_MAIN(test_a_request_and_its_answer, test_the_connection_is_kept,
          test_the_next_request_from_the_callback, test_connection_close,
          test_an_answer_that_a_close_ends, test_a_stale_connection_is_replaced_once,
          test_who_speaks_unasked_is_left, test_a_large_body_in_pieces,
          test_an_answer_before_the_request_is_sent, test_a_silent_server,
          test_a_server_that_trickles, test_a_frozen_server_has_time, test_garbage,
          test_a_head_without_end, test_a_cut_body_is_an_answer, test_who_closes_without_an_answer,
          test_a_closed_port, test_no_connection_at_all, test_no_more_watches,
          test_a_late_connection_is_not_wanted, test_finished_in_the_middle)
