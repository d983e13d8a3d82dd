/* SPDX-License-Identifier: Apache-2.0 */
/* event_queue_kept - what is kept of events, for the next lrie */
#include <stdio.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/event_queue_private.h"
#include "emulator/log.h"

/* ---- while they run ---- */

bool event_queue_keep(struct event_queue *queue, const struct invocation *invocation,
                      uint32_t chain, struct event_store_item **item, struct error *err)
{
	const struct event_record record = {
		.kind = EVENT_RECORD_EVENT,
		.accepted_wall_ns = clock_wall_ns(clock_now()),
		.chain = chain,
		.function = queue->config->function_name,
		.request_id = invocation->request_id,
		.function_arn = invocation->function_arn,
		.trace_header = invocation->trace_header,
		.trace_caller = invocation->trace_caller,
		.client_context = invocation->client_context,
		.cognito_identity = invocation->cognito_identity,
		.tenant_id = invocation->tenant_id,
		.data = invocation->event.data,
		.length = invocation->event.length,
	};

	*item = queue->means->store ? event_store_add(queue->means->store, &record, err) : NULL;
	if (queue->means->store && !*item && !queue->is_failing)
		log_warning("events are refused, since they cannot be kept: %s", err->text);
	queue->is_failing = queue->means->store && !*item;
	return !queue->is_failing;
}

void event_queue_note(const struct queued *event, uint64_t due_wall_ns)
{
	const struct event_progress progress = { .due_wall_ns = due_wall_ns,
		                                 .pause_ns = event->pause_ns,
		                                 .attempts = event->attempts,
		                                 .failures = event->failures };

	if (event->item)
		event_store_note(event->queue->means->store, event->item, &progress);
}

void event_queue_forget(const struct queued *event)
{
	event_store_remove(event->queue->means->store, event->item);
}

/* ---- what an earlier lrie has left ---- */

static struct invocation *restore(const struct event_record *record)
{
	struct invocation *invocation = invocation_create(&event_queue_ops);

	snprintf(invocation->request_id, sizeof(invocation->request_id), "%s", record->request_id);
	snprintf(invocation->trace_caller, sizeof(invocation->trace_caller), "%s",
	         record->trace_caller ? record->trace_caller : "");
	invocation->function_arn = xstrdup(record->function_arn);
	invocation->trace_header = xstrdup(record->trace_header);
	invocation->client_context = xstrdup_if(record->client_context);
	invocation->cognito_identity = xstrdup_if(record->cognito_identity);
	invocation->tenant_id = xstrdup_if(record->tenant_id);
	buffer_append(&invocation->event, record->data, record->length);
	return invocation;
}

static uint64_t difference(uint64_t later, uint64_t earlier)
{
	return later > earlier ? later - earlier : 0;
}

/* What the clock says may have become wrong meanwhile: no event is younger than nothing, and none
 * waits longer than the longest pause. */
static void place(struct queued *event, const struct event_record *record)
{
	uint64_t wall_ns = clock_wall_ns(event->accepted_ns);
	uint64_t wait_ns = difference(record->progress.due_wall_ns, wall_ns);

	event->aged_ns = difference(wall_ns, record->accepted_wall_ns);
	if (wait_ns == 0) {
		event_queue_make_ready(event);
		return;
	}
	if (wait_ns > EVENT_LONGEST_PAUSE_NS)
		wait_ns = EVENT_LONGEST_PAUSE_NS;
	event_queue_make_delayed(event, event->accepted_ns + wait_ns);
}

struct taker {
	struct event_store_taker base;
	struct event_queue *queue;
};

static void on_kept(struct event_store_taker *base, struct event_store_item *item,
                    const struct event_record *record)
{
	struct event_queue *queue = container_of(base, struct taker, base)->queue;
	struct invocation *invocation = restore(record);
	struct queued *event = event_queue_enqueue(queue, invocation);

	invocation_unref(invocation);
	event->item = item;
	event->chain = record->chain;
	event->attempts = record->progress.attempts;
	event->failures = record->progress.failures;
	event->pause_ns = record->progress.pause_ns < EVENT_LONGEST_PAUSE_NS
	                          ? record->progress.pause_ns
	                          : EVENT_LONGEST_PAUSE_NS;
	place(event, record);
}

void event_queue_start(struct event_queue *queue)
{
	struct taker taker = { .base.on_item = on_kept, .queue = queue };
	const char *name = queue->config->function_name;
	unsigned before = queue->length, count;

	if (!queue->means->store || queue->stopping)
		return;
	event_store_take(queue->means->store, EVENT_RECORD_EVENT, name, &taker.base);
	count = queue->length - before;
	if (count > 0)
		log_notice("%u event%s of function '%s' taken up again", count,
		           count == 1 ? "" : "s", name);
	event_outcome_resume(&queue->outcome, name);
}
