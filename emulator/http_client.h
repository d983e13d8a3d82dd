/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client - one request after the other to one HTTP/1.1 server, over a kept connection.
 *
 * A request has a body and gets a status; what else the server says is thrown
 * away (http_response.h has the bounds). It never waits: the server may be slow,
 * silent, closed, or speak garbage, and the outcome says so, at the latest after
 * the limit. A kept connection that turns out to be stale before a byte of the
 * response has come is replaced once, without a word.
 *
 * Written for this alone, and not libcurl: loading that takes longer than all of
 * lrie's start, and this is a tenth of what is left when TLS, redirections,
 * proxies and names are not needed.
 *
 * Embedded in its owner; memory that holds one is freed in callbacks only
 * through loop_dispose().
 */
#ifndef EMULATOR_HTTP_CLIENT_H
#define EMULATOR_HTTP_CLIENT_H

#include "emulator/buffer.h"
#include "emulator/http_response.h"
#include "emulator/tcp_client.h"

struct http_client_request {
	const char *method;
	const char *target; /* path and query, without spaces and control characters */
	const char *host;   /* for the Host header */
	uint16_t port;      /* ... as well */
	const char *content_type;
	const void *body; /* borrowed until on_done */
	size_t length;
};

struct http_client {
	struct loop *loop;

	/* As in tcp_client.h; answered by http_client_connect() or http_client_fail(). */
	void (*on_dial)(struct http_client *client);

	/* The request is over: with the server's 'status', or with 0 and the reason why there is
	 * none. Never during http_client_send(). */
	void (*on_done)(struct http_client *client, unsigned status, const struct error *why);

	/* private */
	struct tcp_client peer;
	struct http_response response;
	struct loop_timer limit;
	struct buffer head;
	struct http_client_request request;
	uint64_t limit_ns;
	bool is_busy, has_heard;
	bool may_be_stale; /* the connection served another request before */
	bool failed;       /* in http_client_send(): the limit, which is due at once, tells */
	struct error why;
};

/* 'loop' and the callbacks are set, the rest is zero. */
void http_client_init(struct http_client *client);

/* Drops the request that is under way, and the connection. Fine on one that was never begun. */
void http_client_finish(struct http_client *client);

/* Sends a request, when none is under way; 'limit_ns' from now on_done has come. */
void http_client_send(struct http_client *client, const struct http_client_request *request,
                      uint64_t limit_ns);

/* Stops the clock while the server cannot answer, since it is frozen; it begins anew afterwards. */
void http_client_pause(struct http_client *client, bool pause);

void http_client_connect(struct http_client *client, int fd);
void http_client_fail(struct http_client *client, const struct error *why);

#endif
