/* SPDX-License-Identifier: Apache-2.0 */
/* tcp_client - bytes for a peer over one connection, which is kept for the next ones */
#include "emulator/tcp_client.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "sandbox/fd.h"

/* One read of what the peer says; one that talks without end gets this much attention a turn. */
#define BLOCK_SIZE 4096
#define BLOCKS_PER_TURN 4

static void hang_up(struct tcp_client *client)
{
	loop_watch_stop(&client->watch);
	fd_close(&client->fd);
	client->generation++;
	client->is_connected = false;
}

void tcp_client_break(struct tcp_client *client, const struct error *why)
{
	hang_up(client);
	if (!client->is_busy)
		return;
	client->is_busy = false;
	client->on_broken(client, why);
}

static void break_by_code(struct tcp_client *client, const char *what, int code)
{
	struct error why;

	error_set(&why, code, "%s", what);
	tcp_client_break(client, &why);
}

void tcp_client_finish(struct tcp_client *client, bool keep)
{
	client->is_busy = false;
	if (!keep || client->unsent > 0)
		hang_up(client);
	if (client->watch.loop)
		loop_watch_change(&client->watch, EPOLLIN | EPOLLRDHUP);
}

/* ---- sending ---- */

static void drop_sent(struct tcp_client *client, size_t length)
{
	client->unsent -= length;
	for (size_t i = 0; i < TCP_CLIENT_PARTS && length > 0; i++) {
		struct tcp_client_part *part = &client->parts[i];
		size_t sent = length < part->length ? length : part->length;

		part->data = (const char *)part->data + sent;
		part->length -= sent;
		length -= sent;
	}
}

/* Returns false when the kernel takes no more for now, or the connection broke. */
static bool send_some(struct tcp_client *client)
{
	struct iovec parts[TCP_CLIENT_PARTS];
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = TCP_CLIENT_PARTS };
	ssize_t sent;

	for (size_t i = 0; i < TCP_CLIENT_PARTS; i++)
		parts[i] = (struct iovec){ .iov_base = (void *)(uintptr_t)client->parts[i].data,
			                   .iov_len = client->parts[i].length };
	sent = sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent >= 0)
		drop_sent(client, (size_t)sent);
	else if (errno != EAGAIN && errno != EINTR)
		break_by_code(client, "send", errno);
	return sent >= 0 || (client->fd != -1 && errno == EINTR);
}

static void send_all(struct tcp_client *client)
{
	while (client->unsent > 0) {
		if (!send_some(client))
			break;
	}
	if (client->fd == -1)
		return;
	if (client->unsent > 0) {
		loop_watch_change(&client->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP);
		return;
	}
	loop_watch_change(&client->watch, EPOLLIN | EPOLLRDHUP);
	client->on_sent(client);
}

/* ---- what happens to the socket ---- */

/* Returns false when there is nothing more to read for now, or ever. */
static bool receive_some(struct tcp_client *client)
{
	char block[BLOCK_SIZE];
	ssize_t length = recv(client->fd, block, sizeof(block), MSG_DONTWAIT);

	if (length == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length == -1)
		break_by_code(client, "receive", errno);
	else if (length == 0)
		break_by_code(client, "the peer closed the connection", 0);
	else if (!client->is_busy)
		hang_up(client); /* it speaks unasked */
	else
		client->on_data(client, block, (size_t)length);
	return length == (ssize_t)sizeof(block);
}

/* Who connects to a port of the ephemeral range where nobody listens may be given that very port,
 * and talks to himself. */
static bool is_connected_to_itself(int fd)
{
	struct sockaddr_in own = { .sin_port = 0 }, peer = { .sin_port = 0 };
	socklen_t own_size = sizeof(own), peer_size = sizeof(peer);

	return getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
	       getpeername(fd, (struct sockaddr *)&peer, &peer_size) == 0 &&
	       own.sin_family == AF_INET && own.sin_port == peer.sin_port &&
	       own.sin_addr.s_addr == peer.sin_addr.s_addr;
}

static void finish_connecting(struct tcp_client *client)
{
	int code = 0;
	socklen_t size = sizeof(code);

	if (getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &code, &size) == -1)
		code = errno;
	else if (code == 0 && is_connected_to_itself(client->fd))
		code = ECONNREFUSED;
	client->is_connected = code == 0;
	if (code != 0)
		break_by_code(client, "connect", code);
	else
		send_all(client);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct tcp_client *client = container_of(watch, struct tcp_client, watch);
	unsigned generation = client->generation;

	if (!client->is_connected) {
		finish_connecting(client);
		return;
	}
	if (events & ~(uint32_t)EPOLLOUT) {
		for (unsigned i = 0; i < BLOCKS_PER_TURN; i++) {
			if (!receive_some(client) || client->generation != generation)
				break;
		}
	}
	if ((events & EPOLLOUT) && client->generation == generation && client->is_busy &&
	    client->unsent > 0)
		send_all(client);
}

/* ---- transfers ---- */

void tcp_client_init(struct tcp_client *client)
{
	client->watch = (struct loop_watch){ .on_ready = on_ready };
	client->fd = -1;
}

void tcp_client_send(struct tcp_client *client,
                     const struct tcp_client_part parts[TCP_CLIENT_PARTS])
{
	assert(!client->is_busy);
	client->is_busy = true;
	client->unsent = 0;
	for (size_t i = 0; i < TCP_CLIENT_PARTS; i++) {
		client->parts[i] = parts[i];
		client->unsent += parts[i].length;
	}
	if (client->fd == -1)
		client->on_dial(client);
	else
		send_all(client);
}

void tcp_client_connect(struct tcp_client *client, int fd)
{
	struct error err;

	if (!client->is_busy || client->fd != -1) {
		fd_close(&fd);
		return;
	}
	client->fd = fd;
	if (!loop_watch_start(client->loop, &client->watch, fd, EPOLLOUT, &err))
		tcp_client_break(client, &err);
}

bool tcp_client_is_open(const struct tcp_client *client)
{
	return client->fd != -1;
}

int tcp_client_dial(const union address *address, struct error *err)
{
	autoclose int fd = socket(address->any.sa_family,
	                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd == -1) {
		error_set(err, errno, "make a socket");
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, &address->any, address_length(address)) == -1 && errno != EINPROGRESS) {
		error_set(err, errno, "connect");
		return -1;
	}
	return steal_fd(&fd);
}

int tcp_client_dial_loopback(uint16_t port, struct error *err)
{
	const union address address = { .v4 = { .sin_family = AF_INET,
		                                .sin_port = htons(port),
		                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
	int fd = tcp_client_dial(&address, err);

	if (fd == -1)
		error_prefix(err, "127.0.0.1:%u", port);
	return fd;
}
