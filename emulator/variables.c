/* SPDX-License-Identifier: Apache-2.0 */
/*
 * variables - the environment that the function's processes get.
 *
 * Not in it, on purpose: AWS_EXECUTION_ENV (OS-only runtimes have none),
 * _X_AMZN_TRACE_ID (the runtime sets it for each invocation), HOME, HOSTNAME and
 * USER (absent on Lambda, and programs that lean on them should fail here, too).
 */
#include "emulator/variables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XRAY_HOST "169.254.100.1"
#define XRAY_PORT "2000"

/* Host variables that would tell a runtime to work in a mode that it is not in. */
static const char *const hidden_names[] = {
	"AWS_LAMBDA_LOG_FORMAT", /* told by the configuration, which has read them */
	"AWS_LAMBDA_LOG_LEVEL",
	"AWS_LAMBDA_MAX_CONCURRENCY",
	"AWS_LAMBDA_METADATA_API",
	"AWS_LAMBDA_METADATA_TOKEN",
	NULL,
};

/* What is the runtime's alone, beside all names that begin with '_'. */
static const char *const runtime_names[] = {
	"AWS_EXECUTION_ENV",          "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_CONTEXT_MISSING",
	"AWS_XRAY_DAEMON_ADDRESS",    "LAMBDA_RUNTIME_DIR",
	"LAMBDA_TASK_ROOT",           NULL,
};

/* What would be the same for all that are restored from one snapshot, and must not be. */
static const char *const snapshot_names[] = {
	"AWS_ACCESS_KEY_ID",         "AWS_SECRET_ACCESS_KEY",      "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", NULL,
};

static bool is_listed(const char *const *names, const char *name, size_t length)
{
	for (; *names; names++) {
		if (strlen(*names) == length && memcmp(*names, name, length) == 0)
			return true;
	}
	return false;
}

/* ---- a list of variables that is being made ---- */

struct variables {
	struct buffer text;    /* "NAME=VALUE\0NAME=VALUE\0" */
	struct buffer offsets; /* where each of them starts, as size_t */
};

static size_t variable_count(const struct variables *variables)
{
	return variables->offsets.length / sizeof(size_t);
}

/* The buffer holds plain bytes, so a place is copied out and in instead of pointed at. */
static size_t variable_offset(const struct variables *variables, size_t index)
{
	size_t offset;

	memcpy(&offset, variables->offsets.data + index * sizeof(offset), sizeof(offset));
	return offset;
}

static void set_variable_offset(struct variables *variables, size_t index, size_t offset)
{
	if (index == variable_count(variables))
		buffer_append(&variables->offsets, &offset, sizeof(offset));
	else
		memcpy(variables->offsets.data + index * sizeof(offset), &offset, sizeof(offset));
}

/* Where a variable of the name in front of 'item' is, or the count. */
static size_t find_variable(const struct variables *variables, const char *item)
{
	size_t count = variable_count(variables);
	size_t length = strcspn(item, "=") + 1;

	for (size_t i = 0; i < count; i++) {
		if (strncmp(variables->text.data + variable_offset(variables, i), item, length) ==
		    0)
			return i;
	}
	return count;
}

/* Adds "NAME=VALUE" in place of a variable of the same name. */
static void add_item(struct variables *variables, const char *item)
{
	set_variable_offset(variables, find_variable(variables, item), variables->text.length);
	buffer_append(&variables->text, item, strlen(item) + 1);
}

static void add(struct variables *variables, const char *name, const char *value)
{
	autobuffer struct buffer item = BUFFER_INIT;

	buffer_append_format(&item, "%s=%s", name, value);
	add_item(variables, item.data);
}

static void add_if_set(struct variables *variables, const char *name, const char *value)
{
	if (value)
		add(variables, name, value);
}

static void add_list(struct variables *variables, const struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		add_item(variables, list->items[i]);
}

static bool is_runtimes(const char *item)
{
	return item[0] == '_' || is_listed(runtime_names, item, strcspn(item, "="));
}

static bool is_wanted(const struct variables_place *place, const char *item)
{
	bool is_snapshot = place->initialization == PLATFORM_SNAP_START;

	if (place->is_extension && is_runtimes(item))
		return false;
	return !is_snapshot || !is_listed(snapshot_names, item, strcspn(item, "="));
}

/* The result: pointers and text in one block. */
static const char **finish(const struct variables *variables, const struct variables_place *place)
{
	size_t count = variable_count(variables), kept = 0;
	size_t head = (count + 1) * sizeof(char *);
	const char **list = xmalloc(head + variables->text.length);
	char *text = (char *)list + head;

	memcpy(text, variables->text.data, variables->text.length);
	for (size_t i = 0; i < count; i++) {
		list[kept] = text + variable_offset(variables, i);
		kept += is_wanted(place, list[kept]);
	}
	list[kept] = NULL;
	return list;
}

/* ---- the layers, lowest first ---- */

static void add_unreserved(struct variables *variables)
{
	add(variables, "LANG", "en_US.UTF-8");
	add(variables, "PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin");
	add(variables, "LD_LIBRARY_PATH",
	    "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"
	    "/var/task/lib:/opt/lib");
	add(variables, "AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR");
	add(variables, "AWS_XRAY_DAEMON_ADDRESS", XRAY_HOST ":" XRAY_PORT);
}

/* The address as one variable, which a function may set for itself, and as Lambda's own two. */
static void add_xray_address(struct variables *variables, const struct variables_place *place)
{
	if (place->xray_daemon)
		add(variables, "AWS_XRAY_DAEMON_ADDRESS", place->xray_daemon);
}

static void add_xray(struct variables *variables, const struct variables_place *place)
{
	const char *daemon = place->xray_daemon ? place->xray_daemon : XRAY_HOST ":" XRAY_PORT;
	char host[64];

	snprintf(host, sizeof(host), "%.*s", (int)strcspn(daemon, ":"), daemon);
	add(variables, "_AWS_XRAY_DAEMON_ADDRESS", host);
	add(variables, "_AWS_XRAY_DAEMON_PORT", strrchr(daemon, ':') + 1);
}

static void add_place(struct variables *variables, const struct variables_place *place)
{
	add(variables, "LAMBDA_TASK_ROOT", place->task_root);
	add(variables, "LAMBDA_RUNTIME_DIR", place->runtime_root);
}

static void add_region(struct variables *variables, const struct config *config)
{
	add(variables, "AWS_REGION", config->region);
	add(variables, "AWS_DEFAULT_REGION", config->region);
}

/* Levels exist with JSON only, and without these runtimes write text. */
static void add_log_format(struct variables *variables, const struct config *config)
{
	if (!config->json_logs)
		return;
	add(variables, "AWS_LAMBDA_LOG_FORMAT", "JSON");
	add(variables, "AWS_LAMBDA_LOG_LEVEL", log_line_level_name(config->application_log_level));
}

static void add_concurrency(struct variables *variables, const struct config *config)
{
	char number[24];

	snprintf(number, sizeof(number), "%" PRIu64, config->max_concurrency);
	if (config->max_concurrency > 0)
		add(variables, "AWS_LAMBDA_MAX_CONCURRENCY", number);
}

static void add_credentials_place(struct variables *variables, const struct variables_place *place)
{
	autobuffer struct buffer uri = BUFFER_INIT;

	buffer_append_format(&uri, "http://%s" VARIABLES_CREDENTIALS_PATH, place->runtime_api);
	add(variables, "AWS_CONTAINER_CREDENTIALS_FULL_URI", uri.data);
	add(variables, "AWS_CONTAINER_AUTHORIZATION_TOKEN", place->credentials_token);
}

/* What is reserved in both modes. */
static void add_function(struct variables *variables, const struct config *config,
                         const struct variables_place *place)
{
	char megabytes[24], descriptor[12];

	snprintf(megabytes, sizeof(megabytes), "%" PRIu64, config->memory_bytes >> 20);
	add_if_set(variables, "_HANDLER", config->handler);
	add(variables, "AWS_LAMBDA_FUNCTION_NAME", config->function_name);
	add(variables, "AWS_LAMBDA_FUNCTION_VERSION", config->function_version);
	add(variables, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes);
	add(variables, "AWS_LAMBDA_INITIALIZATION_TYPE",
	    platform_initialization_name(place->initialization));
	add(variables, "AWS_LAMBDA_RUNTIME_API", place->runtime_api);
	if (place->initialization == PLATFORM_SNAP_START)
		add_credentials_place(variables, place);
	add_log_format(variables, config);
	add_concurrency(variables, config);
	if (place->log_descriptor > 0) {
		snprintf(descriptor, sizeof(descriptor), "%u", place->log_descriptor);
		add(variables, "_LAMBDA_TELEMETRY_LOG_FD", descriptor);
	}
}

static void add_lambda(struct variables *variables, const struct config *config,
                       const struct variables_place *place)
{
	autobuffer struct buffer group = BUFFER_INIT;

	buffer_append_format(&group, "/aws/lambda/%s", config->function_name);
	add_unreserved(variables);
	add_xray_address(variables, place);
	add_if_set(variables, "TERM", place->terminal);
	add_list(variables, &config->pass_env);
	add_list(variables, &config->env);
	add_function(variables, config, place);
	add_place(variables, place);
	add_region(variables, config);
	add_if_set(variables, "AWS_ACCESS_KEY_ID", config->access_key_id);
	add_if_set(variables, "AWS_SECRET_ACCESS_KEY", config->secret_access_key);
	add_if_set(variables, "AWS_SESSION_TOKEN", config->session_token);
	add(variables, "AWS_LAMBDA_LOG_GROUP_NAME", group.data);
	add(variables, "AWS_LAMBDA_LOG_STREAM_NAME", place->log_stream);
	add_xray(variables, place);
	add(variables, "TZ", ":UTC");
}

static void add_host(struct variables *variables, const struct config_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (!is_listed(hidden_names, list->items[i], strcspn(list->items[i], "=")))
			add_item(variables, list->items[i]);
	}
}

/*
 * RIE's defaults first; the host's environment has the last word on them. Like
 * RIE it leaves LANG, PATH and LD_LIBRARY_PATH alone: they are the image's matter.
 */
static void add_rie(struct variables *variables, const struct config *config,
                    const struct variables_place *place)
{
	add(variables, "AWS_XRAY_DAEMON_ADDRESS", "0.0.0.0:0");
	add(variables, "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/Functions");
	add(variables, "AWS_LAMBDA_LOG_STREAM_NAME", "$LATEST");
	add(variables, "AWS_ACCESS_KEY_ID", "");
	add(variables, "AWS_SECRET_ACCESS_KEY", "");
	add(variables, "AWS_SESSION_TOKEN", "");
	add_region(variables, config);
	add_place(variables, place);
	add_host(variables, &config->host_env);
	add_xray_address(variables, place);
	add_list(variables, &config->pass_env);
	add_list(variables, &config->env);
	add_function(variables, config, place);
}

const char **variables_make(const struct config *config, const struct variables_place *place)
{
	struct variables variables = { .text = BUFFER_INIT, .offsets = BUFFER_INIT };
	const char **list;

	if (config->rie)
		add_rie(&variables, config, place);
	else
		add_lambda(&variables, config, place);
	list = finish(&variables, place);
	buffer_finish(&variables.text);
	buffer_finish(&variables.offsets);
	return list;
}
