/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_forecast - what each function would be like, and cost, under some traffic.
 *
 * A simulation over what was measured (simulation.h), priced for a month. With a rate
 * of cold starts that the user names nothing is simulated: only the sum is made.
 */
#ifndef EMULATOR_BENCH_FORECAST_H
#define EMULATOR_BENCH_FORECAST_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"
#include "emulator/traffic.h"

/* How many requests are simulated at most. */
#define BENCH_FORECAST_REQUESTS 1000000

struct bench_scenario {
	const char *text;    /* the traffic as the user wrote it (traffic.h); NULL: none */
	double cold_rate;    /* 0 to 1; below 0: simulate */
	double idle_seconds; /* after which an environment ends */
	size_t concurrency;  /* 0: no limit */
	size_t provisioned;  /* 0: forecasts are made without only, else also with that many */
};

struct bench_forecast {
	size_t entry; /* its place in the result */
	size_t provisioned;
	double cold_rate, refused_rate; /* parts of all requests */
	double p50_ms, p99_ms;          /* latency; NAN when nothing was simulated */
	size_t environments;            /* on demand, the most at once; 0 like that */
	struct price_month month;       /* zeroed where the entry has no prices */
};

struct bench_forecasts {
	struct bench_scenario scenario;
	double requests_per_month; /* that come, answered or not */
	struct bench_forecast *items;
	size_t count;
};

/*
 * Makes result->forecasts: one of each entry, and a second one with provisioned
 * concurrency. An entry without cold starts or warm invocations has none. Without
 * traffic there is nothing: NULL.
 */
void bench_forecast_make(struct bench_result *result, const struct bench_scenario *scenario);
void bench_forecast_finish(struct bench_result *result);

/* Whether the scenario was simulated, and is not only a sum. */
bool bench_forecast_is_simulated(const struct bench_forecasts *forecasts);

enum bench_forecast_order { BENCH_FORECAST_CHEAPEST, BENCH_FORECAST_QUICKEST };

/*
 * The forecast with the least cost, or the least latency at p99. '*lead' is how many times as much
 * the next function takes. NULL when there is no other function, or no such figure.
 */
const struct bench_forecast *bench_forecast_best(const struct bench_result *result,
                                                 enum bench_forecast_order order, double *lead);

/* "under 10M/month, 10 % of it cold starts": what the forecasts are made for. */
void bench_forecast_words(struct buffer *out, const struct bench_forecasts *forecasts);

/* "node, 512 MB, 4 provisioned: the next takes 1.50 times the money"; nothing where
 * bench_forecast_best() has nothing. The name is appended by 'append_name', as the form of the
 * output demands. */
bool bench_forecast_winner(struct buffer *out, const struct bench_result *result,
                           enum bench_forecast_order order,
                           void (*append_name)(struct buffer *out, const char *name));

/* The forecasts as a table, and which is the cheapest and which the quickest. */
void bench_forecast_table(struct buffer *out, const struct bench_result *result);

#endif
