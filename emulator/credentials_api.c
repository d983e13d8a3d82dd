/* SPDX-License-Identifier: Apache-2.0 */
/* credentials_api - where a function with SnapStart gets its AWS credentials */
#include "emulator/credentials_api.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/front.h"
#include "emulator/json.h"
#include "emulator/log.h"
#include "emulator/timestamp.h"
#include "emulator/variables.h"

/* An SDK asks again before they end, and gets the same ones. */
#define LIFETIME_NS (30 * 60 * CLOCK_NS_PER_S)

static const struct route routes[] = {
	{ "GET", VARIABLES_CREDENTIALS_PATH, 0 },
	{ .method = NULL },
};

static bool is_offered(const struct port *port)
{
	return *port->base.credentials_token;
}

static bool knows_token(const struct port_call *call)
{
	const char *token = http_exchange_header(call->exchange, "Authorization");

	return token && strcmp(token, call->port->base.credentials_token) == 0;
}

/* What Lambda's server says whenever it has none for somebody. */
static void refuse(struct http_exchange *exchange)
{
	front_reply_text(exchange, 404, "text/plain; charset=utf-8",
	                 "cannot get credentials for the provided token\n");
}

/* On demand its variables would be absent, and the SDK would say so itself. */
static void warn_of_none(struct port *port)
{
	if (!port->has_warned_of_credentials)
		log_warning("the function asked for AWS credentials, and there are none: set "
		            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for lrie");
	port->has_warned_of_credentials = true;
}

/* All four members are there, whatever they are: SDKs take the answer for broken otherwise. */
static void reply_credentials(struct http_exchange *exchange, const struct config *config)
{
	struct buffer body = BUFFER_INIT;
	char expiration[TIMESTAMP_SIZE];

	timestamp_format(clock_machine_wall_ms() * CLOCK_NS_PER_MS + LIFETIME_NS, expiration);
	json_object_begin(&body);
	json_object_text(&body, "AccessKeyId", config->access_key_id);
	json_object_text(&body, "SecretAccessKey", config->secret_access_key);
	json_object_text(&body, "Token", config->session_token ? config->session_token : "");
	json_object_text(&body, "Expiration", expiration);
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_reply(exchange, 200, &body);
}

static struct port_call *open_call(struct port *port, struct http_exchange *exchange, int route,
                                   const char *argument)
{
	(void)port;
	(void)exchange;
	(void)route;
	(void)argument;
	return xcalloc(1, sizeof(struct port_call));
}

static void serve(struct port_call *call)
{
	const struct config *config = call->port->config;

	if (!knows_token(call)) {
		refuse(call->exchange);
	} else if (!config->access_key_id || !config->secret_access_key) {
		warn_of_none(call->port);
		refuse(call->exchange);
	} else {
		reply_credentials(call->exchange, config);
	}
}

static void close_call(struct port_call *call)
{
	free(call);
}

const struct port_api credentials_api = {
	.routes = routes,
	.is_offered = is_offered,
	.open = open_call,
	.serve = serve,
	.close = close_call,
};
