/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invoke_api - the Invoke API 2015-03-31 over HTTP
 *
 * A request is refused as early and in the same order as Lambda does: its
 * name, its headers, its size, its JSON, and only then for want of room.
 */
#include "emulator/invoke_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/arn.h"
#include "emulator/base64.h"
#include "emulator/front.h"
#include "emulator/json.h"
#include "emulator/json_check.h"
#include "emulator/log_tail.h"

/* Quotas and patterns: spec invoke-api.md §1. */
#define REQUEST_LIMIT 6291456
#define CLIENT_CONTEXT_LIMIT 3583
#define TENANT_ID_LIMIT 256

enum call_kind {
	CALL_INVOKE,
	CALL_UNKNOWN = FRONT_UNKNOWN,
	CALL_WRONG_METHOD = FRONT_WRONG_METHOD,
};

static const struct route routes[] = {
	{ "POST", "/2015-03-31/functions/{}/invocations", CALL_INVOKE },
	{ .method = NULL },
};

struct invoke_api {
	struct http_listener listener;
	const struct config *config;
	struct function *function;
	struct event_queue *events;
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
	char name[3 * 256 + 1];         /* FunctionName of the path; all of it may be encoded */
	bool wants_log;
	bool is_dry_run, is_event;
	struct buffer answer; /* kept until the log is there */
	bool is_error;
	const struct api_error *refusal; /* instead of an answer; NULL: there is one */
};

/* ---- replies ---- */

static void reply_api_error(struct http_exchange *exchange, unsigned status, const char *name,
                            const char *message_name, const char *message)
{
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	json_object_text(&body, "Type", status < 500 ? "User" : "Service");
	json_object_text(&body, message_name, message);
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-ErrorType", name);
	http_exchange_reply(exchange, status, &body);
}

static void reply_invalid_parameter(struct http_exchange *exchange, const char *message)
{
	reply_api_error(exchange, 400, "InvalidParameterValueException", "message", message);
}

static void reply_invalid_content(struct http_exchange *exchange, const char *message)
{
	reply_api_error(exchange, 400, "InvalidRequestContentException", "message", message);
}

/* What Lambda's API layer says of a value that its model does not allow. */
static void reply_validation_error(struct http_exchange *exchange, const char *value,
                                   const char *member, const char *constraint)
{
	struct buffer body = BUFFER_INIT;
	autobuffer struct buffer message = BUFFER_INIT;

	buffer_append_format(&message,
	                     "1 validation error detected: Value '%.300s' at '%s' failed to "
	                     "satisfy constraint: %s",
	                     value, member, constraint);
	json_object_begin(&body);
	json_object_text(&body, "message", message.data);
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-ErrorType", "ValidationException");
	http_exchange_reply(exchange, 400, &body);
}

static void reply_throttled(struct http_exchange *exchange, const char *reason)
{
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	json_object_text(&body, "Reason", reason);
	json_object_text(&body, "Type", "User");
	json_object_text(&body, "message", "Rate Exceeded.");
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-ErrorType", "TooManyRequestsException");
	http_exchange_reply(exchange, 429, &body);
}

static void add_log_header(struct http_exchange *exchange, const struct log_tail *tail)
{
	autobuffer struct buffer text = BUFFER_INIT;
	autobuffer struct buffer encoded = BUFFER_INIT;

	log_tail_copy(tail, &text);
	base64_encode(&encoded, text.data, text.length);
	http_exchange_add_header(exchange, "X-Amz-Log-Result", encoded.data);
}

/* Sends what the function answered. 'tail' is NULL unless the caller asked for the log. */
static void reply_answer(struct call *call, const struct log_tail *tail)
{
	struct http_exchange *exchange = call->exchange;

	if (!exchange)
		return;
	if (call->refusal) {
		reply_api_error(exchange, call->refusal->status, call->refusal->name, "Message",
		                call->answer.data);
		return;
	}
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-Remapped-Content-Length", "0");
	http_exchange_add_header(exchange, "X-Amz-Executed-Version",
	                         call->api->config->function_version);
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
	call->refusal = refusal_of(answer);
	if (call->refusal)
		append_refusal(&call->answer, answer);
	else
		buffer_move(&call->answer, &answer->body);
	/* The log ends with REPORT, so a caller who wants it waits for that. */
	if (!call->wants_log)
		reply_answer(call, NULL);
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	struct call *call = invocation->asker;

	if (call->wants_log)
		reply_answer(call, tail);
	call->invocation = NULL;
	invocation_unref(invocation);
	release(call);
}

static const struct invocation_ops ops = { .on_answered = on_answered, .on_done = on_done };

/* ---- the request ---- */

/* The name of the path and the Qualifier argument must be well formed and agree. */
static bool take_name(struct call *call, struct invocation *invocation)
{
	static const char pattern[] =
		"Member must satisfy regular expression pattern: "
		"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?"
		"(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)"
		"(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
	const char *argument = http_exchange_query(call->exchange, "Qualifier");
	const struct config *config = call->api->config;
	struct function_name name;
	const char *qualifier;

	if (!function_name_parse(call->name, &name)) {
		reply_validation_error(call->exchange, call->name, "functionName", pattern);
		return false;
	}
	if (argument && !qualifier_is_valid(argument)) {
		reply_validation_error(call->exchange, argument, "qualifier",
		                       "Member must satisfy regular expression pattern: "
		                       "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+");
		return false;
	}
	if (argument && *name.qualifier && strcmp(argument, name.qualifier) != 0) {
		reply_invalid_parameter(call->exchange,
		                        "The derived qualifier from the function name does not "
		                        "match the specified qualifier.");
		return false;
	}
	qualifier = *name.qualifier ? name.qualifier : argument;
	if (qualifier) {
		struct buffer arn = BUFFER_INIT;

		arn_append(&arn, config->region, config->account_id, config->function_name,
		           qualifier);
		free(invocation->function_arn);
		invocation->function_arn = buffer_steal(&arn, NULL);
	}
	return true;
}

static bool take_type(struct call *call)
{
	const char *type = http_exchange_header(call->exchange, "X-Amz-Invocation-Type");
	const char *log = http_exchange_header(call->exchange, "X-Amz-Log-Type");

	if (type && strcmp(type, "DryRun") == 0) {
		call->is_dry_run = true;
	} else if (type && strcmp(type, "Event") == 0) {
		call->is_event = true;
	} else if (type && *type && strcmp(type, "RequestResponse") != 0) {
		reply_validation_error(call->exchange, type, "invocationType",
		                       "Member must satisfy enum value set: "
		                       "[Event, RequestResponse, DryRun]");
		return false;
	}
	if (log && strcmp(log, "Tail") == 0) {
		call->wants_log = !call->is_event;
	} else if (log && *log && strcmp(log, "None") != 0) {
		reply_validation_error(call->exchange, log, "logType",
		                       "Member must satisfy enum value set: [None, Tail]");
		return false;
	}
	return true;
}

static bool take_client_context(struct call *call, struct invocation *invocation)
{
	const char *encoded = http_exchange_header(call->exchange, "X-Amz-Client-Context");
	autobuffer struct buffer text = BUFFER_INIT;
	autobuffer struct buffer reason = BUFFER_INIT;

	if (!encoded || !*encoded)
		return true;
	if (strlen(encoded) > CLIENT_CONTEXT_LIMIT) {
		reply_validation_error(call->exchange, encoded, "clientContext",
		                       "Member must have length less than or equal to 3583");
		return false;
	}
	if (!base64_decode(&text, encoded, strlen(encoded)) ||
	    text.data[strspn(text.data, " \t\r\n")] != '{' ||
	    !json_check(text.data, text.length, &reason)) {
		reply_invalid_content(call->exchange,
		                      "Client context must be a valid Base64-encoded JSON object.");
		return false;
	}
	/* It becomes a header: JSON may hold line breaks between its tokens, a header may not. */
	for (char *at = text.data; *at; at++)
		if (*at == '\n' || *at == '\r' || *at == '\t')
			*at = ' ';
	invocation->client_context = buffer_steal(&text, NULL);
	return true;
}

static bool take_tenant_id(struct call *call, struct invocation *invocation)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:/=+-@ ";
	const char *tenant = http_exchange_header(call->exchange, "X-Amz-Tenant-Id");

	if (!tenant)
		return true;
	if (!*tenant || strlen(tenant) > TENANT_ID_LIMIT || tenant[strspn(tenant, allowed)]) {
		reply_validation_error(call->exchange, tenant, "tenantId",
		                       "Member must satisfy regular expression pattern: "
		                       "[a-zA-Z0-9\\._:\\/=+\\-@ ]+");
		return false;
	}
	invocation->tenant_id = xstrdup(tenant);
	return true;
}

static bool take_request_id(struct call *call, struct invocation *invocation)
{
	const char *id = http_exchange_header(call->exchange, "x-amzn-RequestId");

	if (!id)
		return true;
	if (!uuid_is_valid(id)) {
		reply_invalid_content(call->exchange, "The request id must be a UUID.");
		return false;
	}
	for (size_t i = 0; i < UUID_SIZE - 1; i++)
		invocation->request_id[i] = id[i] >= 'A' && id[i] <= 'F' ? (char)(id[i] | 0x20)
		                                                         : id[i];
	return true;
}

static void take_content_type(struct call *call, struct invocation *invocation)
{
	const char *type = http_exchange_header(call->exchange, "Content-Type");

	if (type && *type)
		invocation->content_type = xstrdup(type);
}

/* The caller's root is kept; a tracing header without its other parts gets them. */
static void take_trace_header(struct call *call, struct invocation *invocation)
{
	const char *trace = http_exchange_header(call->exchange, "X-Amzn-Trace-Id");

	if (trace)
		invocation_take_trace(invocation, call->api->config, trace);
}

static void reply_too_large(struct call *call)
{
	char message[100];

	snprintf(message, sizeof(message),
	         "Request must be smaller than %d bytes for the InvokeFunction operation",
	         REQUEST_LIMIT);
	reply_api_error(call->exchange, 413, "RequestEntityTooLargeException", "message", message);
}

static void reply_event_too_large(struct call *call, size_t length)
{
	char message[120];

	snprintf(message, sizeof(message),
	         "%zu byte payload is too large for the Event invocation type (limit %d bytes)",
	         length, EVENT_LIMIT);
	reply_api_error(call->exchange, 413, "RequestEntityTooLargeException", "message", message);
}

/* RIE hands on any bytes; Lambda refuses what is not JSON and makes {} of nothing. */
static bool take_event(struct call *call, struct invocation *invocation)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	if (http_exchange_body_state(call->exchange) == HTTP_BODY_TOO_LARGE) {
		reply_too_large(call);
		return false;
	}
	http_exchange_take_body(call->exchange, &invocation->event);
	if (call->is_event && invocation->event.length > EVENT_LIMIT) {
		reply_event_too_large(call, invocation->event.length);
		return false;
	}
	if (call->api->config->rie)
		return true;
	if (invocation->event.length == 0) {
		buffer_append_text(&invocation->event, "{}");
	} else if (!json_check(invocation->event.data, invocation->event.length, &reason)) {
		reply_invalid_content(call->exchange, reason.data);
		return false;
	}
	return true;
}

static void submit(struct call *call, struct invocation *invocation)
{
	invocation->asker = call;
	call->invocation = invocation_ref(invocation);
	switch (function_submit(call->api->function, invocation)) {
	case FUNCTION_ACCEPTED:
		return;
	case FUNCTION_CONCURRENCY_EXCEEDED:
		reply_throttled(call->exchange,
		                "ReservedFunctionConcurrentInvocationLimitExceeded");
		break;
	case FUNCTION_LINE_IS_FULL:
		reply_throttled(call->exchange, "ConcurrentInvocationLimitExceeded");
		break;
	case FUNCTION_IS_STOPPING:
		reply_api_error(call->exchange, 500, "ServiceException", "Message",
		                "lrie is shutting down");
		break;
	}
	call->invocation = NULL;
	invocation_unref(invocation);
}

/* Nobody waits for what becomes of it. */
static void accept_event(struct call *call, struct invocation *invocation)
{
	if (event_queue_add(call->api->events, invocation))
		http_exchange_reply(call->exchange, 202, NULL);
	else
		reply_throttled(call->exchange, "CallerRateLimitExceeded");
}

static void handle_invoke(struct call *call)
{
	struct invocation *invocation = invocation_make(call->api->config, &ops);

	if (take_request_id(call, invocation)) {
		http_exchange_add_header(call->exchange, "X-Amzn-RequestId",
		                         invocation->request_id);
		take_content_type(call, invocation);
		take_trace_header(call, invocation);
		if (take_name(call, invocation) && take_type(call) &&
		    take_client_context(call, invocation) && take_tenant_id(call, invocation) &&
		    take_event(call, invocation)) {
			if (call->is_dry_run)
				http_exchange_reply(call->exchange, 204, NULL);
			else if (call->is_event)
				accept_event(call, invocation);
			else
				submit(call, invocation);
		}
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
	call->kind = (enum call_kind)front_find_route(routes, exchange, call->name,
	                                              sizeof(call->name));
	buffer_init(&call->answer);
	http_exchange_set_user(exchange, call);
	if (call->kind == CALL_INVOKE)
		http_exchange_accept_body(exchange, REQUEST_LIMIT);
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
		handle_invoke(call);
		break;
	case CALL_UNKNOWN:
		front_reply_unknown(exchange);
		break;
	case CALL_WRONG_METHOD:
		front_reply_wrong_method(exchange);
		break;
	}
}

static void on_hangup(struct http_listener *listener, struct http_exchange *exchange)
{
	/* It may only have closed its sending side, and the invocation goes on anyway. */
	(void)listener;
	(void)exchange;
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
	release(call);
}

struct invoke_api *invoke_api_create(struct http_server *server, int fd,
                                     const struct config *config, struct function *function,
                                     struct event_queue *events, struct admin_api *admin,
                                     struct error *err)
{
	struct invoke_api *api = xcalloc(1, sizeof(*api));

	api->config = config;
	api->function = function;
	api->events = events;
	api->admin = admin;
	api->listener = (struct http_listener){
		.on_head = on_head,
		.on_request = on_request,
		.on_hangup = on_hangup,
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
