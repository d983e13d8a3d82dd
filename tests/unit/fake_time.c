/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_time - the clock and the loop, moved by hand
 *
 * Descriptors are real and are asked with poll(2), which never waits here. Left
 * out of loop.h are signals and loop_run(): the core uses none of them.
 */
#include <assert.h>
#include <poll.h>
#include <stdlib.h>

#include "emulator/buffer.h"
#include "tests/unit/fakes.h"

#define WATCHES 64
#define TIMERS 64

/* A chain of timers that restart themselves for "now" must end some time. */
#define TURNS_TO_SETTLE 1000

struct loop {
	struct loop_watch *watches[WATCHES];
	unsigned watch_count;
	struct loop_timer *timers[TIMERS];
	unsigned timer_count;
	struct loop_hook *hooks;
	struct loop_garbage *garbage;
};

static uint64_t now_ns = FAKE_START_NS;
static uint64_t ahead_ns;
static uint64_t wall_moved_ns; /* of either sign */
static unsigned watches_spared, watches_refused;

uint64_t clock_now(void)
{
	return now_ns;
}

uint64_t clock_wall_ms(void)
{
	return clock_wall_ns(now_ns) / CLOCK_NS_PER_MS;
}

uint64_t clock_wall_ns(uint64_t at_ns)
{
	return FAKE_START_WALL_MS * CLOCK_NS_PER_MS + at_ns - FAKE_START_NS + wall_moved_ns;
}

void fake_move_wall(int64_t ns)
{
	wall_moved_ns += (uint64_t)ns;
}

uint64_t clock_machine(void)
{
	return now_ns - ahead_ns;
}

uint64_t clock_machine_wall_ms(void)
{
	return clock_wall_ms() - ahead_ns / CLOCK_NS_PER_MS;
}

uint64_t clock_of_machine(uint64_t machine_ns)
{
	return machine_ns + ahead_ns;
}

uint64_t clock_ahead(void)
{
	return ahead_ns;
}

struct loop *loop_create(struct error *err)
{
	(void)err;
	now_ns = FAKE_START_NS;
	ahead_ns = 0;
	wall_moved_ns = 0;
	watches_spared = watches_refused = 0;
	return xcalloc(1, sizeof(struct loop));
}

static void collect_garbage(struct loop *loop)
{
	while (loop->garbage) {
		struct loop_garbage *first = loop->garbage;

		loop->garbage = first->next;
		first->dispose(first);
	}
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	collect_garbage(loop);
	assert(loop->watch_count == 0 && loop->timer_count == 0);
	free(loop);
}

/* ---- descriptors ---- */

void fake_refuse_watches(unsigned spared, unsigned count)
{
	watches_spared = spared;
	watches_refused = count;
}

bool loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
                      struct error *err)
{
	assert(!watch->loop && watch->on_ready && fd >= 0 && loop->watch_count < WATCHES);
	if (watches_spared > 0)
		watches_spared--;
	else if (watches_refused > 0 && watches_refused--)
		return error_set(err, 0, "no more watches");
	*watch = (struct loop_watch){
		.on_ready = watch->on_ready,
		.loop = loop,
		.fd = fd,
		.events = events,
	};
	loop->watches[loop->watch_count++] = watch;
	return true;
}

void loop_watch_change(struct loop_watch *watch, uint32_t events)
{
	assert(watch->loop);
	watch->events = events;
}

void loop_watch_stop(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;
	unsigned at = 0;

	if (!loop)
		return;
	while (loop->watches[at] != watch)
		at++;
	loop->watches[at] = loop->watches[--loop->watch_count];
	watch->loop = NULL;
}

static bool is_watched(const struct loop *loop, const struct loop_watch *watch)
{
	for (unsigned at = 0; at < loop->watch_count; at++)
		if (loop->watches[at] == watch)
			return true;
	return false;
}

/* EPOLLIN, EPOLLOUT, EPOLLERR and EPOLLHUP are the numbers of poll(2). */
static uint32_t ask(const struct loop_watch *watch)
{
	struct pollfd descriptor = { .fd = watch->fd, .events = (short)watch->events };

	return poll(&descriptor, 1, 0) == 1 ? (uint32_t)descriptor.revents : 0;
}

bool fake_turn_watches(struct loop *loop, unsigned order)
{
	struct loop_watch *batch[WATCHES];
	unsigned count = loop->watch_count;
	bool any = false;

	for (unsigned at = 0; at < count; at++)
		batch[at] = loop->watches[(at + order) % count];
	for (unsigned at = 0; at < count; at++) {
		uint32_t events = is_watched(loop, batch[at]) ? ask(batch[at]) : 0;

		if (events) {
			batch[at]->on_ready(batch[at], events);
			any = true;
		}
	}
	return any;
}

/* ---- timers ---- */

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t due_ns)
{
	assert(timer->on_due && (!timer->loop || timer->loop == loop));
	timer->due_ns = due_ns;
	if (timer->loop)
		return;
	assert(loop->timer_count < TIMERS);
	timer->loop = loop;
	loop->timers[loop->timer_count++] = timer;
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	unsigned at = 0;

	if (!loop)
		return;
	while (loop->timers[at] != timer)
		at++;
	loop->timers[at] = loop->timers[--loop->timer_count];
	timer->loop = NULL;
}

uint64_t loop_next_virtual(const struct loop *loop)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned at = 0; at < loop->timer_count; at++)
		if (loop->timers[at]->is_virtual && loop->timers[at]->due_ns < next_ns)
			next_ns = loop->timers[at]->due_ns;
	return next_ns;
}

void loop_advance(struct loop *loop, uint64_t ns)
{
	now_ns += ns;
	ahead_ns += ns;
	for (unsigned at = 0; at < loop->timer_count; at++)
		if (!loop->timers[at]->is_virtual)
			loop->timers[at]->due_ns += ns;
}

static struct loop_timer *first_timer(const struct loop *loop)
{
	struct loop_timer *first = NULL;

	for (unsigned at = 0; at < loop->timer_count; at++)
		if (!first || loop->timers[at]->due_ns < first->due_ns)
			first = loop->timers[at];
	return first;
}

uint64_t fake_next_due(const struct loop *loop)
{
	const struct loop_timer *first = first_timer(loop);

	return first ? first->due_ns : UINT64_MAX;
}

/* As in the real loop, a timer that starts itself again for "now" waits for the next turn. */
static bool call_timers(struct loop *loop)
{
	bool any = false;

	for (unsigned rounds = loop->timer_count; rounds > 0; rounds--) {
		struct loop_timer *first = first_timer(loop);

		if (!first || first->due_ns > now_ns)
			break;
		loop_timer_stop(first);
		first->on_due(first);
		any = true;
	}
	return any;
}

/* ---- turns ---- */

/* ---- before sleep ---- */

void loop_hook_start(struct loop *loop, struct loop_hook *hook)
{
	assert(!hook->loop && hook->before_sleep);
	hook->loop = loop;
	hook->next = loop->hooks;
	loop->hooks = hook;
}

void loop_hook_stop(struct loop_hook *hook)
{
	struct loop_hook **link;

	if (!hook->loop)
		return;
	for (link = &hook->loop->hooks; *link != hook; link = &(*link)->next)
		;
	*link = hook->next;
	hook->loop = NULL;
}

/* Not for hooks that stop others. */
static void call_hooks(struct loop *loop)
{
	struct loop_hook *next;

	for (struct loop_hook *hook = loop->hooks; hook; hook = next) {
		next = hook->next;
		hook->before_sleep(hook);
	}
}

void loop_dispose(struct loop *loop, struct loop_garbage *garbage,
                  void (*dispose)(struct loop_garbage *garbage))
{
	struct loop_garbage **place = &loop->garbage;

	garbage->dispose = dispose;
	garbage->next = NULL;
	while (*place)
		place = &(*place)->next;
	*place = garbage;
}

bool fake_turn(struct loop *loop, unsigned order)
{
	bool any = fake_turn_watches(loop, order);

	if (call_timers(loop))
		any = true;
	call_hooks(loop);
	collect_garbage(loop);
	return any;
}

void fake_settle(struct loop *loop)
{
	for (unsigned turns = 0; fake_turn(loop, 0); turns++)
		assert(turns < TURNS_TO_SETTLE);
}

void fake_pass(struct loop *loop, uint64_t ns)
{
	uint64_t until = clock_machine() + ns; /* the clock may be moved beside */

	fake_settle(loop);
	while (fake_next_due(loop) <= until + ahead_ns) {
		now_ns = fake_next_due(loop);
		fake_settle(loop);
	}
	now_ns = until + ahead_ns;
}
