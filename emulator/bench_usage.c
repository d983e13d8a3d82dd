/* SPDX-License-Identifier: Apache-2.0 */
/* bench_usage - what cold starts used, as tables */
#include "emulator/bench_usage.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "emulator/bench_export.h"
#include "emulator/bench_table.h"
#include "emulator/json.h"

static const struct row {
	const char *words;
	enum metric_id init, all; /* METRIC_COUNT: there is none */
} rows[] = {
	{ "CPU time", METRIC_INIT_CPU, METRIC_COLD_CPU },
	{ "CPU time in the kernel", METRIC_INIT_SYSTEM, METRIC_COLD_SYSTEM },
	{ "throttled", METRIC_COUNT, METRIC_COLD_THROTTLED },
	{ "minor page faults", METRIC_INIT_MINOR_FAULTS, METRIC_COLD_MINOR_FAULTS },
	{ "major page faults", METRIC_INIT_MAJOR_FAULTS, METRIC_COLD_MAJOR_FAULTS },
	{ "read by calls", METRIC_INIT_READ, METRIC_COLD_READ },
	{ "read from storage", METRIC_INIT_STORAGE, METRIC_COLD_STORAGE },
	{ "mapped of files", METRIC_INIT_MAPPED, METRIC_COLD_MAPPED },
	{ "files opened", METRIC_INIT_FILES, METRIC_COLD_FILES },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static double median_of(const struct bench_entry *entry, enum metric_id metric)
{
	return metric == METRIC_COUNT ? NAN : bench_figures(entry, metric).median;
}

static bool is_known(const struct bench_entry *entry, const struct row *row)
{
	return !isnan(median_of(entry, row->init)) || !isnan(median_of(entry, row->all));
}

void bench_usage_missing(struct buffer *out, const struct bench_entry *entry)
{
	size_t begin = out->length;

	for (size_t i = 0; i < ROWS; i++) {
		const char *why = metric_missing(rows[i].all, entry->measurement);
		if (why && !is_known(entry, &rows[i]))
			buffer_append_format(out, "%s%s (%s)", out->length > begin ? "; " : "",
			                     rows[i].words, why);
	}
}

/* ---- for people ---- */

static void append_cell(struct buffer *out, enum metric_id metric, double value)
{
	if (metric != METRIC_COUNT && metric_table[metric].unit == METRIC_PIECES &&
	    json_is_whole(value))
		buffer_append_format(out, "%9.0f", value);
	else
		bench_table_cell(out, value);
}

/* "cold[.init].cpu": the names of both columns. */
static void append_names(struct buffer *out, const struct row *row)
{
	buffer_append_format(out, "   cold%s%s\n", row->init == METRIC_COUNT ? "" : "[.init]",
	                     strchr(metric_table[row->all].name, '.'));
}

static void append_row(struct buffer *out, const struct bench_entry *entry, const struct row *row)
{
	enum metric_unit unit = metric_table[row->all].unit;

	buffer_append_format(out, "%-22s%2s", row->words,
	                     unit == METRIC_PIECES ? "" : metric_unit_name(unit));
	append_cell(out, row->init, median_of(entry, row->init));
	append_cell(out, row->all, median_of(entry, row->all));
	append_names(out, row);
}

void bench_usage_table(struct buffer *out, const struct bench_entry *entry)
{
	autobuffer struct buffer missing = BUFFER_INIT;
	bool has_head = false;

	for (size_t i = 0; i < ROWS; i++) {
		if (!is_known(entry, &rows[i]))
			continue;
		if (!has_head)
			buffer_append_format(out, "%-24s%9s%9s\n", "medians", "init", "cold");
		has_head = true;
		append_row(out, entry, &rows[i]);
	}
	bench_usage_missing(&missing, entry);
	if (missing.length > 0)
		buffer_append_format(out, "not measured: %s\n", missing.data);
}

/* ---- Markdown ---- */

/* Init first, where it has a part of its own. */
static const struct {
	const char *title;
	enum metric_id metric;
} columns[] = {
	{ "init CPU, ms", METRIC_INIT_CPU },
	{ "CPU", METRIC_COLD_CPU },
	{ "in the kernel", METRIC_COLD_SYSTEM },
	{ "throttled", METRIC_COLD_THROTTLED },
	{ "minor faults", METRIC_COLD_MINOR_FAULTS },
	{ "major", METRIC_COLD_MAJOR_FAULTS },
	{ "read, MB", METRIC_COLD_READ },
	{ "from storage", METRIC_COLD_STORAGE },
	{ "mapped", METRIC_COLD_MAPPED },
	{ "files", METRIC_COLD_FILES },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static bool anybody_has(const struct bench_result *result, enum metric_id metric)
{
	for (size_t i = 0; i < result->count; i++) {
		if (!isnan(median_of(&result->entries[i], metric)))
			return true;
	}
	return false;
}

static void append_markdown_head(struct buffer *out, const struct bench_result *result)
{
	autobuffer struct buffer rule = BUFFER_INIT;

	buffer_append_text(out, "\n| a cold start uses | MB |");
	for (size_t i = 0; i < COLUMNS; i++) {
		if (!anybody_has(result, columns[i].metric))
			continue;
		buffer_append_format(out, " %s |", columns[i].title);
		buffer_append_text(&rule, "--:|");
	}
	buffer_append_format(out, "\n|---|--:|%s\n", rule.data);
}

static void append_markdown_cell(struct buffer *out, double value)
{
	if (isnan(value))
		buffer_append_text(out, " – |");
	else
		buffer_append_format(out, " %.*f |",
		                     json_is_whole(value) ? 0
		                     : value < 10         ? 3
		                                          : 1,
		                     value);
}

void bench_usage_markdown(struct buffer *out, const struct bench_result *result)
{
	if (!anybody_has(result, METRIC_COLD_CPU) && !anybody_has(result, METRIC_COLD_MINOR_FAULTS))
		return;
	append_markdown_head(out, result);
	for (size_t i = 0; i < result->count; i++) {
		const struct bench_entry *entry = &result->entries[i];

		buffer_append_text(out, "| ");
		bench_markdown_text(out, entry->name);
		buffer_append_format(out, " | %u |", (unsigned)(entry->memory_bytes >> 20));
		for (size_t column = 0; column < COLUMNS; column++) {
			if (anybody_has(result, columns[column].metric))
				append_markdown_cell(out, median_of(entry, columns[column].metric));
		}
		buffer_append_text(out, "\n");
	}
}
