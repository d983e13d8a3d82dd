/* SPDX-License-Identifier: Apache-2.0 */
/* simulation - what a function would be like under some traffic */
#include "emulator/simulation.h"

#include <stdlib.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"

/* Environments of one kind. Those at work are a heap by the time at which they will be done,
 * the soonest first; the idle ones are a row by the time since which they are, the last at the
 * end, so that the one to use is there and the one to end is at the beginning. */
struct fleet {
	double *busy;
	size_t busy_count;
	double *idle;
	size_t idle_begin, idle_end;
	size_t room;
};

static void make_room(struct fleet *fleet)
{
	size_t count = fleet->busy_count + (fleet->idle_end - fleet->idle_begin);

	if (count + 1 < fleet->room && fleet->idle_end + 1 < 2 * fleet->room)
		return;
	fleet->room = 2 * (count + 8);
	double *idle = xmalloc(2 * fleet->room * sizeof(*idle));
	for (size_t i = fleet->idle_begin; i < fleet->idle_end; i++)
		idle[i - fleet->idle_begin] = fleet->idle[i];
	free(fleet->idle);
	fleet->idle = idle;
	fleet->idle_end -= fleet->idle_begin;
	fleet->idle_begin = 0;
	fleet->busy = xrealloc(fleet->busy, fleet->room * sizeof(*fleet->busy));
}

static void push_busy(struct fleet *fleet, double until)
{
	size_t at = fleet->busy_count++;

	for (; at > 0 && fleet->busy[(at - 1) / 2] > until; at = (at - 1) / 2)
		fleet->busy[at] = fleet->busy[(at - 1) / 2];
	fleet->busy[at] = until;
}

static double pop_busy(struct fleet *fleet)
{
	double first = fleet->busy[0], last = fleet->busy[--fleet->busy_count];
	size_t at = 0, child;

	while ((child = 2 * at + 1) < fleet->busy_count) {
		if (child + 1 < fleet->busy_count && fleet->busy[child + 1] < fleet->busy[child])
			child++;
		if (fleet->busy[child] >= last)
			break;
		fleet->busy[at] = fleet->busy[child];
		at = child;
	}
	fleet->busy[at] = last;
	return first;
}

/* Moves those that are done, and ends those that were idle for too long. */
static void advance(struct fleet *fleet, double now, double idle_seconds)
{
	while (fleet->busy_count > 0 && fleet->busy[0] <= now) {
		make_room(fleet);
		double done = pop_busy(fleet);
		fleet->idle[fleet->idle_end++] = done;
	}
	while (fleet->idle_begin < fleet->idle_end &&
	       fleet->idle[fleet->idle_begin] + idle_seconds < now)
		fleet->idle_begin++;
}

static bool take_idle(struct fleet *fleet)
{
	if (fleet->idle_begin == fleet->idle_end)
		return false;
	fleet->idle_end--;
	return true;
}

static size_t fleet_size(const struct fleet *fleet)
{
	return fleet->busy_count + (fleet->idle_end - fleet->idle_begin);
}

static void fleet_finish(struct fleet *fleet)
{
	free(fleet->busy);
	free(fleet->idle);
}

/* ---- one request ---- */

struct run {
	const struct simulation_plan *plan;
	struct simulation *result;
	struct random random;
	struct fleet on_demand, provisioned;
	double billed_ms; /* all together */
	size_t by_provisioned;
};

static void answer(struct run *run, struct fleet *fleet, double now, uint64_t took_ns,
                   uint64_t billed_ms)
{
	struct simulation *result = run->result;

	make_room(fleet);
	push_busy(fleet, now + (double)took_ns / CLOCK_NS_PER_S);
	result->latencies_ms[result->latency_count++] = (double)took_ns / CLOCK_NS_PER_MS;
	run->billed_ms += (double)billed_ms;
}

static void answer_warm(struct run *run, struct fleet *fleet, double now)
{
	const struct measurement *measurement = run->plan->measurement;
	const struct warm_invoke
		*warm = &measurement->warm[random_below(&run->random, measurement->warm_count)];

	answer(run, fleet, now, warm->invoke_ns, warm->billed_ms);
}

static void answer_cold(struct run *run, double now)
{
	const struct measurement *measurement = run->plan->measurement;
	const struct cold_start
		*cold = &measurement->cold[random_below(&run->random, measurement->cold_count)];

	run->result->cold++;
	answer(run, &run->on_demand, now, cold->total_ns, cold->billed_ms);
	if (fleet_size(&run->on_demand) > run->result->environments)
		run->result->environments = fleet_size(&run->on_demand);
}

/* The provisioned ones never end: their row of idle ones is refilled by those that are done. */
static void serve(struct run *run, double now)
{
	const struct simulation_plan *plan = run->plan;
	const double for_ever = 1e300;

	advance(&run->on_demand, now, plan->idle_seconds);
	advance(&run->provisioned, now, for_ever);
	run->result->requests++;
	if (take_idle(&run->provisioned)) {
		run->by_provisioned++;
		answer_warm(run, &run->provisioned, now);
	} else if (take_idle(&run->on_demand)) {
		answer_warm(run, &run->on_demand, now);
	} else if (plan->concurrency &&
	           fleet_size(&run->on_demand) + fleet_size(&run->provisioned) >=
	                   plan->concurrency) {
		run->result->refused++;
	} else {
		answer_cold(run, now);
	}
}

/* ---- all of them ---- */

static void provision(struct run *run)
{
	for (size_t i = 0; i < run->plan->provisioned; i++) {
		make_room(&run->provisioned);
		run->provisioned.idle[run->provisioned.idle_end++] = 0;
	}
}

struct simulation simulate(const struct simulation_plan *plan)
{
	struct simulation result = { .requests = 0 };
	struct run run = { .plan = plan, .result = &result };
	struct arrivals arrivals;
	double at = 0, first = 0;

	result.latencies_ms = xmalloc((plan->requests + 1) * sizeof(*result.latencies_ms));
	random_seed(&run.random,
	            plan->seed + 1); /* not the numbers that the arrivals are made of */
	arrivals_begin(&arrivals, plan->traffic, plan->seed);
	provision(&run);
	while (result.requests < plan->requests && arrivals_next(&arrivals, &at)) {
		first = result.requests ? first : at;
		serve(&run, at);
	}
	result.seconds = at - first;
	if (result.latency_count > 0) {
		result.mean_billed_ms = run.billed_ms / (double)result.latency_count;
		result.provisioned_share = (double)run.by_provisioned /
		                           (double)result.latency_count;
	}
	fleet_finish(&run.on_demand);
	fleet_finish(&run.provisioned);
	return result;
}

void simulation_finish(struct simulation *simulation)
{
	free(simulation->latencies_ms);
	simulation->latencies_ms = NULL;
}

double erlang_loss(size_t servers, double load)
{
	double loss = 1;

	for (size_t n = 1; n <= servers; n++)
		loss = load * loss / ((double)n + load * loss);
	return loss;
}
