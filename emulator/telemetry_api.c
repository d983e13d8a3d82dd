/* SPDX-License-Identifier: Apache-2.0 */
/* telemetry_api - the Telemetry API 2022-07-01 and the Logs API 2020-08-15 over HTTP */
#include "emulator/telemetry_api.h"

#include <stdio.h>
#include <stdlib.h>

#include "emulator/extensions_api.h"
#include "emulator/front.h"
#include "emulator/subscription.h"
#include "emulator/telemetry.h"

/* A request has some 300 bytes. */
#define BODY_LIMIT ((size_t)64 << 10)

/* The documentation has the paths with and without the last slash. */
static const struct route routes[] = {
	{ "PUT", "/2022-07-01/telemetry", SUBSCRIPTION_TELEMETRY },
	{ "PUT", "/2022-07-01/telemetry/", SUBSCRIPTION_TELEMETRY },
	{ "PUT", "/2020-08-15/logs", SUBSCRIPTION_LOGS },
	{ "PUT", "/2020-08-15/logs/", SUBSCRIPTION_LOGS },
	{ .method = NULL },
};

static const struct {
	const char *name;       /* in texts and types */
	const char *validation; /* the one type that has no name in front for both */
} words[] = {
	[SUBSCRIPTION_LOGS] = { "Logs", "Logs.ValidationError" },
	[SUBSCRIPTION_TELEMETRY] = { "Telemetry", "ValidationError" },
};

struct call {
	struct port_call base;
	enum subscription_api api;
};

/* "Telemetry.SubscriptionClosed", "Telemetry API subscription is closed already" */
static void reply_named(const struct call *call, unsigned status, const char *type,
                        const char *message)
{
	const char *name = words[call->api].name;
	char whole_type[64], whole_message[128];

	snprintf(whole_type, sizeof(whole_type), "%s.%s", name, type);
	snprintf(whole_message, sizeof(whole_message), "%s API %s", name, message);
	front_reply_error(call->base.exchange, status, whole_type, whole_message);
}

static void reply_invalid(const struct call *call, const char *reasons)
{
	front_reply_error(call->base.exchange, 400, words[call->api].validation, reasons);
}

static void reply_verdict(const struct call *call, enum telemetry_verdict verdict)
{
	switch (verdict) {
	case TELEMETRY_ACCEPTED:
		front_reply_text(call->base.exchange, 200, "application/json", "\"OK\"");
		break;
	case TELEMETRY_CLOSED:
		reply_named(call, 403, "SubscriptionClosed", "subscription is closed already");
		break;
	case TELEMETRY_OTHER_API:
		reply_invalid(call, "the other one of Logs API and Telemetry API is in use in this "
		                    "environment already");
		break;
	case TELEMETRY_FULL:
		front_reply_error(call->base.exchange, 500, "InternalServerError",
		                  "there are too many subscriptions");
		break;
	}
}

/* Lambda Managed Instances take the newest schema only. */
static bool is_too_old(const struct call *call, const struct subscription *subscription)
{
	return call->base.port->config->max_concurrency > 0 &&
	       subscription->schema < SUBSCRIPTION_2025_01_29;
}

static void take_subscription(const struct call *call, const char *name)
{
	struct http_exchange *exchange = call->base.exchange;
	autobuffer struct buffer body = BUFFER_INIT, reasons = BUFFER_INIT;
	struct environment *env = call->base.port->env;
	struct subscription subscription;

	if (http_exchange_body_state(exchange) == HTTP_BODY_TOO_LARGE) {
		reply_invalid(call, "the body should be shorter than 65536 bytes");
		return;
	}
	http_exchange_take_body(exchange, &body);
	if (!subscription_parse(&subscription, call->api, body.data, body.length, &reasons))
		reply_invalid(call, reasons.data);
	else if (is_too_old(call, &subscription))
		reply_invalid(call, "schemaVersion should be 2025-01-29 where an environment has "
		                    "several invocations at once");
	else
		reply_verdict(call, environment_subscribe(env, name, &subscription));
}

/* ---- the calls ---- */

static struct port_call *open_call(struct port *port, struct http_exchange *exchange, int route,
                                   const char *argument)
{
	struct call *call = xcalloc(1, sizeof(*call));

	(void)port, (void)argument;
	call->api = (enum subscription_api)route;
	http_exchange_accept_body(exchange, BODY_LIMIT);
	return &call->base;
}

static void serve(struct port_call *base)
{
	struct call *call = container_of(base, struct call, base);
	struct environment *env = base->port->env;
	const struct extension *extension;

	if (base->port->config->telemetry == CONFIG_TELEMETRY_STUB) {
		reply_named(call, 202, "NotSupported", "is not supported");
		return;
	}
	extension = extensions_api_find_caller(base, NULL);
	if (!extension)
		return;
	if (environment_takes_subscriptions(env))
		take_subscription(call, extension->name);
	else
		reply_verdict(call, TELEMETRY_CLOSED);
}

static void close_call(struct port_call *base)
{
	free(container_of(base, struct call, base));
}

const struct port_api telemetry_api = {
	.routes = routes,
	.open = open_call,
	.serve = serve,
	.close = close_call,
};
