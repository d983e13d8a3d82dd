/* SPDX-License-Identifier: Apache-2.0 */
/*
 * contest - who takes part in a benchmark: each function, at each memory size.
 *
 * The three arrays of a contest belong together, one element per contender.
 */
#ifndef EMULATOR_CONTEST_H
#define EMULATOR_CONTEST_H

#include "emulator/bench.h"
#include "emulator/bench_result.h"
#include "emulator/service.h"

struct contender {
	struct config config; /* a copy with its memory size; its lists are the original's */
	char *name;           /* no other one of the same size has it */
	struct buffer event;
	struct price_list prices;
	bool has_prices;
	struct workload workload;
};

struct contest {
	struct contender *contenders;
	struct bench_function *functions;
	struct bench_entry *entries;
	size_t count;
};

/*
 * Reads what belongs to the contenders of 'config', its rivals included: names, events,
 * prices. Returns false and fills 'err' when one cannot be read; contest_finish() is due
 * in both cases. 'config' must outlive the contest.
 */
bool contest_read(struct contest *contest, const struct config *config, struct error *err);

/* Makes all that takes to run them, by a service that outlives the contest. */
bool contest_open(struct contest *contest, const struct service *service, struct error *err);

/* Fine on a zeroed one. */
void contest_finish(struct contest *contest);

#endif
