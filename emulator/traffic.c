/* SPDX-License-Identifier: Apache-2.0 */
/* traffic - when requests arrive */
#include "emulator/traffic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/buffer.h"
#include "emulator/whole_file.h"

#define TRACE_LIMIT ((size_t)256 << 20)
#define LEAST_RATE 1e-9 /* one in thirty years */
#define MOST_RATE 1e9
#define MOST_AT_ONCE 1000000

/* ---- reading ---- */

static const struct {
	const char *name;
	double seconds;
} units[] = {
	{ "s", 1 },       { "second", 1 },      { "minute", 60 },
	{ "hour", 3600 }, { "day", 24 * 3600 }, { "month", TRAFFIC_MONTH_SECONDS },
};

/* strtod() alone would take "inf", "nan" and hexadecimal as well. */
static bool parse_number(const char **at, double *number)
{
	static const char suffixes[] = "kMG";
	char *end;

	if (strspn(*at, "0123456789.") == 0)
		return false;
	*number = strtod(*at, &end);
	if ((size_t)(end - *at) != strspn(*at, "0123456789."))
		return false;
	const char *suffix = *end ? strchr(suffixes, *end) : NULL;
	for (const char *step = suffixes; suffix && step <= suffix; step++)
		*number *= 1000;
	*at = end + (suffix != NULL);
	return *number > 0;
}

static bool parse_rate(const char *at, double *per_second)
{
	double number;

	if (!parse_number(&at, &number) || *at++ != '/')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(at, units[i].name) == 0) {
			*per_second = number / units[i].seconds;
			return *per_second >= LEAST_RATE && *per_second <= MOST_RATE;
		}
	}
	return false;
}

static bool parse_burst(const char *at, struct traffic *traffic)
{
	double size, bursts;

	if (!parse_number(&at, &size) || *at++ != 'x' || !parse_rate(at, &bursts) ||
	    size > MOST_AT_ONCE || size < 1)
		return false;
	traffic->burst = (size_t)size;
	traffic->per_second = (double)traffic->burst * bursts;
	return true;
}

static int compare_times(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* From the first one on; what comes out of order is sorted. */
static void order_times(struct traffic *traffic)
{
	qsort(traffic->times, traffic->count, sizeof(*traffic->times), compare_times);
	for (size_t i = traffic->count; i-- > 0;)
		traffic->times[i] -= traffic->times[0];
	double span = traffic->times[traffic->count - 1];
	traffic->per_second = span > 0 ? (double)(traffic->count - 1) / span : 0;
}

static void add_time(struct traffic *traffic, double at)
{
	size_t count = traffic->count;

	if ((count & (count - 1)) == 0)
		traffic->times = xrealloc(traffic->times, (count ? 2 * count : 1) * sizeof(at));
	traffic->times[traffic->count++] = at;
}

/* A number ends with its line; blank lines and comments are passed over. */
static bool read_times(struct traffic *traffic, const char *text, const char *path,
                       struct error *err)
{
	unsigned line = 0;

	while (*text) {
		size_t length = strcspn(text, "\n");
		char *end;
		double at = strtod(text, &end);

		line++;
		if (end > text && end <= text + length && isfinite(at))
			add_time(traffic, at);
		else if (strspn(text, " \t\r") < length && text[0] != '#')
			return error_set(err, 0, "%s:%u: no time in seconds", path, line);
		text += length + (text[length] == '\n');
	}
	return traffic->count > 0 || error_set(err, 0, "'%s' has no times", path);
}

static bool read_trace(struct traffic *traffic, const char *path, struct error *err)
{
	autobuffer struct buffer text = BUFFER_INIT;

	if (!whole_file_read(path, TRACE_LIMIT, &text, err) ||
	    !read_times(traffic, text.data, path, err))
		return false;
	order_times(traffic);
	return true;
}

static const char *behind(const char *text, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

static bool parse(const char *text, struct traffic *traffic)
{
	const char *rest;

	if ((rest = behind(text, "poisson:"))) {
		traffic->kind = TRAFFIC_POISSON;
		return parse_rate(rest, &traffic->per_second);
	}
	if ((rest = behind(text, "burst:"))) {
		traffic->kind = TRAFFIC_BURST;
		return parse_burst(rest, traffic);
	}
	rest = behind(text, "steady:");
	return parse_rate(rest ? rest : text, &traffic->per_second);
}

bool traffic_parse(const char *text, struct traffic *traffic, struct error *err)
{
	const char *path = behind(text, "trace:");

	*traffic = (struct traffic){ .kind = TRAFFIC_STEADY };
	if (path) {
		traffic->kind = TRAFFIC_TRACE;
		if (read_trace(traffic, path, err))
			return true;
		traffic_finish(traffic);
		return false;
	}
	return parse(text, traffic) ||
	       error_set(err, 0,
	                 "'%s' is no traffic; it is written 10M/month, poisson:5/s, "
	                 "burst:100x20/hour or trace:FILE (units are s, minute, hour, day, month)",
	                 text);
}

void traffic_finish(struct traffic *traffic)
{
	free(traffic->times);
	traffic->times = NULL;
	traffic->count = 0;
}

/* ---- arrivals ---- */

void arrivals_begin(struct arrivals *arrivals, const struct traffic *traffic, uint64_t seed)
{
	*arrivals = (struct arrivals){ .traffic = traffic };
	random_seed(&arrivals->random, seed);
}

/* Of a mean of 1: the logarithm of a number between 0 and 1, by von Neumann's comparison of
 * uniform numbers, which needs no logarithm. */
static double random_exponential(struct random *random)
{
	for (double whole = 0;; whole++) {
		double first = random_unit(random), last = first, next;
		unsigned run = 1;

		while ((next = random_unit(random)) < last) {
			last = next;
			run++;
		}
		if (run % 2)
			return whole + first;
	}
}

bool arrivals_next(struct arrivals *arrivals, double *at)
{
	const struct traffic *traffic = arrivals->traffic;
	size_t made = arrivals->made++;

	switch (traffic->kind) {
	case TRAFFIC_STEADY:
		arrivals->now = (double)made / traffic->per_second;
		break;
	case TRAFFIC_POISSON:
		arrivals->now += random_exponential(&arrivals->random) / traffic->per_second;
		break;
	case TRAFFIC_BURST:
		arrivals->now = (double)(made / traffic->burst * traffic->burst) /
		                traffic->per_second;
		break;
	case TRAFFIC_TRACE:
		if (made >= traffic->count)
			return false;
		arrivals->now = traffic->times[made];
		break;
	}
	*at = arrivals->now;
	return true;
}
