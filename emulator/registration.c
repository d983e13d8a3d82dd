/* SPDX-License-Identifier: Apache-2.0 */
/* registration - what an extension says of itself when it registers */
#include "emulator/registration.h"

#include <stdio.h>
#include <string.h>

#include "emulator/json.h"

#define FORMAT "InvalidRequestFormat"
#define EVENT "Extension.InvalidEventType"

/* Returns false. */
static bool refuse(struct registration_refusal *refusal, const char *type, const char *message)
{
	refusal->type = type;
	return error_set(&refusal->why, 0, "%s", message);
}

static void add(struct registration *registration, enum extension_event_kind kind)
{
	for (unsigned i = 0; i < registration->count; i++) {
		if (registration->events[i] == kind)
			return;
	}
	registration->events[registration->count++] = kind;
}

/* NULL, or why nobody of this origin may hear of 'kind'. */
static const char *objection(enum extension_event_kind kind,
                             const struct registration_origin *origin)
{
	/* events of which invocation, if there are several? */
	if (origin->is_concurrent && !origin->is_external)
		return "No events allowed for internal extensions";
	if (origin->is_concurrent && kind == EXTENSION_INVOKE)
		return "INVOKE: ErrorInvalidEventType";
	if (!origin->is_external && kind == EXTENSION_SHUTDOWN)
		return "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension";
	return NULL;
}

static bool read_event(struct registration *registration, const char *name,
                       const struct registration_origin *origin,
                       struct registration_refusal *refusal)
{
	enum extension_event_kind kind;

	if (!name)
		return refuse(refusal, FORMAT, "events: each must be a string");
	if (!extension_event_parse(name, &kind)) {
		refusal->type = EVENT;
		return error_set(&refusal->why, 0, "%.64s: ErrorInvalidEventType", name);
	}
	if (objection(kind, origin))
		return refuse(refusal, EVENT, objection(kind, origin));
	add(registration, kind);
	return true;
}

static bool read_body(struct registration *registration, const struct json *body,
                      const struct registration_origin *origin,
                      struct registration_refusal *refusal)
{
	const struct json *events = json_member(body, "events");

	if (!json_is_object(body))
		return refuse(refusal, FORMAT, "the body must be a JSON object");
	if (events && !json_is_array(events))
		return refuse(refusal, FORMAT, "events must be an array of strings");
	if (json_length(json_member(body, "configurationKeys")) > 0)
		return refuse(
			refusal, FORMAT,
			"configurationKeys are deprecated; use environment variables instead");
	for (size_t i = 0; i < json_length(events); i++) {
		if (!read_event(registration, json_text(json_item(events, i)), origin, refusal))
			return false;
	}
	return true;
}

bool registration_parse(struct registration *registration, const char *body, size_t length,
                        const struct registration_origin *origin,
                        struct registration_refusal *refusal)
{
	struct json *json = json_read(body, length, &refusal->why);
	bool taken;

	*registration = (struct registration){ .count = 0 };
	if (!json) {
		refusal->type = FORMAT;
		return false;
	}
	taken = read_body(registration, json, origin, refusal);
	json_destroy(json);
	return taken;
}

bool registration_accepts(const char *features, const char *feature)
{
	while (features && *features) {
		size_t length;

		features += strspn(features, ", \t");
		length = strcspn(features, ", \t");
		if (length == strlen(feature) && strncmp(features, feature, length) == 0)
			return true;
		features += length;
	}
	return false;
}
