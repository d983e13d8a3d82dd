/* SPDX-License-Identifier: Apache-2.0 */
/* event_queue - events that nobody waits for: run, tried again, and told of when all is over */
#include "emulator/event_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/arn.h"
#include "emulator/clock.h"
#include "emulator/destination.h"
#include "emulator/log.h"
#include "emulator/output.h"

/* After a function error: a minute before the first retry, two before the second. */
#define RETRY_NS (60 * CLOCK_NS_PER_S)

/* After what is not the function's fault. */
#define FIRST_PAUSE_NS (1 * CLOCK_NS_PER_S)
#define LONGEST_PAUSE_NS (300 * CLOCK_NS_PER_S)

/* An event, from its acceptance to its end. */
struct queued {
	struct event_queue *queue;
	struct invocation *invocation; /* of the attempt that is next, or under way */
	unsigned attempts, failures;
	uint64_t accepted_ns, due_ns;
	uint64_t pause_ns; /* the last one that was not the function's fault */
	struct buffer response;
	bool has_response, is_error;
	bool is_unanswered; /* this attempt was cut short by us */
	struct queued *next;
};

struct list {
	struct queued *first, **last;
};

struct event_queue {
	const struct config *config;
	struct loop *loop;
	struct function *function;
	struct output *on_success, *on_failure, *dead_letters; /* NULL: not wanted */
	struct list ready;   /* to be run as soon as there is room */
	struct list delayed; /* by the time that they are due */
	struct loop_timer timer;
	unsigned length, running, capacity;
	size_t bytes;
	bool stopping;
	unsigned lost;
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

static void release(struct queued *event)
{
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

static void write_line(struct output *output,
                       void (*append)(struct buffer *out, const struct destination_record *record),
                       const struct destination_record *record)
{
	autobuffer struct buffer line = BUFFER_INIT;

	if (!output)
		return;
	append(&line, record);
	output_write(output, line.data, line.length);
}

static void finish(struct queued *event, enum destination_condition condition)
{
	struct event_queue *queue = event->queue;
	bool failed = condition != DESTINATION_SUCCESS;
	autobuffer struct buffer arn = BUFFER_INIT;

	append_qualified_arn(&arn, queue, event->invocation->function_arn);
	const struct destination_record record = {
		.wall_ns = clock_wall_ns(clock_now()),
		.request_id = event->invocation->request_id,
		.function_arn = arn.data,
		.executed_version = queue->config->function_version,
		.condition = condition,
		.attempts = event->attempts,
		.event = &event->invocation->event,
		.response = event->has_response ? &event->response : NULL,
		.is_error = event->is_error,
	};

	write_line(failed ? queue->on_failure : queue->on_success, destination_append, &record);
	if (failed) {
		write_line(queue->dead_letters, destination_append_dead_letter, &record);
		log_warning("event %s: given up after %u attempt%s (%s)", record.request_id,
		            event->attempts, event->attempts == 1 ? "" : "s",
		            condition == DESTINATION_EVENT_AGE_EXCEEDED ? "--max-event-age"
		                                                        : "--retries");
	}
	release(event);
}

/* ---- attempts ---- */

static void advance(struct event_queue *queue);

static bool is_too_old(const struct queued *event, uint64_t at_ns)
{
	return at_ns - event->accepted_ns >
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

static void lose(struct queued *event)
{
	event->queue->lost++;
	release(event);
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	struct queued *event = invocation->asker;
	struct event_queue *queue = event->queue;

	(void)tail;
	queue->running--;
	if (queue->stopping && (event->is_unanswered || event->is_error))
		lose(event);
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

	event->is_unanswered = false;
	if (event->invocation->is_answered)
		begin_again(event);
	queue->running++;
	if (function_submit(queue->function, event->invocation) == FUNCTION_ACCEPTED) {
		event->attempts++;
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

	while (queue->delayed.first && queue->delayed.first->due_ns <= now)
		list_append(&queue->ready, list_take(&queue->delayed));
	if (queue->delayed.first)
		loop_timer_start(queue->loop, timer, queue->delayed.first->due_ns);
	advance(queue);
}

/* ---- from outside ---- */

bool event_queue_add(struct event_queue *queue, struct invocation *invocation)
{
	struct queued *event;

	if (queue->stopping || queue->length >= EVENT_QUEUE_LENGTH ||
	    queue->bytes + invocation->event.length > EVENT_QUEUE_BYTES)
		return false;
	event = xcalloc(1, sizeof(*event));
	event->queue = queue;
	event->invocation = invocation_ref(invocation);
	event->accepted_ns = clock_now();
	buffer_init(&event->response);
	invocation->ops = &ops;
	invocation->is_unattended = true;
	invocation->asker = event;
	queue->length++;
	queue->bytes += invocation->event.length;
	list_append(&queue->ready, event);
	/* After its 202: from the loop, which then waits for those that are delayed again. */
	loop_timer_start(queue->loop, &queue->timer, event->accepted_ns);
	return true;
}

unsigned event_queue_length(const struct event_queue *queue)
{
	return queue->length;
}

static unsigned capacity_of(const struct config *config)
{
	uint64_t environments = config->concurrency > 0 ? config->concurrency
	                                                : FUNCTION_ENVIRONMENTS;

	return (unsigned)(environments *
	                  (config->max_concurrency > 0 ? config->max_concurrency : 1));
}

static bool open_file(struct output **output, struct loop *loop, const char *path,
                      struct error *err)
{
	if (!path)
		return true;
	*output = output_open(loop, path, err);
	return *output;
}

struct event_queue *event_queue_create(const struct config *config, struct loop *loop,
                                       struct function *function, struct error *err)
{
	struct event_queue *queue = xcalloc(1, sizeof(*queue));

	queue->config = config;
	queue->loop = loop;
	queue->function = function;
	queue->capacity = capacity_of(config);
	queue->timer = (struct loop_timer){ .on_due = on_due, .is_virtual = true };
	list_init(&queue->ready);
	list_init(&queue->delayed);
	if (open_file(&queue->on_success, loop, config->on_success, err) &&
	    open_file(&queue->on_failure, loop, config->on_failure, err) &&
	    open_file(&queue->dead_letters, loop, config->dead_letters, err))
		return queue;
	event_queue_destroy(queue, 0);
	return NULL;
}

/* ---- another configuration ---- */

/* One destination: where it stays as it is, nothing is opened. */
struct outlet_change {
	bool is_other;
	struct output *output;
};

struct event_queue_change {
	const struct config *config;
	struct outlet_change on_success, on_failure, dead_letters;
};

static bool prepare_outlet(struct outlet_change *change, struct loop *loop, const char *before,
                           const char *path, struct error *err)
{
	change->is_other = before ? !path || strcmp(before, path) != 0 : path != NULL;
	return !change->is_other || open_file(&change->output, loop, path, err);
}

static void change_outlet(struct output **output, const struct outlet_change *change)
{
	if (!change->is_other)
		return;
	output_destroy(*output, 0);
	*output = change->output;
}

struct event_queue_change *event_queue_prepare(const struct event_queue *queue,
                                               const struct config *config, struct error *err)
{
	struct event_queue_change *change = xcalloc(1, sizeof(*change));
	const struct config *before = queue->config;

	change->config = config;
	if (prepare_outlet(&change->on_success, queue->loop, before->on_success, config->on_success,
	                   err) &&
	    prepare_outlet(&change->on_failure, queue->loop, before->on_failure, config->on_failure,
	                   err) &&
	    prepare_outlet(&change->dead_letters, queue->loop, before->dead_letters,
	                   config->dead_letters, err))
		return change;
	event_queue_abandon(change);
	return NULL;
}

void event_queue_change(struct event_queue *queue, struct event_queue_change *change)
{
	change_outlet(&queue->on_success, &change->on_success);
	change_outlet(&queue->on_failure, &change->on_failure);
	change_outlet(&queue->dead_letters, &change->dead_letters);
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
	output_destroy(change->on_success.output, 0);
	output_destroy(change->on_failure.output, 0);
	output_destroy(change->dead_letters.output, 0);
	free(change);
}

void event_queue_stop(struct event_queue *queue)
{
	struct queued *event;

	queue->stopping = true;
	loop_timer_stop(&queue->timer);
	while ((event = list_take(&queue->ready)) || (event = list_take(&queue->delayed)))
		lose(event);
}

void event_queue_destroy(struct event_queue *queue, unsigned grace_ms)
{
	if (!queue)
		return;
	assert(queue->running == 0);
	if (queue->lost > 0)
		log_warning("%s%s%u event%s been accepted and not run to the end: lost",
		            queue->config->file ? queue->config->function_name : "",
		            queue->config->file ? ": " : "", queue->lost,
		            queue->lost == 1 ? " has" : "s have");
	output_destroy(queue->on_success, grace_ms);
	output_destroy(queue->on_failure, grace_ms);
	output_destroy(queue->dead_letters, grace_ms);
	free(queue);
}
