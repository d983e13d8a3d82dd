/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry_delivery - batches over HTTP and TCP, to subscribers of every kind
 *
 * The test is the subscriber; time stands still (fake_time.c).
 */
#include "emulator/telemetry_delivery.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "emulator/http_listen.h"
#include "emulator/tcp_client.h"
#include "sandbox/fd.h"
#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

#define ANSWER (TELEMETRY_ANSWER_MS * MS)

static struct loop *loop;
static struct telemetry_delivery *delivery;
static struct telemetry_sink *sink;
static int listener, peer;
static uint16_t port;
static unsigned sent, taken;
static char why[512], heard[1 << 16];
static bool dial_fails;

static void on_sent(struct telemetry_sink *it, const struct error *reason)
{
	CHECK(it == sink);
	sent++;
	taken += reason == NULL;
	snprintf(why, sizeof(why), "%s", reason ? reason->text : "");
}

static void on_dial(struct telemetry_sink *it)
{
	struct error err = { .text = "nobody is at home" };

	if (dial_fails)
		it->ops->refuse(it, &err);
	else
		it->ops->connect(it, tcp_client_dial_loopback(port, &err));
}

static void begin(enum subscription_protocol protocol, bool put)
{
	struct subscription wanted = {
		.protocol = protocol,
		.put = put,
		.port = 8080,
		.host = "sandbox",
		.target = "/logs",
	};
	struct error err;

	loop = loop_create(&err);
	delivery = telemetry_delivery_create(loop);
	sink = telemetry_delivery_sinks(delivery)->open(telemetry_delivery_sinks(delivery),
	                                                &wanted);
	sink->on_sent = on_sent;
	sink->on_dial = on_dial;
	sent = taken = 0;
	dial_fails = false;
	peer = -1;
	listener = http_listen("127.0.0.1:0", &err);
	port = http_listen_port(listener);
}

static void end(void)
{
	sink->ops->destroy(sink);
	fake_settle(loop);
	telemetry_delivery_destroy(delivery);
	fd_close(&peer);
	fd_close(&listener);
	loop_destroy(loop); /* which sees that nothing is watched any more */
}

static void send_batch(const char *text)
{
	unsigned before = sent;

	sink->ops->send(sink, text, strlen(text));
	CHECK_INT(sent, before); /* never during the call */
	fake_settle(loop);
}

static bool is_readable(int fd)
{
	struct pollfd it = { .fd = fd, .events = POLLIN };

	return poll(&it, 1, 2000) == 1;
}

static void peer_accept(void)
{
	fd_close(&peer);
	if (!CHECK(is_readable(listener)))
		return;
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	fake_settle(loop);
}

static void peer_read(const char *end)
{
	size_t length = 0;

	heard[0] = '\0';
	while (!strstr(heard, end) && is_readable(peer)) {
		ssize_t got = read(peer, heard + length, sizeof(heard) - 1 - length);

		if (got <= 0)
			break;
		length += (size_t)got;
		heard[length] = '\0';
		fake_settle(loop);
	}
	CHECK(strstr(heard, end) != NULL);
}

/* Turns the loop until something came of the batch: the kernel takes a moment. */
static void wait_for(unsigned outcomes)
{
	struct pollfd nothing;

	for (unsigned i = 0; i < 2000 && sent < outcomes; i++) {
		fake_settle(loop);
		poll(&nothing, 0, 1);
	}
	CHECK_INT(sent, outcomes);
}

static void peer_write(const char *text)
{
	CHECK_INT(write(peer, text, strlen(text)), strlen(text));
}

static void test_http_statuses(void)
{
	static const struct {
		const char *reply, *why;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "" },
		{ "HTTP/1.1 204 None\r\n\r\n", "" },
		{ "HTTP/1.1 299 X\r\nContent-Length: 1\r\n\r\nx", "" },
		{ "HTTP/1.1 302 X\r\nContent-Length: 0\r\n\r\n", "it answers 302" },
		{ "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", "it answers 404" },
		{ "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "it answers 500" },
		{ "hello\r\n", "the status line is no HTTP" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].reply);
		begin(SUBSCRIPTION_HTTP, false);
		send_batch("[{}]");
		peer_accept();
		peer_read("[{}]");
		CHECK(strncmp(heard, "POST /logs HTTP/1.1\r\nHost: sandbox:8080\r\n", 41) == 0);
		CHECK(strstr(heard, "\r\nContent-Type: application/json\r\n") != NULL);
		peer_write(cases[i].reply);
		wait_for(1);
		CHECK_INT(taken, cases[i].why[0] == '\0');
		CHECK_STR(why, cases[i].why);
		end();
	}
}

static void test_http_put(void)
{
	begin(SUBSCRIPTION_HTTP, true);
	send_batch("[{}]");
	peer_accept();
	peer_read("[{}]");
	CHECK(strncmp(heard, "PUT /logs HTTP/1.1\r\n", 20) == 0);
	end();
}

static void test_http_silence(void)
{
	begin(SUBSCRIPTION_HTTP, false);
	send_batch("[{}]");
	peer_accept();
	fake_pass(loop, ANSWER - 1);
	CHECK_INT(sent, 0);
	sink->ops->pause(sink, true);
	fake_pass(loop, 10 * ANSWER);
	CHECK_INT(sent, 0);
	sink->ops->pause(sink, false);
	fake_pass(loop, ANSWER);
	CHECK_INT(sent, 1);
	CHECK_STR(why, "no answer within 5000 ms");
	end();
}

static void test_tcp_lines(void)
{
	begin(SUBSCRIPTION_TCP, false);
	for (unsigned i = 1; i <= 3; i++) {
		send_batch("{}\n{}\n");
		if (i == 1)
			peer_accept();
		peer_read("{}\n{}\n");
		CHECK_STR(heard, "{}\n{}\n"); /* on the same connection */
		wait_for(i);
		CHECK_INT(taken, i);
	}
	end();
}

static void test_tcp_that_was_closed(void)
{
	begin(SUBSCRIPTION_TCP, false);
	send_batch("{}\n");
	peer_accept();
	peer_read("{}\n");
	wait_for(1);
	fd_close(&peer);
	for (unsigned i = 0; i < 2000; i++)
		fake_settle(loop); /* lrie hears of it */
	send_batch("[]\n");
	peer_accept();
	peer_read("[]\n");
	wait_for(2);
	CHECK_INT(taken, 2);
	end();
}

static void test_tcp_that_never_reads(void)
{
	size_t length = 32 << 20; /* more than sockets hold */
	char *large = xcalloc(1, length + 1);

	memset(large, 'x', length);
	begin(SUBSCRIPTION_TCP, false);
	send_batch(large);
	peer_accept();
	fake_pass(loop, ANSWER - 1);
	CHECK_INT(sent, 0);
	sink->ops->pause(sink, true);
	fake_pass(loop, 10 * ANSWER);
	sink->ops->pause(sink, false);
	fake_pass(loop, ANSWER - 1);
	CHECK_INT(sent, 0);
	fake_pass(loop, 1);
	CHECK_INT(sent, 1);
	CHECK_STR(why, "it takes nothing for 5000 ms");
	end();
	free(large);
}

static void test_a_closed_port(void)
{
	for (int protocol = SUBSCRIPTION_HTTP; protocol <= SUBSCRIPTION_TCP; protocol++) {
		begin((enum subscription_protocol)protocol, false);
		fd_close(&listener);
		send_batch("{}\n");
		wait_for(1);
		CHECK_STR(why, "connect: Connection refused");
		send_batch("{}\n");
		wait_for(2);
		CHECK_INT(taken, 0);
		end();
	}
}

static void test_no_connection(void)
{
	for (int protocol = SUBSCRIPTION_HTTP; protocol <= SUBSCRIPTION_TCP; protocol++) {
		begin((enum subscription_protocol)protocol, false);
		dial_fails = true;
		send_batch("{}\n");
		wait_for(1);
		CHECK_STR(why, "nobody is at home");
		end();
	}
}

static void test_destroyed_in_the_middle(void)
{
	for (int protocol = SUBSCRIPTION_HTTP; protocol <= SUBSCRIPTION_TCP; protocol++) {
		begin((enum subscription_protocol)protocol, false);
		send_batch("{}\n");
		peer_accept();
		end();
		CHECK_INT(taken, protocol == SUBSCRIPTION_TCP);
	}
}

TEST_MAIN(test_http_statuses, test_http_put, test_http_silence, test_tcp_lines,
          test_tcp_that_was_closed, test_tcp_that_never_reads, test_a_closed_port,
          test_no_connection, test_destroyed_in_the_middle)
