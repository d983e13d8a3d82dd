/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shutdown - the orderly end of a box, before what is left in it is killed.
 *
 * Without extensions there is none: a runtime is killed and hears nothing of it.
 * With internal ones alone it gets SIGTERM and 500 ms. With external ones the
 * runtime gets SIGTERM and 300 ms; then those that asked for it get a SHUTDOWN
 * event, the others SIGKILL, and all of it takes at most 2000 ms.
 * The runtime ends first, so that extensions can see its last words.
 *
 * Source: spec extensions-telemetry.md §2 "Shutdown", and its open points.
 */
#ifndef EMULATOR_SHUTDOWN_H
#define EMULATOR_SHUTDOWN_H

#include <stdbool.h>

#include "emulator/environment.h"
#include "emulator/extension.h"
#include "emulator/loop.h"

/* The programs of a box, by their numbers in it. */
#define RUNTIME_PROGRAM 1
#define EXTENSION_PROGRAM(index) ((index) + 2)

struct shutdown {
	/* The runtime is gone and external extensions are to be told: the owner calls
	 * shutdown_notify(), now or later. */
	void (*on_runtime_over)(struct shutdown *shutdown);

	/* The time is up, or nobody is left that needed it. Once, from a turn of the loop. */
	void (*on_over)(struct shutdown *shutdown);

	struct loop *loop;
	struct sandbox *box;
	struct runtime_port *port;
	struct extensions *extensions;
	bool runtime_is_alive;
	const char *reason; /* "spindown", "timeout", "failure" */

	/* private */
	struct loop_timer timer;
	uint64_t started_ns; /* by clock_machine(): what ends are processes */
	enum { SHUTDOWN_IDLE, SHUTDOWN_RUNTIME, SHUTDOWN_FLUSH, SHUTDOWN_EXTENSIONS } step;
};

/* Whether these extensions make it worth while. */
bool shutdown_is_due(const struct extensions *extensions);

/* Begins; what is above 'private' must be set, and 'private' zero. */
void shutdown_start(struct shutdown *shutdown);

/* Tells the external extensions; once, after on_runtime_over. */
void shutdown_notify(struct shutdown *shutdown);

/* The runtime, or an extension (whose is_alive says so), has ended. */
void shutdown_runtime_exited(struct shutdown *shutdown);
void shutdown_extension_exited(struct shutdown *shutdown);

/* An extension asks for an event; its state is READY and it waits. */
void shutdown_extension_asks(struct shutdown *shutdown, struct extension *extension);

/* Nothing more is called. Fine when it was never started. */
void shutdown_stop(struct shutdown *shutdown);

bool shutdown_is_under_way(const struct shutdown *shutdown);

#endif
