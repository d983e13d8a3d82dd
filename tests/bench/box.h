/* SPDX-License-Identifier: Apache-2.0 */
/* box - what the benchmarks that run boxes share. Whatever goes wrong ends the program. */
#ifndef TESTS_BENCH_BOX_H
#define TESTS_BENCH_BOX_H

#include <err.h>
#include <poll.h>
#include <stdint.h>

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

#endif
