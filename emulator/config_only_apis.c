/* SPDX-License-Identifier: Apache-2.0 */
/* config_only_apis - what is otherwise when somebody else starts the runtime */
#include "emulator/option.h"

/* As RIE has it, and IDEs know it. */
#define RUNTIME_API "127.0.0.1:9001"

/*
 * Nobody stays in a debugger for longer, and functions of Node hand what is left of the time to
 * setTimeout(), which takes no more than 2^31 ms, 24 days.
 */
#define NO_TIMEOUT_MS (UINT64_C(20) * 24 * 3600 * 1000)

/* What has no meaning for a process that is not ours. */
static bool check(const struct config *config, struct error *err)
{
	const struct {
		bool is_asked;
		const char *option;
	} excluded[] = {
		{ config->watch, "--watch" },
		{ config->sandbox == SANDBOX_FULL, "--sandbox=full" },
		{ config->require_sandbox, "--require-sandbox" },
		{ config->network == SANDBOX_NETWORK_NONE, "--network=none" },
		{ config->log_descriptor, "--log-descriptor" },
		{ config->provisioned > 0, "--provisioned" },
		{ config->initialization != PLATFORM_ON_DEMAND, "--initialization-type" },
	};

	for (size_t i = 0; i < sizeof(excluded) / sizeof(excluded[0]); i++)
		if (excluded[i].is_asked)
			return error_set(err, 0, "--only-apis and %s exclude each other",
			                 excluded[i].option);
	return true;
}

bool config_finish_only_apis(struct config *config, struct error *err)
{
	if (config->only_apis == CONFIG_APIS_OFF)
		return true;
	if (!check(config, err))
		return false;
	config->sandbox = SANDBOX_OFF;
	config->freeze = false;
	config->runtime_api_access = CONFIG_ACCESS_ANY;
	if (!config->runtime_api_address)
		config->runtime_api_address = RUNTIME_API;
	config->timeout_ms = config->init_timeout_ms = NO_TIMEOUT_MS;
	config->idle_timeout_ms = config->max_wait_ms = config->max_environment_age_ms = 0;
	config->concurrency = 0; /* all wait */
	return true;
}
