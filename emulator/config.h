/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - what the user asked for.
 *
 * One table holds every option: its name, its environment variable, its type,
 * default and help. Precedence is option, then environment, then default,
 * decided in one place. The result is constant and passed down; nothing but
 * config.c calls getenv().
 *
 * Source of limits and of RIE's command line: spec environment-and-limits.md §3, §6.
 */
#ifndef EMULATOR_CONFIG_H
#define EMULATOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/http_site.h"
#include "emulator/log.h"
#include "emulator/log_line.h"
#include "emulator/platform_event.h"
#include "sandbox/sandbox.h"

enum config_command {
	CONFIG_SERVE,
	CONFIG_INVOKE,
	CONFIG_BENCH,
	CONFIG_DOCTOR,
	CONFIG_SHELL,
	CONFIG_HELP,
	CONFIG_VERSION,
	CONFIG_COMMAND_COUNT,
};

enum config_color { CONFIG_COLOR_AUTO, CONFIG_COLOR_ALWAYS, CONFIG_COLOR_NEVER };

enum config_access { CONFIG_ACCESS_BOX, CONFIG_ACCESS_ANY };

enum config_bandwidth { CONFIG_BANDWIDTH_UNLIMITED, CONFIG_BANDWIDTH_AWS };

enum config_invoke_mode { CONFIG_BUFFERED, CONFIG_RESPONSE_STREAM };

enum config_telemetry { CONFIG_TELEMETRY_ON, CONFIG_TELEMETRY_STUB };

struct config_list {
	const char **items; /* NULL-terminated */
	size_t count;
};

#define CONFIG_MEMORIES 16

/* What only lrie bench is asked for. */
struct config_bench {
	uint64_t cold, warm;
	uint64_t max_time_ms; /* 0: no limit */
	double until_ci;      /* 0.03 for 3 %; 0: not asked for */
	double noise;         /* 0.03 for 3 % */
	uint64_t seed;
	struct config_list fail_if; /* thresholds, as written */
	const char *baseline;       /* files; NULL: none */
	const char *prices;         /* a price list to use; NULL: the built-in one */
	const char *export_json, *export_markdown, *export_csv, *export_junit, *export_prometheus,
		*export_svg, *export_html;
	const char *traffic; /* as written; NULL: none */
	double cold_rate;    /* 0 to 1, when 'has_cold_rate' */
	bool has_cold_rate;
	const char *commit;       /* of what is measured; NULL: not told */
	const char *step_summary; /* GITHUB_STEP_SUMMARY */
	bool annotate;            /* GITHUB_ACTIONS */

	/* Memory sizes to measure each function with, in bytes; the first is 'memory_bytes'. */
	uint64_t memories[CONFIG_MEMORIES];
	size_t memory_count;
};

/* Whether somebody else starts the runtime, and what of its variables is printed. */
enum config_apis { CONFIG_APIS_OFF, CONFIG_APIS_NEEDED_VARIABLES, CONFIG_APIS_ALL_VARIABLES };

struct config {
	enum config_command command;
	enum config_command topic; /* CONFIG_HELP: what about; CONFIG_HELP for the overview */
	bool rie;                  /* called as aws-lambda-rie, or with a bootstrap as first word */
	char **words;              /* the command line */
	const char *file;          /* that the functions are from; NULL: none */
	struct config *next;       /* function; NULL: none. What is not about one function is as it
	                              is with the first */

	/* the function */
	const char *bootstrap;        /* NULL: look it up. In RIE mode the command's first word */
	struct config_list arguments; /* for the bootstrap; of lrie shell: the command */
	const char *task_root;        /* NULL: the bootstrap's folder */
	struct config_list layers;
	const char *extensions;   /* a folder; NULL: none */
	bool watch;               /* files that change replace environments */
	const char *temporary;    /* TMPDIR; NULL: not set */
	struct config_list binds; /* "DIR" or "SOURCE:TARGET" */
	const char *handler;      /* NULL: none (RIE mode only) */
	const char *function_name;
	bool has_name; /* it was given, and is not the default */
	const char *function_version;
	const char *region;
	const char *account_id;
	struct config_list env;      /* "NAME=VALUE", checked; --env-file is already read in */
	struct config_list pass_env; /* "NAME=VALUE" of those that are set */
	struct config_list host_env; /* the whole environment in RIE mode, else empty */
	const char *access_key_id;   /* the caller's credentials; NULL: not set */
	const char *secret_access_key;
	const char *session_token;

	bool log_descriptor;  /* the runtime gets one for framed records */
	bool legacy_failures; /* in a log of text */
	bool json_logs;       /* levels exist with them only */
	enum log_line_level application_log_level, system_log_level;

	/* limits */
	uint64_t memory_bytes;
	uint64_t timeout_ms;
	uint64_t init_timeout_ms; /* a year when there is none */
	uint64_t tmp_bytes;
	uint64_t concurrency;      /* 0: unset, unless 'is_throttled' */
	bool is_throttled;         /* no concurrency at all is reserved: nothing runs */
	uint64_t retries;          /* of an event that nobody waits for, after function errors */
	uint64_t max_event_age_ms; /* after which it is not tried again */
	const char *on_success, *on_failure,
		*dead_letters;           /* where its records go; NULL: nowhere */
	const char *state;               /* a folder that keeps events; NULL: nothing does */
	uint64_t max_concurrency;        /* invocations at once in an environment; 0: one */
	uint64_t provisioned;            /* environments to start before the first request */
	uint64_t early_init_timeout_ms;  /* of those, and of all that begin before a request */
	uint64_t restore_timeout_ms;     /* of a snapshot */
	uint64_t max_wait_ms;            /* for an environment; 0: any time */
	uint64_t max_environment_age_ms; /* 0: none is ever too old */
	uint64_t idle_timeout_ms;        /* 0: an environment without work never ends */
	enum platform_initialization initialization;

	/* the function's site */
	enum http_format http_as;
	const char *http_path; /* "" for all, "/orders", or NULL: the default */
	bool alb_multi_value;
	enum config_invoke_mode invoke_mode;
	const char *binary_types; /* "image/png,image/gif"; NULL: none */

	/* the service */
	const char *listen;
	const char *http;              /* where sites are served; NULL: nowhere */
	struct config_list http_hosts; /* names by which they are called, beside loopback */
	const char *emf;               /* where to write records of metrics; NULL: nowhere */
	const char *xray; /* where to write segments of traces; NULL: nowhere, no tracing */
	const char *runtime_api_address; /* NULL: an ephemeral port */
	enum config_access runtime_api_access;
	enum config_apis only_apis; /* no runtime is started */
	enum config_telemetry telemetry;
	bool virtual_clock;           /* callers may move it */
	uint64_t account_concurrency; /* of all functions; 0: Lambda's own limit */
	enum config_bandwidth stream_bandwidth;
	enum sandbox_mode sandbox;
	enum sandbox_syscalls syscalls;
	bool freeze; /* nothing runs between invocations */
	enum sandbox_network network;
	bool report_writes;
	bool require_sandbox;
	unsigned required_walls; /* a mask, as sandbox_probe() takes it; 0: none */

	struct config_bench bench;

	/* lrie invoke, lrie bench */
	const char *event; /* FILE, "-", or JSON text; NULL: {} */

	/* lrie doctor, lrie bench */
	const char *architecture; /* doctor, bench: "x86_64" or "arm64"; NULL: this machine's */
	bool json;

	/* lrie shell */
	bool throttle;        /* the CPU share of invocations, not of init */
	const char *terminal; /* the caller's TERM; NULL: not set */

	/* diagnostics */
	enum log_level log_level;
	bool quiet; /* no platform lines */
	enum config_color color;
};

/*
 * Reads the command line. Returns NULL and fills 'err' on a mistake: an unknown
 * option, a value that does not parse, an option that the command does not
 * have. 'argv' and the environment must outlive the result. What is merely odd
 * (--pass-env of a variable that is not set) is logged as a warning.
 */
struct config *config_parse(int argc, char **argv, struct error *err);

/* And those that follow. NULL is fine. */
void config_destroy(struct config *config);

/* Whether two lists have the same items in the same order. */
bool config_list_is_same(const struct config_list *list, const struct config_list *other);

/* Whether two functions of the same name, which were read at different times, are the same in all
 * that is about one function; of files only --env-file counts. */
bool config_is_same_function(const struct config *config, const struct config *other);

/* An option that is not about one function, and that differs; NULL: there is none. */
const char *config_find_difference(const struct config *config, const struct config *other);

/* Writes the help for a command (CONFIG_HELP: the overview), made from the table. */
void config_help(struct buffer *out, enum config_command command);

/*
 * For the test that holds the manual page against the table: calls 'each' for
 * each option, once more for each further variable that it has. 'option' is
 * without the dashes, 'value' the word for its value; both of the latter may be NULL.
 */
void config_each_option(void (*each)(const char *option, const char *variable, const char *value,
                                     void *user),
                        void *user);

#endif
