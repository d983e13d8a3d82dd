/* SPDX-License-Identifier: Apache-2.0 */
/* option_parse - how the texts of options become values of the settings */
#include "emulator/option_parse.h"
#include "emulator/destination_address.h"

#include <string.h>

#include "emulator/option_value.h"
#include "emulator/threshold.h"
#include "emulator/traffic.h"

#define MEGABYTE ((uint64_t)1 << 20)
#define YEAR_MS (UINT64_C(365) * 24 * 3600 * 1000)

static void *option_field(struct settings *settings, const struct option *option)
{
	return (char *)settings + option->field;
}

bool option_parse_text(struct settings *settings, const struct option *option, const char *text,
                       struct error *err)
{
	if (!*text)
		return error_set(err, 0, "the value is empty");
	*(const char **)option_field(settings, option) = text;
	return true;
}

bool option_parse_item(struct settings *settings, const struct option *option, const char *text,
                       struct error *err)
{
	if (!*text)
		return error_set(err, 0, "the value is empty");
	config_list_add(option_field(settings, option), text);
	return true;
}

bool option_parse_switch(struct settings *settings, const struct option *option, const char *text,
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

bool option_parse_number(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	return option_value_number(text, option_min(settings, option), option_max(settings, option),
	                           option_field(settings, option), err);
}

/* None at all is what Lambda turns a function off with; a simulation of that has no figures. */
bool option_parse_concurrency(struct settings *settings, const struct option *option,
                              const char *text, struct error *err)
{
	struct config *config = &settings->config;
	uint64_t min = config->command == CONFIG_BENCH ? 1 : option_min(settings, option);

	if (!option_value_number(text, min, option_max(settings, option), &config->concurrency,
	                         err))
		return false;
	config->is_throttled = config->concurrency == 0;
	return true;
}

bool option_parse_megabytes(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	uint64_t *bytes = option_field(settings, option);

	if (!option_parse_number(settings, option, text, err))
		return false;
	*bytes *= MEGABYTE;
	return true;
}

static bool read_memory_size(struct settings *settings, const struct option *option,
                             const char *text, struct error *err)
{
	struct config_bench *bench = &settings->config.bench;

	if (bench->memory_count == CONFIG_MEMORIES)
		return error_set(err, 0, "more than %d memory sizes", CONFIG_MEMORIES);
	if (!option_parse_megabytes(settings, option, text, err))
		return false;
	for (size_t i = 0; i < bench->memory_count; i++) {
		if (bench->memories[i] == settings->config.memory_bytes)
			return error_set(err, 0, "%s is there twice", text);
	}
	bench->memories[bench->memory_count++] = settings->config.memory_bytes;
	return true;
}

/* "128", and for lrie bench "128,512,1024". */
bool option_parse_memory(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	struct config *config = &settings->config;

	config->bench.memory_count = 0;
	for (;;) {
		size_t length = config->command == CONFIG_BENCH ? strcspn(text, ",") : strlen(text);
		const char *size = settings_own(settings, xasprintf("%.*s", (int)length, text));
		if (!read_memory_size(settings, option, size, err))
			return false;
		if (!text[length])
			break;
		text += length + 1;
	}
	config->memory_bytes = config->bench.memories[0];
	return true;
}

bool option_parse_percent(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	return option_value_percent(text, option_field(settings, option), err);
}

bool option_parse_cold_rate(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	settings->config.bench.has_cold_rate = true;
	return option_parse_percent(settings, option, text, err);
}

/* Read here for its mistakes, and once more where it is used. */
bool option_parse_traffic(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	struct traffic traffic;

	if (!traffic_parse(text, &traffic, err))
		return false;
	traffic_finish(&traffic);
	return option_parse_text(settings, option, text, err);
}

bool option_parse_destination(struct settings *settings, const struct option *option,
                              const char *text, struct error *err)
{
	struct destination_address address;

	return destination_address_parse(text, &address, err) &&
	       option_parse_text(settings, option, text, err);
}

bool option_parse_threshold(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	struct threshold threshold;

	return threshold_parse(text, &threshold, err) &&
	       option_parse_item(settings, option, text, err);
}

bool option_parse_seconds(struct settings *settings, const struct option *option, const char *text,
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
bool option_parse_limit(struct settings *settings, const struct option *option, const char *text,
                        struct error *err)
{
	return option_value_seconds(text, option->min, option->max, option_field(settings, option),
	                            err);
}

bool option_parse_address(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	/* Go's ":8080" for all addresses, which RIE's users know */
	if (text[0] == ':')
		text = settings_own(settings, xasprintf("0.0.0.0%s", text));
	return option_value_address(text, err) && option_parse_text(settings, option, text, err);
}

bool option_parse_function_name(struct settings *settings, const struct option *option,
                                const char *text, struct error *err)
{
	return option_value_word(text, "a-zA-Z0-9_-", 1, 64, err) &&
	       option_parse_text(settings, option, text, err);
}

bool option_parse_version(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	uint64_t number;

	if (settings->config.rie)
		return option_value_word(text, "a-zA-Z0-9$._-", 1, 128, err) &&
		       option_parse_text(settings, option, text, err);
	if (strcmp(text, "$LATEST") != 0 &&
	    !option_value_number(text, 1, UINT64_MAX, &number, NULL))
		return error_set(err, 0, "'%s' is neither $LATEST nor a number", text);
	return option_parse_text(settings, option, text, err);
}

/* Not the pattern of AWS's regions: tools that stand in for AWS have others ("local"). */
bool option_parse_region(struct settings *settings, const struct option *option, const char *text,
                         struct error *err)
{
	return option_value_word(text, "a-z0-9-", 1, 31, err) &&
	       option_parse_text(settings, option, text, err);
}

bool option_parse_account(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	return option_value_word(text, "0-9", 12, 12, err) &&
	       option_parse_text(settings, option, text, err);
}

bool option_parse_sandbox(struct settings *settings, const struct option *option, const char *text,
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

bool option_parse_seccomp(struct settings *settings, const struct option *option, const char *text,
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

bool option_parse_network(struct settings *settings, const struct option *option, const char *text,
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

bool option_parse_clock(struct settings *settings, const struct option *option, const char *text,
                        struct error *err)
{
	static const char *const words[] = { "real", "virtual", NULL };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(bool *)option_field(settings, option) = index == 1;
	return true;
}

bool option_parse_access(struct settings *settings, const struct option *option, const char *text,
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

bool option_parse_http_as(struct settings *settings, const struct option *option, const char *text,
                          struct error *err)
{
	static const char *const words[] = { [HTTP_FORMAT_URL] = "url",
		                             [HTTP_FORMAT_HTTP_API] = "http-api",
		                             [HTTP_FORMAT_REST_API] = "rest-api",
		                             [HTTP_FORMAT_ALB] = "alb",
		                             NULL };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum http_format *)option_field(settings, option) = (enum http_format)index;
	return true;
}

/* Kept as "/orders", or "" for all. */
bool option_parse_http_path(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	size_t length = strlen(text);

	if (text[0] != '/' || strpbrk(text, "?# {}") || strstr(text, "//"))
		return error_set(err, 0, "'%s' is no path such as /orders", text);
	while (length > 0 && text[length - 1] == '/')
		length--;
	*(const char **)option_field(settings,
	                             option) = settings_own(settings,
	                                                    xasprintf("%.*s", (int)length, text));
	return true;
}

bool option_parse_invoke_mode(struct settings *settings, const struct option *option,
                              const char *text, struct error *err)
{
	static const char *const words[] = {
		[CONFIG_BUFFERED] = "buffered", [CONFIG_RESPONSE_STREAM] = "response_stream", NULL
	};
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum config_invoke_mode *)option_field(settings, option) = (enum config_invoke_mode)index;
	return true;
}

bool option_parse_initialization(struct settings *settings, const struct option *option,
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

bool option_parse_bandwidth(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	static const char *const words[] = {
		[CONFIG_BANDWIDTH_UNLIMITED] = "unlimited", [CONFIG_BANDWIDTH_AWS] = "aws", NULL
	};
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(enum config_bandwidth *)option_field(settings, option) = (enum config_bandwidth)index;
	return true;
}

bool option_parse_telemetry(struct settings *settings, const struct option *option,
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
bool option_parse_walls(struct settings *settings, const struct option *option, const char *text,
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

bool option_parse_only_apis(struct settings *settings, const struct option *option,
                            const char *text, struct error *err)
{
	enum config_apis *apis = option_field(settings, option);
	bool on = true;

	if (strcmp(text, "all") == 0) {
		*apis = CONFIG_APIS_ALL_VARIABLES;
		return true;
	}
	if (*text && !option_value_switch(text, &on, NULL))
		return error_set(err, 0, "it is without a value, or all");
	*apis = on ? CONFIG_APIS_NEEDED_VARIABLES : CONFIG_APIS_OFF;
	return true;
}

/* lrie's own levels, and RIE's where the names differ. */
bool option_parse_log_level(struct settings *settings, const struct option *option,
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

bool option_parse_log_format(struct settings *settings, const struct option *option,
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
bool option_parse_line_level(struct settings *settings, const struct option *option,
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

bool option_parse_color(struct settings *settings, const struct option *option, const char *text,
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

bool option_parse_architecture(struct settings *settings, const struct option *option,
                               const char *text, struct error *err)
{
	static const char *const words[] = { "x86_64", "arm64", NULL };
	unsigned index;

	if (!option_value_choice(text, words, &index, err))
		return false;
	*(const char **)option_field(settings, option) = words[index];
	return true;
}
