/* SPDX-License-Identifier: Apache-2.0 */
/* http_client - one request after the other to one HTTP/1.1 server, over a kept connection */
#include "emulator/http_client.h"

#include <assert.h>
#include <inttypes.h>

#include "emulator/clock.h"

/* Ends the request; the connection stays only when the response allows it. */
static void end(struct http_client *client, unsigned status, const struct error *why)
{
	bool keep = client->response.state == HTTP_RESPONSE_COMPLETE && client->response.keeps;

	loop_timer_stop(&client->limit);
	client->is_busy = false;
	tcp_client_finish(&client->peer, keep);
	client->on_done(client, status, why);
}

static void fail(struct http_client *client, int code, const char *words)
{
	struct error why;

	error_set(&why, code, "%s", words);
	end(client, 0, &why);
}

/* A server that has said what it thinks of the request has answered, however that ended. */
static void judge(struct http_client *client)
{
	const struct http_response *response = &client->response;

	if (response->state == HTTP_RESPONSE_COMPLETE || response->has_head)
		end(client, response->status, NULL);
	else
		fail(client, 0, response->defect);
}

static void send_request(struct http_client *client)
{
	const struct tcp_client_part parts[TCP_CLIENT_PARTS] = {
		{ client->head.data, client->head.length },
		{ client->request.body, client->request.length },
	};

	http_response_begin(&client->response);
	client->has_heard = false;
	client->may_be_stale = tcp_client_is_open(&client->peer);
	tcp_client_send(&client->peer, parts);
}

/* ---- what the connection tells ---- */

static struct http_client *client_of(struct tcp_client *peer)
{
	return container_of(peer, struct http_client, peer);
}

static void on_dial(struct tcp_client *peer)
{
	client_of(peer)->on_dial(client_of(peer));
}

static void on_sent(struct tcp_client *peer)
{
	(void)peer; /* now it is the server's turn */
}

static void on_data(struct tcp_client *peer, const char *data, size_t length)
{
	struct http_client *client = client_of(peer);
	size_t used = http_response_take(&client->response, data, length);

	client->has_heard = true;
	if (used < length)
		client->response.keeps = false; /* more than was asked for */
	if (client->response.state != HTTP_RESPONSE_UNFINISHED)
		judge(client);
}

static void on_broken(struct tcp_client *peer, const struct error *why)
{
	struct http_client *client = client_of(peer);

	http_response_end(&client->response);
	if (client->has_heard) {
		judge(client);
		return;
	}
	if (client->may_be_stale) {
		send_request(client);
		return;
	}
	/* on_done never comes in the middle of http_client_send(). */
	client->why = *why;
	client->failed = true;
	loop_timer_start(client->loop, &client->limit, clock_now());
}

static void on_limit(struct loop_timer *timer)
{
	struct http_client *client = container_of(timer, struct http_client, limit);
	struct error why = client->why;

	if (!client->failed)
		error_set(&why, 0, "no answer within %" PRIu64 " ms",
		          client->limit_ns / CLOCK_NS_PER_MS);
	end(client, 0, &why);
}

/* ---- requests ---- */

void http_client_init(struct http_client *client)
{
	client->peer = (struct tcp_client){
		.loop = client->loop,
		.on_dial = on_dial,
		.on_sent = on_sent,
		.on_data = on_data,
		.on_broken = on_broken,
	};
	tcp_client_init(&client->peer);
	client->limit = (struct loop_timer){ .on_due = on_limit };
	buffer_init(&client->head);
}

void http_client_finish(struct http_client *client)
{
	if (!client->limit.on_due)
		return;
	loop_timer_stop(&client->limit);
	client->is_busy = false;
	tcp_client_finish(&client->peer, false);
	buffer_finish(&client->head);
}

void http_client_send(struct http_client *client, const struct http_client_request *request,
                      uint64_t limit_ns)
{
	assert(!client->is_busy);
	client->is_busy = true;
	client->failed = false;
	client->request = *request;
	client->limit_ns = limit_ns;
	buffer_clear(&client->head);
	buffer_append_format(&client->head,
	                     "%s %s HTTP/1.1\r\nHost: %s:%u\r\nContent-Type: %s\r\n"
	                     "Content-Length: %zu\r\n\r\n",
	                     request->method, request->target, request->host, request->port,
	                     request->content_type, request->length);
	loop_timer_start(client->loop, &client->limit, clock_now() + limit_ns);
	send_request(client);
}

void http_client_pause(struct http_client *client, bool pause)
{
	if (!client->is_busy || client->failed)
		return;
	if (pause)
		loop_timer_stop(&client->limit);
	else
		loop_timer_start(client->loop, &client->limit, clock_now() + client->limit_ns);
}

void http_client_connect(struct http_client *client, int fd)
{
	tcp_client_connect(&client->peer, fd);
}

void http_client_fail(struct http_client *client, const struct error *why)
{
	tcp_client_break(&client->peer, why);
}
