/* SPDX-License-Identifier: Apache-2.0 */
/* event_queue - events that nobody waits for: run, tried again, and told of when all is over */
#include <assert.h>
#include <stdlib.h>

#include "emulator/clock.h"
#include "emulator/destination.h"
#include "emulator/event_queue_private.h"
#include "emulator/log.h"
#include "emulator/quota.h"

/* After a function error: a minute before the first retry, two before the second. */
#define RETRY_NS (60 * CLOCK_NS_PER_S)

/* After what is not the function's fault. */
#define FIRST_PAUSE_NS (1 * CLOCK_NS_PER_S)

/* ---- lists ---- */

static void list_init(struct queued_list *list)
{
	*list = (struct queued_list){ .last = &list->first };
}

static void list_append(struct queued_list *list, struct queued *event)
{
	event->next = NULL;
	*list->last = event;
	list->last = &event->next;
}

static struct queued *list_take(struct queued_list *list)
{
	struct queued *event = list->first;

	if (!event)
		return NULL;
	list->first = event->next;
	if (!list->first)
		list->last = &list->first;
	return event;
}

static void list_insert_by_due(struct queued_list *list, struct queued *event)
{
	struct queued **place = &list->first;

	/* Most are due behind all others. */
	if (*place && container_of(list->last, struct queued, next)->due_ns <= event->due_ns)
		place = list->last;
	while (*place && (*place)->due_ns <= event->due_ns)
		place = &(*place)->next;
	event->next = *place;
	*place = event;
	if (!event->next)
		list->last = &event->next;
}

/* ---- the end of an event ---- */

static void leave_all(struct queued *event)
{
	*event->place = event->later;
	if (event->later)
		event->later->place = event->place;
	else
		event->queue->last = event->place;
}

static void release(struct queued *event)
{
	struct event_queue *queue = event->queue;
	size_t bytes = event->invocation->event.length;

	leave_all(event);
	queue->length--;
	invocation_unref(event->invocation);
	buffer_finish(&event->response);
	free(event);
	backlog_remove(&queue->backlog, bytes);
}

/* What the asker did not say: the version that runs. */
static void append_qualified_arn(struct buffer *out, const struct event_queue *queue,
                                 const char *arn)
{
	unsigned colons = 0;

	for (const char *at = arn; *at; at++)
		colons += *at == ':';
	buffer_append_text(out, arn);
	if (colons < 7)
		buffer_append_format(out, ":%s", queue->config->function_version);
}

static void count(struct event_queue *queue, enum destination_condition condition)
{
	switch (condition) {
	case DESTINATION_SUCCESS:
		queue->counts.succeeded++;
		return;
	case DESTINATION_RETRIES_EXHAUSTED:
		queue->counts.exhausted++;
		return;
	case DESTINATION_EVENT_AGE_EXCEEDED:
		queue->counts.too_old++;
		return;
	}
}

static const char *reason_of(const struct queued *event, enum destination_condition condition)
{
	if (condition == DESTINATION_EVENT_AGE_EXCEEDED)
		return "--max-event-age";
	return event->queue->config->is_throttled ? "--concurrency 0" : "--retries";
}

/* First it is told, then it is over: if lrie is killed in between, it is told again. */
static void finish(struct queued *event, enum destination_condition condition)
{
	struct event_queue *queue = event->queue;
	const struct invocation *invocation = event->invocation;
	autobuffer struct buffer arn = BUFFER_INIT;

	append_qualified_arn(&arn, queue, invocation->function_arn);
	const struct destination_record record = {
		.wall_ns = clock_wall_ns(clock_now()),
		.request_id = invocation->request_id,
		.function_arn = arn.data,
		.executed_version = queue->config->function_version,
		.condition = condition,
		.attempts = event->attempts,
		.event = &invocation->event,
		.response = event->has_response ? &event->response : NULL,
		.is_error = event->is_error,
	};
	const struct event_letter about = {
		.function = queue->config->function_name,
		.request_id = invocation->request_id,
		.trace_header = invocation->trace_header,
		.chain = event->chain + 1,
	};

	event_outcome_tell(&queue->outcome, &record, &about);
	if (condition != DESTINATION_SUCCESS)
		log_warning("event %s: given up after %u attempt%s (%s)", record.request_id,
		            event->attempts, event->attempts == 1 ? "" : "s",
		            reason_of(event, condition));
	count(queue, condition);
	event_queue_forget(event);
	release(event);
}

/* ---- attempts ---- */

static void advance(struct event_queue *queue);

static bool is_too_old(const struct queued *event, uint64_t at_ns)
{
	return at_ns - event->accepted_ns + event->aged_ns >
	       event->queue->config->max_event_age_ms * CLOCK_NS_PER_MS;
}

void event_queue_make_delayed(struct queued *event, uint64_t due_ns)
{
	struct event_queue *queue = event->queue;

	event->state = EVENT_DELAYED;
	event->due_ns = due_ns;
	list_insert_by_due(&queue->delayed, event);
	loop_timer_start(queue->loop, &queue->timer,
	                 queue->ready.first ? clock_now() : queue->delayed.first->due_ns);
}

static void delay(struct queued *event, uint64_t pause_ns)
{
	event->due_ns = clock_now() + pause_ns;
	if (is_too_old(event, event->due_ns)) {
		finish(event, DESTINATION_EVENT_AGE_EXCEEDED);
		return;
	}
	event_queue_note(event, clock_wall_ns(clock_now()) + pause_ns);
	event_queue_make_delayed(event, event->due_ns);
}

/* The function is not to blame. */
static void back_off(struct queued *event)
{
	event->pause_ns = event->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * event->pause_ns;
	if (event->pause_ns > EVENT_LONGEST_PAUSE_NS)
		event->pause_ns = EVENT_LONGEST_PAUSE_NS;
	delay(event, event->pause_ns);
}

static void retry(struct queued *event)
{
	if (++event->failures > event->queue->config->retries)
		finish(event, DESTINATION_RETRIES_EXHAUSTED);
	else
		delay(event, event->failures * RETRY_NS);
}

static void on_answered(struct invocation *invocation, struct answer *answer)
{
	struct queued *event = invocation->asker;

	event->is_unanswered = answer->fault && answer->fault->status == FAULT_FAILURE;
	if (event->is_unanswered)
		return;
	event->has_response = true;
	event->is_error = answer->is_error;
	buffer_finish(&event->response);
	buffer_move(&event->response, &answer->body);
}

static void leave(struct queued *event)
{
	struct event_queue *queue = event->queue;

	if (event->item &&
	    event_store_give_back(queue->means->store, event->item, queue->config->function_name))
		queue->kept++;
	else
		queue->lost++;
	release(event);
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	struct queued *event = invocation->asker;
	struct event_queue *queue = event->queue;

	(void)tail;
	queue->running--;
	if (queue->stopping && (event->is_unanswered || event->is_error))
		leave(event);
	else if (event->is_unanswered)
		back_off(event);
	else if (event->is_error)
		retry(event);
	else
		finish(event, DESTINATION_SUCCESS);
	if (!queue->stopping)
		advance(queue);
}

const struct invocation_ops event_queue_ops = { .on_answered = on_answered, .on_done = on_done };

static void begin_again(struct queued *event)
{
	struct invocation *before = event->invocation;

	event->invocation = invocation_repeat(before, &event_queue_ops);
	event->invocation->asker = event;
	invocation_unref(before);
}

static void attempt(struct queued *event)
{
	struct event_queue *queue = event->queue;

	if (is_too_old(event, clock_now())) {
		finish(event, DESTINATION_EVENT_AGE_EXCEEDED);
		return;
	}
	if (queue->config->is_throttled) {
		finish(event, DESTINATION_RETRIES_EXHAUSTED);
		return;
	}
	event->is_unanswered = false;
	if (event->invocation->is_answered)
		begin_again(event);
	queue->running++;
	event->state = EVENT_RUNNING;
	if (function_submit(queue->function, event->invocation) == FUNCTION_ACCEPTED) {
		queue->counts.retried += event->attempts > 0;
		event->attempts++;
		event_queue_note(event, 0);
		return;
	}
	queue->running--;
	back_off(event);
}

/* Room for one more is there when the last one has gone. */
static void advance(struct event_queue *queue)
{
	while (queue->running < queue->capacity) {
		struct queued *event = list_take(&queue->ready);

		if (!event)
			return;
		attempt(event);
	}
}

static void on_due(struct loop_timer *timer)
{
	struct event_queue *queue = container_of(timer, struct event_queue, timer);
	uint64_t now = clock_now();

	while (queue->delayed.first && queue->delayed.first->due_ns <= now) {
		queue->delayed.first->state = EVENT_READY;
		list_append(&queue->ready, list_take(&queue->delayed));
	}
	if (queue->delayed.first)
		loop_timer_start(queue->loop, timer, queue->delayed.first->due_ns);
	advance(queue);
}

/* ---- from outside ---- */

struct queued *event_queue_enqueue(struct event_queue *queue, struct invocation *invocation)
{
	struct queued *event = xcalloc(1, sizeof(*event));

	event->queue = queue;
	event->number = ++queue->next_number;
	event->invocation = invocation_ref(invocation);
	event->accepted_ns = clock_now();
	buffer_init(&event->response);
	invocation->ops = &event_queue_ops;
	invocation->is_unattended = true;
	invocation->asker = event;
	queue->length++;
	backlog_add(&queue->backlog, invocation->event.length);
	event->place = queue->last;
	*queue->last = event;
	queue->last = &event->later;
	return event;
}

void event_queue_make_ready(struct queued *event)
{
	struct event_queue *queue = event->queue;

	event->state = EVENT_READY;
	list_append(&queue->ready, event);
	/* After its 202: from the loop, which then waits for those that are delayed again. */
	loop_timer_start(queue->loop, &queue->timer, event->accepted_ns);
}

/* For the next lrie, if there is a way to it. */
static enum event_verdict add_late(struct event_queue *queue, const struct invocation *invocation,
                                   uint32_t chain, struct error *err)
{
	struct event_store_item *item;

	error_set(err, 0, "lrie is shutting down");
	if (!queue->means->store || !event_queue_keep(queue, invocation, chain, &item, err))
		return EVENT_NOT_KEPT;
	event_store_give_back(queue->means->store, item, queue->config->function_name);
	queue->kept++;
	return EVENT_ACCEPTED;
}

static enum event_verdict add(struct event_queue *queue, struct invocation *invocation,
                              uint32_t chain, struct error *err)
{
	struct event_store_item *item;
	struct queued *event;

	if (queue->stopping)
		return add_late(queue, invocation, chain, err);
	if (queue->length >= EVENT_QUEUE_LENGTH ||
	    queue->backlog.bytes + invocation->event.length > EVENT_QUEUE_BYTES) {
		error_set(err, 0, "%u events of function '%s' wait already", queue->length,
		          queue->config->function_name);
		return EVENT_TOO_MANY;
	}
	if (!event_queue_keep(queue, invocation, chain, &item, err))
		return EVENT_NOT_KEPT;
	event = event_queue_enqueue(queue, invocation);
	event->item = item;
	event->chain = chain;
	queue->counts.accepted++;
	event_queue_make_ready(event);
	return EVENT_ACCEPTED;
}

enum event_verdict event_queue_add(struct event_queue *queue, struct invocation *invocation,
                                   struct error *err)
{
	return add(queue, invocation, 0, err);
}

bool event_queue_add_letter(struct event_queue *queue, const struct event_letter *letter,
                            struct error *err)
{
	struct invocation *invocation = invocation_make(queue->config, &event_queue_ops);
	bool is_added;

	if (letter->trace_header)
		invocation_take_trace(invocation, queue->config, letter->trace_header);
	buffer_append(&invocation->event, letter->data, letter->length - 1);
	is_added = invocation->event.length <= QUOTA_QUEUED_EVENT
	                   ? add(queue, invocation, letter->chain, err) == EVENT_ACCEPTED
	                   : error_set(err, 0, "%zu bytes are too many for an event",
	                               invocation->event.length);
	invocation_unref(invocation);
	return is_added;
}

unsigned event_queue_length(const struct event_queue *queue)
{
	return queue->length;
}

struct event_counts event_queue_counts(const struct event_queue *queue)
{
	struct event_counts counts = queue->counts;

	counts.undelivered = event_outcome_undelivered(&queue->outcome);
	return counts;
}

void event_queue_each(const struct event_queue *queue, struct event_visitor *visitor)
{
	uint64_t now = clock_now();

	for (const struct queued *at = queue->all; at; at = at->later) {
		const struct event_view view = {
			.number = at->number,
			.request_id = at->invocation->request_id,
			.state = at->state,
			.attempts = at->attempts,
			.failures = at->failures,
			.bytes = at->invocation->event.length,
			.age_ns = now - at->accepted_ns + at->aged_ns,
			.due_wall_ns = at->state == EVENT_DELAYED ? clock_wall_ns(at->due_ns) : 0,
		};

		if (at->number > visitor->after && !visitor->on_event(visitor, &view))
			return;
	}
}

/* ---- life ---- */

static unsigned capacity_of(const struct config *config)
{
	uint64_t environments = config->concurrency > 0 ? config->concurrency
	                                                : FUNCTION_ENVIRONMENTS;

	return (unsigned)(environments *
	                  (config->max_concurrency > 0 ? config->max_concurrency : 1));
}

struct event_queue *event_queue_create(const struct config *config, const struct event_means *means,
                                       struct function *function, struct error *err)
{
	struct event_queue *queue = xcalloc(1, sizeof(*queue));

	queue->config = config;
	queue->means = means;
	queue->loop = means->loop;
	queue->function = function;
	queue->capacity = capacity_of(config);
	queue->timer = (struct loop_timer){ .on_due = on_due, .is_virtual = true };
	queue->last = &queue->all;
	list_init(&queue->ready);
	list_init(&queue->delayed);
	if (event_outcome_open(&queue->outcome, config, means, err))
		return queue;
	event_queue_destroy(queue, 0);
	return NULL;
}

/* ---- another configuration ---- */

struct event_queue_change {
	const struct config *config;
	struct event_outcome_change outcome;
};

struct event_queue_change *event_queue_prepare(const struct event_queue *queue,
                                               const struct config *config, struct error *err)
{
	struct event_queue_change *change = xcalloc(1, sizeof(*change));

	change->config = config;
	if (event_outcome_prepare(&queue->outcome, &change->outcome, config, err))
		return change;
	event_queue_abandon(change);
	return NULL;
}

void event_queue_change(struct event_queue *queue, struct event_queue_change *change)
{
	event_outcome_change(&queue->outcome, &change->outcome);
	queue->config = change->config;
	queue->capacity = capacity_of(change->config);
	/* There may be room for more now. */
	loop_timer_start(queue->loop, &queue->timer, clock_now());
	free(change);
}

void event_queue_abandon(struct event_queue_change *change)
{
	if (!change)
		return;
	event_outcome_abandon(&change->outcome);
	free(change);
}

/* ---- the end ---- */

void event_queue_stop(struct event_queue *queue)
{
	struct queued *event;

	queue->stopping = true;
	loop_timer_stop(&queue->timer);
	while ((event = list_take(&queue->ready)) || (event = list_take(&queue->delayed)))
		leave(event);
}

/* Of several functions, each says whose they are. 'where' may be NULL. */
static void tell_rest(const struct event_queue *queue, unsigned count, const char *where)
{
	const struct config *config = queue->config;

	if (count > 0)
		log_warning("%s%s%u event%s been accepted and not run to the end: %s%s%s",
		            config->file ? config->function_name : "", config->file ? ": " : "",
		            count, count == 1 ? " has" : "s have", where ? "kept in '" : "lost",
		            where ? where : "", where ? "'" : "");
}

void event_queue_destroy(struct event_queue *queue, unsigned grace_ms)
{
	if (!queue)
		return;
	assert(queue->running == 0);
	event_queue_stop(queue); /* it may never have begun */
	tell_rest(queue, queue->lost, NULL);
	if (queue->means->store)
		tell_rest(queue, queue->kept, event_store_path(queue->means->store));
	event_outcome_close(&queue->outcome, grace_ms);
	free(queue);
}
