/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advance - moves Lambda's time forward, so that what would happen meanwhile does happen.
 *
 * In steps, from one virtual timer that is due to the next: what is due after a minute happens
 * when it is a minute later, and not at the end. Between two steps the loop turns, and time stands
 * until all is done that a step has begun: a function that is run again takes the time that it
 * takes, which the advance does not count, and ends by itself or by its own time-out.
 *
 * What was under way before may be what the advance is to end, such as a function that hangs. It is
 * given 'settle_ns' of the machine's time; so is what comes from outside meanwhile. A box that
 * begins or ends is always waited for. No pause is longer than ADVANCE_PAUSE_NS.
 */
#ifndef EMULATOR_ADVANCE_H
#define EMULATOR_ADVANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/clock.h"
#include "emulator/loop.h"

/* How far the clock can be ahead of the machine's, in all: ten years of 365 days. */
#define ADVANCE_MOST_NS (10 * 365 * 24 * 3600 * CLOCK_NS_PER_S)

/* The longest that a function may take. */
#define ADVANCE_PAUSE_NS (900 * CLOCK_NS_PER_S)

/* What goes on, from that which need not be waited for to that which must. */
enum advance_work {
	ADVANCE_NO_WORK,
	ADVANCE_OTHERS_WORK, /* it began before the advance, or somebody outside waits for it */
	ADVANCE_OWN_WORK,    /* a consequence of the advance; a box that begins or ends */
};

/* Moments of clock_now() that tell works apart. */
struct advance_moments {
	uint64_t began_ns; /* what has begun since is the advance's own, unless it has a caller */
	uint64_t given_up_ns; /* what others have begun until then is not waited for any more */
};

struct advance {
	/* Looks at all that runs. */
	enum advance_work (*look)(const struct advance *advance,
	                          const struct advance_moments *moments);

	/* It is complete; the last call. */
	void (*on_complete)(struct advance *advance);

	/* private */
	struct loop *loop;
	uint64_t left_ns, settle_ns;
	uint64_t paused_ns; /* since when time stands, by clock_machine() */
	struct advance_moments moments;
	struct loop_hook hook;
	struct loop_timer wake;
};

/* Begins to move the clock by 'ns', which must not make it more than ADVANCE_MOST_NS ahead. The
 * callbacks must be set, and are called from the loop. */
void advance_start(struct advance *advance, struct loop *loop, uint64_t ns, uint64_t settle_ns);

bool advance_is_under_way(const struct advance *advance);

/* Stops it where it is. Fine on a zeroed one. */
void advance_stop(struct advance *advance);

#endif
