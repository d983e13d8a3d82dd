/* SPDX-License-Identifier: Apache-2.0 */
/* client - the HTTP client of the benchmarks */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/client.h"

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int client_connect(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((uint16_t)port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int yes = 1;

	if (fd == -1)
		err(1, "socket");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

char *client_make_post(const char *path, const char *headers, const char *body, size_t length,
                       size_t *total)
{
	char head[512];
	int head_length = snprintf(head, sizeof(head),
	                           "POST %s HTTP/1.1\r\n"
	                           "Host: localhost\r\n"
	                           "Content-Type: application/json\r\n"
	                           "%sContent-Length: %zu\r\n\r\n",
	                           path, headers, length);
	char *request = malloc((size_t)head_length + length);

	if (!request)
		err(1, "malloc");
	memcpy(request, head, (size_t)head_length);
	memcpy(request + head_length, body, length);
	*total = (size_t)head_length + length;
	return request;
}

void client_send(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = write(fd, data, length);

		if (sent == -1)
			err(1, "write");
		data += sent;
		length -= (size_t)sent;
	}
}

/* A reply as far as it has come. Only its end is kept when it is large. */
struct reply {
	char buffer[1 << 18];
	size_t used;         /* bytes in 'buffer' */
	size_t body_so_far;  /* bytes of body that have come */
	ssize_t body_length; /* -1: chunked */
};

static void read_more(int fd, struct reply *reply)
{
	ssize_t got = read(fd, reply->buffer + reply->used,
	                   sizeof(reply->buffer) - reply->used - 1);

	if (got == -1)
		err(1, "read");
	if (got == 0)
		errx(1, "the connection was closed instead of a reply");
	reply->used += (size_t)got;
	reply->body_so_far += (size_t)got;
	reply->buffer[reply->used] = '\0';
}

/* Refuses what is not a success. */
static void read_head(int fd, struct reply *reply)
{
	const char *end, *length;

	while (!(end = strstr(reply->buffer, "\r\n\r\n")))
		read_more(fd, reply);
	if ((strncmp(reply->buffer, "HTTP/1.1 200", 12) != 0 &&
	     strncmp(reply->buffer, "HTTP/1.1 202", 12) != 0) ||
	    strcasestr(reply->buffer, "\r\nX-Amz-Function-Error:"))
		errx(1, "the reply is not a success: %.2000s", reply->buffer);
	length = strcasestr(reply->buffer, "\r\nContent-Length:");
	reply->body_length = length ? (ssize_t)strtoul(length + 17, NULL, 10) : -1;
	reply->body_so_far = reply->used - (size_t)(end + 4 - reply->buffer);
}

static bool is_complete(const struct reply *reply)
{
	static const char last[] = "0\r\n\r\n";
	size_t size = sizeof(last) - 1;

	if (reply->body_length >= 0)
		return reply->body_so_far >= (size_t)reply->body_length;
	return reply->used >= size && memcmp(reply->buffer + reply->used - size, last, size) == 0;
}

static void forget_all_but_the_end(struct reply *reply)
{
	size_t keep = 5;

	if (reply->used < sizeof(reply->buffer) / 2)
		return;
	memmove(reply->buffer, reply->buffer + reply->used - keep, keep);
	reply->used = keep;
}

void client_receive(int fd)
{
	static struct reply reply;

	reply.used = 0;
	reply.buffer[0] = '\0';
	read_head(fd, &reply);
	while (!is_complete(&reply)) {
		forget_all_but_the_end(&reply);
		read_more(fd, &reply);
	}
}

void client_ask(int fd, const char *request, size_t length)
{
	client_send(fd, request, length);
	client_receive(fd);
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

void sort_values(uint64_t *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
}

double percentile_us(const uint64_t *values, size_t count, double percent)
{
	size_t rank = (size_t)((double)count * percent / 100);

	return (double)values[rank < count ? rank : count - 1] / 1000;
}
