/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_api - the Runtime API 2018-06-01 over HTTP
 *
 * The verdict about an answer is made when its head arrives, so that a second
 * one is refused while the first is still being uploaded; the reply waits until
 * the body is read, since clients take a reply before that for a reset.
 */
#include "emulator/runtime_api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/base64.h"
#include "emulator/front.h"
#include "emulator/json.h"
#include "emulator/json_check.h"
#include "emulator/xray.h"

#define PREFIX "/2018-06-01"

enum call_kind {
	CALL_NEXT,
	CALL_RESPONSE,
	CALL_ERROR,
	CALL_INIT_ERROR,
	CALL_PING,
};

static const struct route routes[] = {
	{ "GET", PREFIX "/runtime/invocation/next", CALL_NEXT },
	{ "POST", PREFIX "/runtime/invocation/{}/response", CALL_RESPONSE },
	{ "POST", PREFIX "/runtime/invocation/{}/error", CALL_ERROR },
	{ "POST", PREFIX "/runtime/init/error", CALL_INIT_ERROR },
	{ "GET", PREFIX "/ping", CALL_PING },
	{ .method = NULL },
};

/* One request of a runtime. */
struct call {
	struct port_call base;
	enum call_kind kind;
	enum runtime_verdict verdict; /* answers: made when the head arrived */
	enum runtime_state state;     /* ... in this state */
	bool uploading;               /* the environment waits for the answer's body */
	struct invocation *answered;  /* ... this one's */
	bool is_stream;               /* ... and gets it in pieces */
	struct response_source source;
	bool is_too_large;        /* ... and was given up */
	struct invocation *event; /* being sent */
};

/* ---- replies ---- */

void runtime_api_refuse(struct http_exchange *exchange, enum runtime_state state,
                        enum runtime_call call)
{
	char message[200];

	snprintf(message, sizeof(message),
	         "State transition from %s to %s failed for runtime. "
	         "Error: State transition is not allowed",
	         runtime_state_name(state), runtime_call_target(call));
	front_reply_error(exchange, 403, "InvalidStateTransition", message);
}

static void refuse_more_than(struct http_exchange *exchange, uint64_t limit)
{
	char message[100];

	snprintf(message, sizeof(message),
	         "Exceeded maximum allowed payload size (%" PRIu64 " bytes).", limit);
	front_reply_error(exchange, 413, "RequestEntityTooLarge", message);
}

void runtime_api_refuse_size(struct http_exchange *exchange)
{
	refuse_more_than(exchange, RUNTIME_API_PAYLOAD_LIMIT);
}

/* Only of a runtime that takes several invocations, and so outlives a time-out. */
static void reply_too_late(struct http_exchange *exchange)
{
	front_reply_error(exchange, 410, "InvokeTimeout", "Invoke timeout");
}

static void add_optional_header(struct http_exchange *exchange, const char *name, const char *value)
{
	/* Absent values are left out, never empty: Rust and Node parse them as JSON. */
	if (value && *value)
		http_exchange_add_header(exchange, name, value);
}

static void reply_event(struct call *call, struct invocation *event)
{
	struct http_exchange *exchange = call->base.exchange;
	char deadline[24];

	snprintf(deadline, sizeof(deadline), "%llu", (unsigned long long)event->deadline_ms);
	/* Whatever the caller calls it, a form as curl -d does or bytes as SDKs do: an event is
	 * JSON, and AWS's runtime for Python reads none that is called otherwise. */
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "Lambda-Runtime-Aws-Request-Id", event->request_id);
	http_exchange_add_header(exchange, "Lambda-Runtime-Deadline-Ms", deadline);
	http_exchange_add_header(exchange, "Lambda-Runtime-Invoked-Function-Arn",
	                         event->function_arn);
	add_optional_header(exchange, "Lambda-Runtime-Trace-Id", event->trace_header);
	add_optional_header(exchange, "Lambda-Runtime-Client-Context", event->client_context);
	add_optional_header(exchange, "Lambda-Runtime-Cognito-Identity", event->cognito_identity);
	add_optional_header(exchange, "Lambda-Runtime-Aws-Tenant-Id", event->tenant_id);
	call->event = invocation_ref(event);
	http_exchange_reply_borrowed(exchange, 200, event->event.data, event->event.length);
}

/* ---- /next ---- */

static void let_go(struct call *call)
{
	if (call->base.place)
		call->base.port->base.waiting--;
	port_call_let_go(&call->base);
}

void runtime_api_deliver(struct runtime_port *base, struct invocation *invocation, bool to_all)
{
	struct port *port = container_of(base, struct port, base);

	while (port->waiting) {
		struct call *call = container_of(port->waiting, struct call, base);

		let_go(call);
		reply_event(call, invocation);
		if (!to_all)
			return;
	}
}

/* Who asks is looked up once for each connection. Nobody else has marks where anybody may ask. */
static bool meet_guest(struct port *port, struct http_exchange *exchange)
{
	if (port->config->only_apis == CONFIG_APIS_OFF || http_exchange_mark(exchange))
		return true;
	if (!environment_meet_guest(port->env, http_exchange_socket(exchange)))
		return false;
	http_exchange_set_mark(exchange, 1);
	return true;
}

static void handle_next(struct port *port, struct call *call)
{
	enum runtime_state before = environment_runtime_state(port->env);

	if (!meet_guest(port, call->base.exchange)) {
		front_reply_error(call->base.exchange, 403, "InvalidStateTransition",
		                  "Another runtime has an event, or waits for one");
		return;
	}
	port_call_hold(&call->base, &port->waiting);
	port->base.waiting++;
	if (environment_runtime_next(port->env) == RUNTIME_ACCEPTED)
		return;
	let_go(call);
	runtime_api_refuse(call->base.exchange, before, RUNTIME_CALL_NEXT);
}

/* ---- answers ---- */

static enum runtime_call runtime_call_of(const struct call *call)
{
	return call->kind == CALL_RESPONSE ? RUNTIME_CALL_RESPONSE : RUNTIME_CALL_ERROR;
}

static bool has_valid_mode(const struct http_exchange *exchange)
{
	const char *mode = http_exchange_header(exchange, "Lambda-Runtime-Function-Response-Mode");

	return !mode || strcmp(mode, "streaming") == 0;
}

static bool is_streamed(const struct http_exchange *exchange)
{
	const char *mode = http_exchange_header(exchange, "Lambda-Runtime-Function-Response-Mode");

	return mode && strcmp(mode, "streaming") == 0;
}

/* An error at the end of a stream: its body is the answer, what was streamed before is not, or not
 * all of it. */
static bool take_error_trailers(struct http_exchange *exchange, struct answer *answer)
{
	const char *type = http_exchange_trailer(exchange, "Lambda-Runtime-Function-Error-Type");
	const char *body = http_exchange_trailer(exchange, "Lambda-Runtime-Function-Error-Body");

	if (!type || !*type)
		return false;
	answer->is_error = true;
	buffer_clear(&answer->body);
	if (body)
		base64_decode(&answer->body, body, strlen(body));
	return true;
}

static bool has_cause_in_body(const struct http_exchange *exchange)
{
	static const char with_cause[] = "application/vnd.aws.lambda.error.cause+json";
	const char *type = http_exchange_header(exchange, "Content-Type");

	return type && strcspn(type, "; \t") == sizeof(with_cause) - 1 &&
	       strncasecmp(type, with_cause, sizeof(with_cause) - 1) == 0;
}

/* Of a header, or of the body; what is none is ignored (spec runtime-api.md §5). */
static void tell_error_cause(struct port *port, const struct invocation *invocation,
                             const struct http_exchange *exchange, const struct buffer *body)
{
	const char *header = http_exchange_header(exchange,
	                                          "Lambda-Runtime-Function-XRay-Error-Cause");
	struct buffer cause = BUFFER_INIT;

	if (!environment_wants_cause(port->env))
		return;
	if ((header && xray_cause(&cause, header, strlen(header))) ||
	    (has_cause_in_body(exchange) && xray_cause_of_body(&cause, body->data, body->length)))
		environment_runtime_cause(port->env, invocation, buffer_steal(&cause, NULL));
	buffer_finish(&cause);
}

/* The cause is X-Ray's; the caller gets the rest (spec runtime-api.md §5). */
static void strip_error_cause(const struct http_exchange *exchange, struct buffer *body)
{
	if (!has_cause_in_body(exchange))
		return;
	if (json_remove_member(body, "errorCause"))
		return;
	buffer_clear(body);
	buffer_append_text(body, "\"Invalid error body\"");
}

static void take_answer(struct port *port, struct call *call)
{
	struct http_exchange *exchange = call->base.exchange;
	struct answer answer = { .body = BUFFER_INIT };

	http_exchange_take_body(exchange, &answer.body);
	if (call->kind == CALL_ERROR) {
		answer.is_error = true;
		tell_error_cause(port, call->answered, exchange, &answer.body);
		strip_error_cause(exchange, &answer.body);
	} else {
		take_error_trailers(exchange, &answer);
		if (invocation_takes_pieces(call->answered))
			answer.content_type = http_exchange_header(exchange, "Content-Type");
	}
	/* The caller first: it waits for this, the runtime only for a receipt. */
	if (environment_runtime_answer(port->env, call->answered, &answer))
		front_reply_accepted(exchange);
	else
		reply_too_late(exchange);
}

/* An environment that is not used any more may end with its last answer, and the call with it. */
static void refuse_mode(struct port *port, struct call *call)
{
	struct http_exchange *exchange = call->base.exchange;
	struct fault fault = fault_make(FAULT_ERROR, "Runtime.InvalidResponseModeHeader",
	                                "Invalid function response mode");

	environment_runtime_answer_fault(port->env, call->answered, &fault, true);
	front_reply_error(exchange, 400, "InvalidFunctionResponseMode",
	                  "Invalid function response mode");
}

static void refuse_size(struct port *port, struct call *call)
{
	struct http_exchange *exchange = call->base.exchange;
	struct fault fault = fault_response_too_large(RUNTIME_API_PAYLOAD_LIMIT);

	environment_runtime_answer_fault(port->env, call->answered, &fault, false);
	runtime_api_refuse_size(exchange);
}

static void handle_answer(struct port *port, struct call *call)
{
	switch (call->verdict) {
	case RUNTIME_INVALID_REQUEST_ID:
		front_reply_error(call->base.exchange, 400, "InvalidRequestID",
		                  "Invalid request ID");
		return;
	case RUNTIME_INVALID_STATE:
		runtime_api_refuse(call->base.exchange, call->state, runtime_call_of(call));
		return;
	case RUNTIME_TOO_LATE:
		reply_too_late(call->base.exchange);
		return;
	case RUNTIME_ACCEPTED:
		break;
	}
	if (call->is_too_large) {
		refuse_more_than(call->base.exchange, RESPONSE_STREAM_LIMIT);
		return;
	}
	call->uploading = false;
	if (call->kind == CALL_RESPONSE && !has_valid_mode(call->base.exchange))
		refuse_mode(port, call);
	else if (http_exchange_body_state(call->base.exchange) == HTTP_BODY_TOO_LARGE)
		refuse_size(port, call);
	else
		take_answer(port, call);
}

/* ---- answers that come in pieces ---- */

static void pause_source(struct response_source *source)
{
	struct call *call = container_of(source, struct call, source);

	http_exchange_pause_body(call->base.exchange);
}

static void resume_source(struct response_source *source)
{
	struct call *call = container_of(source, struct call, source);

	http_exchange_resume_body(call->base.exchange);
}

/* Only if the asker takes it so; else it is kept until it is whole, as any other. */
static bool begin_stream(struct port *port, struct call *call, struct http_exchange *exchange)
{
	if (!invocation_takes_pieces(call->answered) || !is_streamed(exchange))
		return false;
	call->source = (struct response_source){ pause_source, resume_source };
	environment_runtime_stream(port->env, call->answered, &call->source,
	                           http_exchange_header(exchange, "Content-Type"));
	http_exchange_stream_body(exchange);
	return true;
}

/* The caller hears of it now, the runtime when it has sent all. */
static void give_up_size(struct call *call)
{
	struct fault fault = fault_response_too_large(RESPONSE_STREAM_LIMIT);

	response_stream_lose_source(call->answered->stream);
	call->uploading = false;
	call->is_too_large = true;
	http_exchange_forget_body(call->base.exchange);
	environment_runtime_answer_fault(call->base.port->env, call->answered, &fault, false);
}

static void take_piece(struct port_call *base, const char *data, size_t length)
{
	struct call *call = container_of(base, struct call, base);

	if (call->uploading && !environment_runtime_piece(call->answered, data, length))
		give_up_size(call);
}

static void handle_init_error(struct port *port, struct call *call)
{
	struct http_exchange *exchange = call->base.exchange;
	const char *type = http_exchange_header(exchange, "Lambda-Runtime-Function-Error-Type");
	enum runtime_state before = environment_runtime_state(port->env);
	autobuffer struct buffer body = BUFFER_INIT;

	if (http_exchange_body_state(exchange) == HTTP_BODY_TOO_LARGE) {
		runtime_api_refuse_size(exchange);
		return;
	}
	http_exchange_take_body(exchange, &body);
	if (runtime_call_is_allowed(before, RUNTIME_CALL_INIT_ERROR))
		tell_error_cause(port, NULL, exchange, &body);
	if (environment_runtime_init_error(port->env, type, &body) == RUNTIME_ACCEPTED)
		front_reply_accepted(exchange);
	else
		runtime_api_refuse(exchange, before, RUNTIME_CALL_INIT_ERROR);
}

/* ---- a call ---- */

static struct port_call *open_call(struct port *port, struct http_exchange *exchange, int route,
                                   const char *argument)
{
	struct call *call = xcalloc(1, sizeof(*call));

	call->kind = (enum call_kind)route;
	environment_runtime_contact(port->env);
	if (call->kind == CALL_RESPONSE || call->kind == CALL_ERROR) {
		call->state = environment_runtime_state(port->env);
		call->verdict = environment_runtime_begin_answer(port->env, argument,
		                                                 runtime_call_of(call),
		                                                 &call->answered);
		call->uploading = call->verdict == RUNTIME_ACCEPTED;
		call->is_stream = call->uploading && call->kind == CALL_RESPONSE &&
		                  begin_stream(port, call, exchange);
	}
	if (call->is_stream)
		return &call->base;
	if (call->uploading || call->kind == CALL_INIT_ERROR)
		http_exchange_accept_body(exchange, RUNTIME_API_PAYLOAD_LIMIT);
	return &call->base;
}

static void serve(struct port_call *base)
{
	struct call *call = container_of(base, struct call, base);

	switch (call->kind) {
	case CALL_NEXT:
		handle_next(base->port, call);
		break;
	case CALL_RESPONSE:
	case CALL_ERROR:
		handle_answer(base->port, call);
		break;
	case CALL_INIT_ERROR:
		handle_init_error(base->port, call);
		break;
	case CALL_PING:
		front_reply_text(base->exchange, 200, "text/plain; charset=utf-8", "pong");
		break;
	}
}

/* Its body broke off. */
static void give_up_answer(struct call *call)
{
	struct fault fault = fault_make(FAULT_ERROR, "Runtime.TruncatedResponse",
	                                "HTTP request detected as truncated");

	if (call->base.port->closing)
		invocation_unref(call->answered);
	else
		environment_runtime_break_off(call->base.port->env, call->answered, &fault);
}

static void close_call(struct port_call *base)
{
	struct call *call = container_of(base, struct call, base);

	if (call->uploading && call->is_stream)
		response_stream_lose_source(call->answered->stream);
	if (call->uploading)
		give_up_answer(call);
	let_go(call);
	invocation_unref(call->event);
	free(call);
}

const struct port_api runtime_api = {
	.routes = routes,
	.open = open_call,
	.body = take_piece,
	.serve = serve,
	.close = close_call,
};
