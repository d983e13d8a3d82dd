/* SPDX-License-Identifier: Apache-2.0 */
/* option - the tables of commands and options. */
#include "emulator/option.h"

#include <string.h>

#include "emulator/option_value.h"
#include "emulator/threshold.h"
#include "emulator/traffic.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define MEGABYTE ((uint64_t)1 << 20)
#define YEAR_MS (UINT64_C(365) * 24 * 3600 * 1000)

void config_list_add(struct config_list *list, const char *item)
{
	list->items = xrealloc(list->items, (list->count + 2) * sizeof(*list->items));
	list->items[list->count++] = item;
	list->items[list->count] = NULL;
}

const char *settings_own(struct settings *settings, char *text)
{
	config_list_add(&settings->owned, text);
	return text;
}

const struct command command_table[CONFIG_COMMAND_COUNT] = {
	[CONFIG_SERVE] = { "serve", "lrie [serve] [OPTION...] [--bootstrap PATH] [-- ARGUMENT...]",
	                   "run a function and answer invocations over HTTP" },
	[CONFIG_INVOKE] = { "invoke", "lrie invoke [OPTION...] [--bootstrap PATH] [-- ARGUMENT...]",
	                    "run a function for one invocation; its answer goes to stdout" },
	[CONFIG_DOCTOR] = { "doctor", "lrie doctor [OPTION...] [--bootstrap PATH] [-- ARGUMENT...]",
	                    "tell which walls stand here, and what a function would fail for" },
	[CONFIG_SHELL] = { "shell", "lrie shell [OPTION...] [-- COMMAND [ARGUMENT...]]",
	                   "a command, or a shell, in the box that the function would get" },
	[CONFIG_BENCH] = { "bench",
	                   "lrie bench [OPTION...] [BOOTSTRAP] [-- [OPTION...] [BOOTSTRAP]]...",
	                   "measure cold starts and warm invocations; compare functions" },
	[CONFIG_HELP] = { "help", "lrie help [COMMAND]", "show this, or the help of a command" },
	[CONFIG_VERSION] = { "version", "lrie version", "show the version" },
};

/* ---- types ---- */

static void *option_field(struct settings *settings, const struct option *option)
{
	return (char *)settings + option->field;
}

static bool parse_text(struct settings *settings, const struct option *option, const char *text,
                       struct error *err)
{
	if (!*text)
		return error_set(err, 0, "the value is empty");
	*(const char **)option_field(settings, option) = text;
	return true;
}

static bool parse_item(struct settings *settings, const struct option *option, const char *text,
                       struct error *err)
{
	if (!*text)
		return error_set(err, 0, "the value is empty");
	config_list_add(option_field(settings, option), text);
	return true;
}

static bool parse_switch(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	return option_value_switch(text, option_field(settings, option), err);
}

/* RIE takes any number that is not absurd. */
static uint64_t option_min(const struct settings *settings, const struct option *option)
{
	return settings->config.rie && option->min > 1 ? 1 : option->min;
}

static uint64_t option_max(const struct settings *settings, const struct option *option)
{
	return settings->config.rie ? option->max * 100 : option->max;
}

static bool parse_number(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	return option_value_number(text, option_min(settings, option), option_max(settings, option),
	                           option_field(settings, option), err);
}

static bool parse_megabytes(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	uint64_t *bytes = option_field(settings, option);

	if (!parse_number(settings, option, text, err))
		return false;
	*bytes *= MEGABYTE;
	return true;
}

static bool parse_memory_size(struct settings *settings, const struct option *option,
                              const char *text, struct error *err)
{
	struct config_bench *bench = &settings->config.bench;

	if (bench->memory_count == CONFIG_MEMORIES)
		return error_set(err, 0, "more than %d memory sizes", CONFIG_MEMORIES);
	if (!parse_megabytes(settings, option, text, err))
		return false;
	for (size_t i = 0; i < bench->memory_count; i++) {
		if (bench->memories[i] == settings->config.memory_bytes)
			return error_set(err, 0, "%s is there twice", text);
	}
	bench->memories[bench->memory_count++] = settings->config.memory_bytes;
	return true;
}

/* "128", and for lrie bench "128,512,1024". */
static bool parse_memory(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	struct config *config = &settings->config;

	config->bench.memory_count = 0;
	for (;;) {
		size_t length = config->command == CONFIG_BENCH ? strcspn(text, ",") : strlen(text);
		const char *size = settings_own(settings, xasprintf("%.*s", (int)length, text));
		if (!parse_memory_size(settings, option, size, err))
			return false;
		if (!text[length])
			break;
		text += length + 1;
	}
	config->memory_bytes = config->bench.memories[0];
	return true;
}

static bool parse_percent(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	return option_value_percent(text, option_field(settings, option), err);
}

static bool parse_cold_rate(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	settings->config.bench.has_cold_rate = true;
	return parse_percent(settings, option, text, err);
}

/* Read here for its mistakes, and once more where it is used. */
static bool parse_traffic(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	struct traffic traffic;

	if (!traffic_parse(text, &traffic, err))
		return false;
	traffic_finish(&traffic);
	return parse_text(settings, option, text, err);
}

static bool parse_threshold(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	struct threshold threshold;

	return threshold_parse(text, &threshold, err) && parse_item(settings, option, text, err);
}

static bool parse_seconds(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	uint64_t *ms = option_field(settings, option);

	if (!option_value_seconds(text, option_min(settings, option), option_max(settings, option),
	                          ms, err))
		return false;
	if (*ms == 0)
		*ms = YEAR_MS;
	return true;
}

/* Where 0 stands for no limit and is kept. */
static bool parse_limit(struct settings *settings, const struct option *option, const char *text,
                        struct error *err)
{
	return option_value_seconds(text, option->min, option->max, option_field(settings, option),
	                            err);
}

static bool parse_address(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	/* Go's ":8080" for all addresses, which RIE's users know */
	if (text[0] == ':')
		text = settings_own(settings, xasprintf("0.0.0.0%s", text));
	return option_value_address(text, err) && parse_text(settings, option, text, err);
}

static bool parse_function_name(struct settings *settings, const struct option *option,
                                const char *text, struct error *err)
{
	return option_value_word(text, "a-zA-Z0-9_-", 1, 64, err) &&
	       parse_text(settings, option, text, err);
}

static bool parse_version(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	uint64_t number;

	if (settings->config.rie)
		return option_value_word(text, "a-zA-Z0-9$._-", 1, 128, err) &&
		       parse_text(settings, option, text, err);
	if (strcmp(text, "$LATEST") != 0 &&
	    !option_value_number(text, 1, UINT64_MAX, &number, NULL))
		return error_set(err, 0, "'%s' is neither $LATEST nor a number", text);
	return parse_text(settings, option, text, err);
}

/* Not the pattern of AWS's regions: tools that stand in for AWS have others ("local"). */
static bool parse_region(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	return option_value_word(text, "a-z0-9-", 1, 31, err) &&
	       parse_text(settings, option, text, err);
}

static bool parse_account(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	return option_value_word(text, "0-9", 12, 12, err) &&
	       parse_text(settings, option, text, err);
}

static bool parse_sandbox(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	static const char *const words[] = {
		[SANDBOX_AUTO] = "auto", [SANDBOX_FULL] = "full", [SANDBOX_OFF] = "off", NULL
	};
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum sandbox_mode *)option_field(settings, option) = (enum sandbox_mode)index;
	return true;
}

static bool parse_seccomp(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	static const char *const words[] = { [SANDBOX_SYSCALLS_DEFAULT] = "default",
		                             [SANDBOX_SYSCALLS_STRICT] = "strict",
		                             [SANDBOX_SYSCALLS_OFF] = "off",
		                             NULL };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum sandbox_syscalls *)option_field(settings, option) = (enum sandbox_syscalls)index;
	return true;
}

static bool parse_network(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	static const char *const words[] = {
		[SANDBOX_NETWORK_HOST] = "host", [SANDBOX_NETWORK_NONE] = "none", NULL
	};
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum sandbox_network *)option_field(settings, option) = (enum sandbox_network)index;
	return true;
}

static bool parse_access(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	static const char *const words[] = {
		[CONFIG_ACCESS_BOX] = "box", [CONFIG_ACCESS_ANY] = "any", NULL
	};
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum config_access *)option_field(settings, option) = (enum config_access)index;
	return true;
}

static bool parse_initialization(struct settings *settings, const struct option *option,
                                 const char *text, struct error *err)
{
	const char *const words[] = {
		platform_initialization_name(PLATFORM_ON_DEMAND),
		platform_initialization_name(PLATFORM_PROVISIONED_CONCURRENCY),
		platform_initialization_name(PLATFORM_SNAP_START),
		NULL,
	};
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum platform_initialization *)option_field(settings,
	                                              option) = (enum platform_initialization)index;
	return true;
}

static bool parse_telemetry(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	static const char *const words[] = {
		[CONFIG_TELEMETRY_ON] = "on", [CONFIG_TELEMETRY_STUB] = "stub", NULL
	};
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum config_telemetry *)option_field(settings, option) = (enum config_telemetry)index;
	return true;
}

/* "", "full" and "yes" stand for all walls, "no" for none, the rest is a list. */
static bool parse_walls(struct settings *settings, const struct option *option, const char *text,
                        struct error *err)
{
	struct config *config = &settings->config;
	unsigned *walls = option_field(settings, option);
	bool all = !*text || strcmp(text, "full") == 0;

	config->require_sandbox = true;
	if (all || option_value_switch(text, &config->require_sandbox, NULL))
		text = "";
	*walls = 0;
	return !config->require_sandbox || sandbox_walls_parse(text, walls, err);
}

/* lrie's own levels, and RIE's where the names differ. */
static bool parse_log_level(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	static const char *const words[] = { "error", "warning", "info",  "debug", "trace",
		                             "warn",  "fatal",   "panic", NULL };
	static const enum log_level levels[] = { LOG_ERROR, LOG_WARNING, LOG_INFO,  LOG_DEBUG,
		                                 LOG_TRACE, LOG_WARNING, LOG_ERROR, LOG_ERROR };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum log_level *)option_field(settings, option) = levels[index];
	return true;
}

/*
 * RIE hands AWS_LAMBDA_LOG_... to the runtime and does not look at them: what is wrong with them
 * must not keep an image from starting. Returns false for others.
 */
static bool forgive_rie(struct settings *settings, const struct option *option, const char *text)
{
	if (!settings->config.rie)
		return false;
	log_warning("%s: '%s' is not known: '%s' is used", option->variable, text, option->preset);
	return option->parse(settings, option, option->preset, NULL);
}

static bool parse_log_format(struct settings *settings, const struct option *option,
                             const char *text, struct error *err)
{
	static const char *const words[] = { "text", "json", NULL };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return forgive_rie(settings, option, text);
	*(bool *)option_field(settings, option) = index == 1;
	return true;
}

/* The levels of a function's log, by enum log_line_level; the system has the middle ones. */
static bool parse_line_level(struct settings *settings, const struct option *option,
                             const char *text, struct error *err)
{
	static const char *const words[] = { "trace", "debug", "info", "warn",
		                             "error", "fatal", NULL };
	enum log_line_level level;
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return forgive_rie(settings, option, text);
	level = (enum log_line_level)index;
	if (level < option->min || level > option->max)
		return error_set(err, 0, "'%s' is not one of debug, info, warn", text);
	*(enum log_line_level *)option_field(settings, option) = level;
	return true;
}

static bool parse_color(struct settings *settings, const struct option *option, const char *text,
                        struct error *err)
{
	static const char *const words[] = { [CONFIG_COLOR_AUTO] = "auto",
		                             [CONFIG_COLOR_ALWAYS] = "always",
		                             [CONFIG_COLOR_NEVER] = "never",
		                             NULL };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum config_color *)option_field(settings, option) = (enum config_color)index;
	return true;
}

static bool parse_architecture(struct settings *settings, const struct option *option,
                               const char *text, struct error *err)
{
	static const char *const words[] = { "x86_64", "arm64", NULL };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(const char **)option_field(settings, option) = words[index];
	return true;
}

/* ---- the table ---- */

#define SERVE BIT(CONFIG_SERVE)
#define INVOKE BIT(CONFIG_INVOKE)
#define DOCTOR BIT(CONFIG_DOCTOR)
#define BENCH BIT(CONFIG_BENCH)
#define INVOKES (SERVE | INVOKE | BENCH | DOCTOR) /* doctor goes before a command line as it is */
#define SHELL BIT(CONFIG_SHELL)
#define RUN (INVOKES | SHELL)
#define ALL (BIT(CONFIG_COMMAND_COUNT) - 1)
#define SETTING(member) offsetof(struct settings, member)
#define CONFIG(member) offsetof(struct settings, config.member)

/* clang-format off */
const struct option option_table[] = {
	{ .name = "bootstrap", .letter = 'b', .value = "PATH", .variable = "LRIE_BOOTSTRAP",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_text, .field = CONFIG(bootstrap),
	  .help = "The program that runs the function; a script is fine. Without it "
	          "/var/task/bootstrap, /opt/bootstrap and /var/runtime/bootstrap are "
	          "tried." },
	{ .name = "task-root", .value = "DIR", .variable = "LRIE_TASK_ROOT",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_text, .field = CONFIG(task_root),
	  .help = "The folder shown as /var/task; else that of the bootstrap." },
	{ .name = "layer", .value = "DIR|ZIP", .variable = "LRIE_LAYER",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_item, .field = CONFIG(layers),
	  .help = "A folder or zip file to merge into /opt, later ones over earlier ones. "
	          "Repeatable." },
	{ .name = "extensions", .value = "DIR", .variable = "LRIE_EXTENSIONS",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_text, .field = CONFIG(extensions),
	  .help = "A folder of external extensions, to be merged into /opt/extensions over those "
	          "of layers." },
	{ .name = "bind", .value = "DIR|SOURCE:TARGET", .variable = "LRIE_BIND",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_item, .field = CONFIG(binds),
	  .help = "A folder or file of this machine that the function sees, read-only, at "
	          "the same path or at TARGET. Repeatable." },
	/* Lambda demands a handler, and runtimes read _HANDLER without asking whether it is there.
	 * The preset is the name in AWS's tutorial for custom runtimes. */
	{ .name = "handler", .value = "NAME",
	  .variable = "AWS_LAMBDA_FUNCTION_HANDLER", .other_variable = "_HANDLER",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_text, .field = CONFIG(handler),
	  .preset = "function.handler", .rie_preset = "",
	  .help = "_HANDLER for the function." },
	{ .name = "function-name", .value = "NAME", .variable = "AWS_LAMBDA_FUNCTION_NAME",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_function_name, .field = CONFIG(function_name),
	  .preset = "function", .rie_preset = "test_function",
	  .help = "Its name, in the ARN and the variables." },
	{ .name = "function-version", .value = "VERSION",
	  .variable = "AWS_LAMBDA_FUNCTION_VERSION", .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_version, .field = CONFIG(function_version), .preset = "$LATEST",
	  .help = "$LATEST or a number." },
	{ .name = "region", .value = "REGION",
	  .variable = "AWS_REGION", .other_variable = "AWS_DEFAULT_REGION",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_region, .field = CONFIG(region), .preset = "us-east-1",
	  .help = "The AWS region, in the ARN and the variables." },
	{ .name = "account-id", .value = "DIGITS", .variable = "AWS_ACCOUNT_ID",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = parse_account, .field = CONFIG(account_id), .preset = "012345678912",
	  .help = "The AWS account, in the ARN." },
	{ .name = "event", .value = "FILE|-|JSON", .variable = "LRIE_EVENT",
	  .group = GROUP_FUNCTION, .commands = INVOKE | BENCH | DOCTOR,
	  .parse = parse_text, .field = CONFIG(event),
	  .help = "The event: a file, - for stdin, or JSON text; else {}." },
	{ .name = "architecture", .value = "x86_64|arm64", .variable = "LRIE_ARCHITECTURE",
	  .group = GROUP_FUNCTION, .commands = DOCTOR | BENCH,
	  .parse = parse_architecture, .field = CONFIG(architecture),
	  .help = "What the function is deployed for; else what this machine is." },
	{ .name = "memory", .letter = 'm', .value = "MB",
	  .variable = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	  .group = GROUP_LIMITS, .commands = RUN,
	  .parse = parse_memory, .field = CONFIG(memory_bytes), .min = 128, .max = 10240,
	  .preset = "128", .rie_preset = "3008",
	  .help = "Memory of an environment, 128 to 10240; CPU follows it as on Lambda. "
	          "lrie bench takes several: 128,512,1024." },
	{ .name = "timeout", .letter = 't', .value = "SECONDS",
	  .variable = "AWS_LAMBDA_FUNCTION_TIMEOUT", .group = GROUP_LIMITS, .commands = INVOKES,
	  .parse = parse_seconds, .field = CONFIG(timeout_ms), .min = 1, .max = 900000,
	  .preset = "3", .rie_preset = "300",
	  .help = "How long an invocation may take, 1 to 900. Lambda takes whole seconds; "
	          "lrie takes decimals such as 0.5, too." },
	/* RIE knows no limit of its own for init: see finish_init_timeout(). */
	{ .name = "init-timeout", .value = "SECONDS", .variable = "LRIE_INIT_TIMEOUT",
	  .group = GROUP_LIMITS, .commands = INVOKES,
	  .parse = parse_seconds, .field = CONFIG(init_timeout_ms), .min = 0, .max = 900000,
	  .help = "How long init may take: 10; 130 or the time-out, whichever is longer, when it "
	          "runs before there is a request; 0 for no limit." },
	{ .name = "restore-timeout", .value = "SECONDS", .variable = "LRIE_RESTORE_TIMEOUT",
	  .group = GROUP_LIMITS, .commands = SERVE | DOCTOR,
	  .parse = parse_seconds, .field = CONFIG(restore_timeout_ms), .min = 1, .max = 900000,
	  .preset = "10",
	  .help = "How long a restore may take, hooks included; Lambda's limit is 10." },
	{ .name = "ephemeral-storage", .value = "MB", .variable = "LRIE_EPHEMERAL_STORAGE",
	  .group = GROUP_LIMITS, .commands = RUN,
	  .parse = parse_megabytes, .field = CONFIG(tmp_bytes), .min = 512, .max = 10240,
	  .preset = "512",
	  .help = "Size of /tmp, 512 to 10240." },
	{ .name = "throttle", .variable = "LRIE_THROTTLE",
	  .group = GROUP_LIMITS, .commands = SHELL,
	  .parse = parse_switch, .field = CONFIG(throttle),
	  .help = "The CPU share of invocations; else full speed, as in init." },
	{ .name = "env", .letter = 'e', .value = "NAME=VALUE", .variable = "LRIE_ENV",
	  .group = GROUP_VARIABLES, .commands = RUN,
	  .parse = parse_item, .field = SETTING(env_given),
	  .help = "A variable for the function. Repeatable." },
	{ .name = "env-file", .value = "FILE", .variable = "LRIE_ENV_FILE",
	  .group = GROUP_VARIABLES, .commands = RUN,
	  .parse = parse_item, .field = SETTING(env_files),
	  .help = "A file of NAME=VALUE lines; --env wins over it. Repeatable." },
	{ .name = "pass-env", .value = "NAME", .variable = "LRIE_PASS_ENV",
	  .group = GROUP_VARIABLES, .commands = RUN,
	  .parse = parse_item, .field = SETTING(pass_names),
	  .help = "A variable to take over from lrie's own environment. Repeatable." },
	{ .name = "listen", .letter = 'l', .value = "HOST:PORT", .variable = "LRIE_LISTEN",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = parse_address, .field = CONFIG(listen),
	  .preset = "127.0.0.1:9000", .rie_preset = "0.0.0.0:8080",
	  .help = "Where invocations are taken; port 0 for any that is free." },
	{ .name = "runtime-interface-emulator-address", .value = "HOST:PORT",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = parse_address, .field = CONFIG(listen),
	  .help = "RIE's name for --listen." },
	{ .name = "runtime-api-address", .value = "HOST:PORT",
	  .variable = "LRIE_RUNTIME_API_ADDRESS", .group = GROUP_SERVICE, .commands = SERVE | INVOKE | DOCTOR,
	  .parse = parse_address, .field = CONFIG(runtime_api_address),
	  .rie_preset = "127.0.0.1:9001",
	  .help = "Where the first environment finds the Runtime API; else a free port for "
	          "each environment." },
	/* In RIE mode the container is the box, and what else is in it may belong to the function. */
	{ .name = "runtime-api-access", .value = "box|any",
	  .variable = "LRIE_RUNTIME_API_ACCESS", .group = GROUP_SERVICE,
	  .commands = SERVE | INVOKE | DOCTOR,
	  .parse = parse_access, .field = CONFIG(runtime_api_access),
	  .preset = "box", .rie_preset = "any",
	  .help = "Who may call the Runtime API of an environment. box: its own processes. any: "
	          "every program of this machine, for debugging." },
	/* RIE has but the stub; that extensions work there, too, is what lrie is for. */
	{ .name = "telemetry", .value = "on|stub", .variable = "LRIE_TELEMETRY",
	  .group = GROUP_SERVICE, .commands = INVOKES,
	  .parse = parse_telemetry, .field = CONFIG(telemetry), .preset = "on",
	  .help = "on: extensions that subscribe get telemetry. stub: they are told that there is "
	          "none, as AWS's emulator does (202)." },
	{ .name = "concurrency", .value = "NUMBER", .variable = "LRIE_CONCURRENCY",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR | BENCH,
	  .parse = parse_number, .field = CONFIG(concurrency), .min = 1, .max = 1000,
	  .help = "Reserved concurrency: invocations beyond it are refused (429). Else up "
	          "to 10 environments, then invocations wait. Of lrie bench: of what it "
	          "simulates." },
	{ .name = "emf", .value = "FILE", .variable = "LRIE_EMF",
	  .group = GROUP_SERVICE, .commands = SERVE | INVOKE,
	  .parse = parse_text, .field = CONFIG(emf),
	  .help = "Append metrics of each invocation to this file, a line of CloudWatch's "
	          "embedded metric format for each." },
	{ .name = "retries", .value = "NUMBER", .variable = "LRIE_RETRIES",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = parse_number, .field = CONFIG(retries), .min = 0, .max = 2, .preset = "2",
	  .help = "How often an event of type Event is tried again after a function error, one and "
	          "two minutes later." },
	{ .name = "max-event-age", .value = "SECONDS", .variable = "LRIE_MAX_EVENT_AGE",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = parse_limit, .field = CONFIG(max_event_age_ms), .min = 1, .max = 21600000,
	  .preset = "21600",
	  .help = "After which such an event is not tried again. Lambda takes 60 to 21600." },
	{ .name = "on-success", .value = "FILE", .variable = "LRIE_ON_SUCCESS",
	  .group = GROUP_SERVICE, .commands = SERVE,
	  .parse = parse_text, .field = CONFIG(on_success),
	  .help = "Append what Lambda tells a destination of each such event that went well, a line "
	          "of JSON each." },
	{ .name = "on-failure", .value = "FILE", .variable = "LRIE_ON_FAILURE",
	  .group = GROUP_SERVICE, .commands = SERVE,
	  .parse = parse_text, .field = CONFIG(on_failure),
	  .help = "The same of those that were given up." },
	{ .name = "dead-letters", .value = "FILE", .variable = "LRIE_DEAD_LETTERS",
	  .group = GROUP_SERVICE, .commands = SERVE,
	  .parse = parse_text, .field = CONFIG(dead_letters),
	  .help = "Append those as a dead-letter queue has them, a message each." },
	{ .name = "max-concurrency", .value = "NUMBER", .variable = "AWS_LAMBDA_MAX_CONCURRENCY",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = parse_number, .field = CONFIG(max_concurrency), .min = 2, .max = 1000,
	  .help = "Invocations at once in each environment, for a runtime that can, as on Lambda "
	          "Managed Instances. Else one." },
	{ .name = "initialization-type", .value = "on-demand|provisioned-concurrency|snap-start",
	  .variable = "AWS_LAMBDA_INITIALIZATION_TYPE",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = parse_initialization, .field = CONFIG(initialization), .preset = "on-demand",
	  .help = "How environments begin. provisioned-concurrency: as many as --provisioned tells, "
	          "else one, before the first request. snap-start: each is restored before its "
	          "first request." },
	{ .name = "provisioned", .value = "NUMBER", .variable = "LRIE_PROVISIONED",
	  .group = GROUP_SERVICE, .commands = SERVE | BENCH | DOCTOR,
	  .parse = parse_number, .field = CONFIG(provisioned), .min = 1, .max = 1000,
	  .help = "Provisioned concurrency: so many environments start before the first request. "
	          "lrie bench simulates the traffic with it, too." },
	{ .name = "idle-timeout", .value = "SECONDS", .variable = "LRIE_IDLE_TIMEOUT",
	  .group = GROUP_SERVICE, .commands = SERVE | BENCH | DOCTOR,
	  .parse = parse_limit, .field = CONFIG(idle_timeout_ms), .min = 1, .max = 86400000,
	  .help = "When an environment without work ends; else never, and after 600 in what lrie "
	          "bench simulates. Lambda does not tell." },
	{ .name = "xray", .value = "FILE", .variable = "LRIE_XRAY",
	  .group = GROUP_SERVICE, .commands = SERVE | INVOKE,
	  .parse = parse_text, .field = CONFIG(xray),
	  .help = "Be the X-Ray daemon, trace invocations as with active tracing, and append "
	          "segments to this file, as lines of JSON." },
	{ .name = "sandbox", .value = "auto|full|off", .variable = "LRIE_SANDBOX",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = parse_sandbox, .field = CONFIG(sandbox), .preset = "auto",
	  .help = "auto: every wall that this machine allows. full: all walls, or lrie does "
	          "not start. off: none, for debugging." },
	{ .name = "require-sandbox", .value = "WALLS", .value_may_miss = true,
	  .variable = "LRIE_REQUIRE_SANDBOX", .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = parse_walls, .field = CONFIG(required_walls),
	  .help = "Walls without which lrie does not start, such as memory,files; all of "
	          "them when none is named." },
	{ .name = "seccomp", .value = "default|strict|off", .variable = "LRIE_SECCOMP",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = parse_seccomp, .field = CONFIG(syscalls), .preset = "default",
	  .help = "default: system calls that Lambda is known to refuse are refused. strict: "
	          "all that are not known to be allowed. off: none." },
	/* RIE lets a function run on, and what speaks with it between invocations (a debugger, a
	 * health check, the browser of a web adapter's user) would hang. */
	{ .name = "freeze", .value = "on|off", .variable = "LRIE_FREEZE",
	  .group = GROUP_SANDBOX, .commands = INVOKES,
	  .parse = parse_switch, .field = CONFIG(freeze), .preset = "on", .rie_preset = "off",
	  .help = "on: as on Lambda nothing of the function runs between invocations. off: "
	          "threads, timers and children go on." },
	{ .name = "network", .value = "host|none", .variable = "LRIE_NETWORK",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = parse_network, .field = CONFIG(network), .preset = "host",
	  .help = "host: the function uses the network of this machine. none: it has a loopback "
	          "of its own, and the Runtime API there." },
	{ .name = "report-writes", .value = "on|off", .variable = "LRIE_REPORT_WRITES",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = parse_switch, .field = CONFIG(report_writes), .preset = "on",
	  .help = "Tell of writes that fail since Lambda's file system is read-only. Takes some "
	          "10 us from opening a file for writing and the like." },
	{ .name = "cold", .value = "NUMBER", .variable = "LRIE_BENCH_COLD",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_number, .field = CONFIG(bench.cold), .min = 1, .max = 100000,
	  .preset = "30",
	  .help = "Fresh environments of each function." },
	{ .name = "warm", .value = "NUMBER", .variable = "LRIE_BENCH_WARM",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_number, .field = CONFIG(bench.warm), .min = 0, .max = 10000000,
	  .preset = "200",
	  .help = "Warm invocations of each function, spread over its environments." },
	{ .name = "max-time", .value = "SECONDS", .variable = "LRIE_BENCH_MAX_TIME",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_limit, .field = CONFIG(bench.max_time_ms), .min = 0, .max = 86400000,
	  .help = "Begin no round after that time; 0 for no limit." },
	{ .name = "until-ci", .value = "PERCENT", .variable = "LRIE_BENCH_UNTIL_CI",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_percent, .field = CONFIG(bench.until_ci),
	  .help = "Go on, up to ten times --cold, until the median of cold.init is known that "
	          "well, such as 3%." },
	{ .name = "suite", .value = "FILE", .variable = "LRIE_BENCH_SUITE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.suite),
	  .help = "Measure the functions of a file, in turns: see lrie-bench(1)." },
	{ .name = "fail-if", .value = "THRESHOLD", .variable = "LRIE_BENCH_FAIL_IF",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_threshold, .field = CONFIG(bench.fail_if),
	  .help = "Exit with 99 when this is true, such as 'cold.init.p90>300ms' or "
	          "'memory.peak>80%'. Repeatable." },
	{ .name = "baseline", .value = "FILE", .variable = "LRIE_BENCH_BASELINE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.baseline),
	  .help = "Compare to an earlier --export-json; thresholds may then be changes, such as "
	          "'cold.init>+10%'." },
	{ .name = "export-json", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_JSON",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.export_json),
	  .help = "What was measured, raw values included, as JSON." },
	{ .name = "export-markdown", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_MARKDOWN",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.export_markdown),
	  .help = "The main figures as a Markdown table." },
	{ .name = "export-csv", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_CSV",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.export_csv),
	  .help = "The raw values as CSV." },
	{ .name = "export-junit", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_JUNIT",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.export_junit),
	  .help = "The thresholds as test cases, in the form of JUnit." },
	{ .name = "export-prom", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_PROM",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.export_prometheus),
	  .help = "The figures in the text format of Prometheus." },
	{ .name = "export-svg", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_SVG",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.export_svg),
	  .help = "Plots of cold starts: their phases, their distribution, each of them." },
	{ .name = "export-html", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_HTML",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.export_html),
	  .help = "All of it as one page that needs nothing else." },
	{ .name = "traffic", .value = "TRAFFIC", .variable = "LRIE_BENCH_TRAFFIC",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_traffic, .field = CONFIG(bench.traffic),
	  .help = "Tell what each function would cost and be like under that many requests: "
	          "10M/month, poisson:5/s, burst:100x20/hour or trace:FILE." },
	{ .name = "prices", .value = "FILE", .variable = "LRIE_BENCH_PRICES",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.prices),
	  .help = "A price list, as JSON; else that of us-east-1 for the architecture." },
	{ .name = "cold-rate", .value = "PERCENT", .variable = "LRIE_BENCH_COLD_RATE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_cold_rate, .field = CONFIG(bench.cold_rate),
	  .help = "Which part of the traffic is cold starts; else it is simulated." },
	{ .name = "commit", .value = "TEXT",
	  .variable = "LRIE_BENCH_COMMIT", .other_variable = "GITHUB_SHA",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_text, .field = CONFIG(bench.commit),
	  .help = "What was measured, for the JSON." },
	{ .name = "noise", .value = "PERCENT", .variable = "LRIE_BENCH_NOISE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_percent, .field = CONFIG(bench.noise), .preset = "3%",
	  .help = "Differences below this are noise, however certain." },
	{ .name = "seed", .value = "NUMBER", .variable = "LRIE_BENCH_SEED",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = parse_number, .field = CONFIG(bench.seed), .min = 0, .max = UINT32_MAX,
	  .preset = "1",
	  .help = "Of the random numbers that intervals are found with." },
	{ .name = "log-level", .value = "LEVEL",
	  .variable = "LRIE_LOG_LEVEL", .other_variable = "LOG_LEVEL", .other_only_rie = true,
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = parse_log_level, .field = CONFIG(log_level), .preset = "warning",
	  .help = "lrie's own messages: error, warning, info, debug or trace." },
	{ .name = "quiet", .letter = 'q', .variable = "LRIE_QUIET",
	  .group = GROUP_MESSAGES, .commands = SERVE | INVOKE | DOCTOR,
	  .parse = parse_switch, .field = CONFIG(quiet),
	  .help = "No START, END and REPORT lines." },
	{ .name = "log-format", .value = "text|json", .variable = "AWS_LAMBDA_LOG_FORMAT",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = parse_log_format, .field = CONFIG(json_logs), .preset = "text",
	  .help = "Format of the function's log, Lambda's own lines included." },
	{ .name = "application-log-level", .value = "LEVEL", .variable = "AWS_LAMBDA_LOG_LEVEL",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = parse_line_level, .field = CONFIG(application_log_level),
	  .min = LOG_LINE_TRACE, .max = LOG_LINE_FATAL, .preset = "info",
	  .help = "Of the function's lines, with JSON: trace, debug, info, warn, error, fatal." },
	{ .name = "system-log-level", .value = "LEVEL", .variable = "LRIE_SYSTEM_LOG_LEVEL",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = parse_line_level, .field = CONFIG(system_log_level),
	  .min = LOG_LINE_DEBUG, .max = LOG_LINE_WARN, .preset = "info",
	  .help = "Of Lambda's own lines, with JSON: debug, info or warn." },
	{ .name = "legacy-failures", .variable = "LRIE_LEGACY_FAILURES",
	  .group = GROUP_MESSAGES, .commands = INVOKES,
	  .parse = parse_switch, .field = CONFIG(legacy_failures),
	  .help = "Failures in the log as until 2024: in lines before END, not in REPORT." },
	{ .name = "log-descriptor", .variable = "LRIE_LOG_DESCRIPTOR",
	  .group = GROUP_MESSAGES, .commands = INVOKES,
	  .parse = parse_switch, .field = CONFIG(log_descriptor),
	  .help = "Give the runtime a descriptor for whole records, as Lambda gives its own." },
	{ .name = "json", .group = GROUP_MESSAGES, .commands = DOCTOR | BENCH,
	  .parse = parse_switch, .field = CONFIG(json),
	  .help = "What lrie doctor or lrie bench tells, as JSON." },
	{ .name = "color", .value = "auto|always|never", .variable = "LRIE_COLOR",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = parse_color, .field = CONFIG(color), .preset = "auto",
	  .help = "Color in lrie's own messages." },
	{ .name = "enable-init-caching", .group = GROUP_MESSAGES, .commands = SERVE | DOCTOR,
	  .parse = parse_switch, .field = SETTING(init_caching),
	  .help = "Accepted for RIE's sake; has no effect." },
	{ .name = "help", .letter = 'h', .group = GROUP_MESSAGES, .commands = ALL,
	  .parse = parse_switch, .field = SETTING(help),
	  .help = "Show this help." },
	{ .name = "version", .letter = 'V', .group = GROUP_MESSAGES, .commands = ALL,
	  .parse = parse_switch, .field = SETTING(version),
	  .help = "Show the version." },
};
/* clang-format on */

const size_t option_count = ARRAY_LENGTH(option_table);
_Static_assert(ARRAY_LENGTH(option_table) <= OPTION_ROOM, "settings.given is too short");

/* ---- looking things up ---- */

const struct option *option_find(const char *name, size_t length)
{
	for (size_t i = 0; i < option_count; i++) {
		if (strlen(option_table[i].name) == length &&
		    memcmp(option_table[i].name, name, length) == 0)
			return &option_table[i];
	}
	return NULL;
}

const struct option *option_find_letter(char letter)
{
	for (size_t i = 0; i < option_count; i++) {
		if (letter && option_table[i].letter == letter)
			return &option_table[i];
	}
	return NULL;
}

bool option_is_list(const struct option *option)
{
	return option->parse == parse_item || option->parse == parse_threshold;
}

static bool is_listed(const struct option *option, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(option->name, *names) == 0)
			return true;
	}
	return false;
}

bool option_is_of_function(const struct option *option)
{
	static const char *const names[] = { "report-writes",         "log-format",
		                             "application-log-level", "system-log-level",
		                             "log-descriptor",        NULL };

	return option->group == GROUP_FUNCTION || option->group == GROUP_LIMITS ||
	       option->group == GROUP_VARIABLES || option->parse == parse_threshold ||
	       is_listed(option, names);
}

bool option_is_path(const struct option *option)
{
	static const char *const names[] = { "bootstrap", "task-root", "layer",      "bind",
		                             "env-file",  "event",     "extensions", NULL };

	return is_listed(option, names);
}

bool option_is_rie(const struct option *option)
{
	static const char *const names[] = { "log-level", "enable-init-caching",
		                             "runtime-api-address",
		                             "runtime-interface-emulator-address", NULL };

	return is_listed(option, names);
}
