/* SPDX-License-Identifier: Apache-2.0 */
/* bench_table - what a benchmark measured, for people */
#include "emulator/bench_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/bench_baseline.h"

#define NAME_WIDTH 26

/* ---- cells ---- */

/* Three digits or so, whatever the size; a dash for what is not known. */
static const char *figure(double value, char *text, size_t size)
{
	if (isnan(value))
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%.*f", value < 10 ? 3 : value < 100 ? 2 : 1, value);
	return text;
}

void bench_table_cell(struct buffer *out, double value)
{
	char text[32];

	buffer_append_format(out, "%9s", figure(value, text, sizeof(text)));
}

/* Cut to its width, and harmless for a terminal: the user typed it. */
static void append_name(struct buffer *out, const char *name, int width)
{
	size_t length = strlen(name), room = (size_t)width;
	const char *shown = length > room ? name + length - room + 2 : name;

	if (length > room)
		buffer_append_text(out, "..");
	for (const char *at = shown; *at; at++)
		buffer_append_format(out, "%c",
		                     (unsigned char)*at < ' ' || *at == 0x7f ? '?' : *at);
	buffer_append_format(out, "%*s", length < room ? (int)(room - length) : 0, "");
}

void bench_table_name(struct buffer *out, const char *name)
{
	append_name(out, name, NAME_WIDTH);
}

void bench_table_whole_name(struct buffer *out, const char *name)
{
	append_name(out, name, (int)strlen(name));
}

/* ---- one entry ---- */

static void append_statistics(struct buffer *out, enum metric_id metric, const struct stats *stats)
{
	char low[32], high[32], interval[80];

	snprintf(interval, sizeof(interval), "%s..%s", figure(stats->low, low, sizeof(low)),
	         figure(stats->high, high, sizeof(high)));
	buffer_append_format(out, "%-16s", metric_table[metric].name);
	buffer_append_format(out, "%s", metric_unit_name(metric_table[metric].unit));
	bench_table_cell(out, stats->median);
	buffer_append_format(out, "%17s", isnan(stats->low) ? "-" : interval);
	bench_table_cell(out, stats->p10);
	bench_table_cell(out, stats->p90);
	bench_table_cell(out, stats->p99);
	bench_table_cell(out, stats->min);
	bench_table_cell(out, stats->max);
	buffer_append_format(out, "%6zu%5zu\n", stats->count, stats->outliers);
}

void bench_table_one(struct buffer *out, const struct bench_entry *entry, uint64_t seed)
{
	buffer_append_format(out, "%-18s%9s%17s%9s%9s%9s%9s%9s%6s%5s\n", "", "median",
	                     "95 % interval", "p10", "p90", "p99", "min", "max", "n", "out");
	for (unsigned metric = 0; metric < METRIC_COUNT; metric++) {
		struct stats stats = bench_stats(entry, (enum metric_id)metric, seed);
		if (stats.count > 0 && !metric_is_usage((enum metric_id)metric))
			append_statistics(out, (enum metric_id)metric, &stats);
	}
}

/* ---- several ---- */

static const struct column {
	const char *title;
	enum metric_id metric;
	enum metric_statistic statistic;
} columns[] = {
	{ "init", METRIC_COLD_INIT, STATISTIC_MEDIAN },
	{ "init p90", METRIC_COLD_INIT, STATISTIC_P90 },
	{ "cold", METRIC_COLD_TOTAL, STATISTIC_MEDIAN },
	{ "warm", METRIC_WARM_INVOKE, STATISTIC_MEDIAN },
	{ "warm p90", METRIC_WARM_INVOKE, STATISTIC_P90 },
	{ "peak MB", METRIC_MEMORY_PEAK, STATISTIC_MAX },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void append_entry(struct buffer *out, const struct bench_entry *entry)
{
	bench_table_name(out, entry->name);
	buffer_append_format(out, "%6u", (unsigned)(entry->memory_bytes >> 20));
	for (size_t i = 0; i < COLUMNS; i++) {
		struct stats stats = bench_figures(entry, columns[i].metric);
		bench_table_cell(out, statistic_of(&stats, columns[i].statistic));
	}
	bench_table_cell(out, bench_cost_per_million(entry, 0));
	bench_table_cell(out, bench_cost_per_million(entry, 1));
	buffer_append_text(out, "\n");
}

/* 'values' are what an entry is compared to. */
static void append_comparison(struct buffer *out, const double *values, size_t count,
                              const struct bench_entry *entry, enum metric_id metric,
                              const struct bench_result *result)
{
	size_t own_count;
	double *own = metric_values(metric, entry->measurement, &own_count);
	struct stats_comparison comparison = stats_compare(values, count, own, own_count,
	                                                   result->noise, result->seed);

	free(own);
	if (isnan(comparison.ratio))
		return;
	bench_table_name(out, entry->name);
	buffer_append_format(out, "%6u  %-12s %7.3f x", (unsigned)(entry->memory_bytes >> 20),
	                     metric_table[metric].name, comparison.ratio);
	if (!isnan(comparison.low))
		buffer_append_format(out, " (%.3f..%.3f)", comparison.low, comparison.high);
	buffer_append_format(out, "  p = %.2g  %s\n", comparison.p_value,
	                     stats_verdict_name(comparison.verdict));
}

static const enum metric_id compared[] = { METRIC_COLD_INIT, METRIC_COLD_TOTAL,
	                                   METRIC_WARM_INVOKE };

#define COMPARED (sizeof(compared) / sizeof(compared[0]))

static void append_comparisons(struct buffer *out, const struct bench_result *result)
{
	const struct bench_entry *first = result->entries;

	buffer_append_text(out, "\nagainst ");
	bench_table_whole_name(out, first->name);
	buffer_append_format(out, ", %u MB:\n", (unsigned)(first->memory_bytes >> 20));
	for (size_t i = 1; i < result->count; i++) {
		for (size_t metric = 0; metric < COMPARED; metric++) {
			size_t count;
			double *values = metric_values(compared[metric], first->measurement,
			                               &count);
			append_comparison(out, values, count, &result->entries[i], compared[metric],
			                  result);
			free(values);
		}
	}
}

void bench_table_all(struct buffer *out, const struct bench_result *result)
{
	buffer_append_format(out, "%-*s%6s", NAME_WIDTH, "medians, ms", "MB");
	for (size_t i = 0; i < COLUMNS; i++)
		buffer_append_format(out, "%9s", columns[i].title);
	buffer_append_format(out, "%9s%9s\n", "$/M warm", "$/M cold");
	for (size_t i = 0; i < result->count; i++)
		append_entry(out, &result->entries[i]);
	if (result->count > 1)
		append_comparisons(out, result);
}

static void compare_to_baseline(struct buffer *out, const struct bench_result *result, size_t entry)
{
	for (size_t metric = 0; metric < COMPARED; metric++) {
		size_t count;
		const double *values = bench_baseline_values(result->baseline, result, entry,
		                                             compared[metric], &count);

		if (values)
			append_comparison(out, values, count, &result->entries[entry],
			                  compared[metric], result);
	}
}

void bench_table_baseline(struct buffer *out, const struct bench_result *result)
{
	if (!result->baseline)
		return;
	buffer_append_text(out, "\nagainst the baseline:\n");
	for (size_t i = 0; i < result->count; i++)
		compare_to_baseline(out, result, i);
}

/* ---- the choice ---- */

static double median_of(const struct bench_entry *entry)
{
	return bench_figures(entry, METRIC_WARM_INVOKE).median;
}

static double product_of(const struct bench_entry *entry)
{
	return median_of(entry) * bench_cost_per_million(entry, 0);
}

static double cost_of(const struct bench_entry *entry)
{
	return bench_cost_per_million(entry, 0);
}

static const struct bench_entry *least(const struct bench_entry *entries, size_t count,
                                       double (*value)(const struct bench_entry *entry))
{
	const struct bench_entry *best = NULL;

	for (size_t i = 0; i < count; i++) {
		if (isnan(value(&entries[i])))
			continue;
		if (!best || value(&entries[i]) < value(best))
			best = &entries[i];
	}
	return best;
}

void bench_table_choice(struct buffer *out, const struct bench_entry *entries, size_t count)
{
	static const struct {
		const char *word;
		double (*value)(const struct bench_entry *entry);
	} choices[] = { { "cheapest", cost_of },
		        { "fastest", median_of },
		        { "balanced", product_of } };

	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]); i++) {
		const struct bench_entry *best = least(entries, count, choices[i].value);
		char median[32];

		if (!best)
			continue;
		buffer_append_format(out, "%-10s", choices[i].word);
		bench_table_whole_name(out, best->name);
		buffer_append_format(out, ", %u MB: %s ms, $%.2f a million\n",
		                     (unsigned)(best->memory_bytes >> 20),
		                     figure(median_of(best), median, sizeof(median)),
		                     cost_of(best));
	}
}
