/* SPDX-License-Identifier: Apache-2.0 */
/* variables - the function's environment, as Lambda and as RIE make it */
#include "emulator/variables.h"

#include <stdlib.h>

#include "tests/unit/test.h"

static const struct variables_place place = {
	.runtime_api = "127.0.0.1:41234",
	.log_stream = "2026/01/30/[$LATEST]0123456789abcdef0123456789abcdef",
	.task_root = "/var/task",
	.runtime_root = "/var/runtime",
};

static const char *empty[] = { NULL };

/* As config_parse() leaves it without options. */
static struct config plain_config(void)
{
	return (struct config){
		.handler = "function.handler",
		.function_name = "shop",
		.function_version = "$LATEST",
		.region = "eu-central-1",
		.memory_bytes = (uint64_t)512 << 20,
		.env = { empty, 0 },
		.pass_env = { empty, 0 },
		.host_env = { empty, 0 },
	};
}

static size_t count_of(const char **list)
{
	size_t count = 0;

	while (list[count])
		count++;
	return count;
}

/* The value of a variable; NULL when it is not there exactly once. */
static const char *value_of(const char **list, const char *name)
{
	const char *value = NULL;
	size_t length = strlen(name);

	for (; *list; list++) {
		if (strncmp(*list, name, length) != 0 || (*list)[length] != '=')
			continue;
		if (value)
			return NULL;
		value = *list + length + 1;
	}
	return value;
}

static void test_table(void)
{
	static const struct {
		const char *name;
		const char *value;
	} expected[] = {
		{ "_HANDLER", "function.handler" },
		{ "AWS_REGION", "eu-central-1" },
		{ "AWS_DEFAULT_REGION", "eu-central-1" },
		{ "AWS_LAMBDA_FUNCTION_NAME", "shop" },
		{ "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST" },
		{ "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512" },
		{ "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand" },
		{ "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/shop" },
		{ "AWS_LAMBDA_LOG_STREAM_NAME",
		  "2026/01/30/[$LATEST]0123456789abcdef0123456789abcdef" },
		{ "AWS_LAMBDA_RUNTIME_API", "127.0.0.1:41234" },
		{ "LAMBDA_TASK_ROOT", "/var/task" },
		{ "LAMBDA_RUNTIME_DIR", "/var/runtime" },
		{ "TZ", ":UTC" },
		{ "LANG", "en_US.UTF-8" },
		{ "PATH", "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin" },
		{ "LD_LIBRARY_PATH",
		  "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"
		  "/var/task/lib:/opt/lib" },
		{ "AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR" },
		{ "AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1:2000" },
		{ "_AWS_XRAY_DAEMON_ADDRESS", "169.254.100.1" },
		{ "_AWS_XRAY_DAEMON_PORT", "2000" },
	};
	struct config config = plain_config();
	const char **list = variables_make(&config, &place);

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		test_case(expected[i].name);
		CHECK_STR(value_of(list, expected[i].name), expected[i].value);
	}
	CHECK_INT(count_of(list), sizeof(expected) / sizeof(expected[0]));
	free(list);
}

static void test_credentials(void)
{
	struct config config = plain_config();
	const char **list;

	config.access_key_id = "AKIDEXAMPLE";
	config.secret_access_key = "secret";
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "AWS_ACCESS_KEY_ID"), "AKIDEXAMPLE");
	CHECK_STR(value_of(list, "AWS_SECRET_ACCESS_KEY"), "secret");
	CHECK_STR(value_of(list, "AWS_SESSION_TOKEN"), NULL);
	free(list);
}

static void check_snapshot(const char **list)
{
	CHECK_STR(value_of(list, "AWS_LAMBDA_INITIALIZATION_TYPE"), "snap-start");
	CHECK_STR(value_of(list, "AWS_ACCESS_KEY_ID"), NULL);
	CHECK_STR(value_of(list, "AWS_SECRET_ACCESS_KEY"), NULL);
	CHECK_STR(value_of(list, "AWS_SESSION_TOKEN"), NULL);
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_GROUP_NAME"), NULL);
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_STREAM_NAME"), NULL);
	CHECK_STR(value_of(list, "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
	          "http://127.0.0.1:41234/2021-04-23/credentials");
	CHECK_STR(value_of(list, "AWS_CONTAINER_AUTHORIZATION_TOKEN"), "0123abcd");
	CHECK_STR(value_of(list, "AWS_REGION"), "eu-central-1");
	free(list);
}

static void test_snap_start(void)
{
	static const char *host[] = { "AWS_ACCESS_KEY_ID=AKIDHOST", "AWS_SESSION_TOKEN=t", NULL };
	struct variables_place restored = place;
	struct config config = plain_config();

	restored.initialization = PLATFORM_SNAP_START;
	restored.credentials_token = "0123abcd";
	config.access_key_id = "AKIDEXAMPLE";
	config.secret_access_key = "secret";
	config.session_token = "token";
	check_snapshot(variables_make(&config, &restored));
	restored.is_extension = true;
	check_snapshot(variables_make(&config, &restored));
	config.rie = true;
	config.host_env = (struct config_list){ host, 2 };
	check_snapshot(variables_make(&config, &restored));
}

static void test_user_variables(void)
{
	static const char *env[] = { "A1=first", "PATH=/var/task", "EMPTY=",
		                     "A1=a=b",   "B1=env",         NULL };
	static const char *pass_env[] = { "B1=passed", "C1=passed", NULL };
	struct config config = plain_config();
	const char **list;

	config.env = (struct config_list){ env, 5 };
	config.pass_env = (struct config_list){ pass_env, 2 };
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "A1"), "a=b");
	CHECK_STR(value_of(list, "PATH"), "/var/task");
	CHECK_STR(value_of(list, "EMPTY"), "");
	CHECK_STR(value_of(list, "B1"), "env");
	CHECK_STR(value_of(list, "C1"), "passed");
	free(list);
}

static void test_names_that_begin_alike(void)
{
	static const char *env[] = { "AB=1", "A=2", "ABC=3", "AB=4", NULL };
	struct config config = plain_config();
	const char **list;

	config.env = (struct config_list){ env, 4 };
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "A"), "2");
	CHECK_STR(value_of(list, "AB"), "4");
	CHECK_STR(value_of(list, "ABC"), "3");
	free(list);
}

static void test_rie(void)
{
	static const char *host[] = {
		"HOME=/root", "PATH=/image/bin",         "AWS_LAMBDA_FUNCTION_NAME=host",
		"A1=host",    "AWS_REGION=local",        "AWS_LAMBDA_MAX_CONCURRENCY=8",
		"_HANDLER=h", "LAMBDA_TASK_ROOT=/image", NULL
	};
	static const char *env[] = { "A1=user", NULL };
	struct config config = plain_config();
	const char **list;

	config.rie = true;
	config.handler = NULL;
	config.host_env = (struct config_list){ host, 8 };
	config.env = (struct config_list){ env, 1 };
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "HOME"), "/root");
	CHECK_STR(value_of(list, "PATH"), "/image/bin");
	CHECK_STR(value_of(list, "A1"), "user");
	CHECK_STR(value_of(list, "AWS_REGION"), "local");
	CHECK_STR(value_of(list, "AWS_LAMBDA_FUNCTION_NAME"), "shop");
	CHECK_STR(value_of(list, "AWS_LAMBDA_MAX_CONCURRENCY"), NULL);
	CHECK_STR(value_of(list, "_HANDLER"), "h");
	CHECK_STR(value_of(list, "LAMBDA_TASK_ROOT"), "/image");
	CHECK_STR(value_of(list, "LAMBDA_RUNTIME_DIR"), "/var/runtime");
	CHECK_STR(value_of(list, "AWS_LAMBDA_RUNTIME_API"), "127.0.0.1:41234");
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_GROUP_NAME"), "/aws/lambda/Functions");
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_STREAM_NAME"), "$LATEST");
	CHECK_STR(value_of(list, "AWS_XRAY_DAEMON_ADDRESS"), "0.0.0.0:0");
	CHECK_STR(value_of(list, "AWS_ACCESS_KEY_ID"), "");
	CHECK_STR(value_of(list, "LD_LIBRARY_PATH"), NULL);
	free(list);
}

static void test_rie_handler(void)
{
	static const char *host[] = { "_HANDLER=host", NULL };
	struct config config = plain_config();
	const char **list;

	config.rie = true;
	config.host_env = (struct config_list){ host, 1 };
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "_HANDLER"), "function.handler");
	free(list);
}

static void test_log_descriptor(void)
{
	struct config config = plain_config();
	struct variables_place with = place;
	const char **list;

	list = variables_make(&config, &with);
	CHECK_STR(value_of(list, "_LAMBDA_TELEMETRY_LOG_FD"), NULL);
	free(list);
	with.log_descriptor = 62;
	list = variables_make(&config, &with);
	CHECK_STR(value_of(list, "_LAMBDA_TELEMETRY_LOG_FD"), "62");
	free(list);
	with.is_extension = true; /* it is the runtime's alone */
	list = variables_make(&config, &with);
	CHECK_STR(value_of(list, "_LAMBDA_TELEMETRY_LOG_FD"), NULL);
	free(list);
}

static void test_log_format(void)
{
	static const char *host[] = { "AWS_LAMBDA_LOG_FORMAT=JSON", "AWS_LAMBDA_LOG_LEVEL=DEBUG",
		                      NULL };
	struct config config = plain_config();
	const char **list;

	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_FORMAT"), NULL);
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_LEVEL"), NULL);
	free(list);
	config.json_logs = true;
	config.application_log_level = LOG_LINE_WARN;
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_FORMAT"), "JSON");
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_LEVEL"), "WARN");
	free(list);
	config.rie = true;
	config.host_env = (struct config_list){ host, 2 };
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_LEVEL"), "WARN");
	free(list);
	config.json_logs = false; /* by an option */
	list = variables_make(&config, &place);
	CHECK_STR(value_of(list, "AWS_LAMBDA_LOG_FORMAT"), NULL);
	free(list);
}

/* A function may send its traces elsewhere, but Lambda's own variables stay. */
static void test_xray_daemon(void)
{
	const char *own[] = { "AWS_XRAY_DAEMON_ADDRESS=10.0.0.1:1", NULL };
	struct config config = plain_config();
	struct variables_place there = place;
	const char **list;

	there.xray_daemon = "127.0.0.1:41235";
	for (int user = 0; user < 2; user++) {
		if (user)
			config.env = (struct config_list){ own, 1 };
		list = variables_make(&config, &there);
		CHECK_STR(value_of(list, "AWS_XRAY_DAEMON_ADDRESS"),
		          user ? "10.0.0.1:1" : "127.0.0.1:41235");
		CHECK_STR(value_of(list, "_AWS_XRAY_DAEMON_ADDRESS"), "127.0.0.1");
		CHECK_STR(value_of(list, "_AWS_XRAY_DAEMON_PORT"), "41235");
		free(list);
	}
}

static void test_xray_daemon_in_rie_mode(void)
{
	const char *host[] = { "AWS_XRAY_DAEMON_ADDRESS=10.0.0.1:1", NULL };
	struct config config = plain_config();
	struct variables_place there = place;
	const char **list;

	config.rie = true;
	config.host_env = (struct config_list){ host, 1 };
	there.xray_daemon = "127.0.0.1:41235";
	list = variables_make(&config, &there);
	CHECK_STR(value_of(list, "AWS_XRAY_DAEMON_ADDRESS"), "127.0.0.1:41235");
	free(list);
}

TEST_MAIN(test_log_descriptor, test_xray_daemon, test_xray_daemon_in_rie_mode, test_log_format,
          test_table, test_credentials, test_snap_start, test_user_variables,
          test_names_that_begin_alike, test_rie, test_rie_handler)
