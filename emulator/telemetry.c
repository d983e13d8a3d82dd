/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry - what an environment tells the extensions that subscribed
 *
 * What is said before the subscriptions close is kept as records that are made
 * already, once for each of the two APIs: an event that is only known in the
 * other is left out there, and a subscriber that comes later reads them from the
 * start. Schemas of one API differ in nothing that is said that early.
 */
#include "emulator/telemetry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/platform_event_json.h"
#include "emulator/subscriber.h"
#include "emulator/telemetry_record.h"
#include "sandbox/fd.h"

#define APIS (SUBSCRIPTION_TELEMETRY + 1)

/* In front of each record in a replay. */
struct replay_entry {
	enum subscription_type type;
	size_t length;
};

struct replay {
	struct buffer text;
	uint64_t dropped_records, dropped_bytes;
};

struct telemetry {
	struct telemetry_setup setup;
	struct journal_listener listener;
	bool is_open, is_attached, is_frozen;
	bool is_flushing; /* on_flushed is owed */
	struct loop_timer flush_limit;
	struct replay replays[APIS];
	struct subscriber *subscribers[TELEMETRY_SUBSCRIBERS];
	unsigned tickets[TELEMETRY_SUBSCRIBERS]; /* of the last dial of each */
	unsigned last_ticket;
	struct buffer record;
	struct telemetry_record_head head;
};

/* What replays are made in: the first schema that has all. */
static const enum subscription_schema replay_schemas[APIS] = {
	[SUBSCRIPTION_LOGS] = SUBSCRIPTION_2021_03_18,
	[SUBSCRIPTION_TELEMETRY] = SUBSCRIPTION_2022_12_13,
};

/* ---- what is said ---- */

/* Makes the record; an event or a line. */
struct saying {
	const struct platform_event *event; /* or */
	const char *line;
	size_t length;
	uint64_t wall_ns;
	enum subscription_type type;
};

static bool make_record(struct telemetry *telemetry, const struct saying *saying,
                        enum subscription_schema schema)
{
	struct buffer *record = &telemetry->record;

	buffer_clear(record);
	if (saying->event)
		return platform_event_json(record, saying->event, schema);
	if (telemetry->setup.json_lines && schema >= SUBSCRIPTION_2022_12_13 &&
	    telemetry_record_object(record, saying->type, saying->wall_ns, saying->line,
	                            saying->length))
		return true;
	telemetry_record_line(record, &telemetry->head, saying->type, saying->wall_ns, saying->line,
	                      saying->length);
	return true;
}

static void keep_for_later(struct telemetry *telemetry, enum subscription_api api,
                           const struct saying *saying)
{
	struct replay *replay = &telemetry->replays[api];
	struct replay_entry entry = { .type = saying->type };

	if (!make_record(telemetry, saying, replay_schemas[api]))
		return;
	entry.length = telemetry->record.length;
	if (replay->text.length + sizeof(entry) + entry.length > TELEMETRY_REPLAY) {
		replay->dropped_records++;
		replay->dropped_bytes += entry.length;
		return;
	}
	buffer_append(&replay->text, &entry, sizeof(entry));
	buffer_append(&replay->text, telemetry->record.data, entry.length);
}

/* The schema of the one before is as a rule that of the next, and so the record. */
static void tell_subscribers(struct telemetry *telemetry, const struct saying *saying)
{
	enum subscription_schema made_in = SUBSCRIPTION_2020_08_15;
	bool is_made = false, is_known = false;

	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		struct subscriber *subscriber = telemetry->subscribers[i];
		const struct subscription *wanted;

		if (!subscriber)
			continue;
		wanted = subscriber_wanted(subscriber);
		if (!subscription_wants(wanted, saying->type))
			continue;
		if (!is_made || made_in != wanted->schema)
			is_known = make_record(telemetry, saying, wanted->schema);
		is_made = true;
		made_in = wanted->schema;
		if (is_known)
			subscriber_add(subscriber, saying->type, telemetry->record.data,
			               telemetry->record.length);
	}
}

static void say(struct telemetry *telemetry, const struct saying *saying)
{
	if (telemetry->is_open) {
		keep_for_later(telemetry, SUBSCRIPTION_LOGS, saying);
		keep_for_later(telemetry, SUBSCRIPTION_TELEMETRY, saying);
	}
	tell_subscribers(telemetry, saying);
}

static void on_platform(struct journal_listener *listener, const struct platform_event *event)
{
	struct saying saying = { .event = event, .type = SUBSCRIPTION_PLATFORM };

	say(container_of(listener, struct telemetry, listener), &saying);
}

static void on_record(struct journal_listener *listener, enum journal_source source,
                      uint64_t wall_ns, const char *data, size_t length)
{
	struct saying saying = { .line = data, .length = length, .wall_ns = wall_ns };

	saying.type = source == JOURNAL_FUNCTION ? SUBSCRIPTION_FUNCTION : SUBSCRIPTION_EXTENSION;
	say(container_of(listener, struct telemetry, listener), &saying);
}

/* ---- subscribers ---- */

bool telemetry_has_subscribers(const struct telemetry *telemetry)
{
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		if (telemetry->subscribers[i])
			return true;
	}
	return false;
}

static bool is_settled(const struct telemetry *telemetry)
{
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		if (telemetry->subscribers[i] && !subscriber_is_settled(telemetry->subscribers[i]))
			return false;
	}
	return true;
}

static void end_flush(struct telemetry *telemetry)
{
	loop_timer_stop(&telemetry->flush_limit);
	telemetry->is_flushing = false;
	telemetry->setup.on_flushed(telemetry);
}

static void on_settled(struct subscriber *subscriber)
{
	struct telemetry *telemetry = subscriber_telemetry(subscriber);

	if (telemetry->is_flushing && is_settled(telemetry))
		end_flush(telemetry);
}

static void on_flush_limit(struct loop_timer *timer)
{
	end_flush(container_of(timer, struct telemetry, flush_limit));
}

static void on_dial(struct subscriber *subscriber)
{
	struct telemetry *telemetry = subscriber_telemetry(subscriber);
	unsigned ticket = ++telemetry->last_ticket;

	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		if (telemetry->subscribers[i] == subscriber)
			telemetry->tickets[i] = ticket;
	}
	telemetry->setup.on_dial(telemetry, ticket, subscriber_wanted(subscriber)->port);
}

/* NULL: it has dialled anew meanwhile, or is gone. */
static struct subscriber *find_by_ticket(const struct telemetry *telemetry, unsigned ticket)
{
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		if (telemetry->subscribers[i] && telemetry->tickets[i] == ticket)
			return telemetry->subscribers[i];
	}
	return NULL;
}

void telemetry_connect(struct telemetry *telemetry, unsigned ticket, int fd)
{
	struct subscriber *subscriber = find_by_ticket(telemetry, ticket);
	struct telemetry_sink *sink = subscriber ? subscriber_sink(subscriber) : NULL;

	if (sink)
		sink->ops->connect(sink, fd);
	else
		fd_close(&fd);
}

void telemetry_refuse(struct telemetry *telemetry, unsigned ticket, const struct error *why)
{
	struct subscriber *subscriber = find_by_ticket(telemetry, ticket);

	if (subscriber)
		subscriber_sink(subscriber)->ops->refuse(subscriber_sink(subscriber), why);
}

static void replay(const struct telemetry *telemetry, struct subscriber *subscriber)
{
	const struct subscription *wanted = subscriber_wanted(subscriber);
	const struct replay *replay = &telemetry->replays[wanted->api];
	struct replay_entry entry;

	for (size_t at = 0; at < replay->text.length; at += sizeof(entry) + entry.length) {
		const char *data = replay->text.data + at;

		memcpy(&entry, data, sizeof(entry));
		if (subscription_wants(wanted, entry.type))
			subscriber_add(subscriber, entry.type, data + sizeof(entry), entry.length);
	}
	subscriber_miss(subscriber, replay->dropped_records, replay->dropped_bytes);
}

/* Where the subscription of 'name' is, or can be; -1: nowhere. */
static int find_place(const struct telemetry *telemetry, const char *name)
{
	int free_place = -1;

	for (int i = TELEMETRY_SUBSCRIBERS - 1; i >= 0; i--) {
		const struct subscriber *subscriber = telemetry->subscribers[i];

		if (!subscriber)
			free_place = i;
		else if (strcmp(subscriber_name(subscriber), name) == 0)
			return i;
	}
	return free_place;
}

static bool is_other_api_in_use(const struct telemetry *telemetry, enum subscription_api api)
{
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		const struct subscriber *subscriber = telemetry->subscribers[i];

		if (subscriber && subscriber_wanted(subscriber)->api != api)
			return true;
	}
	return false;
}

bool telemetry_is_open(const struct telemetry *telemetry)
{
	return telemetry->is_open;
}

/* The subscription is an event itself, which the subscriber hears as the first after the replay. */
static void tell_subscription(struct telemetry *telemetry, const char *name,
                              const struct subscription *subscription)
{
	const char *types[SUBSCRIPTION_TYPE_COUNT];
	struct platform_event event = {
		.type = PLATFORM_SUBSCRIPTION,
		.at_ns = clock_now(),
		.subscription = {
			.name = name,
			.types = { .items = types, .count = subscription->type_count },
			.is_logs_api = subscription->api == SUBSCRIPTION_LOGS,
		},
	};

	for (unsigned i = 0; i < subscription->type_count; i++)
		types[i] = subscription_type_name(subscription->types[i]);
	journal_platform(telemetry->setup.journal, &event);
}

enum telemetry_verdict telemetry_subscribe(struct telemetry *telemetry, const char *name,
                                           const struct subscription *subscription)
{
	struct subscriber_setup setup = {
		.loop = telemetry->setup.loop,
		.name = name,
		.wanted = subscription,
		.environment = telemetry->setup.label,
		.on_dial = on_dial,
		.on_settled = on_settled,
		.telemetry = telemetry,
	};
	int place = find_place(telemetry, name);

	if (!telemetry->is_open)
		return TELEMETRY_CLOSED;
	if (is_other_api_in_use(telemetry, subscription->api))
		return TELEMETRY_OTHER_API;
	if (place == -1)
		return TELEMETRY_FULL;
	subscriber_destroy(telemetry->subscribers[place]);
	setup.sink = telemetry->setup.sinks->open(telemetry->setup.sinks, subscription);
	telemetry->subscribers[place] = subscriber_create(&setup);
	replay(telemetry, telemetry->subscribers[place]);
	tell_subscription(telemetry, name, subscription);
	return TELEMETRY_ACCEPTED;
}

/* ---- a life of the environment ---- */

static void forget_replays(struct telemetry *telemetry)
{
	for (unsigned api = 0; api < APIS; api++) {
		buffer_finish(&telemetry->replays[api].text);
		telemetry->replays[api] = (struct replay){ .text = BUFFER_INIT };
	}
}

static void stop_listening(struct telemetry *telemetry)
{
	journal_detach(telemetry->setup.journal, &telemetry->listener);
	buffer_finish(&telemetry->record);
}

void telemetry_open(struct telemetry *telemetry)
{
	telemetry_end(telemetry);
	telemetry->is_open = true;
	journal_attach(telemetry->setup.journal, &telemetry->listener);
}

void telemetry_close(struct telemetry *telemetry)
{
	telemetry->is_open = false;
	forget_replays(telemetry);
	if (!telemetry_has_subscribers(telemetry))
		stop_listening(telemetry);
}

void telemetry_end(struct telemetry *telemetry)
{
	telemetry->is_open = telemetry->is_frozen = telemetry->is_flushing = false;
	loop_timer_stop(&telemetry->flush_limit);
	forget_replays(telemetry);
	stop_listening(telemetry);
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		if (telemetry->subscribers[i])
			subscriber_tell_losses(telemetry->subscribers[i]);
		subscriber_destroy(telemetry->subscribers[i]);
		telemetry->subscribers[i] = NULL;
	}
}

void telemetry_freeze(struct telemetry *telemetry, bool frozen)
{
	if (telemetry->is_frozen == frozen)
		return;
	telemetry->is_frozen = frozen;
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		if (telemetry->subscribers[i])
			subscriber_freeze(telemetry->subscribers[i], frozen);
	}
}

bool telemetry_flush(struct telemetry *telemetry)
{
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		if (telemetry->subscribers[i])
			subscriber_flush(telemetry->subscribers[i]);
	}
	telemetry->is_flushing = !is_settled(telemetry);
	if (telemetry->is_flushing)
		loop_timer_start(telemetry->setup.loop, &telemetry->flush_limit,
		                 clock_now() + TELEMETRY_FLUSH_MS * CLOCK_NS_PER_MS);
	return !telemetry->is_flushing;
}

struct telemetry *telemetry_create(const struct telemetry_setup *setup)
{
	struct telemetry *telemetry = xcalloc(1, sizeof(*telemetry));

	telemetry->setup = *setup;
	telemetry->listener.on_platform = on_platform;
	telemetry->listener.on_record = on_record;
	telemetry->flush_limit.on_due = on_flush_limit;
	buffer_init(&telemetry->record);
	forget_replays(telemetry);
	return telemetry;
}

void telemetry_destroy(struct telemetry *telemetry)
{
	if (!telemetry)
		return;
	telemetry_end(telemetry);
	free(telemetry);
}

void *telemetry_owner(const struct telemetry *telemetry)
{
	return telemetry->setup.owner;
}
