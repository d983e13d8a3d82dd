/* SPDX-License-Identifier: Apache-2.0 */
/*
 * relay - the least that could stand where lrie stands: the peer of the benchmarks.
 *
 *	relay BOOTSTRAP HANDLER
 *
 * One epoll loop, two listeners: a client posts an event to the first, the
 * runtime asks the second for it with GET /next and posts the answer there,
 * which goes back to the client; one that comes in chunks goes on as it comes, and
 * the runtime waits for a client that is slow. It parses no more than it takes to find the
 * end of a message, keeps no clocks and prints no log: what lrie needs more
 * time for than this, lrie adds. Prints the client port, then serves until it
 * is killed; the bootstrap dies with it.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* A listener, or a connection of one. */
struct peer {
	int fd;
	bool listens;
	bool is_runtime; /* of the Runtime API, else of the invoke side */
	char *in;
	size_t used, capacity;
	bool streams;        /* what it sends is passed on to the client */
	struct peer *source; /* ... and it waits until this one has taken that */
	char last[7];        /* what it has sent last */
	char *out;           /* what the socket did not take at once */
	size_t out_sent, out_length;
};

/* A message at the start of a peer's 'in'; 'length' is 0 while it is incomplete. */
struct message {
	const char *body;
	size_t body_length;
	size_t length;
};

static int epoll_fd;
static struct peer *client;  /* whose event is not answered */
static bool client_waits;    /* and has not been handed out */
static struct peer *runtime; /* that holds a /next */

static void watch(struct peer *peer, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = peer };

	if (epoll_ctl(epoll_fd, operation, peer->fd, &event) == -1)
		err(1, "epoll_ctl");
}

static struct peer *peer_create(int fd, bool listens, bool is_runtime)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		err(1, "calloc");
	*peer = (struct peer){ .fd = fd, .listens = listens, .is_runtime = is_runtime };
	watch(peer, EPOLL_CTL_ADD, EPOLLIN);
	return peer;
}

static void peer_destroy(struct peer *peer)
{
	if (peer == client)
		client = NULL;
	if (peer == runtime)
		runtime = NULL;
	close(peer->fd);
	free(peer->in);
	free(peer->out);
	free(peer);
}

/* ---- sending */

static void keep_rest(struct peer *peer, const struct iovec *part, size_t sent)
{
	size_t skip_head = sent < part[0].iov_len ? sent : part[0].iov_len;
	size_t skip_body = sent - skip_head;
	size_t length = part[0].iov_len + part[1].iov_len - sent;

	free(peer->out);
	peer->out = malloc(length);
	if (!peer->out)
		err(1, "malloc");
	memcpy(peer->out, (char *)part[0].iov_base + skip_head, part[0].iov_len - skip_head);
	memcpy(peer->out + part[0].iov_len - skip_head, (char *)part[1].iov_base + skip_body,
	       part[1].iov_len - skip_body);
	peer->out_sent = 0;
	peer->out_length = length;
	watch(peer, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
}

static void send_message(struct peer *peer, const char *head, const char *body, size_t length)
{
	struct iovec part[2] = {
		{ .iov_base = (char *)head, .iov_len = strlen(head) },
		{ .iov_base = (char *)body, .iov_len = length },
	};
	ssize_t sent = writev(peer->fd, part, 2);

	if (sent == -1 && errno != EAGAIN)
		err(1, "writev");
	if (sent == -1)
		sent = 0;
	if ((size_t)sent < part[0].iov_len + length)
		keep_rest(peer, part, (size_t)sent);
}

static void send_rest(struct peer *peer)
{
	ssize_t sent = write(peer->fd, peer->out + peer->out_sent,
	                     peer->out_length - peer->out_sent);

	if (sent == -1 && errno != EAGAIN)
		err(1, "write");
	if (sent > 0)
		peer->out_sent += (size_t)sent;
	if (peer->out_sent < peer->out_length)
		return;
	free(peer->out);
	peer->out = NULL;
	peer->out_length = peer->out_sent = 0;
	watch(peer, EPOLL_CTL_MOD, EPOLLIN);
	if (peer->source)
		watch(peer->source, EPOLL_CTL_MOD, EPOLLIN);
	peer->source = NULL;
}

/* ---- receiving */

static size_t content_length(const char *head, const char *end)
{
	for (const char *line = head; line < end; line = strstr(line, "\r\n") + 2) {
		if (strncasecmp(line, "content-length:", 15) == 0)
			return strtoul(line + 15, NULL, 10);
	}
	return 0;
}

static struct message parse(const struct peer *peer)
{
	const char *end = peer->used ? strstr(peer->in, "\r\n\r\n") : NULL;
	struct message message = { 0 };

	if (!end)
		return message;
	message.body = end + 4;
	message.body_length = content_length(peer->in, end);
	message.length = (size_t)(message.body - peer->in) + message.body_length;
	if (message.length > peer->used)
		message.length = 0;
	return message;
}

static void consume(struct peer *peer, size_t length)
{
	peer->used -= length;
	memmove(peer->in, peer->in + length, peer->used + 1);
}

/* The same head as lrie sends, so that the runtime has the same work. */
static void deliver(void)
{
	struct message message = parse(client);
	char head[600];

	snprintf(head, sizeof(head),
	         "HTTP/1.1 200 OK\r\n"
	         "Content-Type: application/json\r\n"
	         "Lambda-Runtime-Aws-Request-Id: 8f21b9d3-3c8b-4a61-9b65-7c2d3e0a1f42\r\n"
	         "Lambda-Runtime-Deadline-Ms: 1893456000000\r\n"
	         "Lambda-Runtime-Invoked-Function-Arn: "
	         "arn:aws:lambda:us-east-1:012345678912:function:function\r\n"
	         "Lambda-Runtime-Trace-Id: "
	         "Root=1-65a1b2c3-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=0\r\n"
	         "Content-Length: %zu\r\n\r\n",
	         message.body_length);
	send_message(runtime, head, message.body, message.body_length);
	runtime = NULL;
	client_waits = false;
}

static void answer_client(const struct message *answer)
{
	char head[300];

	if (!client)
		return;
	snprintf(head, sizeof(head),
	         "HTTP/1.1 200 OK\r\n"
	         "Content-Type: application/json\r\n"
	         "X-Amzn-RequestId: 8f21b9d3-3c8b-4a61-9b65-7c2d3e0a1f42\r\n"
	         "X-Amz-Executed-Version: $LATEST\r\n"
	         "Content-Length: %zu\r\n\r\n",
	         answer->body_length);
	consume(client, parse(client).length);
	send_message(client, head, answer->body, answer->body_length);
	client = NULL;
}

/* ---- streaming */

static bool is_stream(const struct peer *peer)
{
	const char *end = peer->used ? strstr(peer->in, "\r\n\r\n") : NULL;

	return peer->is_runtime && end &&
	       memmem(peer->in, (size_t)(end - peer->in), ": chunked", 9);
}

static void end_stream(struct peer *peer)
{
	peer->streams = false;
	consume(client, parse(client).length);
	client = NULL;
	send_message(peer, "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n",
	             "{\"status\":\"OK\"}\n", 16);
}

/* Chunks as they are: the client is to get the same. */
static void pass_on(struct peer *peer)
{
	size_t length = peer->used, whole = sizeof(peer->last);
	size_t kept = length < whole ? whole - length : 0;

	memmove(peer->last, peer->last + whole - kept, kept);
	memcpy(peer->last + kept, peer->in + length - (whole - kept), whole - kept);
	send_message(client, "", peer->in, length);
	peer->used = 0;
	if (memcmp(peer->last, "\r\n0\r\n\r\n", whole) == 0) {
		end_stream(peer);
	} else if (client->out) {
		client->source = peer;
		watch(peer, EPOLL_CTL_MOD, 0);
	}
}

static void begin_stream(struct peer *peer)
{
	char *body = strstr(peer->in, "\r\n\r\n") + 4;

	peer->streams = true;
	send_message(client,
	             "HTTP/1.1 200 OK\r\n"
	             "Content-Type: application/octet-stream\r\n"
	             "Transfer-Encoding: chunked\r\n\r\n",
	             "", 0);
	consume(peer, (size_t)(body - peer->in));
	if (peer->used > 0)
		pass_on(peer);
}

static void on_runtime_message(struct peer *peer, const struct message *message)
{
	if (strncmp(peer->in, "GET ", 4) == 0) {
		runtime = peer;
	} else {
		answer_client(message);
		send_message(peer, "HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\n\r\n",
		             "{\"status\":\"OK\"}\n", 16);
	}
	consume(peer, message->length);
}

static void on_message(struct peer *peer, const struct message *message)
{
	if (peer->is_runtime) {
		on_runtime_message(peer, message);
	} else { /* its event stays in peer->in until it is answered */
		client = peer;
		client_waits = true;
	}
	if (client_waits && client && runtime)
		deliver();
}

static void make_room(struct peer *peer)
{
	if (peer->capacity - peer->used > 1)
		return;
	peer->capacity = peer->capacity ? peer->capacity * 2 : 65536;
	peer->in = realloc(peer->in, peer->capacity);
	if (!peer->in)
		err(1, "realloc");
}

static void receive(struct peer *peer)
{
	make_room(peer);
	ssize_t got = read(peer->fd, peer->in + peer->used, peer->capacity - peer->used - 1);

	if (got == -1 && errno == EAGAIN)
		return;
	if (got <= 0) {
		peer_destroy(peer);
		return;
	}
	peer->used += (size_t)got;
	peer->in[peer->used] = '\0';
	if (peer->streams || is_stream(peer)) {
		peer->streams ? pass_on(peer) : begin_stream(peer);
		return;
	}
	struct message message = parse(peer);
	if (message.length && peer != client)
		on_message(peer, &message);
}

/* ---- listening */

static void accept_peer(const struct peer *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int yes = 1;

	if (fd == -1)
		err(1, "accept");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	peer_create(fd, false, listener->is_runtime);
}

/* Listens on a port of the kernel's choice and returns it. */
static unsigned listen_somewhere(bool is_runtime)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ||
	    listen(fd, 128) == -1 || getsockname(fd, (struct sockaddr *)&address, &size) == -1)
		err(1, "listen");
	peer_create(fd, true, is_runtime);
	return ntohs(address.sin_port);
}

static void start_bootstrap(const char *path, const char *handler, unsigned port)
{
	char api[64];

	if (fork() != 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(api, sizeof(api), "127.0.0.1:%u", port);
	setenv("AWS_LAMBDA_RUNTIME_API", api, 1);
	setenv("_HANDLER", handler, 1);
	execl(path, path, (char *)NULL);
	err(1, "%s", path);
}

static void serve(void)
{
	struct epoll_event event;

	while (epoll_wait(epoll_fd, &event, 1, -1) == 1) {
		struct peer *peer = event.data.ptr;

		if (peer->listens)
			accept_peer(peer);
		else if (event.events & EPOLLOUT)
			send_rest(peer);
		else
			receive(peer);
	}
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: relay BOOTSTRAP HANDLER");
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd == -1)
		err(1, "epoll_create1");
	printf("%u\n", listen_somewhere(false));
	fflush(stdout);
	start_bootstrap(argv[1], argv[2], listen_somewhere(true));
	serve();
	return 1;
}
