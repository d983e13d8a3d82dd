/* SPDX-License-Identifier: Apache-2.0 */
/* freezer - decides when the box of an idle environment is frozen */
#include "emulator/freezer.h"

#include "emulator/clock.h"

static void on_quiet(struct loop_timer *timer)
{
	struct freezer *freezer = container_of(timer, struct freezer, quiet);

	sandbox_freeze(freezer->box);
	freezer->is_frozen = true;
	if (freezer->on_change)
		freezer->on_change(freezer, true);
}

void freezer_start(struct freezer *freezer, struct loop *loop, struct sandbox *box)
{
	freezer_stop(freezer);
	*freezer = (struct freezer){
		.on_change = freezer->on_change,
		.loop = loop,
		.box = box,
		.quiet.on_due = on_quiet,
	};
}

void freezer_stop(struct freezer *freezer)
{
	loop_timer_stop(&freezer->quiet);
	freezer->box = NULL;
}

void freezer_rest(struct freezer *freezer)
{
	if (freezer->box)
		loop_timer_start(freezer->loop, &freezer->quiet, clock_now() + FREEZER_QUIET_NS);
}

void freezer_wake(struct freezer *freezer)
{
	if (!freezer->box)
		return;
	loop_timer_stop(&freezer->quiet);
	sandbox_thaw(freezer->box);
	if (freezer->is_frozen && freezer->on_change)
		freezer->on_change(freezer, false);
	freezer->is_frozen = false;
}
