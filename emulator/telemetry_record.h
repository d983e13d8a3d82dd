/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry_record - one line that was printed, as subscribers get it.
 *
 * {"time":"2026-01-01T00:00:00.000Z","type":"function","record":"a line\n"}
 *
 * What the platform says is in platform_event_json.h. Source: spec extensions-telemetry.md §4, §5.
 */
#ifndef EMULATOR_TELEMETRY_RECORD_H
#define EMULATOR_TELEMETRY_RECORD_H

#include "emulator/buffer.h"
#include "emulator/subscription.h"

/* What stands in front of a line: the same for all that are printed by one in a millisecond, and
 * kept for those. Zeroed before the first. */
struct telemetry_record_head {
	uint64_t wall_ms;
	enum subscription_type source;
	size_t length; /* 0: none is kept */
	char text[96];
};

/* Appends a line, which may hold anything, as a string. */
void telemetry_record_line(struct buffer *out, struct telemetry_record_head *head,
                           enum subscription_type source, uint64_t wall_ns, const char *line,
                           size_t length);

/* Appends a line that is a JSON object as that object. Returns false when it is none. */
bool telemetry_record_object(struct buffer *out, enum subscription_type source, uint64_t wall_ns,
                             const char *line, size_t length);

#endif
