/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freezer - decides when the box of an idle environment is frozen.
 *
 * Lambda freezes an environment as soon as its invocation is over. Here a short time must pass
 * without work first: a client that sends one request after the other would pay for freezing and
 * thawing with each, between 12 and 190 microseconds of a round trip of 100 (measured); none of
 * these is as quick as a millisecond is long to a function's background work.
 *
 * Knows nothing of what the work is. All calls may be made in any order and repeated.
 */
#ifndef EMULATOR_FREEZER_H
#define EMULATOR_FREEZER_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/loop.h"
#include "sandbox/sandbox.h"

/* After which an idle box is frozen. */
#define FREEZER_QUIET_NS UINT64_C(1000000)

struct freezer {
	/* The box is frozen from now on, or is not any more; NULL: nobody wants to know. */
	void (*on_change)(struct freezer *freezer, bool frozen);

	struct loop *loop;
	struct sandbox *box; /* borrowed; NULL: none */
	struct loop_timer quiet;
	bool is_frozen;
};

/* 'on_change' is set, the rest is filled in. 'box' lives until freezer_stop() at least; NULL for
 * one that shall never be frozen. */
void freezer_start(struct freezer *freezer, struct loop *loop, struct sandbox *box);

/* The box is about to be killed, which thaws it. Fine on a zeroed freezer. */
void freezer_stop(struct freezer *freezer);

/* Nothing is to be done from now on. */
void freezer_rest(struct freezer *freezer);

/* There is work: returns with the box thawed. */
void freezer_wake(struct freezer *freezer);

#endif
