/* SPDX-License-Identifier: Apache-2.0 */
/* extensions_api - the Extensions API 2020-01-01 over HTTP */
#include "emulator/extensions_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/front.h"
#include "emulator/json.h"
#include "emulator/registration.h"

#define PREFIX "/2020-01-01"

/* Far more than any of them holds: a register, which becomes a tree; an error, which is not read.
 */
#define REGISTER_LIMIT ((size_t)1 << 16)
#define ERROR_LIMIT ((size_t)1 << 20)

enum call_kind {
	CALL_REGISTER,
	CALL_NEXT,
	CALL_INIT_ERROR,
	CALL_EXIT_ERROR,
};

static const struct route routes[] = {
	{ "POST", PREFIX "/extension/register", CALL_REGISTER },
	{ "GET", PREFIX "/extension/event/next", CALL_NEXT },
	{ "POST", PREFIX "/extension/init/error", CALL_INIT_ERROR },
	{ "POST", PREFIX "/extension/exit/error", CALL_EXIT_ERROR },
	{ .method = NULL },
};

struct call {
	struct port_call base;
	enum call_kind kind;
	struct extension *extension; /* that waits in this call, or has */
};

/* ---- replies ---- */

static void refuse(struct call *call, const char *type, const char *message)
{
	front_reply_error(call->base.exchange, 403, type, message);
}

static void refuse_state(struct call *call, enum extension_state state, enum extension_call made,
                         const char *who)
{
	char message[200 + EXTENSION_NAME_SIZE];

	snprintf(message, sizeof(message),
	         "State transition from %s to %s failed for extension %s. "
	         "Error: State transition is not allowed",
	         extension_state_name(state), extension_call_target(made), who);
	refuse(call, "Extension.InvalidExtensionState", message);
}

static struct extension *refuse_caller(struct port_call *call, const char *type,
                                       const char *message)
{
	front_reply_error(call->exchange, 403, type, message);
	return NULL;
}

struct extension *extensions_api_find_caller(struct port_call *call, const char *unknown)
{
	const char *id = http_exchange_header(call->exchange, "Lambda-Extension-Identifier");
	struct extension *extension;
	char message[100];

	if (!id || !*id)
		return refuse_caller(call, "Extension.MissingExtensionIdentifier",
		                     "Missing Lambda-Extension-Identifier header");
	if (!uuid_is_valid(id))
		return refuse_caller(call, "Extension.InvalidExtensionIdentifier",
		                     "Invalid Lambda-Extension-Identifier");
	extension = extensions_find_id(environment_extensions(call->port->env), id);
	if (extension)
		return extension;
	snprintf(message, sizeof(message), "Unknown extension %s", id);
	return refuse_caller(call, "Extension.UnknownExtensionIdentifier",
	                     unknown ? unknown : message);
}

/* ---- register ---- */

static void reply_registered(struct call *call, const struct extension *extension)
{
	struct http_exchange *exchange = call->base.exchange;
	const struct config *config = call->base.port->config;
	const char *features = http_exchange_header(exchange, "Lambda-Extension-Accept-Feature");
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	if (registration_accepts(features, "accountId"))
		json_object_text(&body, "accountId", config->account_id);
	json_object_text(&body, "functionName", config->function_name);
	json_object_text(&body, "functionVersion", config->function_version);
	json_object_text(&body, "handler", config->handler ? config->handler : "");
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "Lambda-Extension-Identifier", extension->id);
	http_exchange_reply(exchange, 200, &body);
}

static void register_it(struct call *call, const char *name,
                        const struct registration *registration)
{
	struct environment *env = call->base.port->env;
	const struct extension *before = extensions_find(environment_extensions(env), name);
	enum extension_state state = before ? before->state : EXTENSION_STARTED;
	struct extension *extension;

	switch (environment_register_extension(env, name, registration->events, registration->count,
	                                       &extension)) {
	case EXTENSION_ACCEPTED:
		reply_registered(call, extension);
		break;
	case EXTENSION_INVALID_STATE:
		refuse_state(call, state, EXTENSION_CALL_REGISTER, name);
		break;
	case EXTENSION_REGISTRATION_CLOSED:
		refuse(call, "Extension.RegistrationClosed",
		       "Extension registration closed already");
		break;
	case EXTENSION_NAME_TAKEN:
		refuse(call, "Extension.InvalidExtensionState",
		       "Extension with this name already registered");
		break;
	case EXTENSION_TOO_MANY:
		refuse(call, "Extension.TooManyExtensions", "Extension limit (10) reached");
		break;
	}
}

static bool check_name(struct call *call, const char *name)
{
	if (!name || !*name) {
		refuse(call, "Extension.InvalidExtensionName", "Empty extension name");
		return false;
	}
	if (strlen(name) >= EXTENSION_NAME_SIZE) {
		refuse(call, "Extension.InvalidExtensionName",
		       "Extension name of more than 255 bytes");
		return false;
	}
	return true;
}

static void handle_register(struct call *call)
{
	struct http_exchange *exchange = call->base.exchange;
	struct port *port = call->base.port;
	const char *name = http_exchange_header(exchange, "Lambda-Extension-Name");
	struct registration_origin origin = {
		.is_concurrent = port->config->max_concurrency > 0,
	};
	autobuffer struct buffer body = BUFFER_INIT;
	struct registration_refusal refusal;
	struct registration registration;
	const struct extension *known;

	if (!check_name(call, name))
		return;
	http_exchange_take_body(exchange, &body);
	known = extensions_find(environment_extensions(port->env), name);
	origin.is_external = known && known->is_external;
	if (registration_parse(&registration, body.data, body.length, &origin, &refusal))
		register_it(call, name, &registration);
	else
		refuse(call, refusal.type, refusal.why.text);
}

/* ---- events ---- */

static void write_invoke(struct buffer *body, const struct extension_event *event)
{
	const struct invocation *invocation = event->invocation;

	json_object_text(body, "eventType", "INVOKE");
	json_object_number(body, "deadlineMs", event->deadline_ms);
	json_object_text(body, "requestId", invocation->request_id);
	json_object_text(body, "invokedFunctionArn", invocation->function_arn);
	if (!invocation->trace_header)
		return;
	json_object_open(body, "tracing");
	json_object_text(body, "type", "X-Amzn-Trace-Id");
	json_object_text(body, "value", invocation->trace_header);
	json_object_end(body);
}

static void write_shutdown(struct buffer *body, const struct extension_event *event)
{
	json_object_text(body, "eventType", "SHUTDOWN");
	json_object_number(body, "deadlineMs", event->deadline_ms);
	json_object_text(body, "shutdownReason", event->reason);
}

void extensions_api_notify(struct runtime_port *base, const struct extension *extension,
                           const struct extension_event *event)
{
	struct port *port = container_of(base, struct port, base);
	unsigned index = extension_index(environment_extensions(port->env), extension);
	struct port_call *call = port->extensions[index];
	struct buffer body = BUFFER_INIT;
	char id[UUID_SIZE];

	port_call_let_go(call);
	json_object_begin(&body);
	if (event->kind == EXTENSION_INVOKE)
		write_invoke(&body, event);
	else
		write_shutdown(&body, event);
	json_object_end(&body);
	uuid_make(id);
	http_exchange_add_header(call->exchange, "Content-Type", "application/json");
	http_exchange_add_header(call->exchange, "Lambda-Extension-Event-Identifier", id);
	http_exchange_reply(call->exchange, 200, &body);
}

static void handle_next(struct call *call)
{
	struct port *port = call->base.port;
	struct extension *extension = extensions_api_find_caller(&call->base, NULL);
	enum extension_state before;
	unsigned index;

	if (!extension)
		return;
	before = extension->state;
	index = extension_index(environment_extensions(port->env), extension);
	call->extension = extension;
	if (environment_extension_may_wait(port->env, extension)) {
		port_call_hold(&call->base, &port->extensions[index]);
		environment_extension_next(port->env, extension);
	} else {
		refuse_state(call, before, EXTENSION_CALL_NEXT, extension->id);
	}
}

/* ---- errors ---- */

static void handle_error(struct call *call, enum extension_call made)
{
	static const char header[] = "Lambda-Extension-Function-Error-Type";
	const char *type = http_exchange_header(call->base.exchange, header);
	struct extension *extension = extensions_api_find_caller(
		&call->base, "Unknown Lambda-Extension-Identifier");
	enum extension_state before;

	if (!extension)
		return;
	if (!type || !*type) {
		refuse(call, "Extension.MissingHeader",
		       "Lambda-Extension-Function-Error-Type not found");
		return;
	}
	before = extension->state;
	if (environment_extension_error(call->base.port->env, extension, made, type))
		front_reply_accepted(call->base.exchange);
	else
		refuse_state(call, before, made, extension->id);
}

/* ---- a call ---- */

static size_t body_limit(enum call_kind kind)
{
	return kind == CALL_REGISTER ? REGISTER_LIMIT : ERROR_LIMIT;
}

static void refuse_size(struct call *call)
{
	char message[100];

	snprintf(message, sizeof(message), "Exceeded maximum allowed payload size (%zu bytes).",
	         body_limit(call->kind));
	front_reply_error(call->base.exchange, 413, "RequestEntityTooLarge", message);
}

static struct port_call *open_call(struct port *port, struct http_exchange *exchange, int route,
                                   const char *argument)
{
	struct call *call = xcalloc(1, sizeof(*call));

	(void)port;
	(void)argument;
	call->kind = (enum call_kind)route;
	if (call->kind != CALL_NEXT)
		http_exchange_accept_body(exchange, body_limit(call->kind));
	return &call->base;
}

static void serve(struct port_call *base)
{
	struct call *call = container_of(base, struct call, base);

	if (!environment_offers_extensions(base->port->env)) {
		http_exchange_reply(base->exchange, 404, NULL);
		return;
	}
	if (http_exchange_body_state(base->exchange) == HTTP_BODY_TOO_LARGE) {
		refuse_size(call);
		return;
	}
	switch (call->kind) {
	case CALL_REGISTER:
		handle_register(call);
		break;
	case CALL_NEXT:
		handle_next(call);
		break;
	case CALL_INIT_ERROR:
		handle_error(call, EXTENSION_CALL_INIT_ERROR);
		break;
	case CALL_EXIT_ERROR:
		handle_error(call, EXTENSION_CALL_EXIT_ERROR);
		break;
	}
}

static void close_call(struct port_call *base)
{
	struct call *call = container_of(base, struct call, base);

	if (base->place)
		environment_extension_left(base->port->env, call->extension);
	port_call_let_go(base);
	free(call);
}

const struct port_api extensions_api = {
	.routes = routes,
	.open = open_call,
	.serve = serve,
	.close = close_call,
};
