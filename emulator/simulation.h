/* SPDX-License-Identifier: Apache-2.0 */
/*
 * simulation - what a function would be like under some traffic.
 *
 * Environments live as on Lambda: a request takes the idle one that was used last,
 * or starts another; one that is idle for long enough ends. How long each request
 * takes is drawn from what was measured. Nothing is executed: a million requests
 * take a fraction of a second. Pure.
 */
#ifndef EMULATOR_SIMULATION_H
#define EMULATOR_SIMULATION_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/measurement.h"
#include "emulator/traffic.h"

struct simulation_plan {
	const struct traffic *traffic;
	const struct measurement *measurement; /* at least one cold start and one warm invocation */
	size_t requests;                       /* how many are simulated at most */
	double idle_seconds;                   /* after which an environment ends */
	size_t concurrency; /* environments at once; requests beyond are refused. 0: no limit */
	size_t provisioned; /* environments that are always there, initialised */
	uint64_t seed;
};

struct simulation {
	size_t requests, cold, refused;
	size_t environments;      /* the most at once, without the provisioned ones */
	double provisioned_share; /* of the requests that were answered */
	double mean_billed_ms;
	double *latencies_ms; /* of the requests that were answered, in order of arrival */
	size_t latency_count;
	double seconds; /* from the first arrival to the last */
};

/* The caller finishes the result. */
struct simulation simulate(const struct simulation_plan *plan);
void simulation_finish(struct simulation *simulation);

/* The part of requests that is refused when 'servers' serve 'load' (arrival rate times
 * service time) without a line: Erlang's loss formula, which random arrivals follow. */
double erlang_loss(size_t servers, double load);

#endif
