/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform_event_json - what the platform says, as JSON logs and telemetry have it.
 *
 * {"time":"2026-10-08T07:30:27.768Z","type":"platform.start","record":{...}}
 *
 * Members and their order: spec extensions-telemetry.md §4, and §5 for the
 * schemas of the Logs API, which know fewer events and tell less of them.
 * Durations are milliseconds with at most three digits behind the point, cut.
 */
#ifndef EMULATOR_PLATFORM_EVENT_JSON_H
#define EMULATOR_PLATFORM_EVENT_JSON_H

#include <stdbool.h>

#include "emulator/buffer.h"
#include "emulator/log_line.h"
#include "emulator/platform_event.h"
#include "emulator/subscription.h"

/* The schema of JSON logs, which is that of telemetry. */
#define PLATFORM_EVENT_LOG_SCHEMA SUBSCRIPTION_2022_12_13

/* Appends one object, without a newline. Returns false, and appends nothing, when 'schema' has no
 * such event. */
bool platform_event_json(struct buffer *out, const struct platform_event *event,
                         enum subscription_schema schema);

/* How important it is to JSON logs: DEBUG, INFO or WARN (spec lifecycle-and-logs.md §3). */
enum log_line_level platform_event_level(const struct platform_event *event);

#endif
