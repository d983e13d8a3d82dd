/* SPDX-License-Identifier: Apache-2.0 */
/* emf - which lines hold metrics for CloudWatch, and what is wrong with those that do not */
#include "emulator/emf.h"

#include <stdlib.h>

#include "emulator/clock.h"
#include "tests/unit/test.h"

#define NOW_MS UINT64_C(1767225600000)
#define AWS "\"_aws\":{\"Timestamp\":1767225600000,\"CloudWatchMetrics\":"
#define LINE(directives, rest) "{" AWS "[" directives "]}" rest "}"
#define DIRECTIVE(dimensions, metrics) \
	"{\"Namespace\":\"n\",\"Dimensions\":" dimensions ",\"Metrics\":" metrics "}"
#define TIME "[{\"Name\":\"time\",\"Unit\":\"Milliseconds\"}]"

struct example {
	const char *line;
	enum emf_verdict verdict;
	const char *reason; /* part of it */
};

static void check_example(const struct example *example)
{
	struct error reason = { .text = "" };

	test_case(example->line);
	CHECK_INT(emf_check(example->line, strlen(example->line), NOW_MS, &reason),
	          example->verdict);
	if (example->verdict == EMF_NONE || example->verdict == EMF_VALID)
		CHECK_STR(reason.text, "");
	else if (!CHECK(strstr(reason.text, example->reason)))
		printf("# %s\n", reason.text);
}

static void check_examples(const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++)
		check_example(&examples[i]);
}
#define CHECK_EXAMPLES(examples) check_examples(examples, sizeof(examples) / sizeof(*(examples)))

static void test_valid(void)
{
	static const struct example examples[] = {
		{ LINE(DIRECTIVE("[[\"v\"]]", TIME), ",\"v\":\"1\",\"time\":100"), EMF_VALID,
		  NULL },
		{ LINE(DIRECTIVE("[]", TIME), ",\"time\":[1,2.5,-3e4]"), EMF_VALID, NULL },
		{ LINE(DIRECTIVE("[[]]", "[{\"Name\":\"time\",\"StorageResolution\":1}]"),
		       ",\"time\":0"),
		  EMF_VALID, NULL },
		{ LINE(DIRECTIVE("[[]]", "[]"), ""), EMF_VALID, NULL },
		{ LINE("", ""), EMF_VALID, NULL },
		{ LINE(DIRECTIVE("[[\"a\",\"b\"],[\"a\"]]", TIME) "," DIRECTIVE("[[]]", TIME),
		       ",\"a\":\"x\",\"b\":\"y\",\"time\":1,\"other\":{\"deep\":[null]}"),
		  EMF_VALID, NULL },
		/* what runtimes put in front of a message */
		{ "2026-01-01T00:00:00.000Z\t8476a536-e9f4\tINFO\t" LINE(DIRECTIVE("[[]]", TIME),
		                                                         ",\"time\":1"),
		  EMF_VALID, NULL },
	};

	CHECK_EXAMPLES(examples);
}

static void test_other_lines(void)
{
	static const struct example examples[] = {
		{ "", EMF_NONE, NULL },
		{ "hello", EMF_NONE, NULL },
		{ "{\"message\":\"hello\"}", EMF_NONE, NULL },
		{ "\"_aws\" is what metrics are in", EMF_NONE, NULL },
		{ "{\"event\":{\"_aws\":{}}}", EMF_NONE, NULL },
		{ "{\"message\":\"the \\\"_aws\\\" member\",\"a\":\"_aws\"}", EMF_NONE, NULL },
	};

	CHECK_EXAMPLES(examples);
}

static void test_mistakes(void)
{
	static const struct example examples[] = {
		{ "{\"_aws\":{}", EMF_NO_JSON, "not one JSON object" },
		{ "{\"_aws\":{}} trailing", EMF_NO_JSON, "not one JSON object" },
		{ "{\"_aws\":1}", EMF_BAD_METADATA, "no array CloudWatchMetrics" },
		{ "{\"_aws\":{}}", EMF_BAD_METADATA, "no array CloudWatchMetrics" },
		{ "{\"_aws\":{\"CloudWatchMetrics\":[]}}", EMF_BAD_TIMESTAMP, "whole number" },
		{ "{\"_aws\":{\"CloudWatchMetrics\":[],\"Timestamp\":\"1\"}}", EMF_BAD_TIMESTAMP,
		  "whole number" },
		{ "{\"_aws\":{\"CloudWatchMetrics\":[],\"Timestamp\":1.5}}", EMF_BAD_TIMESTAMP,
		  "whole number" },
		{ "{\"_aws\":{\"CloudWatchMetrics\":[],\"Timestamp\":1767225600}}",
		  EMF_BAD_TIMESTAMP, "in milliseconds, not seconds" },
		{ "{\"_aws\":{\"CloudWatchMetrics\":[],\"Timestamp\":1766015999999}}",
		  EMF_BAD_TIMESTAMP, "two weeks ago" },
		{ "{\"_aws\":{\"CloudWatchMetrics\":[],\"Timestamp\":1767232800001}}",
		  EMF_BAD_TIMESTAMP, "two hours ahead" },
		{ "{\"_aws\":{\"CloudWatchMetrics\":[],\"Timestamp\":1767225600000000}}",
		  EMF_BAD_TIMESTAMP, "it is in milliseconds" },
		{ LINE("1", ""), EMF_BAD_NAMESPACE, "no Namespace" },
		{ LINE("{\"Namespace\":\"\"}", ""), EMF_BAD_NAMESPACE, "no Namespace" },
		{ LINE("{\"Namespace\":\"n\"}", ""), EMF_BAD_DIMENSIONS, "no array Dimensions" },
		{ LINE(DIRECTIVE("[\"v\"]", TIME), ",\"v\":\"1\",\"time\":1"), EMF_BAD_DIMENSIONS,
		  "array of arrays" },
		{ LINE(DIRECTIVE("[[1]]", TIME), ",\"time\":1"), EMF_BAD_DIMENSIONS, "not a text" },
		{ LINE(DIRECTIVE("[[\"v\"]]", TIME), ",\"time\":1"), EMF_MISSING_DIMENSION,
		  "'v' is no member" },
		{ LINE(DIRECTIVE("[[\"v\"]]", TIME), ",\"v\":1,\"time\":1"), EMF_MISSING_DIMENSION,
		  "'v' is no member of the line with a text" },
		{ LINE(DIRECTIVE("[[\"v\"]]", TIME), ",\"v\":\"\",\"time\":1"),
		  EMF_MISSING_DIMENSION, "1 to 1024" },
		{ LINE(DIRECTIVE("[[]]", "{}"), ""), EMF_BAD_METRICS, "no array Metrics" },
		{ LINE(DIRECTIVE("[[]]", "[{}]"), ""), EMF_BAD_METRICS, "no Name" },
		{ LINE(DIRECTIVE("[[]]", "[\"time\"]"), ",\"time\":1"), EMF_BAD_METRICS,
		  "no Name" },
		{ LINE(DIRECTIVE("[[]]", "[{\"Name\":\"t\",\"Unit\":\"milliseconds\"}]"),
		       ",\"t\":1"),
		  EMF_BAD_UNIT, "'milliseconds'" },
		{ LINE(DIRECTIVE("[[]]", "[{\"Name\":\"t\",\"Unit\":7}]"), ",\"t\":1"),
		  EMF_BAD_UNIT, "(no text)" },
		{ LINE(DIRECTIVE("[[]]", "[{\"Name\":\"t\",\"StorageResolution\":30}]"),
		       ",\"t\":1"),
		  EMF_BAD_RESOLUTION, "not 1 or 60" },
		{ LINE(DIRECTIVE("[[]]", TIME), ""), EMF_MISSING_VALUE, "'time' is no member" },
		{ LINE(DIRECTIVE("[[]]", TIME), ",\"time\":\"1\""), EMF_MISSING_VALUE,
		  "with a number" },
		{ LINE(DIRECTIVE("[[]]", TIME), ",\"time\":[]"), EMF_MISSING_VALUE,
		  "with a number" },
		{ LINE(DIRECTIVE("[[]]", TIME), ",\"time\":[1,\"2\"]"), EMF_MISSING_VALUE,
		  "is no number" },
		{ LINE(DIRECTIVE("[[]]", TIME), ",\"a\":{\"time\":1}"), EMF_MISSING_VALUE,
		  "'time' is no member" },
	};

	CHECK_EXAMPLES(examples);
}

/* ---- limits: the last that is taken, and the first that is not ---- */

/* "[ITEM,ITEM,...]" */
static void append_array(struct buffer *out, const char *item, unsigned count)
{
	buffer_append_text(out, "[");
	for (unsigned i = 0; i < count; i++)
		buffer_append_format(out, "%s%s", i ? "," : "", item);
	buffer_append_text(out, "]");
}

static enum emf_verdict verdict_of(unsigned dimensions, unsigned metrics, unsigned values)
{
	autobuffer struct buffer line = BUFFER_INIT;
	struct error reason;

	buffer_append_text(&line, "{" AWS "[{\"Namespace\":\"n\",\"Dimensions\":[");
	append_array(&line, "\"v\"", dimensions);
	buffer_append_text(&line, "],\"Metrics\":");
	append_array(&line, "{\"Name\":\"t\"}", metrics);
	buffer_append_text(&line, "}]},\"v\":\"1\",\"t\":");
	append_array(&line, "1", values);
	buffer_append_text(&line, "}");
	return emf_check(line.data, line.length, NOW_MS, &reason);
}

static void test_limits(void)
{
	CHECK_INT(verdict_of(30, 100, 100), EMF_VALID);
	CHECK_INT(verdict_of(31, 100, 100), EMF_TOO_MANY_DIMENSIONS);
	CHECK_INT(verdict_of(30, 101, 100), EMF_TOO_MANY_METRICS);
	CHECK_INT(verdict_of(30, 100, 101), EMF_TOO_MANY_VALUES);
	/* not looked at: memory */
	CHECK_INT(verdict_of(30, 100, 20000), EMF_NONE);
}

static void test_lengths(void)
{
	autobuffer struct buffer line = BUFFER_INIT;
	struct error reason;

	for (unsigned length = 255; length <= 256; length++) {
		char name[257] = "";

		memset(name, 'a', length);
		buffer_clear(&line);
		buffer_append_format(&line,
		                     "{" AWS "[{\"Namespace\":\"%s\",\"Dimensions\":[],"
		                     "\"Metrics\":[]}]}}",
		                     name);
		CHECK_INT(emf_check(line.data, line.length, NOW_MS, &reason),
		          length == 255 ? EMF_VALID : EMF_BAD_NAMESPACE);
	}
	buffer_clear(&line);
	buffer_append_text(&line, "{" AWS "[]},\"filler\":\"");
	while (line.length < EMF_LINE_LIMIT - 2)
		buffer_append_text(&line, "x");
	buffer_append_text(&line, "\"}");
	CHECK_INT(emf_check(line.data, line.length, NOW_MS, &reason), EMF_VALID);
	buffer_append_text(&line, " ");
	CHECK_INT(emf_check(line.data, line.length, NOW_MS, &reason), EMF_TOO_LONG);
}

/* ---- lrie's own ---- */

static void check_own(const struct emf_record *record, const char *expected)
{
	autobuffer struct buffer line = BUFFER_INIT;
	struct error reason = { .text = "" };

	emf_append(&line, record);
	CHECK_STR(line.data, expected);
	CHECK_INT(emf_check(line.data, line.length - 1, NOW_MS, &reason), EMF_VALID);
	CHECK_STR(reason.text, "");
}

#define DEFINITIONS                                                                           \
	"{\"_aws\":{\"Timestamp\":1767225600000,\"CloudWatchMetrics\":[{\"Namespace\":"       \
	"\"lrie\",\"Dimensions\":[[\"FunctionName\"]],\"Metrics\":[{\"Name\":\"Duration\","   \
	"\"Unit\":\"Milliseconds\"},{\"Name\":\"BilledDuration\",\"Unit\":\"Milliseconds\"}," \
	"{\"Name\":\"ColdStart\",\"Unit\":\"Count\"},{\"Name\":\"Errors\",\"Unit\":\"Count\"}"
#define NAMES "\"FunctionName\":\"f\",\"FunctionVersion\":\"$LATEST\",\"RequestId\":\"id\","

static void test_own_records(void)
{
	const struct emf_record cold = {
		.wall_ms = NOW_MS,
		.function_name = "f",
		.version = "$LATEST",
		.request_id = "id",
		.is_cold = true,
		.duration_ns = 2500 * CLOCK_NS_PER_US,
		.billed_ms = 13,
		.init_ns = 10 * CLOCK_NS_PER_MS,
		.memory_bytes = 134217728,
		.memory_peak_bytes = 4096,
	};
	const struct emf_record failed = {
		.wall_ms = NOW_MS,
		.function_name = "f",
		.version = "$LATEST",
		.request_id = "id",
		.duration_ns = 3 * CLOCK_NS_PER_S,
		.billed_ms = 3000,
		.memory_bytes = 134217728,
		.error_type = "Sandbox.Timedout",
	};

	check_own(&cold, DEFINITIONS
	          ",{\"Name\":\"InitDuration\",\"Unit\":\"Milliseconds\"},"
	          "{\"Name\":\"MaxMemoryUsed\",\"Unit\":\"Bytes\"}]}]}," NAMES
	          "\"Duration\":2.5,\"BilledDuration\":13,\"ColdStart\":1,\"Errors\":0,"
	          "\"InitDuration\":10.0,\"MemorySize\":134217728,\"MaxMemoryUsed\":4096}\n");
	check_own(&failed, DEFINITIONS
	          "]}]}," NAMES "\"Duration\":3000.0,\"BilledDuration\":3000,\"ColdStart\":0,"
	          "\"Errors\":1,\"MemorySize\":134217728,\"ErrorType\":\"Sandbox.Timedout\"}\n");
}

TEST_MAIN(test_valid, test_other_lines, test_mistakes, test_limits, test_lengths, test_own_records)
