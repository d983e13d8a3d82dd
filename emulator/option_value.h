/* SPDX-License-Identifier: Apache-2.0 */
/*
 * option_value - the texts of options and variables, turned into values.
 *
 * Pure functions. Each returns false and fills 'err' with what is wrong with the
 * text ("'12x' is not a whole number"); the caller puts the option's name before it.
 */
#ifndef EMULATOR_OPTION_VALUE_H
#define EMULATOR_OPTION_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/error.h"

/* Decimal digits and nothing else, from 'min' to 'max'. */
bool option_value_number(const char *text, uint64_t min, uint64_t max, uint64_t *value,
                         struct error *err);

/* Seconds with at most three decimals, from 'min_ms' to 'max_ms' milliseconds. */
bool option_value_seconds(const char *text, uint64_t min_ms, uint64_t max_ms, uint64_t *value_ms,
                          struct error *err);

/* "3%" or "2.5%", from 0 to 100, as a part of one: 0.03. */
bool option_value_percent(const char *text, double *value, struct error *err);

/* 1, true, yes, on; 0, false, no, off; in any case. */
bool option_value_switch(const char *text, bool *value, struct error *err);

/* One of 'words' (NULL-terminated), in any case; '*index' is its place. */
bool option_value_choice(const char *text, const char *const *words, unsigned *index,
                         struct error *err);

/* "HOST:PORT", "[IPV6]:PORT"; PORT from 0 to 65535. */
bool option_value_address(const char *text, struct error *err);

/* 'min' to 'max' characters, all of them in 'alphabet', where "a-z" is a range. */
bool option_value_word(const char *text, const char *alphabet, size_t min, size_t max,
                       struct error *err);

/* How many characters must be inserted, removed or replaced to get from 'a' to 'b'; words of
 * more than 63 characters count as far apart. */
unsigned option_value_distance(const char *a, const char *b);

#endif
