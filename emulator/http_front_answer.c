/* SPDX-License-Identifier: Apache-2.0 */
/* http_front_answer - the response made of an answer, whole or as it comes */
#include <string.h>
#include <strings.h>

#include "emulator/http_event.h"
#include "emulator/http_front_private.h"
#include "emulator/invoke_error.h"
#include "emulator/log.h"

/* Of an error of the function so much is logged. */
#define WARNING_LENGTH 400

/* ---- heads ---- */

/* How API Gateway names a request, beside its id. */
static void add_gateway_id(struct http_exchange *exchange, const char *name, const char *request_id)
{
	autobuffer struct buffer id = BUFFER_INIT;

	http_event_append_gateway_id(&id, request_id);
	http_exchange_add_header(exchange, name, id.data);
}

static void add_ids(const struct http_call *call)
{
	struct http_exchange *exchange = call->exchange;
	const struct invocation *invocation = call->invocation;

	if (!invocation)
		return;
	switch (call->site.format) {
	case HTTP_FORMAT_REST_API:
		add_gateway_id(exchange, "x-amz-apigw-id", invocation->request_id);
		/* fallthrough */
	case HTTP_FORMAT_URL:
		http_exchange_add_header(exchange, "x-amzn-RequestId", invocation->request_id);
		http_exchange_add_header(exchange, "X-Amzn-Trace-Id", invocation->trace_header);
		break;
	case HTTP_FORMAT_HTTP_API:
		add_gateway_id(exchange, "Apigw-Requestid", invocation->request_id);
		break;
	case HTTP_FORMAT_ALB:
		break;
	}
}

static void log_response(const struct http_call *call, const struct http_answer *answer)
{
	const char *method = http_exchange_method(call->exchange);
	const char *path = http_exchange_path(call->exchange);

	if (answer->why.text[0])
		log_warning("function '%s': what it answered to %.16s %.256s is no response: %s",
		            call->served->name, method, path, answer->why.text);
	log_debug("function '%s': %.16s %.256s: %u", call->served->name, method, path,
	          answer->status);
}

static void begin(struct http_call *call, const struct http_answer *answer)
{
	const char *at = answer->headers.data, *end = at + answer->headers.length;

	call->is_answered = true;
	loop_timer_stop(&call->timeout);
	log_response(call, answer);
	add_ids(call);
	while (at < end) {
		const char *value = at + strlen(at) + 1;

		http_exchange_add_header(call->exchange, at, value);
		at = value + strlen(value) + 1;
	}
}

/* What its client is not told, as on AWS: a developer wants to know. */
static void warn(const struct http_call *call, const char *what, const char *text, size_t length)
{
	log_warning("function '%s': %.16s %.256s: %s%.*s", call->served->name,
	            http_exchange_method(call->exchange), http_exchange_path(call->exchange), what,
	            length < WARNING_LENGTH ? (int)length : WARNING_LENGTH, text);
}

/* ---- whole answers ---- */

/* The answer is finished afterwards. */
static void respond(struct http_call *call, struct http_answer *answer)
{
	begin(call, answer);
	http_exchange_reply(call->exchange, answer->status, &answer->body);
	http_answer_finish(answer);
}

void http_call_fail(struct http_call *call, enum http_failure failure, uint64_t size)
{
	struct http_answer answer;

	if (failure == HTTP_FAILURE_TIMEOUT)
		warn(call, "its site waits no longer, and the function goes on", "", 0);
	http_answer_init(&answer);
	http_answer_fail(&answer, &call->site, failure, size);
	respond(call, &answer);
}

/* Lambda's own word, which only a URL hands on. */
void http_call_throttle(struct http_call *call, const char *reason)
{
	const struct http_answer answer = { .status = 429 };

	if (call->site.format != HTTP_FORMAT_URL) {
		warn(call, "throttled: ", reason, strlen(reason));
		http_call_fail(call, HTTP_FAILURE_THROTTLED, 0);
		return;
	}
	begin(call, &answer);
	invoke_error_throttled(call->exchange, reason,
	                       function_retry_after_s(call->served->function));
}

static void respond_result(struct http_call *call, struct answer *answer)
{
	const char *accept = http_exchange_header(call->exchange, "Accept");
	struct http_answer response;

	http_answer_init(&response);
	http_answer_map(&response, &call->site, answer->body.data, answer->body.length, accept);
	buffer_finish(&answer->body);
	respond(call, &response);
}

static bool is_failure_of_lrie(const struct answer *answer)
{
	return answer->fault && answer->fault->status == FAULT_FAILURE;
}

static void respond_error(struct http_call *call, const struct answer *answer)
{
	if (answer->throttle) {
		http_call_throttle(call, answer->throttle);
	} else if (is_failure_of_lrie(answer)) {
		http_call_fail(call, HTTP_FAILURE_SERVICE, 0);
	} else {
		warn(call, "it failed: ", answer->body.data, answer->body.length);
		http_call_fail(call, HTTP_FAILURE_FUNCTION, 0);
	}
}

static void on_answered(struct invocation *invocation, struct answer *answer)
{
	struct http_call *call = invocation->asker;

	if (!call->exchange || call->is_answered)
		return;
	if (answer->is_error)
		respond_error(call, answer);
	else
		respond_result(call, answer);
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	struct http_call *call = invocation->asker;

	(void)tail;
	call->invocation = NULL;
	invocation_unref(invocation);
	http_call_release(call);
}

/* ---- answers as they come ---- */

/* Nothing will be written behind its head. A stream would not do for that: behind the head of a
 * response to HEAD libmicrohttpd sends the chunk that ends it. */
static bool is_whole(const struct http_call *call, const struct http_answer *answer)
{
	return answer->status == 204 || answer->status == 304 || answer->why.text[0] ||
	       strcmp(http_exchange_method(call->exchange), "HEAD") == 0;
}

/* The answer is finished afterwards. */
static void begin_stream(struct http_call *call, struct http_answer *answer)
{
	if (is_whole(call, answer)) {
		respond(call, answer);
		return;
	}
	begin(call, answer);
	http_exchange_begin_reply(call->exchange, answer->status);
	http_answer_finish(answer);
}

static void on_response_head(struct invocation *invocation, const struct response_head *head)
{
	struct http_call *call = invocation->asker;
	struct http_answer answer;

	if (!call->exchange || call->is_answered)
		return;
	call->is_prelude_due = head->is_streamed && head->content_type &&
	                       strcasecmp(head->content_type, HTTP_PRELUDE_TYPE) == 0;
	if (call->is_prelude_due)
		return;
	http_answer_init(&answer);
	http_answer_begin_stream(&answer, head->content_type);
	begin_stream(call, &answer);
}

static void end_prelude(struct http_call *call)
{
	const struct http_prelude *prelude = &call->prelude;
	struct http_answer answer;

	call->is_prelude_due = false;
	http_answer_init(&answer);
	if (prelude->state == HTTP_PRELUDE_COMPLETE) {
		http_answer_map_prelude(&answer, &call->site, prelude->json.data,
		                        prelude->json.length);
	} else {
		error_set(&answer.why, 0,
		          "it does not begin with JSON of at most %d bytes and eight NUL bytes",
		          HTTP_PRELUDE_LIMIT);
		http_answer_fail(&answer, &call->site, HTTP_FAILURE_FUNCTION, 0);
	}
	begin_stream(call, &answer);
}

static void on_chunk(struct invocation *invocation, const char *data, size_t length)
{
	struct http_call *call = invocation->asker;

	if (!call->exchange)
		return;
	if (call->is_prelude_due) {
		size_t taken = http_prelude_take(&call->prelude, data, length);

		if (call->prelude.state == HTTP_PRELUDE_OPEN)
			return;
		end_prelude(call);
		data += taken;
		length -= taken;
	}
	if (length > 0 && !http_exchange_write(call->exchange, data, length))
		invocation_pause(invocation);
}

/* What the function does wrong behind the head ends the body, and nobody is told that it is not
 * whole, as on AWS. What lrie does wrong, such as to end, breaks it off. */
static void on_stream_answered(struct invocation *invocation, struct answer *answer)
{
	struct http_call *call = invocation->asker;

	if (!call->exchange)
		return;
	if (call->is_prelude_due && !answer->is_error)
		end_prelude(call);
	if (!call->is_answered) {
		on_answered(invocation, answer);
	} else if (is_failure_of_lrie(answer)) {
		http_exchange_break_reply(call->exchange);
	} else {
		if (answer->is_error)
			warn(call, "it failed in the middle of its answer: ", answer->body.data,
			     answer->body.length);
		http_exchange_end_reply(call->exchange);
	}
}

void http_call_go_on(struct http_call *call)
{
	if (call->invocation)
		invocation_resume(call->invocation);
}

const struct invocation_ops *http_call_ops(const struct http_call *call)
{
	static const struct invocation_ops whole = { .on_answered = on_answered,
		                                     .on_done = on_done };
	static const struct invocation_ops streamed = { .on_response_head = on_response_head,
		                                        .on_chunk = on_chunk,
		                                        .on_answered = on_stream_answered,
		                                        .on_done = on_done };

	return call->served->config->invoke_mode == CONFIG_RESPONSE_STREAM ? &streamed : &whole;
}
