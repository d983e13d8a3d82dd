/* SPDX-License-Identifier: Apache-2.0 */
/* event_queue - events that nobody waits for: run, tried again, and told of when all is over */
#include "emulator/event_queue.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/arn.h"
#include "emulator/clock.h"
#include "emulator/destination.h"
#include "emulator/event_outcome.h"
#include "emulator/log.h"

/* After a function error: a minute before the first retry, two before the second. */
#define RETRY_NS (60 * CLOCK_NS_PER_S)

/* After what is not the function's fault. */
#define FIRST_PAUSE_NS (1 * CLOCK_NS_PER_S)
#define LONGEST_PAUSE_NS (300 * CLOCK_NS_PER_S)

/* An event, from its acceptance to its end. */
struct queued {
	struct event_queue *queue;
	struct invocation *invocation; /* of the attempt that is next, or under way */
	uint64_t number;               /* in the queue, in the order of acceptance */
	struct event_store_item *item; /* NULL: it does not outlive lrie */
	unsigned attempts, failures;
	uint32_t chain; /* functions that have handed it on */
	uint64_t accepted_ns, due_ns;
	uint64_t aged_ns;  /* its age at 'accepted_ns', when an earlier lrie had accepted it */
	uint64_t pause_ns; /* the last one that was not the function's fault */
	struct buffer response;
	bool has_response, is_error;
	bool is_unanswered; /* this attempt was cut short by us */
	enum event_state state;
	struct queued *next;           /* in its list */
	struct queued *later, **place; /* of all */
};

struct list {
	struct queued *first, **last;
};

struct event_queue {
	const struct config *config;
	struct loop *loop;
	struct function *function;
	const struct event_means *means;
	struct event_outcome outcome;
	struct queued *all, **last; /* in the order of acceptance */
	uint64_t next_number;
	struct list ready;   /* to be run as soon as there is room */
	struct list delayed; /* by the time that they are due */
	struct loop_timer timer;
	unsigned length, running, capacity;
	size_t bytes;
	bool stopping;
	bool is_failing; /* events could not be kept; for one warning per series */
	unsigned lost, kept;
	struct event_counts counts;
};

/* ---- lists ---- */

static void list_init(struct list *list)
{
	*list = (struct list){ .last = &list->first };
}

static void list_append(struct list *list, struct queued *event)
{
	event->next = NULL;
	*list->last = event;
	list->last = &event->next;
}

static struct queued *list_take(struct list *list)
{
	struct queued *event = list->first;

	if (!event)
		return NULL;
	list->first = event->next;
	if (!list->first)
		list->last = &list->first;
	return event;
}

static void list_insert_by_due(struct list *list, struct queued *event)
{
	struct queued **place = &list->first;

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
	leave_all(event);
	event->queue->length--;
	event->queue->bytes -= event->invocation->event.length;
	invocation_unref(event->invocation);
	buffer_finish(&event->response);
	free(event);
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
		            condition == DESTINATION_EVENT_AGE_EXCEEDED ? "--max-event-age"
		                                                        : "--retries");
	count(queue, condition);
	event_store_remove(queue->means->store, event->item);
	release(event);
}

/* For the next lrie. */
static void note(const struct queued *event, uint64_t due_wall_ns)
{
	const struct event_progress progress = { .due_wall_ns = due_wall_ns,
		                                 .pause_ns = event->pause_ns,
		                                 .attempts = event->attempts,
		                                 .failures = event->failures };

	if (event->item)
		event_store_note(event->queue->means->store, event->item, &progress);
}

/* ---- attempts ---- */

static void advance(struct event_queue *queue);

static bool is_too_old(const struct queued *event, uint64_t at_ns)
{
	return at_ns - event->accepted_ns + event->aged_ns >
	       event->queue->config->max_event_age_ms * CLOCK_NS_PER_MS;
}

static void delay(struct queued *event, uint64_t pause_ns)
{
	struct event_queue *queue = event->queue;

	event->due_ns = clock_now() + pause_ns;
	if (is_too_old(event, event->due_ns)) {
		finish(event, DESTINATION_EVENT_AGE_EXCEEDED);
		return;
	}
	event->state = EVENT_DELAYED;
	note(event, clock_wall_ns(clock_now()) + pause_ns);
	list_insert_by_due(&queue->delayed, event);
	loop_timer_start(queue->loop, &queue->timer, queue->delayed.first->due_ns);
}

/* The function is not to blame. */
static void back_off(struct queued *event)
{
	event->pause_ns = event->pause_ns == 0 ? FIRST_PAUSE_NS : 2 * event->pause_ns;
	if (event->pause_ns > LONGEST_PAUSE_NS)
		event->pause_ns = LONGEST_PAUSE_NS;
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

	if (event->item) {
		event_store_give_back(queue->means->store, event->item,
		                      queue->config->function_name);
		queue->kept++;
	} else {
		queue->lost++;
	}
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

static const struct invocation_ops ops = { .on_answered = on_answered, .on_done = on_done };

static void begin_again(struct queued *event)
{
	struct invocation *before = event->invocation;

	event->invocation = invocation_repeat(before, &ops);
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
	event->is_unanswered = false;
	if (event->invocation->is_answered)
		begin_again(event);
	queue->running++;
	event->state = EVENT_RUNNING;
	if (function_submit(queue->function, event->invocation) == FUNCTION_ACCEPTED) {
		queue->counts.retried += event->attempts > 0;
		event->attempts++;
		note(event, 0);
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

/* Takes a reference. */
static struct queued *enqueue(struct event_queue *queue, struct invocation *invocation)
{
	struct queued *event = xcalloc(1, sizeof(*event));

	event->queue = queue;
	event->number = ++queue->next_number;
	event->invocation = invocation_ref(invocation);
	event->accepted_ns = clock_now();
	buffer_init(&event->response);
	invocation->ops = &ops;
	invocation->is_unattended = true;
	invocation->asker = event;
	queue->length++;
	queue->bytes += invocation->event.length;
	event->place = queue->last;
	*queue->last = event;
	queue->last = &event->later;
	return event;
}

static void make_ready(struct queued *event)
{
	struct event_queue *queue = event->queue;

	event->state = EVENT_READY;
	list_append(&queue->ready, event);
	/* After its 202: from the loop, which then waits for those that are delayed again. */
	loop_timer_start(queue->loop, &queue->timer, event->accepted_ns);
}

/* Written to the store before anybody is told that it was accepted. */
static bool keep(struct event_queue *queue, const struct invocation *invocation, uint32_t chain,
                 struct event_store_item **item, struct error *err)
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
		.content_type = invocation->content_type,
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

/* For the next lrie, if there is a way to it. */
static enum event_verdict add_late(struct event_queue *queue, const struct invocation *invocation,
                                   uint32_t chain, struct error *err)
{
	struct event_store_item *item;

	error_set(err, 0, "lrie is shutting down");
	if (!queue->means->store || !keep(queue, invocation, chain, &item, err))
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
	    queue->bytes + invocation->event.length > EVENT_QUEUE_BYTES) {
		error_set(err, 0, "%u events of function '%s' wait already", queue->length,
		          queue->config->function_name);
		return EVENT_TOO_MANY;
	}
	if (!keep(queue, invocation, chain, &item, err))
		return EVENT_NOT_KEPT;
	event = enqueue(queue, invocation);
	event->item = item;
	event->chain = chain;
	queue->counts.accepted++;
	make_ready(event);
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
	struct invocation *invocation = invocation_make(queue->config, &ops);
	bool is_added;

	if (letter->trace_header)
		invocation_take_trace(invocation, queue->config, letter->trace_header);
	invocation->content_type = xstrdup("application/json");
	buffer_append(&invocation->event, letter->data, letter->length - 1);
	is_added = invocation->event.length <= EVENT_LIMIT
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

/* ---- what an earlier lrie has kept ---- */

static char *copy_of(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

static struct invocation *restore(const struct event_record *record)
{
	struct invocation *invocation = invocation_create(&ops);

	snprintf(invocation->request_id, sizeof(invocation->request_id), "%s", record->request_id);
	snprintf(invocation->trace_caller, sizeof(invocation->trace_caller), "%s",
	         record->trace_caller ? record->trace_caller : "");
	invocation->function_arn = xstrdup(record->function_arn);
	invocation->trace_header = xstrdup(record->trace_header);
	invocation->content_type = copy_of(record->content_type);
	invocation->client_context = copy_of(record->client_context);
	invocation->cognito_identity = copy_of(record->cognito_identity);
	invocation->tenant_id = copy_of(record->tenant_id);
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
	struct event_queue *queue = event->queue;
	uint64_t wall_ns = clock_wall_ns(event->accepted_ns);
	uint64_t wait_ns = difference(record->progress.due_wall_ns, wall_ns);

	event->aged_ns = difference(wall_ns, record->accepted_wall_ns);
	if (wait_ns == 0) {
		make_ready(event);
		return;
	}
	event->state = EVENT_DELAYED;
	event->due_ns = event->accepted_ns +
	                (wait_ns < LONGEST_PAUSE_NS ? wait_ns : LONGEST_PAUSE_NS);
	list_insert_by_due(&queue->delayed, event);
	loop_timer_start(queue->loop, &queue->timer,
	                 queue->ready.first ? event->accepted_ns : queue->delayed.first->due_ns);
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
	struct queued *event = enqueue(queue, invocation);

	invocation_unref(invocation);
	event->item = item;
	event->chain = record->chain;
	event->attempts = record->progress.attempts;
	event->failures = record->progress.failures;
	event->pause_ns = record->progress.pause_ns < LONGEST_PAUSE_NS ? record->progress.pause_ns
	                                                               : LONGEST_PAUSE_NS;
	place(event, record);
}

static void take_up(struct event_queue *queue)
{
	struct taker taker = { .base.on_item = on_kept, .queue = queue };
	const char *name = queue->config->function_name;

	if (!queue->means->store)
		return;
	event_store_take(queue->means->store, EVENT_RECORD_EVENT, name, &taker.base);
	if (queue->length > 0)
		log_info("%u event%s of function '%s' taken up again", queue->length,
		         queue->length == 1 ? "" : "s", name);
	event_outcome_resume(&queue->outcome, name);
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
	if (!event_outcome_open(&queue->outcome, config, means, err)) {
		event_queue_destroy(queue, 0);
		return NULL;
	}
	take_up(queue);
	return queue;
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

/* Of several functions, each says whose they are. */
static void tell_rest(const struct event_queue *queue, unsigned count, const char *what,
                      const char *where)
{
	const struct config *config = queue->config;

	if (count > 0)
		log_warning("%s%s%u event%s been accepted and not run to the end: %s%s",
		            config->file ? config->function_name : "", config->file ? ": " : "",
		            count, count == 1 ? " has" : "s have", what, where);
}

void event_queue_destroy(struct event_queue *queue, unsigned grace_ms)
{
	if (!queue)
		return;
	assert(queue->running == 0);
	event_queue_stop(queue); /* it may never have begun */
	tell_rest(queue, queue->lost, "lost", "");
	if (queue->means->store)
		tell_rest(queue, queue->kept, "kept in ", event_store_path(queue->means->store));
	event_outcome_close(&queue->outcome, grace_ms);
	free(queue);
}
