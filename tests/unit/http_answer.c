/* SPDX-License-Identifier: Apache-2.0 */
/* http_answer, http_prelude - what clients are told of answers, in each of the four formats */
#include "emulator/http_answer.h"

#include <stdlib.h>

#include "emulator/http_failure.h"
#include "emulator/http_prelude.h"
#include "tests/unit/test.h"

static void make_site(struct http_site *site, enum http_format format)
{
	http_site_init(site, format, "us-east-1", "123456789012", "shop");
}

/* "502; A: 1; B: 2; the body" */
static void describe(struct buffer *out, const struct http_answer *answer)
{
	const char *at = answer->headers.data, *end = at + answer->headers.length;

	buffer_append_format(out, "%u; ", answer->status);
	while (at < end) {
		const char *value = at + strlen(at) + 1;

		buffer_append_format(out, "%s: %s; ", at, value);
		at = value + strlen(value) + 1;
	}
	for (size_t i = 0; i < answer->body.length; i++)
		buffer_append_text(out, answer->body.data[i] ? (char[]){ answer->body.data[i], 0 }
		                                             : "NUL");
}

#define TYPE "Content-Type: application/json; "
#define FAILED "502; Content-Type: text/plain; Internal Server Error"
#define FAILED_REST "502; " TYPE "{\"message\": \"Internal server error\"}"
#define FAILED_ALB                                                                          \
	"502; Server: awselb/2.0; Content-Type: text/html; <html>\r\n<head><title>502 Bad " \
	"Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad "                          \
	"Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

static const struct {
	enum http_format format;
	const char *result;
	const char *expected;
	const char *accept;
} cases[] = {
	/* what is no response is the body of one */
	{ HTTP_FORMAT_URL, "{\"hello\": \"world\"}", "200; " TYPE "{\"hello\":\"world\"}", NULL },
	{ HTTP_FORMAT_URL, "[\"hello\", 3, true]", "200; " TYPE "[\"hello\",3,true]", NULL },
	{ HTTP_FORMAT_URL, "3", "200; " TYPE "3", NULL },
	{ HTTP_FORMAT_URL, " 3.1 ", "200; " TYPE "3.1", NULL },
	{ HTTP_FORMAT_URL, "true", "200; " TYPE "true", NULL },
	{ HTTP_FORMAT_URL, "null", "200; " TYPE "null", NULL },
	{ HTTP_FORMAT_URL, "{}", "200; " TYPE "{}", NULL },
	{ HTTP_FORMAT_URL, "\"hello\"", "200; " TYPE "hello", NULL },
	{ HTTP_FORMAT_URL, "\"\\u20ac\\n\\u0000\"", "200; " TYPE "\xe2\x82\xac\nNUL", NULL },
	{ HTTP_FORMAT_URL, "\xef\xbb\xbf{\"a\":1}", "200; " TYPE "{\"a\":1}", NULL },
	{ HTTP_FORMAT_URL, "{\"body\":\"x\"}", "200; " TYPE "{\"body\":\"x\"}", NULL },
	{ HTTP_FORMAT_URL, "", FAILED, NULL },
	{ HTTP_FORMAT_URL, "hello", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200", FAILED, NULL },

	/* status */
	{ HTTP_FORMAT_URL, "{\"statusCode\":418}", "418; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":\"418\"}", "418; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"status\\u0043ode\":2.01e2}", "201; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":404,\"statusCode\":200}", "200; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200.5}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":\" 200\"}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":\"2e2\"}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":\"\"}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":\"OK\"}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":null}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":true}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":[200]}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":0}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":-200}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":101}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":600}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":1e300}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200000000000000000000000}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":204,\"body\":\"x\"}", "204; ", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":304,\"headers\":{\"ETag\":\"1\"},\"body\":\"x\"}",
	  "304; ETag: 1; ", NULL },

	/* bodies */
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":\"{\\\"hello\\\": \\\"world\\\"}\"}",
	  "200; " TYPE "{\"hello\": \"world\"}", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":{\"a\": [1, 2]}}",
	  "200; " TYPE "{\"a\":[1,2]}", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":null}", "200; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":7}", "200; " TYPE "7", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":\"YQBi\",\"isBase64Encoded\":true}",
	  "200; " TYPE "aNULb", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":\"Pz8\\/\",\"isBase64Encoded\":true}",
	  "200; " TYPE "\x3f??", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":\"YQ==\",\"isBase64Encoded\":false}",
	  "200; " TYPE "YQ==", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":\"YQ==\",\"base64Encoded\":true}",
	  "200; " TYPE "YQ==", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":\"\",\"isBase64Encoded\":true}",
	  "200; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"body\":\"?\",\"isBase64Encoded\":true}", FAILED,
	  NULL },

	/* headers and cookies of 2.0 */
	{ HTTP_FORMAT_URL,
	  "{\"statusCode\":200,\"headers\":{\"X-A\":\"1\",\"b\":2.50,\"c\":true,\"d\":null}}",
	  "200; X-A: 1; b: 2.50; c: true; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"content-TYPE\":\"text/html\"}}",
	  "200; content-TYPE: text/html; ", NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"cookies\":[\"a=1; Path=/\",\"b=2\",\"b=2\"]}",
	  "200; set-cookie: a=1; Path=/; set-cookie: b=2; set-cookie: b=2; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":null,\"cookies\":null}", "200; " TYPE,
	  NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"multiValueHeaders\":{\"a\":[\"1\"]},\"new\":1}",
	  "200; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":[]}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"a\":[\"1\"]}}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"a\":{}}}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"cookies\":\"a=1\"}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"cookies\":[null]}", FAILED, NULL },

	/* what would break a response in two */
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"a\":\"1\\r\\nb: 2\"}}", FAILED,
	  NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"a\":\"1\\nb: 2\"}}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"a\":\"1\\u0000\"}}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"a: b\\r\\nc\":\"1\"}}", FAILED,
	  NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"a\\u0000\":\"1\"}}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"\":\"1\"}}", FAILED, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"cookies\":[\"a=1\\r\\n\\r\\n<script>\"]}", FAILED,
	  NULL },
	{ HTTP_FORMAT_URL,
	  "{\"statusCode\":200,\"headers\":{\"content-length\":\"5\",\"Transfer-Encoding\":"
	  "\"chunked\",\"Connection\":\"close\"}}",
	  "200; x-amzn-Remapped-content-length: 5; x-amzn-Remapped-Transfer-Encoding: chunked; "
	  "x-amzn-Remapped-Connection: close; " TYPE,
	  NULL },
	{ HTTP_FORMAT_ALB, "{\"statusCode\":200,\"headers\":{\"content-length\":\"5\"}}",
	  "200; Content-Type: application/octet-stream; ", NULL },
	{ HTTP_FORMAT_REST_API, "{\"headers\":{\"WWW-Authenticate\":\"Basic\"}}",
	  "200; x-amzn-Remapped-WWW-Authenticate: Basic; " TYPE, NULL },
	{ HTTP_FORMAT_URL, "{\"statusCode\":401,\"headers\":{\"WWW-Authenticate\":\"Basic\"}}",
	  "401; WWW-Authenticate: Basic; " TYPE, NULL },

	/* HTTP API */
	{ HTTP_FORMAT_HTTP_API, "\"hello\"", "200; " TYPE "hello", NULL },
	{ HTTP_FORMAT_HTTP_API, "x", "502; " TYPE "{\"message\":\"Internal Server Error\"}", NULL },

	/* 1.0 */
	{ HTTP_FORMAT_REST_API, "{}", "200; " TYPE, NULL },
	{ HTTP_FORMAT_REST_API, "{\"statusCode\":\"201\",\"body\":\"x\"}", "201; " TYPE "x", NULL },
	{ HTTP_FORMAT_REST_API,
	  "{\"headers\":{\"A\":\"value-solo\",\"b\":1},\"multiValueHeaders\":{\"a\":"
	  "[\"value-multi\"],\"B\":[1,true]}}",
	  "200; a: value-multi; B: 1; B: true; A: value-solo; " TYPE, NULL },
	{ HTTP_FORMAT_REST_API,
	  "{\"headers\":{\"A\":\"x\"},\"multiValueHeaders\":{\"a\":[\"x\",\"y\"]}}",
	  "200; a: x; a: y; " TYPE, NULL },
	{ HTTP_FORMAT_REST_API, "{\"multiValueHeaders\":{\"a\":[]}}", "200; " TYPE, NULL },
	{ HTTP_FORMAT_REST_API, "{\"multiValueHeaders\":{\"a\":null}}", "200; " TYPE, NULL },
	{ HTTP_FORMAT_REST_API, "{\"multiValueHeaders\":{\"a\":\"1\"}}", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "{\"multiValueHeaders\":[]}", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "{\"body\":null}", "200; " TYPE, NULL },
	{ HTTP_FORMAT_REST_API, "{\"body\":{}}", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "{\"body\":1}", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "{\"cookies\":[]}", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "\"\"", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "null", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "[]", FAILED_REST, NULL },
	{ HTTP_FORMAT_REST_API, "{\"body\":\"YQ==\",\"isBase64Encoded\":true}",
	  "200; " TYPE "YQ==", "text/html" },
	{ HTTP_FORMAT_REST_API, "{\"body\":\"YQ==\",\"isBase64Encoded\":true}",
	  "200; " TYPE "YQ==", NULL },
	{ HTTP_FORMAT_REST_API, "{\"body\":\"YQ==\",\"isBase64Encoded\":true}", "200; " TYPE "a",
	  "image/png;q=1, text/html" },
	{ HTTP_FORMAT_REST_API, "{\"body\":\"YQ==\",\"isBase64Encoded\":true}", "200; " TYPE "a",
	  "a/b,text/html" },
	{ HTTP_FORMAT_REST_API, "{\"body\":\"YQ==\",\"isBase64Encoded\":true}",
	  "200; " TYPE "YQ==", "text/html, image/png" },
	{ HTTP_FORMAT_REST_API, "{\"body\":\"YQ==\",\"base64Encoded\":true}", "200; " TYPE "a",
	  "image/png" },

	/* the load balancer */
	{ HTTP_FORMAT_ALB,
	  "{\"statusCode\":200,\"statusDescription\":\"200 OK\",\"headers\":{\"Content-Type\":"
	  "\"text/html\"},\"body\":\"PA==\",\"isBase64Encoded\":true}",
	  "200; Content-Type: text/html; <", NULL },
	{ HTTP_FORMAT_ALB, "{\"headers\":{}}", FAILED_ALB, NULL },
	{ HTTP_FORMAT_ALB, "{\"statusCode\":200,\"body\":{}}", FAILED_ALB, NULL },
	{ HTTP_FORMAT_ALB, "[]", FAILED_ALB, NULL },
	{ HTTP_FORMAT_ALB, "", FAILED_ALB, NULL },
};

static void test_answers(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer text = BUFFER_INIT;
		struct http_answer answer;
		struct http_site site;
		size_t length = strlen(cases[i].result);
		char *copy = memcpy(xmalloc(length), cases[i].result, length);

		test_case(cases[i].result);
		make_site(&site, cases[i].format);
		site.binary_types = "image/*,a/b";
		http_answer_init(&answer);
		http_answer_map(&answer, &site, copy, length, cases[i].accept);
		describe(&text, &answer);
		CHECK_STR(text.data, cases[i].expected);
		CHECK_INT(*answer.why.text != '\0', answer.status == 502);
		http_answer_finish(&answer);
		free(copy);
	}
}

/* The site's own headers, and those that say where a response ends. */
static void test_headers_that_are_not_the_functions(void)
{
	static const struct {
		const char *name;
		bool is_url, is_rest, is_alb; /* whether it is remapped there, or dropped */
	} names[] = {
		{ "Connection", true, true, true },
		{ "content-length", true, true, true },
		{ "Date", true, true, true },
		{ "Keep-Alive", true, true, true },
		{ "Proxy-Connection", true, true, true },
		{ "TE", true, true, true },
		{ "Trailer", true, true, true },
		{ "Upgrade", true, true, true },
		{ "Transfer-Encoding", true, true, true },
		{ "x-amzn-requestid", true, true, false },
		{ "X-Amzn-Trace-Id", true, true, false },
		{ "Server", true, true, false },
		{ "Content-MD5", false, true, false },
		{ "Expect", false, true, false },
		{ "Host", false, true, false },
		{ "Max-Forwards", false, true, false },
		{ "User-Agent", false, true, false },
		{ "WWW-Authenticate", false, true, false },
		{ "X-Other", false, false, false },
	};

	for (int format = HTTP_FORMAT_URL; format <= HTTP_FORMAT_ALB; format++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			autobuffer struct buffer result = BUFFER_INIT, expected = BUFFER_INIT;
			autobuffer struct buffer text = BUFFER_INIT;
			bool is_alb = format == HTTP_FORMAT_ALB;
			bool is_remapped = is_alb                           ? names[i].is_alb
			                   : format == HTTP_FORMAT_REST_API ? names[i].is_rest
			                                                    : names[i].is_url;
			struct http_answer answer;
			struct http_site site;

			test_case(names[i].name);
			buffer_append_format(&result,
			                     "{\"statusCode\":200,\"headers\":{\"%s\":\"v\"}}",
			                     names[i].name);
			buffer_append_text(&expected, "200; ");
			if (!is_alb || !is_remapped)
				buffer_append_format(&expected, "%s%s: v; ",
				                     is_remapped ? "x-amzn-Remapped-" : "",
				                     names[i].name);
			buffer_append_format(&expected, "Content-Type: application/%s; ",
			                     is_alb ? "octet-stream" : "json");
			make_site(&site, (enum http_format)format);
			http_answer_init(&answer);
			http_answer_map(&answer, &site, result.data, result.length, NULL);
			describe(&text, &answer);
			CHECK_STR(text.data, expected.data);
			http_answer_finish(&answer);
		}
	}
}

static void test_multi_value_of_a_load_balancer(void)
{
	static const char result[] = "{\"statusCode\":200,\"headers\":{\"a\":\"1\"},"
				     "\"multiValueHeaders\":{\"Set-Cookie\":[\"a=1\",\"b=2\"]}}";
	autobuffer struct buffer text = BUFFER_INIT;
	struct http_answer answer;
	struct http_site site;

	make_site(&site, HTTP_FORMAT_ALB);
	site.is_multi_value = true;
	http_answer_init(&answer);
	http_answer_map(&answer, &site, result, strlen(result), NULL);
	describe(&text, &answer);
	CHECK_STR(text.data, "200; Set-Cookie: a=1; Set-Cookie: b=2; Content-Type: "
	                     "application/octet-stream; ");
	http_answer_finish(&answer);
}

static void test_what_is_wrong_is_told(void)
{
	static const struct {
		enum http_format format;
		const char *result, *why;
	} wrongs[] = {
		{ HTTP_FORMAT_URL, "hello", "it is no JSON" },
		{ HTTP_FORMAT_URL, "{\"statusCode\":\"OK\"}",
		  "'statusCode' is \"OK\", and no number from 200 to 599" },
		{ HTTP_FORMAT_URL, "{\"statusCode\":200,\"headers\":{\"X-A\":\"\\n\"}}",
		  "header 'X-A' has a line break or control character in its value" },
		{ HTTP_FORMAT_REST_API, "{\"staus\":1}",
		  "it has the member \"staus\", which is not known" },
		{ HTTP_FORMAT_ALB, "{}", "it has no 'statusCode'" },
	};

	static const char streamed[] = "{\"statusCode\":200}\0\0\0\0\0\0\0\0body";
	struct http_answer stream;
	struct http_site url;

	make_site(&url, HTTP_FORMAT_URL);
	http_answer_init(&stream);
	http_answer_map(&stream, &url, streamed, sizeof(streamed) - 1, NULL);
	CHECK_STR(stream.why.text,
	          "it is made to be streamed, which takes --invoke-mode=response_stream");
	http_answer_finish(&stream);
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		struct http_answer answer;
		struct http_site site;

		make_site(&site, wrongs[i].format);
		http_answer_init(&answer);
		http_answer_map(&answer, &site, wrongs[i].result, strlen(wrongs[i].result), NULL);
		CHECK_STR(answer.why.text, wrongs[i].why);
		http_answer_finish(&answer);
	}
}

/* However many a function sends, it costs no more than what is allowed. */
static void test_headers_are_bounded(void)
{
	autobuffer struct buffer result = BUFFER_INIT;
	struct http_answer answer;
	struct http_site site;

	buffer_append_text(&result, "{\"statusCode\":200,\"headers\":{\"a\":\"1\"");
	for (int i = 0; i < 300000; i++)
		buffer_append_format(&result, ",\"h%d\":\"%d\"", i, i);
	buffer_append_text(&result, "}}");
	make_site(&site, HTTP_FORMAT_URL);
	http_answer_init(&answer);
	http_answer_map(&answer, &site, result.data, result.length, NULL);
	CHECK_INT(answer.status, 502);
	CHECK_STR(answer.why.text, "its headers have more than 10240 bytes");
	http_answer_finish(&answer);
}

static void test_load_balancers_take_a_megabyte(void)
{
	for (size_t more = 0; more < 2; more++) {
		autobuffer struct buffer result = BUFFER_INIT;
		struct http_answer answer;
		struct http_site site;

		buffer_append_text(&result, "{\"statusCode\":200,\"body\":\"");
		while (result.length < (1 << 20) + more - 2)
			buffer_append_text(&result, "x");
		buffer_append_text(&result, "\"}");
		make_site(&site, HTTP_FORMAT_ALB);
		http_answer_init(&answer);
		http_answer_map(&answer, &site, result.data, result.length, NULL);
		CHECK_INT(answer.status, more ? 502 : 200);
		http_answer_finish(&answer);
	}
}

static const struct {
	enum http_format format;
	enum http_failure failure;
	const char *expected;
} failures[] = {
	{ HTTP_FORMAT_URL, HTTP_FAILURE_FUNCTION, FAILED },
	{ HTTP_FORMAT_URL, HTTP_FAILURE_SERVICE,
	  "500; x-amzn-ErrorType: ServiceException; " TYPE
	  "{\"Message\":\"Internal Server Error\"}" },
	{ HTTP_FORMAT_URL, HTTP_FAILURE_BODY,
	  "413; x-amzn-ErrorType: RequestEntityTooLargeException; " TYPE
	  "{\"Message\":\"6991583 byte payload is too large for the RequestResponse invocation "
	  "type (limit 6291456 bytes)\"}" },
	{ HTTP_FORMAT_HTTP_API, HTTP_FAILURE_EVENT,
	  "413; x-amzn-ErrorType: RequestEntityTooLargeException; " TYPE
	  "{\"Message\":\"6991583 byte payload is too large for the RequestResponse invocation "
	  "type (limit 6291456 bytes)\"}" },
	{ HTTP_FORMAT_HTTP_API, HTTP_FAILURE_TIMEOUT,
	  "503; " TYPE "{\"message\":\"Service Unavailable\"}" },
	{ HTTP_FORMAT_HTTP_API, HTTP_FAILURE_SERVICE,
	  "503; " TYPE "{\"message\":\"Service Unavailable\"}" },
	{ HTTP_FORMAT_HTTP_API, HTTP_FAILURE_THROTTLED,
	  "429; " TYPE "{\"message\":\"Too Many Requests\"}" },
	{ HTTP_FORMAT_HTTP_API, HTTP_FAILURE_BODY,
	  "413; " TYPE "{\"message\":\"Request Entity Too Large\"}" },
	{ HTTP_FORMAT_REST_API, HTTP_FAILURE_FUNCTION, FAILED_REST },
	{ HTTP_FORMAT_REST_API, HTTP_FAILURE_TIMEOUT,
	  "504; " TYPE "{\"message\": \"Endpoint request timed out\"}" },
	{ HTTP_FORMAT_REST_API, HTTP_FAILURE_THROTTLED,
	  "500; " TYPE "{\"message\": \"Internal server error\"}" },
	{ HTTP_FORMAT_REST_API, HTTP_FAILURE_SERVICE,
	  "500; " TYPE "{\"message\": \"Internal server error\"}" },
	{ HTTP_FORMAT_REST_API, HTTP_FAILURE_BODY,
	  "413; " TYPE "{\"message\":\"Request Too Long\"}" },
	{ HTTP_FORMAT_ALB, HTTP_FAILURE_FUNCTION, FAILED_ALB },
	{ HTTP_FORMAT_ALB, HTTP_FAILURE_SERVICE, FAILED_ALB },
	{ HTTP_FORMAT_ALB, HTTP_FAILURE_THROTTLED, FAILED_ALB },
	{ HTTP_FORMAT_ALB, HTTP_FAILURE_EVENT,
	  "413; Server: awselb/2.0; Content-Type: text/html; <html>\r\n<head><title>413 Request "
	  "Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity Too "
	  "Large</h1></center>\r\n</body>\r\n</html>\r\n" },
	{ HTTP_FORMAT_ALB, HTTP_FAILURE_BODY,
	  "413; Server: awselb/2.0; Content-Type: text/html; <html>\r\n<head><title>413 Request "
	  "Entity Too Large</title></head>\r\n<body>\r\n<center><h1>413 Request Entity Too "
	  "Large</h1></center>\r\n</body>\r\n</html>\r\n" },
};

static void test_failures(void)
{
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		autobuffer struct buffer text = BUFFER_INIT;
		struct http_answer answer;
		struct http_site site;

		test_case(failures[i].expected);
		make_site(&site, failures[i].format);
		http_answer_init(&answer);
		http_answer_fail(&answer, &site, failures[i].failure, 6991583);
		describe(&text, &answer);
		CHECK_STR(text.data, failures[i].expected);
		http_answer_finish(&answer);
	}
}

/* Each format tells of each failure. */
static void test_no_failure_is_silent(void)
{
	for (int format = HTTP_FORMAT_URL; format <= HTTP_FORMAT_ALB; format++) {
		for (int failure = 0; failure <= HTTP_FAILURE_EVENT; failure++) {
			struct http_answer answer;
			struct http_site site;

			make_site(&site, (enum http_format)format);
			http_answer_init(&answer);
			http_answer_fail(&answer, &site, (enum http_failure)failure, 1);
			CHECK(answer.status >= 413);
			CHECK(answer.body.length > 0);
			http_answer_finish(&answer);
		}
	}
}

/* ---- preludes ---- */

static const char stream[] = "{\"statusCode\":201,\"headers\":{\"a\":\"1\"},\"cookies\":[\"b\"]}"
			     "\0\0\0\0\0\0\0\0body\0more";

static void test_prelude_in_pieces_of_any_size(void)
{
	for (size_t piece = 1; piece < sizeof(stream); piece++) {
		autobuffer struct buffer body = BUFFER_INIT;
		struct http_prelude prelude;

		http_prelude_init(&prelude);
		for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
			size_t length = sizeof(stream) - 1 - at < piece ? sizeof(stream) - 1 - at
			                                                : piece;
			size_t taken = http_prelude_take(&prelude, stream + at, length);

			buffer_append(&body, stream + at + taken, length - taken);
		}
		CHECK_INT(prelude.state, HTTP_PRELUDE_COMPLETE);
		CHECK_STR(prelude.json.data, stream);
		CHECK_INT(body.length, 9);
		CHECK(memcmp(body.data, "body\0more", 9) == 0);
		http_prelude_finish(&prelude);
	}
}

static void test_prelude_that_is_none(void)
{
	struct http_prelude prelude;
	char bytes[4096];

	http_prelude_init(&prelude);
	CHECK_INT(http_prelude_take(&prelude, "{}\0\0\0x", 6), 6);
	CHECK_INT(prelude.state, HTTP_PRELUDE_BROKEN);
	CHECK_INT(http_prelude_take(&prelude, "x", 1), 0);
	http_prelude_finish(&prelude);

	http_prelude_init(&prelude);
	memset(bytes, ' ', sizeof(bytes));
	for (int i = 0; i < HTTP_PRELUDE_LIMIT / 4096; i++)
		http_prelude_take(&prelude, bytes, sizeof(bytes));
	CHECK_INT(prelude.state, HTTP_PRELUDE_OPEN);
	http_prelude_take(&prelude, bytes, 1);
	CHECK_INT(prelude.state, HTTP_PRELUDE_BROKEN);
	CHECK_INT(prelude.json.length, HTTP_PRELUDE_LIMIT);
	http_prelude_finish(&prelude);
}

static void test_what_preludes_say(void)
{
	static const struct {
		const char *json, *expected;
	} preludes[] = {
		{ "{\"statusCode\":201,\"headers\":{\"a\":1},\"cookies\":[\"b\"]}",
		  "201; a: 1; set-cookie: b; Content-Type: application/octet-stream; " },
		{ "{\"headers\":{\"content-type\":\"text/html\"},\"body\":\"x\"}",
		  "200; content-type: text/html; " },
		{ "{\"headers\":{\"a\":[\"1\",\"2\"],\"b\":\"3\",\"Content-Type\":[\"a/b\"]}}",
		  "200; a: 1; a: 2; b: 3; Content-Type: a/b; " },
		{ "{\"headers\":{\"a\":\"1\",\"b\":\"3\"},\"multiValueHeaders\":{\"a\":[\"1\","
		  "\"2\"]}}",
		  "200; a: 1; a: 2; b: 3; Content-Type: application/octet-stream; " },
		{ "{\"headers\":{\"a\":[{}]}}", FAILED },
		{ "{\"multiValueHeaders\":{\"a\":\"1\"}}", FAILED },
		{ "{}", "200; Content-Type: application/octet-stream; " },
		{ "{\"statusCode\":204}", "204; " },
		{ "{\"statusCode\":99}", FAILED },
		{ "{\"headers\":{\"a\":\"\\n\"}}", FAILED },
		{ "[]", FAILED },
		{ "", FAILED },
	};

	for (size_t i = 0; i < sizeof(preludes) / sizeof(preludes[0]); i++) {
		autobuffer struct buffer text = BUFFER_INIT;
		struct http_answer answer;
		struct http_site site;

		make_site(&site, HTTP_FORMAT_URL);
		http_answer_init(&answer);
		CHECK_INT(http_answer_map_prelude(&answer, &site, preludes[i].json,
		                                  strlen(preludes[i].json)),
		          strcmp(preludes[i].expected, FAILED) != 0);
		describe(&text, &answer);
		CHECK_STR(text.data, preludes[i].expected);
		http_answer_finish(&answer);
	}
}

static void test_streams_without_prelude(void)
{
	static const char *const types[][2] = {
		{ "text/event-stream", "200; Content-Type: text/event-stream; " },
		{ NULL, "200; Content-Type: application/octet-stream; " },
		{ "", "200; Content-Type: application/octet-stream; " },
		{ "a\r\nb", "200; Content-Type: application/octet-stream; " },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		autobuffer struct buffer text = BUFFER_INIT;
		struct http_answer answer;

		http_answer_init(&answer);
		http_answer_begin_stream(&answer, types[i][0]);
		describe(&text, &answer);
		CHECK_STR(text.data, types[i][1]);
		http_answer_finish(&answer);
	}
}

TEST_MAIN(test_answers, test_headers_that_are_not_the_functions,
          test_multi_value_of_a_load_balancer, test_what_is_wrong_is_told, test_headers_are_bounded,
          test_load_balancers_take_a_megabyte, test_failures, test_no_failure_is_silent,
          test_prelude_in_pieces_of_any_size, test_prelude_that_is_none, test_what_preludes_say,
          test_streams_without_prelude)
