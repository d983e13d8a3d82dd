/* SPDX-License-Identifier: Apache-2.0 */
/* http_server_exchange - an exchange's life, as libmicrohttpd calls for it */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/http_head.h"
#include "emulator/http_server_private.h"
#include "emulator/log.h"

/* Of a body that is too large, so much is read and forgotten before the connection is dropped. */
#define DRAIN_LIMIT (UINT64_C(64) << 20)

/* ---- refusals ---- */

static enum MHD_Result on_header(void *closure, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
	(void)kind;
	http_head_add(closure, name, value);
	return MHD_YES;
}

static void exchange_refuse(struct http_exchange *exchange, const struct http_refusal *refusal)
{
	log_debug("%.16s %.64s: refused with %u", exchange->method, exchange->path,
	          refusal->status);
	exchange->listener = NULL;
	exchange->is_refused = true;
	exchange->must_close = true;
	exchange->status = refusal->status;
	buffer_append_text(&exchange->reply, refusal->text);
	http_exchange_add_header(exchange, MHD_HTTP_HEADER_CONTENT_TYPE,
	                         "text/plain; charset=utf-8");
}

static enum MHD_Result exchange_refuse_now(struct http_exchange *exchange,
                                           const struct http_refusal *refusal)
{
	exchange_refuse(exchange, refusal);
	exchange->phase = EXCHANGE_REPLIED;
	return exchange_queue_reply(exchange);
}

/* ---- an exchange through MHD's access handler ---- */

/* "http://host/path" is allowed to origin servers too (RFC 9112 section 3.2.2). */
static const char *path_of_target(const char *target)
{
	const char *path;

	if (strncasecmp(target, "http://", 7) != 0)
		return target;
	path = strchr(target + 7, '/');
	return path ? path : "/";
}

static struct http_exchange *exchange_create(struct http_connection *connection, const char *method,
                                             const char *target)
{
	struct http_exchange *exchange = xcalloc(1, sizeof(*exchange));

	exchange->connection = connection;
	exchange->method = method;
	exchange->path = path_of_target(target);
	exchange->query = connection->query;
	connection->query = NULL;
	buffer_init(&exchange->body);
	buffer_init(&exchange->headers);
	buffer_init(&exchange->reply);
	connection->exchange = exchange;
	return exchange;
}

static void exchange_destroy(struct http_exchange *exchange)
{
	buffer_finish(&exchange->body);
	buffer_finish(&exchange->headers);
	buffer_finish(&exchange->reply);
	free(exchange->query);
	free(exchange);
}

/* on_finished, once. */
void exchange_finish(struct http_exchange *exchange)
{
	struct http_listener *listener = exchange->listener;

	exchange->listener = NULL;
	if (listener)
		listener->on_finished(listener, exchange);
}

/* What MHD has to do after a handler was called. */
static enum MHD_Result exchange_proceed(struct http_exchange *exchange)
{
	if (exchange->phase == EXCHANGE_REPLIED)
		return exchange_queue_reply(exchange);
	if (exchange->phase == EXCHANGE_DROPPED || !exchange->listener)
		return MHD_NO;
	return MHD_YES;
}

void exchange_tell_hangup(struct http_exchange *exchange)
{
	if (exchange->is_hung_up || !exchange->listener ||
	    (exchange->phase != EXCHANGE_WAITING && !exchange_is_writing(exchange)))
		return;
	exchange->is_hung_up = true;
	exchange->listener->on_hangup(exchange->listener, exchange);
}

/* The second call for an exchange that its handler has kept. */
static enum MHD_Result exchange_settle(struct http_exchange *exchange)
{
	if (exchange->connection->has_hung_up)
		exchange_tell_hangup(exchange);
	if (exchange->phase == EXCHANGE_WAITING && exchange->listener)
		exchange_suspend(exchange);
	return exchange_proceed(exchange);
}

static enum MHD_Result exchange_complete(struct http_exchange *exchange)
{
	if (exchange->is_refused) {
		exchange->phase = EXCHANGE_REPLIED;
		return exchange_queue_reply(exchange);
	}
	exchange->phase = EXCHANGE_WAITING;
	connection_expire(exchange->connection, false);
	exchange->listener->on_request(exchange->listener, exchange);
	if (exchange->phase == EXCHANGE_WAITING ||
	    (exchange->phase == EXCHANGE_REPLIED && http_due_total > 0)) {
		server_wake(exchange->connection->server);
		return exchange->listener || exchange->phase == EXCHANGE_REPLIED ? MHD_YES : MHD_NO;
	}
	return exchange_proceed(exchange);
}

static enum MHD_Result exchange_advance(struct http_exchange *exchange)
{
	exchange_met(exchange);
	switch (exchange->phase) {
	case EXCHANGE_RECEIVING:
		return exchange_complete(exchange);
	case EXCHANGE_WAITING:
		return exchange_settle(exchange);
	case EXCHANGE_REPLIED:
	case EXCHANGE_DROPPED:
		return exchange_proceed(exchange);
	}
	return MHD_NO;
}

/* The peer waits for our word before it sends what we would only forget, or it announces so much
 * that we would not even forget it. */
static bool exchange_is_hopeless(const struct http_exchange *exchange, const struct http_head *head)
{
	if (exchange->body_announced <= exchange->body_limit)
		return false;
	return (head->expect && strcasecmp(head->expect, "100-continue") == 0) ||
	       exchange->body_announced - exchange->body_limit > DRAIN_LIMIT;
}

/* The reply comes before the body, which closes the connection. MHD must not go on to read the
 * body meanwhile, so a kept exchange is suspended here and now. */
static enum MHD_Result exchange_complete_without_body(struct http_exchange *exchange)
{
	exchange->body_length = exchange->body_announced;
	exchange->must_close = true;
	if (exchange_complete(exchange) == MHD_NO)
		return MHD_NO;
	if (exchange->phase == EXCHANGE_WAITING)
		exchange_suspend(exchange);
	return MHD_YES;
}

static bool is_head_too_long(const struct http_server *server, struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info && info->header_size > server->head_limit;
}

static enum MHD_Result exchange_start(struct http_exchange *exchange, const char *version)
{
	struct http_connection *connection = exchange->connection;
	struct http_head head = { .method = exchange->method,
		                  .path = exchange->path,
		                  .is_for_site = exchange->listener->is_site,
		                  .is_http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0 };
	const struct http_refusal *refusal;

	MHD_get_connection_values(connection->mhd, MHD_HEADER_KIND, on_header, &head);
	refusal = is_head_too_long(connection->server, connection->mhd)
	                  ? &http_head_too_long
	                  : http_head_refuse_now(&head);
	if (refusal)
		return exchange_refuse_now(exchange, refusal);
	exchange->is_http_1_0 = head.is_http_1_0;
	exchange->is_chunked = head.transfer_encoding != NULL;
	if (head.content_length)
		exchange->body_announced = strtoull(head.content_length, NULL, 10);

	refusal = http_head_refuse(&head);
	if (refusal) {
		if (exchange_is_hopeless(exchange, &head))
			return exchange_refuse_now(exchange, refusal);
		exchange_refuse(exchange, refusal);
		return MHD_YES;
	}
	exchange->listener->on_head(exchange->listener, exchange);
	if (exchange->phase == EXCHANGE_DROPPED || !exchange->listener)
		return MHD_NO;
	if (exchange_is_hopeless(exchange, &head))
		return exchange_complete_without_body(exchange);
	return MHD_YES;
}

/* What a handler has no room for stays where it is, and MHD offers it again. */
static enum MHD_Result exchange_receive_piece(struct http_exchange *exchange, const char *data,
                                              size_t *left)
{
	size_t length = *left;

	if (exchange->phase != EXCHANGE_RECEIVING)
		return MHD_NO;
	if (!exchange->is_body_paused) {
		*left = 0;
		exchange->body_length += length;
		exchange->listener->on_body(exchange->listener, exchange, data, length);
	}
	if (exchange->phase != EXCHANGE_RECEIVING || !exchange->listener)
		return MHD_NO;
	if (exchange->is_body_paused)
		exchange_suspend(exchange);
	return MHD_YES;
}

static enum MHD_Result exchange_receive(struct http_exchange *exchange, const char *data,
                                        size_t length)
{
	if (exchange->phase != EXCHANGE_RECEIVING)
		return MHD_NO;
	exchange->body_length += length;
	if (exchange->body_length <= exchange->body_limit) {
		buffer_append(&exchange->body, data, length);
		return MHD_YES;
	}
	buffer_finish(&exchange->body);
	return exchange->body_length - exchange->body_limit > DRAIN_LIMIT ? MHD_NO : MHD_YES;
}

enum MHD_Result exchange_on_access(void *closure, struct MHD_Connection *mhd, const char *target,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_length, void **context)
{
	struct http_server *server = closure;
	struct http_exchange *exchange = *context;
	size_t length = *data_length;

	server->has_progress = true;
	if (!exchange) {
		struct http_connection *connection = connection_of(mhd);

		if (!connection->listener)
			return MHD_NO;
		exchange = exchange_create(connection, method, target);
		exchange->listener = connection->listener;
		*context = exchange;
		return exchange_start(exchange, version);
	}
	if (length > 0 && exchange->is_body_streamed && exchange->listener)
		return exchange_receive_piece(exchange, data, data_length);
	*data_length = 0;
	return length > 0 ? exchange_receive(exchange, data, length) : exchange_advance(exchange);
}

void exchange_on_completed(void *closure, struct MHD_Connection *mhd, void **context,
                           enum MHD_RequestTerminationCode code)
{
	struct http_exchange *exchange = *context;
	struct http_connection *connection;

	(void)closure;
	(void)mhd;
	(void)code;
	if (!exchange)
		return;
	*context = NULL;
	connection = exchange->connection;
	connection->exchange = NULL;
	connection->target = NULL;
	exchange_finish(exchange);
	exchange_met(exchange);
	exchange_stop_writing(exchange);
	exchange_destroy(exchange);
	connection_set_active(connection, false);
	if (!connection->listener)
		connection_shut(connection);
	else if (connection->has_hung_up)
		connection_expire(connection, true);
}

/* ---- request targets: the path stays as it was sent, query arguments are decoded ---- */

void *exchange_on_target(void *closure, const char *target, struct MHD_Connection *mhd)
{
	struct http_connection *connection = connection_of(mhd);
	const char *query;

	(void)closure;
	connection->target = target;
	connection_set_active(connection, true);
	if (connection->listener && connection->listener->is_site &&
	    (query = strchr(target, '?'))) {
		/* MHD takes it apart where it stands. */
		free(connection->query);
		connection->query = xstrdup(query + 1);
	}
	return NULL;
}

/* MHD uses one function for both, and the path is exactly what exchange_on_target() saw. */
size_t exchange_on_unescape(void *closure, struct MHD_Connection *mhd, char *text)
{
	(void)closure;
	return text == connection_of(mhd)->target ? strlen(text) : MHD_http_unescape(text);
}
