/* SPDX-License-Identifier: Apache-2.0 */
/* bench_json - what a benchmark measured, as JSON */
#include "emulator/bench_json.h"

#include <math.h>
#include <stdlib.h>

#include "emulator/bench_baseline.h"
#include "emulator/bench_forecast.h"
#include "emulator/json.h"

static void append_machine(struct buffer *out, const struct bench_result *result)
{
	json_object_open(out, "machine");
	json_object_text(out, "kernel", result->machine.kernel);
	json_object_text(out, "architecture", result->machine.architecture);
	json_object_number(out, "cpus", result->machine.cpus);
	json_object_end(out);
}

static void append_walls(struct buffer *out, const struct sandbox_host *host)
{
	static const char *const words[] = {
		[SANDBOX_NO] = "no", [SANDBOX_PARTLY] = "partly", [SANDBOX_YES] = "yes"
	};

	json_array_open(out, "walls");
	for (int wall = 0; host && wall < SANDBOX_WALL_COUNT; wall++) {
		const struct sandbox_wall_state *state = sandbox_host_wall(host,
		                                                           (enum sandbox_wall)wall);
		json_array_item(out);
		json_object_text(out, "name", sandbox_wall_name((enum sandbox_wall)wall));
		json_object_text(out, "enforced", words[state->standing]);
		json_object_text(out, "mechanism", state->mechanism);
		json_object_end(out);
	}
	json_array_end(out);
}

static void append_metric(struct buffer *out, const struct bench_entry *entry,
                          enum metric_id metric, uint64_t seed)
{
	struct stats stats = bench_stats(entry, metric, seed);
	size_t count;
	double *values = metric_values(metric, entry->measurement, &count);

	json_object_open(out, metric_table[metric].name);
	json_object_text(out, "unit", metric_unit_name(metric_table[metric].unit));
	json_object_text_or_null(out, "missing",
	                         count == 0 ? metric_missing(metric, entry->measurement) : NULL);
	json_object_number(out, "count", stats.count);
	for (unsigned i = 0; i < STATISTIC_COUNT; i++)
		json_object_double(out, statistic_name((enum metric_statistic)i),
		                   statistic_of(&stats, (enum metric_statistic)i));
	json_object_double(out, "low", stats.low);
	json_object_double(out, "high", stats.high);
	json_object_number(out, "outliers", stats.outliers);
	json_array_open(out, "values");
	for (size_t i = 0; i < count; i++)
		json_array_double(out, values[i]);
	json_array_end(out);
	json_object_end(out);
	free(values);
}

static void append_cost(struct buffer *out, const struct bench_entry *entry)
{
	json_object_open(out, "cost");
	json_object_text_or_null(out, "prices", entry->prices ? entry->prices->name : NULL);
	json_object_double(out, "million_warm", bench_cost_per_million(entry, 0));
	json_object_double(out, "million_cold", bench_cost_per_million(entry, 1));
	json_object_end(out);
}

static void append_entry(struct buffer *out, const struct bench_entry *entry, uint64_t seed)
{
	json_array_item(out);
	json_object_text(out, "name", entry->name);
	json_object_number(out, "memory_mb", entry->memory_bytes >> 20);
	json_object_number(out, "ephemeral_storage_mb", entry->tmp_bytes >> 20);
	json_object_number(out, "cold_starts", entry->measurement->cold_count);
	json_object_number(out, "warm_invocations", entry->measurement->warm_count);
	json_object_open(out, "metrics");
	for (unsigned metric = 0; metric < METRIC_COUNT; metric++)
		append_metric(out, entry, (enum metric_id)metric, seed);
	json_object_end(out);
	append_cost(out, entry);
	json_object_end(out);
}

static void append_judgements(struct buffer *out, const struct bench_result *result)
{
	static const char *const words[] = { [THRESHOLD_HOLDS] = "holds",
		                             [THRESHOLD_BROKEN] = "broken",
		                             [THRESHOLD_UNKNOWN] = "unknown" };

	json_array_open(out, "thresholds");
	for (size_t i = 0; i < result->judgement_count; i++) {
		const struct bench_judgement *judgement = &result->judgements[i];
		json_array_item(out);
		json_object_text(out, "threshold", judgement->threshold);
		json_object_text(out, "function", result->entries[judgement->entry].name);
		json_object_number(out, "memory_mb",
		                   result->entries[judgement->entry].memory_bytes >> 20);
		json_object_text(out, "verdict", words[judgement->verdict]);
		json_object_text(out, "words", judgement->words);
		json_object_end(out);
	}
	json_array_end(out);
}

static void append_subject(struct buffer *out, const struct bench_result *result,
                           const struct bench_forecast *forecast)
{
	const struct bench_entry *entry = &result->entries[forecast->entry];

	json_object_text(out, "function", entry->name);
	json_object_number(out, "memory_mb", entry->memory_bytes >> 20);
	json_object_number(out, "provisioned", forecast->provisioned);
}

/* In dollars; null where there are no prices. */
static void append_month(struct buffer *out, const struct bench_result *result,
                         const struct bench_forecast *forecast)
{
	const struct price_month *month = &forecast->month;

	if (!result->entries[forecast->entry].prices) {
		json_object_null(out, "month");
		return;
	}
	json_object_open(out, "month");
	json_object_double(out, "gb_seconds", month->gb_seconds);
	json_object_double(out, "requests", month->requests);
	json_object_double(out, "duration", month->duration);
	json_object_double(out, "tmp", month->tmp);
	json_object_double(out, "provisioned", month->provisioned);
	json_object_double(out, "total", month->total);
	json_object_end(out);
}

static void append_forecast(struct buffer *out, const struct bench_result *result,
                            const struct bench_forecast *forecast)
{
	bool is_simulated = bench_forecast_is_simulated(result->forecasts);

	json_array_item(out);
	append_subject(out, result, forecast);
	json_object_double(out, "cold_rate", forecast->cold_rate);
	json_object_double(out, "refused_rate", is_simulated ? forecast->refused_rate : NAN);
	json_object_double(out, "p50", forecast->p50_ms);
	json_object_double(out, "p99", forecast->p99_ms);
	json_object_double(out, "environments",
	                   is_simulated ? (double)forecast->environments : NAN);
	append_month(out, result, forecast);
	json_object_end(out);
}

static void append_best(struct buffer *out, const struct bench_result *result, const char *name,
                        enum bench_forecast_order order)
{
	double lead;
	const struct bench_forecast *best = bench_forecast_best(result, order, &lead);

	if (!best) {
		json_object_null(out, name);
		return;
	}
	json_object_open(out, name);
	append_subject(out, result, best);
	json_object_double(out, "lead", lead);
	json_object_end(out);
}

static void append_forecasts(struct buffer *out, const struct bench_result *result)
{
	const struct bench_forecasts *forecasts = result->forecasts;

	if (!forecasts) {
		json_object_null(out, "traffic");
		return;
	}
	json_object_open(out, "traffic");
	json_object_text(out, "text", forecasts->scenario.text);
	json_object_double(out, "requests_per_month", forecasts->requests_per_month);
	json_object_bool(out, "simulated", bench_forecast_is_simulated(forecasts));
	json_object_double(out, "idle_seconds", forecasts->scenario.idle_seconds);
	json_object_double(out, "concurrency",
	                   forecasts->scenario.concurrency ? (double)forecasts->scenario.concurrency
	                                                   : NAN);
	json_array_open(out, "forecasts");
	for (size_t i = 0; i < forecasts->count; i++)
		append_forecast(out, result, &forecasts->items[i]);
	json_array_end(out);
	append_best(out, result, "cheapest", BENCH_FORECAST_CHEAPEST);
	append_best(out, result, "quickest", BENCH_FORECAST_QUICKEST);
	json_object_end(out);
}

void bench_json(struct buffer *out, const struct bench_result *result)
{
	json_object_begin(out);
	json_object_number(out, "schema_version", BENCH_SCHEMA_VERSION);
	json_object_text(out, "lrie_version", PACKAGE_VERSION);
	json_object_text_or_null(out, "commit", result->commit);
	json_object_bool(out, "partial", result->is_partial);
	append_machine(out, result);
	append_walls(out, result->host);
	json_object_number(out, "seed", result->seed);
	json_object_double(out, "noise", result->noise);
	json_array_open(out, "functions");
	for (size_t i = 0; i < result->count; i++)
		append_entry(out, &result->entries[i], result->seed);
	json_array_end(out);
	append_judgements(out, result);
	append_forecasts(out, result);
	json_object_end(out);
	buffer_append_text(out, "\n");
}
