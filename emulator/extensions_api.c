/* SPDX-License-Identifier: Apache-2.0 */
/* extensions_api - the Extensions API 2020-01-01 over HTTP */
#include "emulator/extensions_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/front.h"
#include "emulator/json.h"

#define PREFIX "/2020-01-01"

/* Of register and the two errors: far more than any of them holds. */
#define BODY_LIMIT ((size_t)1 << 20)

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

static bool wants_account_id(const struct http_exchange *exchange)
{
	static const char feature[] = "accountId";
	const char *list = http_exchange_header(exchange, "Lambda-Extension-Accept-Feature");

	while (list && *list) {
		size_t length;

		list += strspn(list, ", ");
		length = strcspn(list, ", ");
		if (length == sizeof(feature) - 1 && strncmp(list, feature, length) == 0)
			return true;
		list += length;
	}
	return false;
}

static void reply_registered(struct call *call, const struct extension *extension)
{
	struct http_exchange *exchange = call->base.exchange;
	const struct config *config = call->base.port->config;
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	if (wants_account_id(exchange))
		json_object_text(&body, "accountId", config->account_id);
	json_object_text(&body, "functionName", config->function_name);
	json_object_text(&body, "functionVersion", config->function_version);
	json_object_text(&body, "handler", config->handler ? config->handler : "");
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "Lambda-Extension-Identifier", extension->id);
	http_exchange_reply(exchange, 200, &body);
}

/* What a register asks for. */
struct registration {
	enum extension_event_kind events[EXTENSION_EVENT_COUNT];
	unsigned count;
};

static bool add_event(struct call *call, struct registration *registration, const char *name,
                      bool is_external)
{
	enum extension_event_kind kind;
	char message[128];

	if (!extension_event_parse(name, &kind)) {
		snprintf(message, sizeof(message), "%.64s: ErrorInvalidEventType", name);
		refuse(call, "Extension.InvalidEventType", message);
		return false;
	}
	/* Events of which invocation, if there are several (spec runtime-api.md §9)? */
	if (call->base.port->config->max_concurrency > 0 &&
	    (!is_external || kind == EXTENSION_INVOKE)) {
		snprintf(message, sizeof(message), "%s",
		         is_external ? "INVOKE: ErrorInvalidEventType"
		                     : "No events allowed for internal extensions");
		refuse(call, "Extension.InvalidEventType", message);
		return false;
	}
	if (kind == EXTENSION_SHUTDOWN && !is_external) {
		refuse(call, "Extension.InvalidEventType",
		       "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension");
		return false;
	}
	for (unsigned i = 0; i < registration->count; i++) {
		if (registration->events[i] == kind)
			return true;
	}
	registration->events[registration->count++] = kind;
	return true;
}

static bool read_events(struct call *call, const struct json *events, bool is_external,
                        struct registration *registration)
{
	for (size_t i = 0; i < json_length(events); i++) {
		const char *name = json_text(json_item(events, i));

		if (!name) {
			refuse(call, "InvalidRequestFormat", "events: each must be a string");
			return false;
		}
		if (!add_event(call, registration, name, is_external))
			return false;
	}
	return true;
}

/* Of the right form, and no word of what is no longer there. */
static bool check_form(struct call *call, const struct json *body)
{
	const struct json *events = json_member(body, "events");
	const char *problem = NULL;

	if (!json_is_object(body))
		problem = "the body must be a JSON object";
	else if (events && !json_is_array(events))
		problem = "events must be an array of strings";
	else if (json_length(json_member(body, "configurationKeys")) > 0)
		problem = "configurationKeys are deprecated; use environment variables instead";
	if (problem)
		refuse(call, "InvalidRequestFormat", problem);
	return !problem;
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
	struct environment *env = call->base.port->env;
	const char *name = http_exchange_header(exchange, "Lambda-Extension-Name");
	struct registration registration = { .count = 0 };
	autobuffer struct buffer body = BUFFER_INIT;
	const struct extension *known;
	struct error err;

	if (!check_name(call, name))
		return;
	http_exchange_take_body(exchange, &body);
	struct json *json = json_read(body.data, body.length, &err);
	if (!json) {
		refuse(call, "InvalidRequestFormat", err.text);
		return;
	}
	known = extensions_find(environment_extensions(env), name);
	if (check_form(call, json) && read_events(call, json_member(json, "events"),
	                                          known && known->is_external, &registration))
		register_it(call, name, &registration);
	json_destroy(json);
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

static struct port_call *open_call(struct port *port, struct http_exchange *exchange, int route,
                                   const char *argument)
{
	struct call *call = xcalloc(1, sizeof(*call));

	(void)port;
	(void)argument;
	call->kind = (enum call_kind)route;
	if (call->kind != CALL_NEXT)
		http_exchange_accept_body(exchange, BODY_LIMIT);
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
		front_reply_error(base->exchange, 413, "RequestEntityTooLarge",
		                  "Exceeded maximum allowed payload size (1048576 bytes).");
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
