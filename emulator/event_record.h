/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_record - what is kept of events that nobody waits for, as bytes.
 *
 * An event and a letter (what is told of one that is over) are kept whole; what happens to them
 * later is told by their number. Bytes that are read are hostile: they come from a file.
 */
#ifndef EMULATOR_EVENT_RECORD_H
#define EMULATOR_EVENT_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

enum event_record_kind {
	EVENT_RECORD_EVENT = 1,
	EVENT_RECORD_LETTER,
	EVENT_RECORD_PROGRESS, /* of an event: an attempt has begun, or failed */
	EVENT_RECORD_END,      /* of an event or a letter */
};

/* How far an event has come. */
struct event_progress {
	uint64_t due_wall_ns; /* of the next attempt; 0: at once */
	uint64_t pause_ns;    /* the last one that was not the function's fault */
	uint32_t attempts, failures;
};

/* Texts and data are borrowed. In a record that was read they are texts that a header can hold. */
struct event_record {
	enum event_record_kind kind;
	uint64_t number;
	uint64_t accepted_wall_ns; /* an event or a letter */
	uint32_t chain;            /* how many functions have handed it on */
	struct event_progress progress;
	const char *function; /* whose it is; never NULL in an event or a letter */
	const char *request_id;
	const char *destination;  /* a letter's */
	const char *function_arn; /* from here on: an event's. NULL: it has none */
	const char *trace_header, *trace_caller;
	const char *content_type; /* of earlier lries, and without a meaning */
	const char *client_context, *cognito_identity, *tenant_id;
	const char *data; /* the event, or the letter's text */
	size_t length;
};

/* Appends all but the data, which must follow as the last part of the body. */
void event_record_append(struct buffer *out, const struct event_record *record);

/* Returns false when the bytes are none. */
bool event_record_read(struct event_record *record, const char *data, size_t length);

#endif
