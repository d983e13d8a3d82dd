/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server - HTTP/1.1 on the event loop. The one home of libmicrohttpd.
 *
 * One MHD daemon per server, without a thread and without a listening socket: we accept, so that
 * each connection knows its listener, and hand the socket over. The daemon's own epoll descriptor
 * is watched in our loop. MHD_run() has one call site, the before-sleep hook; everything else only
 * asks for it (server_wake). So no callback of ours ever runs inside another one, and what a turn
 * has resumed moves before the loop sleeps.
 *
 * What is known of libmicrohttpd 0.9.75 and shapes this file:
 *
 * - A response may be queued only in the access handler. A handler that keeps its exchange has
 *   its connection suspended; replying resumes it, and MHD calls the access handler once more.
 * - Resuming reads from the socket first if the connection was suspended while MHD wanted to
 *   read, and a peer that has half-closed would lose its reply. The final call of the access
 *   handler therefore returns without a response; MHD then wants nothing of the socket, calls
 *   again in its next run, and that call suspends (exchange_settle).
 * - A suspended connection does not notice that its peer has left. Each socket is watched for
 *   EPOLLRDHUP in our loop as well, edge-triggered: one registration per connection, no cost per
 *   request.
 * - A read that returns less than was asked for is taken as the last one, so the end of the stream
 *   goes unseen when it arrived together with the last bytes. A connection whose peer has hung up
 *   is therefore given a time-out while it is not a handler's turn (connection_expire).
 * - A response that is queued before the body was read closes the connection, and a socket closed
 *   with unread input sends a reset. Refusals wait for the end of the body where it has one.
 * - A chunk header that does not fit the read buffer makes an external event loop spin:
 *   MHD_get_timeout() says 0 for ever. See server_run_again().
 * - The whole pool of a connection is cleared after each request: 27 us and 1 MiB of resident
 *   memory for heads of 1 MiB, which a Runtime API must take but hardly ever sees. So connections
 *   are served from small pools, and one whose peer begins to send a long head is moved to a
 *   second daemon with large ones. See "long heads" below.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "emulator/clock.h"
#include "emulator/http_head.h"
#include "emulator/http_server.h"
#include "emulator/log.h"
#include "sandbox/fd.h"

/* Accepted per listener and turn, so that a flood does not starve the rest. */
#define ACCEPT_BURST 16

/* Runs of MHD in a row before other descriptors have their turn. */
#define RUN_BURST 32

/* Runs in a row without progress before we believe that MHD spins, and what we then do. */
#define SPIN_RUNS 1024
#define SPIN_PAUSE_NS (10 * CLOCK_NS_PER_MS)
#define SPIN_LIMIT_NS CLOCK_NS_PER_S

/* When descriptors are short, and none of ours may be closed soon. */
#define ACCEPT_RETRY_NS (100 * CLOCK_NS_PER_MS)

/* The least that MHD knows beside none. */
#define HANGUP_TIMEOUT_S 1U

/* Of a body that is too large, so much is read and forgotten before the connection is dropped. */
#define DRAIN_LIMIT (UINT64_C(64) << 20)

/* MHD reads into its pool; with less free space than this it tries to get more first. */
#define READ_MIN ((size_t)64 << 10)

/* Heads up to this size are served from small pools. */
#define SHORT_HEAD ((size_t)8 << 10)

/* Beside the head, a pool holds what MHD notes per header, and the head of the reply. */
#define POOL_SLACK ((size_t)16 << 10)

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct loop_watch watch;
	struct loop_hook hook;
	struct loop_timer pause;
	struct loop_timer expiry;
	struct loop_timer accept_retry;
	struct http_listener *listeners;
	struct http_connection *arriving; /* handed to MHD right now */
	struct http_server *long_heads;   /* serves what we cannot; NULL in that one */
	size_t head_limit;
	unsigned max_connections; /* of each listener */
	unsigned due_count;       /* this server's part of due_total */
	bool is_accepting;
	bool must_run;
	unsigned burst;
	unsigned runs_without_progress;
	uint64_t busy_since; /* MHD has not come to rest since; 0 while it does */
	bool has_progress;   /* a callback of ours was called in this run */
};

struct http_connection {
	struct http_server *home;       /* counts it */
	struct http_server *server;     /* serves it; NULL until its first bytes have come */
	struct http_listener *listener; /* NULL once it is closed */
	struct http_connection *next, **link;
	struct MHD_Connection *mhd;
	struct http_exchange *exchange;
	struct loop_watch watch; /* on the socket, for its whole life */
	const char *target;      /* the request target that MHD is parsing now */
	unsigned mark;           /* the handler's */
	bool has_hung_up;
	bool is_expiring;
};

enum exchange_phase {
	EXCHANGE_RECEIVING, /* head seen, body on its way */
	EXCHANGE_WAITING,   /* with the handler, in on_request or kept */
	EXCHANGE_REPLIED,   /* the reply is known, perhaps not sent yet */
	EXCHANGE_DROPPED,
};

struct http_exchange {
	struct http_connection *connection;
	struct http_listener *listener; /* NULL: no handler (any more) */
	const char *method;
	const char *path;
	void *user;

	struct buffer body;
	size_t body_limit;
	uint64_t body_length;
	uint64_t body_announced; /* Content-Length; 0 when there is none */
	uint64_t stuck_at;       /* body_length + 1 at the last look for the stuck; 0: was not */
	bool is_chunked;
	bool is_refused; /* by the server itself: 'body' is our text */
	bool is_suspended;
	bool is_due;     /* counted in due_total */
	bool is_hung_up; /* on_hangup was called */
	bool must_close;

	enum exchange_phase phase;
	unsigned status;
	struct buffer headers; /* of the reply: name, NUL, value, NUL, ... */
	struct buffer reply;
	const char *borrowed; /* the reply's body, when it is the handler's; else in 'reply' */
	size_t borrowed_length;
};

/*
 * Exchanges of all servers that were resumed and that MHD has not called us for since. Replies
 * leave in the order in which handlers give them: a handler that answers a kept exchange (the
 * client) and then its own (the runtime that brought the answer) means that order, and with as
 * many processors as there are peers it is what the client waits for.
 */
static unsigned due_total;

static void server_wake(struct http_server *server)
{
	server->must_run = true;
}

/* Lets MHD close the connection when nothing moves on it for a while, or no longer. */
static void connection_expire(struct http_connection *connection, bool is_expiring)
{
	if (connection->is_expiring == is_expiring)
		return;
	connection->is_expiring = is_expiring;
	MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
	                          is_expiring ? HANGUP_TIMEOUT_S : 0U);
	server_wake(connection->server);
}

static void connection_shut(struct http_connection *connection)
{
	/* MHD owns the descriptor, and closes it when it sees the end of the stream. */
	shutdown(MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
	                 ->connect_fd,
	         SHUT_RDWR);
	server_wake(connection->server);
}

/* ---- the request ---- */

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

	if (MHD_lookup_connection_value_n(exchange->connection->mhd, kind, name, strlen(name),
	                                  &value, NULL) == MHD_NO)
		return NULL;
	return value ? value : "";
}

const char *http_exchange_query(const struct http_exchange *exchange, const char *name)
{
	return exchange_lookup(exchange, MHD_GET_ARGUMENT_KIND, name);
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

void http_exchange_accept_body(struct http_exchange *exchange, size_t limit)
{
	exchange->body_limit = limit;
	if (exchange->body_announced <= limit)
		buffer_reserve(&exchange->body, (size_t)exchange->body_announced);
}

/* ---- the reply ---- */

bool http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value)
{
	if (!http_is_token(name) || value[0] == '\0' || !http_is_field_value(value))
		return false;
	buffer_append(&exchange->headers, name, strlen(name) + 1);
	buffer_append(&exchange->headers, value, strlen(value) + 1);
	return true;
}

static void exchange_resume(struct http_exchange *exchange)
{
	/* Otherwise MHD is calling us, or will in a run that is already asked for. */
	if (!exchange->is_suspended)
		return;
	exchange->is_suspended = false;
	exchange->is_due = true;
	exchange->connection->server->due_count++;
	due_total++;
	MHD_resume_connection(exchange->connection->mhd);
	server_wake(exchange->connection->server);
}

/* MHD has called, or the exchange is over. */
static void exchange_met(struct http_exchange *exchange)
{
	if (!exchange->is_due)
		return;
	exchange->is_due = false;
	exchange->connection->server->due_count--;
	due_total--;
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

		MHD_add_response_header(response, name, value);
		name = value + strlen(value) + 1;
	}
}

/* The body is not copied. */
static struct MHD_Response *exchange_create_response(struct http_exchange *exchange)
{
	struct MHD_Response *response;
	size_t length;
	char *data;

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
static enum MHD_Result exchange_queue_reply(struct http_exchange *exchange)
{
	struct MHD_Response *response = exchange_build_response(exchange);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	result = MHD_queue_response(exchange->connection->mhd, exchange->status, response);
	MHD_destroy_response(response);
	return result;
}

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
	free(exchange);
}

/* on_finished, once. */
static void exchange_finish(struct http_exchange *exchange)
{
	struct http_listener *listener = exchange->listener;

	exchange->listener = NULL;
	if (listener)
		listener->on_finished(listener, exchange);
}

static void exchange_suspend(struct http_exchange *exchange)
{
	MHD_suspend_connection(exchange->connection->mhd);
	exchange->is_suspended = true;
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

static void exchange_tell_hangup(struct http_exchange *exchange)
{
	if (exchange->is_hung_up || exchange->phase != EXCHANGE_WAITING)
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
	    (exchange->phase == EXCHANGE_REPLIED && due_total > 0)) {
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
		                  .is_http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_0) == 0 };
	const struct http_refusal *refusal;

	MHD_get_connection_values(connection->mhd, MHD_HEADER_KIND, on_header, &head);
	refusal = is_head_too_long(connection->server, connection->mhd)
	                  ? &http_head_too_long
	                  : http_head_refuse_now(&head);
	if (refusal)
		return exchange_refuse_now(exchange, refusal);
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

static struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result on_access(void *closure, struct MHD_Connection *mhd, const char *target,
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
	*data_length = 0;
	return length > 0 ? exchange_receive(exchange, data, length) : exchange_advance(exchange);
}

static void on_completed(void *closure, struct MHD_Connection *mhd, void **context,
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
	exchange_destroy(exchange);
	if (!connection->listener)
		connection_shut(connection);
	else if (connection->has_hung_up)
		connection_expire(connection, true);
}

/* ---- request targets: the path stays as it was sent, query arguments are decoded ---- */

static void *on_target(void *closure, const char *target, struct MHD_Connection *mhd)
{
	(void)closure;
	connection_of(mhd)->target = target;
	return NULL;
}

/* MHD uses one function for both, and the path is exactly what on_target() saw. */
static size_t on_unescape(void *closure, struct MHD_Connection *mhd, char *text)
{
	(void)closure;
	return text == connection_of(mhd)->target ? strlen(text) : MHD_http_unescape(text);
}

/* ---- connections ---- */

/* Looks out for connections, unless there are too many already or descriptors are short. */
static void listener_update(struct http_listener *listener)
{
	const struct http_server *server = listener->server;
	bool has_room = listener->connection_count < server->max_connections;

	if (listener->watch.loop) /* it is not being closed */
		loop_watch_change(&listener->watch, has_room && server->is_accepting ? EPOLLIN : 0);
}

static void server_set_accepting(struct http_server *server, bool is_accepting)
{
	struct http_listener *listener;

	if (server->is_accepting == is_accepting)
		return;
	server->is_accepting = is_accepting;
	for (listener = server->listeners; listener; listener = listener->next)
		listener_update(listener);
}

static void on_accept_retry(struct loop_timer *timer)
{
	server_set_accepting(container_of(timer, struct http_server, accept_retry), true);
}

static void connection_unlink(struct http_connection *connection)
{
	if (!connection->link)
		return;
	*connection->link = connection->next;
	if (connection->next)
		connection->next->link = connection->link;
	connection->link = NULL;
	if (connection->listener->connection_count-- == connection->home->max_connections)
		listener_update(connection->listener);
	connection->listener = NULL;
}

static void connection_link(struct http_connection *connection, struct http_listener *listener)
{
	connection->listener = listener;
	connection->next = listener->connections;
	connection->link = &listener->connections;
	if (connection->next)
		connection->next->link = &connection->next;
	listener->connections = connection;
	listener->connection_count++;
}

static void connection_destroy(struct http_connection *connection)
{
	struct http_server *home = connection->home;

	loop_watch_stop(&connection->watch);
	connection_unlink(connection);
	free(connection);
	/* A descriptor is free: those who wait for one may come. */
	server_set_accepting(home, true);
}

static void on_connection(void *closure, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
	struct http_server *server = closure;

	server->has_progress = true;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = server->arriving;
		server->arriving->mhd = mhd;
		server->arriving = NULL;
	} else {
		connection_destroy(*context);
	}
}

/* Hands the socket to MHD, which owns it from now on. */
static void server_take(struct http_server *server, struct http_connection *connection)
{
	/* MHD wants an address, and makes no use of it. */
	const struct sockaddr_in nowhere = { .sin_family = AF_INET };

	connection->server = server;
	server->arriving = connection;
	/* Closes the socket if it fails. */
	MHD_add_connection(server->daemon, connection->watch.fd, (const struct sockaddr *)&nowhere,
	                   sizeof(nowhere));
	if (server->arriving) {
		server->arriving = NULL;
		connection_destroy(connection);
	} else if (connection->has_hung_up) {
		connection_expire(connection, true);
	}
	server_wake(server);
}

/*
 * ---- long heads
 *
 * A connection belongs to us until its first bytes are there. They are looked at without being
 * read, and decide which daemon gets it. Later, while it is between two requests, we look again
 * whenever something has arrived, which is before MHD runs in that turn. A head that is long, or
 * comes in pieces, moves its connection: what MHD holds is suspended, so that it keeps its hands
 * off the descriptor, is given an end of stream in the socket's place, and closes that; the socket
 * itself goes to the other daemon with all bytes unread.
 *
 * The one gap: bytes that arrive in the microsecond between our look and MHD's are read by it. If
 * just these are the beginning of a long head, it is refused with 431, as if we were not here.
 */

enum first_bytes { BYTES_NONE, BYTES_SHORT_HEAD, BYTES_LONG_HEAD, BYTES_BAD_HEAD, BYTES_ENDED };

/* Looks at what has arrived. 'refusal' is set with BYTES_BAD_HEAD. */
static enum first_bytes peek(int fd, const struct http_refusal **refusal)
{
	static char head[SHORT_HEAD + 1];
	ssize_t length = recv(fd, head, sizeof(head) - 1, MSG_PEEK | MSG_DONTWAIT);
	char *end;

	if (length == -1)
		return errno == EAGAIN || errno == EINTR ? BYTES_NONE : BYTES_ENDED;
	if (length == 0)
		return BYTES_ENDED;
	end = memmem(head, (size_t)length, "\r\n\r\n", 4);
	if (!end)
		end = memmem(head, (size_t)length, "\n\n", 2);
	if (end) {
		end[2] = '\0';
		*refusal = http_lengths_refuse(head);
		return *refusal ? BYTES_BAD_HEAD : BYTES_SHORT_HEAD;
	}
	/* A method, and not the rest of a request line that MHD has read the beginning of. */
	return head[0] >= 'A' && head[0] <= 'Z' ? BYTES_LONG_HEAD : BYTES_SHORT_HEAD;
}

static bool connection_watch(struct http_connection *connection, int fd);

static struct http_connection *connection_create(struct http_listener *listener, int fd)
{
	struct http_connection *connection = xcalloc(1, sizeof(*connection));

	connection->home = listener->server;
	connection_link(connection, listener);
	if (connection_watch(connection, fd))
		return connection;
	connection_destroy(connection);
	close(fd);
	return NULL;
}

static bool connection_move(struct http_connection *connection, struct http_server *server)
{
	struct http_listener *listener = connection->listener;
	int fd = connection->watch.fd, ended[2], moved;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ended) == -1)
		return false;
	close(ended[1]);
	moved = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (moved != -1) {
		loop_watch_stop(&connection->watch);
		connection_unlink(connection);
		MHD_suspend_connection(connection->mhd);
		dup3(ended[0], fd, O_CLOEXEC);
		MHD_resume_connection(connection->mhd);
		server_wake(connection->server);
		connection = connection_create(listener, moved);
		if (connection)
			server_take(server, connection);
	}
	close(ended[0]);
	return moved != -1;
}

/* What has come is read, since a socket that is closed with unread input resets the peer. */
static void refuse_head(int fd, const struct http_refusal *refusal)
{
	char reply[512], unread[4096];
	int length = snprintf(reply, sizeof(reply),
	                      "HTTP/1.1 %u Refused\r\nConnection: close\r\n"
	                      "Content-Type: text/plain; charset=utf-8\r\n"
	                      "Content-Length: %zu\r\n\r\n%s",
	                      refusal->status, strlen(refusal->text), refusal->text);

	while (recv(fd, unread, sizeof(unread), MSG_DONTWAIT) > 0)
		;
	send(fd, reply, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Its first bytes decide who serves it. */
static void connection_admit(struct http_connection *connection)
{
	struct http_server *server = connection->home;
	const struct http_refusal *refusal;
	int fd = connection->watch.fd;

	switch (peek(fd, &refusal)) {
	case BYTES_NONE:
		return;
	case BYTES_BAD_HEAD:
		refuse_head(fd, refusal);
		/* fallthrough */
	case BYTES_ENDED:
		connection_destroy(connection);
		close(fd);
		return;
	case BYTES_LONG_HEAD:
		if (server->long_heads)
			server = server->long_heads;
		break;
	case BYTES_SHORT_HEAD:
		break;
	}
	server_take(server, connection);
}

/* Returns whether the connection was moved or refused; what is left of it here is MHD's then. */
static bool connection_look_again(struct http_connection *connection)
{
	struct http_server *long_heads = connection->server->long_heads;
	const struct http_refusal *refusal;
	enum first_bytes bytes;

	/* What MHD has begun to parse must be left alone. */
	if (!connection->listener || connection->target)
		return false;
	bytes = peek(connection->watch.fd, &refusal);
	if (bytes == BYTES_BAD_HEAD) {
		refuse_head(connection->watch.fd, refusal);
		connection_shut(connection);
		return true;
	}
	return long_heads && bytes == BYTES_LONG_HEAD && connection_move(connection, long_heads);
}

static void on_socket_ready(struct loop_watch *watch, uint32_t events)
{
	struct http_connection *connection = container_of(watch, struct http_connection, watch);
	struct http_exchange *exchange = connection->exchange;

	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		connection->has_hung_up = true;
	if (!connection->mhd) {
		connection_admit(connection);
	} else if (!exchange && (events & EPOLLIN) && connection_look_again(connection)) {
		return;
	} else if (connection->has_hung_up) {
		if (!exchange || exchange->phase == EXCHANGE_RECEIVING)
			connection_expire(connection, true);
		else if (exchange->is_suspended)
			exchange_tell_hangup(exchange);
	}
}

static bool connection_watch(struct http_connection *connection, int fd)
{
	struct error err;

	connection->watch.on_ready = on_socket_ready;
	if (loop_watch_start(connection->home->loop, &connection->watch, fd,
	                     EPOLLIN | EPOLLRDHUP | EPOLLET, &err))
		return true;
	log_warning("a connection is refused: %s", err.text);
	return false;
}

/* ---- accepting ---- */

static bool is_passing_accept_error(int code)
{
	/* Errors of the new connection, which accept(2) of Linux passes on. */
	return code == EINTR || code == ECONNABORTED || code == EPROTO || code == ENETDOWN ||
	       code == ENOPROTOOPT || code == EHOSTDOWN || code == ENONET || code == EHOSTUNREACH ||
	       code == ENETUNREACH || code == EPERM;
}

/* The listener stays readable: not to look at it for a while is all that keeps us from spinning. */
static void server_pause_accepting(struct http_server *server, int code)
{
	log_warning("cannot accept connections for now: %s", strerror(code));
	server_set_accepting(server, false);
	loop_timer_start(server->loop, &server->accept_retry, clock_now() + ACCEPT_RETRY_NS);
}

static bool listener_accept(struct http_listener *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct http_connection *connection;

	if (fd != -1) {
		connection = connection_create(listener, fd);
		if (connection)
			connection_admit(connection);
		return true;
	}
	if (is_passing_accept_error(errno))
		return true;
	if (errno != EAGAIN)
		server_pause_accepting(listener->server, errno);
	return false;
}

static void on_listener_ready(struct loop_watch *watch, uint32_t events)
{
	struct http_listener *listener = container_of(watch, struct http_listener, watch);

	(void)events;
	for (int i = 0; i < ACCEPT_BURST; i++) {
		if (listener->connection_count >= listener->server->max_connections) {
			listener_update(listener);
			return;
		}
		if (!listener_accept(listener))
			return;
	}
}

/* ---- running MHD ---- */

static void on_daemon_ready(struct loop_watch *watch, uint32_t events)
{
	struct http_server *server = container_of(watch, struct http_server, watch);

	(void)events;
	loop_timer_stop(&server->pause);
	server_wake(server);
}

static void on_pause_over(struct loop_timer *timer)
{
	server_wake(container_of(timer, struct http_server, pause));
}

static void on_expiry(struct loop_timer *timer)
{
	server_wake(container_of(timer, struct http_server, expiry));
}

/* Whether MHD wants to run again at once. When it wants to later, a timer sees to it. */
static bool server_is_pending(struct http_server *server)
{
	MHD_UNSIGNED_LONG_LONG timeout_ms;

	if (MHD_get_timeout(server->daemon, &timeout_ms) == MHD_NO)
		return false;
	if (timeout_ms > 0)
		loop_timer_start(server->loop, &server->expiry,
		                 clock_now() + timeout_ms * CLOCK_NS_PER_MS);
	return timeout_ms == 0;
}

static bool exchange_is_stuck(struct http_exchange *exchange, int fd)
{
	uint64_t mark = exchange->body_length + 1;
	bool was_stuck = exchange->stuck_at == mark;
	int unread = 0;

	if (exchange->phase != EXCHANGE_RECEIVING || !exchange->is_chunked)
		return false;
	ioctl(fd, SIOCINQ, &unread);
	exchange->stuck_at = unread > 0 ? mark : 0;
	return was_stuck && unread > 0;
}

static void listener_drop_stuck(struct http_listener *listener)
{
	struct http_connection *connection;

	for (connection = listener->connections; connection; connection = connection->next)
		if (connection->exchange &&
		    exchange_is_stuck(connection->exchange, connection->watch.fd)) {
			log_debug("dropped a connection whose chunk header has no end");
			/* MHD does not read, so that connection_shut() would not reach it. */
			MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
			                          1U);
		}
}

static void server_drop_stuck(struct http_server *server, uint64_t now)
{
	struct http_listener *listener;

	if (server->busy_since == 0)
		server->busy_since = now;
	if (now - server->busy_since < SPIN_LIMIT_NS)
		return;
	server->busy_since = now;
	for (listener = server->listeners; listener; listener = listener->next)
		listener_drop_stuck(listener);
}

/*
 * After a burst, the rest of the loop has its turn.
 *
 * A chunk header that does not fit the read buffer leaves MHD waiting for a reader that is not
 * there, and it asks to be run for ever. So when MHD never comes to rest, bodies that stand still
 * although bytes have arrived for them are dropped; and when nothing at all happens run after run,
 * we pause in between.
 */
static void server_yield(struct http_server *server)
{
	uint64_t now = clock_now();

	server->burst = 0;
	server_drop_stuck(server, now);
	if (server->runs_without_progress > SPIN_RUNS)
		now += SPIN_PAUSE_NS;
	loop_timer_start(server->loop, &server->pause, now);
}

static void server_run(struct http_server *server)
{
	server->must_run = false;
	server->has_progress = false;
	MHD_run(server->daemon);
	if (server_is_pending(server))
		server->must_run = true;
	else
		server->busy_since = 0;
	server->runs_without_progress = server->has_progress ? 0
	                                                     : server->runs_without_progress + 1;
}

static bool is_another_due(const struct http_server *server)
{
	return due_total > server->due_count;
}

static bool on_before_sleep(struct loop_hook *hook)
{
	struct http_server *server = container_of(hook, struct http_server, hook);

	if (!server->must_run || server->pause.loop)
		return false;
	do {
		server_run(server);
		server->burst++;
	} while (server->must_run && server->burst < RUN_BURST && !is_another_due(server));
	if (!server->must_run)
		server->burst = 0;
	else if (server->burst >= RUN_BURST)
		server_yield(server);
	return true;
}

/* ---- servers ---- */

static struct MHD_Daemon *daemon_start(struct http_server *server)
{
	size_t pool = server->head_limit + POOL_SLACK;

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
	                                MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO,
	                        0, NULL, NULL, on_access, server, MHD_OPTION_NOTIFY_COMPLETED,
	                        on_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
	                        server, MHD_OPTION_URI_LOG_CALLBACK, on_target, server,
	                        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, server,
	                        MHD_OPTION_CONNECTION_MEMORY_LIMIT, pool,
	                        MHD_OPTION_CONNECTION_MEMORY_INCREMENT, READ_MIN,
	                        /* We count ourselves, by listener. */
	                        MHD_OPTION_CONNECTION_LIMIT, UINT_MAX / 2,
	                        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_END);
}

static bool server_watch_daemon(struct http_server *server, struct error *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon,
	                                                       MHD_DAEMON_INFO_EPOLL_FD);

	if (!info || info->epoll_fd < 0)
		return error_set(err, 0, "libmicrohttpd was built without epoll");
	return loop_watch_start(server->loop, &server->watch, info->epoll_fd, EPOLLIN, err);
}

static struct http_server *server_create(struct loop *loop, size_t head_limit,
                                         unsigned max_connections, struct error *err)
{
	struct http_server *server = xcalloc(1, sizeof(*server));

	server->loop = loop;
	server->head_limit = head_limit;
	server->max_connections = max_connections;
	server->is_accepting = true;
	server->watch.on_ready = on_daemon_ready;
	server->hook.before_sleep = on_before_sleep;
	server->pause.on_due = on_pause_over;
	server->accept_retry.on_due = on_accept_retry;
	server->expiry.on_due = on_expiry;
	server->daemon = daemon_start(server);
	if (!server->daemon) {
		error_set(err, errno, "start the HTTP server");
		http_server_destroy(server);
		return NULL;
	}
	if (!server_watch_daemon(server, err)) {
		http_server_destroy(server);
		return NULL;
	}
	loop_hook_start(loop, &server->hook);
	return server;
}

struct http_server *http_server_create(struct loop *loop, const struct http_server_config *config,
                                       struct error *err)
{
	size_t head_limit = config->head_limit < SHORT_HEAD ? config->head_limit : SHORT_HEAD;
	struct http_server *server = server_create(loop, head_limit, config->max_connections, err);

	if (!server || head_limit == config->head_limit)
		return server;
	server->long_heads = server_create(loop, config->head_limit, config->max_connections, err);
	if (server->long_heads)
		return server;
	http_server_destroy(server);
	return NULL;
}

/* Replies that were given just before still go out, as far as the sockets take them. No handler
 * is left that could be called. */
static void server_flush(struct http_server *server)
{
	for (int i = 0; i < RUN_BURST; i++) {
		server->must_run = false;
		MHD_run(server->daemon);
		if (!server->must_run && !server_is_pending(server))
			return;
	}
}

void http_server_destroy(struct http_server *server)
{
	if (!server)
		return;
	assert(!server->listeners);
	http_server_destroy(server->long_heads);
	loop_hook_stop(&server->hook);
	loop_timer_stop(&server->pause);
	loop_watch_stop(&server->watch);
	if (server->daemon) {
		server_flush(server);
		MHD_stop_daemon(server->daemon);
	}
	loop_timer_stop(&server->expiry);
	loop_timer_stop(&server->accept_retry);
	free(server);
}

/* ---- listeners ---- */

bool http_listener_open(struct http_server *server, struct http_listener *listener, int fd,
                        struct error *err)
{
	autoclose int owned = fd;

	listener->server = server;
	listener->connections = NULL;
	listener->watch = (struct loop_watch){ .on_ready = on_listener_ready };
	if (!loop_watch_start(server->loop, &listener->watch, fd,
	                      server->is_accepting ? EPOLLIN : 0, err))
		return false;
	listener->fd = steal_fd(&owned);
	listener->next = server->listeners;
	server->listeners = listener;
	return true;
}

static void listener_unlink(struct http_listener *listener)
{
	struct http_listener **link = &listener->server->listeners;

	while (*link != listener)
		link = &(*link)->next;
	*link = listener->next;
}

/* A reply that the handler has given still goes out; everything else ends here. */
static void connection_close(struct http_connection *connection)
{
	struct http_exchange *exchange = connection->exchange;

	if (!connection->mhd) {
		int fd = connection->watch.fd;

		connection_destroy(connection);
		close(fd);
		return;
	}
	connection_unlink(connection);
	if (!exchange) {
		connection_shut(connection);
		return;
	}
	exchange_finish(exchange);
	exchange->must_close = true;
	if (exchange->phase != EXCHANGE_REPLIED) {
		http_exchange_drop(exchange);
		connection_shut(connection);
	}
}

void http_listener_close(struct http_listener *listener)
{
	loop_watch_stop(&listener->watch);
	fd_close(&listener->fd);
	listener_unlink(listener);
	while (listener->connections)
		connection_close(listener->connections);
}
