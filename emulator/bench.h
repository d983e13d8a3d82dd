/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench - cold starts and warm invocations of one or more functions, in turns.
 *
 * A turn is one fresh environment of one function: its first invocation, which is a
 * cold start, its share of the warm ones, one after the other, and its end. Functions
 * take turns in an order that changes direction each round (A B, B A, A B), so that
 * a machine that gets slower or faster meets all alike. Nothing of lrie but the core
 * takes part: no HTTP is spoken with the caller.
 *
 * Each function first has one turn that is not counted: it reads the function's files
 * into the page cache, which a second function may share. In that one the files it opens are
 * counted, which would make others slower.
 */
#ifndef EMULATOR_BENCH_H
#define EMULATOR_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/function.h"
#include "emulator/measurement.h"

struct bench_function {
	const char *name;
	const struct environment_context *context; /* as for function_create() */
	const char *event;
	size_t event_length;
	struct measurement
		measurement; /* begins empty, grows turn by turn; the owner finishes it */
};

struct bench_plan {
	size_t cold; /* turns of each function that count; at least 1 */
	size_t warm; /* warm invocations of each function, spread over its turns */

	/* No round begins later than this after the first; 0: no limit. */
	uint64_t limit_ns;

	/* Above 0: rounds go on, up to 'most' of them, until the 95 % interval of the median of
	 * cold.init reaches no further than this part of it to either side, for each function. */
	double until;
	size_t most;
	uint64_t seed; /* of that interval */
};

/* Why a benchmark ended before its time. */
struct bench_failure {
	const struct bench_function *function; /* that failed; NULL: none did */
	size_t turn;                           /* in which: 0 is the one that is not counted */
	bool is_warm;                          /* after its first invocation */
	struct buffer answer;                  /* what the caller of Lambda would get */
	struct buffer log;                     /* the end of the invocation's log */
};

struct bench_ops {
	/* A turn is over: 'turns' of 'all' are. 'all' grows while plan.until asks for more. */
	void (*on_turn)(const struct bench_ops *ops, size_t turns, size_t all);
};

/*
 * Runs the plan, and the loop with it, until it is done, a function fails, or
 * bench_stop() is called. What was measured until then is in the functions. Returns
 * false and fills 'failure', which the caller finishes, when a function failed: the
 * invocation returned an error. One at a time in a process.
 */
bool bench_run(struct bench_function *functions, size_t count, const struct bench_plan *plan,
               const struct bench_ops *ops, struct bench_failure *failure);

/* Ends it now; the invocation under way is cut short and does not count. From a callback of the
 * loop. */
void bench_stop(void);

void bench_failure_finish(struct bench_failure *failure);

#endif
