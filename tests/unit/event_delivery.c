/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_delivery - letters to servers that are quick, down, rude and full
 *
 * The test is the server: it listens on a real socket and moves only between turns of the loop.
 * Time stands still (fake_time.c).
 */
#include "emulator/event_delivery.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "emulator/http_listen.h"
#include "sandbox/fd.h"
#include "tests/unit/fakes.h"
#include "tests/unit/files.h"

#define ID "11111111-1111-4111-8111-111111111111"
#define OK "HTTP/1.1 204 No Content\r\n\r\n"

static struct loop *loop;
static struct event_store *store;
static struct event_delivery *delivery;
static struct event_means means;
static struct event_sink *sink;
static int listener, peer;
static char url[100];
static unsigned drained;

static void listen_again(uint16_t port)
{
	char address[30];
	struct error err;

	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	listener = http_listen(address, &err);
	CHECK(listener != -1);
}

static void open_sink(void)
{
	struct error err = { 0 };

	delivery = event_delivery_create(loop, store);
	means = (struct event_means){ .loop = loop,
		                      .store = store,
		                      .servers = event_delivery_servers(delivery) };
	sink = event_sink_open(&means, url, &err);
	CHECK_STR(err.text, "");
}

static void begin(bool with_store)
{
	struct error err;

	files_begin();
	loop = loop_create(&err);
	store = with_store ? event_store_open("state", loop, &err) : NULL;
	listen_again(0);
	peer = -1;
	drained = 0;
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/hook", http_listen_port(listener));
	open_sink();
}

static void close_sink(void)
{
	event_sink_destroy(sink, 0);
	event_delivery_destroy(delivery);
	fake_settle(loop);
}

static void end(void)
{
	static const char *const names[] = { "state/lock",         "state/undelivered",
		                             "state/events-1.log", "state/events-2.log",
		                             "state/events-3.log", "state" };

	close_sink();
	event_store_close(store);
	loop_destroy(loop);
	fd_close(&listener);
	fd_close(&peer);
	files_end(names, sizeof(names) / sizeof(names[0]));
}

static bool send_text(const char *text)
{
	const struct event_letter letter = {
		.function = "f", .request_id = ID, .data = text, .length = strlen(text)
	};
	struct error err;
	bool is_taken = sink->ops->send(sink, &letter, &err);

	fake_settle(loop);
	return is_taken;
}

/* The next request, as far as it has come. */
static const char *receive(void)
{
	static char request[4096];
	ssize_t length;

	fake_settle(loop);
	if (peer == -1)
		peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	fake_settle(loop);
	length = peer == -1 ? -1 : read(peer, request, sizeof(request) - 1);
	request[length > 0 ? length : 0] = '\0';
	return request;
}

static void answer(const char *text)
{
	CHECK_INT(write(peer, text, strlen(text)), strlen(text));
	fake_settle(loop);
}

static void on_drained(struct event_delivery *it)
{
	CHECK(it == delivery);
	drained++;
}

/* ---- stories ---- */

static void test_one_after_the_other(void)
{
	begin(false);
	CHECK(send_text("{\"a\":1}\n"));
	CHECK(send_text("{\"a\":2}\n"));
	const char *request = receive();
	CHECK(strncmp(request, "POST /hook HTTP/1.1\r\nHost: 127.0.0.1:", 37) == 0);
	CHECK(strstr(request, "\r\nContent-Type: application/json\r\n"));
	CHECK(strstr(request, "\r\n\r\n{\"a\":1}"));
	CHECK(!strchr(strstr(request, "{"), '\n'));
	CHECK_STR(receive(), "");
	answer(OK);
	CHECK(strstr(receive(), "{\"a\":2}"));
	answer(OK);
	CHECK_STR(receive(), "");
	end();
}

/* 1 s, 2 s, 4 s: the same letter again, before those behind it. */
static void test_a_server_that_is_busy(void)
{
	begin(false);
	send_text("1\n");
	send_text("2\n");
	for (unsigned i = 0; i < 3; i++) {
		CHECK(strstr(receive(), "\r\n\r\n1"));
		answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
		fake_pass(loop, ((UINT64_C(1000) << i) - 1) * MS);
		CHECK_STR(receive(), "");
		fake_pass(loop, 1 * MS);
	}
	CHECK(strstr(receive(), "\r\n\r\n1"));
	answer(OK);
	CHECK(strstr(receive(), "\r\n\r\n2"));
	answer(OK);
	CHECK_INT(sink->dropped, 0);
	end();
}

static void test_a_server_that_is_not_there(void)
{
	uint16_t port;

	begin(false);
	port = http_listen_port(listener);
	fd_close(&listener);
	send_text("1\n");
	fake_pass(loop, 1000 * MS);
	listen_again(port);
	fake_pass(loop, 2000 * MS);
	CHECK(strstr(receive(), "\r\n\r\n1"));
	answer(OK);
	end();
}

static void test_a_server_that_does_not_answer(void)
{
	begin(false);
	send_text("1\n");
	CHECK(strstr(receive(), "\r\n\r\n1"));
	fake_pass(loop, 29999 * MS);
	CHECK_STR(receive(), "");
	fake_pass(loop, 1 * MS);
	fd_close(&peer);
	CHECK_STR(receive(), "");
	fake_pass(loop, 1000 * MS);
	CHECK(strstr(receive(), "\r\n\r\n1"));
	answer(OK);
	CHECK_INT(sink->dropped, 0);
	end();
}

/* A letter that the server will never take does not keep those behind it. */
static void test_a_letter_that_is_refused(void)
{
	begin(true);
	send_text("1\n");
	send_text("2\n");
	receive();
	answer("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n");
	CHECK(strstr(receive(), "\r\n\r\n2"));
	answer(OK);
	CHECK_INT(sink->dropped, 1);
	files_check_text("state/undelivered", "1\n");
	end();
}

static void test_there_is_an_end_to_the_line(void)
{
	begin(false);
	for (unsigned i = 0; i < EVENT_DELIVERY_LETTERS; i++) {
		if (!CHECK(send_text("1\n")))
			break;
	}
	CHECK(!send_text("1\n"));
	end();
}

static void test_what_is_too_old(void)
{
	begin(false);
	fd_close(&listener);
	send_text("1\n");
	fake_pass(loop, (EVENT_DELIVERY_AGE_S + 61) * CLOCK_NS_PER_S);
	CHECK_INT(sink->dropped, 1);
	end();
}

static void on_kept(struct event_store_taker *taker, struct event_store_item *item,
                    const struct event_record *record)
{
	const struct event_letter letter = { .function = record->function,
		                             .request_id = record->request_id,
		                             .kept_wall_ns = record->accepted_wall_ns,
		                             .data = record->data,
		                             .length = record->length };

	(void)taker;
	CHECK_STR(record->destination, url);
	sink->ops->resume(sink, &letter, item);
}

static void reopen_store(void)
{
	struct event_store_taker taker = { .on_item = on_kept };
	struct error err;

	event_store_close(store);
	store = event_store_open("state", loop, &err);
	open_sink();
	event_store_take(store, EVENT_RECORD_LETTER, "f", &taker);
}

/* What was not taken is in the store, goes out with the next lrie, and is over then. */
static void test_it_outlives_lrie(void)
{
	begin(true);
	send_text("1\n");
	send_text("2\n");
	receive();
	answer(OK);
	close_sink();
	fd_close(&peer);
	reopen_store();
	/* From the first life there is a rest. */
	if (!CHECK(strstr(receive(), "\r\n\r\n2") ||
	           (fd_close(&peer), strstr(receive(), "\r\n\r\n2"))))
		return;
	answer(OK);
	close_sink();
	reopen_store();
	CHECK_STR(receive(), "");
	end();
}

/* Six hours are over, whoever ran meanwhile; the last attempt is the next lrie's. */
static void test_too_old_for_the_next_lrie(void)
{
	begin(true);
	fd_close(&listener);
	send_text("1\n");
	fake_pass(loop, 10800 * CLOCK_NS_PER_S);
	close_sink();
	reopen_store();
	fake_settle(loop);
	CHECK_INT(sink->dropped, 0);
	close_sink();
	fake_pass(loop, 10801 * CLOCK_NS_PER_S);
	reopen_store();
	fake_settle(loop);
	CHECK_INT(sink->dropped, 1);
	end();
}

/* A letter of a lrie whose clock was ahead by a century is new. */
static void test_a_letter_from_the_future(void)
{
	const uint64_t century_ns = UINT64_C(100) * 365 * 86400 * CLOCK_NS_PER_S;
	const struct event_letter letter = { .function = "f",
		                             .request_id = ID,
		                             .kept_wall_ns = FAKE_START_WALL_MS * MS + century_ns,
		                             .data = "1\n",
		                             .length = 2 };

	begin(false);
	fd_close(&listener);
	sink->ops->resume(sink, &letter, NULL);
	fake_pass(loop, (EVENT_DELIVERY_AGE_S - 100) * CLOCK_NS_PER_S);
	CHECK_INT(sink->dropped, 0);
	fake_pass(loop, 200 * CLOCK_NS_PER_S);
	CHECK_INT(sink->dropped, 1);
	end();
}

static void test_the_end_waits_for_what_is_left(void)
{
	begin(false);
	send_text("1\n");
	CHECK(strstr(receive(), "\r\n\r\n1"));
	event_delivery_drain(delivery, 2000, on_drained);
	fake_settle(loop);
	CHECK_INT(drained, 0);
	answer(OK);
	CHECK_INT(drained, 1);
	fake_pass(loop, 5000 * MS);
	CHECK_INT(drained, 1);
	end();
}

static void test_the_end_waits_for_so_long(void)
{
	begin(false);
	send_text("1\n");
	CHECK(strstr(receive(), "\r\n\r\n1"));
	event_delivery_drain(delivery, 2000, on_drained);
	fake_pass(loop, 1999 * MS);
	CHECK_INT(drained, 0);
	fake_pass(loop, 1 * MS);
	CHECK_INT(drained, 1);
	end();
}

/* It does not wait for the pause to be over. */
static void test_the_end_tries_once_more(void)
{
	uint16_t port;

	begin(false);
	port = http_listen_port(listener);
	fd_close(&listener);
	send_text("1\n");
	listen_again(port);
	CHECK_STR(receive(), "");
	event_delivery_drain(delivery, 2000, on_drained);
	CHECK(strstr(receive(), "\r\n\r\n1"));
	CHECK_INT(drained, 0);
	answer(OK);
	CHECK_INT(drained, 1);
	end();
}

static void test_the_end_gives_up_where_nobody_is(void)
{
	begin(false);
	fd_close(&listener);
	send_text("1\n");
	event_delivery_drain(delivery, 2000, on_drained);
	fake_settle(loop);
	CHECK_INT(drained, 1);
	end();
}

static void test_the_end_of_nothing(void)
{
	begin(false);
	event_delivery_drain(delivery, 2000, on_drained);
	CHECK_INT(drained, 0);
	fake_settle(loop);
	CHECK_INT(drained, 1);
	end();
}

/* A reload names another: what was meant for this one is sent all the same. */
static void test_a_destination_that_is_replaced(void)
{
	begin(true);
	send_text("1\n");
	send_text("2\n");
	CHECK(strstr(receive(), "\r\n\r\n1"));
	event_sink_destroy(sink, 0);
	sink = NULL;
	answer(OK);
	CHECK(strstr(receive(), "\r\n\r\n2"));
	answer(OK);
	event_delivery_drain(delivery, 2000, on_drained);
	fake_settle(loop);
	CHECK_INT(drained, 1);
	end();
}

/* ... until lrie ends. */
static void test_a_destination_that_was_replaced_at_the_end(void)
{
	begin(false);
	send_text("1\n");
	event_sink_destroy(sink, 0);
	sink = NULL;
	end();
}

static void test_a_host_that_nobody_knows(void)
{
	struct error err;

	begin(false);
	CHECK(!event_sink_open(&means, "http://no.such.host.invalid/", &err));
	CHECK_STR(err.text, "destination 'http://no.such.host.invalid/': the host is neither an "
	                    "address nor a name in /etc/hosts");
	end();
}

TEST_MAIN(test_one_after_the_other, test_a_server_that_is_busy, test_a_server_that_is_not_there,
          test_a_server_that_does_not_answer, test_a_letter_that_is_refused,
          test_there_is_an_end_to_the_line, test_what_is_too_old, test_it_outlives_lrie,
          test_too_old_for_the_next_lrie, test_a_letter_from_the_future,
          test_the_end_waits_for_what_is_left, test_the_end_waits_for_so_long,
          test_the_end_tries_once_more, test_the_end_gives_up_where_nobody_is,
          test_the_end_of_nothing, test_a_destination_that_is_replaced,
          test_a_destination_that_was_replaced_at_the_end, test_a_host_that_nobody_knows)
