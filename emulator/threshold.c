/* SPDX-License-Identifier: Apache-2.0 */
/* threshold - what a benchmark must hold to pass */
#include "emulator/threshold.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MEGABYTE ((double)(1 << 20))

static const struct {
	const char *name;
	enum metric_unit unit;
	double factor; /* to the metric's unit */
} units[] = {
	{ "us", METRIC_MILLISECONDS, 0.001 },
	{ "ms", METRIC_MILLISECONDS, 1 },
	{ "s", METRIC_MILLISECONDS, 1000 },
	{ "KB", METRIC_MEGABYTES, 1 / 1024.0 },
	{ "MB", METRIC_MEGABYTES, 1 },
	{ "GB", METRIC_MEGABYTES, 1024 },
	{ "", METRIC_PIECES, 1 },
};

/* Behind a number. */
static const char *unit_name(enum metric_unit unit)
{
	return unit == METRIC_MEGABYTES ? " MB" : unit == METRIC_MILLISECONDS ? " ms" : "";
}

static const char *unit_choice(enum metric_unit unit)
{
	static const char *const choices[] = { [METRIC_MILLISECONDS] = "us, ms, s or +%",
		                               [METRIC_MEGABYTES] = "KB, MB, GB or +%",
		                               [METRIC_PIECES] = "a number alone or +%" };

	return choices[unit];
}

/* ---- reading ---- */

/* A blank here and there is the user's choice. */
static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " ");
}

static bool parse_relation(const char **at, struct threshold *threshold, struct error *err)
{
	if (**at != '>' && **at != '<')
		return error_set(err, 0, "'%s': '>' or '<' is missing behind the metric",
		                 threshold->text);
	threshold->above = *(*at)++ == '>';
	threshold->or_equal = **at == '=';
	*at = skip_blanks(*at + threshold->or_equal);
	return true;
}

static bool parse_percent(struct threshold *threshold, bool is_signed, struct error *err)
{
	threshold->bound /= 100;
	if (is_signed)
		threshold->kind = THRESHOLD_CHANGE;
	else if (threshold->metric == METRIC_MEMORY_PEAK)
		threshold->kind = THRESHOLD_OF_MEMORY;
	else
		return error_set(err, 0, "'%s': a part of what? Write +10%% for a change",
		                 threshold->text);
	return true;
}

static bool parse_unit(const char *unit, struct threshold *threshold, struct error *err)
{
	enum metric_unit expected = metric_table[threshold->metric].unit;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, unit) != 0 || units[i].unit != expected)
			continue;
		threshold->kind = THRESHOLD_ABSOLUTE;
		threshold->bound *= units[i].factor;
		return true;
	}
	return error_set(err, 0, "'%s': %s takes %s", threshold->text,
	                 metric_table[threshold->metric].name,
	                 threshold->metric == METRIC_MEMORY_PEAK ? "KB, MB, GB, % or +%"
	                                                         : unit_choice(expected));
}

/* strtod() would take "inf", "nan" and hexadecimal as well. */
static bool parse_number(const char **at, double *number)
{
	char *end;

	if (strspn(*at + strspn(*at, "+-"), "0123456789.") == 0)
		return false;
	*number = strtod(*at, &end);
	bool is_plain = (size_t)(end - *at) == strspn(*at, "+-0123456789.");
	*at = end;
	return is_plain && isfinite(*number);
}

static bool parse_bound(const char *at, struct threshold *threshold, struct error *err)
{
	bool is_signed = *at == '+' || *at == '-';
	char unit[8] = "";
	size_t length;

	if (!parse_number(&at, &threshold->bound))
		return error_set(err, 0, "'%s': a number is missing behind the relation",
		                 threshold->text);
	at = skip_blanks(at);
	length = strcspn(at, " ");
	if (length < sizeof(unit))
		memcpy(unit, at, length);
	if (*skip_blanks(at + length))
		return error_set(err, 0, "'%s': there is more behind the unit", threshold->text);
	if (strcmp(unit, "%") == 0)
		return parse_percent(threshold, is_signed, err);
	if (is_signed)
		return error_set(err, 0, "'%s': a change is in %%, such as +10%%", threshold->text);
	return parse_unit(unit, threshold, err);
}

/* What stands before the last colon before the relation, which no metric has. */
static const char *take_function(const char *at, struct threshold *threshold)
{
	const char *colon = memrchr(at, ':', strcspn(at, "<>"));

	if (!colon)
		return at;
	threshold->function = at;
	threshold->function_length = (size_t)(colon - at);
	return skip_blanks(colon + 1);
}

bool threshold_parse(const char *text, struct threshold *threshold, struct error *err)
{
	const char *at;
	size_t name;

	*threshold = (struct threshold){ .text = text };
	at = take_function(skip_blanks(text), threshold);
	name = strcspn(at, " <>=");
	if (!metric_parse(at, name, &threshold->metric, &threshold->statistic, err))
		return false;
	at = skip_blanks(at + name);
	return parse_relation(&at, threshold, err) && parse_bound(at, threshold, err);
}

bool threshold_is_about(const struct threshold *threshold, const char *name)
{
	return !threshold->function ||
	       (strlen(name) == threshold->function_length &&
	        strncmp(name, threshold->function, threshold->function_length) == 0);
}

/* ---- judging ---- */

/* The bound in the metric's unit; NAN when it cannot be told. */
static double find_bound(const struct threshold *threshold, uint64_t memory_bytes, double before)
{
	switch (threshold->kind) {
	case THRESHOLD_ABSOLUTE:
		return threshold->bound;
	case THRESHOLD_OF_MEMORY:
		return threshold->bound * (double)memory_bytes / MEGABYTE;
	case THRESHOLD_CHANGE:
		return before * (1 + threshold->bound);
	}
	return NAN;
}

static enum threshold_verdict compare(const struct threshold *threshold, double value, double bound)
{
	bool broken = threshold->above ? value > bound : value < bound;

	broken |= threshold->or_equal && value == bound;
	return broken ? THRESHOLD_BROKEN : THRESHOLD_HOLDS;
}

static void append_figure(struct buffer *words, const struct threshold *threshold)
{
	buffer_append_format(words, "%s.%s", metric_table[threshold->metric].name,
	                     statistic_name(threshold->statistic));
}

static void append_bound(struct buffer *words, const struct threshold *threshold, double bound,
                         const char *reference)
{
	buffer_append_format(words, "%.4g%s", bound,
	                     unit_name(metric_table[threshold->metric].unit));
	if (threshold->kind == THRESHOLD_OF_MEMORY)
		buffer_append_format(words, " (%.4g%% of the memory)", threshold->bound * 100);
	else if (threshold->kind == THRESHOLD_CHANGE)
		buffer_append_format(words, " (%+.4g%% of %s)", threshold->bound * 100, reference);
}

enum threshold_verdict threshold_give_up(const struct threshold *threshold, const char *why,
                                         struct buffer *words)
{
	append_figure(words, threshold);
	buffer_append_format(words, " is not known: %s", why);
	return THRESHOLD_UNKNOWN;
}

enum threshold_verdict threshold_judge(const struct threshold *threshold, double value,
                                       uint64_t memory_bytes,
                                       const struct threshold_reference *reference,
                                       struct buffer *words)
{
	double bound = find_bound(threshold, memory_bytes, reference->value);

	append_figure(words, threshold);
	if (isnan(value)) {
		buffer_append_format(words, " is not known: it takes at least %zu values",
		                     statistic_needs(threshold->statistic));
		return THRESHOLD_UNKNOWN;
	}
	buffer_append_format(words, " is %.4g%s", value,
	                     unit_name(metric_table[threshold->metric].unit));
	if (isnan(bound)) {
		buffer_append_format(words, ", and %s has no such figure", reference->name);
		return THRESHOLD_UNKNOWN;
	}
	enum threshold_verdict verdict = compare(threshold, value, bound);
	bool is_above = value > bound;
	buffer_append_text(words, value == bound ? ", at " : is_above ? ", above " : ", below ");
	append_bound(words, threshold, bound, reference->name);
	return verdict;
}
