/* SPDX-License-Identifier: Apache-2.0 */
/* event_record - what is written is read, and nothing else */
#include "emulator/event_record.h"

#include "tests/unit/test.h"

#define ID "11111111-1111-4111-8111-111111111111"

static const struct event_record event = {
	.kind = EVENT_RECORD_EVENT,
	.number = 0x0102030405060708,
	.accepted_wall_ns = UINT64_MAX - 1,
	.chain = 15,
	.progress = { 7, 8, 9, 10 },
	.function = "f",
	.request_id = ID,
	.function_arn = "arn:aws:lambda:us-east-1:012345678912:function:f",
	.trace_header = "Root=1-2",
	.trace_caller = "",
	.content_type = "a/b;\tc=d",
	.client_context = "{\"\xc3\xa4\":1}",
	.data = "a\0b",
	.length = 3,
};

static void write_event(struct buffer *out, const struct event_record *record)
{
	event_record_append(out, record);
	buffer_append(out, record->data, record->length);
}

static void test_all_of_an_event(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;
	struct event_record read;

	write_event(&bytes, &event);
	if (!CHECK(event_record_read(&read, bytes.data, bytes.length)))
		return;
	CHECK_INT(read.kind, EVENT_RECORD_EVENT);
	CHECK(read.number == event.number);
	CHECK(read.accepted_wall_ns == event.accepted_wall_ns);
	CHECK_INT(read.chain, 15);
	CHECK_INT(read.progress.due_wall_ns, 7);
	CHECK_INT(read.progress.pause_ns, 8);
	CHECK_INT(read.progress.attempts, 9);
	CHECK_INT(read.progress.failures, 10);
	CHECK_STR(read.function, "f");
	CHECK_STR(read.request_id, ID);
	CHECK_STR(read.function_arn, event.function_arn);
	CHECK_STR(read.trace_header, "Root=1-2");
	CHECK_STR(read.trace_caller, "");
	CHECK_STR(read.content_type, event.content_type);
	CHECK_STR(read.client_context, event.client_context);
	CHECK_STR(read.cognito_identity, NULL);
	CHECK_STR(read.tenant_id, NULL);
	CHECK_STR(read.destination, NULL);
	CHECK_INT(read.length, 3);
	CHECK(memcmp(read.data, "a\0b", 3) == 0);
}

static void test_how_it_goes_on(void)
{
	static const struct event_record end = { .kind = EVENT_RECORD_END, .number = 5 };
	autobuffer struct buffer bytes = BUFFER_INIT;
	struct event_record read;

	event_record_append(&bytes, &end);
	CHECK(event_record_read(&read, bytes.data, bytes.length));
	CHECK_INT(read.kind, EVENT_RECORD_END);
	CHECK_INT(read.number, 5);
	buffer_append_text(&bytes, "x");
	CHECK(!event_record_read(&read, bytes.data, bytes.length));
}

/* Whatever is missing at the end is missed, up to the data, which may have any length. */
static void test_a_part_of_one(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;
	struct event_record read;
	size_t whole;

	event_record_append(&bytes, &event);
	whole = bytes.length;
	for (size_t length = 0; length < whole; length++)
		CHECK(!event_record_read(&read, bytes.data, length));
	CHECK(event_record_read(&read, bytes.data, whole));
}

static void test_what_is_none(void)
{
	static const struct {
		const char *label;
		struct event_record record;
	} cases[] = {
		{ "kind 0", { .kind = 0 } },
		{ "no function", { EVENT_RECORD_EVENT, .request_id = ID } },
		{ "no id", { EVENT_RECORD_EVENT, .function = "f" } },
		{ "no arn", { EVENT_RECORD_EVENT, .function = "f", .request_id = ID } },
		{ "bad id",
		  { EVENT_RECORD_LETTER, .function = "f", .request_id = "1", .destination = "d" } },
		{ "no destination", { EVENT_RECORD_LETTER, .function = "f", .request_id = ID } },
		{ "two lines",
		  { EVENT_RECORD_LETTER, .function = "f\nf", .request_id = ID,
		    .destination = "d" } },
		{ "long caller",
		  { EVENT_RECORD_LETTER, .function = "f", .request_id = ID, .destination = "d",
		    .trace_caller = "0123456789abcdef0" } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer bytes = BUFFER_INIT;
		struct event_record read;

		test_case(cases[i].label);
		event_record_append(&bytes, &cases[i].record);
		CHECK(!event_record_read(&read, bytes.data, bytes.length));
	}
}

static void test_a_text_with_a_nul(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;
	struct event_record read;
	char *at;

	event_record_append(&bytes, &event);
	at = memmem(bytes.data, bytes.length, ID, strlen(ID));
	at[3] = '\0';
	CHECK(!event_record_read(&read, bytes.data, bytes.length));
}

TEST_MAIN(test_all_of_an_event, test_how_it_goes_on, test_a_part_of_one, test_what_is_none,
          test_a_text_with_a_nul)
