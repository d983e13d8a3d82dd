/* SPDX-License-Identifier: Apache-2.0 */
/* bench_export - what a benchmark measured, in the forms that other tools take */
#include "emulator/bench_export.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/bench_forecast.h"
#include "emulator/bench_svg.h"
#include "emulator/bench_usage.h"
#include "emulator/prometheus.h"

static unsigned megabytes(const struct bench_entry *entry)
{
	return (unsigned)(entry->memory_bytes >> 20);
}

static bool is_control(char c)
{
	return (unsigned char)c < ' ' || c == 0x7f;
}

/* ---- Markdown ---- */

void bench_markdown_text(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (is_control(*text))
			buffer_append_text(out, " ");
		else
			buffer_append_format(out, "%s%c",
			                     strchr("\\`*_{}[]<>#|~", *text) ? "\\" : "", *text);
	}
}

static void append_markdown_cell(struct buffer *out, double value)
{
	if (isnan(value))
		buffer_append_text(out, " – |");
	else
		buffer_append_format(out, " %.*f |", value < 10 ? 3 : value < 100 ? 2 : 1, value);
}

static void append_markdown_entry(struct buffer *out, const struct bench_entry *entry)
{
	struct stats init = bench_figures(entry, METRIC_COLD_INIT);
	struct stats total = bench_figures(entry, METRIC_COLD_TOTAL);
	struct stats warm = bench_figures(entry, METRIC_WARM_INVOKE);
	struct stats memory = bench_figures(entry, METRIC_MEMORY_PEAK);
	const double cells[] = { init.median,
		                 init.p10,
		                 init.p90,
		                 total.median,
		                 warm.median,
		                 warm.p90,
		                 memory.max,
		                 bench_cost_per_million(entry, 0),
		                 bench_cost_per_million(entry, 1) };

	buffer_append_text(out, "| ");
	bench_markdown_text(out, entry->name);
	buffer_append_format(out, " | %u |", megabytes(entry));
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		append_markdown_cell(out, cells[i]);
	buffer_append_text(out, "\n");
}

static void append_markdown_gate(struct buffer *out, const struct bench_result *result)
{
	if (result->judgement_count > 0)
		buffer_append_text(out, "\n| threshold | function | verdict |\n|---|---|---|\n");
	for (size_t i = 0; i < result->judgement_count; i++) {
		const struct bench_judgement *judgement = &result->judgements[i];
		const struct bench_entry *entry = &result->entries[judgement->entry];

		buffer_append_text(out, "| ");
		bench_markdown_text(out, judgement->threshold);
		buffer_append_text(out, " | ");
		bench_markdown_text(out, entry->name);
		buffer_append_format(out, ", %u MB | %s ", megabytes(entry),
		                     judgement->verdict == THRESHOLD_HOLDS ? "✅" : "❌");
		bench_markdown_text(out, judgement->words);
		buffer_append_text(out, " |\n");
	}
}

static void append_markdown_forecast(struct buffer *out, const struct bench_result *result,
                                     const struct bench_forecast *forecast)
{
	const struct bench_entry *entry = &result->entries[forecast->entry];
	bool is_simulated = bench_forecast_is_simulated(result->forecasts);

	buffer_append_text(out, "| ");
	bench_markdown_text(out, entry->name);
	buffer_append_format(out, " | %u | %zu | %.3f %% |", megabytes(entry),
	                     forecast->provisioned, forecast->cold_rate * 100);
	append_markdown_cell(out, forecast->p50_ms);
	append_markdown_cell(out, forecast->p99_ms);
	if (is_simulated)
		buffer_append_format(out, " %zu | %.3f %% |", forecast->environments,
		                     forecast->refused_rate * 100);
	else
		buffer_append_text(out, " – | – |");
	if (entry->prices)
		buffer_append_format(out, " %.2f |\n", forecast->month.total);
	else
		buffer_append_text(out, " – |\n");
}

static void append_markdown_best(struct buffer *out, const struct bench_result *result,
                                 enum bench_forecast_order order, const char *word)
{
	autobuffer struct buffer words = BUFFER_INIT;

	if (bench_forecast_winner(&words, result, order, bench_markdown_text))
		buffer_append_format(out, "\n%s: %s.\n", word, words.data);
}

static void append_markdown_forecasts(struct buffer *out, const struct bench_result *result)
{
	const struct bench_forecasts *forecasts = result->forecasts;
	autobuffer struct buffer words = BUFFER_INIT;

	if (!forecasts || forecasts->count == 0)
		return;
	bench_forecast_words(&words, forecasts);
	buffer_append_text(out, "\nA month ");
	bench_markdown_text(out, words.data);
	buffer_append_text(out, ":\n\n| function | MB | provisioned | cold | p50, ms | p99, ms | "
	                        "environments | refused | $ a month |\n"
	                        "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < forecasts->count; i++)
		append_markdown_forecast(out, result, &forecasts->items[i]);
	append_markdown_best(out, result, BENCH_FORECAST_CHEAPEST, "Cheapest");
	append_markdown_best(out, result, BENCH_FORECAST_QUICKEST, "Quickest");
}

void bench_markdown(struct buffer *out, const struct bench_result *result)
{
	buffer_append_text(out,
	                   "| function | MB | init, ms | p10 | p90 | cold start | warm | p90 | "
	                   "peak, MB | $/M warm | $/M cold |\n"
	                   "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
	for (size_t i = 0; i < result->count; i++)
		append_markdown_entry(out, &result->entries[i]);
	bench_usage_markdown(out, result);
	append_markdown_gate(out, result);
	append_markdown_forecasts(out, result);
	if (result->is_partial)
		buffer_append_text(out, "\n**The benchmark ended before its time.**\n");
	buffer_append_text(out,
	                   "\nMedians unless a percentile is named. These numbers compare runs "
	                   "on one machine; they do not predict AWS.\n");
}

/* ---- CSV ---- */

static void append_csv(struct buffer *out, const char *text)
{
	buffer_append_text(out, "\"");
	for (; *text; text++)
		buffer_append_format(out, *text == '"' ? "\"%c" : "%c", *text);
	buffer_append_text(out, "\"");
}

static void append_csv_column(struct buffer *out, const struct bench_entry *entry,
                              enum metric_id metric)
{
	size_t count;
	double *values = metric_values(metric, entry->measurement, &count);

	for (size_t i = 0; i < count; i++) {
		append_csv(out, entry->name);
		buffer_append_format(out, ",%u,%s,%s,%zu,%.9g\r\n", megabytes(entry),
		                     metric_table[metric].name,
		                     metric_unit_name(metric_table[metric].unit), i + 1, values[i]);
	}
	free(values);
}

/* A forecast is no run: that column is empty. */
static void append_csv_forecast(struct buffer *out, const struct bench_result *result,
                                const struct bench_forecast *forecast)
{
	const struct bench_entry *entry = &result->entries[forecast->entry];
	bool is_simulated = bench_forecast_is_simulated(result->forecasts);
	const struct {
		const char *name, *unit;
		double value;
	} rows[] = {
		{ "cold_rate", "1", forecast->cold_rate },
		{ "refused_rate", "1", is_simulated ? forecast->refused_rate : NAN },
		{ "p50", "ms", forecast->p50_ms },
		{ "p99", "ms", forecast->p99_ms },
		{ "environments", "1", is_simulated ? (double)forecast->environments : NAN },
		{ "month", "USD", entry->prices ? forecast->month.total : NAN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (isnan(rows[i].value))
			continue;
		append_csv(out, entry->name);
		buffer_append_format(out, ",%u,%s.%s,%s,,%.9g\r\n", megabytes(entry),
		                     forecast->provisioned ? "provisioned" : "forecast",
		                     rows[i].name, rows[i].unit, rows[i].value);
	}
}

void bench_csv(struct buffer *out, const struct bench_result *result)
{
	buffer_append_text(out, "function,memory_mb,metric,unit,run,value\r\n");
	for (size_t i = 0; i < result->count; i++)
		for (unsigned metric = 0; metric < METRIC_COUNT; metric++)
			append_csv_column(out, &result->entries[i], (enum metric_id)metric);
	for (size_t i = 0; result->forecasts && i < result->forecasts->count; i++)
		append_csv_forecast(out, result, &result->forecasts->items[i]);
}

/* ---- JUnit ---- */

static void append_junit_case(struct buffer *out, const struct bench_result *result,
                              const struct bench_judgement *judgement)
{
	const struct bench_entry *entry = &result->entries[judgement->entry];

	buffer_append_text(out, "    <testcase classname=\"");
	bench_xml_text(out, entry->name);
	buffer_append_format(out, ", %u MB\" name=\"", megabytes(entry));
	bench_xml_text(out, judgement->threshold);
	buffer_append_text(out, "\" time=\"0\">\n");
	if (judgement->verdict != THRESHOLD_HOLDS) {
		buffer_append_text(out, "      <failure message=\"");
		bench_xml_text(out, judgement->words);
		buffer_append_text(out, "\"/>\n");
	}
	buffer_append_text(out, "    </testcase>\n");
}

static size_t count_failures(const struct bench_result *result)
{
	size_t failures = 0;

	for (size_t i = 0; i < result->judgement_count; i++)
		failures += result->judgements[i].verdict != THRESHOLD_HOLDS;
	return failures;
}

void bench_junit(struct buffer *out, const struct bench_result *result)
{
	buffer_append_format(out,
	                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
	                     "  <testsuite name=\"lrie bench\" tests=\"%zu\" failures=\"%zu\" "
	                     "errors=\"0\" skipped=\"0\" time=\"0\">\n",
	                     result->judgement_count, count_failures(result));
	for (size_t i = 0; i < result->judgement_count; i++)
		append_junit_case(out, result, &result->judgements[i]);
	buffer_append_text(out, "  </testsuite>\n</testsuites>\n");
}

/* ---- Prometheus ---- */

static const struct {
	const char *suffix;
	double size; /* of the metric's unit */
} base_units[] = { [METRIC_MILLISECONDS] = { "_seconds", 1e-3 },
	           [METRIC_MEGABYTES] = { "_bytes", 1 << 20 },
	           [METRIC_PIECES] = { "", 1 } };

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), rest = strlen(end);

	return length >= rest && strcmp(text + length - rest, end) == 0;
}

/* "cold.init" in milliseconds is lrie_bench_cold_init_seconds; megabytes are bytes. */
static void append_family(struct buffer *out, enum metric_id metric)
{
	const char *name = metric_table[metric].name;

	buffer_append_text(out, "lrie_bench_");
	for (const char *at = name; *at; at++)
		buffer_append_format(out, "%c", *at == '.' ? '_' : *at);
	if (!ends_with(name, ".bytes"))
		buffer_append_text(out, base_units[metric_table[metric].unit].suffix);
}

static double in_base_unit(enum metric_id metric, double value)
{
	return value * base_units[metric_table[metric].unit].size;
}

static void append_sample(struct buffer *out, const struct bench_entry *entry,
                          enum metric_id metric, const char *suffix, const char *quantile,
                          double value)
{
	if (isnan(value))
		return;
	append_family(out, metric);
	buffer_append_format(out, "%s{", suffix);
	prometheus_label(out, "function", entry->name);
	buffer_append_format(out, ",memory_mb=\"%u\"", megabytes(entry));
	if (quantile)
		buffer_append_format(out, ",quantile=\"%s\"", quantile);
	buffer_append_format(out, "} %.9g\n", value);
}

static void append_summary(struct buffer *out, const struct bench_entry *entry,
                           enum metric_id metric)
{
	struct stats stats = bench_figures(entry, metric);
	const struct {
		const char *quantile;
		double value;
	} samples[] = { { "0", stats.min },   { "0.1", stats.p10 },  { "0.5", stats.median },
		        { "0.9", stats.p90 }, { "0.95", stats.p95 }, { "0.99", stats.p99 },
		        { "1", stats.max } };

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		append_sample(out, entry, metric, "", samples[i].quantile,
		              in_base_unit(metric, samples[i].value));
	if (stats.count == 0)
		return;
	append_sample(out, entry, metric, "_sum", NULL,
	              in_base_unit(metric, stats.mean * (double)stats.count));
	append_sample(out, entry, metric, "_count", NULL, (double)stats.count);
}

void bench_prometheus(struct buffer *out, const struct bench_result *result)
{
	for (unsigned metric = 0; metric < METRIC_COUNT; metric++) {
		buffer_append_text(out, "# HELP ");
		append_family(out, (enum metric_id)metric);
		buffer_append_format(out, " %s\n# TYPE ", metric_table[metric].what);
		append_family(out, (enum metric_id)metric);
		buffer_append_text(out, " summary\n");
		for (size_t i = 0; i < result->count; i++)
			append_summary(out, &result->entries[i], (enum metric_id)metric);
	}
}

/* ---- GitHub Actions ---- */

/* A workflow command ends with its line, and % begins an escape. */
static void append_command_data(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '%' || is_control(*text))
			buffer_append_format(out, "%%%02X", (unsigned char)*text);
		else
			buffer_append(out, text, 1);
	}
}

void bench_annotations(struct buffer *out, const struct bench_result *result)
{
	for (size_t i = 0; i < result->judgement_count; i++) {
		const struct bench_judgement *judgement = &result->judgements[i];

		if (judgement->verdict == THRESHOLD_HOLDS)
			continue;
		buffer_append_text(out, "::error title=lrie bench::");
		append_command_data(out, result->entries[judgement->entry].name);
		buffer_append_text(out, ": ");
		append_command_data(out, judgement->words);
		buffer_append_text(out, "\n");
	}
}
