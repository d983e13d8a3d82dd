/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp - moments as text */
#include "emulator/timestamp.h"

#include <stdio.h>
#include <time.h>

#include "emulator/clock.h"

void timestamp_format(uint64_t wall_ns, char text[static TIMESTAMP_SIZE])
{
	time_t seconds = (time_t)(wall_ns / CLOCK_NS_PER_S);
	unsigned ms = (unsigned)(wall_ns % CLOCK_NS_PER_S / CLOCK_NS_PER_MS);
	struct tm utc;
	size_t length;

	gmtime_r(&seconds, &utc);
	length = strftime(text, TIMESTAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text + length, TIMESTAMP_SIZE - length, ".%03uZ", ms);
}

/* ---- reading: RFC 3339 section 5.6 ---- */

struct reader {
	const char *at, *end;
};

static bool take(struct reader *reader, const char *any)
{
	if (reader->at == reader->end)
		return false;
	for (; *any; any++) {
		if (*reader->at == *any) {
			reader->at++;
			return true;
		}
	}
	return false;
}

static bool is_digit(const struct reader *reader)
{
	return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* Exactly that many digits, as a number in that range. */
static bool take_number(struct reader *reader, unsigned digits, unsigned from, unsigned to)
{
	unsigned value = 0;

	while (digits-- > 0) {
		if (!is_digit(reader))
			return false;
		value = value * 10 + (unsigned)(*reader->at++ - '0');
	}
	return value >= from && value <= to;
}

static bool take_fraction(struct reader *reader)
{
	if (!take(reader, "."))
		return true;
	if (!is_digit(reader))
		return false;
	while (is_digit(reader))
		reader->at++;
	return true;
}

static bool take_zone(struct reader *reader)
{
	return take(reader, "Zz") || (take(reader, "+-") && take_number(reader, 2, 0, 23) &&
	                              take(reader, ":") && take_number(reader, 2, 0, 59));
}

static bool take_date(struct reader *reader)
{
	return take_number(reader, 4, 0, 9999) && take(reader, "-") &&
	       take_number(reader, 2, 1, 12) && take(reader, "-") && take_number(reader, 2, 1, 31);
}

/* Second 60 is a leap second. */
static bool take_time(struct reader *reader)
{
	return take_number(reader, 2, 0, 23) && take(reader, ":") &&
	       take_number(reader, 2, 0, 59) && take(reader, ":") && take_number(reader, 2, 0, 60);
}

bool timestamp_is_valid(const char *text, size_t length)
{
	struct reader reader = { .at = text, .end = text + length };

	return take_date(&reader) && take(&reader, "Tt ") && take_time(&reader) &&
	       take_fraction(&reader) && take_zone(&reader) && reader.at == reader.end;
}
