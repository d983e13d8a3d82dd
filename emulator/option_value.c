/* SPDX-License-Identifier: Apache-2.0 */
/* option_value - the texts of options and variables, turned into values. */
#include "emulator/option_value.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define WORD_LIMIT 63

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the digits at '*text' and moves it behind them. Returns false when there are none or
 * too many for 64 bits. */
static bool read_digits(const char **text, uint64_t *value)
{
	if (!is_digit(**text))
		return false;
	*value = 0;
	for (; is_digit(**text); (*text)++) {
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (uint64_t)(**text - '0'), value))
			return false;
	}
	return true;
}

bool option_value_number(const char *text, uint64_t min, uint64_t max, uint64_t *value,
                         struct error *err)
{
	const char *end = text;

	if (!read_digits(&end, value) || *end)
		return error_set(err, 0, "'%s' is not a whole number", text);
	if (*value < min || *value > max)
		return error_set(err, 0, "%s is not between %" PRIu64 " and %" PRIu64, text, min,
		                 max);
	return true;
}

/* ".5" and ".125": at most three digits. Nothing counts as 0. */
static bool read_thousandths(const char **text, uint64_t *value)
{
	const char *start = *text + 1;

	*value = 0;
	if (**text != '.')
		return true;
	*text = start;
	if (!read_digits(text, value) || *text - start > 3)
		return false;
	for (ptrdiff_t digits = *text - start; digits < 3; digits++)
		*value *= 10;
	return true;
}

bool option_value_seconds(const char *text, uint64_t min_ms, uint64_t max_ms, uint64_t *value_ms,
                          struct error *err)
{
	const char *end = text;
	uint64_t seconds, thousandths;

	if (!read_digits(&end, &seconds) || !read_thousandths(&end, &thousandths) || *end)
		return error_set(err, 0, "'%s' is not a number of seconds", text);
	if (__builtin_mul_overflow(seconds, 1000, value_ms) ||
	    __builtin_add_overflow(*value_ms, thousandths, value_ms) || *value_ms < min_ms ||
	    *value_ms > max_ms)
		return error_set(err, 0, "%s is not between %g and %g seconds", text,
		                 (double)min_ms / 1e3, (double)max_ms / 1e3);
	return true;
}

bool option_value_percent(const char *text, double *value, struct error *err)
{
	const char *end = text;
	uint64_t whole, thousandths;

	if (!read_digits(&end, &whole) || !read_thousandths(&end, &thousandths) ||
	    strcmp(end, "%") != 0)
		return error_set(err, 0, "'%s' is not a percentage such as 3%%", text);
	if (whole > 100 || (whole == 100 && thousandths > 0))
		return error_set(err, 0, "%s is more than 100%%", text);
	*value = ((double)whole + (double)thousandths / 1000) / 100;
	return true;
}

static int find_word(const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++) {
		if (strcasecmp(text, words[i]) == 0)
			return i;
	}
	return -1;
}

bool option_value_switch(const char *text, bool *value, struct error *err)
{
	static const char *const words[] = { "0",   "1",   "false", "true", "no",
		                             "yes", "off", "on",    NULL };
	int index = find_word(text, words);

	if (index == -1)
		return error_set(err, 0, "'%s' is neither yes nor no", text);
	*value = index % 2;
	return true;
}

bool option_value_choice(const char *text, const char *const *words, unsigned *index,
                         struct error *err)
{
	char list[256] = "";
	int found = find_word(text, words);

	if (found >= 0) {
		*index = (unsigned)found;
		return true;
	}
	for (unsigned i = 0; words[i]; i++) {
		size_t length = strlen(list);

		snprintf(list + length, sizeof(list) - length, "%s%s", i > 0 ? ", " : "", words[i]);
	}
	return error_set(err, 0, "'%s' is not one of %s", text, list);
}

static bool is_port(const char *text)
{
	uint64_t port;

	return read_digits(&text, &port) && !*text && port <= 65535;
}

bool option_value_address(const char *text, struct error *err)
{
	const char *colon = strrchr(text, ':');
	size_t host = colon ? (size_t)(colon - text) : 0;

	if (!colon || host == 0 || host > 255 || !is_port(colon + 1))
		return error_set(err, 0, "'%s' is not HOST:PORT", text);
	if (text[0] == '[' ? colon[-1] != ']' : memchr(text, ':', host) != NULL)
		return error_set(err, 0, "'%s': an IPv6 address needs brackets: [ADDRESS]:PORT",
		                 text);
	return true;
}

static bool is_in_alphabet(char c, const char *alphabet)
{
	for (const char *a = alphabet; *a; a++) {
		if (a[1] == '-' && a[2]) {
			if (c >= a[0] && c <= a[2])
				return true;
			a += 2;
		} else if (c == *a) {
			return true;
		}
	}
	return false;
}

bool option_value_word(const char *text, const char *alphabet, size_t min, size_t max,
                       struct error *err)
{
	size_t length = strlen(text);

	if (length < min || length > max) {
		if (min == max)
			return error_set(err, 0, "'%s' does not have %zu characters", text, max);
		return error_set(err, 0, "'%s' does not have %zu to %zu characters", text, min,
		                 max);
	}
	for (const char *c = text; *c; c++) {
		if (!is_in_alphabet(*c, alphabet))
			return error_set(err, 0, "'%s' has a character other than %s", text,
			                 alphabet);
	}
	return true;
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

unsigned option_value_distance(const char *a, const char *b)
{
	/* One row of the Levenshtein matrix: row[j] is the way from a's start to b[0..j]. */
	unsigned row[WORD_LIMIT + 1];
	size_t length = strlen(b);

	if (length > WORD_LIMIT || strlen(a) > WORD_LIMIT)
		return UINT_MAX;
	for (unsigned j = 0; j <= length; j++)
		row[j] = j;
	for (unsigned i = 0; a[i]; i++) {
		unsigned diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= length; j++) {
			unsigned replaced = diagonal + (a[i] != b[j - 1]);

			diagonal = row[j];
			row[j] = least(replaced, row[j] + 1, row[j - 1] + 1);
		}
	}
	return row[length];
}
