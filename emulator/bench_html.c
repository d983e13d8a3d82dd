/* SPDX-License-Identifier: Apache-2.0 */
/* bench_html - what a benchmark measured, as one page that needs nothing else */
#include "emulator/bench_html.h"

#include <math.h>

#include "emulator/bench_forecast.h"
#include "emulator/bench_svg.h"
#include "emulator/bench_usage.h"

static const char head[] =
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<meta name=\"color-scheme\" content=\"light dark\">\n<title>lrie bench</title>\n<style>\n"
	"body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;"
	"background:#fff;color:#222}\n"
	"h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem;overflow-wrap:anywhere}\n"
	".scroll{overflow-x:auto}\ntable{border-collapse:collapse;min-width:100%}\n"
	"th,td{padding:.25rem .6rem;text-align:right;border-bottom:1px solid #ddd;"
	"white-space:nowrap}\n"
	"th:first-child,td:first-child,td.l,th.l{text-align:left}\ntd.w{white-space:normal}\n"
	".ok{color:#00664b}.bad{color:#a33f00;font-weight:600}\n"
	"svg{width:100%;min-width:36rem;height:auto;display:block}.note{color:#666}\n"
	"@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}"
	"th,td{border-color:#444}.ok{color:#4dd0a6}.bad{color:#ff9a5c}.note{color:#999}}\n"
	"</style>\n</head>\n<body>\n<h1>lrie bench</h1>\n";

static void append_cell(struct buffer *out, double value)
{
	if (isnan(value))
		buffer_append_text(out, "<td>–</td>");
	else
		buffer_append_format(out, "<td>%.*f</td>",
		                     value < 10    ? 3
		                     : value < 100 ? 2
		                                   : 1,
		                     value);
}

static void append_name(struct buffer *out, const struct bench_entry *entry)
{
	bench_xml_text(out, entry->name);
	buffer_append_format(out, ", %u MB", (unsigned)(entry->memory_bytes >> 20));
}

/* ---- side by side ---- */

static void append_row(struct buffer *out, const struct bench_entry *entry)
{
	struct stats init = bench_figures(entry, METRIC_COLD_INIT);
	struct stats warm = bench_figures(entry, METRIC_WARM_INVOKE);
	const double cells[] = { init.median,
		                 init.p90,
		                 bench_figures(entry, METRIC_COLD_TOTAL).median,
		                 warm.median,
		                 warm.p90,
		                 bench_figures(entry, METRIC_MEMORY_PEAK).max,
		                 bench_cost_per_million(entry, 0),
		                 bench_cost_per_million(entry, 1) };

	buffer_append_text(out, "<tr><td>");
	append_name(out, entry);
	buffer_append_text(out, "</td>");
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		append_cell(out, cells[i]);
	buffer_append_text(out, "</tr>\n");
}

static void append_overview(struct buffer *out, const struct bench_result *result)
{
	buffer_append_text(out, "<div class=\"scroll\"><table>\n<tr><th>function</th><th>init, "
	                        "ms</th><th>p90</th><th>cold start, ms</th><th>warm, ms</th>"
	                        "<th>p90</th><th>peak, MB</th><th>$/M warm</th><th>$/M "
	                        "cold</th></tr>\n");
	for (size_t i = 0; i < result->count; i++)
		append_row(out, &result->entries[i]);
	buffer_append_text(out, "</table></div>\n<p class=\"note\">Medians unless a percentile is "
	                        "named. These numbers compare runs on one machine; they do not "
	                        "predict AWS.</p>\n");
}

/* ---- the gate ---- */

static void append_gate(struct buffer *out, const struct bench_result *result)
{
	if (result->judgement_count == 0)
		return;
	buffer_append_text(out, "<h2>Thresholds</h2>\n<div class=\"scroll\"><table>\n");
	for (size_t i = 0; i < result->judgement_count; i++) {
		const struct bench_judgement *judgement = &result->judgements[i];
		bool holds = judgement->verdict == THRESHOLD_HOLDS;

		buffer_append_text(out, "<tr><td>");
		bench_xml_text(out, judgement->threshold);
		buffer_append_format(out, "</td><td class=\"l %s\">%s</td><td class=\"l w\">",
		                     holds ? "ok" : "bad", holds ? "holds" : "fails");
		append_name(out, &result->entries[judgement->entry]);
		buffer_append_text(out, ": ");
		bench_xml_text(out, judgement->words);
		buffer_append_text(out, "</td></tr>\n");
	}
	buffer_append_text(out, "</table></div>\n");
}

/* ---- the forecasts ---- */

static void append_count(struct buffer *out, bool is_known, size_t count)
{
	if (is_known)
		buffer_append_format(out, "<td>%zu</td>", count);
	else
		buffer_append_text(out, "<td>–</td>");
}

static void append_forecast(struct buffer *out, const struct bench_result *result,
                            const struct bench_forecast *forecast)
{
	const struct bench_entry *entry = &result->entries[forecast->entry];
	bool is_simulated = bench_forecast_is_simulated(result->forecasts);

	buffer_append_text(out, "<tr><td>");
	append_name(out, entry);
	buffer_append_format(out, "</td><td>%zu</td><td>%.3f %%</td>", forecast->provisioned,
	                     forecast->cold_rate * 100);
	append_cell(out, forecast->p50_ms);
	append_cell(out, forecast->p99_ms);
	append_count(out, is_simulated, forecast->environments);
	if (is_simulated)
		buffer_append_format(out, "<td>%.3f %%</td>", forecast->refused_rate * 100);
	else
		buffer_append_text(out, "<td>–</td>");
	if (entry->prices)
		buffer_append_format(out, "<td>%.2f</td></tr>\n", forecast->month.total);
	else
		buffer_append_text(out, "<td>–</td></tr>\n");
}

static void append_best(struct buffer *out, const struct bench_result *result,
                        enum bench_forecast_order order, const char *word)
{
	autobuffer struct buffer words = BUFFER_INIT;

	if (bench_forecast_winner(&words, result, order, bench_xml_text))
		buffer_append_format(out, "<p><strong>%s:</strong> %s.</p>\n", word, words.data);
}

static void append_forecasts(struct buffer *out, const struct bench_result *result)
{
	const struct bench_forecasts *forecasts = result->forecasts;
	autobuffer struct buffer words = BUFFER_INIT;

	if (!forecasts || forecasts->count == 0)
		return;
	bench_forecast_words(&words, forecasts);
	buffer_append_text(out, "<h2>A month ");
	bench_xml_text(out, words.data);
	buffer_append_text(out, "</h2>\n<div class=\"scroll\"><table>\n<tr><th>function</th>"
	                        "<th>provisioned</th><th>cold</th><th>p50, ms</th><th>p99, ms</th>"
	                        "<th>environments</th><th>refused</th><th>$ a month</th></tr>\n");
	for (size_t i = 0; i < forecasts->count; i++)
		append_forecast(out, result, &forecasts->items[i]);
	buffer_append_text(out, "</table></div>\n");
	append_best(out, result, BENCH_FORECAST_CHEAPEST, "Cheapest");
	append_best(out, result, BENCH_FORECAST_QUICKEST, "Quickest");
}

/* ---- every figure ---- */

static void append_metric(struct buffer *out, enum metric_id metric, const struct stats *stats)
{
	const double cells[] = { stats->median, stats->low, stats->high, stats->p10, stats->p90,
		                 stats->p95,    stats->p99, stats->min,  stats->max };

	buffer_append_format(out, "<tr><td title=\"%s\">%s, %s</td>", metric_table[metric].what,
	                     metric_table[metric].name,
	                     metric_unit_name(metric_table[metric].unit));
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		append_cell(out, cells[i]);
	buffer_append_format(out, "<td>%zu</td><td>%zu</td></tr>\n", stats->count, stats->outliers);
}

static void append_entry(struct buffer *out, const struct bench_entry *entry, uint64_t seed)
{
	autobuffer struct buffer missing = BUFFER_INIT;

	buffer_append_text(out, "<h2>");
	append_name(out, entry);
	buffer_append_text(out, "</h2>\n<div class=\"scroll\"><table>\n<tr><th></th><th>median</th>"
	                        "<th>95 % from</th><th>to</th><th>p10</th><th>p90</th><th>p95</th>"
	                        "<th>p99</th><th>min</th><th>max</th><th>n</th><th>outliers</th>"
	                        "</tr>\n");
	for (unsigned metric = 0; metric < METRIC_COUNT; metric++) {
		struct stats stats = bench_stats(entry, (enum metric_id)metric, seed);
		if (stats.count > 0)
			append_metric(out, (enum metric_id)metric, &stats);
	}
	buffer_append_text(out, "</table></div>\n");
	bench_usage_missing(&missing, entry);
	if (missing.length > 0)
		buffer_append_format(out, "<p class=\"note\">Not measured: %s.</p>\n",
		                     missing.data);
}

/* ---- the machine ---- */

static void append_walls(struct buffer *out, const struct sandbox_host *host)
{
	static const char *const words[] = {
		[SANDBOX_NO] = "no", [SANDBOX_PARTLY] = "partly", [SANDBOX_YES] = "yes"
	};

	for (int wall = 0; host && wall < SANDBOX_WALL_COUNT; wall++) {
		const struct sandbox_wall_state *state = sandbox_host_wall(host,
		                                                           (enum sandbox_wall)wall);
		buffer_append_format(out,
		                     "<tr><td>%s</td><td class=\"l\">%s</td><td class=\"l w\">%s",
		                     sandbox_wall_name((enum sandbox_wall)wall),
		                     words[state->standing], state->mechanism);
		buffer_append_text(out, state->detail[0] && state->mechanism[0] ? ": " : "");
		bench_xml_text(out, state->detail);
		buffer_append_text(out, "</td></tr>\n");
	}
}

static void append_machine(struct buffer *out, const struct bench_result *result)
{
	buffer_append_text(out, "<h2>Machine</h2>\n<p>");
	bench_xml_text(out, result->machine.architecture);
	buffer_append_text(out, ", Linux ");
	bench_xml_text(out, result->machine.kernel);
	buffer_append_format(out, ", %u CPUs, lrie " PACKAGE_VERSION, result->machine.cpus);
	if (result->commit) {
		buffer_append_text(out, ", commit ");
		bench_xml_text(out, result->commit);
	}
	buffer_append_text(out, "</p>\n<div class=\"scroll\"><table>\n<tr><th>wall</th><th "
	                        "class=\"l\">stands</th><th class=\"l\">by</th></tr>\n");
	append_walls(out, result->host);
	buffer_append_text(out, "</table></div>\n");
}

void bench_html(struct buffer *out, const struct bench_result *result)
{
	buffer_append_text(out, head);
	if (result->is_partial)
		buffer_append_text(out, "<p class=\"bad\">The benchmark ended before its "
		                        "time.</p>\n");
	append_overview(out, result);
	append_gate(out, result);
	append_forecasts(out, result);
	buffer_append_text(out, "<div class=\"scroll\">\n");
	bench_svg_element(out, result);
	buffer_append_text(out, "</div>\n");
	for (size_t i = 0; i < result->count; i++)
		append_entry(out, &result->entries[i], result->seed);
	append_machine(out, result);
	buffer_append_text(out, "</body>\n</html>\n");
}
