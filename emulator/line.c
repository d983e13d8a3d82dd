/* SPDX-License-Identifier: Apache-2.0 */
/* line - invocations that wait for an environment of their function, in order of arrival */
#include "emulator/line.h"

void line_init(struct line *line)
{
	*line = (struct line){ .last = &line->first };
}

bool line_is_bounded(const struct line *line)
{
	return line->length <= LINE_LENGTH && line->bytes <= LINE_BYTES;
}

static void insert(struct line *line, struct invocation **place, struct invocation *invocation)
{
	invocation->next = *place;
	*place = invocation;
	if (!invocation->next)
		line->last = &invocation->next;
	line->length++;
	line->bytes += invocation->event.length;
}

static struct invocation *take_out(struct line *line, struct invocation **place)
{
	struct invocation *invocation = *place;

	*place = invocation->next;
	if (!*place)
		line->last = place;
	invocation->next = NULL;
	line->length--;
	line->bytes -= invocation->event.length;
	return invocation;
}

void line_join(struct line *line, struct invocation *invocation)
{
	insert(line, line->last, invocation_ref(invocation));
}

void line_rejoin(struct line *line, struct invocation *invocation)
{
	struct invocation **place = &line->first;

	while (*place && (*place)->phase.received_ns &&
	       (*place)->phase.received_ns <= invocation->phase.received_ns)
		place = &(*place)->next;
	insert(line, place, invocation);
}

struct invocation *line_leave(struct line *line)
{
	return line->first ? take_out(line, &line->first) : NULL;
}

bool line_withdraw(struct line *line, const struct invocation *invocation)
{
	struct invocation **place = &line->first;

	while (*place && *place != invocation)
		place = &(*place)->next;
	if (!*place)
		return false;
	invocation_unref(take_out(line, place));
	return true;
}

struct invocation *line_leave_overdue(struct line *line, uint64_t since_ns)
{
	for (struct invocation **place = &line->first; *place; place = &(*place)->next) {
		if ((*place)->queued_ns <= since_ns)
			return take_out(line, place);
	}
	return NULL;
}

uint64_t line_waits_since(const struct line *line)
{
	uint64_t since_ns = UINT64_MAX;

	for (const struct invocation *it = line->first; it; it = it->next) {
		if (it->queued_ns < since_ns)
			since_ns = it->queued_ns;
	}
	return since_ns;
}
