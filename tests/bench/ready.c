/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ready - starts a program again and again, and tells how soon it is there
 *
 *	ready COUNT PORT PROGRAM [ARGUMENT...]
 *
 * Times from just before the spawn until a connection to PORT succeeds, then a
 * first invoke on that connection; the program is then ended with SIGTERM. With
 * PORT 0 it times until the program has ended by itself. Prints one line of
 * JSON, medians in microseconds. What the program prints goes to /dev/null.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/client.h"

#define PATH "/2015-03-31/functions/function/invocations"

extern char **environ;

static pid_t spawn(char **argv)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	errno = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
	if (errno)
		err(1, "%s", argv[0]);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static int connect_when_ready(unsigned port, pid_t pid)
{
	int fd;

	while ((fd = client_connect(port)) == -1) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			errx(1, "the program ended before it listened");
	}
	return fd;
}

static uint64_t time_invoke(int fd)
{
	size_t length;
	char *request = client_make_post(PATH, "", "{}", 2, &length);
	uint64_t sent = now_ns();

	client_ask(fd, request, length);
	uint64_t took = now_ns() - sent;

	free(request);
	return took;
}

static void measure(unsigned port, char **argv, uint64_t *ready, uint64_t *first)
{
	uint64_t began = now_ns();
	pid_t pid = spawn(argv);

	if (port) {
		int fd = connect_when_ready(port, pid);

		*ready = now_ns() - began;
		*first = time_invoke(fd);
		close(fd);
		kill(pid, SIGTERM);
	}
	waitpid(pid, NULL, 0);
	if (!port)
		*ready = now_ns() - began;
}

int main(int argc, char **argv)
{
	size_t count = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (!count)
		errx(2, "usage: ready COUNT PORT PROGRAM [ARGUMENT...]");

	unsigned port = (unsigned)strtoul(argv[2], NULL, 10);
	uint64_t *ready = calloc(count, sizeof(*ready));
	uint64_t *first = calloc(count, sizeof(*first));

	if (!ready || !first)
		err(1, "calloc");
	for (size_t i = 0; i < count; i++)
		measure(port, argv + 3, &ready[i], &first[i]);
	sort_values(ready, count);
	sort_values(first, count);
	printf("{\"ready\": %.1f, \"first_invoke\": %.1f}\n", percentile_us(ready, count, 50),
	       percentile_us(first, count, 50));
	return 0;
}
