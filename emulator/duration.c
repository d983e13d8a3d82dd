/* SPDX-License-Identifier: Apache-2.0 */
/* duration - lengths of time as people write them */
#include "emulator/duration.h"

#include <stddef.h>
#include <string.h>

#include "emulator/clock.h"

/* By size; of "m" and "ms" the longer name is the one that is meant. */
static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "h", 3600 * CLOCK_NS_PER_S },
	{ "m", 60 * CLOCK_NS_PER_S },
	{ "s", CLOCK_NS_PER_S },
	{ "ms", CLOCK_NS_PER_MS },
};

#define UNITS (sizeof(units) / sizeof(units[0]))

static bool refuse_malformed(const char *text, struct error *err)
{
	return error_set(err, 0, "'%.40s' is no duration, such as 90s, 2m, 1h30m or 500ms", text);
}

static bool refuse_length(const char *text, struct error *err)
{
	return error_set(err, 0, "'%.40s' is too long a duration", text);
}

/* The digits at '*text', which is moved behind them. Returns false when there are too many. */
static bool take_number(const char **text, uint64_t *number)
{
	const char *at = *text;

	for (*number = 0; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, (uint64_t)(*at - '0'), number))
			return false;
	}
	*text = at;
	return true;
}

/* The unit at '*text', which is moved behind it; UNITS when there is none. */
static size_t take_unit(const char **text)
{
	size_t length = strspn(*text, "hms");

	for (size_t i = 0; i < UNITS; i++) {
		if (strlen(units[i].name) == length && memcmp(units[i].name, *text, length) == 0) {
			*text += length;
			return i;
		}
	}
	return UNITS;
}

bool duration_parse(const char *text, uint64_t *ns, struct error *err)
{
	const char *at = text;
	size_t least = 0; /* units that may still come */

	if (*text == '-')
		return error_set(err, 0, "'%.40s' is negative", text);
	*ns = 0;
	do {
		const char *digits = at;
		uint64_t number;
		size_t unit;

		if (!take_number(&at, &number))
			return refuse_length(text, err);
		if (at == digits)
			return refuse_malformed(text, err);
		unit = take_unit(&at);
		if (unit == UNITS || unit < least)
			return refuse_malformed(text, err);
		if (__builtin_mul_overflow(number, units[unit].ns, &number) ||
		    __builtin_add_overflow(*ns, number, ns))
			return refuse_length(text, err);
		least = unit + 1;
	} while (*at);
	return true;
}
