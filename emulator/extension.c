/* SPDX-License-Identifier: Apache-2.0 */
/* extension - the extensions of one life of an environment */
#include "emulator/extension.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BIT(n) (1U << (n))

/* A call in the state that it led to changes nothing, and is accepted (the errors alone). */
static const unsigned allowed[EXTENSION_STATE_COUNT] = {
	[EXTENSION_STARTED] = BIT(EXTENSION_CALL_REGISTER),
	[EXTENSION_REGISTERED] = BIT(EXTENSION_CALL_NEXT) | BIT(EXTENSION_CALL_INIT_ERROR) |
	                         BIT(EXTENSION_CALL_EXIT_ERROR),
	[EXTENSION_READY] = BIT(EXTENSION_CALL_EXIT_ERROR),
	[EXTENSION_RUNNING] = BIT(EXTENSION_CALL_NEXT) | BIT(EXTENSION_CALL_EXIT_ERROR),
	[EXTENSION_INIT_ERROR] = BIT(EXTENSION_CALL_INIT_ERROR),
	[EXTENSION_EXIT_ERROR] = BIT(EXTENSION_CALL_EXIT_ERROR),
	[EXTENSION_EXITED] = 0,
	[EXTENSION_SHUTDOWN_FAILED] = 0,
	[EXTENSION_LAUNCH_ERROR] = 0,
};

static const char *const state_name[EXTENSION_STATE_COUNT] = {
	[EXTENSION_STARTED] = "Started",
	[EXTENSION_REGISTERED] = "Registered",
	[EXTENSION_READY] = "Ready",
	[EXTENSION_RUNNING] = "Running",
	[EXTENSION_INIT_ERROR] = "InitError",
	[EXTENSION_EXIT_ERROR] = "ExitError",
	[EXTENSION_EXITED] = "Exited",
	[EXTENSION_SHUTDOWN_FAILED] = "ShutdownFailed",
	[EXTENSION_LAUNCH_ERROR] = "LaunchError",
};

static const char *const call_target[EXTENSION_CALL_COUNT] = {
	[EXTENSION_CALL_REGISTER] = "Registered",
	[EXTENSION_CALL_NEXT] = "Ready",
	[EXTENSION_CALL_INIT_ERROR] = "InitError",
	[EXTENSION_CALL_EXIT_ERROR] = "Exited", /* not ExitError: so do AWS's own tools */
};

static const char *const event_name[EXTENSION_EVENT_COUNT] = {
	[EXTENSION_INVOKE] = "INVOKE",
	[EXTENSION_SHUTDOWN] = "SHUTDOWN",
};

struct extension *extensions_add(struct extensions *extensions, const char *name, bool is_external)
{
	struct extension *extension;

	if (extensions->count == EXTENSION_LIMIT)
		return NULL;
	extension = &extensions->items[extensions->count++];
	*extension = (struct extension){ .state = EXTENSION_STARTED, .is_external = is_external };
	assert(strlen(name) < sizeof(extension->name));
	memcpy(extension->name, name, strlen(name) + 1);
	uuid_make(extension->id);
	return extension;
}

struct extension *extensions_find(struct extensions *extensions, const char *name)
{
	for (unsigned i = 0; i < extensions->count; i++) {
		if (strcmp(extensions->items[i].name, name) == 0)
			return &extensions->items[i];
	}
	return NULL;
}

struct extension *extensions_find_id(struct extensions *extensions, const char *id)
{
	for (unsigned i = 0; i < extensions->count; i++) {
		if (strcasecmp(extensions->items[i].id, id) == 0)
			return &extensions->items[i];
	}
	return NULL;
}

unsigned extension_index(const struct extensions *extensions, const struct extension *extension)
{
	return (unsigned)(extension - extensions->items);
}

bool extension_wants(const struct extension *extension, enum extension_event_kind kind)
{
	for (unsigned i = 0; i < extension->event_count; i++) {
		if (extension->events[i] == kind)
			return true;
	}
	return false;
}

/* One whose call for an event broke off may ask again. */
static bool has_lost_its_call(const struct extension *extension, enum extension_call call)
{
	return call == EXTENSION_CALL_NEXT && extension->state == EXTENSION_READY &&
	       !extension->is_waiting;
}

bool extension_call_is_allowed(const struct extension *extension, enum extension_call call)
{
	assert(extension->state < EXTENSION_STATE_COUNT && call < EXTENSION_CALL_COUNT);
	return allowed[extension->state] & BIT(call) || has_lost_its_call(extension, call);
}

/* ---- questions about all of them ---- */

static bool any(const struct extensions *extensions, bool (*is)(const struct extension *extension))
{
	for (unsigned i = 0; i < extensions->count; i++) {
		if (is(&extensions->items[i]))
			return true;
	}
	return false;
}

static bool is_unregistered(const struct extension *extension)
{
	return extension->state == EXTENSION_STARTED;
}

static bool is_unready(const struct extension *extension)
{
	return extension->state == EXTENSION_STARTED || extension->state == EXTENSION_REGISTERED;
}

static bool is_busy(const struct extension *extension)
{
	return extension->state == EXTENSION_RUNNING || extension->is_due;
}

static bool is_external(const struct extension *extension)
{
	return extension->is_external;
}

static bool is_internal(const struct extension *extension)
{
	return !extension->is_external;
}

bool extensions_are_registered(const struct extensions *extensions)
{
	return !any(extensions, is_unregistered);
}

bool extensions_are_ready(const struct extensions *extensions)
{
	return !any(extensions, is_unready);
}

bool extensions_are_busy(const struct extensions *extensions)
{
	return any(extensions, is_busy);
}

bool extensions_have_external(const struct extensions *extensions)
{
	return any(extensions, is_external);
}

bool extensions_have_internal(const struct extensions *extensions)
{
	return any(extensions, is_internal);
}

/* ---- words ---- */

const char *extension_state_name(enum extension_state state)
{
	assert(state < EXTENSION_STATE_COUNT);
	return state_name[state];
}

const char *extension_call_target(enum extension_call call)
{
	assert(call < EXTENSION_CALL_COUNT);
	return call_target[call];
}

const char *extension_event_name(enum extension_event_kind kind)
{
	assert(kind < EXTENSION_EVENT_COUNT);
	return event_name[kind];
}

bool extension_event_parse(const char *name, enum extension_event_kind *kind)
{
	for (unsigned i = 0; i < EXTENSION_EVENT_COUNT; i++) {
		if (strcmp(event_name[i], name) == 0) {
			*kind = (enum extension_event_kind)i;
			return true;
		}
	}
	return false;
}
