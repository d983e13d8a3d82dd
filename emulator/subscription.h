/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subscription - what an extension asks of the Telemetry API or the Logs API.
 *
 * A request body becomes a flat struct, or every reason against it in one text,
 * as Lambda joins them: "URI port is not provided; types should not be empty".
 * The body comes from a process in the box: whoever reads it bounds its length.
 * Members that nobody knows are ignored, and null is the same as a missing one,
 * which is what many clients send for what they have not set.
 *
 * Source of fields, bounds and defaults: spec extensions-telemetry.md §3, §5, §7.
 */
#ifndef EMULATOR_SUBSCRIPTION_H
#define EMULATOR_SUBSCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

/* What a subscriber may listen at; no other is asked for by name. */
#define SUBSCRIPTION_HOST "sandbox.localdomain"
#define SUBSCRIPTION_SHORT_HOST "sandbox"

#define SUBSCRIPTION_TARGET_SIZE 1024

enum subscription_api {
	SUBSCRIPTION_LOGS,      /* 2020-08-15 */
	SUBSCRIPTION_TELEMETRY, /* 2022-07-01 */
};

/* In the order of their release: a later one has all that an earlier one of its API has. */
enum subscription_schema {
	SUBSCRIPTION_2020_08_15, /* Logs API */
	SUBSCRIPTION_2021_03_18, /* Logs API: and platform.runtimeDone */
	SUBSCRIPTION_2022_07_01, /* Telemetry API */
	SUBSCRIPTION_2022_12_13, /* and JSON lines as objects */
	SUBSCRIPTION_2025_01_29,
};

enum subscription_type {
	SUBSCRIPTION_PLATFORM,
	SUBSCRIPTION_FUNCTION,
	SUBSCRIPTION_EXTENSION,
	SUBSCRIPTION_TYPE_COUNT,
};

enum subscription_protocol { SUBSCRIPTION_HTTP, SUBSCRIPTION_TCP };

/* No pointers and no holes with chance content: two are the same when their bytes are. */
struct subscription {
	enum subscription_api api;
	enum subscription_schema schema;
	enum subscription_type types[SUBSCRIPTION_TYPE_COUNT]; /* in the order of the request */
	unsigned type_count;

	/* A batch is sent when it has so much, or is so old. */
	unsigned max_items;
	unsigned max_bytes;
	unsigned timeout_ms;

	enum subscription_protocol protocol;
	uint16_t port;
	bool put;                              /* HTTP: PUT instead of POST; Logs API only */
	char host[32];                         /* HTTP: as asked for, for the Host header */
	char target[SUBSCRIPTION_TARGET_SIZE]; /* HTTP: path and query, "/" at least */
};

/*
 * Reads a request body. Returns false and appends what is wrong with it to 'reasons'.
 */
bool subscription_parse(struct subscription *subscription, enum subscription_api api,
                        const char *body, size_t length, struct buffer *reasons);

bool subscription_wants(const struct subscription *subscription, enum subscription_type type);

/* "platform", as on the wire. */
const char *subscription_type_name(enum subscription_type type);

#endif
