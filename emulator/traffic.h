/* SPDX-License-Identifier: Apache-2.0 */
/*
 * traffic - when requests arrive: a rate, bursts, or a list of times.
 *
 *	10M/month           steady: one after the other at equal distances
 *	poisson:5/s         at random, as many independent callers make them
 *	burst:100x20/hour   a hundred at once, twenty times an hour
 *	trace:FILE          at times that a file lists: seconds, one a line
 *
 * A number may end in k, M or G; the unit is s, minute, hour, day or month, which has
 * 30 days. Pure but for the file of a trace, which traffic_parse() reads.
 */
#ifndef EMULATOR_TRAFFIC_H
#define EMULATOR_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/random.h"
#include "sandbox/error.h"

#define TRAFFIC_MONTH_SECONDS (30.0 * 24 * 3600)

enum traffic_kind { TRAFFIC_STEADY, TRAFFIC_POISSON, TRAFFIC_BURST, TRAFFIC_TRACE };

struct traffic {
	enum traffic_kind kind;
	double per_second; /* requests, on average */
	size_t burst;      /* TRAFFIC_BURST: how many at once */
	double *times;     /* TRAFFIC_TRACE: in order, from 0 on */
	size_t count;      /* of them */
};

bool traffic_parse(const char *text, struct traffic *traffic, struct error *err);
void traffic_finish(struct traffic *traffic);

/* Arrival times, one after the other. */
struct arrivals {
	const struct traffic *traffic;
	struct random random;
	double now;
	size_t made;
};

void arrivals_begin(struct arrivals *arrivals, const struct traffic *traffic, uint64_t seed);

/* The next time in seconds, never before the last one. Returns false at the end of a trace. */
bool arrivals_next(struct arrivals *arrivals, double *at);

#endif
