/* SPDX-License-Identifier: Apache-2.0 */
/* log_line - which lines are objects, how important they are, and when they say that they were */
#include "emulator/log_line.h"

#include "emulator/clock.h"
#include "tests/unit/test.h"

#define TIME "2026-10-08T07:30:27.768Z"
#define WALL_NS (UINT64_C(1791444627768) * CLOCK_NS_PER_MS)
#define AT "\"timestamp\":\"" TIME "\""

/* 'expected': the line with a time of WALL_NS where it has none, or NULL if it is to stay. */
static void check(const char *line, enum log_line_level level, const char *expected)
{
	autobuffer struct buffer timed = BUFFER_INIT;
	struct log_line what = log_line_read(line, strlen(line));

	test_case(line);
	CHECK_INT(what.level, level);
	CHECK_INT(what.has_time, !expected);
	if (what.has_time || !expected)
		return;
	log_line_append_timed(&timed, &what, line, strlen(line), WALL_NS);
	CHECK_STR(timed.data, expected);
}

static void test_text_is_info(void)
{
	static const char *const lines[] = {
		"\n",
		"",
		"hello\n",
		"ERROR: no\n",
		"[1]\n",
		"\"level\"\n",
		"{\n",
		"{\"level\":\"ERROR\"\n",
		"{'level':'ERROR'}\n",
		"{\"level\":\"ERROR\"} {}\n",
		"{\"level\":\"\xff\"}\n",
		"x {\"level\":\"ERROR\"}\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		check(lines[i], LOG_LINE_INFO, NULL);
		CHECK(!log_line_read(lines[i], strlen(lines[i])).is_object);
	}
}

static void test_levels_of_objects(void)
{
	check("{" AT ",\"level\":\"TRACE\"}\n", LOG_LINE_TRACE, NULL);
	check("{" AT ",\"level\":\"debug\"}\n", LOG_LINE_DEBUG, NULL);
	check("{\"level\":\"Info\"," AT "}\n", LOG_LINE_INFO, NULL);
	check(" {\"level\" : \"WARN\" , " AT "}\r\n", LOG_LINE_WARN, NULL);
	check("{" AT ",\"level\":\"ERROR\",\"message\":{\"level\":\"DEBUG\"}}\n", LOG_LINE_ERROR,
	      NULL);
	check("{" AT ",\"message\":\"\\\"level\\\":\\\"DEBUG\\\"\",\"level\":\"FATAL\"}",
	      LOG_LINE_FATAL, NULL);
	check("{\n\t" AT ",\n\t\"level\": \"WARN\"\n}\n", LOG_LINE_WARN, NULL);
}

static void test_levels_that_are_none(void)
{
	check("{" AT "}\n", LOG_LINE_INFO, NULL);
	check("{" AT ",\"level\":30}\n", LOG_LINE_INFO, NULL);
	check("{" AT ",\"level\":\"WARNING\"}\n", LOG_LINE_INFO, NULL);
	check("{" AT ",\"level\":\"\"}\n", LOG_LINE_INFO, NULL);
	check("{" AT ",\"level\":null}\n", LOG_LINE_INFO, NULL);
	check("{" AT ",\"level\":{\"level\":\"ERROR\"}}\n", LOG_LINE_INFO, NULL);
	check("{" AT ",\"Level\":\"ERROR\"}\n", LOG_LINE_INFO, NULL);
}

static void test_the_last_of_a_name_counts(void)
{
	check("{" AT ",\"level\":\"ERROR\",\"level\":\"DEBUG\"}\n", LOG_LINE_DEBUG, NULL);
	check("{" AT ",\"level\":\"ERROR\",\"level\":1}\n", LOG_LINE_INFO, NULL);
	check("{\"timestamp\":1," AT ",\"level\":\"ERROR\"}\n", LOG_LINE_ERROR, NULL);
	check("{" AT ",\"timestamp\":1,\"level\":\"ERROR\"}\n", LOG_LINE_INFO,
	      "{" AT "," AT ",\"level\":\"ERROR\"}\n");
}

static void test_objects_without_a_time_get_one(void)
{
	check("{}\n", LOG_LINE_INFO, "{" AT "}\n");
	check("{ }", LOG_LINE_INFO, "{" AT " }");
	check(" { \"level\":\"ERROR\"}\n", LOG_LINE_INFO, " {" AT ", \"level\":\"ERROR\"}\n");
	check("{\"a\":{" AT "}}\n", LOG_LINE_INFO, "{" AT ",\"a\":{" AT "}}\n");
}

static void test_times_that_are_none_are_replaced(void)
{
	check("{\"timestamp\":\"now\",\"level\":\"ERROR\"}\n", LOG_LINE_INFO,
	      "{" AT ",\"level\":\"ERROR\"}\n");
	check("{\"level\":\"DEBUG\",\"timestamp\": 1791444627768 }\n", LOG_LINE_INFO,
	      "{\"level\":\"DEBUG\",\"timestamp\": \"" TIME "\" }\n");
	check("{\"timestamp\":[{\"a\":\"}\"}]}\n", LOG_LINE_INFO, "{" AT "}\n");
}

static void test_level_names(void)
{
	enum log_line_level level;

	for (unsigned i = 0; i < LOG_LINE_LEVEL_COUNT; i++) {
		const char *name = log_line_level_name((enum log_line_level)i);

		CHECK(log_line_level_parse(name, strlen(name), &level));
		CHECK_INT(level, i);
	}
	CHECK(!log_line_level_parse("INFORMATION", 11, &level));
	CHECK(!log_line_level_parse("INFO", 3, &level));
	CHECK(!log_line_level_parse("", 0, &level));
}

TEST_MAIN(test_text_is_info, test_levels_of_objects, test_levels_that_are_none,
          test_the_last_of_a_name_counts, test_objects_without_a_time_get_one,
          test_times_that_are_none_are_replaced, test_level_names)
