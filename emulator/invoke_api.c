/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invoke_api - the Invoke API over HTTP: Invoke, and InvokeWithResponseStream
 *
 * What is asked for is invoke_request's to say, and to refuse; only then may a
 * request be refused for want of room.
 */
#include "emulator/invoke_api.h"

#include <stdlib.h>

#include "emulator/base64.h"
#include "emulator/front.h"
#include "emulator/invoke_error.h"
#include "emulator/invoke_request.h"
#include "emulator/invoke_stream.h"
#include "emulator/log_tail.h"
#include "emulator/quota.h"

enum call_kind {
	CALL_INVOKE,
	CALL_STREAM,
	CALL_UNKNOWN = FRONT_UNKNOWN,
	CALL_WRONG_METHOD = FRONT_WRONG_METHOD,
};

static const struct route routes[] = {
	{ "POST", "/2015-03-31/functions/{}/invocations", CALL_INVOKE },
	{ "POST", "/2021-11-15/functions/{}/response-streaming-invocations", CALL_STREAM },
	/* With the date of the rest of the API, which some tools take for all of it. */
	{ "POST", "/2015-03-31/functions/{}/response-streaming-invocations", CALL_STREAM },
	{ .method = NULL },
};

struct invoke_api {
	struct http_listener listener;
	struct functions *functions;
	struct admin_api *admin;
};

/* An error of the API, and not of the function. */
struct api_error {
	unsigned status;
	const char *name;
};

/* One request. It lives until both its exchange and its invocation have ended. */
struct call {
	struct invoke_api *api;
	enum call_kind kind;
	struct http_exchange *exchange; /* NULL when the caller has left */
	struct invocation *invocation;  /* NULL when it is done, or never was */
	struct served_function *served; /* NULL until it is found */
	struct invoke_request request;
	struct buffer answer; /* kept until the log is there */
	bool is_error;
	bool has_begun;                  /* a stream: its reply is under way */
	const struct api_error *refusal; /* instead of an answer; NULL: there is one */
	const char *throttle;            /* the same, for want of this concurrency */
};

/* ---- replies ---- */

/* Of the environment that had it: a reload may have changed the function meanwhile. */
static const char *executed_version(const struct call *call)
{
	const char *version = call->invocation->version;

	return version ? version : call->served->config->function_version;
}

static void add_log_header(struct http_exchange *exchange, const struct log_tail *tail)
{
	autobuffer struct buffer text = BUFFER_INIT;
	autobuffer struct buffer encoded = BUFFER_INIT;

	log_tail_copy(tail, &text);
	base64_encode(&encoded, text.data, text.length);
	http_exchange_add_header(exchange, "X-Amz-Log-Result", encoded.data);
}

static void reply_throttled(struct call *call, const char *reason)
{
	invoke_error_throttled(call->exchange, reason,
	                       function_retry_after_s(call->served->function));
}

/* Of what went wrong before the first byte the caller gets the text as payload, too. */
static void reply_stream(struct call *call, const struct log_tail *tail)
{
	if (!call->has_begun) {
		invoke_stream_begin(call->exchange, executed_version(call));
		invoke_stream_write(call->exchange, call->answer.data, call->answer.length);
	}
	invoke_stream_end(call->exchange, call->is_error ? &call->answer : NULL, tail);
}

/* Sends what the function answered. 'tail' is NULL unless the caller asked for the log. */
static void reply_answer(struct call *call, const struct log_tail *tail)
{
	struct http_exchange *exchange = call->exchange;

	if (!exchange)
		return;
	if (call->throttle) {
		reply_throttled(call, call->throttle);
		return;
	}
	if (call->refusal && !call->has_begun) {
		invoke_error_reply(exchange, call->refusal->status, call->refusal->name, "Message",
		                   call->answer.data);
		return;
	}
	if (call->kind == CALL_STREAM) {
		reply_stream(call, tail);
		return;
	}
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-Remapped-Content-Length", "0");
	http_exchange_add_header(exchange, "X-Amz-Executed-Version", executed_version(call));
	http_exchange_add_header(exchange, "X-Amzn-Trace-Id", call->invocation->trace_header);
	if (call->is_error)
		http_exchange_add_header(exchange, "X-Amz-Function-Error", "Unhandled");
	if (tail)
		add_log_header(exchange, tail);
	http_exchange_reply(exchange, 200, &call->answer);
}

/* ---- the end of a call ---- */

static void release(struct call *call)
{
	if (call->exchange || call->invocation)
		return;
	buffer_finish(&call->answer);
	served_function_unref(call->served);
	free(call);
}

/* What the API calls a failure that is no answer of the function; NULL: it is one. */
static const struct api_error *refusal_of(const struct answer *answer)
{
	static const struct api_error service = { 500, "ServiceException" };
	static const struct api_error restore = { 400, "SnapStartException" };
	static const struct api_error restore_timeout = { 408, "SnapStartTimeoutException" };

	if (!answer->fault)
		return NULL;
	if (answer->fault->status == FAULT_FAILURE)
		return &service;
	if (!answer->is_of_restore)
		return NULL;
	return answer->fault->status == FAULT_TIMEOUT ? &restore_timeout : &restore;
}

/* Where the function fails there is a type, which no body tells then. */
static void append_refusal(struct buffer *out, const struct answer *answer)
{
	buffer_append_text(out, answer->fault->message);
	if (answer->fault->status != FAULT_FAILURE)
		buffer_append_format(out, ": %s", answer->fault->type);
}

static void on_answered(struct invocation *invocation, struct answer *answer)
{
	struct call *call = invocation->asker;

	call->is_error = answer->is_error;
	call->throttle = answer->throttle;
	call->refusal = refusal_of(answer);
	if (call->refusal)
		append_refusal(&call->answer, answer);
	else
		buffer_move(&call->answer, &answer->body);
	/* The log ends with REPORT, so a caller who wants it waits for that. */
	if (!call->request.wants_log)
		reply_answer(call, NULL);
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	struct call *call = invocation->asker;

	if (call->request.wants_log)
		reply_answer(call, tail);
	call->invocation = NULL;
	invocation_unref(invocation);
	release(call);
}

static const struct invocation_ops ops = { .on_answered = on_answered, .on_done = on_done };

/* ---- streams ---- */

static void on_response_head(struct invocation *invocation, const struct response_head *head)
{
	struct call *call = invocation->asker;

	(void)head; /* the type of an event stream is always the same */
	if (call->exchange)
		invoke_stream_begin(call->exchange, executed_version(call));
	call->has_begun = true;
}

/* Of a caller who has left the function hears nothing: it goes on, and nobody listens. */
static void on_chunk(struct invocation *invocation, const char *data, size_t length)
{
	struct call *call = invocation->asker;

	if (call->exchange && !invoke_stream_write(call->exchange, data, length))
		invocation_pause(invocation);
}

static const struct invocation_ops stream_ops = {
	.on_response_head = on_response_head,
	.on_chunk = on_chunk,
	.on_answered = on_answered,
	.on_done = on_done,
};

/* ---- to the function ---- */

static void submit(struct call *call, struct invocation *invocation)
{
	enum function_verdict verdict;
	const char *throttle;

	invocation->asker = call;
	call->invocation = invocation_ref(invocation);
	verdict = function_submit(call->served->function, invocation);
	if (verdict == FUNCTION_ACCEPTED)
		return;
	throttle = function_throttle_reason(verdict);
	if (throttle)
		reply_throttled(call, throttle);
	else
		invoke_error_reply(call->exchange, 500, "ServiceException", "Message",
		                   "lrie is shutting down");
	call->invocation = NULL;
	invocation_unref(invocation);
}

/* Nobody waits for what becomes of it. */
static void accept_event(struct call *call, struct invocation *invocation)
{
	struct error err;

	switch (event_queue_add(call->served->events, invocation, &err)) {
	case EVENT_ACCEPTED:
		http_exchange_reply(call->exchange, 202, NULL);
		return;
	case EVENT_TOO_MANY:
		invoke_error_throttled(call->exchange, "CallerRateLimitExceeded", 0);
		return;
	case EVENT_NOT_KEPT:
		invoke_error_reply(call->exchange, 500, "ServiceException", "Message", err.text);
		return;
	}
}

static void handle_invoke(struct call *call)
{
	bool is_stream = call->kind == CALL_STREAM;
	struct invocation *invocation = invocation_create(is_stream ? &stream_ops : &ops);

	call->request.is_stream = is_stream;
	if (invoke_request_take(&call->request, call->exchange, call->api->functions, invocation)) {
		call->served = served_function_ref(call->request.served);
		if (call->request.is_dry_run)
			http_exchange_reply(call->exchange, 204, NULL);
		else if (call->request.is_event)
			accept_event(call, invocation);
		else
			submit(call, invocation);
	}
	invocation_unref(invocation);
}

/* ---- the listener ---- */

static void on_head(struct http_listener *listener, struct http_exchange *exchange)
{
	struct invoke_api *api = container_of(listener, struct invoke_api, listener);
	struct call *call;

	if (admin_api_owns(exchange)) {
		admin_api_on_head(api->admin, exchange);
		return;
	}
	call = xcalloc(1, sizeof(*call));
	call->api = api;
	call->exchange = exchange;
	call->kind = (enum call_kind)front_find_route(routes, exchange, call->request.name,
	                                              sizeof(call->request.name));
	buffer_init(&call->answer);
	http_exchange_set_user(exchange, call);
	if (call->kind == CALL_INVOKE || call->kind == CALL_STREAM)
		http_exchange_accept_body(exchange, QUOTA_EVENT);
}

static void on_request(struct http_listener *listener, struct http_exchange *exchange)
{
	struct invoke_api *api = container_of(listener, struct invoke_api, listener);
	struct call *call = http_exchange_user(exchange);

	if (admin_api_owns(exchange)) {
		admin_api_on_request(api->admin, exchange);
		return;
	}
	switch (call->kind) {
	case CALL_INVOKE:
	case CALL_STREAM:
		handle_invoke(call);
		break;
	case CALL_UNKNOWN:
		invoke_error_unknown(exchange);
		break;
	case CALL_WRONG_METHOD:
		front_reply_wrong_method(exchange);
		break;
	}
}

/*
 * It may only have closed its sending side, and what has begun goes on anyway, as on Lambda. In
 * line nothing has: there it gives its place to somebody who is still there, since a caller that
 * gives up and tries again would else fill the line with what nobody wants any more. It is told so,
 * in case it still listens.
 */
static void on_hangup(struct http_listener *listener, struct http_exchange *exchange)
{
	struct call *call = http_exchange_user(exchange);

	(void)listener;
	if (admin_api_owns(exchange) || !call->invocation ||
	    !function_withdraw(call->served->function, call->invocation))
		return;
	reply_throttled(call, function_throttle_reason(FUNCTION_LINE_IS_FULL));
	invocation_unref(call->invocation);
	call->invocation = NULL;
}

static void on_room(struct http_listener *listener, struct http_exchange *exchange)
{
	struct call *call = http_exchange_user(exchange);

	(void)listener;
	if (call->invocation)
		invocation_resume(call->invocation);
}

static void on_finished(struct http_listener *listener, struct http_exchange *exchange)
{
	struct invoke_api *api = container_of(listener, struct invoke_api, listener);
	struct call *call = http_exchange_user(exchange);

	if (admin_api_owns(exchange)) {
		admin_api_on_finished(api->admin, exchange);
		return;
	}
	call->exchange = NULL;
	if (call->invocation)
		invocation_resume(call->invocation);
	release(call);
}

struct invoke_api *invoke_api_create(struct http_server *server, int fd,
                                     struct functions *functions, struct admin_api *admin,
                                     struct error *err)
{
	struct invoke_api *api = xcalloc(1, sizeof(*api));

	api->functions = functions;
	api->admin = admin;
	api->listener = (struct http_listener){
		.on_head = on_head,
		.on_request = on_request,
		.on_hangup = on_hangup,
		.on_room = on_room,
		.on_finished = on_finished,
	};
	if (http_listener_open(server, &api->listener, fd, err))
		return api;
	free(api);
	return NULL;
}

void invoke_api_destroy(struct invoke_api *api)
{
	if (!api)
		return;
	http_listener_close(&api->listener);
	free(api);
}
