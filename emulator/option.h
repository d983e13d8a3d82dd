/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option - the tables of commands and options. Private to config*.c and function_file.c.
 *
 * A row says all there is to know about an option: names, variables, type,
 * limits, default, help. Parsing, help and the check of the manual page follow
 * from it.
 */
#ifndef EMULATOR_OPTION_H
#define EMULATOR_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/config.h"

struct option;

/* How many options there may be. */
#define OPTION_ROOM 128

/* What is being read: the result, and what it is made from. */
struct settings {
	struct config config; /* first: config_destroy() gets a pointer to it */
	struct config_list env_files;
	struct config_list env_given;
	struct config_list pass_names;
	struct config_list owned; /* strings to free */
	struct config_list names; /* words that are no options */
	bool help;
	bool version;
	bool init_caching;
	unsigned given[OPTION_ROOM]; /* fields that have a value, in order */
	size_t given_count;
	const char *texts[OPTION_ROOM]; /* that it was read from last, presets included */
};

/* Reads the value of an option; 'source' is what the user has to look at if it is wrong. 'text'
 * must outlive the settings. Of several for one option the last one counts, or all of a list. */
bool settings_give(struct settings *settings, const struct option *option, const char *text,
                   const char *source, struct error *err);

/* Reads the command line, but for what stands behind a --; then what it leaves open. */
bool settings_read_words(struct settings *settings, char **argv, struct error *err);
bool settings_complete(struct settings *settings, struct error *err);

/* What words that are no options stand for where no file has functions: nothing, or bootstraps. */
bool settings_read_names(struct settings *settings, struct error *err);

/* A variable of lrie's own environment, which is read in one place; NULL: not set. */
const char *config_own_variable(const char *name);

/* The other functions of a command line, as config->next; 'config' is the first. */
bool config_read_rivals(struct config *config, char **argv, struct error *err);

/* The functions of a file: the first, and the others as config->next. 'words' is the command line
 * alone, which names the file. Returns NULL and fills 'err'. */
struct config *config_read_file(const struct settings *words, struct error *err);

/* Whether functions that are named as destinations are in the list. */
bool config_check_destinations(const struct config *first, struct error *err);

/* What --only-apis takes the place of. Before defaults that follow from time-outs. */
bool config_finish_only_apis(struct config *config, struct error *err);

void config_list_add(struct config_list *list, const char *item);

/* Keeps a malloc()ed string as long as the settings. */
const char *settings_own(struct settings *settings, char *text);

/* ---- commands ---- */

struct command {
	const char *name;
	const char *usage;
	const char *summary;
};

extern const struct command command_table[CONFIG_COMMAND_COUNT]; /* by enum config_command */

/* ---- options ---- */

enum option_group {
	GROUP_FUNCTION,
	GROUP_LIMITS,
	GROUP_VARIABLES,
	GROUP_SERVICE,
	GROUP_HTTP,
	GROUP_SANDBOX,
	GROUP_BENCH,
	GROUP_MESSAGES,
	GROUP_COUNT,
};

/* Turns a text into the option's value. Returns false and fills 'err' if it is none. */
typedef bool option_parser(struct settings *settings, const struct option *option, const char *text,
                           struct error *err);

/* Its members stand as they do so that the table has no gaps. */
struct option {
	const char *name;
	const char *value;          /* the word for its value in the help; NULL: a switch */
	const char *variable;       /* NULL: none */
	const char *other_variable; /* read where 'variable' is not set */
	const char *preset;         /* NULL: none */
	const char *rie_preset;     /* NULL: the same; "": none */
	const char *help;
	option_parser *parse;
	uint64_t min, max; /* of numbers; far wider in RIE mode */
	unsigned field;    /* in struct settings */
	unsigned commands; /* BIT(CONFIG_...) of those that have it */
	enum option_group group;
	char letter;         /* '\0': none */
	bool value_may_miss; /* --name[=VALUE] */
	bool other_only_rie;
};

#define BIT(number) (1U << (number))

extern const struct option option_table[];
extern const size_t option_count;

/* The option that a word of a command line names, or NULL; and '*value' as far as it is in the same
 * word, else NULL. */
const struct option *option_match(const char *word, const char **value);

/* NULL when there is none. */
const struct option *option_find(const char *name, size_t length);
const struct option *option_find_letter(char letter);

/* Whether it can be repeated. */
bool option_is_list(const struct option *option);

/* Whether it is about one function, so that several functions may have different values of it. */
bool option_is_of_function(const struct option *option);

/* The same of functions that lrie bench compares: what it simulates is alike for all. */
bool option_is_of_rival(const struct option *option);

/* Whether it may stand in a file of functions. */
bool option_is_of_file(const struct option *option);

/* Whether its value is a path, or begins with one. */
bool option_is_path(const struct option *option);

/* Whether it tells where records of events go: to a path, a server or another function. */
bool option_is_destination(const struct option *option);

/* Whether RIE has it. */
bool option_is_rie(const struct option *option);

#endif
