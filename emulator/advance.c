/* SPDX-License-Identifier: Apache-2.0 */
/* advance - moves Lambda's time forward, so that what would happen meanwhile does happen */
#include "emulator/advance.h"

#include <assert.h>

/* There is something to look at then: the hook is called at the end of that turn. */
static void on_wake(struct loop_timer *timer)
{
	(void)timer;
}

static void wake_in(struct advance *advance, uint64_t ns)
{
	loop_timer_start(advance->loop, &advance->wake, clock_now() + ns);
}

/* Time stands from now on, for as long as it takes. */
static void pause(struct advance *advance)
{
	advance->paused_ns = clock_machine();
	wake_in(advance, 0);
}

/* How long 'work' may take from now on; 0: it is not waited for any more. */
static uint64_t patience(const struct advance *advance, enum advance_work work)
{
	uint64_t elapsed_ns = clock_machine() - advance->paused_ns;
	uint64_t limit_ns = work == ADVANCE_OWN_WORK      ? ADVANCE_PAUSE_NS
	                    : work == ADVANCE_OTHERS_WORK ? advance->settle_ns
	                                                  : 0;

	return elapsed_ns < limit_ns ? limit_ns - elapsed_ns : 0;
}

/* Up to the next timer, or to the end. */
static void step(struct advance *advance, uint64_t distance_ns)
{
	uint64_t ns = distance_ns < advance->left_ns ? distance_ns : advance->left_ns;

	advance->left_ns -= ns;
	loop_advance(advance->loop, ns);
	pause(advance);
}

/* Returns true when it is complete. */
static bool look_and_go(struct advance *advance)
{
	enum advance_work work = advance->look(advance, &advance->moments);
	uint64_t patience_ns = patience(advance, work);
	uint64_t now, due;

	if (patience_ns > 0) {
		wake_in(advance, patience_ns);
		return false;
	}
	now = clock_now();
	if (work != ADVANCE_NO_WORK)
		advance->moments.given_up_ns = now;
	due = loop_next_virtual(advance->loop);
	if (due <= now)
		return false; /* it fires in the next turn */
	if (advance->left_ns == 0)
		return true;
	step(advance, due - now);
	return false;
}

static bool before_sleep(struct loop_hook *hook)
{
	struct advance *advance = container_of(hook, struct advance, hook);

	if (!look_and_go(advance))
		return false; /* timers are for the next turn */
	advance_stop(advance);
	advance->on_complete(advance);
	return true; /* a server may have a reply to send */
}

void advance_start(struct advance *advance, struct loop *loop, uint64_t ns, uint64_t settle_ns)
{
	assert(!advance_is_under_way(advance) && advance->look && advance->on_complete);
	assert(ns <= ADVANCE_MOST_NS && clock_ahead() <= ADVANCE_MOST_NS - ns);
	advance->loop = loop;
	advance->left_ns = ns;
	advance->settle_ns = settle_ns;
	advance->moments = (struct advance_moments){ .began_ns = clock_now() };
	advance->hook.before_sleep = before_sleep;
	advance->wake.on_due = on_wake;
	loop_hook_start(loop, &advance->hook);
	pause(advance);
}

bool advance_is_under_way(const struct advance *advance)
{
	return advance->hook.loop;
}

void advance_stop(struct advance *advance)
{
	loop_hook_stop(&advance->hook);
	loop_timer_stop(&advance->wake);
}
