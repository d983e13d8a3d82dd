/* SPDX-License-Identifier: Apache-2.0 */
/* event_outcome - tells what became of a function's events, to its three destinations */
#include "emulator/event_outcome.h"

#include <string.h>

#include "emulator/log.h"

static const char *const names[EVENT_OUTLETS] = {
	[EVENT_ON_SUCCESS] = "on-success",
	[EVENT_ON_FAILURE] = "on-failure",
	[EVENT_DEAD_LETTERS] = "dead-letters",
};

static const char *destination_of(const struct config *config, enum event_outlet outlet)
{
	switch (outlet) {
	case EVENT_ON_SUCCESS:
		return config->on_success;
	case EVENT_ON_FAILURE:
		return config->on_failure;
	case EVENT_DEAD_LETTERS:
		return config->dead_letters;
	case EVENT_OUTLETS:
		break;
	}
	return NULL;
}

static bool is_same(const struct event_sink *sink, const char *destination)
{
	return sink ? destination && strcmp(sink->destination, destination) == 0 : !destination;
}

bool event_outcome_prepare(const struct event_outcome *outcome, struct event_outcome_change *change,
                           const struct config *config, struct error *err)
{
	*change = (struct event_outcome_change){ .sinks = { NULL } };
	for (enum event_outlet i = 0; i < EVENT_OUTLETS; i++) {
		const char *destination = destination_of(config, i);

		change->is_other[i] = !is_same(outcome->sinks[i], destination);
		if (!change->is_other[i] || !destination)
			continue;
		change->sinks[i] = event_sink_open(outcome->means, destination, err);
		if (!change->sinks[i])
			return error_prefix(err, "--%s", names[i]);
	}
	return true;
}

void event_outcome_change(struct event_outcome *outcome, const struct event_outcome_change *change)
{
	for (unsigned i = 0; i < EVENT_OUTLETS; i++) {
		if (!change->is_other[i])
			continue;
		if (outcome->sinks[i])
			outcome->undelivered += outcome->sinks[i]->dropped;
		event_sink_destroy(outcome->sinks[i], 0);
		outcome->sinks[i] = change->sinks[i];
	}
}

void event_outcome_abandon(const struct event_outcome_change *change)
{
	for (unsigned i = 0; i < EVENT_OUTLETS; i++)
		event_sink_destroy(change->sinks[i], 0);
}

bool event_outcome_open(struct event_outcome *outcome, const struct config *config,
                        const struct event_means *means, struct error *err)
{
	struct event_outcome_change change;

	*outcome = (struct event_outcome){ .means = means };
	if (event_outcome_prepare(outcome, &change, config, err)) {
		event_outcome_change(outcome, &change);
		return true;
	}
	event_outcome_abandon(&change);
	return false;
}

void event_outcome_close(struct event_outcome *outcome, unsigned grace_ms)
{
	for (unsigned i = 0; i < EVENT_OUTLETS; i++)
		event_sink_destroy(outcome->sinks[i], grace_ms);
}

/* ---- telling ---- */

/* Returns false when the letter is nowhere but where it was kept before, if it was. */
static bool put_aside(struct event_outcome *outcome, const char *destination,
                      const struct event_letter *letter, const struct error *why)
{
	struct event_store *store = outcome->means->store;
	struct error err;

	outcome->undelivered++;
	log_warning("event %s: what became of it is not told to '%s': %s", letter->request_id,
	            destination, why->text);
	if (!store || event_store_set_aside(store, letter->data, letter->length, &err))
		return true;
	log_warning("event %s: nor can that be put aside: %s", letter->request_id, err.text);
	return false;
}

static void tell(struct event_outcome *outcome, struct event_sink *sink,
                 void (*append)(struct buffer *out, const struct destination_record *record),
                 const struct destination_record *record, const struct event_letter *about)
{
	autobuffer struct buffer text = BUFFER_INIT;
	struct event_letter letter = *about;
	struct error err;

	if (!sink)
		return;
	append(&text, record);
	letter.data = text.data;
	letter.length = text.length;
	if (!sink->ops->send(sink, &letter, &err))
		put_aside(outcome, sink->destination, &letter, &err);
}

void event_outcome_tell(struct event_outcome *outcome, const struct destination_record *record,
                        const struct event_letter *about)
{
	bool failed = record->condition != DESTINATION_SUCCESS;

	tell(outcome, outcome->sinks[failed ? EVENT_ON_FAILURE : EVENT_ON_SUCCESS],
	     destination_append, record, about);
	if (failed)
		tell(outcome, outcome->sinks[EVENT_DEAD_LETTERS], destination_append_dead_letter,
		     record, about);
}

uint64_t event_outcome_undelivered(const struct event_outcome *outcome)
{
	uint64_t count = outcome->undelivered;

	for (unsigned i = 0; i < EVENT_OUTLETS; i++)
		count += outcome->sinks[i] ? outcome->sinks[i]->dropped : 0;
	return count;
}

/* ---- what an earlier lrie has kept ---- */

struct taker {
	struct event_store_taker base;
	struct event_outcome *outcome;
};

static struct event_sink *find_sink(const struct event_outcome *outcome, const char *destination)
{
	for (unsigned i = 0; i < EVENT_OUTLETS; i++) {
		struct event_sink *sink = outcome->sinks[i];

		if (sink && sink->ops->resume && strcmp(sink->destination, destination) == 0)
			return sink;
	}
	return NULL;
}

static void on_letter(struct event_store_taker *base, struct event_store_item *item,
                      const struct event_record *record)
{
	struct event_outcome *outcome = container_of(base, struct taker, base)->outcome;
	struct event_sink *sink = find_sink(outcome, record->destination);
	const struct event_letter letter = { .function = record->function,
		                             .request_id = record->request_id,
		                             .chain = record->chain,
		                             .kept_wall_ns = record->accepted_wall_ns,
		                             .data = record->data,
		                             .length = record->length };
	const struct error gone = { .text = "that is no destination any more" };

	if (sink) {
		sink->ops->resume(sink, &letter, item);
		return;
	}
	if (put_aside(outcome, record->destination, &letter, &gone))
		event_store_remove(outcome->means->store, item);
}

void event_outcome_resume(struct event_outcome *outcome, const char *function)
{
	struct taker taker = { .base.on_item = on_letter, .outcome = outcome };

	if (outcome->means->store)
		event_store_take(outcome->means->store, EVENT_RECORD_LETTER, function, &taker.base);
}
