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
	const char *text; /* the traffic as the user wrote it */
	const struct traffic *traffic;
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
	struct price_month month;
};

/*
 * Makes the forecasts of all entries: 'count' of them as malloc()ed storage. An entry
 * without cold starts or warm invocations has none.
 */
struct bench_forecast *bench_forecast(const struct bench_result *result,
                                      const struct bench_scenario *scenario, size_t *count);

/* The forecasts as a table, and which is the cheapest and which the quickest. */
void bench_forecast_table(struct buffer *out, const struct bench_result *result,
                          const struct bench_scenario *scenario,
                          const struct bench_forecast *forecasts, size_t count);

#endif
