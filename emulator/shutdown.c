/* SPDX-License-Identifier: Apache-2.0 */
/* shutdown - the orderly end of a box, before what is left in it is killed */
#include "emulator/shutdown.h"

#include <assert.h>
#include <signal.h>

#include "emulator/clock.h"

#define INTERNAL_NS (500 * CLOCK_NS_PER_MS)
#define RUNTIME_NS (300 * CLOCK_NS_PER_MS)
#define ALL_NS (2000 * CLOCK_NS_PER_MS)

bool shutdown_is_due(const struct extensions *extensions)
{
	return extensions->count > 0;
}

/* 'share_ns' of the time since the end began, all of it the machine's. */
static void start_timer(struct shutdown *shutdown, uint64_t share_ns)
{
	uint64_t elapsed = clock_machine() - shutdown->started_ns;

	loop_timer_start(shutdown->loop, &shutdown->timer,
	                 clock_now() + (elapsed < share_ns ? share_ns - elapsed : 0));
}

/* From the loop, so that nobody who is in the middle of something loses its box. */
static void end_soon(struct shutdown *shutdown)
{
	start_timer(shutdown, 0);
}

static bool has_survivors(const struct shutdown *shutdown)
{
	for (unsigned i = 0; i < shutdown->extensions->count; i++) {
		if (shutdown->extensions->items[i].is_alive)
			return true;
	}
	return false;
}

static void runtime_is_over(struct shutdown *shutdown)
{
	if (!has_survivors(shutdown)) {
		shutdown->step = SHUTDOWN_EXTENSIONS;
		end_soon(shutdown);
		return;
	}
	shutdown->step = SHUTDOWN_FLUSH;
	start_timer(shutdown, ALL_NS);
	shutdown->on_runtime_over(shutdown);
}

static void on_due(struct loop_timer *timer)
{
	struct shutdown *shutdown = container_of(timer, struct shutdown, timer);

	if (shutdown->step == SHUTDOWN_RUNTIME && extensions_have_external(shutdown->extensions)) {
		sandbox_signal(shutdown->box, RUNTIME_PROGRAM, SIGKILL);
		runtime_is_over(shutdown);
		return;
	}
	shutdown->step = SHUTDOWN_IDLE;
	shutdown->on_over(shutdown);
}

static uint64_t runtime_share(const struct shutdown *shutdown)
{
	return extensions_have_external(shutdown->extensions) ? RUNTIME_NS : INTERNAL_NS;
}

void shutdown_start(struct shutdown *shutdown)
{
	assert(shutdown->step == SHUTDOWN_IDLE);
	shutdown->timer.on_due = on_due;
	shutdown->started_ns = clock_machine();
	shutdown->step = SHUTDOWN_RUNTIME;
	/* Who is frozen would hear of its end and have no time for it. */
	sandbox_thaw(shutdown->box);
	if (!shutdown->runtime_is_alive) {
		runtime_is_over(shutdown);
		return;
	}
	sandbox_signal(shutdown->box, RUNTIME_PROGRAM, SIGTERM);
	start_timer(shutdown, runtime_share(shutdown));
}

static void notify(struct shutdown *shutdown, struct extension *extension)
{
	uint64_t elapsed = clock_machine() - shutdown->started_ns;
	struct extension_event event = {
		.kind = EXTENSION_SHUTDOWN,
		.deadline_ms = clock_machine_wall_ms() +
		               (elapsed < ALL_NS ? (ALL_NS - elapsed) / CLOCK_NS_PER_MS : 0),
		.reason = shutdown->reason,
	};

	extension->state = EXTENSION_RUNNING;
	extension->is_due = extension->is_waiting = false;
	shutdown->port->ops->notify(shutdown->port, extension, &event);
}

void shutdown_notify(struct shutdown *shutdown)
{
	if (shutdown->step != SHUTDOWN_FLUSH)
		return;
	shutdown->step = SHUTDOWN_EXTENSIONS;
	for (unsigned i = 0; i < shutdown->extensions->count; i++) {
		struct extension *extension = &shutdown->extensions->items[i];

		if (!extension->is_alive)
			continue;
		extension->is_due = extension_wants(extension, EXTENSION_SHUTDOWN);
		if (!extension->is_due)
			sandbox_signal(shutdown->box, EXTENSION_PROGRAM(i), SIGKILL);
		else if (extension->is_waiting)
			notify(shutdown, extension);
	}
}

void shutdown_runtime_exited(struct shutdown *shutdown)
{
	shutdown->runtime_is_alive = false;
	if (shutdown->step == SHUTDOWN_RUNTIME)
		runtime_is_over(shutdown);
}

void shutdown_extension_exited(struct shutdown *shutdown)
{
	if (shutdown->step != SHUTDOWN_IDLE && shutdown->step != SHUTDOWN_RUNTIME &&
	    !has_survivors(shutdown))
		end_soon(shutdown);
}

void shutdown_extension_asks(struct shutdown *shutdown, struct extension *extension)
{
	if (shutdown->step == SHUTDOWN_EXTENSIONS && extension->is_due)
		notify(shutdown, extension);
}

void shutdown_stop(struct shutdown *shutdown)
{
	loop_timer_stop(&shutdown->timer);
	shutdown->step = SHUTDOWN_IDLE;
}

bool shutdown_is_under_way(const struct shutdown *shutdown)
{
	return shutdown->step != SHUTDOWN_IDLE;
}
