/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preflight_ports - a web server in the function, and the ports that are taken
 *
 * PORT is what web frameworks listen on by custom, and with AWS_LWA_PORT (or PORT, else 8080) the
 * Lambda Web Adapter finds them; its documentation tells of 9001. Where the function shares this
 * machine's network, lrie's own ports are taken.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "emulator/option_value.h"
#include "emulator/preflight.h"

#define LAMBDA_PORT 9001 /* of the Runtime API, inside an environment */
#define FIRST_FREE_PORT 1024
#define ADAPTER_PORT "8080"

static bool port_of_address(const char *address, uint64_t *port)
{
	const char *colon = address ? strrchr(address, ':') : NULL;

	return colon && option_value_number(colon + 1, 1, 65535, port, NULL);
}

static struct finding *add(const struct preflight_context *context, const char *variable,
                           const char *value)
{
	struct finding *finding = findings_add(context->findings, FINDING_WARNING, "port", NULL);

	finding_fix(finding, "set %s to a port that is free, such as %s", variable,
	            strcmp(value, ADAPTER_PORT) == 0 ? "8081" : ADAPTER_PORT);
	return finding;
}

static void check_clash(const struct preflight_context *context, const char *variable,
                        const char *value, uint64_t port, const char *option, const char *address)
{
	struct finding *finding;
	uint64_t ours;

	if (!port_of_address(address, &ours) || ours != port)
		return;
	finding = add(context, variable, value);
	finding_problem(
		finding,
		"%s=%s is also the port of lrie's %s (%s): here whoever listens second gets "
		"EADDRINUSE",
		variable, value, option, address);
	finding_fix(finding, "give lrie another port with %s, or set %s to another one", option,
	            variable);
}

static void check_port(const struct preflight_context *context, const char *variable,
                       const char *value)
{
	const struct config *config = context->config;
	struct finding *finding;
	uint64_t port;

	if (!option_value_number(value, 1, 65535, &port, NULL))
		return;
	if (config->network == SANDBOX_NETWORK_HOST) {
		check_clash(context, variable, value, port, "--listen", config->listen);
		check_clash(context, variable, value, port, "--http", config->http);
	}
	check_clash(context, variable, value, port, "--runtime-api-address",
	            config->runtime_api_address);
	if (port == LAMBDA_PORT) {
		finding = add(context, variable, value);
		finding_problem(finding, "%s=%s is the port of the Runtime API on Lambda", variable,
		                value);
	} else if (port < FIRST_FREE_PORT) {
		finding = add(context, variable, value);
		finding_problem(finding,
		                "%s=%s is below 1024, where the sandbox user gets EACCES, as on "
		                "Lambda",
		                variable, value);
	}
}

static bool has_adapter(const struct preflight_context *context)
{
	bool found = false;

	for (size_t i = 0; i < context->spec->layer_count; i++) {
		char *path = xasprintf("%s/extensions/lambda-adapter", context->spec->layers[i]);
		struct stat st;

		found |= stat(path, &st) == 0;
		free(path);
	}
	return found;
}

void preflight_check_ports(const struct preflight_context *context, const char *const *variables)
{
	const char *adapter = preflight_variable(variables, "AWS_LWA_PORT");
	const char *port = preflight_variable(variables, "PORT");

	if (adapter)
		check_port(context, "AWS_LWA_PORT", adapter);
	if (port && (!adapter || strcmp(port, adapter) != 0))
		check_port(context, "PORT", port);
	if (!adapter && !port && has_adapter(context))
		check_port(context, "AWS_LWA_PORT", ADAPTER_PORT);
}
