/* SPDX-License-Identifier: Apache-2.0 */
/* xray_daemon - what stands in for the X-Ray daemon */
#include "emulator/xray_daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "emulator/identifier.h"
#include "emulator/log.h"
#include "emulator/output.h"
#include "sandbox/fd.h"

/* Taken in a turn of the loop; the rest waits for the next. */
#define TURN_DATAGRAMS 64

/* The largest datagram that IPv4 has. */
#define DATAGRAM_LIMIT 65507

struct trace {
	char trace_id[XRAY_TRACE_SIZE];
	char segment_id[XRAY_ID_SIZE];
	char request_id[UUID_SIZE];
};

struct xray_socket {
	struct xray_daemon *daemon;
	struct loop_watch watch;
	struct loop_garbage garbage;
	int fd;
};

struct xray_daemon {
	struct loop *loop;
	struct output *output;
	struct xray_socket *socket; /* on the machine's loopback */
	char address[32];
	struct metrics *metrics;
	bool has_warned;
	struct trace traces[XRAY_DAEMON_TRACES]; /* the latest is before 'next'; "": none yet */
	unsigned next;
	char datagram[DATAGRAM_LIMIT + 1];
};

/* ---- whose document it is ---- */

static const char *find_request(const struct xray_daemon *daemon,
                                const struct xray_document *document)
{
	const char *latest = NULL;

	for (unsigned back = 1; back <= XRAY_DAEMON_TRACES; back++) {
		unsigned at = (daemon->next + XRAY_DAEMON_TRACES - back) % XRAY_DAEMON_TRACES;
		const struct trace *trace = &daemon->traces[at];

		if (!*trace->request_id)
			break;
		if (strcasecmp(trace->trace_id, document->trace_id) != 0)
			continue;
		if (strcasecmp(trace->segment_id, document->parent_id) == 0)
			return trace->request_id;
		if (!latest)
			latest = trace->request_id;
	}
	return latest;
}

void xray_daemon_begin(struct xray_daemon *daemon, const char *trace_id, const char *segment_id,
                       const char *request_id)
{
	struct trace *trace = &daemon->traces[daemon->next];

	daemon->next = (daemon->next + 1) % XRAY_DAEMON_TRACES;
	snprintf(trace->trace_id, sizeof(trace->trace_id), "%s", trace_id);
	snprintf(trace->segment_id, sizeof(trace->segment_id), "%s", segment_id);
	snprintf(trace->request_id, sizeof(trace->request_id), "%s", request_id);
}

/* ---- what comes ---- */

static void refuse(struct xray_daemon *daemon, const struct error *why)
{
	metrics_count_xray(daemon->metrics, false);
	if (!daemon->has_warned)
		log_warning("X-Ray would refuse a document of the function: %s", why->text);
	daemon->has_warned = true;
}

static void take(struct xray_daemon *daemon, size_t length)
{
	autobuffer struct buffer line = BUFFER_INIT;
	struct xray_document document;
	struct error err;

	if (!xray_read(daemon->datagram, length, &document, &err)) {
		refuse(daemon, &err);
		return;
	}
	metrics_count_xray(daemon->metrics, true);
	xray_append_document(&line, &document, find_request(daemon, &document));
	output_write(daemon->output, line.data, line.length);
}

/* Returns false when no more is there. */
static bool take_next(struct xray_socket *from)
{
	struct xray_daemon *daemon = from->daemon;
	ssize_t length = recv(from->fd, daemon->datagram, DATAGRAM_LIMIT, MSG_DONTWAIT);

	if (length >= 0)
		take(daemon, (size_t)length);
	return length >= 0 || errno == EINTR;
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
	struct xray_socket *from = container_of(watch, struct xray_socket, watch);

	(void)events;
	for (int i = 0; i < TURN_DATAGRAMS && take_next(from); i++)
		;
}

static void free_socket(struct loop_garbage *garbage)
{
	free(container_of(garbage, struct xray_socket, garbage));
}

struct xray_socket *xray_daemon_take_socket(struct xray_daemon *daemon, int fd, struct error *err)
{
	struct xray_socket *taken = xcalloc(1, sizeof(*taken));

	taken->daemon = daemon;
	taken->fd = fd;
	taken->watch.on_ready = on_ready;
	if (loop_watch_start(daemon->loop, &taken->watch, fd, EPOLLIN, err))
		return taken;
	fd_close(&taken->fd);
	free(taken);
	return NULL;
}

void xray_socket_close(struct xray_socket *socket)
{
	if (!socket)
		return;
	on_ready(&socket->watch, 0); /* what the function said last */
	loop_watch_stop(&socket->watch);
	fd_close(&socket->fd);
	loop_dispose(socket->daemon->loop, &socket->garbage, free_socket);
}

/* ---- what lrie tells ---- */

void xray_daemon_end(struct xray_daemon *daemon, const struct xray_invocation *invocation)
{
	autobuffer struct buffer lines = BUFFER_INIT;

	xray_append_invocation(&lines, invocation);
	output_write(daemon->output, lines.data, lines.length);
}

/* ---- life ---- */

static bool listen_on_loopback(struct xray_daemon *daemon, struct error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) == -1)
		return error_set(err, errno, "listen for X-Ray on UDP 127.0.0.1");
	snprintf(daemon->address, sizeof(daemon->address), "127.0.0.1:%u", ntohs(address.sin_port));
	daemon->socket = xray_daemon_take_socket(daemon, steal_fd(&fd), err);
	return daemon->socket;
}

struct xray_daemon *xray_daemon_create(struct loop *loop, const char *path, struct error *err)
{
	struct xray_daemon *daemon = xcalloc(1, sizeof(*daemon));

	daemon->loop = loop;
	daemon->output = output_open(loop, path, err);
	if (daemon->output && listen_on_loopback(daemon, err))
		return daemon;
	output_destroy(daemon->output, 0);
	free(daemon);
	return NULL;
}

void xray_daemon_destroy(struct xray_daemon *daemon, unsigned grace_ms)
{
	if (!daemon)
		return;
	xray_socket_close(daemon->socket);
	output_destroy(daemon->output, grace_ms);
	free(daemon);
}

const char *xray_daemon_address(const struct xray_daemon *daemon)
{
	return daemon->address;
}

void xray_daemon_count_in(struct xray_daemon *daemon, struct metrics *metrics)
{
	daemon->metrics = metrics;
}
