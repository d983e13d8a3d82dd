/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd - invokes a function on several connections at once, and tells how often
 *
 *	crowd PORT CONNECTIONS COUNT
 *
 * Prints one line of JSON. Each connection has one request at a time, the next one as soon as it
 *has its reply; COUNT is that of all. It is one thread, as the clients of a busy service would be
 *many processes that take as little each.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/client.h"

#define PATH "/2015-03-31/functions/function/invocations"

#define MOST 1000

static struct pollfd polled[MOST];
static uint64_t sent_ns[MOST];

/* What is sent, and how often that is to be done. */
struct work {
	const char *request;
	size_t length, left;
};

static void send_one(struct work *work, size_t connection)
{
	if (work->left == 0)
		return;
	work->left--;
	sent_ns[connection] = now_ns();
	client_send(polled[connection].fd, work->request, work->length);
}

/* Receives 'count' replies; 'values' gets how long each took. */
static void run(struct work *work, size_t connections, uint64_t *values, size_t count)
{
	size_t received = 0;

	for (size_t i = 0; i < connections; i++)
		send_one(work, i);
	while (received < count) {
		if (poll(polled, connections, -1) == -1)
			err(1, "poll");
		for (size_t i = 0; i < connections; i++) {
			if (!polled[i].revents)
				continue;
			client_receive(polled[i].fd);
			values[received++] = now_ns() - sent_ns[i];
			send_one(work, i);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: crowd PORT CONNECTIONS COUNT");

	unsigned port = (unsigned)strtoul(argv[1], NULL, 10);
	size_t connections = strtoul(argv[2], NULL, 10), count = strtoul(argv[3], NULL, 10);
	uint64_t *values = calloc(count ? count : 1, sizeof(*values));
	struct work work = { .left = count };
	uint64_t began, whole;

	if (!values || !count || connections == 0 || connections > MOST)
		errx(2, "%zu connections, %zu requests", connections, count);
	work.request = client_make_post(PATH, "", "{}", 2, &work.length);
	for (size_t i = 0; i < connections; i++) {
		polled[i] = (struct pollfd){ .fd = client_connect(port), .events = POLLIN };
		if (polled[i].fd == -1)
			err(1, "port %u", port);
	}
	began = now_ns();
	run(&work, connections, values, count);
	whole = now_ns() - began;
	sort_values(values, count);
	printf("{\"p50\": %.1f, \"p99\": %.1f, \"per_second\": %.0f}\n",
	       percentile_us(values, count, 50), percentile_us(values, count, 99),
	       (double)count * 1e9 / (double)whole);
	return 0;
}
