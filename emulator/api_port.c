/* SPDX-License-Identifier: Apache-2.0 */
/* api_port - the address at which the programs of a box reach Lambda's APIs */
#include "emulator/api_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/credentials_api.h"
#include "emulator/extensions_api.h"
#include "emulator/front.h"
#include "emulator/http_listen.h"
#include "emulator/log.h"
#include "emulator/restore_api.h"
#include "emulator/runtime_api.h"
#include "emulator/telemetry_api.h"
#include "sandbox/fd.h"

/* In a network of the box's own nobody else can have it: Lambda's own port. */
#define INNER_PORT 9001

struct api_ports {
	struct runtime_ports base;
	struct http_server *server;
	const struct config *config;
	int fixed; /* listens at the configured address, from life to life; -1: there is none */
	bool fixed_in_use;
};

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

/* An extension or runtime that asks for an event, and does not wait for it. */
static bool is_for_an_event(struct http_exchange *exchange)
{
	return strcmp(http_exchange_method(exchange), "GET") == 0;
}

/*
 * A peer that is gone may have been the runtime, which posts its answer and ends; that answer
 * carries an id that nobody else knows. To ask for an event and not to wait for it makes no sense.
 */
static bool is_foreign(const struct port *port, struct http_exchange *exchange)
{
	if (port->config->runtime_api_access == CONFIG_ACCESS_ANY)
		return false;
	switch (peer_of(port, exchange)) {
	case SANDBOX_PEER_INSIDE:
	case SANDBOX_PEER_UNKNOWN:
		return false;
	case SANDBOX_PEER_OUTSIDE:
		return true;
	case SANDBOX_PEER_GONE:
		return is_for_an_event(exchange);
	}
	return true;
}

static void reply_foreign(struct port *port, struct http_exchange *exchange)
{
	/* Of who is gone nobody knows where it was: it may have been killed with its box. */
	bool is_known = peer_of(port, exchange) == SANDBOX_PEER_OUTSIDE;

	if (is_known && !port->has_warned)
		log_warning("a process outside of the box called the Runtime API at %s and was "
		            "refused (--runtime-api-access=any lets it)",
		            port->base.address);
	port->has_warned |= is_known;
	front_reply_error(exchange, 403, "AccessDenied",
	                  "Only processes of this environment may call its Runtime API");
}

/* ---- calls of no API ---- */

enum refusal { REFUSE_FOREIGN, REFUSE_UNKNOWN, REFUSE_METHOD };

struct refused_call {
	struct port_call base;
	enum refusal refusal;
};

static struct port_call *open_refused(struct port *port, struct http_exchange *exchange,
                                      int refusal, const char *argument)
{
	struct refused_call *call = xcalloc(1, sizeof(*call));

	(void)port;
	(void)exchange;
	(void)argument;
	call->refusal = (enum refusal)refusal;
	return &call->base;
}

static void serve_refused(struct port_call *base)
{
	struct refused_call *call = container_of(base, struct refused_call, base);

	switch (call->refusal) {
	case REFUSE_FOREIGN:
		reply_foreign(base->port, base->exchange);
		break;
	case REFUSE_UNKNOWN:
		front_reply_unknown(base->exchange);
		break;
	case REFUSE_METHOD:
		front_reply_wrong_method(base->exchange);
		break;
	}
}

static void close_refused(struct port_call *base)
{
	free(container_of(base, struct refused_call, base));
}

static const struct port_api no_api = {
	.open = open_refused,
	.serve = serve_refused,
	.close = close_refused,
};

/* ---- calls ---- */

void port_call_hold(struct port_call *call, struct port_call **list)
{
	call->next = *list;
	call->place = list;
	if (call->next)
		call->next->place = &call->next;
	*list = call;
}

void port_call_let_go(struct port_call *call)
{
	if (!call->place)
		return;
	*call->place = call->next;
	if (call->next)
		call->next->place = call->place;
	call->place = NULL;
}

static const struct port_api *const apis[] = {
	&runtime_api, &extensions_api, &telemetry_api, &restore_api, &credentials_api,
};

/* Finds the API that has the route, which 'route' gets. */
static const struct port_api *find_api(const struct port *port, struct http_exchange *exchange,
                                       int *route, char *argument, size_t size)
{
	enum refusal refusal = REFUSE_UNKNOWN;

	if (is_foreign(port, exchange)) {
		*route = REFUSE_FOREIGN;
		return &no_api;
	}
	for (size_t i = 0; i < sizeof(apis) / sizeof(apis[0]); i++) {
		if (apis[i]->is_offered && !apis[i]->is_offered(port))
			continue;
		*route = front_find_route(apis[i]->routes, exchange, argument, size);
		if (*route >= 0)
			return apis[i];
		if (*route == FRONT_WRONG_METHOD)
			refusal = REFUSE_METHOD;
	}
	*route = refusal;
	return &no_api;
}

static void on_head(struct http_listener *listener, struct http_exchange *exchange)
{
	struct port *port = container_of(listener, struct port, listener);
	char argument[3 * UUID_SIZE] = ""; /* all of it may be percent-encoded */
	int route;
	const struct port_api *api = find_api(port, exchange, &route, argument, sizeof(argument));
	struct port_call *call = api->open(port, exchange, route, argument);

	call->api = api;
	call->port = port;
	call->exchange = exchange;
	http_exchange_set_user(exchange, call);
}

static void on_body(struct http_listener *listener, struct http_exchange *exchange,
                    const char *data, size_t length)
{
	struct port_call *call = http_exchange_user(exchange);

	(void)listener;
	call->api->body(call, data, length);
}

static void on_request(struct http_listener *listener, struct http_exchange *exchange)
{
	struct port_call *call = http_exchange_user(exchange);

	(void)listener;
	call->api->serve(call);
}

static void on_hangup(struct http_listener *listener, struct http_exchange *exchange)
{
	/* The waiter is forgotten; an event stays for whoever asks next. */
	(void)listener;
	http_exchange_drop(exchange);
}

static void on_finished(struct http_listener *listener, struct http_exchange *exchange)
{
	struct port_call *call = http_exchange_user(exchange);

	(void)listener;
	call->api->close(call);
}

/* ---- the listener ---- */

static void close_port(struct runtime_port *base)
{
	struct port *port = container_of(base, struct port, base);

	port->closing = true;
	if (port->is_open)
		http_listener_close(&port->listener);
	if (port->is_fixed)
		port->ports->fixed_in_use = false;
	free(port);
}

static bool listen_on(struct runtime_port *base, int fd, struct error *err)
{
	struct port *port = container_of(base, struct port, base);

	port->is_open = http_listener_open(port->ports->server, &port->listener, fd, err);
	return port->is_open;
}

static const struct runtime_port_ops port_ops = {
	.deliver = runtime_api_deliver,
	.notify = extensions_api_notify,
	.restore = restore_api_release,
	.listen = listen_on,
	.close = close_port,
};

/* The configured address can serve one environment at a time; the others get ephemeral ports. */
static int make_listener(struct port *port, struct error *err)
{
	struct api_ports *ports = port->ports;
	int fd;

	if (ports->fixed == -1 || ports->fixed_in_use)
		return http_listen("127.0.0.1:0", err);
	fd = fcntl(ports->fixed, F_DUPFD_CLOEXEC, 0);
	if (fd == -1)
		error_set(err, errno, "listen on '%s'", ports->config->runtime_api_address);
	else
		port->is_fixed = ports->fixed_in_use = true;
	return fd;
}

static void set_address(struct port *port, int fd)
{
	const char *fixed = port->is_fixed ? port->config->runtime_api_address : "127.0.0.1:0";
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
	const char *address = port->config->runtime_api_address;
	const char *colon = address ? strrchr(address, ':') : NULL;
	int number = colon ? atoi(colon + 1) : 0;

	port->base.inside = number ? (uint16_t)number : INNER_PORT;
	snprintf(port->base.address, sizeof(port->base.address), "127.0.0.1:%u", port->base.inside);
}

static bool is_inside(const struct config *config)
{
	return config->network == SANDBOX_NETWORK_NONE;
}

static struct runtime_port *open_port(struct runtime_ports *base, struct environment *env,
                                      struct error *err)
{
	struct api_ports *ports = container_of(base, struct api_ports, base);
	struct port *port = xcalloc(1, sizeof(*port));

	port->base.ops = &port_ops;
	port->ports = ports;
	port->config = ports->config;
	port->env = env;
	port->listener = (struct http_listener){
		.on_head = on_head,
		.on_body = on_body,
		.on_request = on_request,
		.on_hangup = on_hangup,
		.on_finished = on_finished,
	};
	if (is_inside(port->config)) {
		open_inside(port);
		return &port->base;
	}
	if (open_outside(port, err))
		return &port->base;
	if (port->is_fixed)
		ports->fixed_in_use = false;
	free(port);
	return NULL;
}

struct api_ports *api_ports_create(struct http_server *server, const struct config *config,
                                   struct error *err)
{
	struct api_ports *ports = xcalloc(1, sizeof(*ports));

	ports->base.open = open_port;
	ports->server = server;
	ports->config = config;
	ports->fixed = -1;
	if (!config->runtime_api_address || is_inside(config))
		return ports;
	ports->fixed = http_listen(config->runtime_api_address, err);
	if (ports->fixed != -1)
		return ports;
	free(ports);
	return NULL;
}

void api_ports_destroy(struct api_ports *ports)
{
	if (!ports)
		return;
	fd_close(&ports->fixed);
	free(ports);
}

struct runtime_ports *api_ports_runtime_ports(struct api_ports *ports)
{
	return &ports->base;
}
