/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination - what is told of an event that nobody waited for, when all is over.
 *
 * The records that Lambda gives a destination and a dead-letter queue, to the
 * member (spec invoke-api.md §3), as one line of JSON each.
 */
#ifndef EMULATOR_DESTINATION_H
#define EMULATOR_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/buffer.h"

enum destination_condition {
	DESTINATION_SUCCESS,
	DESTINATION_RETRIES_EXHAUSTED,
	DESTINATION_EVENT_AGE_EXCEEDED,
};

/* Texts are borrowed. */
struct destination_record {
	uint64_t wall_ns; /* now, since the epoch */
	const char *request_id;
	const char *function_arn; /* with a qualifier */
	const char *executed_version;
	enum destination_condition condition;
	unsigned attempts;
	const struct buffer *event;
	const struct buffer *response; /* NULL: the function has never run */
	bool is_error;                 /* it answered with one */
};

/* For a destination, with a line feed. */
void destination_append(struct buffer *out, const struct destination_record *record);

/* For a dead-letter queue: a message as SQS hands it to its readers. */
void destination_append_dead_letter(struct buffer *out, const struct destination_record *record);

#endif
