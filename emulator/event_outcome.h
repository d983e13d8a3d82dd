/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_outcome - tells what became of a function's events, to its three destinations.
 *
 * What a destination does not take is told in the log and, where there is a store, put aside in
 * it: it is never lost without a word.
 */
#ifndef EMULATOR_EVENT_OUTCOME_H
#define EMULATOR_EVENT_OUTCOME_H

#include "emulator/config.h"
#include "emulator/destination.h"
#include "emulator/event_sink.h"

enum event_outlet { EVENT_ON_SUCCESS, EVENT_ON_FAILURE, EVENT_DEAD_LETTERS, EVENT_OUTLETS };

struct event_outcome {
	const struct event_means *means;
	struct event_sink *sinks[EVENT_OUTLETS]; /* NULL: not wanted */
	uint64_t undelivered;                    /* that no sink took */
};

/* Opens what 'config' names. 'means' must outlive it. event_outcome_close() is due in any case. */
bool event_outcome_open(struct event_outcome *outcome, const struct config *config,
                        const struct event_means *means, struct error *err);

/* What is to be opened for another configuration; what stays as it is is not. */
struct event_outcome_change {
	bool is_other[EVENT_OUTLETS];
	struct event_sink *sinks[EVENT_OUTLETS];
};

/* event_outcome_change() or event_outcome_abandon() is due, the latter if it fails. */
bool event_outcome_prepare(const struct event_outcome *outcome, struct event_outcome_change *change,
                           const struct config *config, struct error *err);
void event_outcome_change(struct event_outcome *outcome, const struct event_outcome_change *change);
void event_outcome_abandon(const struct event_outcome_change *change);

/* Tells all that want to know. Of 'about', the data are made here. */
void event_outcome_tell(struct event_outcome *outcome, const struct destination_record *record,
                        const struct event_letter *about);

/* How much was not told to a destination that was to know it. */
uint64_t event_outcome_undelivered(const struct event_outcome *outcome);

/* Goes on with letters of the function that an earlier lrie has kept. */
void event_outcome_resume(struct event_outcome *outcome, const char *function);

/* Fine on a zeroed one. */
void event_outcome_close(struct event_outcome *outcome, unsigned grace_ms);

#endif
