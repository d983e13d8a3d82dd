/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_api - the Runtime API 2018-06-01 over HTTP
 *
 * The verdict about an answer is made when its head arrives, so that a second
 * one is refused while the first is still being uploaded; the reply waits until
 * the body is read, since clients take a reply before that for a reset.
 */
#include "emulator/runtime_api.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/base64.h"
#include "emulator/front.h"
#include "emulator/http_listen.h"
#include "emulator/json.h"
#include "emulator/json_check.h"
#include "emulator/log.h"
#include "sandbox/fd.h"

/* 6 MiB and 100 bytes: exactly this much is accepted (spec runtime-api.md §4). */
#define PAYLOAD_LIMIT 6291556

#define PREFIX "/2018-06-01"

/* In a network of the box's own nobody else can have it: Lambda's own port. */
#define INNER_PORT 9001

enum call_kind {
	CALL_NEXT,
	CALL_RESPONSE,
	CALL_ERROR,
	CALL_INIT_ERROR,
	CALL_PING,
	CALL_FOREIGN, /* whoever makes it has no business here */
	CALL_UNKNOWN = FRONT_UNKNOWN,
	CALL_WRONG_METHOD = FRONT_WRONG_METHOD,
};

static const struct route routes[] = {
	{ "GET", PREFIX "/runtime/invocation/next", CALL_NEXT },
	{ "POST", PREFIX "/runtime/invocation/{}/response", CALL_RESPONSE },
	{ "POST", PREFIX "/runtime/invocation/{}/error", CALL_ERROR },
	{ "POST", PREFIX "/runtime/init/error", CALL_INIT_ERROR },
	{ "GET", PREFIX "/ping", CALL_PING },
	{ .method = NULL },
};

struct runtime_api {
	struct runtime_ports ports;
	struct http_server *server;
	const struct config *config;
	int fixed; /* listens at the configured address, from life to life; -1: there is none */
	bool fixed_in_use;
};

/* One request of a runtime. */
struct call {
	enum call_kind kind;
	enum runtime_verdict verdict; /* answers: made when the head arrived */
	enum runtime_state state;     /* ... in this state */
	bool uploading;               /* the environment waits for the answer's body */
	struct http_exchange *exchange;
	struct invocation *event;   /* being sent */
	struct call *next, **place; /* among the held /next */
};

struct port {
	struct runtime_port base;
	struct http_listener listener;
	struct runtime_api *api;
	struct environment *env;
	struct call *held;
	bool is_fixed;
	bool is_open; /* listens */
	bool closing;
	bool has_warned; /* of foreigners */
};

/* ---- replies ---- */

static void reply_accepted(struct http_exchange *exchange)
{
	front_reply_text(exchange, 202, "application/json", "{\"status\":\"OK\"}\n");
}

static void reply_error(struct http_exchange *exchange, unsigned status, const char *type,
                        const char *message)
{
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	json_object_text(&body, "errorMessage", message);
	json_object_text(&body, "errorType", type);
	json_object_end(&body);
	buffer_append_text(&body, "\n");
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_reply(exchange, status, &body);
}

static void reply_invalid_state(struct http_exchange *exchange, enum runtime_state state,
                                enum runtime_call call)
{
	char message[200];

	snprintf(message, sizeof(message),
	         "State transition from %s to %s failed for runtime. "
	         "Error: State transition is not allowed",
	         runtime_state_name(state), runtime_call_target(call));
	reply_error(exchange, 403, "InvalidStateTransition", message);
}

static void reply_too_large(struct http_exchange *exchange)
{
	char message[100];

	snprintf(message, sizeof(message), "Exceeded maximum allowed payload size (%d bytes).",
	         PAYLOAD_LIMIT);
	reply_error(exchange, 413, "RequestEntityTooLarge", message);
}

static void add_optional_header(struct http_exchange *exchange, const char *name, const char *value)
{
	/* Absent values are left out, never empty: Rust and Node parse them as JSON. */
	if (value && *value)
		http_exchange_add_header(exchange, name, value);
}

static void reply_event(struct call *call, struct invocation *event)
{
	struct http_exchange *exchange = call->exchange;
	char deadline[24];

	snprintf(deadline, sizeof(deadline), "%llu", (unsigned long long)event->deadline_ms);
	http_exchange_add_header(exchange, "Content-Type",
	                         event->content_type ? event->content_type : "application/json");
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

static void hold(struct port *port, struct call *call)
{
	call->next = port->held;
	call->place = &port->held;
	if (call->next)
		call->next->place = &call->next;
	port->held = call;
}

static void let_go(struct call *call)
{
	if (!call->place)
		return;
	*call->place = call->next;
	if (call->next)
		call->next->place = call->place;
	call->place = NULL;
}

static void deliver(struct runtime_port *base, struct invocation *invocation)
{
	struct port *port = container_of(base, struct port, base);

	while (port->held) {
		struct call *call = port->held;

		let_go(call);
		reply_event(call, invocation);
	}
}

static void handle_next(struct port *port, struct call *call)
{
	enum runtime_state before = environment_runtime_state(port->env);

	hold(port, call);
	if (environment_runtime_next(port->env) == RUNTIME_ACCEPTED)
		return;
	let_go(call);
	reply_invalid_state(call->exchange, before, RUNTIME_CALL_NEXT);
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

/* An error at the end of a stream: its body is the answer, what was streamed before is not. */
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

/* The cause is X-Ray's; the caller gets the rest (spec runtime-api.md §5). */
static void strip_error_cause(struct http_exchange *exchange, struct buffer *body)
{
	static const char with_cause[] = "application/vnd.aws.lambda.error.cause+json";
	const char *type = http_exchange_header(exchange, "Content-Type");

	if (!type || strcspn(type, "; \t") != sizeof(with_cause) - 1 ||
	    strncasecmp(type, with_cause, sizeof(with_cause) - 1) != 0)
		return;
	if (json_remove_member(body, "errorCause"))
		return;
	buffer_clear(body);
	buffer_append_text(body, "\"Invalid error body\"");
}

static void take_answer(struct port *port, struct call *call)
{
	struct http_exchange *exchange = call->exchange;
	struct answer answer = { .body = BUFFER_INIT };

	http_exchange_take_body(exchange, &answer.body);
	if (call->kind == CALL_ERROR) {
		answer.is_error = true;
		strip_error_cause(exchange, &answer.body);
	} else {
		take_error_trailers(exchange, &answer);
	}
	/* The caller first: it waits for this, the runtime only for a receipt. */
	environment_runtime_answer(port->env, &answer);
	reply_accepted(exchange);
}

static void refuse_mode(struct port *port, struct call *call)
{
	struct fault fault = fault_make(FAULT_ERROR, "Runtime.InvalidResponseModeHeader",
	                                "Invalid function response mode");

	environment_runtime_answer_fault(port->env, &fault, true);
	reply_error(call->exchange, 400, "InvalidFunctionResponseMode",
	            "Invalid function response mode");
}

static void refuse_size(struct port *port, struct call *call)
{
	struct fault fault = fault_response_too_large();

	environment_runtime_answer_fault(port->env, &fault, false);
	reply_too_large(call->exchange);
}

static void handle_answer(struct port *port, struct call *call)
{
	switch (call->verdict) {
	case RUNTIME_INVALID_REQUEST_ID:
		reply_error(call->exchange, 400, "InvalidRequestID", "Invalid request ID");
		return;
	case RUNTIME_INVALID_STATE:
		reply_invalid_state(call->exchange, call->state, runtime_call_of(call));
		return;
	case RUNTIME_ACCEPTED:
		break;
	}
	call->uploading = false;
	if (call->kind == CALL_RESPONSE && !has_valid_mode(call->exchange))
		refuse_mode(port, call);
	else if (http_exchange_body_state(call->exchange) == HTTP_BODY_TOO_LARGE)
		refuse_size(port, call);
	else
		take_answer(port, call);
}

static void handle_init_error(struct port *port, struct call *call)
{
	struct http_exchange *exchange = call->exchange;
	const char *type = http_exchange_header(exchange, "Lambda-Runtime-Function-Error-Type");
	enum runtime_state before = environment_runtime_state(port->env);
	autobuffer struct buffer body = BUFFER_INIT;

	if (http_exchange_body_state(exchange) == HTTP_BODY_TOO_LARGE) {
		reply_too_large(exchange);
		return;
	}
	http_exchange_take_body(exchange, &body);
	if (environment_runtime_init_error(port->env, type, &body) == RUNTIME_ACCEPTED)
		reply_accepted(exchange);
	else
		reply_invalid_state(exchange, before, RUNTIME_CALL_INIT_ERROR);
}

/* ---- who calls ---- */

/* Looked up at the first call of a connection. The mark is one more than the answer. */
static enum sandbox_peer peer_of(const struct port *port, struct http_exchange *exchange)
{
	unsigned mark = http_exchange_mark(exchange);

	if (mark == 0) {
		mark = 1 + environment_find_peer(port->env, http_exchange_socket(exchange));
		http_exchange_set_mark(exchange, mark);
	}
	return (enum sandbox_peer)(mark - 1);
}

/*
 * A peer that is gone may have been the runtime, which posts its answer and ends; that answer
 * carries an id that nobody else knows. To ask for an event and not to wait for it makes no sense.
 */
static bool is_foreign(const struct port *port, struct http_exchange *exchange, enum call_kind kind)
{
	if (port->api->config->runtime_api_access == CONFIG_ACCESS_ANY)
		return false;
	switch (peer_of(port, exchange)) {
	case SANDBOX_PEER_INSIDE:
	case SANDBOX_PEER_UNKNOWN:
		return false;
	case SANDBOX_PEER_OUTSIDE:
		return true;
	case SANDBOX_PEER_GONE:
		return kind == CALL_NEXT;
	}
	return true;
}

static void reply_foreign(struct port *port, struct http_exchange *exchange)
{
	if (!port->has_warned)
		log_warning("a process outside of the box called the Runtime API at %s and was "
		            "refused (--runtime-api-access=any lets it)",
		            port->base.address);
	port->has_warned = true;
	reply_error(exchange, 403, "AccessDenied",
	            "Only processes of this environment may call its Runtime API");
}

/* ---- the listener ---- */

static void on_head(struct http_listener *listener, struct http_exchange *exchange)
{
	struct port *port = container_of(listener, struct port, listener);
	struct call *call = xcalloc(1, sizeof(*call));
	char id[3 * UUID_SIZE]; /* all of it may be percent-encoded */

	call->exchange = exchange;
	call->kind = (enum call_kind)front_find_route(routes, exchange, id, sizeof(id));
	http_exchange_set_user(exchange, call);
	if (is_foreign(port, exchange, call->kind)) {
		call->kind = CALL_FOREIGN;
		return;
	}
	environment_runtime_contact(port->env);
	if (call->kind == CALL_RESPONSE || call->kind == CALL_ERROR) {
		call->state = environment_runtime_state(port->env);
		call->verdict = environment_runtime_begin_answer(port->env, id,
		                                                 runtime_call_of(call));
		call->uploading = call->verdict == RUNTIME_ACCEPTED;
	}
	if (call->uploading || call->kind == CALL_INIT_ERROR)
		http_exchange_accept_body(exchange, PAYLOAD_LIMIT);
}

static void on_request(struct http_listener *listener, struct http_exchange *exchange)
{
	struct port *port = container_of(listener, struct port, listener);
	struct call *call = http_exchange_user(exchange);

	switch (call->kind) {
	case CALL_NEXT:
		handle_next(port, call);
		break;
	case CALL_RESPONSE:
	case CALL_ERROR:
		handle_answer(port, call);
		break;
	case CALL_INIT_ERROR:
		handle_init_error(port, call);
		break;
	case CALL_PING:
		front_reply_text(exchange, 200, "text/plain; charset=utf-8", "pong");
		break;
	case CALL_FOREIGN:
		reply_foreign(port, exchange);
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
	/* The waiter is forgotten; an event stays for whoever asks next. */
	(void)listener;
	http_exchange_drop(exchange);
}

static void on_finished(struct http_listener *listener, struct http_exchange *exchange)
{
	struct port *port = container_of(listener, struct port, listener);
	struct call *call = http_exchange_user(exchange);
	struct fault fault;

	let_go(call);
	if (call->uploading && !port->closing) {
		fault = fault_make(FAULT_ERROR, "Runtime.TruncatedResponse",
		                   "HTTP request detected as truncated");
		environment_runtime_answer_fault(port->env, &fault, false);
	}
	invocation_unref(call->event);
	free(call);
}

static void close_port(struct runtime_port *base)
{
	struct port *port = container_of(base, struct port, base);

	port->closing = true;
	if (port->is_open)
		http_listener_close(&port->listener);
	if (port->is_fixed)
		port->api->fixed_in_use = false;
	free(port);
}

static bool listen_on(struct runtime_port *base, int fd, struct error *err)
{
	struct port *port = container_of(base, struct port, base);

	port->is_open = http_listener_open(port->api->server, &port->listener, fd, err);
	return port->is_open;
}

static const struct runtime_port_ops port_ops = { .deliver = deliver,
	                                          .listen = listen_on,
	                                          .close = close_port };

/* The configured address can serve one environment at a time; the others get ephemeral ports. */
static int make_listener(struct port *port, struct error *err)
{
	struct runtime_api *api = port->api;
	int fd;

	if (api->fixed == -1 || api->fixed_in_use)
		return http_listen("127.0.0.1:0", err);
	fd = fcntl(api->fixed, F_DUPFD_CLOEXEC, 0);
	if (fd == -1)
		error_set(err, errno, "listen on '%s'", api->config->runtime_api_address);
	else
		port->is_fixed = api->fixed_in_use = true;
	return fd;
}

static void set_address(struct port *port, int fd)
{
	const char *fixed = port->is_fixed ? port->api->config->runtime_api_address : "127.0.0.1:0";
	const char *colon = strrchr(fixed, ':');
	int host = colon ? (int)(colon - fixed) : 0;

	snprintf(port->base.address, sizeof(port->base.address), "%.*s:%u", host, fixed,
	         http_listen_port(fd));
}

/* In the machine's network. */
static bool open_outside(struct port *port, struct error *err)
{
	autoclose int fd = make_listener(port, err);

	if (fd == -1)
		return false;
	set_address(port, fd);
	return listen_on(&port->base, steal_fd(&fd), err);
}

/* In the box's, which has only a loopback: of a configured address the port counts. */
static void open_inside(struct port *port)
{
	const char *address = port->api->config->runtime_api_address;
	const char *colon = address ? strrchr(address, ':') : NULL;
	int number = colon ? atoi(colon + 1) : 0;

	port->base.inside = number ? (uint16_t)number : INNER_PORT;
	snprintf(port->base.address, sizeof(port->base.address), "127.0.0.1:%u", port->base.inside);
}

static bool is_inside(const struct config *config)
{
	return config->network == SANDBOX_NETWORK_NONE;
}

static struct runtime_port *open_port(struct runtime_ports *ports, struct environment *env,
                                      struct error *err)
{
	struct port *port = xcalloc(1, sizeof(*port));

	port->base.ops = &port_ops;
	port->api = container_of(ports, struct runtime_api, ports);
	port->env = env;
	port->listener = (struct http_listener){
		.on_head = on_head,
		.on_request = on_request,
		.on_hangup = on_hangup,
		.on_finished = on_finished,
	};
	if (is_inside(port->api->config)) {
		open_inside(port);
		return &port->base;
	}
	if (open_outside(port, err))
		return &port->base;
	if (port->is_fixed)
		port->api->fixed_in_use = false;
	free(port);
	return NULL;
}

struct runtime_api *runtime_api_create(struct http_server *server, const struct config *config,
                                       struct error *err)
{
	struct runtime_api *api = xcalloc(1, sizeof(*api));

	api->ports.open = open_port;
	api->server = server;
	api->config = config;
	api->fixed = -1;
	if (!config->runtime_api_address || is_inside(config))
		return api;
	api->fixed = http_listen(config->runtime_api_address, err);
	if (api->fixed != -1)
		return api;
	free(api);
	return NULL;
}

void runtime_api_destroy(struct runtime_api *api)
{
	if (!api)
		return;
	fd_close(&api->fixed);
	free(api);
}

struct runtime_ports *runtime_api_ports(struct runtime_api *api)
{
	return &api->ports;
}
