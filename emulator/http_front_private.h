/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_front_private - what the parts of the HTTP front share, and nobody else.
 *
 *   http_front.c         its listener: whose a request is, and the event made of it
 *   http_front_answer.c  the response made of the answer, whole or as it comes
 */
#ifndef EMULATOR_HTTP_FRONT_PRIVATE_H
#define EMULATOR_HTTP_FRONT_PRIVATE_H

#include "emulator/http_failure.h"
#include "emulator/http_front.h"
#include "emulator/http_prelude.h"

/* "/" and the name of a function. */
#define HTTP_ROUTE_SIZE (1 + 64 + 1)

struct http_front {
	struct http_listener listener;
	struct loop *loop;
	struct functions *functions;
	const struct config *config;
	unsigned port;
	bool is_loopback; /* whoever calls it knows it by a name of this machine */
};

/* One request. It lives until both its exchange and its invocation have ended. */
struct http_call {
	struct http_front *front;
	struct http_exchange *exchange; /* NULL when the client has left */
	struct invocation *invocation;  /* NULL when it is done, or never was */
	struct served_function *served; /* NULL: the request is nobody's */
	struct http_site site; /* as it was when the event was made, and its names no longer */
	char route[HTTP_ROUTE_SIZE]; /* of a function that was given none */
	char *binary_types;          /* the site's */
	bool is_answered;            /* there is a response, or the beginning of one */
	bool is_prelude_due;         /* what comes next of a streamed answer is that */
	struct http_prelude prelude;
	struct loop_timer timeout;
	struct loop_garbage garbage;
};

/* Frees it once nothing holds it any more. */
void http_call_release(struct http_call *call);

/* What the function answers becomes the response. */
const struct invocation_ops *http_call_ops(const struct http_call *call);

/* There will be no answer to make it of. */
void http_call_fail(struct http_call *call, enum http_failure failure, uint64_t size);
void http_call_throttle(struct http_call *call, const char *reason);

/* The client has room for more of a response, or has left. */
void http_call_go_on(struct http_call *call);

#endif
