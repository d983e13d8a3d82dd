/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - the one event loop.
 *
 * Events are fetched in batches, so a watch that is stopped by another's callback may still have
 * an event in the batch: stopping clears it there, which keeps the watch's memory out of it too.
 *
 * Timers live in a binary heap of pointers; each knows its slot, so that stopping one needs no
 * search. Waiting is exact to the nanosecond where the kernel has epoll_pwait2 (5.11), and rounded
 * up to a millisecond elsewhere: a timer may be late, never early.
 */
#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "emulator/loop.h"
#include "sandbox/fd.h"

#define BATCH 64
#define FOREVER UINT64_MAX

struct loop {
	int epoll_fd;
	bool is_running;
	bool has_no_pwait2;

	struct epoll_event batch[BATCH];
	int batch_length;
	int batch_next;

	struct loop_timer **timers; /* a heap: the next one due is first */
	size_t timer_count;
	size_t timer_capacity;

	sigset_t signal_set;
	struct loop_watch signal_watch;
	struct loop_signal *signals;

	struct loop_hook *hooks;
	struct loop_hook *next_hook; /* the one that run_hooks() calls next */

	struct loop_garbage *garbage;
	struct loop_garbage **garbage_end;
};

/* ---- life ---- */

struct loop *loop_create(struct error *err)
{
	autoclose int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	struct loop *loop;

	if (epoll_fd == -1) {
		error_set(err, errno, "epoll_create");
		return NULL;
	}
	loop = xcalloc(1, sizeof(*loop));
	loop->epoll_fd = steal_fd(&epoll_fd);
	loop->garbage_end = &loop->garbage;
	sigemptyset(&loop->signal_set);
	return loop;
}

static void loop_collect_garbage(struct loop *loop)
{
	while (loop->garbage) {
		struct loop_garbage *first = loop->garbage;

		loop->garbage = first->next;
		if (!loop->garbage)
			loop->garbage_end = &loop->garbage;
		first->dispose(first);
	}
}

void loop_destroy(struct loop *loop)
{
	if (!loop)
		return;
	loop_collect_garbage(loop);
	assert(!loop->signals && !loop->hooks && loop->timer_count == 0);
	free(loop->timers);
	fd_close(&loop->epoll_fd);
	free(loop);
}

void loop_stop(struct loop *loop)
{
	loop->is_running = false;
}

/* ---- descriptors ---- */

bool loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
                      struct error *err)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	assert(!watch->loop && watch->on_ready);
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		return error_set(err, errno, "watch descriptor %d", fd);
	watch->loop = loop;
	watch->fd = fd;
	watch->events = events;
	return true;
}

void loop_watch_change(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	assert(watch->loop);
	if (watch->events == events)
		return;
	watch->events = events;
	/* Fails only if the descriptor was closed under the watch, which is our bug. */
	if (epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) == -1)
		assert(!"a watched descriptor was closed");
}

static void loop_forget_events(struct loop *loop, const struct loop_watch *watch)
{
	for (int i = loop->batch_next; i < loop->batch_length; i++)
		if (loop->batch[i].data.ptr == watch)
			loop->batch[i].data.ptr = NULL;
}

void loop_watch_stop(struct loop_watch *watch)
{
	struct loop *loop = watch->loop;

	if (!loop)
		return;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
	loop_forget_events(loop, watch);
	watch->loop = NULL;
}

static void loop_call_watches(struct loop *loop)
{
	for (loop->batch_next = 0; loop->batch_next < loop->batch_length;) {
		const struct epoll_event *event = &loop->batch[loop->batch_next++];
		struct loop_watch *watch = event->data.ptr;

		if (watch)
			watch->on_ready(watch, event->events);
	}
	loop->batch_length = 0;
}

/* ---- timers ---- */

static bool timer_is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ns < b->due_ns;
}

static void heap_put(struct loop *loop, size_t slot, struct loop_timer *timer)
{
	loop->timers[slot] = timer;
	timer->slot = slot;
}

static void heap_rise(struct loop *loop, size_t slot)
{
	struct loop_timer *timer = loop->timers[slot];

	while (slot > 0 && timer_is_before(timer, loop->timers[(slot - 1) / 2])) {
		heap_put(loop, slot, loop->timers[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	heap_put(loop, slot, timer);
}

static void heap_sink(struct loop *loop, size_t slot)
{
	struct loop_timer *timer = loop->timers[slot];

	for (;;) {
		size_t child = 2 * slot + 1;

		if (child + 1 < loop->timer_count &&
		    timer_is_before(loop->timers[child + 1], loop->timers[child]))
			child++;
		if (child >= loop->timer_count || !timer_is_before(loop->timers[child], timer))
			break;
		heap_put(loop, slot, loop->timers[child]);
		slot = child;
	}
	heap_put(loop, slot, timer);
}

/* Puts a timer whose time has changed to its place. */
static void heap_settle(struct loop *loop, struct loop_timer *timer)
{
	heap_rise(loop, timer->slot);
	heap_sink(loop, timer->slot);
}

static void heap_add(struct loop *loop, struct loop_timer *timer)
{
	if (loop->timer_count == loop->timer_capacity) {
		loop->timer_capacity = loop->timer_capacity ? 2 * loop->timer_capacity : 16;
		loop->timers = xrealloc(loop->timers, loop->timer_capacity * sizeof(*loop->timers));
	}
	heap_put(loop, loop->timer_count++, timer);
	heap_rise(loop, timer->slot);
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t due_ns)
{
	assert(timer->on_due && (!timer->loop || timer->loop == loop));
	timer->due_ns = due_ns;
	if (timer->loop) {
		heap_settle(loop, timer);
		return;
	}
	timer->loop = loop;
	heap_add(loop, timer);
}

void loop_timer_stop(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	struct loop_timer *last;

	if (!loop)
		return;
	timer->loop = NULL;
	last = loop->timers[--loop->timer_count];
	if (last == timer)
		return;
	heap_put(loop, timer->slot, last);
	heap_settle(loop, last);
}

uint64_t loop_next_virtual(const struct loop *loop)
{
	uint64_t next_ns = UINT64_MAX;

	for (size_t i = 0; i < loop->timer_count; i++) {
		const struct loop_timer *timer = loop->timers[i];

		if (timer->is_virtual && timer->due_ns < next_ns)
			next_ns = timer->due_ns;
	}
	return next_ns;
}

/* All times stay those of one clock: who keeps his distance is moved along. */
void loop_advance(struct loop *loop, uint64_t ns)
{
	clock_advance(ns);
	for (size_t i = 0; i < loop->timer_count; i++) {
		if (!loop->timers[i]->is_virtual)
			loop->timers[i]->due_ns += ns;
	}
	for (size_t i = loop->timer_count / 2; i > 0; i--)
		heap_sink(loop, i - 1);
}

/* Only timers that were due when the round began: one that starts itself again for "now" has its
 * next turn after the descriptors had theirs. */
static void loop_call_timers(struct loop *loop)
{
	uint64_t now;

	if (loop->timer_count == 0)
		return;
	now = clock_now();
	for (size_t rounds = loop->timer_count; rounds > 0 && loop->timer_count > 0; rounds--) {
		struct loop_timer *first = loop->timers[0];

		if (first->due_ns > now)
			break;
		loop_timer_stop(first);
		first->on_due(first);
	}
}

/* ---- signals ---- */

static void loop_deliver_signal(struct loop *loop, int number)
{
	for (struct loop_signal *signal = loop->signals; signal; signal = signal->next) {
		if (signal->number == number) {
			signal->on_signal(signal);
			return;
		}
	}
}

static void on_signals_pending(struct loop_watch *watch, uint32_t events)
{
	struct loop *loop = container_of(watch, struct loop, signal_watch);
	struct signalfd_siginfo info;

	(void)events;
	/* One read per signal: a callback may close the descriptor. */
	while (watch->loop && read(watch->fd, &info, sizeof(info)) == sizeof(info))
		loop_deliver_signal(loop, (int)info.ssi_signo);
}

static bool loop_open_signals(struct loop *loop, struct error *err)
{
	autoclose int fd = signalfd(-1, &loop->signal_set, SFD_NONBLOCK | SFD_CLOEXEC);

	if (fd == -1)
		return error_set(err, errno, "signalfd");
	loop->signal_watch.on_ready = on_signals_pending;
	if (!loop_watch_start(loop, &loop->signal_watch, fd, EPOLLIN, err))
		return false;
	steal_fd(&fd);
	return true;
}

static bool loop_update_signals(struct loop *loop, struct error *err)
{
	if (!loop->signal_watch.loop)
		return loop_open_signals(loop, err);
	if (signalfd(loop->signal_watch.fd, &loop->signal_set, 0) == -1)
		return error_set(err, errno, "signalfd");
	return true;
}

static void signal_block(int how, int number)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigprocmask(how, &set, NULL);
}

bool loop_signal_start(struct loop *loop, struct loop_signal *signal, int number, struct error *err)
{
	assert(!signal->loop && signal->on_signal && !sigismember(&loop->signal_set, number));
	sigaddset(&loop->signal_set, number);
	if (!loop_update_signals(loop, err)) {
		sigdelset(&loop->signal_set, number);
		return false;
	}
	signal_block(SIG_BLOCK, number);
	signal->number = number;
	signal->loop = loop;
	signal->next = loop->signals;
	loop->signals = signal;
	return true;
}

void loop_signal_stop(struct loop_signal *signal)
{
	struct loop *loop = signal->loop;
	struct loop_signal **link;

	if (!loop)
		return;
	for (link = &loop->signals; *link != signal; link = &(*link)->next)
		;
	*link = signal->next;
	signal->loop = NULL;
	sigdelset(&loop->signal_set, signal->number);
	if (loop->signals) {
		loop_update_signals(loop, NULL);
	} else {
		loop_watch_stop(&loop->signal_watch);
		fd_close(&loop->signal_watch.fd);
	}
	signal_block(SIG_UNBLOCK, signal->number);
}

/* ---- before sleep ---- */

void loop_hook_start(struct loop *loop, struct loop_hook *hook)
{
	struct loop_hook **link = &loop->hooks;

	assert(!hook->loop && hook->before_sleep);
	while (*link)
		link = &(*link)->next;
	hook->loop = loop;
	hook->next = NULL;
	*link = hook;
}

void loop_hook_stop(struct loop_hook *hook)
{
	struct loop *loop = hook->loop;
	struct loop_hook **link;

	if (!loop)
		return;
	for (link = &loop->hooks; *link != hook; link = &(*link)->next)
		;
	*link = hook->next;
	if (loop->next_hook == hook)
		loop->next_hook = hook->next;
	hook->loop = NULL;
}

static void loop_call_hooks(struct loop *loop)
{
	bool has_more_work;

	do {
		has_more_work = false;
		loop->next_hook = loop->hooks;
		while (loop->next_hook) {
			struct loop_hook *hook = loop->next_hook;

			loop->next_hook = hook->next;
			if (hook->before_sleep(hook))
				has_more_work = true;
		}
	} while (has_more_work);
}

/* ---- disposal ---- */

void loop_dispose(struct loop *loop, struct loop_garbage *garbage,
                  void (*dispose)(struct loop_garbage *garbage))
{
	garbage->dispose = dispose;
	garbage->next = NULL;
	*loop->garbage_end = garbage;
	loop->garbage_end = &garbage->next;
}

/* ---- turning ---- */

static uint64_t loop_time_to_sleep(const struct loop *loop)
{
	uint64_t now;

	if (loop->timer_count == 0)
		return FOREVER;
	now = clock_now();
	return loop->timers[0]->due_ns > now ? loop->timers[0]->due_ns - now : 0;
}

static int loop_wait_ms(struct loop *loop, uint64_t sleep_ns)
{
	uint64_t ms = sleep_ns / CLOCK_NS_PER_MS + (sleep_ns % CLOCK_NS_PER_MS != 0);
	int timeout = sleep_ns == FOREVER ? -1 : ms > INT_MAX ? INT_MAX : (int)ms;

	return epoll_wait(loop->epoll_fd, loop->batch, BATCH, timeout);
}

/* Only for waits with an end that is not now: the others lose nothing with epoll_wait(). */
static int loop_wait_exactly(struct loop *loop, uint64_t sleep_ns)
{
#ifdef SYS_epoll_pwait2
	/* The kernel's own layout, also where a 32-bit libc still has a 32-bit time_t. */
	struct {
		int64_t tv_sec;
		int64_t tv_nsec;
	} timeout = { (int64_t)(sleep_ns / CLOCK_NS_PER_S), (int64_t)(sleep_ns % CLOCK_NS_PER_S) };
	long count;

	if (!loop->has_no_pwait2) {
		count = syscall(SYS_epoll_pwait2, loop->epoll_fd, loop->batch, BATCH, &timeout,
		                NULL, (size_t)0);
		/* Old kernels say ENOSYS, old seccomp profiles of container engines EPERM. */
		if (count != -1 || (errno != ENOSYS && errno != EPERM))
			return (int)count;
		loop->has_no_pwait2 = true;
	}
#endif
	return loop_wait_ms(loop, sleep_ns);
}

static void loop_wait(struct loop *loop)
{
	uint64_t sleep_ns = loop_time_to_sleep(loop);
	int count;

	if (sleep_ns == 0 || sleep_ns == FOREVER)
		count = loop_wait_ms(loop, sleep_ns);
	else
		count = loop_wait_exactly(loop, sleep_ns);
	loop->batch_length = count > 0 ? count : 0;
}

void loop_run(struct loop *loop)
{
	loop->is_running = true;
	/* Work that was prepared before the loop runs must not wait for the first event. */
	loop_call_hooks(loop);
	loop_collect_garbage(loop);
	while (loop->is_running) {
		loop_wait(loop);
		loop_call_watches(loop);
		loop_call_timers(loop);
		loop_call_hooks(loop);
		loop_collect_garbage(loop);
	}
}
