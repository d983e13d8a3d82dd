/* SPDX-License-Identifier: Apache-2.0 */
/* http_response - where responses end, whatever way they arrive, and what is none */
#include "emulator/http_response.h"

#include "emulator/buffer.h"
#include "tests/unit/test.h"

#define OK "HTTP/1.1 200 OK\r\n"

/* In steps of 'step' bytes; returns how many belong to the response. */
static size_t take(struct http_response *response, const char *text, size_t length, size_t step)
{
	size_t used = 0;

	http_response_begin(response);
	while (used < length && response->state == HTTP_RESPONSE_UNFINISHED) {
		size_t part = step < length - used ? step : length - used;

		used += http_response_take(response, text + used, part);
	}
	return used;
}

static void test_where_they_end(void)
{
	static const struct {
		const char *text;
		unsigned status;
		bool keeps;
		const char *rest;
	} cases[] = {
		{ OK "Content-Length: 0\r\n\r\n", 200, true, "" },
		{ OK "content-LENGTH:3\r\n\r\nabcHTTP", 200, true, "HTTP" },
		{ OK "Content-Length: 2 \t\r\nX:y\r\n\r\nab", 200, true, "" },
		{ OK "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", 200, true, "" },
		{ "HTTP/1.1 202\nContent-Length: 1\n\na", 202, true, "" },
		{ "HTTP/1.1 204 No Content\r\n\r\n", 204, true, "" },
		{ "HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n", 304, true, "" },
		{ "\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", 500, true, "" },
		{ "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n" OK
		  "Content-Length: 0\r\n\r\n",
		  200, true, "" },

		{ OK "Connection: close\r\nContent-Length: 1\r\n\r\na", 200, false, "" },
		{ OK "Connection: x, Close\r\nContent-Length: 1\r\n\r\na", 200, false, "" },
		{ OK "Connection: closed\r\nContent-Length: 1\r\n\r\na", 200, true, "" },
		{ "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", 200, false, "" },
		{ "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na", 200,
		  true, "" },

		{ OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 200, true, "" },
		{ OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n"
		     "T: u\r\n\r\nrest",
		  200, true, "rest" },
		{ OK
		  "Content-Length: 1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\n\n\r\n0\n\n",
		  200, true, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].text);

		test_case(cases[i].text);
		for (size_t step = 1; step <= length; step++) {
			struct http_response response;
			size_t used = take(&response, cases[i].text, length, step);

			CHECK_INT(response.state, HTTP_RESPONSE_COMPLETE);
			CHECK_INT(response.status, cases[i].status);
			CHECK_INT(response.keeps, cases[i].keeps);
			CHECK(response.has_head);
			CHECK_STR(cases[i].text + used, cases[i].rest);
		}
	}
}

static void test_what_only_a_close_ends(void)
{
	static const struct {
		const char *text;
		enum http_response_state state;
		const char *defect;
	} cases[] = {
		{ OK "\r\n", HTTP_RESPONSE_COMPLETE, NULL },
		{ OK "\r\nany length", HTTP_RESPONSE_COMPLETE, NULL },
		{ "", HTTP_RESPONSE_BAD, "there is no response" },
		{ "HTTP/1.1 200", HTTP_RESPONSE_BAD, "there is no response" },
		{ "HTTP/1.1 100 Continue\r\n\r\n", HTTP_RESPONSE_BAD, "there is no response" },
		{ OK "Content-Length: 3\r\n\r\nab", HTTP_RESPONSE_BAD, "the response is cut" },
		{ OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", HTTP_RESPONSE_BAD,
		  "the response is cut" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_response response;

		test_case(cases[i].text);
		take(&response, cases[i].text, strlen(cases[i].text), 1);
		CHECK_INT(response.state, HTTP_RESPONSE_UNFINISHED);
		http_response_end(&response);
		CHECK_INT(response.state, cases[i].state);
		CHECK_STR(response.defect, cases[i].defect);
		CHECK(!response.keeps || response.state == HTTP_RESPONSE_BAD);
		http_response_end(&response); /* does no harm */
		CHECK_INT(response.state, cases[i].state);
	}
}

static void test_what_is_none(void)
{
	static const struct {
		const char *text, *defect;
		bool has_head;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n", "the status line is no HTTP", false },
		{ "HTTP/2 200\r\n", "the status line is no HTTP", false },
		{ "HTTP/1.1 099 x\r\n", "the status line is no HTTP", false },
		{ "HTTP/1.1 600 x\r\n", "the status line is no HTTP", false },
		{ "HTTP/1.1 2000\r\n", "the status line is no HTTP", false },
		{ "HTTP/1.1  200 OK\r\n", "the status line is no HTTP", false },
		{ "[{\"time\":1}]\n", "the status line is no HTTP", false },
		{ OK "Content-Length: 1x\r\n", "the Content-Length is no number", false },
		{ OK "Content-Length:\r\n", "the Content-Length is no number", false },
		{ OK "Content-Length: -1\r\n", "the Content-Length is no number", false },
		{ OK "Content-Length: 1\r\nContent-Length: 2\r\n", "there are two Content-Lengths",
		  false },
		{ OK "Content-Length: 1048577\r\n", "the body is too long", false },
		{ OK "Content-Length: 99999999999999999999\r\n", "the body is too long", false },
		{ OK "Transfer-Encoding: chunked\r\n\r\nx\r\n", "the size of a chunk is no number",
		  true },
		{ OK "Transfer-Encoding: chunked\r\n\r\n1x\r\n", "the size of a chunk is no number",
		  true },
		{ OK "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
		  "the size of a chunk is no number", true },
		{ OK "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
		  "a chunk is longer than it says", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_response response;

		test_case(cases[i].text);
		take(&response, cases[i].text, strlen(cases[i].text), 1);
		CHECK_INT(response.state, HTTP_RESPONSE_BAD);
		CHECK_STR(response.defect, cases[i].defect);
		CHECK_INT(response.has_head, cases[i].has_head);
	}
}

/* Repeats 'part' until the response is no longer unfinished; returns the bytes that it took. */
static size_t take_for_ever(struct http_response *response, const char *start, const char *part)
{
	size_t taken = take(response, start, strlen(start), strlen(start));

	while (response->state == HTTP_RESPONSE_UNFINISHED && taken < (size_t)16 << 20)
		taken += http_response_take(response, part, strlen(part));
	return taken;
}

static void test_what_never_ends(void)
{
	static const struct {
		const char *start, *part, *defect;
		size_t limit;
	} cases[] = {
		{ "HTTP/1.1 200 ", "a", "the head is too long", HTTP_RESPONSE_HEAD_LIMIT },
		{ OK "X: ", "a", "the head is too long", HTTP_RESPONSE_HEAD_LIMIT },
		{ OK, "X: y\r\n", "the head is too long", HTTP_RESPONSE_HEAD_LIMIT },
		{ "HTTP/1.1 100 C\r\n\r\n", "HTTP/1.1 100 C\r\n\r\n", "the head is too long",
		  HTTP_RESPONSE_HEAD_LIMIT },
		{ "\r\n", "\r\n", "the head is too long", HTTP_RESPONSE_HEAD_LIMIT },
		{ OK "\r\n", "body", "the body is too long", HTTP_RESPONSE_BODY_LIMIT },
		{ OK "Transfer-Encoding: chunked\r\n\r\n", "1\r\na\r\n", "the head is too long",
		  3 * HTTP_RESPONSE_HEAD_LIMIT },
		{ OK "Transfer-Encoding: chunked\r\n\r\n100000\r\n", "aaaaaaaa",
		  "the head is too long", HTTP_RESPONSE_BODY_LIMIT + HTTP_RESPONSE_HEAD_LIMIT },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct http_response response;
		size_t taken;

		test_case(cases[i].start);
		taken = take_for_ever(&response, cases[i].start, cases[i].part);
		CHECK(response.state == HTTP_RESPONSE_BAD);
		CHECK(taken <= cases[i].limit + 100);
		CHECK_STR(response.defect, cases[i].defect);
	}
}

TEST_MAIN(test_where_they_end, test_what_only_a_close_ends, test_what_is_none, test_what_never_ends)
