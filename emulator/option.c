/* SPDX-License-Identifier: Apache-2.0 */
/* option - the tables of commands and options. */
#include "emulator/option.h"

#include <string.h>

#include "emulator/option_parse.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

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
	                   "run functions and answer invocations over HTTP" },
	[CONFIG_INVOKE] = { "invoke",
	                    "lrie invoke [NAME] [OPTION...] [--bootstrap PATH] [-- ARGUMENT...]",
	                    "run a function for one invocation; its answer goes to stdout" },
	[CONFIG_DOCTOR] = { "doctor",
	                    "lrie doctor [NAME...] [OPTION...] [--bootstrap PATH] [-- ARGUMENT...]",
	                    "tell which walls stand here, and what a function would fail for" },
	[CONFIG_SHELL] = { "shell", "lrie shell [NAME] [OPTION...] [-- COMMAND [ARGUMENT...]]",
	                   "a command, or a shell, in the box that the function would get" },
	[CONFIG_BENCH] = { "bench",
	                   "lrie bench [OPTION...] [BOOTSTRAP|NAME...] [-- [OPTION...] "
	                   "BOOTSTRAP]...",
	                   "measure cold starts and warm invocations; compare functions" },
	[CONFIG_HELP] = { "help", "lrie help [COMMAND]", "show this, or the help of a command" },
	[CONFIG_VERSION] = { "version", "lrie version", "show the version" },
};

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
	  .parse = option_parse_text, .field = CONFIG(bootstrap),
	  .help = "The program that runs the function; a script is fine. Without it "
	          "/var/task/bootstrap, /opt/bootstrap and /var/runtime/bootstrap are "
	          "tried." },
	{ .name = "task-root", .value = "DIR", .variable = "LRIE_TASK_ROOT",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_text, .field = CONFIG(task_root),
	  .help = "The folder shown as /var/task; else that of the bootstrap." },
	{ .name = "layer", .value = "DIR|ZIP", .variable = "LRIE_LAYER",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_item, .field = CONFIG(layers),
	  .help = "A folder or zip file to merge into /opt, later ones over earlier ones. "
	          "Repeatable." },
	{ .name = "extensions", .value = "DIR", .variable = "LRIE_EXTENSIONS",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_text, .field = CONFIG(extensions),
	  .help = "A folder of external extensions, to be merged into /opt/extensions over those "
	          "of layers." },
	{ .name = "bind", .value = "DIR|SOURCE:TARGET", .variable = "LRIE_BIND",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_item, .field = CONFIG(binds),
	  .help = "A folder or file of this machine that the function sees, read-only, at "
	          "the same path or at TARGET. Repeatable." },
	{ .name = "watch", .letter = 'w', .variable = "LRIE_WATCH",
	  .group = GROUP_FUNCTION, .commands = SERVE | DOCTOR,
	  .parse = option_parse_switch, .field = CONFIG(watch),
	  .help = "Replace environments when files of the function change." },
	/* Lambda demands a handler, and runtimes read _HANDLER without asking whether it is there.
	 * The preset is the name in AWS's tutorial for custom runtimes. */
	{ .name = "handler", .value = "NAME",
	  .variable = "AWS_LAMBDA_FUNCTION_HANDLER", .other_variable = "_HANDLER",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_text, .field = CONFIG(handler),
	  .preset = "function.handler", .rie_preset = "",
	  .help = "_HANDLER for the function." },
	{ .name = "function-name", .value = "NAME", .variable = "AWS_LAMBDA_FUNCTION_NAME",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_function_name, .field = CONFIG(function_name),
	  .preset = "function", .rie_preset = "test_function",
	  .help = "Its name, in the ARN and the variables." },
	{ .name = "function-version", .value = "VERSION",
	  .variable = "AWS_LAMBDA_FUNCTION_VERSION", .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_version, .field = CONFIG(function_version), .preset = "$LATEST",
	  .help = "$LATEST or a number." },
	{ .name = "region", .value = "REGION",
	  .variable = "AWS_REGION", .other_variable = "AWS_DEFAULT_REGION",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_region, .field = CONFIG(region), .preset = "us-east-1",
	  .help = "The AWS region, in the ARN and the variables." },
	{ .name = "account-id", .value = "DIGITS", .variable = "AWS_ACCOUNT_ID",
	  .group = GROUP_FUNCTION, .commands = RUN,
	  .parse = option_parse_account, .field = CONFIG(account_id), .preset = "012345678912",
	  .help = "The AWS account, in the ARN." },
	{ .name = "event", .value = "FILE|-|JSON", .variable = "LRIE_EVENT",
	  .group = GROUP_FUNCTION, .commands = INVOKE | BENCH | DOCTOR,
	  .parse = option_parse_text, .field = CONFIG(event),
	  .help = "The event: a file, - for stdin, or JSON text; else {}." },
	{ .name = "architecture", .value = "x86_64|arm64", .variable = "LRIE_ARCHITECTURE",
	  .group = GROUP_FUNCTION, .commands = DOCTOR | BENCH,
	  .parse = option_parse_architecture, .field = CONFIG(architecture),
	  .help = "What the function is deployed for; else what this machine is." },
	{ .name = "memory", .letter = 'm', .value = "MB",
	  .variable = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
	  .group = GROUP_LIMITS, .commands = RUN,
	  .parse = option_parse_memory, .field = CONFIG(memory_bytes), .min = 128, .max = 10240,
	  .preset = "128", .rie_preset = "3008",
	  .help = "Memory of an environment, 128 to 10240; CPU follows it as on Lambda. "
	          "lrie bench takes several: 128,512,1024." },
	{ .name = "timeout", .letter = 't', .value = "SECONDS",
	  .variable = "AWS_LAMBDA_FUNCTION_TIMEOUT", .group = GROUP_LIMITS, .commands = INVOKES,
	  .parse = option_parse_seconds, .field = CONFIG(timeout_ms), .min = 1, .max = 900000,
	  .preset = "3", .rie_preset = "300",
	  .help = "How long an invocation may take, 1 to 900. Lambda takes whole seconds; "
	          "lrie takes decimals such as 0.5, too." },
	/* RIE knows no limit of its own for init: see finish_init_timeout(). */
	{ .name = "init-timeout", .value = "SECONDS", .variable = "LRIE_INIT_TIMEOUT",
	  .group = GROUP_LIMITS, .commands = INVOKES,
	  .parse = option_parse_seconds, .field = CONFIG(init_timeout_ms), .min = 0, .max = 900000,
	  .help = "How long init may take: 10; 130 or the time-out, whichever is longer, when it "
	          "runs before there is a request; 0 for no limit." },
	{ .name = "restore-timeout", .value = "SECONDS", .variable = "LRIE_RESTORE_TIMEOUT",
	  .group = GROUP_LIMITS, .commands = SERVE | DOCTOR,
	  .parse = option_parse_seconds, .field = CONFIG(restore_timeout_ms), .min = 1, .max = 900000,
	  .preset = "10",
	  .help = "How long a restore may take, hooks included; Lambda's limit is 10." },
	{ .name = "ephemeral-storage", .value = "MB", .variable = "LRIE_EPHEMERAL_STORAGE",
	  .group = GROUP_LIMITS, .commands = RUN,
	  .parse = option_parse_megabytes, .field = CONFIG(tmp_bytes), .min = 512, .max = 10240,
	  .preset = "512",
	  .help = "Size of /tmp, 512 to 10240." },
	{ .name = "stream-bandwidth", .value = "aws|unlimited",
	  .variable = "LRIE_STREAM_BANDWIDTH", .group = GROUP_LIMITS, .commands = SERVE | DOCTOR,
	  .parse = option_parse_bandwidth, .field = CONFIG(stream_bandwidth),
	  .preset = "unlimited",
	  .help = "How fast a response is streamed. aws: the first 6 MiB at once, what follows at "
	          "2 MiB a second, as on Lambda." },
	{ .name = "throttle", .variable = "LRIE_THROTTLE",
	  .group = GROUP_LIMITS, .commands = SHELL,
	  .parse = option_parse_switch, .field = CONFIG(throttle),
	  .help = "The CPU share of invocations; else full speed, as in init." },
	{ .name = "env", .letter = 'e', .value = "NAME=VALUE", .variable = "LRIE_ENV",
	  .group = GROUP_VARIABLES, .commands = RUN,
	  .parse = option_parse_item, .field = SETTING(env_given),
	  .help = "A variable for the function. Repeatable." },
	{ .name = "env-file", .value = "FILE", .variable = "LRIE_ENV_FILE",
	  .group = GROUP_VARIABLES, .commands = RUN,
	  .parse = option_parse_item, .field = SETTING(env_files),
	  .help = "A file of NAME=VALUE lines; --env wins over it. Repeatable." },
	{ .name = "pass-env", .value = "NAME", .variable = "LRIE_PASS_ENV",
	  .group = GROUP_VARIABLES, .commands = RUN,
	  .parse = option_parse_item, .field = SETTING(pass_names),
	  .help = "A variable to take over from lrie's own environment. Repeatable." },
	{ .name = "config", .letter = 'c', .value = "FILE", .variable = "LRIE_CONFIG",
	  .group = GROUP_SERVICE, .commands = RUN,
	  .parse = option_parse_text, .field = CONFIG(file),
	  .help = "The functions are in this file: see lrie.json(5)." },
	{ .name = "listen", .letter = 'l', .value = "HOST:PORT", .variable = "LRIE_LISTEN",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_address, .field = CONFIG(listen),
	  .preset = "127.0.0.1:9000", .rie_preset = "0.0.0.0:8080",
	  .help = "Where invocations are taken; port 0 for any that is free." },
	{ .name = "runtime-interface-emulator-address", .value = "HOST:PORT",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_address, .field = CONFIG(listen),
	  .help = "RIE's name for --listen." },
	{ .name = "runtime-api-address", .value = "HOST:PORT",
	  .variable = "LRIE_RUNTIME_API_ADDRESS", .group = GROUP_SERVICE, .commands = SERVE | INVOKE | DOCTOR,
	  .parse = option_parse_address, .field = CONFIG(runtime_api_address),
	  .rie_preset = "127.0.0.1:9001",
	  .help = "Where the first environment finds the Runtime API; else a free port for "
	          "each environment." },
	/* In RIE mode the container is the box, and what else is in it may belong to the function. */
	{ .name = "runtime-api-access", .value = "box|any",
	  .variable = "LRIE_RUNTIME_API_ACCESS", .group = GROUP_SERVICE,
	  .commands = SERVE | INVOKE | DOCTOR,
	  .parse = option_parse_access, .field = CONFIG(runtime_api_access),
	  .preset = "box", .rie_preset = "any",
	  .help = "Who may call the Runtime API of an environment. box: its own processes. any: "
	          "every program of this machine, for debugging." },
	{ .name = "only-apis", .value = "all", .value_may_miss = true,
	  .variable = "LRIE_ONLY_APIS", .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_only_apis, .field = CONFIG(only_apis),
	  .help = "Start no runtime but wait for one that an IDE or a debugger starts, without "
	          "time-outs, and print the variables that it needs, or all." },
	/* RIE has but the stub; that extensions work there, too, is what lrie is for. */
	{ .name = "telemetry", .value = "on|stub", .variable = "LRIE_TELEMETRY",
	  .group = GROUP_SERVICE, .commands = INVOKES,
	  .parse = option_parse_telemetry, .field = CONFIG(telemetry), .preset = "on",
	  .help = "on: extensions that subscribe get telemetry. stub: they are told that there is "
	          "none, as AWS's emulator does (202)." },
	{ .name = "concurrency", .value = "NUMBER", .variable = "LRIE_CONCURRENCY",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR | BENCH,
	  .parse = option_parse_concurrency, .field = CONFIG(concurrency), .min = 0, .max = 1000,
	  .help = "Reserved concurrency: invocations beyond it are refused (429), with 0 all of "
	          "them. Else up to 10 environments, then invocations wait. Of lrie bench: of what "
	          "it simulates." },
	{ .name = "clock", .value = "real|virtual", .variable = "LRIE_CLOCK",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_clock, .field = CONFIG(virtual_clock), .preset = "real",
	  .help = "virtual: a POST to /_lrie/clock moves the clock forward, and what would happen "
	          "meanwhile (retries, time-outs, ends for want of work) happens at once." },
	{ .name = "max-wait", .value = "SECONDS", .variable = "LRIE_MAX_WAIT",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_limit, .field = CONFIG(max_wait_ms), .min = 0, .max = 86400000,
	  .preset = "300", .rie_preset = "0",
	  .help = "How long an invocation waits in line for an environment before it is refused "
	          "(429); 0: as long as it takes." },
	{ .name = "account-concurrency", .value = "NUMBER", .variable = "LRIE_ACCOUNT_CONCURRENCY",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_number, .field = CONFIG(account_concurrency),
	  .min = 1, .max = 100000,
	  .help = "Invocations at once over all functions, reserved ones among them; more are "
	          "refused (429), and none waits. Else 1000, and functions have environments as "
	          "told for --concurrency." },
	{ .name = "emf", .value = "FILE", .variable = "LRIE_EMF",
	  .group = GROUP_SERVICE, .commands = SERVE | INVOKE,
	  .parse = option_parse_text, .field = CONFIG(emf),
	  .help = "Append metrics of each invocation to this file, a line of CloudWatch's "
	          "embedded metric format for each." },
	{ .name = "retries", .value = "NUMBER", .variable = "LRIE_RETRIES",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_number, .field = CONFIG(retries), .min = 0, .max = 2, .preset = "2",
	  .help = "How often an event of type Event is tried again after a function error, one and "
	          "two minutes later." },
	{ .name = "max-event-age", .value = "SECONDS", .variable = "LRIE_MAX_EVENT_AGE",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_limit, .field = CONFIG(max_event_age_ms), .min = 1, .max = 21600000,
	  .preset = "21600",
	  .help = "After which such an event is not tried again. Lambda takes 60 to 21600." },
	{ .name = "on-success", .value = "WHERE", .variable = "LRIE_ON_SUCCESS",
	  .group = GROUP_SERVICE, .commands = SERVE,
	  .parse = option_parse_destination, .field = CONFIG(on_success),
	  .help = "Tell what Lambda tells a destination of each such event that went well: a file, "
	          "with a line of JSON each, http://HOST:PORT/PATH, or function:NAME." },
	{ .name = "on-failure", .value = "WHERE", .variable = "LRIE_ON_FAILURE",
	  .group = GROUP_SERVICE, .commands = SERVE,
	  .parse = option_parse_destination, .field = CONFIG(on_failure),
	  .help = "The same of those that were given up." },
	{ .name = "dead-letters", .value = "WHERE", .variable = "LRIE_DEAD_LETTERS",
	  .group = GROUP_SERVICE, .commands = SERVE,
	  .parse = option_parse_destination, .field = CONFIG(dead_letters),
	  .help = "The same, as a dead-letter queue has them, a message each." },
	{ .name = "state", .value = "DIR", .variable = "LRIE_STATE",
	  .group = GROUP_SERVICE, .commands = SERVE,
	  .parse = option_parse_text, .field = CONFIG(state),
	  .help = "Keep such events in this folder until they are over, so that they outlive lrie." },
	{ .name = "max-concurrency", .value = "NUMBER", .variable = "AWS_LAMBDA_MAX_CONCURRENCY",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_number, .field = CONFIG(max_concurrency), .min = 2, .max = 1000,
	  .help = "Invocations at once in each environment, for a runtime that can, as on Lambda "
	          "Managed Instances. Else one." },
	{ .name = "initialization-type", .value = "on-demand|provisioned-concurrency|snap-start",
	  .variable = "AWS_LAMBDA_INITIALIZATION_TYPE",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_initialization, .field = CONFIG(initialization), .preset = "on-demand",
	  .help = "How environments begin. provisioned-concurrency: as many as --provisioned tells, "
	          "else one, before the first request. snap-start: each is restored before its "
	          "first request." },
	{ .name = "provisioned", .value = "NUMBER", .variable = "LRIE_PROVISIONED",
	  .group = GROUP_SERVICE, .commands = SERVE | BENCH | DOCTOR,
	  .parse = option_parse_number, .field = CONFIG(provisioned), .min = 1, .max = 1000,
	  .help = "Provisioned concurrency: so many environments start before the first request. "
	          "lrie bench simulates the traffic with it, too." },
	{ .name = "idle-timeout", .value = "SECONDS", .variable = "LRIE_IDLE_TIMEOUT",
	  .group = GROUP_SERVICE, .commands = SERVE | BENCH | DOCTOR,
	  .parse = option_parse_limit, .field = CONFIG(idle_timeout_ms), .min = 1, .max = 86400000,
	  .help = "When an environment without work ends; else never, and after 600 in what lrie "
	          "bench simulates. Lambda does not tell." },
	{ .name = "max-environment-age", .value = "SECONDS", .variable = "LRIE_MAX_ENVIRONMENT_AGE",
	  .group = GROUP_SERVICE, .commands = SERVE | DOCTOR,
	  .parse = option_parse_limit, .field = CONFIG(max_environment_age_ms),
	  .min = 1, .max = 86400000,
	  .help = "At which age an environment ends, after the invocation that it may have; else at "
	          "none. Lambda replaces them after some hours." },
	{ .name = "xray", .value = "FILE", .variable = "LRIE_XRAY",
	  .group = GROUP_SERVICE, .commands = SERVE | INVOKE,
	  .parse = option_parse_text, .field = CONFIG(xray),
	  .help = "Be the X-Ray daemon, trace invocations as with active tracing, and append "
	          "segments to this file, as lines of JSON." },
	{ .name = "http", .value = "HOST:PORT", .variable = "LRIE_HTTP",
	  .group = GROUP_HTTP, .commands = SERVE | DOCTOR,
	  .parse = option_parse_address, .field = CONFIG(http),
	  .help = "Serve HTTP here, too: each request becomes an event, and its answer the "
	          "response." },
	{ .name = "http-host", .value = "NAME", .variable = "LRIE_HTTP_HOST",
	  .group = GROUP_HTTP, .commands = SERVE | DOCTOR,
	  .parse = option_parse_item, .field = CONFIG(http_hosts),
	  .help = "A name by which clients may call it, beside localhost and addresses; \".NAME\" "
	          "for all names that end so. Repeatable." },
	{ .name = "http-as", .value = "url|http-api|rest-api|alb", .variable = "LRIE_HTTP_AS",
	  .group = GROUP_HTTP, .commands = SERVE | DOCTOR,
	  .parse = option_parse_http_as, .field = CONFIG(http_as), .preset = "url",
	  .help = "What stands before the function on AWS: a function URL, an HTTP API, a REST API "
	          "or a load balancer. Events, answers and errors are as there." },
	{ .name = "http-path", .value = "PATH", .variable = "LRIE_HTTP_PATH",
	  .group = GROUP_HTTP, .commands = SERVE | DOCTOR,
	  .parse = option_parse_http_path, .field = CONFIG(http_path),
	  .help = "The path below which requests are the function's. Without it all are; of several "
	          "functions, those below /NAME." },
	{ .name = "invoke-mode", .value = "buffered|response_stream", .variable = "LRIE_INVOKE_MODE",
	  .group = GROUP_HTTP, .commands = SERVE | DOCTOR,
	  .parse = option_parse_invoke_mode, .field = CONFIG(invoke_mode), .preset = "buffered",
	  .help = "Of a function URL: whether its answers are sent when they are complete, or as "
	          "they come." },
	{ .name = "alb-multi-value", .variable = "LRIE_ALB_MULTI_VALUE",
	  .group = GROUP_HTTP, .commands = SERVE | DOCTOR,
	  .parse = option_parse_switch, .field = CONFIG(alb_multi_value),
	  .help = "Of a load balancer: headers and queries have all of their values, as with "
	          "lambda.multi_value_headers.enabled." },
	{ .name = "binary-media-types", .value = "TYPE,...", .variable = "LRIE_BINARY_MEDIA_TYPES",
	  .group = GROUP_HTTP, .commands = SERVE | DOCTOR,
	  .parse = option_parse_text, .field = CONFIG(binary_types),
	  .help = "Of a REST API: bodies of these types are base64 in events and answers; */* for "
	          "all." },
	{ .name = "sandbox", .value = "auto|full|off", .variable = "LRIE_SANDBOX",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = option_parse_sandbox, .field = CONFIG(sandbox), .preset = "auto",
	  .help = "auto: every wall that this machine allows. full: all walls, or lrie does "
	          "not start. off: none, for debugging." },
	{ .name = "require-sandbox", .value = "WALLS", .value_may_miss = true,
	  .variable = "LRIE_REQUIRE_SANDBOX", .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = option_parse_walls, .field = CONFIG(required_walls),
	  .help = "Walls without which lrie does not start, such as memory,files; all of "
	          "them when none is named." },
	{ .name = "seccomp", .value = "default|strict|off", .variable = "LRIE_SECCOMP",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = option_parse_seccomp, .field = CONFIG(syscalls), .preset = "default",
	  .help = "default: system calls that Lambda is known to refuse are refused. strict: "
	          "all that are not known to be allowed. off: none." },
	/* RIE lets a function run on, and what speaks with it between invocations (a debugger, a
	 * health check, the browser of a web adapter's user) would hang. */
	{ .name = "freeze", .value = "on|off", .variable = "LRIE_FREEZE",
	  .group = GROUP_SANDBOX, .commands = INVOKES,
	  .parse = option_parse_switch, .field = CONFIG(freeze), .preset = "on", .rie_preset = "off",
	  .help = "on: as on Lambda nothing of the function runs between invocations. off: "
	          "threads, timers and children go on." },
	{ .name = "network", .value = "host|none", .variable = "LRIE_NETWORK",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = option_parse_network, .field = CONFIG(network), .preset = "host",
	  .help = "host: the function uses the network of this machine. none: it has a loopback "
	          "of its own, and the Runtime API there." },
	{ .name = "report-writes", .value = "on|off", .variable = "LRIE_REPORT_WRITES",
	  .group = GROUP_SANDBOX, .commands = RUN,
	  .parse = option_parse_switch, .field = CONFIG(report_writes), .preset = "on",
	  .help = "Tell of writes that fail since Lambda's file system is read-only. Takes some "
	          "10 us from opening a file for writing and the like." },
	{ .name = "cold", .value = "NUMBER", .variable = "LRIE_BENCH_COLD",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_number, .field = CONFIG(bench.cold), .min = 1, .max = 100000,
	  .preset = "30",
	  .help = "Fresh environments of each function." },
	{ .name = "warm", .value = "NUMBER", .variable = "LRIE_BENCH_WARM",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_number, .field = CONFIG(bench.warm), .min = 0, .max = 10000000,
	  .preset = "200",
	  .help = "Warm invocations of each function, spread over its environments." },
	{ .name = "max-time", .value = "SECONDS", .variable = "LRIE_BENCH_MAX_TIME",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_limit, .field = CONFIG(bench.max_time_ms), .min = 0, .max = 86400000,
	  .help = "Begin no round after that time; 0 for no limit." },
	{ .name = "until-ci", .value = "PERCENT", .variable = "LRIE_BENCH_UNTIL_CI",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_percent, .field = CONFIG(bench.until_ci),
	  .help = "Go on, up to ten times --cold, until the median of cold.init is known that "
	          "well, such as 3%." },
	{ .name = "suite", .value = "FILE", .variable = "LRIE_BENCH_SUITE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(file),
	  .help = "The older name of --config." },
	{ .name = "fail-if", .value = "THRESHOLD", .variable = "LRIE_BENCH_FAIL_IF",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_threshold, .field = CONFIG(bench.fail_if),
	  .help = "Exit with 99 when this is true, such as 'cold.init.p90>300ms' or "
	          "'memory.peak>80%'. Repeatable." },
	{ .name = "baseline", .value = "FILE", .variable = "LRIE_BENCH_BASELINE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.baseline),
	  .help = "Compare to an earlier --export-json; thresholds may then be changes, such as "
	          "'cold.init>+10%'." },
	{ .name = "export-json", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_JSON",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.export_json),
	  .help = "What was measured, raw values included, as JSON." },
	{ .name = "export-markdown", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_MARKDOWN",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.export_markdown),
	  .help = "The main figures as a Markdown table." },
	{ .name = "export-csv", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_CSV",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.export_csv),
	  .help = "The raw values as CSV." },
	{ .name = "export-junit", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_JUNIT",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.export_junit),
	  .help = "The thresholds as test cases, in the form of JUnit." },
	{ .name = "export-prom", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_PROM",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.export_prometheus),
	  .help = "The figures in the text format of Prometheus." },
	{ .name = "export-svg", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_SVG",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.export_svg),
	  .help = "Plots of cold starts: their phases, their distribution, each of them." },
	{ .name = "export-html", .value = "FILE", .variable = "LRIE_BENCH_EXPORT_HTML",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.export_html),
	  .help = "All of it as one page that needs nothing else." },
	{ .name = "traffic", .value = "TRAFFIC", .variable = "LRIE_BENCH_TRAFFIC",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_traffic, .field = CONFIG(bench.traffic),
	  .help = "Tell what each function would cost and be like under that many requests: "
	          "10M/month, poisson:5/s, burst:100x20/hour or trace:FILE." },
	{ .name = "prices", .value = "FILE", .variable = "LRIE_BENCH_PRICES",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.prices),
	  .help = "A price list, as JSON; else that of us-east-1 for the architecture." },
	{ .name = "cold-rate", .value = "PERCENT", .variable = "LRIE_BENCH_COLD_RATE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_cold_rate, .field = CONFIG(bench.cold_rate),
	  .help = "Which part of the traffic is cold starts; else it is simulated." },
	{ .name = "commit", .value = "TEXT",
	  .variable = "LRIE_BENCH_COMMIT", .other_variable = "GITHUB_SHA",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_text, .field = CONFIG(bench.commit),
	  .help = "What was measured, for the JSON." },
	{ .name = "noise", .value = "PERCENT", .variable = "LRIE_BENCH_NOISE",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_percent, .field = CONFIG(bench.noise), .preset = "3%",
	  .help = "Differences below this are noise, however certain." },
	{ .name = "seed", .value = "NUMBER", .variable = "LRIE_BENCH_SEED",
	  .group = GROUP_BENCH, .commands = BENCH,
	  .parse = option_parse_number, .field = CONFIG(bench.seed), .min = 0, .max = UINT32_MAX,
	  .preset = "1",
	  .help = "Of the random numbers that intervals are found with." },
	{ .name = "log-level", .value = "LEVEL",
	  .variable = "LRIE_LOG_LEVEL", .other_variable = "LOG_LEVEL", .other_only_rie = true,
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = option_parse_log_level, .field = CONFIG(log_level), .preset = "warning",
	  .help = "lrie's own messages: error, warning, info, debug or trace." },
	{ .name = "quiet", .letter = 'q', .variable = "LRIE_QUIET",
	  .group = GROUP_MESSAGES, .commands = SERVE | INVOKE | DOCTOR,
	  .parse = option_parse_switch, .field = CONFIG(quiet),
	  .help = "No START, END and REPORT lines." },
	{ .name = "log-format", .value = "text|json", .variable = "AWS_LAMBDA_LOG_FORMAT",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = option_parse_log_format, .field = CONFIG(json_logs), .preset = "text",
	  .help = "Format of the function's log, Lambda's own lines included." },
	{ .name = "application-log-level", .value = "LEVEL", .variable = "AWS_LAMBDA_LOG_LEVEL",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = option_parse_line_level, .field = CONFIG(application_log_level),
	  .min = LOG_LINE_TRACE, .max = LOG_LINE_FATAL, .preset = "info",
	  .help = "Of the function's lines, with JSON: trace, debug, info, warn, error, fatal." },
	{ .name = "system-log-level", .value = "LEVEL", .variable = "LRIE_SYSTEM_LOG_LEVEL",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = option_parse_line_level, .field = CONFIG(system_log_level),
	  .min = LOG_LINE_DEBUG, .max = LOG_LINE_WARN, .preset = "info",
	  .help = "Of Lambda's own lines, with JSON: debug, info or warn." },
	{ .name = "legacy-failures", .variable = "LRIE_LEGACY_FAILURES",
	  .group = GROUP_MESSAGES, .commands = INVOKES,
	  .parse = option_parse_switch, .field = CONFIG(legacy_failures),
	  .help = "Failures in the log as until 2024: in lines before END, not in REPORT." },
	{ .name = "log-descriptor", .variable = "LRIE_LOG_DESCRIPTOR",
	  .group = GROUP_MESSAGES, .commands = INVOKES,
	  .parse = option_parse_switch, .field = CONFIG(log_descriptor),
	  .help = "Give the runtime a descriptor for whole records, as Lambda gives its own." },
	{ .name = "json", .group = GROUP_MESSAGES, .commands = DOCTOR | BENCH,
	  .parse = option_parse_switch, .field = CONFIG(json),
	  .help = "What lrie doctor or lrie bench tells, as JSON." },
	{ .name = "color", .value = "auto|always|never", .variable = "LRIE_COLOR",
	  .group = GROUP_MESSAGES, .commands = RUN,
	  .parse = option_parse_color, .field = CONFIG(color), .preset = "auto",
	  .help = "Color in lrie's own messages." },
	{ .name = "enable-init-caching", .group = GROUP_MESSAGES, .commands = SERVE | DOCTOR,
	  .parse = option_parse_switch, .field = SETTING(init_caching),
	  .help = "Accepted for RIE's sake; has no effect." },
	{ .name = "help", .letter = 'h', .group = GROUP_MESSAGES, .commands = ALL,
	  .parse = option_parse_switch, .field = SETTING(help),
	  .help = "Show this help." },
	{ .name = "version", .letter = 'V', .group = GROUP_MESSAGES, .commands = ALL,
	  .parse = option_parse_switch, .field = SETTING(version),
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
	return option->parse == option_parse_item || option->parse == option_parse_threshold;
}

static bool is_listed(const struct option *option, const char *const *names)
{
	for (; *names; names++) {
		if (strcmp(option->name, *names) == 0)
			return true;
	}
	return false;
}

bool option_is_of_rival(const struct option *option)
{
	static const char *const names[] = { "report-writes",         "log-format",
		                             "application-log-level", "system-log-level",
		                             "log-descriptor",        NULL };

	return option->group == GROUP_FUNCTION || option->group == GROUP_LIMITS ||
	       option->group == GROUP_VARIABLES || option->parse == option_parse_threshold ||
	       is_listed(option, names);
}

bool option_is_of_function(const struct option *option)
{
	static const char *const names[] = { "alb-multi-value",
		                             "binary-media-types",
		                             "concurrency",
		                             "dead-letters",
		                             "http-as",
		                             "http-path",
		                             "idle-timeout",
		                             "initialization-type",
		                             "invoke-mode",
		                             "legacy-failures",
		                             "max-concurrency",
		                             "max-environment-age",
		                             "max-event-age",
		                             "max-wait",
		                             "on-failure",
		                             "on-success",
		                             "provisioned",
		                             "retries",
		                             NULL };

	return option_is_of_rival(option) || is_listed(option, names);
}

bool option_is_of_file(const struct option *option)
{
	static const char *const others[] = { "config",
		                              "enable-init-caching",
		                              "function-name",
		                              "help",
		                              "runtime-interface-emulator-address",
		                              "version",
		                              NULL };

	return (option_is_of_function(option) || option->commands & SERVE) &&
	       !is_listed(option, others);
}

bool option_is_path(const struct option *option)
{
	static const char *const names[] = {
		"bind",  "bootstrap",  "dead-letters", "emf",   "env-file",  "event", "extensions",
		"layer", "on-failure", "on-success",   "state", "task-root", "xray",  NULL
	};

	return is_listed(option, names);
}

bool option_is_destination(const struct option *option)
{
	static const char *const names[] = { "dead-letters", "on-failure", "on-success", NULL };

	return is_listed(option, names);
}

bool option_is_rie(const struct option *option)
{
	static const char *const names[] = { "log-level", "enable-init-caching",
		                             "runtime-api-address",
		                             "runtime-interface-emulator-address", NULL };

	return is_listed(option, names);
}
