/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config - what the user asked for.
 *
 * The command line is read first, then the variables of options that were not
 * given, then defaults: so a wrong value is only a mistake where it counts. All
 * three go through the parser of the option's row in the table.
 */
#include "emulator/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/account.h"
#include "emulator/env_file.h"
#include "emulator/function_variable.h"
#include "emulator/option.h"

#define ENV_LIMIT 4096

#define INIT_TIMEOUT_MS 10000
#define EARLY_INIT_TIMEOUT_MS 130000

#define SNAP_START_TMP_BYTES ((uint64_t)512 << 20)

/* ---- giving an option its value ---- */

/* Whether the option, or another one for the same field, has a value. */
static bool is_given(const struct settings *settings, const struct option *option)
{
	for (size_t i = 0; i < settings->given_count; i++) {
		if (settings->given[i] == option->field)
			return true;
	}
	return false;
}

bool settings_give(struct settings *settings, const struct option *option, const char *text,
                   const char *source, struct error *err)
{
	if (!is_given(settings, option))
		settings->given[settings->given_count++] = option->field;
	settings->texts[option - option_table] = text;
	return option->parse(settings, option, text, err) || error_prefix(err, "%s", source);
}

/* The variable of an option that can be repeated holds one item a line. */
static bool give_lines(struct settings *settings, const struct option *option, const char *text,
                       const char *source, struct error *err)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length > 0 &&
		    !settings_give(settings, option, settings_own(settings, strndup(text, length)),
		                   source, err))
			return false;
		text += length;
		text += strspn(text, "\n");
	}
	return true;
}

static bool give_variable(struct settings *settings, const struct option *option,
                          const char *variable, struct error *err)
{
	const char *text = variable ? getenv(variable) : NULL;

	/* Empty is how compose files and CI systems say "not set". */
	if (!text || !*text)
		return true;
	if (option_is_list(option))
		return give_lines(settings, option, text, variable, err);
	return settings_give(settings, option, text, variable, err);
}

static bool give_environment(struct settings *settings, const struct option *option,
                             struct error *err)
{
	if (!give_variable(settings, option, option->variable, err))
		return false;
	if (is_given(settings, option) || (option->other_only_rie && !settings->config.rie))
		return true;
	return give_variable(settings, option, option->other_variable, err);
}

static bool give_preset(struct settings *settings, const struct option *option, struct error *err)
{
	const char *text = option->preset;

	if (settings->config.rie && option->rie_preset)
		text = option->rie_preset;
	if (!text || !*text)
		return true;
	settings->texts[option - option_table] = text;
	return option->parse(settings, option, text, err);
}

static bool give_rest(struct settings *settings, struct error *err)
{
	for (size_t i = 0; i < option_count; i++) {
		const struct option *option = &option_table[i];

		if (!(option->commands & BIT(settings->config.command)))
			continue;
		if (!is_given(settings, option) && !give_environment(settings, option, err))
			return false;
		if (!is_given(settings, option) && !give_preset(settings, option, err))
			return false;
	}
	return true;
}

/* ---- variables for the function ---- */

static bool add_variable(struct settings *settings, struct config_list *list, const char *item,
                         struct error *err)
{
	if (!function_variable_check(item, !settings->config.rie, err))
		return false;
	config_list_add(list, item);
	return true;
}

static bool read_env_file(struct settings *settings, const char *path, struct error *err)
{
	struct env_file file;
	const char *item;
	bool ok = env_file_open(&file, path, err);

	while (ok && (ok = env_file_next(&file, &item, err)) && item) {
		item = settings_own(settings, xstrdup(item));
		ok = add_variable(settings, &settings->config.env, item, err) ||
		     error_prefix(err, "%s:%u", path, file.line);
	}
	env_file_close(&file);
	return ok;
}

static bool read_env_files(struct settings *settings, struct error *err)
{
	for (size_t i = 0; i < settings->env_files.count; i++) {
		if (!read_env_file(settings, settings->env_files.items[i], err))
			return error_prefix(err, "--env-file");
	}
	return true;
}

static bool add_given_variables(struct settings *settings, struct error *err)
{
	for (size_t i = 0; i < settings->env_given.count; i++) {
		if (!add_variable(settings, &settings->config.env, settings->env_given.items[i],
		                  err))
			return error_prefix(err, "--env");
	}
	return true;
}

static bool pass_variable(struct settings *settings, const char *name, struct error *err)
{
	const char *value = getenv(name);

	if (strchr(name, '='))
		return error_set(err, 0, "'%s' is not a name; --env takes NAME=VALUE", name);
	if (value)
		return add_variable(settings, &settings->config.pass_env,
		                    settings_own(settings, xasprintf("%s=%s", name, value)), err);
	log_warning("--pass-env: '%s' is not set", name);
	return true;
}

static bool pass_variables(struct settings *settings, struct error *err)
{
	for (size_t i = 0; i < settings->pass_names.count; i++) {
		if (!pass_variable(settings, settings->pass_names.items[i], err))
			return error_prefix(err, "--pass-env");
	}
	return true;
}

/* Whether a later item of the list has the same name and therefore wins. */
static bool is_replaced(const struct config_list *list, size_t index)
{
	size_t length = strcspn(list->items[index], "=") + 1;

	for (size_t i = index + 1; i < list->count; i++) {
		if (strncmp(list->items[i], list->items[index], length) == 0)
			return true;
	}
	return false;
}

static size_t variables_size(const struct config_list *list)
{
	size_t size = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (!is_replaced(list, i))
			size += strlen(list->items[i]) - 1;
	}
	return size;
}

static bool check_size(const struct config *config, struct error *err)
{
	size_t size = variables_size(&config->env) + variables_size(&config->pass_env);

	if (!config->rie && size > ENV_LIMIT)
		return error_set(err, 0,
		                 "the function's variables have %zu bytes: Lambda takes 4 KB of "
		                 "names and values",
		                 size);
	return true;
}

static bool collect_variables(struct settings *settings, struct error *err)
{
	return read_env_files(settings, err) && add_given_variables(settings, err) &&
	       pass_variables(settings, err) && check_size(&settings->config, err);
}

/* ---- what follows from the rest ---- */

const char *config_own_variable(const char *name)
{
	return getenv(name);
}

static const char *get_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value ? value : NULL;
}

static void take_credentials(struct config *config)
{
	config->access_key_id = get_set("AWS_ACCESS_KEY_ID");
	config->secret_access_key = get_set("AWS_SECRET_ACCESS_KEY");
	config->session_token = get_set("AWS_SESSION_TOKEN");
}

static void take_host_environment(struct config *config)
{
	for (char **item = environ; config->rie && *item; item++) {
		if (strchr(*item, '='))
			config_list_add(&config->host_env, *item);
	}
}

/*
 * Lambda's own limits, unless the user gave one. RIE has none for init: the function's holds for
 * both. (spec lifecycle-and-logs.md §1)
 */
static void finish_init_timeout(struct config *config)
{
	config->early_init_timeout_ms = config->init_timeout_ms;
	if (config->init_timeout_ms > 0)
		return;
	config->init_timeout_ms = config->rie ? config->timeout_ms : INIT_TIMEOUT_MS;
	config->early_init_timeout_ms = config->timeout_ms > EARLY_INIT_TIMEOUT_MS
	                                        ? config->timeout_ms
	                                        : EARLY_INIT_TIMEOUT_MS;
}

/* Who takes several at once is an instance of its own kind on Lambda. */
static bool finish_concurrency(struct config *config, struct error *err)
{
	if (config->max_concurrency == 0)
		return true;
	if (config->provisioned > 0 || config->initialization != PLATFORM_ON_DEMAND)
		return error_set(err, 0,
		                 "--max-concurrency and --initialization-type or --provisioned "
		                 "exclude each other");
	config->initialization = PLATFORM_MANAGED_INSTANCES;
	config->json_logs = true; /* they have no other form */
	return true;
}

/* What Lambda offers no SnapStart with. */
static bool check_snap_start(const struct config *config, struct error *err)
{
	if (config->initialization != PLATFORM_SNAP_START)
		return true;
	if (config->provisioned > 0)
		return error_set(err, 0,
		                 "--provisioned and --initialization-type=snap-start exclude each "
		                 "other, as on Lambda: leave one of them out");
	if (config->tmp_bytes > SNAP_START_TMP_BYTES)
		log_warning("Lambda has no SnapStart with more than 512 MB of /tmp "
		            "(--ephemeral-storage)");
	return true;
}

/* Either of the two options is enough. */
static bool finish_provisioned(struct config *config, struct error *err)
{
	if (config->command == CONFIG_BENCH) /* which only simulates it */
		return true;
	if (config->provisioned > 0)
		config->initialization = PLATFORM_PROVISIONED_CONCURRENCY;
	else if (config->initialization == PLATFORM_PROVISIONED_CONCURRENCY)
		config->provisioned = 1;
	if ((config->concurrency > 0 || config->is_throttled) &&
	    config->provisioned > config->concurrency)
		return error_set(err, 0,
		                 "--provisioned %" PRIu64 " is more than --concurrency %" PRIu64
		                 ": reserve as many or provision fewer",
		                 config->provisioned, config->concurrency);
	return true;
}

/* Only a URL has modes. */
static bool check_invoke_mode(const struct config *config, struct error *err)
{
	if (config->invoke_mode == CONFIG_BUFFERED || config->http_as == HTTP_FORMAT_URL)
		return true;
	return error_set(err, 0,
	                 "--invoke-mode=response_stream needs --http-as=url: the others send "
	                 "an answer when it is complete");
}

/* no-color.org, and terminals that can show none */
static void finish_color(struct config *config)
{
	const char *terminal = getenv("TERM");

	if (config->color == CONFIG_COLOR_AUTO &&
	    (get_set("NO_COLOR") || (terminal && strcmp(terminal, "dumb") == 0)))
		config->color = CONFIG_COLOR_NEVER;
}

static bool requires_wall(const struct config *config, enum sandbox_wall wall)
{
	return config->sandbox == SANDBOX_FULL ||
	       (config->require_sandbox && config->required_walls & BIT(wall));
}

/* A wall that is required and switched off. */
static bool contradiction(const struct config *config, const char *option, struct error *err)
{
	return error_set(err, 0, "%s and %s exclude each other",
	                 config->require_sandbox ? "--require-sandbox" : "--sandbox=full", option);
}

/* Set by GitHub Actions in each step of a job. */
static void take_github(struct config_bench *bench)
{
	bench->step_summary = get_set("GITHUB_STEP_SUMMARY");
	bench->annotate = get_set("GITHUB_ACTIONS");
}

/* The last word of a command is also the handler, RIE guesses, unless a variable names it. */
static void guess_handler(struct settings *settings)
{
	struct config *config = &settings->config;

	if (config->rie && config->command != CONFIG_SHELL && !config->handler &&
	    config->arguments.count > 0)
		config->handler = config->arguments.items[config->arguments.count - 1];
}

static bool finish(struct settings *settings, struct error *err)
{
	struct config *config = &settings->config;

	if (config->require_sandbox && config->sandbox == SANDBOX_OFF)
		return error_set(err, 0, "--require-sandbox and --sandbox=off exclude each other");
	if (config->network == SANDBOX_NETWORK_NONE && config->sandbox == SANDBOX_OFF)
		return error_set(err, 0, "--network=none and --sandbox=off exclude each other");
	if (requires_wall(config, SANDBOX_WALL_SYSCALLS) &&
	    config->syscalls == SANDBOX_SYSCALLS_OFF)
		return contradiction(config, "--seccomp=off", err);
	if (requires_wall(config, SANDBOX_WALL_FREEZE) && !config->freeze) {
		if (!config->rie)
			return contradiction(config, "--freeze=off", err);
		config->freeze = true; /* RIE's default gives way */
	}
	if (settings->init_caching)
		log_warning("--enable-init-caching has no effect");
	guess_handler(settings);
	if (!config_finish_only_apis(config, err))
		return false;
	finish_init_timeout(config);
	if (!check_snap_start(config, err) || !check_invoke_mode(config, err) ||
	    !finish_concurrency(config, err) || !finish_provisioned(config, err))
		return false;
	finish_color(config);
	config->has_name = is_given(settings,
	                            option_find("function-name", strlen("function-name")));
	config->terminal = get_set("TERM");
	config->temporary = get_set("TMPDIR");
	take_credentials(config);
	take_github(&config->bench);
	take_host_environment(config);
	return collect_variables(settings, err);
}

bool settings_complete(struct settings *settings, struct error *err)
{
	return give_rest(settings, err) && finish(settings, err);
}

/* Where the functions are in a file, each has a command line of its own: see config_file.c. */
static bool find_file(struct settings *settings, struct error *err)
{
	static const char *const names[] = { "config", "suite" };

	for (size_t i = 0; i < 2; i++) {
		const struct option *option = option_find(names[i], strlen(names[i]));

		if (option->commands & BIT(settings->config.command) &&
		    !is_given(settings, option) && !give_environment(settings, option, err))
			return false;
	}
	return true;
}

static bool is_about_itself(const struct config *config)
{
	return config->command == CONFIG_HELP || config->command == CONFIG_VERSION;
}

/* What the words say by themselves. */
static bool read_alone(struct settings *settings, char **argv, struct error *err)
{
	return is_about_itself(&settings->config) ||
	       (settings_read_names(settings, err) && settings_complete(settings, err) &&
	        config_read_rivals(&settings->config, argv, err));
}

/* RIE knows no account; lrie bench simulates one function, and tells what it has. */
static bool check_account(const struct config *first, struct error *err)
{
	uint64_t reserved = 0;

	if (first->rie || (first->command != CONFIG_SERVE && first->command != CONFIG_DOCTOR))
		return true;
	for (const struct config *config = first; config; config = config->next)
		reserved += config->concurrency;
	return account_check(first->account_concurrency, reserved, err);
}

static struct config *read_all(char **argv, struct error *err)
{
	struct settings *settings = xcalloc(1, sizeof(*settings));
	struct config *config = &settings->config, *first = NULL;

	if (settings_read_words(settings, argv, err) && find_file(settings, err)) {
		if (config->file && !is_about_itself(config))
			first = config_read_file(settings, err);
		else if (read_alone(settings, argv, err) && config_check_destinations(config, err))
			return config;
	}
	config_destroy(config);
	if (!first || config_check_destinations(first, err))
		return first;
	config_destroy(first);
	return NULL;
}

struct config *config_parse(int argc, char **argv, struct error *err)
{
	struct config *config = read_all(argv, err);

	(void)argc; /* argv ends with NULL */
	if (!config || check_account(config, err))
		return config;
	config_destroy(config);
	return NULL;
}

void config_destroy(struct config *config)
{
	struct settings *settings = (struct settings *)config;

	if (!config)
		return;
	for (size_t i = 0; i < settings->owned.count; i++)
		free((char *)settings->owned.items[i]);
	free(settings->owned.items);
	free(settings->names.items);
	free(settings->env_files.items);
	free(settings->env_given.items);
	free(settings->pass_names.items);
	free(config->arguments.items);
	free(config->layers.items);
	free(config->binds.items);
	free(config->env.items);
	free(config->pass_env.items);
	free(config->host_env.items);
	free(config->http_hosts.items);
	free(config->bench.fail_if.items);
	config_destroy(config->next);
	free(settings);
}

void config_each_option(void (*each)(const char *option, const char *variable, const char *value,
                                     void *user),
                        void *user)
{
	for (size_t i = 0; i < option_count; i++) {
		each(option_table[i].name, option_table[i].variable, option_table[i].value, user);
		if (option_table[i].other_variable)
			each(option_table[i].name, option_table[i].other_variable,
			     option_table[i].value, user);
	}
}
