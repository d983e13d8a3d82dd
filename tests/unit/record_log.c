/* SPDX-License-Identifier: Apache-2.0 */
/* record_log - records that are whole, torn, damaged, and none at all */
#include "emulator/record_log.h"

#include <stdlib.h>

#include "emulator/buffer.h"
#include "tests/unit/test.h"

#define MARKER 0x89abcdefu

static void append(struct buffer *out, const char *text)
{
	struct iovec parts[2] = { { (void *)(uintptr_t)text, strlen(text) / 2 },
		                  { (void *)(uintptr_t)(text + strlen(text) / 2),
		                    strlen(text) - strlen(text) / 2 } };
	char frame[RECORD_LOG_FRAME];

	record_log_frame(frame, MARKER, parts, 2);
	buffer_append(out, frame, sizeof(frame));
	buffer_append(out, text, strlen(text));
}

/* What a reader makes of the bytes, as "R:body D:length T:length", in such pieces. */
static const char *tell(const struct buffer *bytes, size_t piece)
{
	static char text[1000];
	size_t used = 0, seen = 0;

	*text = '\0';
	for (;;) {
		bool is_end = seen == bytes->length;
		struct record_log_part part = record_log_next(MARKER, bytes->data + used,
		                                              seen - used, is_end);
		size_t at = strlen(text);

		used += part.length;
		switch (part.kind) {
		case RECORD_LOG_NOTHING:
			CHECK_INT(used, bytes->length);
			return text;
		case RECORD_LOG_MORE:
			if (!CHECK(!is_end))
				return text;
			seen += piece < bytes->length - seen ? piece : bytes->length - seen;
			break;
		case RECORD_LOG_RECORD:
			snprintf(text + at, sizeof(text) - at, "R:%.*s ", (int)part.body_length,
			         part.body);
			break;
		case RECORD_LOG_DAMAGED:
			snprintf(text + at, sizeof(text) - at, "D:%zu ", part.length);
			break;
		case RECORD_LOG_TORN:
			snprintf(text + at, sizeof(text) - at, "T:%zu ", part.length);
			break;
		}
	}
}

static void test_the_head(void)
{
	char head[RECORD_LOG_HEAD];
	uint32_t marker = 0;

	record_log_head(head, MARKER);
	CHECK(record_log_read_head(head, sizeof(head), &marker));
	CHECK_INT(marker, MARKER);
	CHECK(!record_log_read_head(head, sizeof(head) - 1, &marker));
	for (size_t i = 0; i < sizeof(head); i++) {
		head[i] ^= 1;
		CHECK(!record_log_read_head(head, sizeof(head), &marker));
		head[i] ^= 1;
	}
}

static void test_whole_records(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;

	CHECK_STR(tell(&bytes, 1), "");
	append(&bytes, "one");
	append(&bytes, "");
	append(&bytes, "three");
	for (size_t piece = 1; piece < 50; piece++)
		CHECK_STR(tell(&bytes, piece), "R:one R: R:three ");
}

/* Wherever the file ends, what was whole before is read. */
static void test_a_torn_end(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;
	char expected[40];

	append(&bytes, "one");
	append(&bytes, "two");
	for (size_t missing = 1; missing < RECORD_LOG_FRAME + 3; missing++) {
		bytes.length--;
		snprintf(expected, sizeof(expected), "R:one T:%zu ",
		         RECORD_LOG_FRAME + 3 - missing);
		CHECK_STR(tell(&bytes, 7), expected);
	}
}

/* Whichever byte is another, the records around are read, and no byte is lost. */
static void test_a_damaged_byte(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;

	append(&bytes, "one");
	append(&bytes, "two");
	append(&bytes, "three");
	for (size_t i = 0; i < RECORD_LOG_FRAME + 3; i++) {
		bytes.data[RECORD_LOG_FRAME + 3 + i] ^= 0x40;
		CHECK_STR(tell(&bytes, 1000), "R:one D:15 R:three ");
		bytes.data[RECORD_LOG_FRAME + 3 + i] ^= 0x40;
	}
}

static void test_garbage_around(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;

	buffer_append_text(&bytes, "garbage");
	append(&bytes, "one");
	buffer_append(&bytes, "\0\0\0\0\0", 5);
	CHECK_STR(tell(&bytes, 1000), "D:7 R:one D:5 ");
}

/* A torn record that others were written behind, since it could not be taken back. */
static void test_torn_in_the_middle(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;

	append(&bytes, "torn");
	buffer_cut(&bytes, bytes.length - 2);
	append(&bytes, "two");
	CHECK_STR(tell(&bytes, 1000), "D:14 R:two ");
	CHECK_STR(tell(&bytes, 5), "D:14 R:two ");
}

static void test_a_length_beyond_all(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;

	append(&bytes, "one");
	append(&bytes, "two");
	memset(bytes.data + 4, 0xff, 4);
	CHECK_STR(tell(&bytes, 1000), "D:15 R:two ");
}

/* Who writes what is in a record cannot make a record of it. */
static void test_a_record_in_a_record(void)
{
	autobuffer struct buffer bytes = BUFFER_INIT;
	char inner[RECORD_LOG_FRAME + 5] = "", frame[RECORD_LOG_FRAME];
	struct iovec part = { inner + RECORD_LOG_FRAME, 4 };

	memcpy(inner + RECORD_LOG_FRAME, "evil", 4);
	record_log_frame(inner, MARKER + 1, &part, 1);
	part = (struct iovec){ inner, RECORD_LOG_FRAME + 4 };
	record_log_frame(frame, MARKER, &part, 1);
	buffer_append(&bytes, frame, sizeof(frame));
	buffer_append(&bytes, inner, RECORD_LOG_FRAME + 4);
	bytes.data[8] ^= 1;
	CHECK_STR(tell(&bytes, 1000), "D:28 ");
}

TEST_MAIN(test_the_head, test_whole_records, test_a_torn_end, test_a_damaged_byte,
          test_garbage_around, test_torn_in_the_middle, test_a_length_beyond_all,
          test_a_record_in_a_record)
