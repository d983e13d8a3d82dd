/* SPDX-License-Identifier: Apache-2.0 */
/* journal - all that is said in one environment, in order */
#include "emulator/journal.h"

#include <string.h>

#include "emulator/clock.h"
#include "emulator/report.h"

void journal_init(struct journal *journal, const struct config *config, struct output *output)
{
	journal->config = config;
	journal->output = output;
	journal->listeners = NULL;
	journal->last_ns = 0;
	log_tail_clear(&journal->tail);
	buffer_init(&journal->line);
}

void journal_finish(struct journal *journal)
{
	buffer_finish(&journal->line);
}

/* ---- who listens ---- */

void journal_attach(struct journal *journal, struct journal_listener *listener)
{
	struct journal_listener **end = &journal->listeners;

	while (*end)
		end = &(*end)->next;
	listener->next = NULL;
	*end = listener;
}

void journal_detach(struct journal *journal, struct journal_listener *listener)
{
	struct journal_listener **place = &journal->listeners;

	while (*place && *place != listener)
		place = &(*place)->next;
	if (*place)
		*place = listener->next;
}

static void tell_platform(const struct journal *journal, const struct platform_event *event)
{
	struct journal_listener *next;

	for (struct journal_listener *listener = journal->listeners; listener; listener = next) {
		next = listener->next;
		if (listener->on_platform)
			listener->on_platform(listener, event);
	}
}

static void tell_record(const struct journal *journal, enum journal_source source, uint64_t wall_ns,
                        const char *data, size_t length)
{
	struct journal_listener *next;

	for (struct journal_listener *listener = journal->listeners; listener; listener = next) {
		next = listener->next;
		if (listener->on_record)
			listener->on_record(listener, source, wall_ns, data, length);
	}
}

/* ---- what is said ---- */

static void write_lines(struct journal *journal, const char *data, size_t length)
{
	output_write(journal->output, data, length);
	log_tail_add(&journal->tail, data, length);
}

static void write_platform_line(struct journal *journal)
{
	if (journal->config->quiet)
		log_tail_add(&journal->tail, journal->line.data, journal->line.length);
	else
		write_lines(journal, journal->line.data, journal->line.length);
}

void journal_platform(struct journal *journal, struct platform_event *event)
{
	if (event->at_ns < journal->last_ns)
		event->at_ns = journal->last_ns;
	journal->last_ns = event->at_ns;
	if (journal->listeners) {
		event->wall_ns = clock_wall_ns(event->at_ns);
		tell_platform(journal, event);
	}
	buffer_clear(&journal->line);
	report_line(&journal->line, event);
	if (journal->line.length > 0)
		write_platform_line(journal);
}

static void tell_lines(struct journal *journal, enum journal_source source, const char *data,
                       size_t length)
{
	const char *end = data + length;
	uint64_t wall_ns;

	journal->last_ns = clock_now();
	wall_ns = clock_wall_ns(journal->last_ns);
	while (data < end) {
		const char *newline = memchr(data, '\n', (size_t)(end - data));

		tell_record(journal, source, wall_ns, data, (size_t)(newline + 1 - data));
		data = newline + 1;
	}
}

void journal_lines(struct journal *journal, enum journal_source source, const char *data,
                   size_t length)
{
	if (journal->listeners)
		tell_lines(journal, source, data, length);
	write_lines(journal, data, length);
}

/* ---- the end of the log ---- */

const struct log_tail *journal_tail(const struct journal *journal)
{
	return &journal->tail;
}

void journal_clear_tail(struct journal *journal)
{
	log_tail_clear(&journal->tail);
}
