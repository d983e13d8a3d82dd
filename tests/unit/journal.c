/* SPDX-License-Identifier: Apache-2.0 */
/* journal - what is said in one environment, and who hears it */
#include "emulator/journal.h"

#include <stdlib.h>

#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

/* ---- a listener that writes down what it hears ---- */

struct hearer {
	struct journal_listener listener;
	struct buffer heard;
	bool leaves; /* once it has heard something */
};

static struct config config;
static struct loop *loop;
static struct journal journal;

static void hear(struct hearer *hearer)
{
	if (hearer->leaves)
		journal_detach(&journal, &hearer->listener);
}

static void on_platform(struct journal_listener *listener, const struct platform_event *event)
{
	struct hearer *hearer = container_of(listener, struct hearer, listener);

	buffer_append_format(&hearer->heard, "%d at %llu; ", event->type,
	                     (unsigned long long)(event->wall_ns / MS - FAKE_START_WALL_MS));
	hear(hearer);
}

static void on_record(struct journal_listener *listener, enum journal_source source,
                      uint64_t wall_ns, const char *data, size_t length)
{
	struct hearer *hearer = container_of(listener, struct hearer, listener);

	buffer_append_format(&hearer->heard, "%s at %llu: %.*s; ",
	                     source == JOURNAL_FUNCTION ? "function" : "extension",
	                     (unsigned long long)(wall_ns / MS - FAKE_START_WALL_MS),
	                     (int)length - 1, data);
	CHECK(data[length - 1] == '\n');
	hear(hearer);
}

static struct hearer *hearer_create(void)
{
	struct hearer *hearer = xcalloc(1, sizeof(*hearer));

	hearer->listener = (struct journal_listener){ .on_platform = on_platform,
		                                      .on_record = on_record };
	buffer_init(&hearer->heard);
	journal_attach(&journal, &hearer->listener);
	return hearer;
}

static void check_heard(struct hearer *hearer, const char *expected)
{
	CHECK_STR(hearer->heard.data, expected);
	buffer_clear(&hearer->heard);
}

static void hearer_destroy(struct hearer *hearer)
{
	journal_detach(&journal, &hearer->listener);
	buffer_finish(&hearer->heard);
	free(hearer);
}

/* ---- steps ---- */

static void begin(void)
{
	config = (struct config){ .memory_bytes = (uint64_t)128 << 20 };
	loop = loop_create(NULL);
	journal_init(&journal, &config, output_create(loop, 1, NULL));
}

static void end(void)
{
	journal_finish(&journal);
	loop_destroy(loop);
	fake_output_take();
}

static void say(const char *text)
{
	journal_lines(&journal, JOURNAL_FUNCTION, text, strlen(text));
}

static void tell_start(uint64_t at_ns)
{
	struct platform_event event = {
		.type = PLATFORM_START,
		.at_ns = at_ns,
		.start = { .request_id = "one", .version = "$LATEST" },
	};

	journal_platform(&journal, &event);
}

static void check_tail(const char *expected)
{
	autobuffer struct buffer text = BUFFER_INIT;

	log_tail_copy(journal_tail(&journal), &text);
	CHECK_STR(text.data, expected);
}

/* ---- stories ---- */

static void test_everything_is_in_the_log_in_order(void)
{
	begin();
	say("before\n");
	tell_start(clock_now());
	say("a\nb\n");
	CHECK_STR(fake_output_take(), "before\nSTART RequestId: one Version: $LATEST\na\nb\n");
	check_tail("before\nSTART RequestId: one Version: $LATEST\na\nb\n");
	journal_clear_tail(&journal);
	check_tail("");
	end();
}

/* Where several functions share the stream; what a caller gets of the log is one function's. */
static void test_lines_may_bear_the_name_of_the_function(void)
{
	bool several = true;

	begin();
	config.function_name = "f";
	journal.names_lines = &several;
	say("a\n\nb\n");
	tell_start(clock_now());
	journal_record(&journal, NULL, "x\ny\n", 4);
	CHECK_STR(fake_output_take(), "[f] a\n[f] \n[f] b\n"
	                              "[f] START RequestId: one Version: $LATEST\n[f] x\n[f] y\n");
	check_tail("a\n\nb\nSTART RequestId: one Version: $LATEST\nx\ny\n");
	several = false;
	say("c\n");
	CHECK_STR(fake_output_take(), "c\n");
	several = config.json_logs = true;
	say("{\"message\":\"m\",\"timestamp\":\"2026-01-01T00:00:00.000Z\"}\n");
	CHECK_INT(fake_output_take()[0], '{');
	end();
}

static void test_quiet_hides_platform_lines_from_the_stream_only(void)
{
	struct hearer *hearer;

	begin();
	config.quiet = true;
	hearer = hearer_create();
	tell_start(clock_now());
	say("a\n");
	CHECK_STR(fake_output_take(), "a\n");
	check_tail("START RequestId: one Version: $LATEST\na\n");
	check_heard(hearer, "6 at 0; function at 0: a; ");
	hearer_destroy(hearer);
	end();
}

static void test_listeners_hear_records_one_by_one(void)
{
	struct hearer *first, *second;

	begin();
	first = hearer_create();
	fake_pass(loop, 5 * MS);
	say("a\n\nb c\n");
	second = hearer_create();
	fake_pass(loop, 2 * MS);
	tell_start(clock_now());
	journal_lines(&journal, JOURNAL_EXTENSION, "x\n", 2);
	check_heard(first, "function at 5: a; function at 5: ; function at 5: b c; "
	                   "6 at 7; extension at 7: x; ");
	check_heard(second, "6 at 7; extension at 7: x; ");
	hearer_destroy(first);
	say("d\n");
	check_heard(second, "function at 7: d; ");
	hearer_destroy(second);
	end();
}

static void test_an_event_that_the_log_leaves_out_is_heard(void)
{
	struct platform_event event = { .type = PLATFORM_RUNTIME_DONE };
	struct hearer *hearer;

	begin();
	hearer = hearer_create();
	event.at_ns = clock_now();
	journal_platform(&journal, &event);
	CHECK_STR(fake_output_take(), "");
	check_tail("");
	check_heard(hearer, "7 at 0; ");
	hearer_destroy(hearer);
	end();
}

static void test_a_listener_may_leave_while_it_hears(void)
{
	struct hearer *first, *second;

	begin();
	first = hearer_create();
	second = hearer_create();
	first->leaves = true;
	say("a\nb\n");
	check_heard(first, "function at 0: a; ");
	check_heard(second, "function at 0: a; function at 0: b; ");
	hearer_destroy(first);
	hearer_destroy(second);
	end();
}

/* What happened is told late at times, behind lines that were read meanwhile. */
static void test_times_never_run_backwards(void)
{
	struct hearer *hearer;
	uint64_t before;

	begin();
	hearer = hearer_create();
	before = clock_now();
	fake_pass(loop, 3 * MS);
	say("late\n");
	tell_start(before);
	check_heard(hearer, "function at 3: late; 6 at 3; ");
	hearer_destroy(hearer);
	end();
}

/* ---- JSON ---- */

static void begin_json(void)
{
	begin();
	config.json_logs = true;
	config.application_log_level = config.system_log_level = LOG_LINE_INFO;
}

#define NOW "\"2026-01-01T00:00:00.000Z\""
#define LINE(level) "{\"timestamp\":\"2026-01-01T00:00:00Z\",\"level\":\"" level "\"}\n"
#define START                                                                              \
	"{\"time\":" NOW ",\"type\":\"platform.start\",\"record\":{\"requestId\":\"one\"," \
	"\"version\":\"$LATEST\"}}\n"

static void test_json_tells_events_as_objects(void)
{
	begin_json();
	tell_start(clock_now());
	CHECK_STR(fake_output_take(), START);
	check_tail(START);
	end();
}

static void tell(enum platform_event_type type)
{
	struct platform_event event = { .type = type, .at_ns = clock_now() };

	event.runtime_done.request_id = "one";
	journal_platform(&journal, &event);
}

static void test_json_leaves_out_what_is_below_the_level(void)
{
	begin_json();
	tell(PLATFORM_RUNTIME_DONE);
	CHECK_STR(fake_output_take(), "");
	config.system_log_level = LOG_LINE_DEBUG;
	tell(PLATFORM_RUNTIME_DONE);
	CHECK_STR(fake_output_take(),
	          "{\"time\":" NOW ",\"type\":\"platform.runtimeDone\",\"record\":{\"requestId\":"
	          "\"one\",\"status\":\"success\",\"metrics\":{\"durationMs\":0.0,"
	          "\"producedBytes\":0}}}\n");
	tell(PLATFORM_END);
	CHECK_STR(fake_output_take(), "");
	config.system_log_level = LOG_LINE_WARN;
	tell_start(clock_now());
	CHECK_STR(fake_output_take(), "");
	check_tail("{\"time\":" NOW ",\"type\":\"platform.runtimeDone\",\"record\":{\"requestId\":"
	           "\"one\",\"status\":\"success\",\"metrics\":{\"durationMs\":0.0,"
	           "\"producedBytes\":0}}}\n");
	end();
}

static void test_json_filters_lines(void)
{
	begin_json();
	say(LINE("DEBUG") LINE("INFO") "text\n" LINE("TRACE") LINE("error") LINE("DEBUG"));
	CHECK_STR(fake_output_take(), LINE("INFO") "text\n" LINE("error"));
	check_tail(LINE("INFO") "text\n" LINE("error"));
	config.application_log_level = LOG_LINE_ERROR;
	say("text\n" LINE("WARN") "\n" LINE("FATAL"));
	CHECK_STR(fake_output_take(), LINE("FATAL"));
	end();
}

static void test_json_adds_times(void)
{
	begin_json();
	say("text\n{\"a\":1}\n{\"timestamp\":2}\n" LINE("WARN"));
	CHECK_STR(fake_output_take(), "text\n{\"timestamp\":" NOW ",\"a\":1}\n"
	                              "{\"timestamp\":" NOW "}\n" LINE("WARN"));
	config.application_log_level = LOG_LINE_WARN;
	say("{\"a\":1}\n");
	CHECK_STR(fake_output_take(), "");
	end();
}

static void test_json_lets_extensions_say_what_they_want(void)
{
	begin_json();
	journal_lines(&journal, JOURNAL_EXTENSION, LINE("DEBUG") "{}\n",
	              strlen(LINE("DEBUG") "{}\n"));
	CHECK_STR(fake_output_take(), LINE("DEBUG") "{}\n");
	end();
}

static void check_record(const enum log_line_level *level, const char *text, const char *expected)
{
	journal_record(&journal, level, text, strlen(text));
	CHECK_STR(fake_output_take(), expected);
}

static void test_records_have_the_level_that_they_are_given(void)
{
	static const enum log_line_level debug = LOG_LINE_DEBUG, warn = LOG_LINE_WARN;
	struct hearer *hearer;

	begin_json();
	check_record(&debug, LINE("ERROR"), "");
	check_record(&warn, LINE("DEBUG"), LINE("DEBUG"));
	check_record(&warn, "{}\n", "{}\n");
	check_record(NULL, LINE("DEBUG"), "");
	check_record(NULL, "a\nb\n", "a\nb\n");
	check_record(NULL, "{\n}\n", "{\"timestamp\":" NOW "\n}\n");
	hearer = hearer_create();
	check_record(&debug, "a\nb\n", "");
	check_heard(hearer, "function at 0: a\nb; ");
	config.json_logs = false;
	check_record(&debug, "a\nb\n", "a\nb\n");
	hearer_destroy(hearer);
	end();
}

static void test_levels_are_not_about_listeners(void)
{
	struct hearer *hearer;

	begin_json();
	config.application_log_level = config.system_log_level = LOG_LINE_WARN;
	hearer = hearer_create();
	say("{\"a\":1}\n" LINE("DEBUG"));
	tell_start(clock_now());
	check_heard(hearer, "function at 0: {\"a\":1}; "
	                    "function at 0: {\"timestamp\":\"2026-01-01T00:00:00Z\","
	                    "\"level\":\"DEBUG\"}; 6 at 0; ");
	CHECK_STR(fake_output_take(), "");
	hearer_destroy(hearer);
	end();
}

TEST_MAIN(test_everything_is_in_the_log_in_order, test_lines_may_bear_the_name_of_the_function,
          test_quiet_hides_platform_lines_from_the_stream_only,
          test_listeners_hear_records_one_by_one, test_an_event_that_the_log_leaves_out_is_heard,
          test_a_listener_may_leave_while_it_hears, test_json_tells_events_as_objects,
          test_json_leaves_out_what_is_below_the_level, test_json_filters_lines,
          test_json_adds_times, test_json_lets_extensions_say_what_they_want,
          test_records_have_the_level_that_they_are_given, test_levels_are_not_about_listeners,
          test_times_never_run_backwards)
