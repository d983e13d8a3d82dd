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
                             const struct bench_scenario *scenario, const struct traffic *traffic,
                             double *provisioned_share)
{
	const struct simulation_plan plan = {
		.traffic = traffic,
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
	return cold_rate * bench_figures(entry, METRIC_COLD_BILLED).mean +
	       (1 - cold_rate) * bench_figures(entry, METRIC_WARM_BILLED).mean;
}

static struct bench_forecast make_forecast(const struct bench_result *result,
                                           const struct bench_scenario *scenario,
                                           const struct traffic *traffic, size_t at,
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
		load.billed_ms = simulate_entry(&forecast, result, scenario, traffic,
		                                &load.provisioned_share);
	else
		load.billed_ms = mix_billed(entry, scenario->cold_rate);
	load.requests = traffic->per_second * TRAFFIC_MONTH_SECONDS * (1 - forecast.refused_rate);
	if (entry->prices)
		forecast.month = price_month(entry->prices, &load);
	return forecast;
}

static bool is_measured(const struct bench_entry *entry)
{
	return entry->measurement->cold_count > 0 && entry->measurement->warm_count > 0;
}

void bench_forecast_make(struct bench_result *result, const struct bench_scenario *scenario)
{
	bool twice = scenario->provisioned > 0 && scenario->cold_rate < 0;
	struct bench_forecasts *forecasts;
	struct traffic traffic;

	if (!scenario->text || !traffic_parse(scenario->text, &traffic, NULL))
		return;
	forecasts = xcalloc(1, sizeof(*forecasts));
	forecasts->scenario = *scenario;
	forecasts->requests_per_month = traffic.per_second * TRAFFIC_MONTH_SECONDS;
	forecasts->items = xcalloc(2 * result->count + 1, sizeof(*forecasts->items));
	for (size_t i = 0; i < result->count; i++) {
		if (!is_measured(&result->entries[i]))
			continue;
		forecasts->items[forecasts->count++] = make_forecast(result, scenario, &traffic, i,
		                                                     0);
		if (twice)
			forecasts->items[forecasts->count++] = make_forecast(result, scenario,
			                                                     &traffic, i,
			                                                     scenario->provisioned);
	}
	traffic_finish(&traffic);
	result->forecasts = forecasts;
}

void bench_forecast_finish(struct bench_result *result)
{
	struct bench_forecasts *forecasts = result->forecasts;

	if (forecasts)
		free(forecasts->items);
	free(forecasts);
	result->forecasts = NULL;
}

bool bench_forecast_is_simulated(const struct bench_forecasts *forecasts)
{
	return forecasts->scenario.cold_rate < 0;
}

/* ---- which is the best ---- */

/* NAN where it is not known. */
static double value_of(const struct bench_result *result, const struct bench_forecast *forecast,
                       enum bench_forecast_order order)
{
	if (order == BENCH_FORECAST_QUICKEST)
		return forecast->p99_ms;
	return result->entries[forecast->entry].prices ? forecast->month.total : NAN;
}

static const struct bench_forecast *least(const struct bench_result *result,
                                          enum bench_forecast_order order)
{
	const struct bench_forecasts *forecasts = result->forecasts;
	const struct bench_forecast *best = NULL;

	for (size_t i = 0; i < forecasts->count; i++) {
		const struct bench_forecast *forecast = &forecasts->items[i];
		double value = value_of(result, forecast, order);

		if (!isnan(value) && (!best || value < value_of(result, best, order)))
			best = forecast;
	}
	return best;
}

const struct bench_forecast *bench_forecast_best(const struct bench_result *result,
                                                 enum bench_forecast_order order, double *lead)
{
	const struct bench_forecasts *forecasts = result->forecasts;
	const struct bench_forecast *best = least(result, order);

	*lead = NAN;
	for (size_t i = 0; best && i < forecasts->count; i++) {
		const struct bench_forecast *other = &forecasts->items[i];
		double ratio = value_of(result, other, order) / value_of(result, best, order);

		if (other->entry != best->entry && !isnan(ratio) && !(ratio >= *lead))
			*lead = ratio;
	}
	return isnan(*lead) ? NULL : best;
}

/* ---- telling them ---- */

void bench_forecast_words(struct buffer *out, const struct bench_forecasts *forecasts)
{
	const struct bench_scenario *scenario = &forecasts->scenario;

	buffer_append_format(out, "under %s", scenario->text);
	if (!bench_forecast_is_simulated(forecasts)) {
		buffer_append_format(out, ", %g %% of it cold starts", scenario->cold_rate * 100);
		return;
	}
	buffer_append_format(out, ", environments ending after %g s without work",
	                     scenario->idle_seconds);
	if (scenario->concurrency)
		buffer_append_format(out, ", at most %zu at once", scenario->concurrency);
}

bool bench_forecast_winner(struct buffer *out, const struct bench_result *result,
                           enum bench_forecast_order order,
                           void (*append_name)(struct buffer *out, const char *name))
{
	double lead;
	const struct bench_forecast *best = bench_forecast_best(result, order, &lead);

	if (!best)
		return false;
	append_name(out, result->entries[best->entry].name);
	buffer_append_format(out, ", %u MB",
	                     (unsigned)(result->entries[best->entry].memory_bytes >> 20));
	if (best->provisioned)
		buffer_append_format(out, ", %zu provisioned", best->provisioned);
	buffer_append_format(out, ": the next takes %.2f times %s%s", lead,
	                     order == BENCH_FORECAST_CHEAPEST ? "the money" : "the time at p99",
	                     lead < 1 + result->noise ? ", which is noise" : "");
	return true;
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

static void append_best(struct buffer *out, const struct bench_result *result,
                        enum bench_forecast_order order, const char *word)
{
	autobuffer struct buffer words = BUFFER_INIT;

	if (bench_forecast_winner(&words, result, order, bench_table_whole_name))
		buffer_append_format(out, "%-10s%s\n", word, words.data);
}

void bench_forecast_table(struct buffer *out, const struct bench_result *result)
{
	const struct bench_forecasts *forecasts = result->forecasts;

	if (!forecasts)
		return;
	buffer_append_text(out, "\n");
	bench_forecast_words(out, forecasts);
	buffer_append_text(out, ":\n");
	if (forecasts->count == 0) {
		buffer_append_text(out, "nothing can be said without cold starts and warm "
		                        "invocations\n");
		return;
	}
	bench_table_name(out, "");
	buffer_append_format(out, "%6s%6s%9s%9s%9s%6s%10s%12s\n", "MB", "prov", "cold %", "p50, ms",
	                     "p99, ms", "envs", "refused %", "$ a month");
	for (size_t i = 0; i < forecasts->count; i++)
		append_forecast(out, result, &forecasts->items[i]);
	append_best(out, result, BENCH_FORECAST_CHEAPEST, "cheapest");
	append_best(out, result, BENCH_FORECAST_QUICKEST, "quickest");
}
