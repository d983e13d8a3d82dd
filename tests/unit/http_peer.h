/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_peer - an HTTP server under test, and its other end: clients in the loop that it runs in.
 */
#ifndef TESTS_UNIT_HTTP_PEER_H
#define TESTS_UNIT_HTTP_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "emulator/http_listen.h"
#include "emulator/http_server.h"
#include "emulator/loop.h"
#include "tests/unit/test.h"

#define PEER_UNUSED __attribute__((unused))

static struct loop *loop;
static struct http_server *server;
static struct http_listener listener;
static bool listener_is_open;
static uint16_t port; /* of the server */

/* 'callbacks' are those of the listener. */
static void server_begin(const struct http_listener *callbacks, size_t head_limit,
                         unsigned max_connections)
{
	const struct http_server_config config = { .head_limit = head_limit,
		                                   .max_connections = max_connections };
	struct error err = { 0 };
	int fd;

	loop = loop_create(&err);
	server = http_server_create(loop, &config, &err);
	fd = http_listen("127.0.0.1:0", &err);
	port = http_listen_port(fd);
	listener = *callbacks;
	listener_is_open = http_listener_open(server, &listener, fd, &err);
	if (!CHECK(loop && server && listener_is_open))
		exit(1);
}

static void close_listener(void)
{
	if (listener_is_open)
		http_listener_close(&listener);
	listener_is_open = false;
}

static void server_end(void)
{
	close_listener();
	http_server_destroy(server);
	loop_destroy(loop);
}

/* ---- clients in the same loop ---- */

struct client {
	struct loop_watch watch;
	const char *data; /* not sent yet */
	size_t left;
	struct buffer got;
	bool is_over; /* the server has closed, or reset, the connection */
};

static void client_send(struct client *client)
{
	ssize_t sent = send(client->watch.fd, client->data, client->left,
	                    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent > 0) {
		client->data += sent;
		client->left -= (size_t)sent;
	} else if (sent == -1 && errno != EAGAIN) {
		client->left = 0;
	}
	if (client->left == 0)
		loop_watch_change(&client->watch, EPOLLIN);
}

static void client_receive(struct client *client)
{
	char chunk[65536];
	ssize_t length = recv(client->watch.fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (length > 0)
		buffer_append(&client->got, chunk, (size_t)length);
	else if (length == 0 || errno != EAGAIN)
		client->is_over = true;
	if (client->is_over)
		loop_watch_change(&client->watch, 0);
}

static void on_client_ready(struct loop_watch *watch, uint32_t events)
{
	struct client *client = container_of(watch, struct client, watch);

	if (client->is_over) {
		loop_watch_stop(watch); /* EPOLLHUP comes for ever */
		return;
	}
	if (events & EPOLLOUT)
		client_send(client);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		client_receive(client);
}

static PEER_UNUSED void client_write(struct client *client, const char *data, size_t length)
{
	client->data = data;
	client->left = length;
	client_send(client);
	if (client->left > 0)
		loop_watch_change(&client->watch, EPOLLIN | EPOLLOUT);
}

static PEER_UNUSED void client_say(struct client *client, const char *text)
{
	client_write(client, text, strlen(text));
}

static PEER_UNUSED void client_open(struct client *client, const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons(port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*client = (struct client){ .watch.on_ready = on_client_ready };
	buffer_init(&client->got);
	CHECK_INT(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	loop_watch_start(loop, &client->watch, fd, EPOLLIN, NULL);
	client_say(client, text);
}

static PEER_UNUSED void client_leave(struct client *client)
{
	int fd = client->watch.fd;

	loop_watch_stop(&client->watch);
	close(fd);
	client->watch.fd = -1;
}

static PEER_UNUSED void client_finish(struct client *client)
{
	if (client->watch.fd != -1)
		client_leave(client);
	buffer_finish(&client->got);
}

/* ---- waiting for conditions, never for a time ---- */

struct condition {
	struct loop_hook hook;
	struct loop_timer guard;
	bool (*holds)(const void *subject);
	const void *subject;
	bool is_met;
};

static bool check_condition(struct loop_hook *hook)
{
	struct condition *condition = container_of(hook, struct condition, hook);

	if (!condition->is_met && condition->holds(condition->subject)) {
		condition->is_met = true;
		loop_stop(loop);
	}
	return false;
}

static void on_guard(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static bool wait_for(bool (*holds)(const void *subject), const void *subject)
{
	struct condition condition = { .hook.before_sleep = check_condition,
		                       .guard.on_due = on_guard,
		                       .holds = holds,
		                       .subject = subject };

	loop_hook_start(loop, &condition.hook);
	loop_timer_start(loop, &condition.guard, clock_now() + 20 * CLOCK_NS_PER_S);
	loop_run(loop);
	loop_timer_stop(&condition.guard);
	loop_hook_stop(&condition.hook);
	return condition.is_met;
}

static PEER_UNUSED bool is_over(const void *subject)
{
	return ((const struct client *)subject)->is_over;
}

/* Complete by its Content-Length; good enough for one reply at a time. */
static PEER_UNUSED bool has_reply(const void *subject)
{
	const struct client *client = subject;
	const char *end = strstr(client->got.data, "\r\n\r\n");
	const char *length = strcasestr(client->got.data, "content-length:");

	return client->is_over ||
	       (end &&
	        client->got.length >=
	                (size_t)(end + 4 - client->got.data) +
	                        (length && length < end ? strtoul(length + 15, NULL, 10) : 0));
}

static PEER_UNUSED bool reached(const void *subject)
{
	return *(const int *)subject > 0;
}

static int turns;

/* A few turns, for what should not happen to have had its chance. */
static bool have_turned(const void *subject)
{
	struct loop_timer *again = (struct loop_timer *)subject;

	loop_timer_start(loop, again, 0);
	return ++turns > 20;
}

static void on_again(struct loop_timer *timer)
{
	(void)timer;
}

static PEER_UNUSED void turn_a_while(void)
{
	struct loop_timer again = { .on_due = on_again };

	turns = 0;
	wait_for(have_turned, &again);
	loop_timer_stop(&again);
}

static PEER_UNUSED int status_of(const struct client *client)
{
	return strncmp(client->got.data, "HTTP/1.1 ", 9) == 0 ? atoi(client->got.data + 9) : 0;
}

static PEER_UNUSED const char *body_of(const struct client *client)
{
	const char *end = strstr(client->got.data, "\r\n\r\n");

	return end ? end + 4 : "(no head)";
}

/* One request on its own connection, until its reply is there. */
static PEER_UNUSED void ask(struct client *client, const char *text)
{
	client_open(client, text);
	CHECK(wait_for(has_reply, client));
}

#endif
