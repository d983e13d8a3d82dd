/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server - HTTP/1.1 on the event loop
 *
 * One MHD daemon per server, without a thread and without a listening socket: we accept, so that
 * each connection knows its listener, and hand the socket over. The daemon's own epoll descriptor
 * is watched in our loop. MHD_run() has one call site, the before-sleep hook; everything else only
 * asks for it (server_wake). So no callback of ours ever runs inside another one, and what a turn
 * has resumed moves before the loop sleeps.
 *
 * What is known of libmicrohttpd 0.9.75 and shapes this and its other parts:
 *
 * - A response may be queued only in the access handler. A handler that keeps its exchange has
 *   its connection suspended; replying resumes it, and MHD calls the access handler once more.
 * - Resuming reads from the socket first if the connection was suspended while MHD wanted to
 *   read, and a peer that has half-closed would lose its reply. The final call of the access
 *   handler therefore returns without a response; MHD then wants nothing of the socket, calls
 *   again in its next run, and that call suspends (exchange_settle).
 * - An access handler that suspends its connection in the middle of a chunked body is called with
 *   the rest of what was read, though suspended; and a connection that is suspended twice stays in
 *   a list for ever.
 * - A suspended connection does not notice that its peer has left. Each socket is watched for
 *   EPOLLRDHUP in our loop as well, edge-triggered: one registration per connection, no cost per
 *   request.
 * - A read that returns less than was asked for is taken as the last one, so the end of the stream
 *   goes unseen when it arrived together with the last bytes. A connection whose peer has hung up
 *   is therefore given a time-out while it is not a handler's turn (connection_expire).
 * - A response that is queued before the body was read closes the connection, and a socket closed
 *   with unread input sends a reset. Refusals wait for the end of the body where it has one.
 * - A content reader may suspend its connection, between the head and the first chunk as well, and
 *   nothing is held back then: what is sent past MHD comes behind the head.
 * - A chunk header that does not fit the read buffer makes an external event loop spin:
 *   MHD_get_timeout() says 0 for ever. See server_yield().
 * - The whole pool of a connection is cleared after each request: 27 us and 1 MiB of resident
 *   memory for heads of 1 MiB, which a Runtime API must take but hardly ever sees. So connections
 *   are served from small pools, and one whose peer begins to send a long head is moved to a
 *   second daemon with large ones. See "long heads" in http_server_connection.c.
 */
#include "emulator/http_server.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "emulator/clock.h"
#include "emulator/http_server_private.h"
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

/* How long MHD is not run for the sake of connections that have had their reply. Longer than a tick
 * of the kernel, so that it costs no setting of the clock when there is work again before. */
#define REST_NS (10 * CLOCK_NS_PER_MS)

/* When descriptors are short, and none of ours may be closed soon. */
#define ACCEPT_RETRY_NS (100 * CLOCK_NS_PER_MS)

/* MHD reads into its pool; with less free space than this it tries to get more first. */
#define READ_MIN ((size_t)64 << 10)

/* Beside the head, a pool holds what MHD notes per header, and the head of the reply. */
#define POOL_SLACK ((size_t)16 << 10)

unsigned http_due_total;

/* ---- accepting ---- */

/* Looks out for connections, unless there are too many already or descriptors are short. */
void listener_update(struct http_listener *listener)
{
	const struct http_server *server = listener->server;
	bool has_room = listener->connection_count < server->max_connections;

	if (listener->watch.loop) /* it is not being closed */
		loop_watch_change(&listener->watch, has_room && server->is_accepting ? EPOLLIN : 0);
}

void server_set_accepting(struct http_server *server, bool is_accepting)
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

	if (exchange->phase != EXCHANGE_RECEIVING || !exchange->is_chunked ||
	    exchange->is_body_paused)
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

/*
 * It is MHD's turn on no connection: it wants to read on where replies have ended, and nothing has
 * come there yet. It would learn that from a system call, and have its epoll watch the socket with
 * a second, which it takes back with a third when the next request is kept. Our own watch tells as
 * well (connection_look_again). Of one thing it does not: what a peer had sent along with an
 * earlier request, and MHD has not read with that. That is looked for a moment later.
 */
static void server_rest(struct http_server *server)
{
	server->busy_since = 0;
	loop_timer_start(server->loop, &server->expiry, clock_now() + REST_NS);
}

static void server_run(struct http_server *server)
{
	server->must_run = false;
	server->has_progress = false;
	MHD_run(server->daemon);
	if (!server_is_pending(server))
		server->busy_since = 0;
	else if (server->active_count > 0 || server->has_progress)
		server->must_run = true;
	else if (!server->must_run)
		server_rest(server);
	server->runs_without_progress = server->has_progress ? 0
	                                                     : server->runs_without_progress + 1;
}

static bool is_another_due(const struct http_server *server)
{
	return http_due_total > server->due_count;
}

static bool on_before_sleep(struct loop_hook *hook)
{
	struct http_server *server = container_of(hook, struct http_server, hook);

	if (!server->must_run || server->pause.loop)
		return server_send_pieces(server);
	do {
		server_run(server);
		server->burst++;
	} while (server->must_run && server->burst < RUN_BURST && !is_another_due(server));
	if (!server->must_run)
		server->burst = 0;
	else if (server->burst >= RUN_BURST)
		server_yield(server);
	server_send_pieces(server);
	return true;
}

/* ---- servers ---- */

static struct MHD_Daemon *daemon_start(struct http_server *server)
{
	size_t pool = server->head_limit + POOL_SLACK;

	return MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET |
	                                MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO,
	                        0, NULL, NULL, exchange_on_access, server,
	                        MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, server,
	                        MHD_OPTION_NOTIFY_CONNECTION, connection_on_notice, server,
	                        MHD_OPTION_URI_LOG_CALLBACK, exchange_on_target, server,
	                        MHD_OPTION_UNESCAPE_CALLBACK, exchange_on_unescape, server,
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
		server_break_writers(server);
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

void http_listener_close(struct http_listener *listener)
{
	loop_watch_stop(&listener->watch);
	fd_close(&listener->fd);
	listener_unlink(listener);
	while (listener->connections)
		connection_close(listener->connections);
}
