/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_functions - several functions of one command line, each behind a --
 *
 * Each becomes a whole configuration of its own, read as if it were alone: so that it
 * differs from the others in what is said of it and in nothing else, and no code behind
 * this has to ask which of two places a value is in.
 */
#include <stdlib.h>
#include <string.h>

#include "emulator/option.h"

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

		if (option && option->commands & BIT(CONFIG_BENCH) && !option_is_of_rival(option))
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
	struct config **tail = &config->next;

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
		tail = &(*tail)->next;
		separator = other + other_count;
	}
	return true;
}
