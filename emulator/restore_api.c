/* SPDX-License-Identifier: Apache-2.0 */
/* restore_api - the part of the Runtime API that SnapStart adds */
#include "emulator/restore_api.h"

#include <stdlib.h>

#include "emulator/front.h"
#include "emulator/runtime_api.h"

#define PREFIX "/2018-06-01/runtime/restore"

enum call_kind { CALL_NEXT, CALL_ERROR };

static const struct route routes[] = {
	{ "GET", PREFIX "/next", CALL_NEXT },
	{ "POST", PREFIX "/error", CALL_ERROR },
	{ .method = NULL },
};

struct call {
	struct port_call base;
	enum call_kind kind;
};

void restore_api_release(struct runtime_port *base)
{
	struct port *port = container_of(base, struct port, base);

	while (port->restoring) {
		struct port_call *call = port->restoring;

		port_call_let_go(call);
		http_exchange_reply(call->exchange, 200, NULL);
	}
}

static void handle_next(struct port *port, struct port_call *call)
{
	enum runtime_state before = environment_runtime_state(port->env);

	port_call_hold(call, &port->restoring);
	if (environment_runtime_restore_next(port->env) == RUNTIME_ACCEPTED)
		return;
	port_call_let_go(call);
	runtime_api_refuse(call->exchange, before, RUNTIME_CALL_RESTORE_NEXT);
}

/* What its body tells is for people, and the runtime has printed it. */
static void handle_error(struct port *port, struct http_exchange *exchange)
{
	const char *type = http_exchange_header(exchange, "Lambda-Runtime-Function-Error-Type");
	enum runtime_state before = environment_runtime_state(port->env);

	if (http_exchange_body_state(exchange) == HTTP_BODY_TOO_LARGE)
		runtime_api_refuse_size(exchange);
	else if (environment_runtime_restore_error(port->env, type) == RUNTIME_ACCEPTED)
		front_reply_accepted(exchange);
	else
		runtime_api_refuse(exchange, before, RUNTIME_CALL_RESTORE_ERROR);
}

/* ---- a call ---- */

static bool is_offered(const struct port *port)
{
	return environment_initialization(port->env) == PLATFORM_SNAP_START;
}

static struct port_call *open_call(struct port *port, struct http_exchange *exchange, int route,
                                   const char *argument)
{
	struct call *call = xcalloc(1, sizeof(*call));

	(void)argument;
	call->kind = (enum call_kind)route;
	environment_runtime_contact(port->env);
	if (call->kind == CALL_ERROR)
		http_exchange_accept_body(exchange, RUNTIME_API_PAYLOAD_LIMIT);
	return &call->base;
}

static void serve(struct port_call *base)
{
	struct call *call = container_of(base, struct call, base);

	switch (call->kind) {
	case CALL_NEXT:
		handle_next(base->port, base);
		break;
	case CALL_ERROR:
		handle_error(base->port, base->exchange);
		break;
	}
}

static void close_call(struct port_call *base)
{
	port_call_let_go(base);
	free(container_of(base, struct call, base));
}

const struct port_api restore_api = {
	.routes = routes,
	.is_offered = is_offered,
	.open = open_call,
	.serve = serve,
	.close = close_call,
};
