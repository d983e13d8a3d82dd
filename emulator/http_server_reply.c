/* SPDX-License-Identifier: Apache-2.0 */
/* http_server_reply - what the peer is answered */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/http_head.h"
#include "emulator/http_server_private.h"

bool http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value)
{
	if (!http_is_token(name) || !http_is_field_value(value))
		return false;
	buffer_append(&exchange->headers, name, strlen(name) + 1);
	buffer_append(&exchange->headers, value, strlen(value) + 1);
	return true;
}

void exchange_suspend(struct http_exchange *exchange)
{
	if (exchange->is_suspended)
		return;
	MHD_suspend_connection(exchange->connection->mhd);
	exchange->is_suspended = true;
	connection_set_active(exchange->connection, false);
}

void exchange_wake(struct http_exchange *exchange)
{
	/* Otherwise MHD is calling us, or will in a run that is already asked for. */
	if (!exchange->is_suspended)
		return;
	exchange->is_suspended = false;
	connection_set_active(exchange->connection, true);
	MHD_resume_connection(exchange->connection->mhd);
	server_wake(exchange->connection->server);
}

void exchange_resume(struct http_exchange *exchange)
{
	if (!exchange->is_suspended)
		return;
	exchange->is_due = true;
	exchange->connection->server->due_count++;
	http_due_total++;
	exchange_wake(exchange);
}

/* MHD has called, or the exchange is over. */
void exchange_met(struct http_exchange *exchange)
{
	if (!exchange->is_due)
		return;
	exchange->is_due = false;
	exchange->connection->server->due_count--;
	http_due_total--;
}

void http_exchange_reply(struct http_exchange *exchange, unsigned status, struct buffer *body)
{
	if (exchange->phase == EXCHANGE_DROPPED) {
		if (body)
			buffer_finish(body);
		return;
	}
	assert(exchange->phase == EXCHANGE_WAITING);
	exchange->phase = EXCHANGE_REPLIED;
	exchange->status = status;
	if (body)
		buffer_move(&exchange->reply, body);
	exchange_resume(exchange);
}

void http_exchange_reply_borrowed(struct http_exchange *exchange, unsigned status, const void *data,
                                  size_t length)
{
	exchange->borrowed = data;
	exchange->borrowed_length = length;
	http_exchange_reply(exchange, status, NULL);
}

void http_exchange_drop(struct http_exchange *exchange)
{
	if (exchange->phase == EXCHANGE_REPLIED || exchange->phase == EXCHANGE_DROPPED)
		return;
	if (exchange->phase == EXCHANGE_RECEIVING)
		connection_shut(exchange->connection);
	exchange->phase = EXCHANGE_DROPPED;
	exchange_resume(exchange);
}

static void response_add_headers(struct MHD_Response *response, const struct buffer *headers)
{
	const char *end = headers->data + headers->length;

	for (const char *name = headers->data; name < end;) {
		const char *value = name + strlen(name) + 1;

		/* MHD takes no empty value; a peer does not count blanks around one. */
		MHD_add_response_header(response, name, *value ? value : " ");
		name = value + strlen(value) + 1;
	}
}

/* The body is not copied. */
static struct MHD_Response *exchange_create_response(struct http_exchange *exchange)
{
	struct MHD_Response *response;
	size_t length;
	char *data;

	if (exchange->is_reply_streamed)
		return exchange_create_stream(exchange);
	if (exchange->borrowed)
		return MHD_create_response_from_buffer(exchange->borrowed_length,
		                                       (void *)exchange->borrowed,
		                                       MHD_RESPMEM_PERSISTENT);
	data = buffer_steal(&exchange->reply, &length);
	response = MHD_create_response_from_buffer(length, data, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(data);
	return response;
}

static struct MHD_Response *exchange_build_response(struct http_exchange *exchange)
{
	struct MHD_Response *response = exchange_create_response(exchange);

	if (!response)
		return NULL;
	response_add_headers(response, &exchange->headers);
	if (exchange->must_close)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	return response;
}

/* Gives the reply to MHD, from inside the access handler. */
enum MHD_Result exchange_queue_reply(struct http_exchange *exchange)
{
	struct MHD_Response *response = exchange_build_response(exchange);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(exchange->connection->mhd, exchange->status, response);
	MHD_destroy_response(response);
	return result;
}
