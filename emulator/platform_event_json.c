/* SPDX-License-Identifier: Apache-2.0 */
/* platform_event_json - what the platform says, as JSON logs and telemetry have it */
#include "emulator/platform_event_json.h"

#include <stdio.h>

#include "emulator/clock.h"
#include "emulator/identifier.h"
#include "emulator/json.h"
#include "emulator/report.h"
#include "emulator/timestamp.h"

#define MEGABYTE ((uint64_t)1 << 20)

static const char *const phase_words[] = {
	[PLATFORM_PHASE_INIT] = "init",
	[PLATFORM_PHASE_INVOKE] = "invoke",
	[PLATFORM_PHASE_SNAP_START] = "snap-start",
};

static bool is_logs_api(enum subscription_schema schema)
{
	return schema < SUBSCRIPTION_2022_07_01;
}

/* ---- members that several events have ---- */

static void append_optional(struct buffer *out, const char *name, const char *value)
{
	if (value)
		json_object_text(out, name, value);
}

static void append_milliseconds(struct buffer *out, const char *name, uint64_t ns)
{
	json_object_decimal(out, name, ns / CLOCK_NS_PER_US);
}

static const char *status_word(const struct fault *fault)
{
	if (platform_succeeded(fault))
		return "success";
	if (fault->status == FAULT_TIMEOUT)
		return "timeout";
	return fault->status == FAULT_ERROR ? "error" : "failure";
}

static void append_status(struct buffer *out, const struct fault *fault)
{
	json_object_text(out, "status", status_word(fault));
	if (!platform_succeeded(fault) && fault->status != FAULT_TIMEOUT)
		json_object_text(out, "errorType", fault->type);
}

static void append_tracing(struct buffer *out, const char *trace_header)
{
	if (!trace_header || !trace_header_is_sampled(trace_header))
		return;
	json_object_open(out, "tracing");
	json_object_text(out, "type", "X-Amzn-Trace-Id");
	json_object_text(out, "value", trace_header);
	json_object_end(out);
}

static void append_words(struct buffer *out, const char *name, const struct platform_words *words)
{
	json_array_open(out, name);
	for (size_t i = 0; i < words->count; i++)
		json_array_text(out, words->items[i]);
	json_array_end(out);
}

struct named_span {
	const char *name;
	const struct platform_span *span;
};

static void append_span(struct buffer *out, const struct platform_event *event,
                        const struct named_span *named)
{
	char start[TIMESTAMP_SIZE];

	timestamp_format(event->wall_ns - event->at_ns + named->span->start_ns, start);
	json_array_item(out);
	json_object_text(out, "name", named->name);
	json_object_text(out, "start", start);
	append_milliseconds(out, "durationMs", named->span->end_ns - named->span->start_ns);
	json_object_end(out);
}

/* Those of 'spans' that happened; the last one has no name. */
static void append_spans(struct buffer *out, const struct platform_event *event,
                         const struct named_span *spans)
{
	bool any = false;

	for (; spans->name; spans++) {
		if (!platform_span_happened(spans->span))
			continue;
		if (!any)
			json_array_open(out, "spans");
		any = true;
		append_span(out, event, spans);
	}
	if (any)
		json_array_end(out);
}

/* ---- events ---- */

static void append_runtime_version(struct buffer *out, const struct platform_init_start *start)
{
	append_optional(out, "runtimeVersion", start->runtime_version);
	append_optional(out, "runtimeVersionArn", start->runtime_version_arn);
}

static void append_function(struct buffer *out, const struct platform_init_start *start)
{
	json_object_text(out, "functionName", start->function_name);
	json_object_text(out, "functionVersion", start->function_version);
	append_optional(out, "instanceId", start->log_stream);
	if (start->memory_bytes > 0)
		json_object_number(out, "instanceMaxMemory", start->memory_bytes);
}

static void append_kind_of_init(struct buffer *out, enum platform_initialization initialization,
                                enum platform_phase phase)
{
	json_object_text(out, "initializationType", platform_initialization_name(initialization));
	json_object_text(out, "phase", phase_words[phase]);
}

static void append_init_start(struct buffer *out, const struct platform_init_start *start)
{
	append_kind_of_init(out, start->initialization, start->phase);
	append_runtime_version(out, start);
	append_function(out, start);
}

static void append_restore_start(struct buffer *out, const struct platform_init_start *start)
{
	append_function(out, start);
	append_runtime_version(out, start);
}

static void append_duration(struct buffer *out, uint64_t ns)
{
	json_object_open(out, "metrics");
	append_milliseconds(out, "durationMs", ns);
	json_object_end(out);
}

static void append_init_end(struct buffer *out, const struct platform_init_end *init)
{
	append_kind_of_init(out, init->initialization, init->phase);
	append_status(out, init->fault);
}

static void append_start(struct buffer *out, const struct platform_start *start,
                         enum subscription_schema schema)
{
	json_object_text(out, "requestId", start->request_id);
	if (!is_logs_api(schema))
		append_optional(out, "functionArn", start->function_arn);
	json_object_text(out, "version", start->version);
	if (is_logs_api(schema))
		return;
	append_tracing(out, start->trace_header);
	append_optional(out, "tenantId", start->tenant_id);
}

/* The Logs API has only three words (spec §5). */
static void append_old_runtime_done(struct buffer *out, const struct platform_runtime_done *done)
{
	bool has_failed = !platform_succeeded(done->fault) && done->fault->status == FAULT_ERROR;

	json_object_text(out, "requestId", done->request_id);
	json_object_text(out, "status", has_failed ? "failure" : status_word(done->fault));
}

static void append_runtime_done(struct buffer *out, const struct platform_event *event)
{
	const struct platform_runtime_done *done = &event->runtime_done;
	const struct named_span spans[] = {
		{ "responseLatency", &done->response_latency },
		{ "responseDuration", &done->response_duration },
		{ "runtimeOverhead", &done->runtime_overhead },
		{ NULL, NULL },
	};

	json_object_text(out, "requestId", done->request_id);
	append_status(out, done->fault);
	append_tracing(out, done->trace_header);
	append_spans(out, event, spans);
	json_object_open(out, "metrics");
	append_milliseconds(out, "durationMs", done->duration_ns);
	json_object_number(out, "producedBytes", done->produced_bytes);
	json_object_end(out);
	append_optional(out, "tenantId", done->tenant_id);
}

static void append_figures(struct buffer *out, const struct platform_report *report)
{
	json_object_open(out, "metrics");
	append_milliseconds(out, "durationMs", report->duration_ns);
	json_object_number(out, "billedDurationMs", report_billed_ms(report));
	json_object_number(out, "memorySizeMB", report->memory_bytes / MEGABYTE);
	if (report->memory_peak_bytes > 0)
		json_object_number(out, "maxMemoryUsedMB", report_peak_mb(report));
	if (report->init_ns > 0)
		append_milliseconds(out, "initDurationMs", report->init_ns);
	if (report->restore_ns > 0) {
		append_milliseconds(out, "restoreDurationMs", report->restore_ns);
		json_object_number(out, "billedRestoreDurationMs",
		                   report_billed_restore_ms(report));
	}
	json_object_end(out);
}

static void append_report(struct buffer *out, const struct platform_event *event,
                          enum subscription_schema schema)
{
	const struct platform_report *report = &event->report;
	const struct named_span spans[] = {
		{ "extensionOverhead", &report->extension_overhead },
		{ NULL, NULL },
	};

	json_object_text(out, "requestId", report->request_id);
	append_figures(out, report);
	if (!is_logs_api(schema))
		append_spans(out, event, spans);
	append_tracing(out, report->trace_header);
	if (is_logs_api(schema))
		return;
	append_status(out, report->fault);
	append_optional(out, "tenantId", report->tenant_id);
}

static void append_extension(struct buffer *out, const struct platform_extension *extension)
{
	json_object_text(out, "name", extension->name);
	json_object_text(out, "state", extension->state);
	append_words(out, "events", &extension->events);
	append_optional(out, "errorType", extension->error_type);
}

static void append_subscription(struct buffer *out, const struct platform_subscription *made)
{
	json_object_text(out, "name", made->name);
	json_object_text(out, "state", "Subscribed");
	append_words(out, "types", &made->types);
}

static void append_logs_dropped(struct buffer *out, const struct platform_logs_dropped *dropped)
{
	json_object_number(out, "droppedBytes", dropped->bytes);
	json_object_number(out, "droppedRecords", dropped->records);
	json_object_text(out, "reason", dropped->reason);
}

static void append_members(struct buffer *out, const struct platform_event *event,
                           enum subscription_schema schema)
{
	switch (event->type) {
	case PLATFORM_INIT_START:
		append_init_start(out, &event->init_start);
		break;
	case PLATFORM_INIT_RUNTIME_DONE:
		append_init_end(out, &event->init_end);
		break;
	case PLATFORM_INIT_REPORT:
		append_init_end(out, &event->init_end);
		append_duration(out, event->init_end.duration_ns);
		break;
	case PLATFORM_RESTORE_START:
		append_restore_start(out, &event->init_start);
		break;
	case PLATFORM_RESTORE_RUNTIME_DONE:
		append_status(out, event->init_end.fault);
		break;
	case PLATFORM_RESTORE_REPORT:
		append_status(out, event->init_end.fault);
		append_duration(out, event->init_end.duration_ns);
		break;
	case PLATFORM_START:
		append_start(out, &event->start, schema);
		break;
	case PLATFORM_RUNTIME_DONE:
		if (is_logs_api(schema))
			append_old_runtime_done(out, &event->runtime_done);
		else
			append_runtime_done(out, event);
		break;
	case PLATFORM_END:
		json_object_text(out, "requestId", event->end.request_id);
		break;
	case PLATFORM_FAULT: /* see append_record() */
		break;
	case PLATFORM_REPORT:
		append_report(out, event, schema);
		break;
	case PLATFORM_EXTENSION:
		append_extension(out, &event->extension);
		break;
	case PLATFORM_SUBSCRIPTION:
		append_subscription(out, &event->subscription);
		break;
	case PLATFORM_LOGS_DROPPED:
		append_logs_dropped(out, &event->logs_dropped);
		break;
	}
}

/* ---- the envelope ---- */

/* What an event is called in telemetry; NULL: it is not told there. */
static const char *telemetry_name(const struct platform_event *event)
{
	static const char *const names[] = {
		[PLATFORM_INIT_START] = "platform.initStart",
		[PLATFORM_INIT_RUNTIME_DONE] = "platform.initRuntimeDone",
		[PLATFORM_INIT_REPORT] = "platform.initReport",
		[PLATFORM_RESTORE_START] = "platform.restoreStart",
		[PLATFORM_RESTORE_RUNTIME_DONE] = "platform.restoreRuntimeDone",
		[PLATFORM_RESTORE_REPORT] = "platform.restoreReport",
		[PLATFORM_START] = "platform.start",
		[PLATFORM_RUNTIME_DONE] = "platform.runtimeDone",
		[PLATFORM_REPORT] = "platform.report",
		[PLATFORM_EXTENSION] = "platform.extension",
		[PLATFORM_SUBSCRIPTION] = "platform.telemetrySubscription",
		[PLATFORM_LOGS_DROPPED] = "platform.logsDropped",
	};

	if (event->type == PLATFORM_SUBSCRIPTION && event->subscription.is_logs_api)
		return "platform.logsSubscription";
	return event->type < sizeof(names) / sizeof(names[0]) ? names[event->type] : NULL;
}

/* The same for the Logs API. */
static const char *logs_name(const struct platform_event *event, enum subscription_schema schema)
{
	switch ((int)event->type) {
	case PLATFORM_FAULT:
		return "platform.fault";
	case PLATFORM_END:
		return "platform.end";
	case PLATFORM_RUNTIME_DONE:
		return schema >= SUBSCRIPTION_2021_03_18 ? telemetry_name(event) : NULL;
	case PLATFORM_START:
	case PLATFORM_REPORT:
	case PLATFORM_EXTENSION:
	case PLATFORM_SUBSCRIPTION:
	case PLATFORM_LOGS_DROPPED:
		return telemetry_name(event);
	}
	return NULL; /* it is older than these events */
}

static void append_record(struct buffer *out, const struct platform_event *event,
                          enum subscription_schema schema)
{
	char text[128];

	if (event->type == PLATFORM_FAULT) {
		snprintf(text, sizeof(text),
		         "RequestId: %s Process exited before completing request",
		         event->end.request_id);
		json_object_text(out, "record", text);
		return;
	}
	json_object_open(out, "record");
	append_members(out, event, schema);
	json_object_end(out);
}

bool platform_event_json(struct buffer *out, const struct platform_event *event,
                         enum subscription_schema schema)
{
	const char *name = is_logs_api(schema) ? logs_name(event, schema) : telemetry_name(event);
	char time[TIMESTAMP_SIZE];

	if (!name)
		return false;
	timestamp_format(event->wall_ns, time);
	json_object_begin(out);
	json_object_text(out, "time", time);
	json_object_text(out, "type", name);
	append_record(out, event, schema);
	json_object_end(out);
	return true;
}

/* ---- levels ---- */

static enum log_line_level level_unless_failed(const struct fault *fault, enum log_line_level level)
{
	return platform_succeeded(fault) ? level : LOG_LINE_WARN;
}

static enum log_line_level init_report_level(const struct platform_init_end *init)
{
	return level_unless_failed(init->fault, init->initialization == PLATFORM_ON_DEMAND
	                                                ? LOG_LINE_DEBUG
	                                                : LOG_LINE_INFO);
}

enum log_line_level platform_event_level(const struct platform_event *event)
{
	switch (event->type) {
	case PLATFORM_INIT_START:
	case PLATFORM_RESTORE_START:
		return event->init_start.runtime_version ? LOG_LINE_INFO : LOG_LINE_DEBUG;
	case PLATFORM_INIT_RUNTIME_DONE:
	case PLATFORM_RESTORE_RUNTIME_DONE:
		return level_unless_failed(event->init_end.fault, LOG_LINE_DEBUG);
	case PLATFORM_INIT_REPORT:
		return init_report_level(&event->init_end);
	case PLATFORM_RESTORE_REPORT:
		return level_unless_failed(event->init_end.fault, LOG_LINE_INFO);
	case PLATFORM_RUNTIME_DONE:
		return level_unless_failed(event->runtime_done.fault, LOG_LINE_DEBUG);
	case PLATFORM_REPORT:
		return level_unless_failed(event->report.fault, LOG_LINE_INFO);
	case PLATFORM_EXTENSION:
		return event->extension.error_type ? LOG_LINE_WARN : LOG_LINE_INFO;
	case PLATFORM_LOGS_DROPPED:
		return LOG_LINE_WARN;
	case PLATFORM_START:
	case PLATFORM_FAULT:
	case PLATFORM_END:
	case PLATFORM_SUBSCRIPTION:
		break;
	}
	return LOG_LINE_INFO;
}
