/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - the one event loop: descriptors, timers, signals, work before sleep.
 *
 * Watches, timers and hooks are embedded in their owner, who finds itself with
 * container_of(). Stopping any of them is allowed at any time, also from inside
 * its own or another's callback: a stopped one is never called again. Memory
 * that holds one is freed inside callbacks only through loop_dispose(), which
 * acts after the turn.
 *
 * A turn: wait, then descriptors that are ready, then timers that are due, then
 * the before-sleep hooks until none of them reports more work, then the
 * disposals. One thread; nothing here is safe to call from another.
 */
#ifndef EMULATOR_LOOP_H
#define EMULATOR_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/error.h"

/* clang-format off */
#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
/* clang-format on */

struct loop;

struct loop *loop_create(struct error *err);

/* Everything must have been stopped. NULL is fine. */
void loop_destroy(struct loop *loop);

/* Turns until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* ---- descriptors ---- */

struct loop_watch {
	void (*on_ready)(struct loop_watch *watch, uint32_t events);
	struct loop *loop; /* NULL while stopped */
	int fd;
	uint32_t events;
};

/* Starts to watch 'fd' for epoll 'events' (EPOLLIN ...). 'on_ready' must be set.
 * The descriptor stays the caller's and must outlive the watch. */
bool loop_watch_start(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events,
                      struct error *err);

/* Watches for other events from now on; nothing happens if they are the same. */
void loop_watch_change(struct loop_watch *watch, uint32_t events);

/* Fine on a watch that was never started, if it was zeroed. */
void loop_watch_stop(struct loop_watch *watch);

/* ---- timers ---- */

/*
 * Set before it starts: whether it measures Lambda's time, and comes nearer when that is moved
 * forward, as retries, deadlines of functions and ends for want of work do. Else it takes as long
 * as ever: what guards a process, a connection or a file, which know of the machine's time alone.
 */
struct loop_timer {
	void (*on_due)(struct loop_timer *timer);
	bool is_virtual;
	struct loop *loop; /* NULL while stopped */
	uint64_t due_ns;
	size_t slot;
};

/* (Re)starts a timer that fires once, at the first turn at or after 'due_ns' of
 * clock_now(), never before. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, uint64_t due_ns);
void loop_timer_stop(struct loop_timer *timer);

/* When the next virtual timer is due; UINT64_MAX: there is none. */
uint64_t loop_next_virtual(const struct loop *loop);

/* Moves clock_now() forward. Virtual timers that are due then fire in the next turn; the others
 * are as far away as before. */
void loop_advance(struct loop *loop, uint64_t ns);

/* ---- signals ---- */

/* Blocks 'signal' for the process and delivers it as a callback. One handler per signal. */
struct loop_signal {
	void (*on_signal)(struct loop_signal *signal);
	int number;
	struct loop *loop;
	struct loop_signal *next;
};

bool loop_signal_start(struct loop *loop, struct loop_signal *signal, int number,
                       struct error *err);
void loop_signal_stop(struct loop_signal *signal);

/* ---- before sleep ---- */

/* Called at the end of each turn. Returns true when it did something that may
 * have given other hooks work: all hooks are then called again. */
struct loop_hook {
	bool (*before_sleep)(struct loop_hook *hook);
	struct loop *loop;
	struct loop_hook *next;
};

void loop_hook_start(struct loop *loop, struct loop_hook *hook);
void loop_hook_stop(struct loop_hook *hook);

/* ---- disposal ---- */

struct loop_garbage {
	void (*dispose)(struct loop_garbage *garbage);
	struct loop_garbage *next;
};

/* Calls 'dispose' after the turn. Once per garbage. */
void loop_dispose(struct loop *loop, struct loop_garbage *garbage,
                  void (*dispose)(struct loop_garbage *garbage));

#endif
