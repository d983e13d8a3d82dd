/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line - invocations that wait for an environment of their function, in order of arrival.
 *
 * Each holds a reference. Bounds: LINE_LENGTH of them, and LINE_BYTES of their events.
 */
#ifndef EMULATOR_LINE_H
#define EMULATOR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/invocation.h"

#define LINE_LENGTH 1000
#define LINE_BYTES ((size_t)256 << 20)

struct line {
	struct invocation *first, **last;
	unsigned length;
	size_t bytes;
};

void line_init(struct line *line);

/* Whether it is within its bounds. */
bool line_is_bounded(const struct line *line);

/* Its end. Who joins may leave again in the same call, so that only who stays is held to bounds. */
void line_join(struct line *line, struct invocation *invocation);

/* One that comes back from an environment, whose reference is taken over: before those who have
 * never left, and in the order in which those like it have left. */
void line_rejoin(struct line *line, struct invocation *invocation);

/* The first one, and the reference to it; NULL when there is none. */
struct invocation *line_leave(struct line *line);

/* The same for that one. Returns false when it is not there. */
bool line_withdraw(struct line *line, const struct invocation *invocation);

/* The first one that waits since 'since_ns' or longer, and the reference to it; or NULL. */
struct invocation *line_leave_overdue(struct line *line, uint64_t since_ns);

/* Since when the one waits that has waited longest; UINT64_MAX when there is none. */
uint64_t line_waits_since(const struct line *line);

#endif
