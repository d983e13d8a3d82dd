/* SPDX-License-Identifier: Apache-2.0 */
/* http_server_connection - connections, and which daemon serves one */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "emulator/http_head.h"
#include "emulator/http_server_private.h"
#include "emulator/log.h"

/* The least that MHD knows beside none. */
#define HANGUP_TIMEOUT_S 1U

/* Lets MHD close the connection when nothing moves on it for a while, or no longer. */
void connection_expire(struct http_connection *connection, bool is_expiring)
{
	if (connection->is_expiring == is_expiring)
		return;
	connection->is_expiring = is_expiring;
	MHD_set_connection_option(connection->mhd, MHD_CONNECTION_OPTION_TIMEOUT,
	                          is_expiring ? HANGUP_TIMEOUT_S : 0U);
	server_wake(connection->server);
}

void connection_shut(struct http_connection *connection)
{
	/* MHD owns the descriptor, and closes it when it sees the end of the stream. */
	shutdown(MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
	                 ->connect_fd,
	         SHUT_RDWR);
	server_wake(connection->server);
}

void connection_set_active(struct http_connection *connection, bool is_active)
{
	if (connection->is_active == is_active)
		return;
	connection->is_active = is_active;
	connection->server->active_count += is_active ? 1 : -1;
}

struct http_connection *connection_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
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
	connection_set_active(connection, false);
	free(connection->query);
	free(connection);
	/* A descriptor is free: those who wait for one may come. */
	server_set_accepting(home, true);
}

void connection_on_notice(void *closure, struct MHD_Connection *mhd, void **context,
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
	connection_set_active(connection, true);
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
 * Two gaps are left. Bytes that arrive in the microsecond between our look and MHD's are read by
 * it: if just these are the beginning of a long head, it is refused with 431, as if we were not
 * here. And the beginning of a request line that came along with an earlier request is MHD's
 * already: if the next bytes, in capitals again, do not end its head, they are taken for a new and
 * long one.
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
		*refusal = http_raw_head_refuse(head, (size_t)(end + 2 - head));
		return *refusal ? BYTES_BAD_HEAD : BYTES_SHORT_HEAD;
	}
	/* A method, and not the rest of a request line that MHD has read the beginning of. */
	return head[0] >= 'A' && head[0] <= 'Z' ? BYTES_LONG_HEAD : BYTES_SHORT_HEAD;
}

static bool connection_watch(struct http_connection *connection, int fd);

struct http_connection *connection_create(struct http_listener *listener, int fd)
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
void connection_admit(struct http_connection *connection)
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

	/* MHD may have no look-out of its own: see server_rest(). */
	server_wake(connection->server);
	/* What MHD has begun to parse must be left alone. */
	if (!connection->listener || connection->target)
		return false;
	bytes = peek(connection->watch.fd, &refusal);
	if (bytes != BYTES_NONE)
		connection_set_active(connection, true);
	if (bytes == BYTES_BAD_HEAD) {
		refuse_head(connection->watch.fd, refusal);
		connection_shut(connection);
		return true;
	}
	return long_heads && bytes == BYTES_LONG_HEAD && connection_move(connection, long_heads);
}

/* MHD does not see it. Who writes to a peer that is gone need not find out by writing. */
static void exchange_on_hangup(struct http_exchange *exchange, bool is_gone)
{
	exchange_tell_hangup(exchange);
	if (is_gone && exchange_is_writing(exchange))
		http_exchange_break_reply(exchange);
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
	} else if (exchange && exchange->is_reply_ours && (events & (EPOLLOUT | EPOLLHUP))) {
		exchange_send_pieces(exchange);
		if (connection->has_hung_up)
			exchange_on_hangup(exchange, (events & (EPOLLHUP | EPOLLERR)) != 0);
	} else if (connection->has_hung_up) {
		if (!exchange || exchange->phase == EXCHANGE_RECEIVING)
			connection_expire(connection, true);
		else if (exchange->is_suspended)
			exchange_on_hangup(exchange, (events & (EPOLLHUP | EPOLLERR)) != 0);
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

/* A reply that the handler has given still goes out; everything else ends here. */
void connection_close(struct http_connection *connection)
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
	if (exchange_is_writing(exchange)) {
		http_exchange_break_reply(exchange);
	} else if (exchange->phase != EXCHANGE_REPLIED) {
		http_exchange_drop(exchange);
		connection_shut(connection);
	}
}
