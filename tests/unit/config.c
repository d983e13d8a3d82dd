/* SPDX-License-Identifier: Apache-2.0 */
/* config - the command line, the environment, and what is refused */
#include "emulator/config.h"

#include <stdlib.h>
#include <unistd.h>

#include "emulator/env_file.h"
#include "emulator/option_value.h"
#include "tests/unit/files.h"
#include "tests/unit/test.h"

#define WORDS 40
#define MB ((uint64_t)1 << 20)

/* A row of words as a command line; the first missing one ends it. */
static struct config *parse(const char *const words[WORDS], struct error *err)
{
	int argc = 0;

	*err = (struct error){ 0 };
	while (argc < WORDS && words[argc])
		argc++;
	return config_parse(argc, (char **)words, err);
}

/* An environment with only what a test sets. */
static void begin(void)
{
	clearenv();
	setenv("PATH", "/usr/bin:/bin", 1);
}

static struct config *parse_fine(const char *const words[WORDS])
{
	struct error err;
	struct config *config = parse(words, &err);

	CHECK_STR(config ? "" : err.text, "");
	return config;
}

#define PARSE(...) parse_fine((const char *const[WORDS]){ __VA_ARGS__, NULL })

static void check_list(const struct config_list *list, const char *expected)
{
	autobuffer struct buffer text = BUFFER_INIT;

	for (size_t i = 0; i < list->count; i++)
		buffer_append_format(&text, "%s%s", i > 0 ? " " : "", list->items[i]);
	CHECK_STR(text.data, expected);
	CHECK(!list->items || !list->items[list->count]);
}

static void test_defaults(void)
{
	struct config *config;

	begin();
	config = PARSE("lrie");
	if (!config)
		return;
	CHECK_INT(config->command, CONFIG_SERVE);
	CHECK(!config->rie);
	CHECK_STR(config->bootstrap, NULL);
	CHECK_STR(config->task_root, NULL);
	CHECK_STR(config->handler, "function.handler");
	CHECK_STR(config->function_name, "function");
	CHECK_STR(config->function_version, "$LATEST");
	CHECK_STR(config->region, "us-east-1");
	CHECK_STR(config->account_id, "012345678912");
	CHECK_INT(config->memory_bytes, 128 * MB);
	CHECK_INT(config->timeout_ms, 3000);
	CHECK_INT(config->init_timeout_ms, 10000);
	CHECK_INT(config->tmp_bytes, 512 * MB);
	CHECK_INT(config->concurrency, 0);
	CHECK_STR(config->listen, "127.0.0.1:9000");
	CHECK_STR(config->runtime_api_address, NULL);
	CHECK_INT(config->sandbox, SANDBOX_AUTO);
	CHECK(!config->require_sandbox);
	CHECK_INT(config->syscalls, SANDBOX_SYSCALLS_DEFAULT);
	CHECK_INT(config->required_walls, 0);
	CHECK_STR(config->event, NULL);
	CHECK_INT(config->log_level, LOG_WARNING);
	CHECK(!config->quiet);
	CHECK_INT(config->color, CONFIG_COLOR_AUTO);
	CHECK_STR(config->access_key_id, NULL);
	CHECK_INT(config->host_env.count, 0);
	CHECK_INT(config->env.count, 0);
	config_destroy(config);
}

static void test_options(void)
{
	struct config *config;

	begin();
	config = PARSE("lrie", "--bootstrap=./b", "--task-root", ".", "--layer", "l1", "--layer=l2",
	               "--handler", "a.b", "--env", "A1=b", "-eC1=d=e", "-e", "E1=", "-m", "256",
	               "-t", "0.5", "--init-timeout=1.25", "-q", "--", "x", "--memory", "-q");
	if (!config)
		return;
	CHECK_STR(config->bootstrap, "./b");
	CHECK_STR(config->task_root, ".");
	check_list(&config->layers, "l1 l2");
	check_list(&config->env, "A1=b C1=d=e E1=");
	check_list(&config->arguments, "x --memory -q");
	CHECK_STR(config->handler, "a.b");
	CHECK_INT(config->memory_bytes, 256 * MB);
	CHECK_INT(config->timeout_ms, 500);
	CHECK_INT(config->init_timeout_ms, 1250);
	CHECK(config->quiet);
	config_destroy(config);
}

static void test_more_options(void)
{
	struct config *config;

	begin();
	config = PARSE("lrie", "serve", "--function-name", "shop", "--function-version", "7",
	               "--region", "eu-central-1", "--account-id", "123456789012",
	               "--ephemeral-storage", "10240", "-l:8080", "--runtime-api-address",
	               "[::1]:0", "--concurrency=5", "--sandbox=full",
	               "--require-sandbox=memory,files", "--bind", "/opt/node", "--bind=/a:/b",
	               "--log-level=TRACE", "--color=never");
	if (!config)
		return;
	CHECK_STR(config->function_name, "shop");
	CHECK_STR(config->function_version, "7");
	CHECK_STR(config->region, "eu-central-1");
	CHECK_STR(config->account_id, "123456789012");
	CHECK_INT(config->tmp_bytes, 10240 * MB);
	CHECK_STR(config->listen, "0.0.0.0:8080");
	CHECK_STR(config->runtime_api_address, "[::1]:0");
	CHECK_INT(config->concurrency, 5);
	CHECK_INT(config->sandbox, SANDBOX_FULL);
	CHECK(config->require_sandbox);
	CHECK_INT(config->required_walls, 1 << SANDBOX_WALL_MEMORY | 1 << SANDBOX_WALL_FILES);
	check_list(&config->binds, "/opt/node /a:/b");
	CHECK_INT(config->log_level, LOG_TRACE);
	CHECK_INT(config->color, CONFIG_COLOR_NEVER);
	config_destroy(config);
}

static void test_last_one_wins(void)
{
	struct config *config;

	begin();
	config = PARSE("lrie", "-m", "256", "--memory=512", "--listen", "127.0.0.1:1",
	               "--runtime-interface-emulator-address", "127.0.0.1:2");
	if (!config)
		return;
	CHECK_INT(config->memory_bytes, 512 * MB);
	CHECK_STR(config->listen, "127.0.0.1:2");
	config_destroy(config);
}

static void test_commands(void)
{
	static const struct {
		const char *words[WORDS];
		enum config_command command;
		enum config_command topic;
	} cases[] = {
		{ { "lrie" }, CONFIG_SERVE, CONFIG_HELP },
		{ { NULL }, CONFIG_SERVE, CONFIG_HELP },
		{ { "lrie", "serve" }, CONFIG_SERVE, CONFIG_HELP },
		{ { "lrie", "invoke" }, CONFIG_INVOKE, CONFIG_HELP },
		{ { "lrie", "invoke", "--event", "{}" }, CONFIG_INVOKE, CONFIG_HELP },
		{ { "lrie", "help" }, CONFIG_HELP, CONFIG_HELP },
		{ { "lrie", "help", "help" }, CONFIG_HELP, CONFIG_HELP },
		{ { "lrie", "help", "invoke" }, CONFIG_HELP, CONFIG_INVOKE },
		{ { "lrie", "help", "version" }, CONFIG_HELP, CONFIG_VERSION },
		{ { "lrie", "--help" }, CONFIG_HELP, CONFIG_HELP },
		{ { "lrie", "-h" }, CONFIG_HELP, CONFIG_HELP },
		{ { "lrie", "serve", "--help" }, CONFIG_HELP, CONFIG_SERVE },
		{ { "lrie", "invoke", "-m", "256", "-h" }, CONFIG_HELP, CONFIG_INVOKE },
		{ { "lrie", "help", "--help" }, CONFIG_HELP, CONFIG_HELP },
		{ { "lrie", "version" }, CONFIG_VERSION, CONFIG_HELP },
		{ { "lrie", "--version" }, CONFIG_VERSION, CONFIG_HELP },
		{ { "lrie", "-V" }, CONFIG_VERSION, CONFIG_HELP },
		{ { "aws-lambda-rie", "--help" }, CONFIG_HELP, CONFIG_HELP },
		{ { "aws-lambda-rie", "help" }, CONFIG_SERVE, CONFIG_HELP },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = parse_fine(cases[i].words);

		if (!config)
			continue;
		CHECK_INT(config->command, cases[i].command);
		CHECK_INT(config->topic, cases[i].topic);
		config_destroy(config);
	}
}

/* --help is the way out of a mess, so a variable that is wrong must not be in its way. */
static void test_help_in_a_bad_environment(void)
{
	struct config *config;

	begin();
	setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "abc", 1);
	config = PARSE("lrie", "--help");
	CHECK_INT(config ? config->command : CONFIG_SERVE, CONFIG_HELP);
	config_destroy(config);
}

static void test_mistakes(void)
{
	static const struct {
		const char *words[WORDS];
		const char *message;
	} cases[] = {
		{ { "lrie", "serv" }, "unknown command 'serv': did you mean 'serve'?" },
		{ { "lrie", "nosuchthing" },
		  "unknown command 'nosuchthing'; 'lrie help' lists them" },
		{ { "lrie", "" }, "unknown command ''; 'lrie help' lists them" },
		{ { "lrie", "help", "nosuchthing" },
		  "unknown command 'nosuchthing'; 'lrie help' lists them" },
		{ { "lrie", "help", "serve", "invoke" }, "unexpected 'invoke'" },
		{ { "lrie", "bench", "a", "--", "b", "--cold", "5" },
		  "--cold is not about one function: it goes before the first --" },
		{ { "lrie", "bench", "a", "--", "-e", "--cold=1", "--json" },
		  "--json is not about one function: it goes before the first --" },
		{ { "lrie", "bench", "a", "-m", "128,256,128" }, "--memory: 128 is there twice" },
		{ { "lrie", "version", "x" }, "unexpected 'x'" },
		{ { "lrie", "version", "--memory", "256" },
		  "--memory is not an option of 'lrie version'" },
		{ { "lrie", "--memroy", "256" },
		  "unknown option '--memroy': did you mean '--memory'?" },
		{ { "lrie", "--memroy=256" },
		  "unknown option '--memroy': did you mean '--memory'?" },
		{ { "lrie", "--xyzzyx" },
		  "unknown option '--xyzzyx'; 'lrie help serve' lists them" },
		{ { "lrie", "-z" }, "unknown option '-z'; 'lrie help serve' lists them" },
		{ { "lrie", "-" }, "unknown option '-'; 'lrie help serve' lists them" },
		{ { "lrie", "---" }, "unknown option '---'; 'lrie help serve' lists them" },
		{ { "lrie", "--=" }, "unknown option '--'; 'lrie help serve' lists them" },
		{ { "lrie", "invoke", "--listen", "x" },
		  "--listen is not an option of 'lrie invoke'" },
		{ { "lrie", "--event", "{}" }, "--event is not an option of 'lrie serve'" },
		{ { "lrie", "serve", "./bootstrap" },
		  "unexpected './bootstrap': the program goes to --bootstrap, its arguments behind "
		  "--" },
		{ { "lrie", "-q", "./bootstrap" },
		  "unexpected './bootstrap': the program goes to --bootstrap, its arguments behind "
		  "--" },
		{ { "lrie", "--memory" }, "--memory: the value is missing (MB)" },
		{ { "lrie", "-m" }, "--memory: the value is missing (MB)" },
		{ { "lrie", "--memory", "" }, "--memory: '' is not a whole number" },
		{ { "lrie", "--memory=" }, "--memory: '' is not a whole number" },
		{ { "lrie", "--memory", "127" }, "--memory: 127 is not between 128 and 10240" },
		{ { "lrie", "--memory", "10241" }, "--memory: 10241 is not between 128 and 10240" },
		{ { "lrie", "--memory", "-128" }, "--memory: '-128' is not a whole number" },
		{ { "lrie", "--memory", "128MB" }, "--memory: '128MB' is not a whole number" },
		{ { "lrie", "--memory", "18446744073709551744" },
		  "--memory: '18446744073709551744' is not a whole number" },
		{ { "lrie", "--timeout", "0" },
		  "--timeout: 0 is not between 0.001 and 900 seconds" },
		{ { "lrie", "--timeout", "900.001" },
		  "--timeout: 900.001 is not between 0.001 and 900 seconds" },
		{ { "lrie", "--timeout", "3s" }, "--timeout: '3s' is not a number of seconds" },
		{ { "lrie", "--ephemeral-storage", "511" },
		  "--ephemeral-storage: 511 is not between 512 and 10240" },
		{ { "lrie", "--concurrency", "1001" },
		  "--concurrency: 1001 is not between 0 and 1000" },
		{ { "lrie", "--on-success", "https://localhost/" },
		  "--on-success: 'https://localhost/': lrie speaks plain HTTP only" },
		{ { "lrie", "--on-success", "function:function", "--dead-letters",
		    "function:other" },
		  "destination 'function:other': there is no function of that name" },
		{ { "lrie", "bench", "--concurrency", "0" },
		  "--concurrency: 0 is not between 1 and 1000" },
		{ { "lrie", "--concurrency=0", "--provisioned=1" },
		  "--provisioned 1 is more than --concurrency 0: reserve as many or provision "
		  "fewer" },
		{ { "lrie", "--concurrency=2", "--provisioned=3" },
		  "--provisioned 3 is more than --concurrency 2: reserve as many or provision "
		  "fewer" },
		{ { "lrie", "--bootstrap", "" }, "--bootstrap: the value is empty" },
		{ { "lrie", "--layer=" }, "--layer: the value is empty" },
		{ { "lrie", "--quiet=perhaps" }, "--quiet: 'perhaps' is neither yes nor no" },
		{ { "lrie", "--function-name", "a b" },
		  "--function-name: 'a b' has a character other than a-zA-Z0-9_-" },
		{ { "lrie", "--function-version", "1.0" },
		  "--function-version: '1.0' is neither $LATEST nor a number" },
		{ { "lrie", "--account-id", "123" },
		  "--account-id: '123' does not have 12 characters" },
		{ { "lrie", "--region", "US" },
		  "--region: 'US' has a character other than a-z0-9-" },
		{ { "lrie", "--listen", "9000" }, "--listen: '9000' is not HOST:PORT" },
		{ { "lrie", "--listen", "localhost:99999" },
		  "--listen: 'localhost:99999' is not HOST:PORT" },
		{ { "lrie", "--listen", "::1:80" },
		  "--listen: '0.0.0.0::1:80': an IPv6 address needs brackets: [ADDRESS]:PORT" },
		{ { "lrie", "--sandbox", "on" }, "--sandbox: 'on' is not one of auto, full, off" },
		{ { "lrie", "--sandbox=off", "--require-sandbox" },
		  "--require-sandbox and --sandbox=off exclude each other" },
		{ { "lrie", "--network", "bridge" },
		  "--network: 'bridge' is not one of host, none" },
		{ { "lrie", "--network=none", "--sandbox=off" },
		  "--network=none and --sandbox=off exclude each other" },
		{ { "lrie", "--http", "8080" }, "--http: '8080' is not HOST:PORT" },
		{ { "lrie", "--http-as", "nlb" },
		  "--http-as: 'nlb' is not one of url, http-api, rest-api, alb" },
		{ { "lrie", "--http-path", "orders" },
		  "--http-path: 'orders' is no path such as /orders" },
		{ { "lrie", "--http-path", "/a//b" },
		  "--http-path: '/a//b' is no path such as /orders" },
		{ { "lrie", "--invoke-mode", "stream" },
		  "--invoke-mode: 'stream' is not one of buffered, response_stream" },
		{ { "lrie", "--invoke-mode=response_stream", "--http-as=rest-api" },
		  "--invoke-mode=response_stream needs --http-as=url: the others send an answer "
		  "when it is complete" },
		{ { "lrie", "--runtime-api-access", "all" },
		  "--runtime-api-access: 'all' is not one of box, any" },
		{ { "lrie", "--seccomp", "on" },
		  "--seccomp: 'on' is not one of default, strict, off" },
		{ { "lrie", "--seccomp=off", "--require-sandbox=cpu,syscalls" },
		  "--require-sandbox and --seccomp=off exclude each other" },
		{ { "lrie", "--freeze=never" }, "--freeze: 'never' is neither yes nor no" },
		{ { "lrie", "--freeze=off", "--require-sandbox=cpu,freeze" },
		  "--require-sandbox and --freeze=off exclude each other" },
		{ { "lrie", "--seccomp=off", "--sandbox=full" },
		  "--sandbox=full and --seccomp=off exclude each other" },
		{ { "lrie", "--color", "red" },
		  "--color: 'red' is not one of auto, always, never" },
		{ { "lrie", "--env", "X" }, "--env: 'X' is not NAME=VALUE" },
		{ { "lrie", "--env", "=x" }, "--env: '=x' is not NAME=VALUE" },
		{ { "lrie", "--env", "A=x" },
		  "--env: 'A' is no name for a variable: Lambda takes two or more of a-z, A-Z, 0-9 "
		  "and _, a letter first" },
		{ { "lrie", "--env", "AWS_REGION=x" },
		  "--env: 'AWS_REGION' is reserved: Lambda sets it itself and refuses it from "
		  "users" },
		{ { "lrie", "--env", "AWS_LAMBDA_LOG_FORMAT=JSON" },
		  "--env: 'AWS_LAMBDA_LOG_FORMAT' is reserved: Lambda sets it itself and refuses "
		  "it "
		  "from users; use --log-format" },
		{ { "lrie", "--env", "_HANDLER=x" },
		  "--env: '_HANDLER' is reserved: Lambda sets it itself and refuses it from "
		  "users" },
		{ { "lrie", "--env-file", "/nonexistent" },
		  "--env-file: open '/nonexistent': No such file or directory" },
		{ { "lrie", "--pass-env", "PATH=/x" },
		  "--pass-env: 'PATH=/x' is not a name; --env takes NAME=VALUE" },
		{ { "aws-lambda-rie", "/b", "--log-level" },
		  "--log-level: the value is missing (LEVEL)" },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err;
		struct config *config = parse(cases[i].words, &err);

		test_case(cases[i].message);
		CHECK(!config);
		CHECK_STR(err.text, cases[i].message);
		config_destroy(config);
	}
}

static void test_environment(void)
{
	struct config *config;

	begin();
	setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256", 1);
	setenv("AWS_LAMBDA_FUNCTION_TIMEOUT", "", 1);
	setenv("AWS_DEFAULT_REGION", "eu-west-1", 1);
	setenv("_HANDLER", "other", 1);
	setenv("LRIE_LAYER", "\n/a\n\n/b b\n", 1);
	setenv("LRIE_ENV", "A1=b c\nD1=e", 1);
	setenv("LRIE_QUIET", "yes", 1);
	setenv("LRIE_REQUIRE_SANDBOX", "tmp", 1);
	setenv("LOG_LEVEL", "nonsense", 1); /* RIE's: not ours outside of RIE mode */
	setenv("LRIE_LOG_LEVEL", "info", 1);
	setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
	setenv("AWS_SESSION_TOKEN", "", 1);
	setenv("NO_COLOR", "1", 1);
	config = PARSE("lrie");
	if (!config)
		return;
	CHECK_INT(config->memory_bytes, 256 * MB);
	CHECK_INT(config->timeout_ms, 3000);
	CHECK_STR(config->region, "eu-west-1");
	CHECK_STR(config->handler, "other");
	check_list(&config->layers, "/a /b b");
	check_list(&config->env, "A1=b c D1=e");
	CHECK(config->quiet);
	CHECK_INT(config->required_walls, 1 << SANDBOX_WALL_TMP);
	CHECK_INT(config->log_level, LOG_INFO);
	CHECK_STR(config->access_key_id, "AKIDEXAMPLE");
	CHECK_STR(config->session_token, NULL);
	CHECK_INT(config->color, CONFIG_COLOR_NEVER);
	config_destroy(config);
}

static void test_option_wins_over_environment(void)
{
	struct config *config;

	begin();
	setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "rubbish", 1);
	setenv("AWS_LAMBDA_FUNCTION_HANDLER", "from-variable", 1);
	setenv("LRIE_LISTEN", "rubbish", 1);
	setenv("LRIE_LAYER", "/from-variable", 1);
	setenv("AWS_REGION", "eu-west-1", 1);
	setenv("AWS_DEFAULT_REGION", "rubbish rubbish", 1);
	config = PARSE("lrie", "-m", "512", "--handler", "h", "--layer", "/l",
	               "--runtime-interface-emulator-address", "127.0.0.1:1");
	if (!config)
		return;
	CHECK_INT(config->memory_bytes, 512 * MB);
	CHECK_STR(config->handler, "h");
	CHECK_STR(config->listen, "127.0.0.1:1");
	CHECK_STR(config->region, "eu-west-1");
	check_list(&config->layers, "/l");
	config_destroy(config);
}

static void test_mistake_in_environment_names_the_variable(void)
{
	static const struct {
		const char *name, *value, *message;
	} cases[] = {
		{ "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "abc",
		  "AWS_LAMBDA_FUNCTION_MEMORY_SIZE: 'abc' is not a whole number" },
		{ "AWS_LAMBDA_FUNCTION_TIMEOUT", "soon",
		  "AWS_LAMBDA_FUNCTION_TIMEOUT: 'soon' is not a number of seconds" },
		{ "AWS_DEFAULT_REGION", "a b",
		  "AWS_DEFAULT_REGION: 'a b' has a character other than a-z0-9-" },
		{ "LRIE_SANDBOX", "maybe", "LRIE_SANDBOX: 'maybe' is not one of auto, full, off" },
		{ "LRIE_QUIET", "2", "LRIE_QUIET: '2' is neither yes nor no" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err;

		begin();
		setenv(cases[i].name, cases[i].value, 1);
		CHECK(!parse((const char *const[WORDS]){ "lrie" }, &err));
		CHECK_STR(err.text, cases[i].message);
	}
}

static void test_required_walls(void)
{
	enum { all = ((1 << SANDBOX_WALL_COUNT) - 1) & ~(1 << SANDBOX_WALL_NETWORK) };
	static const struct {
		const char *word;
		bool required;
		unsigned walls;
	} cases[] = {
		{ "--require-sandbox", true, all },
		{ "--require-sandbox=", true, all },
		{ "--require-sandbox=full", true, all },
		{ "--require-sandbox=yes", true, all },
		{ "--require-sandbox=no", false, 0 },
		{ "--require-sandbox=cpu", true, 1 << SANDBOX_WALL_CPU },
		{ "--require-sandbox=syscalls", true, 1 << SANDBOX_WALL_SYSCALLS },
		{ "--require-sandbox=network", true, 1 << SANDBOX_WALL_NETWORK },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = PARSE("lrie", cases[i].word, "-q");

		test_case(cases[i].word);
		if (!config)
			continue;
		CHECK_INT(config->require_sandbox, cases[i].required);
		CHECK_INT(config->required_walls, cases[i].walls);
		CHECK(config->quiet);
		config_destroy(config);
	}
}

static void test_network(void)
{
	begin();
	struct config *config = PARSE("lrie", "-q");
	CHECK_INT(config->network, SANDBOX_NETWORK_HOST);
	CHECK_INT(config->runtime_api_access, CONFIG_ACCESS_BOX);
	config_destroy(config);
	config = PARSE("lrie", "--network=none", "--runtime-api-access=any");
	CHECK_INT(config->network, SANDBOX_NETWORK_NONE);
	CHECK_INT(config->runtime_api_access, CONFIG_ACCESS_ANY);
	config_destroy(config);
	config = PARSE("aws-lambda-rie", "/bootstrap");
	CHECK_INT(config->network, SANDBOX_NETWORK_HOST);
	CHECK_INT(config->runtime_api_access, CONFIG_ACCESS_ANY);
	config_destroy(config);
}

static void test_initialization(void)
{
	begin();
	struct config *config = PARSE("lrie", "-q");
	CHECK_INT(config->initialization, PLATFORM_ON_DEMAND);
	CHECK_INT(config->init_timeout_ms, 10000);
	CHECK_INT(config->early_init_timeout_ms, 130000);
	CHECK_INT(config->idle_timeout_ms, 0);
	config_destroy(config);
	config = PARSE("lrie", "--provisioned=3", "--timeout=900", "--idle-timeout=300");
	CHECK_INT(config->initialization, PLATFORM_PROVISIONED_CONCURRENCY);
	CHECK_INT(config->provisioned, 3);
	CHECK_INT(config->early_init_timeout_ms, 900000);
	CHECK_INT(config->idle_timeout_ms, 300000);
	config_destroy(config);
	config = PARSE("lrie", "--initialization-type=provisioned-concurrency", "--init-timeout=7");
	CHECK_INT(config->provisioned, 1);
	CHECK_INT(config->init_timeout_ms, 7000);
	CHECK_INT(config->early_init_timeout_ms, 7000);
	config_destroy(config);
	config = PARSE("aws-lambda-rie", "/bootstrap");
	CHECK_INT(config->init_timeout_ms, 300000);
	config_destroy(config);
	config = PARSE("lrie", "--initialization-type=snap-start");
	CHECK_INT(config->initialization, PLATFORM_SNAP_START);
	CHECK_INT(config->restore_timeout_ms, 10000);
	CHECK_INT(config->provisioned, 0);
	config_destroy(config);
}

static void test_seccomp(void)
{
	static const struct {
		const char *word;
		enum sandbox_syscalls syscalls;
	} cases[] = { { "--seccomp=default", SANDBOX_SYSCALLS_DEFAULT },
		      { "--seccomp=strict", SANDBOX_SYSCALLS_STRICT },
		      { "--seccomp=off", SANDBOX_SYSCALLS_OFF } };

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = PARSE("lrie", cases[i].word, "--require-sandbox=cpu");

		test_case(cases[i].word);
		if (!config)
			continue;
		CHECK_INT(config->syscalls, cases[i].syscalls);
		config_destroy(config);
	}
}

static void test_report_writes(void)
{
	static const struct {
		const char *word;
		bool reports;
	} cases[] = { { "--quiet", true },
		      { "--report-writes=on", true },
		      { "--report-writes=off", false } };

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = PARSE("lrie", cases[i].word);

		test_case(cases[i].word);
		if (!config)
			continue;
		CHECK_INT(config->report_writes, cases[i].reports);
		config_destroy(config);
	}
}

static void test_freeze(void)
{
	static const struct {
		const char *words[WORDS];
		bool freeze;
	} cases[] = {
		{ { "lrie" }, true },
		{ { "lrie", "--freeze=off" }, false },
		{ { "lrie", "--freeze", "on" }, true },
		{ { "lrie", "--freeze=off", "--require-sandbox=cpu" }, false },
		{ { "aws-lambda-rie", "/b" }, false },
		{ { "aws-lambda-rie", "--freeze=on", "/b" }, true },
		{ { "aws-lambda-rie", "--require-sandbox=freeze", "/b" }, true },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = parse_fine(cases[i].words);

		test_case(cases[i].words[1]);
		if (!CHECK(config != NULL))
			continue;
		CHECK_INT(config->freeze, cases[i].freeze);
		config_destroy(config);
	}
}

static void test_log_levels(void)
{
	static const struct {
		const char *word;
		enum log_level level;
	} cases[] = {
		{ "trace", LOG_TRACE },  { "debug", LOG_DEBUG },     { "info", LOG_INFO },
		{ "warn", LOG_WARNING }, { "error", LOG_ERROR },     { "fatal", LOG_ERROR },
		{ "panic", LOG_ERROR },  { "warning", LOG_WARNING }, { "Info", LOG_INFO },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = PARSE("lrie", "--log-level", cases[i].word);

		if (config)
			CHECK_INT(config->log_level, cases[i].level);
		config_destroy(config);
	}
}

static void test_log_format(void)
{
	struct config *config;

	begin();
	config = PARSE("lrie");
	CHECK(!config->json_logs);
	CHECK_INT(config->application_log_level, LOG_LINE_INFO);
	CHECK_INT(config->system_log_level, LOG_LINE_INFO);
	config_destroy(config);
	setenv("AWS_LAMBDA_LOG_FORMAT", "JSON", 1);
	setenv("AWS_LAMBDA_LOG_LEVEL", "Fatal", 1);
	setenv("LRIE_SYSTEM_LOG_LEVEL", "WARN", 1);
	config = PARSE("lrie");
	CHECK(config->json_logs);
	CHECK_INT(config->application_log_level, LOG_LINE_FATAL);
	CHECK_INT(config->system_log_level, LOG_LINE_WARN);
	config_destroy(config);
	config = PARSE("lrie", "--log-format", "Text", "--application-log-level", "trace",
	               "--system-log-level=debug");
	CHECK(!config->json_logs);
	CHECK_INT(config->application_log_level, LOG_LINE_TRACE);
	CHECK_INT(config->system_log_level, LOG_LINE_DEBUG);
	config_destroy(config);
}

static void check_refused(const char *option, const char *value, const char *expected)
{
	struct error err;

	CHECK(!parse((const char *const[WORDS]){ "lrie", option, value, NULL }, &err));
	CHECK_STR(err.text, expected);
}

/* RIE never looks at these variables, so that an image that has them wrong starts all the same. */
static void test_log_formats_that_are_none(void)
{
	struct config *config;

	begin();
	check_refused("--log-format", "xml", "--log-format: 'xml' is not one of text, json");
	check_refused("--application-log-level", "warning",
	              "--application-log-level: 'warning' is not one of trace, debug, info, warn, "
	              "error, fatal");
	check_refused("--system-log-level", "error",
	              "--system-log-level: 'error' is not one of debug, info, warn");
	setenv("AWS_LAMBDA_LOG_FORMAT", "json-ish", 1);
	setenv("AWS_LAMBDA_LOG_LEVEL", "WARNING", 1);
	config = PARSE("aws-lambda-rie", "/b");
	CHECK(!config->json_logs);
	CHECK_INT(config->application_log_level, LOG_LINE_INFO);
	config_destroy(config);
}

static void test_size_of_variables(void)
{
	char item[5000] = "AB=";
	struct config *config;
	struct error err;

	begin();
	memset(item + 3, 'x', sizeof(item) - 3);
	item[4097] = '\0'; /* 2 bytes of name, 4094 of value */
	config = PARSE("lrie", "--env", item);
	config_destroy(config);
	config = PARSE("lrie", "--env", item, "--env", item, "--env", "AB=");
	config_destroy(config);
	config = PARSE("aws-lambda-rie", "--env", item, "--env", "CD=", "/b");
	config_destroy(config);
	CHECK(!parse((const char *const[WORDS]){ "lrie", "--env", item, "--env", "CD=" }, &err));
	CHECK_STR(err.text, "the function's variables have 4098 bytes: Lambda takes 4 KB of names "
	                    "and values");
}

static void test_rie(void)
{
	static const struct {
		const char *words[WORDS];
		const char *bootstrap, *arguments, *handler, *listen;
	} cases[] = {
		{ { "aws-lambda-rie" }, NULL, "", NULL, "0.0.0.0:8080" },
		{ { "/usr/local/bin/aws-lambda-rie", "/var/runtime/bootstrap" },
		  "/var/runtime/bootstrap",
		  "",
		  NULL,
		  "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "/usr/bin/python3", "-m", "awslambdaric", "app.handler" },
		  "/usr/bin/python3",
		  "-m awslambdaric app.handler",
		  "app.handler",
		  "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "/b", "--log-level", "debug", "x",
		    "--runtime-interface-emulator-address=:9", "h", "--enable-init-caching",
		    "--runtime-api-address", "127.0.0.1:2" },
		  "/b",
		  "x h",
		  "h",
		  "0.0.0.0:9" },
		{ { "aws-lambda-rie", "--memory", "512", "/b", "--memory", "1024" },
		  "/b",
		  "--memory 1024",
		  "1024",
		  "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "--unknown", "/b", "h" },
		  "--unknown",
		  "/b h",
		  "h",
		  "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "--bootstrap", "/b", "-q" }, "/b", "", NULL, "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "--", "/b", "--log-level", "--" },
		  "/b",
		  "--log-level --",
		  "--",
		  "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "/b", "--", "h" }, "/b", "-- h", "h", "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "/b", "--event", "h" },
		  "/b",
		  "--event h",
		  "h",
		  "0.0.0.0:8080" },
		{ { "aws-lambda-rie", "--event", "h" }, "--event", "h", "h", "0.0.0.0:8080" },
		{ { "lrie", "./bootstrap", "a", "--listen", "b" },
		  "./bootstrap",
		  "a --listen b",
		  "b",
		  "0.0.0.0:8080" },
		{ { "lrie", "sh", "-c", "x" }, "sh", "-c x", "x", "0.0.0.0:8080" },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = parse_fine(cases[i].words);

		if (!config)
			continue;
		CHECK(config->rie);
		CHECK_INT(config->command, CONFIG_SERVE);
		CHECK_STR(config->bootstrap, cases[i].bootstrap);
		check_list(&config->arguments, cases[i].arguments);
		CHECK_STR(config->handler, cases[i].handler);
		CHECK_STR(config->listen, cases[i].listen);
		config_destroy(config);
	}
}

static void test_rie_defaults(void)
{
	struct config *config;

	begin();
	setenv("HOME", "/home/user", 1);
	config = PARSE("aws-lambda-rie", "/b");
	if (!config)
		return;
	CHECK_INT(config->memory_bytes, 3008 * MB);
	CHECK_INT(config->timeout_ms, 300000);
	CHECK_INT(config->init_timeout_ms, 300000);
	CHECK_STR(config->runtime_api_address, "127.0.0.1:9001");
	CHECK_STR(config->function_name, "test_function");
	CHECK_STR(config->function_version, "$LATEST");
	CHECK_STR(config->task_root, NULL);
	CHECK_INT(config->log_level, LOG_WARNING);
	check_list(&config->host_env, "PATH=/usr/bin:/bin HOME=/home/user");
	config_destroy(config);
}

static void test_rie_environment(void)
{
	struct config *config;

	begin();
	setenv("AWS_LAMBDA_FUNCTION_TIMEOUT", "3600", 1);
	setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "64", 1);
	setenv("AWS_LAMBDA_FUNCTION_VERSION", "prod", 1);
	setenv("AWS_LAMBDA_FUNCTION_HANDLER", "app.handler", 1);
	setenv("_HANDLER", "other", 1);
	setenv("LOG_LEVEL", "DEBUG", 1);
	config = PARSE("aws-lambda-rie", "/b", "last");
	if (!config)
		return;
	CHECK_INT(config->timeout_ms, 3600000);
	CHECK_INT(config->init_timeout_ms, 3600000);
	CHECK_INT(config->memory_bytes, 64 * MB);
	CHECK_STR(config->function_version, "prod");
	CHECK_STR(config->handler, "app.handler");
	CHECK_INT(config->log_level, LOG_DEBUG);
	config_destroy(config);
}

/* Writes a file and has it read by --env-file; returns its path, to be freed and unlinked. */
static char *write_file(const char *text)
{
	char *path = xstrdup("/tmp/lrie-config-XXXXXX");
	int fd = mkstemp(path);

	if (CHECK(fd >= 0)) {
		CHECK_INT(write(fd, text, strlen(text)), strlen(text));
		close(fd);
	}
	return path;
}

static void test_env_file(void)
{
	char *path = write_file("# comment\n"
	                        "\n"
	                        "   \t \r\n"
	                        "PLAIN=a b\n"
	                        "  INDENTED=x  \r\n"
	                        "export EXPORTED=1\n"
	                        "EMPTY=\n"
	                        "EQUALS=a=b=c\n"
	                        "DOUBLE=\"a # b \"\n"
	                        "SINGLE='it is \"quoted\"'  \n"
	                        "HASH=a#b # c\n"
	                        "export=2\n"
	                        "BOTH=file\n"
	                        "LAST=no newline");
	struct config *config;

	begin();
	config = PARSE("lrie", "--env", "BOTH=option", "--env-file", path);
	if (config)
		check_list(&config->env,
		           "PLAIN=a b INDENTED=x EXPORTED=1 EMPTY= EQUALS=a=b=c DOUBLE=a # b  "
		           "SINGLE=it is \"quoted\" HASH=a#b # c export=2 BOTH=file "
		           "LAST=no newline BOTH=option");
	config_destroy(config);
	unlink(path);
	free(path);
}

static void test_bad_env_files(void)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "A1=1\nnonsense\n", ":2: not NAME=VALUE" },
		{ "\n\n=x", ":3: not NAME=VALUE" },
		{ "A1 =x", ":1: not NAME=VALUE" },
		{ "A1=\"x", ":1: quotes that do not match" },
		{ "A1='x' y", ":1: quotes that do not match" },
		{ "A1=\"", ":1: quotes that do not match" },
		{ "A1=\"x\"y\"", ":1: quotes that do not match" },
		{ "#\nAWS_REGION=x",
		  ":2: 'AWS_REGION' is reserved: Lambda sets it itself and refuses it from users" },
		{ "A B=x", ":1: 'A B' is no name for a variable: Lambda takes two or more of a-z, "
		           "A-Z, 0-9 and _, a letter first" },
	};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = write_file(cases[i].text);
		char *expected = xasprintf("--env-file: %s%s", path, cases[i].message);
		struct error err;

		CHECK(!parse((const char *const[WORDS]){ "lrie", "--env-file", path }, &err));
		CHECK_STR(err.text, expected);
		unlink(path);
		free(path);
		free(expected);
	}
}

static void test_pass_env(void)
{
	struct config *config;

	begin();
	setenv("WANTED", "a=b", 1);
	setenv("UNWANTED", "x", 1);
	config = PARSE("lrie", "--pass-env", "WANTED");
	if (config)
		check_list(&config->pass_env, "WANTED=a=b");
	config_destroy(config);
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t value;
	} cases[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "+1", false, 0 },
		{ "-1", false, 0 },
		{ "1.0", false, 0 },
		{ "0x10", false, 0 },
		{ "1e3", false, 0 },
		{ "\xd9\xa1", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = 0;

		test_case(cases[i].text);
		CHECK_INT(option_value_number(cases[i].text, 0, UINT64_MAX, &value, NULL),
		          cases[i].ok);
		if (cases[i].ok)
			CHECK(value == cases[i].value);
	}
}

static void test_seconds(void)
{
	static const struct {
		const char *text;
		bool ok;
		uint64_t ms;
	} cases[] = {
		{ "0", true, 0 },
		{ "3", true, 3000 },
		{ "0.5", true, 500 },
		{ "1.25", true, 1250 },
		{ "0.001", true, 1 },
		{ "900.000", true, 900000 },
		{ "0.0001", false, 0 },
		{ "1.", false, 0 },
		{ ".5", false, 0 },
		{ "", false, 0 },
		{ "1.5.5", false, 0 },
		{ "-1", false, 0 },
		{ "1e1", false, 0 },
		{ "1,5", false, 0 },
		{ "901", false, 0 },
		{ "inf", false, 0 },
		{ "18446744073709551", false, 0 },
		{ "18446744073709551615.999", false, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t ms = 0;

		test_case(cases[i].text);
		CHECK_INT(option_value_seconds(cases[i].text, 0, 900000, &ms, NULL), cases[i].ok);
		if (cases[i].ok)
			CHECK_INT(ms, cases[i].ms);
	}
}

static void test_addresses(void)
{
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {
		{ "127.0.0.1:9000", true },
		{ "localhost:0", true },
		{ "[::1]:65535", true },
		{ "[::]:8080", true },
		{ "host.example:1", true },
		{ "", false },
		{ ":", false },
		{ "host", false },
		{ "host:", false },
		{ "host:65536", false },
		{ "host:-1", false },
		{ "host:+1", false },
		{ "host:1 ", false },
		{ "host:http", false },
		{ "::1:80", false },
		{ "[::1]", false },
		{ "[::1:80", false },
		{ "[::1]80", false },
		{ "a:b:80", false },
		{ ":80", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].text);
		CHECK_INT(option_value_address(cases[i].text, NULL), cases[i].ok);
	}
}

static void test_distance(void)
{
	char word[200];

	CHECK_INT(option_value_distance("", ""), 0);
	CHECK_INT(option_value_distance("serve", "serve"), 0);
	CHECK_INT(option_value_distance("serv", "serve"), 1);
	CHECK_INT(option_value_distance("", "abc"), 3);
	CHECK_INT(option_value_distance("abc", ""), 3);
	CHECK_INT(option_value_distance("kitten", "sitting"), 3);
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	CHECK(option_value_distance(word, "x") > 100);
	CHECK(option_value_distance("x", word) > 100);
}

static void check_help(enum config_command command)
{
	autobuffer struct buffer help = BUFFER_INIT;
	size_t widest = 0;

	config_help(&help, command);
	for (const char *line = help.data; *line; line += strspn(line, "\n")) {
		size_t width = strcspn(line, "\n");

		widest = width > widest ? width : widest;
		CHECK(width == 0 || line[width - 1] != ' ');
		line += width;
	}
	CHECK(widest < 80);
	CHECK(strncmp(help.data, command == CONFIG_HELP ? "lrie - " : "usage: lrie ", 7) == 0);
	CHECK(help.length > 0 && help.data[help.length - 1] == '\n');
}

static void check_functions(const struct config *config, const char *expected)
{
	autobuffer struct buffer text = BUFFER_INIT;

	for (; config; config = config->next)
		buffer_append_format(&text, "%s%s %s %s %u/%zu %s", text.length ? ", " : "",
		                     config->function_name,
		                     config->bootstrap ? config->bootstrap : "-", config->handler,
		                     (unsigned)(config->memory_bytes / MB),
		                     config->bench.memory_count,
		                     config->env.count ? config->env.items[config->env.count - 1]
		                                       : "-");
	CHECK_STR(text.data, expected);
}

static void test_rivals(void)
{
	struct config *config;

	begin();
	config = PARSE("lrie", "bench", "-m", "256", "a", "--env", "AA=1", "--", "b", "--handler",
	               "h", "--", "--memory=128,512", "-e", "AA=2", "--report-writes=off",
	               "--log-descriptor");
	check_functions(config, "function a function.handler 256/1 AA=1, function b h 256/1 AA=1, "
	                        "function a function.handler 128/2 AA=2");
	CHECK(config && !config->has_name);
	config_destroy(config);
}

static void test_a_suite(void)
{
	static const char text[] =
		"{\"memory\": 512, \"env\": {\"AA\": \"1\"},\n"
		"\"functions\": [\n"
		"{\"name\": \"one\", \"bootstrap\": \"b\"},\n"
		"{\"name\": \"two\", \"handler\": \"h\", \"memory\": [128, 256],\n"
		"\"env\": {\"AA\": \"2\"}, \"arguments\": [\"x\"]}]}";
	struct config *config;

	begin();
	files_begin();
	files_put("s.json", text, strlen(text));
	config = PARSE("lrie", "bench", "--suite", "s.json");
	check_functions(config, "one b function.handler 512/1 AA=1, two - h 128/2 AA=2");
	if (config && CHECK(config->next))
		check_list(&config->next->arguments, "x");
	CHECK(config && config->has_name);
	config_destroy(config);
	/* The command line has the last word, and a variable the first. */
	setenv("LRIE_BENCH_SUITE", "s.json", 1);
	setenv("AWS_LAMBDA_FUNCTION_HANDLER", "v", 1);
	config = PARSE("lrie", "bench", "--memory", "1024", "-e", "AA=3");
	check_functions(config, "one b v 1024/1 AA=3, two - h 1024/1 AA=3");
	config_destroy(config);
	files_end((const char *const[]){ "s.json" }, 1);
}

static void test_suites_that_cannot_be(void)
{
	static const struct {
		const char *text, *more, *message;
	} cases[] = {
		{ "{}", NULL, "'s.json': there are no 'functions' in it" },
		{ "{\"functions\":[{\"name\":\"a b\"}]}", NULL,
		  "'s.json' line 1, name: 'a b' has a character other than a-zA-Z0-9_-" },
		{ "{\"functions\":[{\"name\":\"a\",\n\"memory\":[128,64]}]}", NULL,
		  "'s.json' line 2, memory: 64 is not between 128 and 10240" },
		{ "{\"functions\":[{\"name\":\"mail\",\n\"on-failure\":\"function:mial\"}]}", NULL,
		  "'s.json' line 2, on-failure: 's.json' has no function 'mial': did you mean "
		  "'mail'?" },
		{ "{\"functions\":[{\"name\":\"mail\",\n\"on-failure\":\"function:\"}]}", NULL,
		  "'s.json' line 2, on-failure: 'function:': the name of a function has 1 to 64 of "
		  "a-zA-Z0-9-_" },
		{ "{\"functions\":[{\"name\":\"a\",\"env-file\":\"none\"}]}", NULL,
		  "'s.json', a: --env-file: open 'none': No such file or directory" },
		{ "{\"functions\":[{\"name\":\"a\",\"fail-if\":\"cold.init\"}]}", NULL,
		  "'s.json' line 1, fail-if: 'cold.init': '>' or '<' is missing behind the "
		  "metric" },
		{ "{\"functions\":[{\"name\":\"a\"}]}", "--",
		  "'s.json' and -- exclude each other: the functions are in the file" },
		{ "{\"functions\":[{\"name\":\"ab\"}]}", "b",
		  "'s.json' has no function 'b': did you mean 'ab'?" },
		{ "{\"functions\":[{\"name\":\"a\"}]}", "-bb",
		  "'s.json' and --bootstrap exclude each other: the functions are in the file" },
		{ "{\"functions\":[{\"name\":\"a\"}]}", "--function-name=x",
		  "'s.json' and --function-name exclude each other: the functions are in the "
		  "file" },
	};

	begin();
	files_begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err;

		test_case(cases[i].message);
		files_put("s.json", cases[i].text, strlen(cases[i].text));
		CHECK(!parse((const char *const[WORDS]){ "lrie", "bench", "--suite", "s.json",
		                                         cases[i].more },
		             &err));
		CHECK_STR(err.text, cases[i].message);
	}
	files_end((const char *const[]){ "s.json" }, 1);
}

/* One file for all commands. */
static void test_a_file_of_functions(void)
{
	static const char text[] =
		"{\"listen\": \"127.0.0.1:1\", \"sandbox\": \"off\", \"memory\": [256, 512],\n"
		"\"functions\": [\n"
		"{\"name\": \"one\", \"concurrency\": 2, \"fail-if\": \"cold.init>1s\"},\n"
		"{\"name\": \"two\", \"bootstrap\": \"b\", \"provisioned\": 3, \"throttle\": "
		"true,\n"
		"\"arguments\": \"x\", \"on-success\": \"function:one\"},\n"
		"{\"name\": \"none\", \"concurrency\": 0, \"memory\": 128}]}";
	struct config *config;

	begin();
	files_begin();
	files_put("f.json", text, strlen(text));
	config = PARSE("lrie", "--config", "f.json");
	check_functions(config, "one - function.handler 256/1 -, two b function.handler 256/1 -, "
	                        "none - function.handler 128/1 -");
	if (CHECK(config && config->next)) {
		CHECK_STR(config->file, "f.json");
		CHECK_STR(config->listen, "127.0.0.1:1");
		CHECK(config->concurrency == 2 && config->next->concurrency == 0);
		CHECK_INT(config->next->provisioned, 3);
		CHECK_STR(config->next->on_success, "function:one");
	}
	config_destroy(config);
	config = PARSE("lrie", "invoke", "none", "-c", "f.json");
	CHECK(config && config->memory_bytes == 128 * MB);
	config_destroy(config);
	config = PARSE("lrie", "bench", "two", "-c", "f.json", "one");
	check_functions(config, "two b function.handler 256/2 -, one - function.handler 256/2 -");
	CHECK(config && config->provisioned == 0 && config->sandbox == SANDBOX_OFF);
	config_destroy(config);
	config = PARSE("lrie", "invoke", "-c", "f.json", "two");
	check_functions(config, "two b function.handler 256/1 -");
	if (CHECK(config))
		check_list(&config->arguments, "x");
	config_destroy(config);
	config = PARSE("lrie", "shell", "two", "-c", "f.json", "--", "ls");
	if (CHECK(config && config->throttle))
		check_list(&config->arguments, "ls");
	config_destroy(config);
	config = PARSE("lrie", "invoke", "three", "-c", "f.json", "--help");
	CHECK(config && config->command == CONFIG_HELP);
	config_destroy(config);
	files_end((const char *const[]){ "f.json" }, 1);
}

static void test_names_that_cannot_be(void)
{
	static const char text[] = "{\"functions\":[{\"name\":\"one\"},{\"name\":\"two\"}]}";
	static const struct {
		const char *words[5], *message;
	} cases[] = {
		{ { "invoke" },
		  "'f.json' has several functions: tell which, as in 'lrie invoke one' (there are "
		  "one, two)" },
		{ { "shell" },
		  "'f.json' has several functions: tell which, as in 'lrie shell one' (there are "
		  "one, two)" },
		{ { "invoke", "one", "two" },
		  "unexpected 'two': 'lrie invoke' takes one function" },
		{ { "bench", "one", "one" }, "the function 'one' is named twice" },
		{ { "doctor", "tow" }, "'f.json' has no function 'tow': did you mean 'two'?" },
		{ { "invoke", "elsewhere" }, "'f.json' has no function 'elsewhere'" },
		{ { "serve", "one" },
		  "unexpected 'one': the program goes to --bootstrap, its arguments behind --" },
		{ { "./boot" },
		  "'f.json' and RIE's command line exclude each other: the functions are in the "
		  "file" },
	};

	begin();
	files_begin();
	files_put("f.json", text, strlen(text));
	setenv("LRIE_CONFIG", "f.json", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err;

		test_case(cases[i].message);
		CHECK(!parse((const char *const[WORDS]){ "lrie", cases[i].words[0],
		                                         cases[i].words[1], cases[i].words[2] },
		             &err));
		CHECK_STR(err.text, cases[i].message);
	}
	files_end((const char *const[]){ "f.json" }, 1);
}

static bool is_same(const char *text, const char *other)
{
	struct config *config, *second;
	bool same;

	files_put("f.json", text, strlen(text));
	config = PARSE("lrie", "-c", "f.json");
	files_put("f.json", other, strlen(other));
	second = PARSE("lrie", "-c", "f.json");
	same = CHECK(config && second) && config_is_same_function(config, second);
	config_destroy(config);
	config_destroy(second);
	return same;
}

/* What a reload is to find out: not how it is written, but what it says. */
static void test_functions_are_compared(void)
{
	static const char plain[] = "{\"functions\":[{\"name\":\"a\",\"memory\":128}]}";

	begin();
	files_begin();
	CHECK(is_same(plain, "{\"memory\":\"128\",\"listen\":\"[::1]:1\",\"functions\":["
	                     "{\"name\":\"a\"},{\"name\":\"b\"}]}"));
	CHECK(is_same(plain, "{\"functions\":[{\"timeout\":3,\"name\":\"a\"}]}"));
	CHECK(!is_same(plain, "{\"functions\":[{\"timeout\":4,\"name\":\"a\"}]}"));
	CHECK(!is_same(plain, "{\"functions\":[{\"name\":\"a\",\"layer\":\"x\"}]}"));
	CHECK(!is_same(plain, "{\"functions\":[{\"name\":\"a\",\"env\":{\"AA\":\"\"}}]}"));
	CHECK(!is_same(plain, "{\"functions\":[{\"name\":\"a\",\"arguments\":\"x\"}]}"));
	CHECK(!is_same(plain, "{\"functions\":[{\"name\":\"a\",\"log-descriptor\":true}]}"));
	files_put("v", "AA=1\n", 5);
	CHECK(is_same("{\"functions\":[{\"name\":\"a\",\"env\":{\"AA\":1}}]}",
	              "{\"functions\":[{\"name\":\"a\",\"env-file\":\"v\"}]}"));
	files_end((const char *const[]){ "f.json", "v" }, 2);
}

static void test_what_is_of_the_service_differs(void)
{
	struct config *config, *other;

	begin();
	config = PARSE("lrie", "--listen=127.0.0.1:1", "-m512");
	other = PARSE("lrie", "--listen=127.0.0.1:1");
	CHECK(!config_find_difference(config, other));
	config_destroy(other);
	other = PARSE("lrie", "--listen=127.0.0.1:2");
	CHECK_STR(config_find_difference(config, other), "listen");
	config_destroy(other);
	config_destroy(config);
}

static void test_help(void)
{
	for (unsigned i = 0; i < CONFIG_COMMAND_COUNT; i++)
		check_help((enum config_command)i);
}

static void check_in_help(const char *option, const char *variable, const char *value, void *user)
{
	const char *help = user;

	test_case(option);
	CHECK(strstr(help, option) != NULL);
	CHECK(!value || strstr(help, value) != NULL);
	if (variable && strcmp(variable, "_HANDLER") != 0 && strcmp(variable, "LOG_LEVEL") != 0 &&
	    strcmp(variable, "AWS_DEFAULT_REGION") != 0 && strcmp(variable, "GITHUB_SHA") != 0)
		CHECK(strstr(help, variable) != NULL);
}

static void test_help_has_each_option(void)
{
	autobuffer struct buffer help = BUFFER_INIT;

	config_help(&help, CONFIG_HELP);
	config_each_option(check_in_help, help.data);
}

TEST_MAIN(test_rivals, test_a_suite, test_suites_that_cannot_be, test_a_file_of_functions,
          test_names_that_cannot_be, test_functions_are_compared,
          test_what_is_of_the_service_differs, test_defaults, test_options, test_more_options,
          test_last_one_wins, test_commands, test_help_in_a_bad_environment, test_mistakes,
          test_environment, test_option_wins_over_environment,
          test_mistake_in_environment_names_the_variable, test_required_walls, test_network,
          test_initialization, test_seccomp, test_report_writes, test_freeze, test_log_levels,
          test_log_format, test_log_formats_that_are_none, test_size_of_variables, test_rie,
          test_rie_defaults, test_rie_environment, test_env_file, test_bad_env_files, test_pass_env,
          test_numbers, test_seconds, test_addresses, test_distance, test_help,
          test_help_has_each_option)
