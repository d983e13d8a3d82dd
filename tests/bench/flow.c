/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow - invokes a function that streams its response, and tells how fast that came
 *
 *	flow PORT EVENT
 *
 * Prints one line of JSON: bytes on the wire, the time from the first byte sent to the last byte
 * received in microseconds, and MiB a second. The end is the empty chunk: nothing else is looked
 *at.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/client.h"

#define PATH "/2021-11-15/functions/function/response-streaming-invocations"
#define END "\r\n0\r\n\r\n"
#define END_LENGTH (sizeof(END) - 1)

/* Keeps the last bytes of all that has come. */
static void remember(char *last, const char *data, size_t length)
{
	size_t kept = length < END_LENGTH ? END_LENGTH - length : 0;

	memmove(last, last + END_LENGTH - kept, kept);
	memcpy(last + kept, data + length - (END_LENGTH - kept), END_LENGTH - kept);
}

static uint64_t read_all(int fd)
{
	static char data[1 << 18];
	char last[END_LENGTH] = { 0 };
	uint64_t total = 0;

	while (memcmp(last, END, END_LENGTH) != 0) {
		ssize_t got = read(fd, data, sizeof(data));

		if (got <= 0)
			err(1, "the response broke off");
		if (total == 0 && strncmp(data, "HTTP/1.1 200 ", 13) != 0)
			errx(1, "not a 200: %.100s", data);
		remember(last, data, (size_t)got);
		total += (uint64_t)got;
	}
	return total;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: flow PORT EVENT");

	size_t length;
	char *request = client_make_post(PATH, "", argv[2], strlen(argv[2]), &length);
	int fd = client_connect((unsigned)strtoul(argv[1], NULL, 10));
	uint64_t began = now_ns(), took, total;

	if (fd == -1 || write(fd, request, length) != (ssize_t)length)
		err(1, "port %s", argv[1]);
	total = read_all(fd);
	took = now_ns() - began;
	printf("{\"bytes\": %llu, \"took\": %.1f, \"mib_per_second\": %.1f}\n",
	       (unsigned long long)total, (double)took / 1000,
	       (double)total / (1 << 20) / ((double)took / 1e9));
	free(request);
	close(fd);
	return 0;
}
