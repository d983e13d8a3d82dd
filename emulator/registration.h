/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registration - what an extension says of itself when it registers.
 *
 * A request body becomes a list of events, or a refusal in the words of the
 * Extensions API. The body comes from a process in the box: whoever reads it
 * bounds its length. No events can be said in three ways: none, null, an empty
 * list. Members that nobody knows are ignored.
 *
 * Source: spec extensions-telemetry.md §1 "Register" and "Errors", runtime-api.md §9.
 */
#ifndef EMULATOR_REGISTRATION_H
#define EMULATOR_REGISTRATION_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/extension.h"
#include "sandbox/error.h"

struct registration {
	enum extension_event_kind events[EXTENSION_EVENT_COUNT]; /* in order, each once */
	unsigned count;
};

/* Who asks. */
struct registration_origin {
	bool is_external;   /* a program of its own: an internal one is a part of the runtime */
	bool is_concurrent; /* its environment takes several invocations at once */
};

/* Why it is not taken; always answered with 403. */
struct registration_refusal {
	const char *type; /* "InvalidRequestFormat" */
	struct error why;
};

/* Returns false and fills 'refusal' when the body does not say what it must. */
bool registration_parse(struct registration *registration, const char *body, size_t length,
                        const struct registration_origin *origin,
                        struct registration_refusal *refusal);

/* Whether a list of features, as in "a, accountId", holds this one. NULL is an empty list. */
bool registration_accepts(const char *features, const char *feature);

#endif
