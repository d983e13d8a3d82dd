/* SPDX-License-Identifier: Apache-2.0 */
/* loop - order of a turn, and stopping anything at any time. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "emulator/loop.h"
#include "tests/unit/test.h"

static struct loop *loop;
static char trace[256]; /* what happened, one letter each */

static void note(char letter)
{
	size_t length = strlen(trace);

	if (length + 1 < sizeof(trace)) {
		trace[length] = letter;
		trace[length + 1] = '\0';
	}
}

static void begin(void)
{
	struct error err;

	trace[0] = '\0';
	loop = loop_create(&err);
	CHECK(loop);
}

/* ---- descriptors ---- */

struct pipe_end {
	struct loop_watch watch;
	int fds[2];
	char letter;
	struct pipe_end *victim; /* stopped from the callback */
	bool frees_victim;
	struct loop_garbage garbage;
};

static void dispose_pipe_end(struct loop_garbage *garbage)
{
	note('F');
	free(container_of(garbage, struct pipe_end, garbage));
}

static void pipe_end_close(struct pipe_end *end)
{
	loop_watch_stop(&end->watch);
	close(end->fds[0]);
	close(end->fds[1]);
}

static void on_pipe_ready(struct loop_watch *watch, uint32_t events)
{
	struct pipe_end *end = container_of(watch, struct pipe_end, watch);
	char byte;

	CHECK(events & EPOLLIN);
	CHECK_INT(read(end->fds[0], &byte, 1), 1);
	note(end->letter);
	if (end->victim) {
		pipe_end_close(end->victim);
		if (end->frees_victim)
			loop_dispose(loop, &end->victim->garbage, dispose_pipe_end);
		end->victim = NULL;
	}
}

static void pipe_end_open(struct pipe_end *end, char letter)
{
	struct error err;

	*end = (struct pipe_end){ .watch.on_ready = on_pipe_ready, .letter = letter };
	CHECK_INT(pipe2(end->fds, O_CLOEXEC | O_NONBLOCK), 0);
	CHECK(loop_watch_start(loop, &end->watch, end->fds[0], EPOLLIN, &err));
	CHECK_INT(write(end->fds[1], "x", 1), 1);
}

static void on_due_stop(struct loop_timer *timer)
{
	note('S');
	loop_stop(timer->loop ? timer->loop : loop);
}

/* One turn: whatever is ready now, then the timer ends it. */
static void turn_once(void)
{
	struct loop_timer timer = { .on_due = on_due_stop };

	loop_timer_start(loop, &timer, 0);
	loop_run(loop);
}

static void test_watch_stopped_in_same_batch(void)
{
	struct pipe_end a, b, c;

	begin();
	pipe_end_open(&a, 'a');
	pipe_end_open(&b, 'b');
	pipe_end_open(&c, 'c');
	a.victim = &b;
	b.victim = &a;
	turn_once();
	/* Whichever of the two comes first stops the other. */
	CHECK(strcmp(trace, "acS") == 0 || strcmp(trace, "bcS") == 0);
	if (a.watch.loop)
		pipe_end_close(&a);
	if (b.watch.loop)
		pipe_end_close(&b);
	pipe_end_close(&c);
	loop_destroy(loop);
}

static void test_watch_freed_in_same_batch(void)
{
	struct pipe_end a, *b;

	begin();
	b = xcalloc(1, sizeof(*b));
	pipe_end_open(&a, 'a');
	pipe_end_open(b, 'b');
	a.victim = b;
	a.frees_victim = true;
	turn_once();
	CHECK_STR(trace, "aSF");
	pipe_end_close(&a);
	loop_destroy(loop);
}

/* The new watch has the old one's address and descriptor number; the old event is not its own. */
static void on_ready_restart(struct loop_watch *watch, uint32_t events)
{
	struct pipe_end *end = container_of(watch, struct pipe_end, watch);

	(void)events;
	note(end->letter);
	if (end->victim) {
		pipe_end_close(end->victim);
		pipe_end_open(end->victim, 'n');
		end->victim = NULL;
	}
}

static void test_watch_restarted_in_same_batch(void)
{
	struct pipe_end a, b;

	begin();
	pipe_end_open(&a, 'a');
	pipe_end_open(&b, 'b');
	a.victim = &b;
	a.watch.on_ready = on_ready_restart;
	turn_once();
	CHECK_STR(trace, "aS");
	turn_once();
	CHECK_STR(trace, "aSanS");
	pipe_end_close(&a);
	pipe_end_close(&b);
	loop_destroy(loop);
}

static void test_watch_change(void)
{
	struct pipe_end a;

	begin();
	pipe_end_open(&a, 'a');
	loop_watch_change(&a.watch, 0);
	turn_once();
	CHECK_STR(trace, "S");
	loop_watch_change(&a.watch, EPOLLIN);
	loop_watch_change(&a.watch, EPOLLIN);
	turn_once();
	CHECK_STR(trace, "SaS");
	pipe_end_close(&a);
	loop_watch_stop(&a.watch);
	loop_destroy(loop);
}

static void test_watch_refused(void)
{
	struct loop_watch watch = { .on_ready = on_pipe_ready };
	struct error err;

	begin();
	CHECK(!loop_watch_start(loop, &watch, 999, EPOLLIN, &err));
	CHECK_STR(err.text, "watch descriptor 999: Bad file descriptor");
	CHECK(!watch.loop);
	loop_watch_stop(&watch);
	loop_destroy(loop);
}

/* More watches are ready than one batch holds. */
static void test_many_watches(void)
{
	enum { COUNT = 150 };
	struct pipe_end *ends = xcalloc(COUNT, sizeof(*ends));

	begin();
	for (int i = 0; i < COUNT; i++)
		pipe_end_open(&ends[i], '.');
	for (int i = 0; i < 5; i++)
		turn_once();
	CHECK_INT(strlen(trace), COUNT + 5);
	for (int i = 0; i < COUNT; i++)
		pipe_end_close(&ends[i]);
	free(ends);
	loop_destroy(loop);
}

/* ---- timers ---- */

struct letter_timer {
	struct loop_timer timer;
	char letter;
	struct letter_timer *stops;
};

static void on_due_note(struct loop_timer *timer)
{
	struct letter_timer *letter = container_of(timer, struct letter_timer, timer);

	CHECK(clock_now() >= timer->due_ns);
	CHECK(!timer->loop);
	note(letter->letter);
	if (letter->stops)
		loop_timer_stop(&letter->stops->timer);
}

static void test_timers_in_order(void)
{
	static const char order[] = "hbgaefcd";
	struct letter_timer timers[8];
	struct loop_timer end = { .on_due = on_due_stop };
	uint64_t now = clock_now();

	begin();
	for (size_t i = 0; i < 8; i++) {
		timers[i] = (struct letter_timer){ .timer.on_due = on_due_note,
			                           .letter = (char)('a' + i) };
		loop_timer_start(loop, &timers[i].timer,
		                 now + (uint64_t)(strchr(order, 'a' + (int)i) - order) *
		                                 CLOCK_NS_PER_US * 300);
	}
	loop_timer_start(loop, &end, now + 5 * CLOCK_NS_PER_MS);
	loop_run(loop);
	CHECK_STR(trace, "hbgaefcdS");
	loop_destroy(loop);
}

static void test_timers_stopped_and_moved(void)
{
	struct letter_timer a = { .timer.on_due = on_due_note, .letter = 'a' };
	struct letter_timer b = { .timer.on_due = on_due_note, .letter = 'b' };
	struct letter_timer c = { .timer.on_due = on_due_note, .letter = 'c' };
	struct loop_timer end = { .on_due = on_due_stop };
	uint64_t now = clock_now();

	begin();
	loop_timer_start(loop, &a.timer, now);
	loop_timer_start(loop, &b.timer, now + 1);
	loop_timer_start(loop, &c.timer, now + 2);
	loop_timer_start(loop, &c.timer, now - 1); /* before the others */
	c.stops = &a;
	loop_timer_start(loop, &end, now + CLOCK_NS_PER_MS);
	loop_run(loop);
	CHECK_STR(trace, "cbS");
	loop_timer_stop(&a.timer);
	loop_destroy(loop);
}

static uint64_t last_due;
static int due_count;

static void on_due_count(struct loop_timer *timer)
{
	CHECK(timer->due_ns >= last_due);
	last_due = timer->due_ns;
	due_count++;
}

/* A heap of many: a third is stopped, a third is moved, from all over it. */
static void test_timer_heap(void)
{
	enum { COUNT = 600 };
	struct loop_timer *timers = xcalloc(COUNT, sizeof(*timers));
	unsigned random = 1;

	begin();
	for (int i = 0; i < COUNT; i++) {
		timers[i].on_due = on_due_count;
		random = random * 1103515245 + 12345;
		loop_timer_start(loop, &timers[i], 1 + (random >> 16) % 1000);
	}
	for (int i = 0; i < COUNT; i += 3)
		loop_timer_stop(&timers[i]);
	for (int i = 1; i < COUNT; i += 3)
		loop_timer_start(loop, &timers[i], 2000 - timers[i].due_ns);
	last_due = 0;
	due_count = 0;
	turn_once();
	CHECK_INT(due_count, COUNT / 3 * 2);
	free(timers);
	loop_destroy(loop);
}

/* Those of Lambda's time come nearer, and in order; the machine's stay as far away as they were. */
static void test_virtual_timers_come_nearer(void)
{
	struct letter_timer a = { .timer = { .on_due = on_due_note, .is_virtual = true },
		                  .letter = 'a' };
	struct letter_timer b = { .timer = { .on_due = on_due_note, .is_virtual = true },
		                  .letter = 'b' };
	struct letter_timer m = { .timer.on_due = on_due_note, .letter = 'm' };
	uint64_t now = clock_now();

	begin();
	CHECK(loop_next_virtual(loop) == UINT64_MAX);
	loop_timer_start(loop, &m.timer, now + 30 * CLOCK_NS_PER_S);
	CHECK(loop_next_virtual(loop) == UINT64_MAX);
	loop_timer_start(loop, &b.timer, now + 120 * CLOCK_NS_PER_S);
	loop_timer_start(loop, &a.timer, now + 60 * CLOCK_NS_PER_S);
	CHECK(loop_next_virtual(loop) == now + 60 * CLOCK_NS_PER_S);
	loop_advance(loop, 60 * CLOCK_NS_PER_S);
	turn_once();
	CHECK_STR(trace, "Sa");
	CHECK(m.timer.due_ns == now + 90 * CLOCK_NS_PER_S);
	CHECK(loop_next_virtual(loop) == now + 120 * CLOCK_NS_PER_S);
	loop_advance(loop, 60 * CLOCK_NS_PER_S);
	turn_once();
	CHECK_STR(trace, "SaSb");
	CHECK(m.timer.loop);
	loop_timer_stop(&m.timer);
	loop_destroy(loop);
}

/* The heap is one afterwards: the machine's timers have changed places with the others. */
static void test_advance_keeps_the_heap(void)
{
	enum { COUNT = 300 };
	struct loop_timer *timers = xcalloc(COUNT, sizeof(*timers));
	uint64_t now = clock_now();
	unsigned random = 1;

	begin();
	for (int i = 0; i < COUNT; i++) {
		timers[i].on_due = on_due_count;
		timers[i].is_virtual = i % 2;
		random = random * 1103515245 + 12345;
		loop_timer_start(loop, &timers[i],
		                 now + (1 + (random >> 16) % 1000) * CLOCK_NS_PER_S);
	}
	last_due = 0;
	due_count = 0;
	for (int i = 0; i < 10; i++) {
		loop_advance(loop, 100 * CLOCK_NS_PER_S);
		turn_once();
	}
	CHECK_INT(due_count, COUNT / 2);
	for (int i = 0; i < COUNT; i++)
		loop_timer_stop(&timers[i]);
	free(timers);
	loop_destroy(loop);
}

static int restarts;

static void on_due_restart(struct loop_timer *timer)
{
	if (++restarts < 3)
		loop_timer_start(loop, timer, 0);
	else
		loop_stop(loop);
	note('r');
}

/* A timer that starts itself again for "now" leaves the descriptors their turn. */
static void test_timer_restarts_itself(void)
{
	struct loop_timer timer = { .on_due = on_due_restart };
	struct pipe_end a;

	begin();
	restarts = 0;
	loop_timer_start(loop, &timer, 0);
	pipe_end_open(&a, 'a');
	CHECK_INT(write(a.fds[1], "x", 1), 1);
	loop_run(loop);
	CHECK_STR(trace, "ararr");
	pipe_end_close(&a);
	loop_destroy(loop);
}

/* ---- signals ---- */

static void on_signal_note(struct loop_signal *signal)
{
	note(signal->number == SIGUSR1 ? '1' : '2');
}

static void on_signal_stop_both(struct loop_signal *signal)
{
	note('x');
	loop_signal_stop(signal);
}

static void test_signals(void)
{
	struct loop_signal one = { .on_signal = on_signal_note };
	struct loop_signal two = { .on_signal = on_signal_note };
	struct error err;
	sigset_t mask;

	begin();
	CHECK(loop_signal_start(loop, &one, SIGUSR1, &err));
	CHECK(loop_signal_start(loop, &two, SIGUSR2, &err));
	raise(SIGUSR2);
	raise(SIGUSR1);
	turn_once();
	CHECK(strcmp(trace, "12S") == 0 || strcmp(trace, "21S") == 0);
	loop_signal_stop(&one);
	one.on_signal = on_signal_stop_both;
	CHECK(loop_signal_start(loop, &one, SIGUSR1, &err));
	loop_signal_stop(&two);
	trace[0] = '\0';
	raise(SIGUSR1);
	turn_once();
	CHECK_STR(trace, "xS");
	loop_signal_stop(&one);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	CHECK(!sigismember(&mask, SIGUSR1) && !sigismember(&mask, SIGUSR2));
	loop_destroy(loop);
}

/* ---- hooks ---- */

struct letter_hook {
	struct loop_hook hook;
	char letter;
	int busy; /* so many times it reports work */
	struct letter_hook *stops;
};

static bool hook_note(struct loop_hook *hook)
{
	struct letter_hook *letter = container_of(hook, struct letter_hook, hook);

	note(letter->letter);
	if (letter->stops)
		loop_hook_stop(&letter->stops->hook);
	return letter->busy-- > 0;
}

static void test_hooks_until_quiet(void)
{
	struct letter_hook a = { .hook.before_sleep = hook_note, .letter = 'a' };
	struct letter_hook b = { .hook.before_sleep = hook_note, .letter = 'b', .busy = 1 };

	begin();
	loop_hook_start(loop, &a.hook);
	loop_hook_start(loop, &b.hook);
	turn_once();
	/* Before the first sleep, and after the turn. */
	CHECK_STR(trace, "ababSab");
	loop_hook_stop(&a.hook);
	loop_hook_stop(&b.hook);
	loop_hook_stop(&b.hook);
	loop_destroy(loop);
}

static void test_hook_stops_next(void)
{
	struct letter_hook a = { .hook.before_sleep = hook_note, .letter = 'a' };
	struct letter_hook b = { .hook.before_sleep = hook_note, .letter = 'b' };
	struct letter_hook c = { .hook.before_sleep = hook_note, .letter = 'c' };

	begin();
	loop_hook_start(loop, &a.hook);
	loop_hook_start(loop, &b.hook);
	loop_hook_start(loop, &c.hook);
	a.stops = &b;
	c.stops = &c;
	turn_once();
	CHECK_STR(trace, "acSa");
	loop_hook_stop(&a.hook);
	loop_destroy(loop);
}

TEST_MAIN(test_watch_stopped_in_same_batch, test_watch_freed_in_same_batch,
          test_watch_restarted_in_same_batch, test_watch_change, test_watch_refused,
          test_many_watches, test_timers_in_order, test_timers_stopped_and_moved, test_timer_heap,
          test_virtual_timers_come_nearer, test_advance_keeps_the_heap, test_timer_restarts_itself,
          test_signals, test_hooks_until_quiet, test_hook_stops_next)
