/* SPDX-License-Identifier: Apache-2.0 */
/* box - what the benchmarks that run boxes share. Whatever goes wrong ends the program. */
#ifndef TESTS_BENCH_BOX_H
#define TESTS_BENCH_BOX_H

#include <err.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/sandbox.h"

/* Waits for an event, and returns when it happened, in monotonic nanoseconds. */
static inline uint64_t box_wait_for(struct sandbox *box, enum sandbox_event_type type)
{
	struct pollfd ready = { .fd = sandbox_fd(box), .events = POLLIN };
	struct sandbox_event event;

	for (;;) {
		while (sandbox_next_event(box, &event)) {
			if (event.type == type)
				return event.at_ns;
			if (event.type == SANDBOX_FAILED || event.type == SANDBOX_EXEC_FAILED)
				errx(1, "%s", event.error.text);
		}
		if (poll(&ready, 1, 10000) != 1)
			errx(1, "nothing happens in the box");
	}
}

/* A box of such a spec, whose program is the probe: 'path' as this machine has it, doing 'word'. Of
 * the spec all but its task root is given. 'input' may be -1. */
static inline struct sandbox *box_of_probe(struct sandbox_host *host, struct sandbox_spec spec,
                                           const char *path, const char *word, int input,
                                           int output)
{
	static char folder[4096], inside[4096 + 16];
	const char *const argv[] = { inside, word, NULL };
	const char *const envp[] = { NULL };
	const struct sandbox_streams streams = { .input = input,
		                                 .output = output,
		                                 .errors = output };
	const struct sandbox_program program = { .argv = argv,
		                                 .envp = envp,
		                                 .cwd = "/",
		                                 .output = output,
		                                 .streams = input == -1 ? NULL : &streams };
	struct error error;

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	snprintf(inside, sizeof(inside), "%s%s", sandbox_host_has_root(host) ? "/var/task" : folder,
	         strrchr(path, '/'));
	spec.task_root = folder;
	struct sandbox *box = sandbox_create(host, &spec, &error);
	if (!box || !sandbox_exec(box, 1, &program, &error))
		errx(1, "%s", error.text);
	return box;
}

static inline void box_finish(struct sandbox *box)
{
	sandbox_kill(box);
	box_wait_for(box, SANDBOX_GONE);
	sandbox_destroy(box);
}

#endif
