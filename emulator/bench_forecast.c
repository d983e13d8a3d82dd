/* SPDX-License-Identifier: Apache-2.0 */
/* bench_forecast - what each function would be like, and cost, under some traffic */
#include "emulator/bench_forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/bench_table.h"
#include "emulator/simulation.h"

/* ---- making them ---- */

static int compare_latencies(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static void find_latencies(struct bench_forecast *forecast, struct simulation *simulation)
{
	size_t count = simulation->latency_count;

	qsort(simulation->latencies_ms, count, sizeof(double), compare_latencies);
	if (count > 0)
		forecast->p50_ms = stats_quantile(simulation->latencies_ms, count, 500);
	if (stats_supports(count, 990))
		forecast->p99_ms = stats_quantile(simulation->latencies_ms, count, 990);
}

/* Returns the mean of what is billed for a request, in milliseconds. */
static double simulate_entry(struct bench_forecast *forecast, const struct bench_result *result,
                             const struct bench_scenario *scenario, double *provisioned_share)
{
	const struct simulation_plan plan = {
		.traffic = scenario->traffic,
		.measurement = result->entries[forecast->entry].measurement,
		.requests = BENCH_FORECAST_REQUESTS,
		.idle_seconds = scenario->idle_seconds,
		.concurrency = scenario->concurrency,
		.provisioned = forecast->provisioned,
		.seed = result->seed,
	};
	struct simulation simulation = simulate(&plan);

	forecast->cold_rate = (double)simulation.cold / (double)simulation.requests;
	forecast->refused_rate = (double)simulation.refused / (double)simulation.requests;
	forecast->environments = simulation.environments;
	find_latencies(forecast, &simulation);
	*provisioned_share = simulation.provisioned_share;
	double billed_ms = simulation.mean_billed_ms;
	simulation_finish(&simulation);
	return billed_ms;
}

static double mix_billed(const struct bench_entry *entry, double cold_rate)
{
	return cold_rate * bench_stats(entry, METRIC_COLD_BILLED, 0).mean +
	       (1 - cold_rate) * bench_stats(entry, METRIC_WARM_BILLED, 0).mean;
}

static struct bench_forecast make_forecast(const struct bench_result *result,
                                           const struct bench_scenario *scenario, size_t at,
                                           size_t provisioned)
{
	const struct bench_entry *entry = &result->entries[at];
	struct bench_forecast forecast = { .entry = at,
		                           .provisioned = provisioned,
		                           .cold_rate = scenario->cold_rate,
		                           .p50_ms = NAN,
		                           .p99_ms = NAN };
	struct price_load load = { .memory_bytes = entry->memory_bytes,
		                   .tmp_bytes = entry->tmp_bytes,
		                   .provisioned = (double)provisioned,
		                   .provisioned_seconds = TRAFFIC_MONTH_SECONDS };

	if (scenario->cold_rate < 0)
		load.billed_ms = simulate_entry(&forecast, result, scenario,
		                                &load.provisioned_share);
	else
		load.billed_ms = mix_billed(entry, scenario->cold_rate);
	load.requests = scenario->traffic->per_second * TRAFFIC_MONTH_SECONDS *
	                (1 - forecast.refused_rate);
	if (entry->prices)
		forecast.month = price_month(entry->prices, &load);
	return forecast;
}

static bool is_measured(const struct bench_entry *entry)
{
	return entry->measurement->cold_count > 0 && entry->measurement->warm_count > 0;
}

struct bench_forecast *bench_forecast(const struct bench_result *result,
                                      const struct bench_scenario *scenario, size_t *count)
{
	bool twice = scenario->provisioned > 0 && scenario->cold_rate < 0;
	struct bench_forecast *forecasts = xcalloc(2 * result->count, sizeof(*forecasts));

	*count = 0;
	for (size_t i = 0; i < result->count; i++) {
		if (!is_measured(&result->entries[i]))
			continue;
		forecasts[(*count)++] = make_forecast(result, scenario, i, 0);
		if (twice)
			forecasts[(*count)++] = make_forecast(result, scenario, i,
			                                      scenario->provisioned);
	}
	return forecasts;
}

/* ---- telling them ---- */

static void append_scenario(struct buffer *out, const struct bench_scenario *scenario)
{
	buffer_append_format(out, "\nunder %s", scenario->text);
	if (scenario->cold_rate >= 0)
		buffer_append_format(out, ", %g %% of it cold starts", scenario->cold_rate * 100);
	else
		buffer_append_format(out, ", environments ending after %g s without work",
		                     scenario->idle_seconds);
	buffer_append_text(out, ":\n");
}

static void append_forecast(struct buffer *out, const struct bench_result *result,
                            const struct bench_forecast *forecast)
{
	const struct bench_entry *entry = &result->entries[forecast->entry];

	bench_table_name(out, entry->name);
	buffer_append_format(out, "%6u%6zu%9.3f", (unsigned)(entry->memory_bytes >> 20),
	                     forecast->provisioned, forecast->cold_rate * 100);
	bench_table_cell(out, forecast->p50_ms);
	bench_table_cell(out, forecast->p99_ms);
	if (isnan(forecast->p50_ms))
		buffer_append_format(out, "%6s%10s", "-", "-");
	else
		buffer_append_format(out, "%6zu%10.3f", forecast->environments,
		                     forecast->refused_rate * 100);
	if (entry->prices)
		buffer_append_format(out, "%12.2f\n", forecast->month.total);
	else
		buffer_append_format(out, "%12s\n", "-");
}

static double cost_of(const struct bench_forecast *forecast)
{
	return forecast->month.total;
}

static double tail_of(const struct bench_forecast *forecast)
{
	return forecast->p99_ms;
}

/* The one with the least value, and the ratio of the least of another function to it. */
static const struct bench_forecast *best_of(const struct bench_forecast *forecasts, size_t count,
                                            double (*value)(const struct bench_forecast *forecast),
                                            double *lead)
{
	const struct bench_forecast *best = NULL;

	*lead = NAN;
	for (size_t i = 0; i < count; i++) {
		if (!best || value(&forecasts[i]) < value(best))
			best = &forecasts[i];
	}
	for (size_t i = 0; i < count; i++) {
		double ratio = value(&forecasts[i]) / value(best);
		if (forecasts[i].entry != best->entry && !(ratio >= *lead))
			*lead = ratio;
	}
	return best;
}

static void append_best(struct buffer *out, const struct bench_result *result,
                        const struct bench_forecast *forecasts, size_t count, const char *word,
                        const char *what, double (*value)(const struct bench_forecast *forecast))
{
	double lead;
	const struct bench_forecast *best = best_of(forecasts, count, value, &lead);
	const struct bench_entry *entry = &result->entries[best->entry];

	if (isnan(value(best)) || isnan(lead) || (value == cost_of && !entry->prices))
		return;
	buffer_append_format(out, "%-10s", word);
	bench_table_whole_name(out, entry->name);
	buffer_append_format(out, ", %u MB", (unsigned)(entry->memory_bytes >> 20));
	if (best->provisioned)
		buffer_append_format(out, ", %zu provisioned", best->provisioned);
	buffer_append_format(out, ": the next takes %.2f times %s\n", lead, what);
}

void bench_forecast_table(struct buffer *out, const struct bench_result *result,
                          const struct bench_scenario *scenario,
                          const struct bench_forecast *forecasts, size_t count)
{
	append_scenario(out, scenario);
	if (count == 0) {
		buffer_append_text(out, "nothing can be said without cold starts and warm "
		                        "invocations\n");
		return;
	}
	bench_table_name(out, "");
	buffer_append_format(out, "%6s%6s%9s%9s%9s%6s%10s%12s\n", "MB", "prov", "cold %", "p50, ms",
	                     "p99, ms", "envs", "refused %", "$ a month");
	for (size_t i = 0; i < count; i++)
		append_forecast(out, result, &forecasts[i]);
	append_best(out, result, forecasts, count, "cheapest", "the money", cost_of);
	append_best(out, result, forecasts, count, "quickest", "the time at p99", tail_of);
}
