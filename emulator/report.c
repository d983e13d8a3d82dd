/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - Lambda's own lines in the log, text format.
 *
 * The fields are in AWS's order in RIE mode, too: RIE's Init Duration in front
 * is read by nobody, but log parsers written for AWS are fed with these lines.
 */
#include "emulator/report.h"

#include <ctype.h>
#include <inttypes.h>

#include "emulator/clock.h"
#include "emulator/identifier.h"
#include "emulator/timestamp.h"

#define MEGABYTE ((uint64_t)1 << 20)

static uint64_t divide_up(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit != 0);
}

static double milliseconds(uint64_t ns)
{
	return (double)ns / (double)CLOCK_NS_PER_MS;
}

/* Unrounded values are added, but for a restore, which is billed apart (spec §4). */
uint64_t report_billed_ms(const struct platform_report *report)
{
	uint64_t ms = divide_up(report->init_ns + report->duration_ns, CLOCK_NS_PER_MS);

	return (ms > 0 ? ms : 1) + report_billed_restore_ms(report);
}

uint64_t report_billed_restore_ms(const struct platform_report *report)
{
	return divide_up(report->restore_ns, CLOCK_NS_PER_MS);
}

uint64_t report_peak_mb(const struct platform_report *report)
{
	return divide_up(report->memory_peak_bytes, MEGABYTE);
}

/* An extension is named by a file, whose name may hold a newline: no line is forged with it. */
static void append_name(struct buffer *out, const char *name)
{
	for (; *name; name++)
		buffer_append(out, (unsigned char)*name < ' ' || *name == 0x7f ? "?" : name, 1);
}

/* The end of a line: how it failed, if it has, and the newline. */
static void append_failure(struct buffer *out, const struct fault *fault)
{
	if (platform_succeeded(fault))
		buffer_append_text(out, "\n");
	else if (fault->status == FAULT_TIMEOUT)
		buffer_append_text(out, "\tStatus: timeout\n");
	else /* a failure of the platform has its own word only in telemetry */
		buffer_append_format(out, "\tStatus: error\tError Type: %s\n", fault->type);
}

/* The rest of a line about somebody: " Name: x   State: y   Words: [a, b]", with TABs. */
static void append_somebody(struct buffer *out, const char *name, const char *state)
{
	buffer_append_text(out, "\tName: ");
	append_name(out, name);
	buffer_append_format(out, "\tState: %s", state);
}

static void append_words(struct buffer *out, const char *title, const struct platform_words *words,
                         bool capitals)
{
	buffer_append_format(out, "\t%s: [", title);
	for (size_t i = 0; i < words->count; i++) {
		const char *word = words->items[i];

		buffer_append_format(out, "%s%c%s", i > 0 ? ", " : "",
		                     capitals ? toupper((unsigned char)*word) : *word, word + 1);
	}
	buffer_append_text(out, "]");
}

static void append_extension(struct buffer *out, const struct platform_extension *extension)
{
	buffer_append_text(out, "EXTENSION");
	append_somebody(out, extension->name, extension->state);
	append_words(out, "Events", &extension->events, false);
	if (extension->error_type)
		buffer_append_format(out, "\tError Type: %s", extension->error_type);
	buffer_append_text(out, "\n");
}

static void append_subscription(struct buffer *out, const struct platform_subscription *made)
{
	buffer_append_text(out, made->is_logs_api ? "LOGS" : "TELEMETRY");
	append_somebody(out, made->name, "Subscribed");
	append_words(out, "Types", &made->types, true);
	buffer_append_text(out, "\n");
}

/* A line of its own, but part of the REPORT's record. */
static void append_xray(struct buffer *out, const char *trace_header)
{
	char root[64], parent[32];

	if (!trace_header || !trace_header_is_sampled(trace_header))
		return;
	if (trace_header_field(trace_header, "Root", root, sizeof(root)) &&
	    trace_header_field(trace_header, "Parent", parent, sizeof(parent)))
		buffer_append_format(out, "XRAY TraceId: %s\tSegmentId: %s\tSampled: true\n", root,
		                     parent);
}

static void append_restore(struct buffer *out, const struct platform_report *report)
{
	if (report->restore_ns == 0)
		return;
	buffer_append_format(out, "\tRestore Duration: %.2f ms", milliseconds(report->restore_ns));
	buffer_append_format(out, "\tBilled Restore Duration: %" PRIu64 " ms",
	                     report_billed_restore_ms(report));
}

static void append_report(struct buffer *out, const struct platform_report *report)
{
	buffer_append_format(out,
	                     "REPORT RequestId: %s\tDuration: %.2f ms\t"
	                     "Billed Duration: %" PRIu64 " ms\tMemory Size: %" PRIu64 " MB",
	                     report->request_id, milliseconds(report->duration_ns),
	                     report_billed_ms(report), report->memory_bytes / MEGABYTE);
	if (report->memory_peak_bytes > 0)
		buffer_append_format(out, "\tMax Memory Used: %" PRIu64 " MB",
		                     report_peak_mb(report));
	if (report->init_ns > 0)
		buffer_append_format(out, "\tInit Duration: %.2f ms",
		                     milliseconds(report->init_ns));
	append_restore(out, report);
	if (platform_succeeded(report->fault))
		buffer_append_text(out, "\t");
	append_failure(out, report->fault);
	append_xray(out, report->trace_header);
}

/* Of a good init on demand Lambda tells nothing: it is in the first REPORT. */
static void append_init_report(struct buffer *out, const struct platform_init_end *init)
{
	static const char *const phase_words[] = {
		[PLATFORM_PHASE_INIT] = "init",
		[PLATFORM_PHASE_INVOKE] = "invoke",
		[PLATFORM_PHASE_SNAP_START] = "snap-start",
	};

	if (platform_succeeded(init->fault) && init->initialization == PLATFORM_ON_DEMAND)
		return;
	buffer_append_format(out, "INIT_REPORT Init Duration: %.2f ms\tPhase: %s",
	                     milliseconds(init->duration_ns), phase_words[init->phase]);
	append_failure(out, init->fault);
}

static void append_restore_report(struct buffer *out, const struct platform_init_end *restore)
{
	buffer_append_format(out, "RESTORE_REPORT Restore Duration: %.2f ms",
	                     milliseconds(restore->duration_ns));
	append_failure(out, restore->fault);
}

/* Where no runtime version is known, as in an image function, Lambda has no such line. */
static void append_runtime(struct buffer *out, const char *event,
                           const struct platform_init_start *start)
{
	if (start->runtime_version)
		buffer_append_format(out, "%s Runtime Version: %s\tRuntime Version ARN: %s\n",
		                     event, start->runtime_version,
		                     start->runtime_version_arn ? start->runtime_version_arn : "");
}

void report_line(struct buffer *out, const struct platform_event *event)
{
	switch (event->type) {
	case PLATFORM_INIT_START:
		append_runtime(out, "INIT_START", &event->init_start);
		break;
	case PLATFORM_INIT_REPORT:
		append_init_report(out, &event->init_end);
		break;
	case PLATFORM_RESTORE_START:
		append_runtime(out, "RESTORE_START", &event->init_start);
		break;
	case PLATFORM_RESTORE_REPORT:
		append_restore_report(out, &event->init_end);
		break;
	case PLATFORM_START:
		buffer_append_format(out, "START RequestId: %s Version: %s\n",
		                     event->start.request_id, event->start.version);
		break;
	case PLATFORM_END:
		buffer_append_format(out, "END RequestId: %s\n", event->end.request_id);
		break;
	case PLATFORM_REPORT:
		append_report(out, &event->report);
		break;
	case PLATFORM_EXTENSION:
		append_extension(out, &event->extension);
		break;
	case PLATFORM_SUBSCRIPTION:
		append_subscription(out, &event->subscription);
		break;
	case PLATFORM_INIT_RUNTIME_DONE:
	case PLATFORM_RESTORE_RUNTIME_DONE:
	case PLATFORM_RUNTIME_DONE:
	case PLATFORM_FAULT:
	case PLATFORM_LOGS_DROPPED:
		break;
	}
}

/* ---- as it was ---- */

/* The line of a time-out has a blank one behind it, and a time in front (spec §2, "Failures"). */
static void append_legacy_failure(struct buffer *out, const struct platform_event *event)
{
	const struct fault *fault = event->end.fault;
	char time[TIMESTAMP_SIZE];

	if (platform_succeeded(fault))
		return;
	if (fault->status == FAULT_TIMEOUT) {
		timestamp_format(event->wall_ns, time);
		buffer_append_format(out, "%s %s %s\n\n", time, event->end.request_id,
		                     fault->message);
		return;
	}
	buffer_append_format(out, "RequestId: %s Error: %s\n%s\n", event->end.request_id,
	                     fault->message, fault->type);
}

void report_legacy_line(struct buffer *out, const struct platform_event *event)
{
	struct platform_event other = *event;

	if (event->type == PLATFORM_END)
		append_legacy_failure(out, event);
	if (event->type == PLATFORM_REPORT)
		other.report.fault = NULL;
	report_line(out, &other);
}
