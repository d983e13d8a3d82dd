/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extension - the extensions of one life of an environment.
 *
 * An external extension is a program of its own in the box, launched from
 * /opt/extensions; an internal one is a part of the runtime's process that has
 * registered under a name of its own. Both are rows of one list, each with a state
 * that says which calls it may make. Nothing here talks to anybody: the
 * environment decides what a change of state means, the Extensions API tells
 * the extension.
 *
 * Source: spec extensions-telemetry.md §1 and §2.
 */
#ifndef EMULATOR_EXTENSION_H
#define EMULATOR_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/identifier.h"

/* In one environment, external and internal ones together. */
#define EXTENSION_LIMIT 10

/* A file name, with the NUL. */
#define EXTENSION_NAME_SIZE 256

enum extension_state {
	EXTENSION_STARTED, /* launched */
	EXTENSION_REGISTERED,
	EXTENSION_READY,   /* has asked for an event */
	EXTENSION_RUNNING, /* has got one */
	EXTENSION_INIT_ERROR,
	EXTENSION_EXIT_ERROR,
	EXTENSION_EXITED,
	EXTENSION_SHUTDOWN_FAILED,
	EXTENSION_LAUNCH_ERROR,
	EXTENSION_STATE_COUNT,
};

enum extension_call {
	EXTENSION_CALL_REGISTER,
	EXTENSION_CALL_NEXT,
	EXTENSION_CALL_INIT_ERROR,
	EXTENSION_CALL_EXIT_ERROR,
	EXTENSION_CALL_COUNT,
};

/* What it may want to hear of. */
enum extension_event_kind {
	EXTENSION_INVOKE,
	EXTENSION_SHUTDOWN,
	EXTENSION_EVENT_COUNT,
};

struct extension {
	char name[EXTENSION_NAME_SIZE];
	char id[UUID_SIZE];
	enum extension_state state;
	bool is_external;
	bool is_alive; /* external: its program runs, or is about to */
	enum extension_event_kind events[EXTENSION_EVENT_COUNT]; /* as registered, in order */
	unsigned event_count;
	bool is_waiting;      /* its call for an event is held */
	bool is_due;          /* it gets the event of now as soon as it asks */
	char error_type[128]; /* what logs say of its failure; "": it has not failed */
};

struct extensions {
	struct extension items[EXTENSION_LIMIT];
	unsigned count;
};

/* Adds one of that name with a fresh id, in state STARTED. NULL when there are ten. */
struct extension *extensions_add(struct extensions *extensions, const char *name, bool is_external);

/* NULL when there is none. */
struct extension *extensions_find(struct extensions *extensions, const char *name);
struct extension *extensions_find_id(struct extensions *extensions, const char *id);

/* Its place in the list, which is its number for others, too. */
unsigned extension_index(const struct extensions *extensions, const struct extension *extension);

/* Whether it wants to hear of 'kind'. */
bool extension_wants(const struct extension *extension, enum extension_event_kind kind);

/* Whether the call fits its state. */
bool extension_call_is_allowed(const struct extension *extension, enum extension_call call);

/* ---- questions about all of them ---- */

/* Every external one has registered: the runtime may start. */
bool extensions_are_registered(const struct extensions *extensions);

/* Each one that has registered has asked for its first event: init may end. */
bool extensions_are_ready(const struct extensions *extensions);

/* Some have not come back from an INVOKE event. */
bool extensions_are_busy(const struct extensions *extensions);

bool extensions_have_external(const struct extensions *extensions);
bool extensions_have_internal(const struct extensions *extensions);

/* ---- words ---- */

/* As they stand in the texts of refusals: "Ready". */
const char *extension_state_name(enum extension_state state);
const char *extension_call_target(enum extension_call call);
const char *extension_event_name(enum extension_event_kind kind); /* "INVOKE" */

/* Finds an event kind by its name; false when there is none. */
bool extension_event_parse(const char *name, enum extension_event_kind *kind);

#endif
