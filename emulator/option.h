/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option - the tables of commands and options. Private to config.c and config_help.c.
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

/* What is being read: the result, and what it is made from. */
struct settings {
	struct config config; /* first: config_destroy() gets a pointer to it */
	struct config_list env_files;
	struct config_list env_given;
	struct config_list pass_names;
	struct config_list owned; /* strings to free */
	bool help;
	bool version;
	bool init_caching;
	uint64_t given; /* a bit per row of the table: has a value */
};

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
	GROUP_SANDBOX,
	GROUP_BENCH,
	GROUP_MESSAGES,
	GROUP_COUNT,
};

struct option;

/* Turns a text into the option's value. Returns false and fills 'err' if it is none. */
typedef bool option_parser(struct settings *settings, const struct option *option, const char *text,
                           struct error *err);

struct option {
	const char *name;
	char letter;                /* '\0': none */
	const char *value;          /* the word for its value in the help; NULL: a switch */
	bool value_may_miss;        /* --name[=VALUE] */
	const char *variable;       /* NULL: none */
	const char *other_variable; /* read where 'variable' is not set */
	bool other_only_rie;
	enum option_group group;
	unsigned commands; /* BIT(CONFIG_...) of those that have it */
	option_parser *parse;
	size_t field;           /* in struct settings */
	uint64_t min, max;      /* of numbers; far wider in RIE mode */
	const char *preset;     /* NULL: none */
	const char *rie_preset; /* NULL: the same; "": none */
	const char *help;
};

#define BIT(number) (1U << (number))

extern const struct option option_table[];
extern const size_t option_count;

/* NULL when there is none. */
const struct option *option_find(const char *name, size_t length);
const struct option *option_find_letter(char letter);

/* Whether it can be repeated. */
bool option_is_list(const struct option *option);

/* Whether RIE has it. */
bool option_is_rie(const struct option *option);

#endif
