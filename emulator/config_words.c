/* SPDX-License-Identifier: Apache-2.0 */
/* config_words - the words of a command line: of lrie's own, and of RIE's */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/option.h"
#include "emulator/option_value.h"

static bool find_command(const char *word, enum config_command *command)
{
	for (unsigned i = 0; i < CONFIG_COMMAND_COUNT; i++) {
		if (strcmp(word, command_table[i].name) == 0) {
			*command = (enum config_command)i;
			return true;
		}
	}
	return false;
}

/* ---- options and words ---- */

struct words {
	char **next; /* NULL-terminated */
};

static const char *take_word(struct words *words)
{
	return *words->next ? *words->next++ : NULL;
}

const struct option *option_match(const char *word, const char **value)
{
	size_t length;

	*value = NULL;
	if (word[0] != '-' || !word[1])
		return NULL;
	if (word[1] != '-') {
		if (word[2])
			*value = word + 2 + (word[2] == '=');
		return option_find_letter(word[1]);
	}
	length = strcspn(word + 2, "=");
	if (word[2 + length])
		*value = word + 2 + length + 1;
	return option_find(word + 2, length);
}

static const char *closest_option(const char *name, enum config_command command)
{
	unsigned best = (unsigned)strlen(name) / 3 + 1;
	const char *closest = NULL;

	for (size_t i = 0; i < option_count; i++) {
		unsigned distance = option_value_distance(name, option_table[i].name);

		if (option_table[i].commands & BIT(command) && distance <= best) {
			best = distance;
			closest = option_table[i].name;
		}
	}
	return closest;
}

static bool fail_unknown_option(const char *word, enum config_command command, struct error *err)
{
	char name[64] = "";
	const char *closest;
	size_t length = strcspn(word, "=");

	if (length < sizeof(name))
		memcpy(name, word, length);
	closest = closest_option(name + strspn(name, "-"), command);
	if (closest)
		return error_set(err, 0, "unknown option '%.*s': did you mean '--%s'?", (int)length,
		                 word, closest);
	return error_set(err, 0, "unknown option '%.*s'; 'lrie help %s' lists them", (int)length,
	                 word, command_table[command].name);
}

/* Takes the value of an option that was just met, from its own word or the next one. */
static bool take_option(struct settings *settings, const struct option *option, const char *value,
                        struct words *words, struct error *err)
{
	char source[64];

	snprintf(source, sizeof(source), "--%s", option->name);
	if (!value && !option->value)
		value = "yes";
	else if (!value && option->value_may_miss)
		value = "";
	else if (!value)
		value = take_word(words);
	if (!value)
		return error_set(err, 0, "--%s: the value is missing (%s)", option->name,
		                 option->value);
	return settings_give(settings, option, value, source, err);
}

static bool read_option(struct settings *settings, const char *word, struct words *words,
                        struct error *err)
{
	enum config_command command = settings->config.command;
	const char *value;
	const struct option *option = option_match(word, &value);

	if (!option)
		return fail_unknown_option(word, command, err);
	if (!(option->commands & BIT(command)))
		return error_set(err, 0, "--%s is not an option of 'lrie %s'", option->name,
		                 command_table[command].name);
	return take_option(settings, option, value, words, err);
}

static void take_arguments(struct settings *settings, struct words *words)
{
	const char *word;

	while ((word = take_word(words)))
		config_list_add(&settings->config.arguments, word);
}

static bool fail_unknown_command(const char *word, struct error *err)
{
	for (unsigned i = 0; i < CONFIG_COMMAND_COUNT; i++) {
		if (option_value_distance(word, command_table[i].name) <= 2)
			return error_set(err, 0, "unknown command '%s': did you mean '%s'?", word,
			                 command_table[i].name);
	}
	if (access(word, F_OK) == 0)
		return error_set(err, 0, "unknown command '%s': to run the file, write './%s'",
		                 word, word);
	return error_set(err, 0, "unknown command '%s'; 'lrie help' lists them", word);
}

static bool fail_unexpected(const char *word, enum config_command command, struct error *err)
{
	if (command == CONFIG_SERVE || command == CONFIG_INVOKE || command == CONFIG_DOCTOR)
		return error_set(err, 0,
		                 "unexpected '%s': the program goes to --bootstrap, its arguments "
		                 "behind --",
		                 word);
	return error_set(err, 0, "unexpected '%s'", word);
}

/* A word that is not an option: the topic of help, or what settings_read_names() makes of it. */
static bool read_word(struct settings *settings, const char *word, struct error *err)
{
	struct config *config = &settings->config;

	if (config->command == CONFIG_HELP && config->topic == CONFIG_HELP)
		return find_command(word, &config->topic) || fail_unknown_command(word, err);
	if (config->command == CONFIG_HELP || config->command == CONFIG_VERSION ||
	    config->command == CONFIG_SERVE)
		return fail_unexpected(word, config->command, err);
	config_list_add(&settings->names, word);
	return true;
}

/* Without a file words are no functions; of lrie bench they are bootstraps. */
bool settings_read_names(struct settings *settings, struct error *err)
{
	const struct option *bootstrap = option_find("bootstrap", strlen("bootstrap"));

	for (size_t i = 0; i < settings->names.count; i++) {
		const char *word = settings->names.items[i];

		if (settings->config.command != CONFIG_BENCH)
			return fail_unexpected(word, settings->config.command, err);
		if (!settings_give(settings, bootstrap, word, "bootstrap", err))
			return false;
	}
	return true;
}

static bool read_words(struct settings *settings, struct words *words, struct error *err)
{
	const char *word;

	while ((word = take_word(words))) {
		bool ok;

		if (strcmp(word, "--") == 0) {
			if (settings->config.command != CONFIG_BENCH)
				take_arguments(settings, words);
			return true; /* for bench, what follows is another function's */
		}
		ok = word[0] == '-' ? read_option(settings, word, words, err)
		                    : read_word(settings, word, err);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- RIE's command line ---- */

/*
 * RIE takes its own flags out wherever they stand, and what is left is the
 * command. lrie's other options are options only in front of the command, so
 * that nothing that the program understands can be mistaken for one.
 */
static bool read_rie_words(struct settings *settings, struct words *words, struct error *err)
{
	struct config *config = &settings->config;
	bool in_command = false;
	const char *word;

	while ((word = take_word(words))) {
		const char *value;
		const struct option *option = option_match(word, &value);

		if (option && !(option->commands & BIT(CONFIG_SERVE)))
			option = NULL;
		if (option && (!in_command || option_is_rie(option))) {
			if (!take_option(settings, option, value, words, err))
				return false;
		} else if (in_command) {
			config_list_add(&config->arguments, word);
		} else if (strcmp(word, "--") == 0) {
			config->bootstrap = take_word(words);
			take_arguments(settings, words);
		} else {
			config->bootstrap = word;
			in_command = true;
		}
	}
	return true;
}

static bool is_rie_name(const char *program)
{
	const char *slash = program ? strrchr(program, '/') : NULL;

	return program && strcmp(slash ? slash + 1 : program, "aws-lambda-rie") == 0;
}

static bool is_in_path(const char *name)
{
	const char *path = config_own_variable("PATH");

	while (*name && path && *path) {
		size_t length = strcspn(path, ":");
		char *candidate = xasprintf("%.*s/%s", (int)length, path, name);
		bool found = length > 0 && access(candidate, X_OK) == 0;

		free(candidate);
		if (found)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

/* ---- what kind of command line it is ---- */

/* An image has lrie under RIE's name only, and a shell in its box is wanted there, too. */
static bool is_shell_by_rie_name(const char *program, const char *first)
{
	return is_rie_name(program) && first &&
	       strcmp(first, command_table[CONFIG_SHELL].name) == 0 && !is_in_path(first);
}

static bool read_command_line(struct settings *settings, char **argv, struct error *err)
{
	struct config *config = &settings->config;
	struct words words = { .next = argv[0] ? argv + 1 : argv };
	const char *first = *words.next;

	config->words = argv;
	config->command = CONFIG_SERVE;
	config->topic = CONFIG_HELP;
	config->rie = is_rie_name(argv[0]);
	if (is_shell_by_rie_name(argv[0], first)) {
		config->command = CONFIG_SHELL;
		take_word(&words);
		return read_words(settings, &words, err);
	}
	if (config->rie)
		return read_rie_words(settings, &words, err);
	if (!first || first[0] == '-')
		return read_words(settings, &words, err);
	if (find_command(first, &config->command)) {
		take_word(&words);
		return read_words(settings, &words, err);
	}
	config->rie = strchr(first, '/') || is_in_path(first);
	if (!config->rie)
		return fail_unknown_command(first, err);
	return read_rie_words(settings, &words, err);
}

/* --help and --version turn any command line into one of these commands. */
static void divert(struct settings *settings, bool has_command)
{
	struct config *config = &settings->config;

	if (settings->help && config->command != CONFIG_HELP) {
		if (has_command)
			config->topic = config->command;
		config->command = CONFIG_HELP;
	} else if (settings->version) {
		config->command = CONFIG_VERSION;
	}
}

bool settings_read_words(struct settings *settings, char **argv, struct error *err)
{
	enum config_command named;
	bool has_command = argv[0] && argv[1] && find_command(argv[1], &named);

	if (!read_command_line(settings, argv, err))
		return false;
	divert(settings, has_command);
	return true;
}
