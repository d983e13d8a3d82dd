/* SPDX-License-Identifier: Apache-2.0 */
/* journal - all that is said in one environment, in order */
#include "emulator/journal.h"

#include <string.h>

#include "emulator/clock.h"
#include "emulator/platform_event_json.h"
#include "emulator/report.h"

void journal_init(struct journal *journal, const struct config *config, struct output *output)
{
	journal->names_lines = NULL;
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

static size_t line_length(const char *data, const char *end)
{
	const char *newline = memchr(data, '\n', (size_t)(end - data));

	return (size_t)(newline + 1 - data);
}

/* "[orders] START RequestId: ...": of several functions. */
static void write_named_lines(struct journal *journal, const char *data, size_t length)
{
	autobuffer struct buffer named = BUFFER_INIT;
	const char *end = data + length;

	for (size_t line; data < end; data += line) {
		line = line_length(data, end);
		buffer_append_format(&named, "[%s] ", journal->config->function_name);
		buffer_append(&named, data, line);
	}
	output_write(journal->output, named.data, named.length);
}

static bool names_lines(const struct journal *journal)
{
	return journal->names_lines && *journal->names_lines && !journal->config->json_logs;
}

static void write_lines(struct journal *journal, const char *data, size_t length)
{
	if (length == 0)
		return;
	if (names_lines(journal))
		write_named_lines(journal, data, length);
	else
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

static bool make_platform_line(struct journal *journal, const struct platform_event *event)
{
	struct buffer *line = &journal->line;

	buffer_clear(line);
	if (!journal->config->json_logs && journal->config->legacy_failures) {
		report_legacy_line(line, event);
	} else if (!journal->config->json_logs) {
		report_line(line, event);
	} else if (platform_event_level(event) >= journal->config->system_log_level &&
	           platform_event_json(line, event, PLATFORM_EVENT_LOG_SCHEMA)) {
		buffer_append(line, "\n", 1);
	}
	return line->length > 0;
}

void journal_platform(struct journal *journal, struct platform_event *event)
{
	if (event->at_ns < journal->last_ns)
		event->at_ns = journal->last_ns;
	journal->last_ns = event->at_ns;
	if (journal->listeners || journal->config->json_logs || journal->config->legacy_failures)
		event->wall_ns = clock_wall_ns(event->at_ns);
	tell_platform(journal, event);
	if (make_platform_line(journal, event))
		write_platform_line(journal);
}

/* ---- lines ---- */

static uint64_t stamp(struct journal *journal)
{
	journal->last_ns = clock_now();
	return clock_wall_ns(journal->last_ns);
}

static void tell_lines(const struct journal *journal, enum journal_source source, uint64_t wall_ns,
                       const char *data, size_t length)
{
	const char *end = data + length;

	for (size_t line; data < end; data += line) {
		line = line_length(data, end);
		tell_record(journal, source, wall_ns, data, line);
	}
}

static void write_timed(struct journal *journal, const struct log_line *what, const char *line,
                        size_t length, uint64_t wall_ns)
{
	buffer_clear(&journal->line);
	log_line_append_timed(&journal->line, what, line, length, wall_ns);
	write_lines(journal, journal->line.data, journal->line.length);
}

/* Writes the lines that are important enough; those beside each other that stay as they are, in
 * one go. */
static void write_json_lines(struct journal *journal, uint64_t wall_ns, const char *data,
                             size_t length)
{
	enum log_line_level least = journal->config->application_log_level;
	const char *end = data + length, *at = data;

	for (size_t line; at < end; at += line) {
		line = line_length(at, end);
		struct log_line what = log_line_read(at, line);

		if (what.level >= least && what.has_time)
			continue;
		write_lines(journal, data, (size_t)(at - data));
		if (what.level >= least)
			write_timed(journal, &what, at, line, wall_ns);
		data = at + line;
	}
	write_lines(journal, data, (size_t)(end - data));
}

void journal_lines(struct journal *journal, enum journal_source source, const char *data,
                   size_t length)
{
	bool filtered = journal->config->json_logs && source == JOURNAL_FUNCTION;
	uint64_t wall_ns = journal->listeners || filtered ? stamp(journal) : 0;

	if (journal->listeners)
		tell_lines(journal, source, wall_ns, data, length);
	if (filtered)
		write_json_lines(journal, wall_ns, data, length);
	else
		write_lines(journal, data, length);
}

static void write_json_record(struct journal *journal, const enum log_line_level *level,
                              uint64_t wall_ns, const char *data, size_t length)
{
	struct log_line what = level ? (struct log_line){ .level = *level, .has_time = true }
	                             : log_line_read(data, length);

	if (what.level < journal->config->application_log_level)
		return;
	if (what.has_time)
		write_lines(journal, data, length);
	else
		write_timed(journal, &what, data, length, wall_ns);
}

void journal_record(struct journal *journal, const enum log_line_level *level, const char *data,
                    size_t length)
{
	bool filtered = journal->config->json_logs;
	uint64_t wall_ns = journal->listeners || filtered ? stamp(journal) : 0;

	if (journal->listeners)
		tell_record(journal, JOURNAL_FUNCTION, wall_ns, data, length);
	if (filtered)
		write_json_record(journal, level, wall_ns, data, length);
	else
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
