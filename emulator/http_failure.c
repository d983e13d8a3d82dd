/* SPDX-License-Identifier: Apache-2.0 */
/* http_failure - what a site says when there is no answer */
#include "emulator/http_failure.h"

#include <inttypes.h>

#include "emulator/quota.h"

static void say(struct http_answer *answer, unsigned status, const char *type, const char *text)
{
	answer->status = status;
	http_answer_put_header(answer, "Content-Type", type);
	buffer_append_text(&answer->body, text);
}

static void say_json(struct http_answer *answer, unsigned status, const char *text)
{
	say(answer, status, "application/json", text);
}

static void fail_url(struct http_answer *answer, enum http_failure failure)
{
	switch (failure) {
	case HTTP_FAILURE_SERVICE:
		http_answer_put_header(answer, "x-amzn-ErrorType", "ServiceException");
		say_json(answer, 500, "{\"Message\":\"Internal Server Error\"}");
		break;
	case HTTP_FAILURE_FUNCTION:
	case HTTP_FAILURE_THROTTLED: /* see http_failure.h */
	case HTTP_FAILURE_TIMEOUT:
	case HTTP_FAILURE_BODY:
	case HTTP_FAILURE_EVENT:
		say(answer, 502, "text/plain", "Internal Server Error");
		break;
	}
}

static void fail_http_api(struct http_answer *answer, enum http_failure failure)
{
	switch (failure) {
	case HTTP_FAILURE_FUNCTION:
	case HTTP_FAILURE_EVENT:
		say_json(answer, 502, "{\"message\":\"Internal Server Error\"}");
		break;
	case HTTP_FAILURE_THROTTLED:
		say_json(answer, 429, "{\"message\":\"Too Many Requests\"}");
		break;
	case HTTP_FAILURE_TIMEOUT:
	case HTTP_FAILURE_SERVICE:
		say_json(answer, 503, "{\"message\":\"Service Unavailable\"}");
		break;
	case HTTP_FAILURE_BODY:
		say_json(answer, 413, "{\"message\":\"Request Entity Too Large\"}");
		break;
	}
}

static void fail_rest_api(struct http_answer *answer, enum http_failure failure)
{
	switch (failure) {
	case HTTP_FAILURE_FUNCTION:
	case HTTP_FAILURE_EVENT:
		say_json(answer, 502, "{\"message\": \"Internal server error\"}");
		break;
	case HTTP_FAILURE_TIMEOUT:
		say_json(answer, 504, "{\"message\": \"Endpoint request timed out\"}");
		break;
	case HTTP_FAILURE_THROTTLED:
	case HTTP_FAILURE_SERVICE:
		say_json(answer, 500, "{\"message\": \"Internal server error\"}");
		break;
	case HTTP_FAILURE_BODY:
		say_json(answer, 413, "{\"message\":\"Request Too Long\"}");
		break;
	}
}

static void fail_alb(struct http_answer *answer, enum http_failure failure)
{
	bool is_too_large = failure == HTTP_FAILURE_BODY || failure == HTTP_FAILURE_EVENT;
	const char *title = is_too_large ? "413 Request Entity Too Large" : "502 Bad Gateway";

	http_answer_put_header(answer, "Server", "awselb/2.0");
	say(answer, is_too_large ? 413 : 502, "text/html", "");
	buffer_append_format(&answer->body,
	                     "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n"
	                     "<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n",
	                     title, title);
}

/* What Lambda says to all of them. */
static void fail_too_large(struct http_answer *answer, uint64_t size)
{
	http_answer_put_header(answer, "x-amzn-ErrorType", "RequestEntityTooLargeException");
	say_json(answer, 413, "");
	buffer_append_format(&answer->body,
	                     "{\"Message\":\"%" PRIu64 " byte payload is too large for the "
	                     "RequestResponse invocation type (limit %d bytes)\"}",
	                     size, QUOTA_EVENT);
}

void http_answer_fail(struct http_answer *answer, const struct http_site *site,
                      enum http_failure failure, uint64_t size)
{
	bool is_url = site->format == HTTP_FORMAT_URL;

	buffer_clear(&answer->headers);
	buffer_clear(&answer->body);
	if ((failure == HTTP_FAILURE_EVENT && site->format != HTTP_FORMAT_ALB) ||
	    (failure == HTTP_FAILURE_BODY && is_url)) {
		fail_too_large(answer, size);
		return;
	}
	switch (site->format) {
	case HTTP_FORMAT_URL:
		fail_url(answer, failure);
		break;
	case HTTP_FORMAT_HTTP_API:
		fail_http_api(answer, failure);
		break;
	case HTTP_FORMAT_REST_API:
		fail_rest_api(answer, failure);
		break;
	case HTTP_FORMAT_ALB:
		fail_alb(answer, failure);
		break;
	}
}
