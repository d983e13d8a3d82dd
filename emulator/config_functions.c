/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_functions - several functions of one command line
 *
 * Each becomes a whole configuration of its own, read as if it were alone: so that it
 * differs from the others in what is said of it and in nothing else, and no code behind
 * this has to ask which of two places a value is in.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/function_file.h"

/* ---- behind a -- ---- */

/* How many words there are before the next -- or the end. */
static size_t count_words(char **words)
{
	size_t count = 0;

	while (words[count] && strcmp(words[count], "--") != 0)
		count++;
	return count;
}

/* What is about the whole benchmark would have no effect there. */
static bool check_rival(char **words, size_t count, struct error *err)
{
	for (size_t i = 0; i < count; i++) {
		const char *value;
		const struct option *option = option_match(words[i], &value);

		if (option && option->commands & BIT(CONFIG_BENCH) &&
		    !option_is_of_function(option))
			return error_set(err, 0,
			                 "--%s is not about one function: it goes before the first "
			                 "--",
			                 option->name);
		if (option && option->value && !option->value_may_miss && !value)
			i++;
	}
	return true;
}

/* A command line is made of 'first' and 'other', and read. */
static struct config *read_joined(char **first, size_t first_count, char **other,
                                  size_t other_count, struct error *err)
{
	char **joined = xcalloc(first_count + other_count + 1, sizeof(*joined));
	struct config *config;

	memcpy(joined, first, first_count * sizeof(*joined));
	memcpy(joined + first_count, other, other_count * sizeof(*joined));
	config = config_parse((int)(first_count + other_count), joined, err);
	free(joined);
	return config;
}

/* Each function behind a -- is read with all that stands before the first one. */
bool config_read_rivals(struct config *config, char **argv, struct error *err)
{
	size_t first_count = count_words(argv);
	struct config **tail = &config->bench.rival;

	if (config->command != CONFIG_BENCH)
		return true;
	for (char **separator = argv + first_count; *separator;) {
		char **other = separator + 1;
		size_t other_count = count_words(other);

		if (other_count == 0)
			return error_set(err, 0, "behind -- the other function is missing");
		if (!check_rival(other, other_count, err))
			return false;
		*tail = read_joined(argv, first_count, other, other_count, err);
		if (!*tail)
			return false;
		tail = &(*tail)->bench.rival;
		separator = other + other_count;
	}
	return true;
}

/* ---- in a file ---- */

static bool give_all(struct settings *settings, const struct function_settings *given,
                     struct error *err)
{
	for (size_t i = 0; i < given->count; i++) {
		const struct function_setting *setting = &given->items[i];
		const char *text = settings_own(settings, xstrdup(setting->text));

		if (!setting->option)
			config_list_add(&settings->config.arguments, text);
		else if (!settings_give(settings, setting->option, text, setting->source, err))
			return false;
	}
	return true;
}

/* The file comes first, so that the command line has the last word; of lists both count. */
static struct config *read_function(const struct function_file *file,
                                    const struct function_entry *entry, char **argv,
                                    struct error *err)
{
	struct settings *settings = xcalloc(1, sizeof(*settings));

	settings->config.command = CONFIG_BENCH; /* what parsers ask for */
	if (give_all(settings, &file->common, err) && give_all(settings, &entry->settings, err) &&
	    settings_read_words(settings, argv, err) && settings_complete(settings, err))
		return &settings->config;
	config_destroy(&settings->config);
	return NULL;
}

static struct config *read_functions(const struct function_file *file, char **argv,
                                     struct error *err)
{
	struct config *first = NULL, **tail = &first;

	for (size_t i = 0; i < file->count; i++) {
		*tail = read_function(file, &file->entries[i], argv, err);
		if (!*tail) {
			config_destroy(first);
			return NULL;
		}
		tail = &(*tail)->bench.rival;
	}
	return first;
}

static bool check_words(const struct config *words, char **argv, struct error *err)
{
	if (words->bootstrap)
		return error_set(err, 0,
		                 "--suite and a bootstrap exclude each other: what is "
		                 "measured is in the file");
	if (words->function_name)
		return error_set(err, 0,
		                 "--suite and --function-name exclude each other: the "
		                 "names are in the file");
	return !argv[count_words(argv)] ||
	       error_set(err, 0,
	                 "--suite and -- exclude each other: what is measured is in the "
	                 "file");
}

struct config *config_read_suite(const struct config *words, char **argv, struct error *err)
{
	struct config *config = NULL;
	struct function_file file;

	if (!check_words(words, argv, err))
		return NULL;
	if (function_file_read(&file, words->bench.suite, CONFIG_BENCH, err))
		config = read_functions(&file, argv, err);
	else
		error_prefix(err, "--suite");
	function_file_finish(&file);
	return config;
}
