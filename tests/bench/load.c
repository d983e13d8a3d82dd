/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load - invokes a function again and again, and tells how long that took
 *
 *	load PORT WARM-UP COUNT EVENT-BYTES [event]
 *
 * Prints one line of JSON, in microseconds. The event is a JSON string of EVENT-BYTES bytes, or {}
 * when that is 2. With "event" nobody waits for what becomes of it (202). Each is timed from the
 *first byte sent to the last byte received.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/client.h"

#define PATH "/2015-03-31/functions/function/invocations"

static char *make_event(size_t length)
{
	char *event = malloc(length + 1);

	if (!event || length < 2)
		errx(1, "no event of %zu bytes", length);
	memset(event, 'a', length);
	event[0] = event[length - 1] = '"';
	if (length == 2)
		memcpy(event, "{}", 2);
	return event;
}

static void print_result(uint64_t *values, size_t count, uint64_t whole_ns)
{
	sort_values(values, count);
	printf("{\"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"per_second\": %.0f}\n",
	       percentile_us(values, count, 50), percentile_us(values, count, 90),
	       percentile_us(values, count, 99), (double)count * 1e9 / (double)whole_ns);
}

int main(int argc, char **argv)
{
	if (argc != 5 && (argc != 6 || strcmp(argv[5], "event") != 0))
		errx(2, "usage: load PORT WARM-UP COUNT EVENT-BYTES [event]");

	size_t warm_up = strtoul(argv[2], NULL, 10);
	size_t count = strtoul(argv[3], NULL, 10);
	size_t event_length = strtoul(argv[4], NULL, 10);
	size_t length;
	char *event = make_event(event_length);
	const char *headers = argc > 5 ? "X-Amz-Invocation-Type: Event\r\n" : "";
	char *request = client_make_post(PATH, headers, event, event_length, &length);
	uint64_t *values = calloc(count ? count : 1, sizeof(*values));
	int fd = client_connect((unsigned)strtoul(argv[1], NULL, 10));

	if (fd == -1 || !values || !count)
		err(1, "port %s", argv[1]);
	for (size_t i = 0; i < warm_up; i++)
		client_ask(fd, request, length);

	uint64_t began = now_ns();

	for (size_t i = 0; i < count; i++) {
		uint64_t sent = now_ns();

		client_ask(fd, request, length);
		values[i] = now_ns() - sent;
	}
	print_result(values, count, now_ns() - began);
	return 0;
}
