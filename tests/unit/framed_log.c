/* SPDX-License-Identifier: Apache-2.0 */
/* framed_log - frames, and what is none, in pieces of any size */
#include "emulator/framed_log.h"

#include "tests/unit/test.h"

static struct framed_log log_;
static struct buffer heard, fed;
static size_t longest;

static void on_record(struct framed_log *from, const struct framed_log_record *record)
{
	CHECK(from == &log_ && record->length > 0 && record->data[record->length - 1] == '\n');
	if (record->length > longest)
		longest = record->length;
	if (record->is_stray)
		buffer_append_text(&heard, "stray");
	else
		buffer_append_text(&heard,
		                   record->has_level ? log_line_level_name(record->level) : "none");
	if (record->length > 100)
		buffer_append_format(&heard, "(%zu bytes)", record->length);
	else
		buffer_append_format(&heard, "<%.*s>", (int)record->length - 1, record->data);
}

static void begin(void)
{
	log_ = (struct framed_log){ .on_record = on_record };
	buffer_init(&heard);
	buffer_init(&fed);
	longest = 0;
}

static void end(void)
{
	framed_log_finish(&log_);
	framed_log_finish(&log_); /* does no harm */
	buffer_finish(&heard);
	buffer_finish(&fed);
}

static void check_heard(const char *expected)
{
	CHECK_STR(heard.data, expected);
	buffer_clear(&heard);
}

static void add(const char *data, size_t length)
{
	buffer_append(&fed, data, length);
}

static void add_text(const char *text)
{
	add(text, strlen(text));
}

/* The head of a frame. */
static void add_head(unsigned char last_of_type, uint32_t length)
{
	const unsigned char head[16] = { 0xa5,
		                         0x5a,
		                         0x00,
		                         last_of_type,
		                         length >> 24,
		                         length >> 16 & 0xff,
		                         length >> 8 & 0xff,
		                         length & 0xff };

	add((const char *)head, sizeof(head));
}

static void add_frame(unsigned char last_of_type, const char *text)
{
	add_head(last_of_type, (uint32_t)strlen(text));
	add_text(text);
}

/* Feeds what was added, in pieces of 'size' bytes. */
static void feed_in(size_t size)
{
	for (size_t at = 0; at < fed.length; at += size)
		framed_log_feed(&log_, fed.data + at,
		                fed.length - at < size ? fed.length - at : size);
	buffer_clear(&fed);
}

static void feed(void)
{
	feed_in(fed.length);
}

static void test_frames_with_all_levels(void)
{
	begin();
	add_frame(0x03, "none\n");
	add_frame(0x07, "trace");
	add_frame(0x0b, "debug");
	add_frame(0x0e, "{\"a\":1}");
	add_frame(0x13, "warn");
	add_frame(0x16, "{}\n");
	add_frame(0x1b, "fatal");
	feed();
	check_heard("none<none>TRACE<trace>DEBUG<debug>INFO<{\"a\":1}>WARN<warn>ERROR<{}>"
	            "FATAL<fatal>");
	end();
}

static void test_a_frame_is_one_record(void)
{
	begin();
	add_frame(0x17, "Traceback\n  File\n\n");
	add_frame(0x03, "");
	add_frame(0x03, "\n");
	add_frame(0x03, "\xa5\x5a");
	feed();
	check_heard("ERROR<Traceback\n  File\n>none<>none<>none<\xa5\x5a>");
	end();
}

static void add_mixture(void)
{
	add_text("early\npart");
	add_frame(0x0f, "one\ntwo");
	add_frame(0x03, "");
	add_text("\n\xa5 no, \xa5\x5a\x01 no, \xc2\xa5\n\xa5\x5a\n\xa5\x5a\x00\x01no\n");
	add_frame(0x13, "three");
	add_text("rest\xa5\x5a");
}

static void test_what_is_no_frame_is_lines(void)
{
	begin();
	add_text("early\npart");
	add_frame(0x0f, "one\ntwo");
	add_text("\n\xa5 no, \xa5\x5a\x01 no, \xc2\xa5\n\xa5\x5a\n");
	add_frame(0x13, "three");
	add_text("rest\xa5\x5a");
	feed();
	check_heard("stray<early>stray<part>INFO<one\ntwo>stray<>stray<\xa5 no, \xa5\x5a\x01 no, "
	            "\xc2\xa5>stray<\xa5\x5a>WARN<three>");
	framed_log_flush(&log_);
	check_heard("stray<rest\xa5\x5a>");
	end();
}

/* 0xa55a0001 is another protocol, 0xa55a001f no level. */
static void test_types_that_are_none(void)
{
	begin();
	add_frame(0x01, "a\n");
	add_frame(0x1f, "b\n");
	feed();
	CHECK(strncmp(heard.data, "stray<", 6) == 0);
	CHECK(!strstr(heard.data, "none<"));
	end();
}

static void test_the_size_of_pieces_does_not_matter(void)
{
	char expected[512];

	begin();
	add_mixture();
	feed();
	framed_log_finish(&log_);
	snprintf(expected, sizeof(expected), "%s", heard.data);
	CHECK(strstr(expected, "INFO<one\ntwo>none<>") && strstr(expected, "WARN<three>"));
	end();
	for (size_t size = 1; size < 40; size++) {
		begin();
		add_mixture();
		feed_in(size);
		framed_log_finish(&log_);
		check_heard(expected);
		end();
	}
}

static void test_flushing_keeps_the_beginning_of_a_frame(void)
{
	begin();
	add_head(0x0f, 8);
	add_text("four");
	feed();
	framed_log_flush(&log_);
	check_heard("");
	add_text("more\xa5");
	feed();
	check_heard("INFO<fourmore>");
	framed_log_flush(&log_);
	check_heard("");
	add("\x5a\x00\x0f\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00!", 16);
	feed();
	check_heard("INFO<!>");
	end();
}

static void test_what_ends_too_early_is_not_lost(void)
{
	begin();
	add_head(0x0f, 8);
	add_text("four");
	feed();
	framed_log_finish(&log_);
	check_heard("INFO<four>");
	add_head(0x0f, 8);
	fed.length = 7;
	feed();
	framed_log_finish(&log_);
	CHECK(strncmp(heard.data, "stray<", 6) == 0);
	end();
}

static void add_many(char letter, size_t length)
{
	static char block[FRAMED_LOG_RECORD];

	memset(block, letter, sizeof(block));
	while (length > 0) {
		size_t part = length < sizeof(block) ? length : sizeof(block);

		add(block, part);
		length -= part;
	}
}

static void test_huge_records_are_split(void)
{
	begin();
	add_head(0x0f, 2 * FRAMED_LOG_RECORD + 3);
	add_many('a', 2 * FRAMED_LOG_RECORD);
	add_text("end");
	add_many('b', FRAMED_LOG_RECORD + 5);
	add_text("\n");
	add_frame(0x03, "after");
	feed_in(60000);
	check_heard("INFO(262145 bytes)INFO(262145 bytes)INFO<end>stray(262145 bytes)"
	            "stray<bbbbb>none<after>");
	CHECK_INT(longest, FRAMED_LOG_RECORD + 1);
	end();
}

/* Who says that 4 GiB follow gets what really follows, in pieces. */
static void test_a_length_that_is_a_lie(void)
{
	begin();
	add_head(0x03, UINT32_MAX);
	add_many('a', FRAMED_LOG_RECORD);
	add_frame(0x03, "more");
	feed_in(65536);
	CHECK(log_.waiting.length < 100);
	check_heard("none(262145 bytes)");
	end();
}

TEST_MAIN(test_frames_with_all_levels, test_a_frame_is_one_record, test_what_is_no_frame_is_lines,
          test_types_that_are_none, test_the_size_of_pieces_does_not_matter,
          test_flushing_keeps_the_beginning_of_a_frame, test_what_ends_too_early_is_not_lost,
          test_huge_records_are_split, test_a_length_that_is_a_lie)
