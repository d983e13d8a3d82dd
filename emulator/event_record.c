/* SPDX-License-Identifier: Apache-2.0 */
/* event_record - what is kept of events that nobody waits for, as bytes */
#include "emulator/event_record.h"

#include <stddef.h>
#include <string.h>

#include "emulator/identifier.h"

/* In the order in which they are kept; a record that says how an event goes on has none. */
static const size_t texts[] = {
	offsetof(struct event_record, function),
	offsetof(struct event_record, request_id),
	offsetof(struct event_record, destination),
	offsetof(struct event_record, function_arn),
	offsetof(struct event_record, trace_header),
	offsetof(struct event_record, trace_caller),
	offsetof(struct event_record, content_type),
	offsetof(struct event_record, client_context),
	offsetof(struct event_record, cognito_identity),
	offsetof(struct event_record, tenant_id),
};

static const char **text_of(struct event_record *record, size_t index)
{
	return (const char **)((char *)record + texts[index]);
}

static bool is_whole(enum event_record_kind kind)
{
	return kind == EVENT_RECORD_EVENT || kind == EVENT_RECORD_LETTER;
}

/* ---- writing ---- */

static void put(struct buffer *out, uint64_t value, unsigned bytes)
{
	char text[8];

	for (unsigned i = 0; i < bytes; i++)
		text[i] = (char)(value >> 8 * (bytes - 1 - i));
	buffer_append(out, text, bytes);
}

/* With its NUL, so that a reader need not copy it; nothing is a text of no bytes. */
static void put_text(struct buffer *out, const char *text)
{
	size_t length = text ? strlen(text) + 1 : 0;

	put(out, length, 4);
	buffer_append(out, text, length);
}

void event_record_append(struct buffer *out, const struct event_record *record)
{
	struct event_record copy = *record;

	put(out, record->kind, 1);
	put(out, record->number, 8);
	put(out, record->accepted_wall_ns, 8);
	put(out, record->chain, 4);
	put(out, record->progress.due_wall_ns, 8);
	put(out, record->progress.pause_ns, 8);
	put(out, record->progress.attempts, 4);
	put(out, record->progress.failures, 4);
	if (!is_whole(record->kind))
		return;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put_text(out, *text_of(&copy, i));
}

/* ---- reading ---- */

struct reader {
	const char *at;
	size_t left;
	bool is_bad;
};

static uint64_t get(struct reader *reader, unsigned bytes)
{
	uint64_t value = 0;

	if (reader->left < bytes) {
		reader->is_bad = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | (unsigned char)reader->at[i];
	reader->at += bytes;
	reader->left -= bytes;
	return value;
}

/* One that can be sent as a header. */
static bool is_text(const char *text, size_t length)
{
	return memchr(text, '\0', length) == text + length - 1 && !memchr(text, '\r', length) &&
	       !memchr(text, '\n', length);
}

static const char *get_text(struct reader *reader)
{
	size_t length = get(reader, 4);
	const char *text = reader->at;

	if (reader->is_bad || length == 0)
		return NULL;
	if (length > reader->left || !is_text(text, length)) {
		reader->is_bad = true;
		return NULL;
	}
	reader->at += length;
	reader->left -= length;
	return text;
}

static bool has_what_it_needs(const struct event_record *record)
{
	if (!record->function || !record->request_id || !uuid_is_valid(record->request_id))
		return false;
	if (record->trace_caller && strlen(record->trace_caller) >= TRACE_PARENT_SIZE)
		return false;
	return record->kind == EVENT_RECORD_EVENT ? record->function_arn && record->trace_header
	                                          : record->destination != NULL;
}

bool event_record_read(struct event_record *record, const char *data, size_t length)
{
	struct reader reader = { .at = data, .left = length };
	uint64_t kind = get(&reader, 1);

	if (kind < EVENT_RECORD_EVENT || kind > EVENT_RECORD_END)
		return false;
	*record = (struct event_record){ .kind = (enum event_record_kind)kind };
	record->number = get(&reader, 8);
	record->accepted_wall_ns = get(&reader, 8);
	record->chain = (uint32_t)get(&reader, 4);
	record->progress.due_wall_ns = get(&reader, 8);
	record->progress.pause_ns = get(&reader, 8);
	record->progress.attempts = (uint32_t)get(&reader, 4);
	record->progress.failures = (uint32_t)get(&reader, 4);
	for (size_t i = 0; is_whole(record->kind) && i < sizeof(texts) / sizeof(texts[0]); i++)
		*text_of(record, i) = get_text(&reader);
	record->data = reader.at;
	record->length = reader.left;
	if (reader.is_bad)
		return false;
	return is_whole(record->kind) ? has_what_it_needs(record) : record->length == 0;
}
