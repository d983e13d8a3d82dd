/* SPDX-License-Identifier: Apache-2.0 */
/* event_stream - to the byte, against messages that another implementation has read. */
#include "emulator/event_stream.h"

#include <stdlib.h>

#include "tests/unit/event_stream.h"
#include "tests/unit/test.h"

static void check_hex(const struct buffer *out, const char *expected)
{
	struct buffer text = BUFFER_INIT;

	for (size_t i = 0; i < out->length; i++)
		buffer_append_format(&text, "%02x", (unsigned char)out->data[i]);
	CHECK_STR(text.data, expected);
	buffer_finish(&text);
}

static void test_payload_chunk(void)
{
	struct buffer out = BUFFER_INIT;

	event_stream_append_chunk(&out, "hello", 5);
	CHECK_INT(out.length, 111);
	check_hex(&out, "0000006f0000005af5fe871f0d3a6d6573736167652d74797065070005657665"
	                "6e740b3a6576656e742d7479706507000c5061796c6f61644368756e6b0d3a63"
	                "6f6e74656e742d747970650700186170706c69636174696f6e2f6f637465742d"
	                "73747265616d68656c6c6f4fe061f2");
	buffer_finish(&out);
}

static void test_end(void)
{
	struct buffer out = BUFFER_INIT;
	struct event_stream_end end = { .is_error = false };

	event_stream_append_end(&out, &end);
	CHECK_INT(out.length, 102);
	check_hex(&out, "00000066000000541f56c8690d3a6d6573736167652d74797065070005657665"
	                "6e740b3a6576656e742d7479706507000e496e766f6b65436f6d706c6574650d"
	                "3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
	                "7b7dface259a");
	buffer_finish(&out);
}

/* The one with an error has another ErrorCode than we send. */
static void test_any_message(void)
{
	struct event_stream_header headers[] = {
		{ ":message-type", "event" },
		{ ":event-type", "InvokeComplete" },
		{ ":content-type", "application/json" },
	};
	static const char payload[] =
		"{\"ErrorCode\":\"Function.Unknown\",\"ErrorDetails\":\"boom\"}";
	struct buffer out = BUFFER_INIT;

	CHECK(event_stream_append(&out, headers, 3, payload, strlen(payload)));
	CHECK_INT(out.length, 154);
	check_hex(&out, "0000009a00000054929275350d3a6d6573736167652d74797065070005657665"
	                "6e740b3a6576656e742d7479706507000e496e766f6b65436f6d706c6574650d"
	                "3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e"
	                "7b224572726f72436f6465223a2246756e6374696f6e2e556e6b6e6f776e222c"
	                "224572726f7244657461696c73223a22626f6f6d227dd6200058");
	buffer_clear(&out);
	CHECK(event_stream_append(&out, NULL, 0, "", 0));
	check_hex(&out, "000000100000000005c248eb7d98c8ff");
	buffer_finish(&out);
}

/* What is behind others in a buffer is as it would be alone. */
static void test_one_after_the_other(void)
{
	struct buffer out = BUFFER_INIT, alone = BUFFER_INIT;

	event_stream_append_chunk(&out, "", 0);
	event_stream_append_chunk(&alone, "abc", 3);
	event_stream_append_chunk(&out, "abc", 3);
	CHECK(memcmp(out.data + out.length - alone.length, alone.data, alone.length) == 0);
	buffer_finish(&out);
	buffer_finish(&alone);
}

static void check_payload(const struct event_stream_end *end, const char *expected)
{
	struct buffer out = BUFFER_INIT, payload = BUFFER_INIT;
	struct message message;

	event_stream_append_end(&out, end);
	if (CHECK(message_read(&message, out.data, out.length))) {
		CHECK_INT(message.length, out.length);
		buffer_append(&payload, message.payload, message.payload_length);
		CHECK_STR(payload.data, expected);
	}
	buffer_finish(&out);
	buffer_finish(&payload);
}

static void test_what_the_end_tells(void)
{
	struct event_stream_end end = { .is_error = true,
		                        .details = "{\"a\":1}",
		                        .details_length = 7 };

	check_payload(&end, "{\"ErrorCode\":\"Unhandled\",\"ErrorDetails\":\"{\\\"a\\\":1}\"}");
	end.log_result = "bG9n";
	check_payload(&end, "{\"ErrorCode\":\"Unhandled\",\"ErrorDetails\":\"{\\\"a\\\":1}\","
	                    "\"LogResult\":\"bG9n\"}");
	end.is_error = false;
	check_payload(&end, "{\"LogResult\":\"bG9n\"}");
	end = (struct event_stream_end){ .is_error = true, .details = "", .details_length = 0 };
	check_payload(&end, "{\"ErrorCode\":\"Unhandled\",\"ErrorDetails\":\"\"}");
}

/* Whatever a function says of its error, a message is one. */
static void test_long_details(void)
{
	static const char *const units[] = {
		"x", "\"", "\x01", "\xff", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"
	};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct buffer details = BUFFER_INIT, out = BUFFER_INIT;
		struct event_stream_end end = { .is_error = true };
		struct message message;

		while (details.length < 300000)
			buffer_append_text(&details, units[i]);
		end.details = details.data;
		end.details_length = details.length;
		event_stream_append_end(&out, &end);
		CHECK(message_read(&message, out.data, out.length));
		CHECK(message.payload_length < 6 * EVENT_STREAM_DETAILS_LIMIT + 100);
		/* The last character is whole. */
		if (strlen(units[i]) > 1)
			CHECK(memcmp(message.payload + message.payload_length - 2 -
			                     strlen(units[i]),
			             units[i], strlen(units[i])) == 0);
		buffer_finish(&details);
		buffer_finish(&out);
	}
}

static void test_limits(void)
{
	struct buffer out = BUFFER_INIT;
	char *long_name = xcalloc(EVENT_STREAM_NAME_LIMIT + 2, 1);
	char *long_value = xcalloc(EVENT_STREAM_VALUE_LIMIT + 2, 1);
	char *payload = xcalloc(EVENT_STREAM_PAYLOAD_LIMIT + 1, 1);
	struct event_stream_header header = { long_name, long_value };
	struct event_stream_header many[5];
	struct message message;

	CHECK(!event_stream_append(&out, &header, 1, "", 0)); /* an empty name */
	memset(long_name, 'n', EVENT_STREAM_NAME_LIMIT);
	memset(long_value, 'v', EVENT_STREAM_VALUE_LIMIT);
	CHECK(event_stream_append(&out, &header, 1, payload, EVENT_STREAM_PAYLOAD_LIMIT));
	CHECK(message_read(&message, out.data, out.length));
	buffer_clear(&out);
	CHECK(!event_stream_append(&out, &header, 1, payload, EVENT_STREAM_PAYLOAD_LIMIT + 1));
	for (int i = 0; i < 5; i++)
		many[i] = header;
	CHECK(event_stream_append(&out, many, 3, "", 0));
	buffer_clear(&out);
	CHECK(!event_stream_append(&out, many, 4, "", 0)); /* more than 128 KiB of headers */
	long_name[EVENT_STREAM_NAME_LIMIT] = 'n';
	CHECK(!event_stream_append(&out, &header, 1, "", 0));
	long_name[1] = '\0';
	long_value[EVENT_STREAM_VALUE_LIMIT] = 'v';
	CHECK(!event_stream_append(&out, &header, 1, "", 0));
	CHECK_INT(out.length, 0);
	buffer_finish(&out);
	free(long_name);
	free(long_value);
	free(payload);
}

static void test_headers_come_back(void)
{
	struct event_stream_header headers[] = { { "a", "" }, { "name", "W\xc3\xa4rme" } };
	const unsigned char *name = NULL, *value = NULL;
	size_t name_length = 0, value_length = 0;
	struct buffer out = BUFFER_INIT;
	struct message message;

	CHECK(event_stream_append(&out, headers, 2, "\0\n", 2));
	CHECK(message_read(&message, out.data, out.length));
	for (int i = 0; i < 2; i++) {
		CHECK(message_header(&message, &name, &name_length, &value, &value_length));
		CHECK_INT(name_length, strlen(headers[i].name));
		CHECK(memcmp(name, headers[i].name, name_length) == 0);
		CHECK_INT(value_length, strlen(headers[i].value));
		CHECK(memcmp(value, headers[i].value, value_length) == 0);
	}
	CHECK_INT(message.headers_length, 0);
	CHECK_INT(message.payload_length, 2);
	buffer_finish(&out);
}

TEST_MAIN(test_payload_chunk, test_end, test_any_message, test_one_after_the_other,
          test_what_the_end_tells, test_long_details, test_limits, test_headers_come_back)
