/* SPDX-License-Identifier: Apache-2.0 */
/* xray - which documents X-Ray takes, and what lrie tells it of an invocation */
#include "emulator/xray.h"

#include "emulator/clock.h"
#include "emulator/json.h"
#include "tests/unit/test.h"

#define HEADER "{\"format\": \"json\", \"version\": 1}\n"
#define TRACE "1-5759e988-bd862e3fe1be46a994272793"
#define ID "\"id\":\"53995c3f42cd8ad8\""
#define TIMES "\"start_time\":1.5e9,\"end_time\":1500000000.25"
#define BASE "\"name\":\"n\"," ID ",\"trace_id\":\"" TRACE "\""
#define PARENT "\"type\":\"subsegment\",\"parent_id\":\"defdfd9912dc5a56\""

/* ---- datagrams ---- */

static void test_documents(void)
{
	static const char segment[] = HEADER "{" BASE "," TIMES "}";
	static const char subsegment[] = HEADER "{" BASE "," TIMES "," PARENT ",\"subsegments\":[{"
						"\"name\":\"inner\"," ID "," TIMES "}]}";
	static const char begun[] = HEADER "\n {" BASE ",\"start_time\":1,\"in_progress\":true}\n";
	struct xray_document document;
	struct error err = { .text = "" };

	CHECK(xray_read(segment, strlen(segment), &document, &err));
	CHECK(!document.is_subsegment);
	CHECK_STR(document.id, "53995c3f42cd8ad8");
	CHECK_STR(document.trace_id, TRACE);
	CHECK_STR(document.parent_id, "");
	CHECK_STR(document.json, "{" BASE "," TIMES "}");
	CHECK(xray_read(subsegment, strlen(subsegment), &document, &err));
	CHECK(document.is_subsegment);
	CHECK_STR(document.parent_id, "defdfd9912dc5a56");
	CHECK(xray_read(begun, strlen(begun), &document, &err));
	CHECK_STR(err.text, "");
}

static void test_refused_documents(void)
{
	static const struct {
		const char *datagram, *reason;
	} cases[] = {
		{ "", "does not begin with the line" },
		{ "junk", "does not begin with the line" },
		{ "junk\n{" BASE "," TIMES "}", "does not begin with the line" },
		{ "{\"format\":\"json\",\"version\":2}\n{}", "does not begin with the line" },
		{ "{\"format\":\"xml\",\"version\":1}\n{}", "does not begin with the line" },
		{ "{\"format\":\"json\",\"version\":1}", "no document" },
		{ HEADER, "no document" },
		{ HEADER "x", "no JSON" },
		{ HEADER "{" BASE "," TIMES, "no JSON" },
		{ HEADER "[]", "no object" },
		{ HEADER "{}", "no name" },
		{ HEADER "{\"name\":\"\"}", "no name" },
		{ HEADER "{\"name\":1}", "no name" },
		{ HEADER "{\"name\":\"n\"}", "its id" },
		{ HEADER "{\"name\":\"n\",\"id\":\"53995c3f42cd8ad\"}", "its id" },
		{ HEADER "{\"name\":\"n\",\"id\":\"53995c3f42cd8adg\"}", "its id" },
		{ HEADER "{\"name\":\"n\"," ID "}", "start_time" },
		{ HEADER "{\"name\":\"n\"," ID ",\"start_time\":\"1\"}", "start_time" },
		{ HEADER "{\"name\":\"n\"," ID ",\"start_time\":1}", "neither an end_time" },
		{ HEADER "{\"name\":\"n\"," ID ",\"start_time\":1,\"in_progress\":false}",
		  "neither an end_time" },
		{ HEADER "{\"name\":\"n\"," ID ",\"start_time\":2,\"end_time\":1}", "end_time" },
		{ HEADER "{\"name\":\"n\"," ID "," TIMES "}", "trace_id" },
		{ HEADER "{\"name\":\"n\"," ID "," TIMES
		         ",\"trace_id\":\"2-5759e988-bd862e3fe1be46a994272793\"}",
		  "trace_id" },
		{ HEADER "{\"name\":\"n\"," ID "," TIMES
		         ",\"trace_id\":\"1-5759e988bd862e3fe1be46a9942727930\"}",
		  "trace_id" },
		{ HEADER "{" BASE "," TIMES ",\"type\":\"segment\"}", "its type" },
		{ HEADER "{" BASE "," TIMES ",\"type\":\"subsegment\"}", "parent_id" },
		{ HEADER "{" BASE "," TIMES ",\"parent_id\":7}", "parent_id" },
		{ HEADER "{" BASE "," TIMES ",\"subsegments\":{}}", "no array" },
		{ HEADER "{" BASE "," TIMES ",\"subsegments\":[{" ID "}]}",
		  "one of its subsegments: it has no name" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct xray_document document;
		struct error err = { .text = "" };

		test_case(cases[i].datagram);
		CHECK(!xray_read(cases[i].datagram, strlen(cases[i].datagram), &document, &err));
		if (!CHECK(strstr(err.text, cases[i].reason)))
			printf("# %s\n", err.text);
	}
}

static bool is_taken(size_t name_length, const char *character, size_t filler)
{
	autobuffer struct buffer datagram = BUFFER_INIT;
	struct xray_document document;
	struct error err;

	buffer_append_text(&datagram, HEADER "{\"name\":\"");
	for (size_t i = 0; i < name_length; i++)
		buffer_append_text(&datagram, character);
	buffer_append_text(&datagram, "\"," ID ",\"trace_id\":\"" TRACE "\"," TIMES);
	for (size_t i = 0; i < filler; i++)
		buffer_append_text(&datagram, " ");
	buffer_append_text(&datagram, "}");
	return xray_read(datagram.data, datagram.length, &document, &err);
}

static void test_limits(void)
{
	CHECK(is_taken(200, "n", 0));
	CHECK(is_taken(200, "\xc3\xbc", 0));
	CHECK(!is_taken(201, "n", 0));
	CHECK(is_taken(1, "n", 65000));
	CHECK(!is_taken(1, "n", XRAY_DOCUMENT_LIMIT));
}

static void test_line_of_a_document(void)
{
	static const char datagram[] = HEADER "{\n" BASE ",\r\n" TIMES "}\n";
	autobuffer struct buffer line = BUFFER_INIT;
	struct xray_document document;
	struct error err;

	CHECK(xray_read(datagram, strlen(datagram), &document, &err));
	xray_append_document(&line, &document, "the-request");
	CHECK_STR(line.data, "{\"requestId\":\"the-request\",\"source\":\"function\",\"document\":"
	                     "{ " BASE ",  " TIMES "} }\n");
	buffer_clear(&line);
	xray_append_document(&line, &document, NULL);
	CHECK(strstr(line.data, "{\"requestId\":null,\"source\":"));
}

/* ---- causes ---- */

static void check_cause(const char *given, const char *expected)
{
	autobuffer struct buffer cause = BUFFER_INIT;

	test_case(given);
	CHECK_INT(xray_cause(&cause, given, strlen(given)), expected != NULL);
	CHECK_STR(cause.data, expected ? expected : "");
}

static void test_causes(void)
{
	static const char whole[] =
		"{\"working_directory\":\"/var/task\",\"exceptions\":[{\"type\":\"E\",\"message\":"
		"\"m\",\"stack\":[{\"path\":\"a.c\",\"line\":1,\"label\":\"f\"}]}],\"paths\":"
		"[\"a.c\"],\"own\":1.50}";

	check_cause(whole, whole);
	check_cause(" {\n\"message\" : \"m\" }", "{\"message\":\"m\"}");
	check_cause("{\"working_directory\":\"\",\"exceptions\":[],\"paths\":[],\"message\":\"\"}",
	            NULL);
	check_cause("{\"paths\":[\"p\"]}", "{\"paths\":[\"p\"]}");
	check_cause("{}", NULL);
	check_cause("", NULL);
	check_cause("[1]", NULL);
	check_cause("nonsense", NULL);
	check_cause("{\"message\":\"m\"", NULL);
}

static void test_cause_in_a_body(void)
{
	static const char body[] = "{\"errorMessage\":\"m\",\"errorCause\":{\"message\":\"why\"}}";
	static const char without[] = "{\"errorMessage\":\"m\"}";
	autobuffer struct buffer cause = BUFFER_INIT;

	CHECK(xray_cause_of_body(&cause, body, strlen(body)));
	CHECK_STR(cause.data, "{\"message\":\"why\"}");
	CHECK(!xray_cause_of_body(&cause, without, strlen(without)));
	CHECK(!xray_cause_of_body(&cause, "junk", 4));
}

static void append_many(struct buffer *out, const char *item, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		buffer_append_format(out, "%s%s", i ? "," : "", item);
}

/* 'filler' stands for each byte of a text that is 'length' long. */
static void append_filler(struct buffer *out, const char *filler, unsigned length)
{
	for (unsigned i = 0; i < length; i++)
		buffer_append_text(out, filler);
}

/* The cropped cause as a tree, which the caller destroys. */
static struct json *crop(const struct buffer *given)
{
	autobuffer struct buffer cause = BUFFER_INIT;
	struct error err = { .text = "" };
	struct json *tree;

	CHECK(given->length > XRAY_DOCUMENT_LIMIT);
	CHECK(xray_cause(&cause, given->data, given->length));
	CHECK(cause.length <= XRAY_DOCUMENT_LIMIT);
	tree = json_read(cause.data, cause.length, &err);
	CHECK_STR(err.text, "");
	return tree;
}

static void test_long_stack_is_cropped(void)
{
	autobuffer struct buffer given = BUFFER_INIT;
	const struct json *exceptions, *first;
	struct json *tree;
	double truncated = 0;

	buffer_append_text(&given, "{\"working_directory\":\"/var/task\",\"exceptions\":[{\"type\":"
	                           "\"E\",\"message\":\"m\",\"stack\":[");
	append_many(&given, "{\"path\":\"a/long/path.c\",\"line\":12,\"label\":\"function\"}",
	            5000);
	buffer_append_text(&given, "]},{\"type\":\"Second\"}],\"paths\":[\"a.c\"]}");
	tree = crop(&given);
	exceptions = json_member(tree, "exceptions");
	first = json_item(exceptions, 0);
	CHECK_INT(json_length(exceptions), 1);
	CHECK_STR(json_text(json_member(first, "type")), "E");
	CHECK(json_length(json_member(first, "stack")) > 1000);
	CHECK(json_number(json_member(first, "truncated"), &truncated));
	CHECK_INT(truncated + (double)json_length(json_member(first, "stack")), 5000);
	CHECK_STR(json_text(json_member(tree, "working_directory")), "/var/task");
	json_destroy(tree);
}

/* Each byte takes six when it is escaped: the first exception is there all the same. */
static void test_long_texts_are_cropped(void)
{
	autobuffer struct buffer given = BUFFER_INIT;
	const struct json *exception;
	struct json *tree;

	buffer_append_text(&given, "{\"working_directory\":\"");
	append_filler(&given, "\\u0001", 9000);
	buffer_append_text(&given, "\",\"exceptions\":[{\"type\":\"");
	append_filler(&given, "\\u0002", 9000);
	buffer_append_text(&given, "\",\"message\":\"");
	append_filler(&given, "\xc3\xbc", 9000);
	buffer_append_text(&given, "\"}],\"paths\":[");
	append_many(&given, "\"some/path\"", 9000);
	buffer_append_text(&given, "]}");
	tree = crop(&given);
	exception = json_item(json_member(tree, "exceptions"), 0);
	CHECK(json_text(json_member(exception, "message")));
	CHECK_INT(strlen(json_text(json_member(exception, "type"))), 1000);
	CHECK(json_length(json_member(tree, "paths")) > 100);
	json_destroy(tree);
}

static void test_one_text_too_long(void)
{
	autobuffer struct buffer given = BUFFER_INIT;
	struct json *tree;

	buffer_append_text(&given, "{\"message\":\"");
	append_filler(&given, "x", 900000);
	buffer_append_text(&given, "\"}");
	tree = crop(&given);
	CHECK_INT(strlen(json_text(json_member(tree, "message"))), 4000);
	json_destroy(tree);
}

/* Memory: nothing that large is looked at. */
static void test_causes_beyond_measure(void)
{
	autobuffer struct buffer given = BUFFER_INIT, cause = BUFFER_INIT;

	buffer_append_text(&given, "{\"message\":\"m\",\"paths\":[");
	append_many(&given, "[]", 50000);
	buffer_append_text(&given, "]}");
	CHECK(!xray_cause(&cause, given.data, given.length));
	CHECK_INT(cause.length, 0);
}

/* ---- lrie's own ---- */

#define AT(ms) (UINT64_C(1767225600) * CLOCK_NS_PER_S + (ms)*CLOCK_NS_PER_MS)

static struct xray_invocation cold(void)
{
	return (struct xray_invocation){
		.function_name = "f",
		.function_arn = "arn:f",
		.account_id = "012345678912",
		.request_id = "the-request",
		.trace_id = TRACE,
		.caller_id = "53995c3f42cd8ad8",
		.lambda = { "1111111111111111", AT(1), AT(30) },
		.function = { "2222222222222222", AT(20), AT(31) },
		.init = { "3333333333333333", AT(5), AT(19) },
		.invocation = { "4444444444444444", AT(20), AT(30) },
		.overhead = { "5555555555555555", AT(30), AT(31) },
	};
}

static void check_valid(const char *line, size_t length)
{
	autobuffer struct buffer datagram = BUFFER_INIT;
	struct error err = { .text = "" };
	struct json *json = json_read(line, length, &err);
	struct xray_document read;

	CHECK_STR(err.text, "");
	buffer_append_text(&datagram, HEADER);
	json_append(&datagram, json_member(json, "document"));
	CHECK(xray_read(datagram.data, datagram.length, &read, &err));
	CHECK_STR(err.text, "");
	json_destroy(json);
}

static void check_invocation(const struct xray_invocation *invocation, const char *lambda,
                             const char *function)
{
	autobuffer struct buffer lines = BUFFER_INIT;
	char *second;

	xray_append_invocation(&lines, invocation);
	second = strchr(lines.data, '\n') + 1;
	check_valid(lines.data, (size_t)(second - lines.data));
	check_valid(second, strlen(second));
	CHECK_STR(second, function);
	*second = '\0';
	CHECK_STR(lines.data, lambda);
}

#define LINE "{\"requestId\":\"the-request\",\"source\":\"lambda\",\"document\":{\"name\":\"f\","
#define LAMBDA                                                               \
	LINE "\"id\":\"1111111111111111\",\"start_time\":1767225600.001000," \
	     "\"end_time\":1767225600.030000,\"trace_id\":\"" TRACE "\","
#define LAMBDA_REST                                                                      \
	"\"origin\":\"AWS::Lambda\",\"resource_arn\":\"arn:f\",\"http\":{\"response\":{" \
	"\"status\":200}},\"aws\":{\"request_id\":\"the-request\"}}}\n"
#define FUNCTION                                                                           \
	LINE "\"id\":\"2222222222222222\",\"start_time\":1767225600.020000,"               \
	     "\"end_time\":1767225600.031000,\"trace_id\":\"" TRACE                        \
	     "\",\"parent_id\":\"1111111111111111\",\"origin\":\"AWS::Lambda::Function\"," \
	     "\"aws\":{\"account_id\":\"012345678912\",\"function_arn\":\"arn:f\","        \
	     "\"request_id\":\"the-request\"},"
#define INVOCATION                                                             \
	"{\"name\":\"Invocation\",\"id\":\"4444444444444444\",\"start_time\":" \
	"1767225600.020000,\"end_time\":1767225600.030000}"

static void test_cold_invocation(void)
{
	struct xray_invocation invocation = cold();

	check_invocation(&invocation, LAMBDA "\"parent_id\":\"53995c3f42cd8ad8\"," LAMBDA_REST,
	                 FUNCTION "\"subsegments\":[{\"name\":\"Initialization\",\"id\":"
	                          "\"3333333333333333\",\"start_time\":1767225600.005000,"
	                          "\"end_time\":1767225600.019000}," INVOCATION
	                          ",{\"name\":\"Overhead\",\"id\":\"5555555555555555\","
	                          "\"start_time\":1767225600.030000,"
	                          "\"end_time\":1767225600.031000}]}}\n");
}

static void test_failed_invocations(void)
{
	struct xray_invocation invocation = cold();

	invocation.caller_id[0] = '\0';
	invocation.init = invocation.overhead = (struct xray_span){ .start_ns = 0 };
	invocation.is_fault = true;
	invocation.error_type = "Sandbox.Timedout";
	invocation.error_message = "Task timed out after 3.00 seconds";
	check_invocation(&invocation, LAMBDA LAMBDA_REST,
	                 FUNCTION "\"fault\":true,\"cause\":{\"exceptions\":[{\"type\":"
	                          "\"Sandbox.Timedout\",\"message\":\"Task timed out after 3.00 "
	                          "seconds\"}]},\"subsegments\":[" INVOCATION "]}}\n");
	invocation.cause = "{\"message\":\"m\"}";
	check_invocation(&invocation, LAMBDA LAMBDA_REST,
	                 FUNCTION "\"fault\":true,\"cause\":{\"message\":\"m\"},"
	                          "\"subsegments\":[" INVOCATION "]}}\n");
}

TEST_MAIN(test_documents, test_refused_documents, test_limits, test_line_of_a_document, test_causes,
          test_cause_in_a_body, test_long_stack_is_cropped, test_long_texts_are_cropped,
          test_one_text_too_long, test_causes_beyond_measure, test_cold_invocation,
          test_failed_invocations)
