/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_file - the functions of a file, each a whole configuration of its own
 *
 * One file is for all commands: what a command has no use for is read for its mistakes and
 * forgotten.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/destination_address.h"
#include "emulator/function_file.h"
#include "emulator/option_value.h"

/* What is being read. */
struct reading {
	const struct settings *words; /* the command line alone */
	struct function_file file;
	struct settings *unused; /* what the command has no use for */
	struct config *first, **last;
	struct error *err;
};

/* ---- names ---- */

static bool has_function(const struct function_file *file, const char *name)
{
	for (size_t i = 0; i < file->count; i++) {
		if (strcmp(file->entries[i].name, name) == 0)
			return true;
	}
	return false;
}

static bool fail_unknown(const struct reading *reading, const char *name)
{
	const struct function_file *file = &reading->file;
	unsigned best = (unsigned)strlen(name) / 3 + 1;
	const char *closest = NULL;

	for (size_t i = 0; i < file->count; i++) {
		unsigned distance = option_value_distance(name, file->entries[i].name);

		if (distance <= best) {
			best = distance;
			closest = file->entries[i].name;
		}
	}
	if (!closest)
		return error_set(reading->err, 0, "'%s' has no function '%.64s'",
		                 reading->words->config.file, name);
	return error_set(reading->err, 0, "'%s' has no function '%.64s': did you mean '%s'?",
	                 reading->words->config.file, name, closest);
}

/* A function that records shall go to must be one of them. */
static bool check_destination(const struct reading *reading, const struct function_setting *setting)
{
	struct destination_address address;
	struct error told_later;

	if (!option_is_destination(setting->option) ||
	    !destination_address_parse(setting->text, &address, &told_later) ||
	    address.kind != DESTINATION_FUNCTION || has_function(&reading->file, address.name))
		return true;
	fail_unknown(reading, address.name);
	return error_prefix(reading->err, "%s", setting->source);
}

/* ---- one function ---- */

/* lrie bench simulates the same environments for all that it compares, and its command line tells
 * which. */
static bool is_used(const struct option *option, enum config_command command)
{
	return option->commands & BIT(command) &&
	       (command != CONFIG_BENCH || !option_is_of_function(option) ||
	        option_is_of_rival(option));
}

/* Where a function has one size, it is the first of several. */
static const char *first_size(struct settings *settings, const char *text)
{
	return settings_own(settings, xasprintf("%.*s", (int)strcspn(text, ","), text));
}

/* Whether that command would take it. */
static bool check_for(enum config_command command, struct reading *reading,
                      const struct function_setting *setting)
{
	reading->unused->config.command = command; /* what parsers ask for */
	return settings_give(reading->unused, setting->option, setting->text, setting->source,
	                     reading->err);
}

static bool check_unused(struct reading *reading, const struct function_setting *setting)
{
	bool is_served = setting->option->commands & BIT(CONFIG_SERVE);

	return check_for(is_served ? CONFIG_SERVE : CONFIG_BENCH, reading, setting);
}

static bool give(struct reading *reading, struct settings *settings,
                 const struct function_setting *setting)
{
	enum config_command command = settings->config.command;
	const struct option *option = setting->option;
	const char *text = settings_own(settings, xstrdup(setting->text));

	if (!option) {
		if (command != CONFIG_SHELL) /* whose arguments are a command */
			config_list_add(&settings->config.arguments, text);
		return true;
	}
	if (!check_destination(reading, setting))
		return false;
	if (!is_used(option, command))
		return check_unused(reading, setting);
	if (command != CONFIG_BENCH && option == option_find("memory", strlen("memory"))) {
		if (!check_for(CONFIG_BENCH, reading, setting)) /* all of them */
			return false;
		text = first_size(settings, text);
	}
	return settings_give(settings, option, text, setting->source, reading->err);
}

static bool give_all(struct reading *reading, struct settings *settings,
                     const struct function_settings *given)
{
	for (size_t i = 0; i < given->count; i++) {
		if (!give(reading, settings, &given->items[i]))
			return false;
	}
	return true;
}

/* What several values together are not, such as a reservation that is too small. */
static bool complete(const struct reading *reading, struct settings *settings,
                     const struct function_entry *entry)
{
	return settings_complete(settings, reading->err) ||
	       error_prefix(reading->err, "'%s', %s", reading->words->config.file, entry->name);
}

/* The file comes first, so that the command line has the last word; of lists both count. */
static bool read_function(struct reading *reading, const struct function_entry *entry)
{
	struct settings *settings = xcalloc(1, sizeof(*settings));

	settings->config.command = reading->words->config.command; /* what parsers ask for */
	if (!give_all(reading, settings, &reading->file.common) ||
	    !give_all(reading, settings, &entry->settings) ||
	    !settings_read_words(settings, reading->words->config.words, reading->err) ||
	    !complete(reading, settings, entry)) {
		config_destroy(&settings->config);
		return false;
	}
	settings->config.file = reading->words->config.file;
	*reading->last = &settings->config;
	reading->last = &settings->config.next;
	return true;
}

/* ---- which functions ---- */

static bool read_named(struct reading *reading, const char *name)
{
	const struct function_file *file = &reading->file;

	for (const struct config *other = reading->first; other; other = other->next) {
		if (strcmp(other->function_name, name) == 0)
			return error_set(reading->err, 0, "the function '%s' is named twice", name);
	}
	for (size_t i = 0; i < file->count; i++) {
		if (strcmp(file->entries[i].name, name) == 0)
			return read_function(reading, &file->entries[i]);
	}
	return fail_unknown(reading, name);
}

static bool takes_one(enum config_command command)
{
	return command == CONFIG_INVOKE || command == CONFIG_SHELL;
}

/* Of several functions one has to be told. */
static bool fail_ambiguous(const struct reading *reading)
{
	const struct function_file *file = &reading->file;
	autobuffer struct buffer names = BUFFER_INIT;
	const char *command = command_table[reading->words->config.command].name;

	for (size_t i = 0; i < file->count; i++)
		buffer_append_format(&names, "%s%s", i > 0 ? ", " : "", file->entries[i].name);
	return error_set(reading->err, 0,
	                 "'%s' has several functions: tell which, as in 'lrie %s %s' (there are "
	                 "%s)",
	                 reading->words->config.file, command, file->entries[0].name, names.data);
}

static bool read_functions(struct reading *reading)
{
	const struct function_file *file = &reading->file;
	const struct config_list *names = &reading->words->names;
	bool takes = takes_one(reading->words->config.command);

	if (takes && names->count > 1)
		return error_set(reading->err, 0, "unexpected '%s': 'lrie %s' takes one function",
		                 names->items[1],
		                 command_table[reading->words->config.command].name);
	if (takes && names->count == 0 && file->count > 1)
		return fail_ambiguous(reading);
	for (size_t i = 0; i < names->count; i++) {
		if (!read_named(reading, names->items[i]))
			return false;
	}
	for (size_t i = 0; names->count == 0 && i < file->count; i++) {
		if (!read_function(reading, &file->entries[i]))
			return false;
	}
	return true;
}

/* ---- the whole ---- */

static bool fail_exclusive(const struct config *words, const char *what, struct error *err)
{
	return error_set(err, 0, "'%s' and %s exclude each other: the functions are in the file",
	                 words->file, what);
}

static bool has_separator(char **words)
{
	while (*words && strcmp(*words, "--") != 0)
		words++;
	return *words;
}

static bool check_words(const struct config *words, struct error *err)
{
	if (words->rie)
		return fail_exclusive(words, "RIE's command line", err);
	if (words->bootstrap)
		return fail_exclusive(words, "--bootstrap", err);
	if (words->function_name)
		return fail_exclusive(words, "--function-name", err);
	return words->command == CONFIG_SHELL || !has_separator(words->words) ||
	       fail_exclusive(words, "--", err);
}

/* There is one address to wait at. */
static bool check_only_apis(const struct reading *reading)
{
	const struct config *first = reading->first;

	return first->only_apis == CONFIG_APIS_OFF || !first->next ||
	       error_set(reading->err, 0, "--only-apis is for one function: '%s' has several",
	                 reading->words->config.file);
}

/* Of several functions, one without a path has that of its name. */
static bool have_same_path(const struct config *one, const struct config *other)
{
	const char *path = one->http_path;

	if (!path)
		return other->http_path && have_same_path(other, one);
	if (other->http_path)
		return strcmp(path, other->http_path) == 0;
	return *path && strcmp(path + 1, other->function_name) == 0;
}

/* Of two that have the same one would never be asked. */
static bool check_path(const struct reading *reading, const struct config *config)
{
	for (const struct config *other = reading->first; other != config; other = other->next) {
		if (have_same_path(other, config))
			return error_set(reading->err, 0,
			                 "'%s': '%s' and '%s' have the same http-path",
			                 reading->words->config.file, other->function_name,
			                 config->function_name);
	}
	return true;
}

static bool check_paths(const struct reading *reading)
{
	for (const struct config *config = reading->first; config; config = config->next) {
		if (!check_path(reading, config))
			return false;
	}
	return true;
}

struct config *config_read_file(const struct settings *words, struct error *err)
{
	struct reading reading = { .words = words, .last = &reading.first, .err = err };

	if (!check_words(&words->config, err))
		return NULL;
	reading.unused = xcalloc(1, sizeof(*reading.unused));
	if (!function_file_read(&reading.file, words->config.file, words->config.command, err) ||
	    !read_functions(&reading) || !check_only_apis(&reading) || !check_paths(&reading)) {
		config_destroy(reading.first);
		reading.first = NULL;
	}
	config_destroy(&reading.unused->config);
	function_file_finish(&reading.file);
	return reading.first;
}

/* ---- what is the same ---- */

static const struct settings *settings_of(const struct config *config)
{
	return (const struct settings *)config;
}

static bool is_same_text(const char *text, const char *other)
{
	return text == other || (text && other && strcmp(text, other) == 0);
}

bool config_list_is_same(const struct config_list *list, const struct config_list *other)
{
	if (list->count != other->count)
		return false;
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->items[i], other->items[i]) != 0)
			return false;
	}
	return true;
}

static bool is_same_value(const struct config *config, const struct config *other, size_t row)
{
	const struct option *option = &option_table[row];

	if (option_is_list(option))
		return config_list_is_same(
			(const void *)((const char *)settings_of(config) + option->field),
			(const void *)((const char *)settings_of(other) + option->field));
	return is_same_text(settings_of(config)->texts[row], settings_of(other)->texts[row]);
}

bool config_is_same_function(const struct config *config, const struct config *other)
{
	for (size_t row = 0; row < option_count; row++) {
		/* Of variables what they are in the end is the same, or not. */
		if (option_is_of_function(&option_table[row]) &&
		    option_table[row].group != GROUP_VARIABLES &&
		    !is_same_value(config, other, row))
			return false;
	}
	return config_list_is_same(&config->arguments, &other->arguments) &&
	       config_list_is_same(&config->env, &other->env) &&
	       config_list_is_same(&config->pass_env, &other->pass_env);
}

const char *config_find_difference(const struct config *config, const struct config *other)
{
	for (size_t row = 0; row < option_count; row++) {
		if (!option_is_of_function(&option_table[row]) &&
		    !is_same_value(config, other, row))
			return option_table[row].name;
	}
	return NULL;
}
