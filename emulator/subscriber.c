/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscriber - one extension that hears telemetry: its batches, and how they get to it
 *
 * Records gather in the open batch. What is full is sealed and stands in line;
 * the first in line is on its way, or waits for the pause to end. An open batch
 * whose time has come is sealed when the line is empty and not before, so that a
 * slow subscriber gets few large batches and not many small ones.
 */
#include "emulator/subscriber.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/log.h"
#include "emulator/platform_event_json.h"

/* As Lambda's documentation has it. */
#define DROP_REASON \
	"Consumer seems to have fallen behind as it has not acknowledged receipt of logs."

/* What a batch has beside its records: brackets. */
#define FRAME_BYTES 2

struct batch {
	struct batch *next;
	struct buffer text;
	unsigned records;
	size_t counted; /* in waiting_bytes */
};

struct subscriber {
	struct subscriber_setup setup; /* but for 'name' and 'wanted' */
	struct subscription wanted;
	char *name;

	struct batch *line, **line_end; /* sealed ones */
	struct batch *open;             /* gathers records; NULL: there are none */
	size_t waiting_bytes;           /* of all batches */
	bool is_overdue;                /* the open batch shall leave as soon as it can */

	bool is_sending, is_frozen, is_flushing;
	bool is_pausing;   /* until the line may move again */
	bool was_refused;  /* the last attempt failed */
	uint64_t pause_ms; /* the next one */
	bool has_warned;   /* of that */
	struct loop_timer age, pause;

	uint64_t dropped_records, dropped_bytes; /* not told yet */
	uint64_t all_dropped;                    /* told or not */
	struct buffer notice;
	struct loop_garbage garbage;
};

static void pump(struct subscriber *it);

/* ---- batches ---- */

static void free_batch(struct batch *batch)
{
	if (!batch)
		return;
	buffer_finish(&batch->text);
	free(batch);
}

static void count(struct subscriber *it, struct batch *batch, size_t bytes)
{
	batch->counted += bytes;
	it->waiting_bytes += bytes;
}

static struct batch *open_batch(struct subscriber *it)
{
	struct batch *batch = xcalloc(1, sizeof(*batch));

	buffer_init(&batch->text);
	if (it->wanted.protocol == SUBSCRIPTION_HTTP)
		buffer_append_text(&batch->text, "[");
	it->open = batch;
	count(it, batch, FRAME_BYTES);
	if (it->is_flushing)
		it->is_overdue = true;
	else
		loop_timer_start(it->setup.loop, &it->age,
		                 clock_now() + it->wanted.timeout_ms * CLOCK_NS_PER_MS);
	return batch;
}

static void seal(struct subscriber *it)
{
	struct batch *batch = it->open;

	buffer_append_text(&batch->text, it->wanted.protocol == SUBSCRIPTION_HTTP ? "]" : "\n");
	*it->line_end = batch;
	it->line_end = &batch->next;
	it->open = NULL;
	it->is_overdue = false;
	loop_timer_stop(&it->age);
}

static void append(struct subscriber *it, const char *record, size_t length)
{
	struct batch *batch = it->open ? it->open : open_batch(it);

	if (batch->records > 0)
		buffer_append(&batch->text, it->wanted.protocol == SUBSCRIPTION_HTTP ? "," : "\n",
		              1);
	buffer_append(&batch->text, record, length);
	batch->records++;
	count(it, batch, length + 1);
	if (batch->records >= it->wanted.max_items || batch->text.length >= it->wanted.max_bytes)
		seal(it);
}

static void drop_first(struct subscriber *it)
{
	struct batch *batch = it->line;

	it->line = batch->next;
	if (!it->line)
		it->line_end = &it->line;
	it->waiting_bytes -= batch->counted;
	free_batch(batch);
}

/* ---- what is dropped ---- */

static bool has_room(const struct subscriber *it, enum subscription_type type, size_t length)
{
	size_t limit = type == SUBSCRIPTION_PLATFORM ? TELEMETRY_PLATFORM_BACKLOG
	                                             : TELEMETRY_BACKLOG;

	return it->waiting_bytes + length + 1 + FRAME_BYTES <= limit;
}

/* The record that tells of dropped ones, for those who hear the platform. */
static void make_notice(struct subscriber *it)
{
	uint64_t now = clock_now();
	struct platform_event event = {
		.type = PLATFORM_LOGS_DROPPED,
		.at_ns = now,
		.wall_ns = clock_wall_ns(now),
		.logs_dropped = { .bytes = it->dropped_bytes,
		                  .records = it->dropped_records,
		                  .reason = DROP_REASON },
	};

	buffer_clear(&it->notice);
	if (subscription_wants(&it->wanted, SUBSCRIPTION_PLATFORM))
		platform_event_json(&it->notice, &event, it->wanted.schema);
}

/* Tells of what was dropped where it would have stood, if there is room for that. */
static bool tell_dropped(struct subscriber *it)
{
	if (it->dropped_records == 0)
		return true;
	make_notice(it);
	if (!has_room(it, SUBSCRIPTION_PLATFORM, it->notice.length))
		return false;
	if (it->notice.length > 0)
		append(it, it->notice.data, it->notice.length);
	it->dropped_records = it->dropped_bytes = 0;
	return true;
}

void subscriber_miss(struct subscriber *it, uint64_t records, uint64_t bytes)
{
	if (records > 0 && it->all_dropped == 0)
		log_warning("%s: the extension '%s' is slower than the logs: telemetry "
		            "for it is dropped",
		            it->setup.environment, it->name);
	it->dropped_records += records;
	it->dropped_bytes += bytes;
	it->all_dropped += records;
}

void subscriber_add(struct subscriber *it, enum subscription_type type, const char *record,
                    size_t length)
{
	if (!has_room(it, type, length) || !tell_dropped(it)) {
		subscriber_miss(it, 1, length);
		return;
	}
	append(it, record, length);
	pump(it);
}

/* ---- delivery ---- */

static bool is_idle(const struct subscriber *it)
{
	return !it->line && !it->open;
}

bool subscriber_is_settled(const struct subscriber *it)
{
	return !it->is_sending && (is_idle(it) || it->was_refused);
}

static void pump(struct subscriber *it)
{
	if (it->is_sending || it->is_frozen || it->is_pausing)
		return;
	if (!it->line && it->open && it->is_overdue)
		seal(it);
	if (!it->line)
		return;
	it->is_sending = true;
	it->setup.sink->ops->send(it->setup.sink, it->line->text.data, it->line->text.length);
}

static void on_taken(struct subscriber *it)
{
	it->was_refused = false;
	it->pause_ms = TELEMETRY_PAUSE_MS;
	drop_first(it);
	tell_dropped(it);
}

static void on_refused(struct subscriber *it, const struct error *why)
{
	/* At the end they may be gone already. */
	if (!it->is_flushing && !it->has_warned) {
		log_warning("%s: the extension '%s' does not take its telemetry at "
		            "port %u: %s; lrie goes on trying",
		            it->setup.environment, it->name, it->wanted.port, why->text);
		it->has_warned = true;
	}
	it->was_refused = it->is_pausing = true;
	loop_timer_start(it->setup.loop, &it->pause, clock_now() + it->pause_ms * CLOCK_NS_PER_MS);
	it->pause_ms *= 2;
	if (it->pause_ms > TELEMETRY_LONGEST_PAUSE_MS)
		it->pause_ms = TELEMETRY_LONGEST_PAUSE_MS;
}

static void on_sent(struct telemetry_sink *sink, const struct error *why)
{
	struct subscriber *it = sink->subscriber;

	it->is_sending = false;
	if (why)
		on_refused(it, why);
	else
		on_taken(it);
	pump(it);
	if (subscriber_is_settled(it))
		it->setup.on_settled(it);
}

static void on_age(struct loop_timer *timer)
{
	struct subscriber *it = container_of(timer, struct subscriber, age);

	it->is_overdue = true;
	pump(it);
}

static void on_pause_over(struct loop_timer *timer)
{
	struct subscriber *it = container_of(timer, struct subscriber, pause);

	it->is_pausing = false;
	pump(it);
}

void subscriber_freeze(struct subscriber *it, bool frozen)
{
	if (it->is_frozen == frozen)
		return;
	it->is_frozen = frozen;
	it->setup.sink->ops->pause(it->setup.sink, frozen);
	pump(it);
}

void subscriber_flush(struct subscriber *it)
{
	it->is_flushing = it->is_overdue = true;
	it->was_refused = it->is_pausing = false;
	loop_timer_stop(&it->pause);
	loop_timer_stop(&it->age);
	tell_dropped(it);
	pump(it);
}

/* ---- life ---- */

static void on_dial(struct telemetry_sink *sink)
{
	sink->subscriber->setup.on_dial(sink->subscriber);
}

struct subscriber *subscriber_create(const struct subscriber_setup *setup)
{
	struct subscriber *it = xcalloc(1, sizeof(*it));

	it->setup = *setup;
	it->wanted = *setup->wanted;
	it->name = xstrdup(setup->name);
	it->line_end = &it->line;
	it->pause_ms = TELEMETRY_PAUSE_MS;
	it->age.on_due = on_age;
	it->pause.on_due = on_pause_over;
	buffer_init(&it->notice);
	setup->sink->subscriber = it;
	setup->sink->on_sent = on_sent;
	setup->sink->on_dial = on_dial;
	return it;
}

static void free_subscriber(struct loop_garbage *garbage)
{
	struct subscriber *it = container_of(garbage, struct subscriber, garbage);

	while (it->line)
		drop_first(it);
	free_batch(it->open);
	buffer_finish(&it->notice);
	free(it->name);
	free(it);
}

void subscriber_destroy(struct subscriber *it)
{
	if (!it)
		return;
	loop_timer_stop(&it->age);
	loop_timer_stop(&it->pause);
	it->setup.sink->ops->destroy(it->setup.sink);
	loop_dispose(it->setup.loop, &it->garbage, free_subscriber);
}

void subscriber_tell_losses(const struct subscriber *it)
{
	uint64_t waiting = it->open ? it->open->records : 0;

	for (const struct batch *batch = it->line; batch; batch = batch->next)
		waiting += batch->records;
	if (waiting + it->all_dropped == 0)
		return;
	if (it->has_warned || it->all_dropped > 0)
		log_warning("%s: of the telemetry for the extension '%s', %" PRIu64
		            " records were dropped and %" PRIu64 " not taken",
		            it->setup.environment, it->name, it->all_dropped, waiting);
	else
		log_debug("%s: the extension '%s' ended before it took the last %" PRIu64
		          " records of its telemetry",
		          it->setup.environment, it->name, waiting);
}

struct telemetry *subscriber_telemetry(const struct subscriber *it)
{
	return it->setup.telemetry;
}

const char *subscriber_name(const struct subscriber *it)
{
	return it->name;
}

const struct subscription *subscriber_wanted(const struct subscriber *it)
{
	return &it->wanted;
}

struct telemetry_sink *subscriber_sink(const struct subscriber *it)
{
	return it->setup.sink;
}
