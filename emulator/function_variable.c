/* SPDX-License-Identifier: Apache-2.0 */
/* function_variable - what Lambda takes as a variable of a function. */
#include "emulator/function_variable.h"

#include <stddef.h>
#include <string.h>

#include "emulator/option_value.h"

static const char *const reserved_names[] = {
	"_AWS_XRAY_DAEMON_ADDRESS",
	"_AWS_XRAY_DAEMON_PORT",
	"_HANDLER",
	"_LAMBDA_TELEMETRY_LOG_FD",
	"_X_AMZN_TRACE_ID",
	"AWS_ACCESS_KEY",
	"AWS_ACCESS_KEY_ID",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_DEFAULT_REGION",
	"AWS_EXECUTION_ENV",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	"AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_VERSION",
	"AWS_LAMBDA_INITIALIZATION_TYPE",
	"AWS_LAMBDA_LOG_FORMAT",
	"AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_LEVEL",
	"AWS_LAMBDA_LOG_STREAM_NAME",
	"AWS_LAMBDA_MAX_CONCURRENCY",
	"AWS_LAMBDA_METADATA_API",
	"AWS_LAMBDA_METADATA_TOKEN",
	"AWS_LAMBDA_RUNTIME_API",
	"AWS_REGION",
	"AWS_SECRET_ACCESS_KEY",
	"AWS_SECRET_KEY",
	"AWS_SESSION_TOKEN",
	"LAMBDA_RUNTIME_DIR",
	"LAMBDA_TASK_ROOT",
	"TZ",
	NULL,
};

static bool is_reserved(const char *name)
{
	for (size_t i = 0; reserved_names[i]; i++) {
		if (strcmp(name, reserved_names[i]) == 0)
			return true;
	}
	return false;
}

/* What to do instead, where there is something. */
static const char *advice(const char *name)
{
	if (strcmp(name, "AWS_LAMBDA_LOG_FORMAT") == 0)
		return "; use --log-format";
	if (strcmp(name, "AWS_LAMBDA_LOG_LEVEL") == 0)
		return "; use --application-log-level";
	if (strcmp(name, "_LAMBDA_TELEMETRY_LOG_FD") == 0)
		return "; use --log-descriptor";
	return "";
}

/* [a-zA-Z]([a-zA-Z0-9_])+ */
static bool is_name(const char *name)
{
	char first[] = { name[0], '\0' };

	return option_value_word(first, "a-zA-Z", 1, 1, NULL) &&
	       option_value_word(name, "a-zA-Z0-9_", 2, 256, NULL);
}

bool function_variable_check(const char *item, bool strict, struct error *err)
{
	size_t length = strcspn(item, "=");
	char name[257] = "";

	if (!item[length] || length == 0)
		return error_set(err, 0, "'%s' is not NAME=VALUE", item);
	if (!strict)
		return true;
	memcpy(name, item, length < sizeof(name) ? length : sizeof(name) - 1);
	if (is_reserved(name))
		return error_set(
			err, 0,
			"'%s' is reserved: Lambda sets it itself and refuses it from users%s", name,
			advice(name));
	if (length >= sizeof(name) || !is_name(name))
		return error_set(err, 0,
		                 "'%s' is no name for a variable: Lambda takes two or more of a-z, "
		                 "A-Z, 0-9 and _, a letter first",
		                 name);
	return true;
}
