/* SPDX-License-Identifier: Apache-2.0 */
/* http_server_request - what the peer asks */
#include <string.h>

#include "emulator/http_server_private.h"

const char *http_exchange_method(const struct http_exchange *exchange)
{
	return exchange->method;
}

const char *http_exchange_path(const struct http_exchange *exchange)
{
	return exchange->path;
}

static const char *exchange_lookup(const struct http_exchange *exchange, enum MHD_ValueKind kind,
                                   const char *name)
{
	const char *value = NULL;
	size_t length = 0;

	if (MHD_lookup_connection_value_n(exchange->connection->mhd, kind, name, strlen(name),
	                                  &value, &length) == MHD_NO)
		return NULL;
	return value && strlen(value) == length ? value : "";
}

const char *http_exchange_query(const struct http_exchange *exchange, const char *name)
{
	return exchange_lookup(exchange, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_exchange_raw_query(const struct http_exchange *exchange)
{
	return exchange->query ? exchange->query : "";
}

struct header_visit {
	void (*each)(void *user, const char *name, const char *value);
	void *user;
};

static enum MHD_Result visit_header(void *closure, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
	const struct header_visit *visit = closure;

	(void)kind;
	visit->each(visit->user, name, value ? value : "");
	return MHD_YES;
}

void http_exchange_each_header(const struct http_exchange *exchange,
                               void (*each)(void *user, const char *name, const char *value),
                               void *user)
{
	struct header_visit visit = { .each = each, .user = user };

	MHD_get_connection_values(exchange->connection->mhd, MHD_HEADER_KIND, visit_header, &visit);
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name)
{
	return exchange_lookup(exchange, MHD_HEADER_KIND, name);
}

const char *http_exchange_trailer(const struct http_exchange *exchange, const char *name)
{
	return exchange_lookup(exchange, MHD_FOOTER_KIND, name);
}

enum http_body_state http_exchange_body_state(const struct http_exchange *exchange)
{
	return exchange->body_length > exchange->body_limit ? HTTP_BODY_TOO_LARGE
	                                                    : HTTP_BODY_COMPLETE;
}

uint64_t http_exchange_body_length(const struct http_exchange *exchange)
{
	return exchange->body_length;
}

bool http_exchange_is_truncated(const struct http_exchange *exchange)
{
	return exchange->phase == EXCHANGE_RECEIVING;
}

void http_exchange_take_body(struct http_exchange *exchange, struct buffer *body)
{
	buffer_move(body, &exchange->body);
}

void http_exchange_set_user(struct http_exchange *exchange, void *user)
{
	exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange)
{
	return exchange->user;
}

int http_exchange_socket(const struct http_exchange *exchange)
{
	return exchange->connection->watch.fd;
}

void http_exchange_set_mark(struct http_exchange *exchange, unsigned mark)
{
	exchange->connection->mark = mark;
}

unsigned http_exchange_mark(const struct http_exchange *exchange)
{
	return exchange->connection->mark;
}

void http_exchange_stream_body(struct http_exchange *exchange)
{
	exchange->is_body_streamed = true;
	exchange->body_limit = SIZE_MAX;
}

void http_exchange_forget_body(struct http_exchange *exchange)
{
	exchange->is_body_streamed = false;
	exchange->is_body_paused = false;
	exchange->body_limit = (size_t)exchange->body_length - 1;
}

void http_exchange_pause_body(struct http_exchange *exchange)
{
	exchange->is_body_paused = true;
}

void http_exchange_resume_body(struct http_exchange *exchange)
{
	exchange->is_body_paused = false;
	exchange->stuck_at = 0; /* it stood still, but was not stuck */
	if (exchange->phase == EXCHANGE_RECEIVING)
		exchange_wake(exchange);
}

void http_exchange_accept_body(struct http_exchange *exchange, size_t limit)
{
	exchange->body_limit = limit;
	if (exchange->body_announced <= limit)
		buffer_reserve(&exchange->body, (size_t)exchange->body_announced);
}
