/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - all that is said in one environment, in order.
 *
 * Whatever the function and its extensions print and the platform has to tell
 * goes through here: to the product stream, to the log's tail that an invoker
 * may ask for, and to whoever listens (telemetry, metrics). A listener gets
 * everything as it was said; levels, --quiet and what JSON logs add to a line are
 * only about the log.
 *
 * Times never run backwards: an event is at least as late as what was said
 * before it. Memory: the tail, and one line while it is made.
 */
#ifndef EMULATOR_JOURNAL_H
#define EMULATOR_JOURNAL_H

#include "emulator/config.h"
#include "emulator/log_line.h"
#include "emulator/log_tail.h"
#include "emulator/output.h"
#include "emulator/platform_event.h"

enum journal_source { JOURNAL_FUNCTION, JOURNAL_EXTENSION };

/* One who hears everything. Embedded in its owner; a member may be NULL. A listener may detach
 * itself, and no other, while it is called. */
struct journal_listener {
	void (*on_platform)(struct journal_listener *listener, const struct platform_event *event);

	/* One record, a line as a rule; its last byte is a newline. */
	void (*on_record)(struct journal_listener *listener, enum journal_source source,
	                  uint64_t wall_ns, const char *data, size_t length);

	/* private */
	struct journal_listener *next;
};

struct journal {
	/* Whether lines in the log begin with the function's name, as long as it is text; what
	 * JSON is stays as it is. NULL, as after journal_init(): they do not. */
	const bool *names_lines;

	/* private */
	const struct config *config;
	struct output *output;
	struct journal_listener *listeners;
	uint64_t last_ns; /* the time of what was said last */
	struct log_tail tail;
	struct buffer line;
};

/* Both arguments must outlive the journal. */
void journal_init(struct journal *journal, const struct config *config, struct output *output);
void journal_finish(struct journal *journal);

/* Listeners are told in the order in which they were attached. */
void journal_attach(struct journal *journal, struct journal_listener *listener);

/* Fine when it is not attached. */
void journal_detach(struct journal *journal, struct journal_listener *listener);

/* 'event' as it is but for 'wall_ns', which the journal fills in. */
void journal_platform(struct journal *journal, struct platform_event *event);

/* One or more whole lines; the last byte is a newline. */
void journal_lines(struct journal *journal, enum journal_source source, const char *data,
                   size_t length);

/* One record of the function, newlines in it included; the last byte is one. 'level' may be NULL:
 * then it is found in the record, as in a line. */
void journal_record(struct journal *journal, const enum log_line_level *level, const char *data,
                    size_t length);

/* ---- the end of the log ---- */

const struct log_tail *journal_tail(const struct journal *journal);
void journal_clear_tail(struct journal *journal);

#endif
