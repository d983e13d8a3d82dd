/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - Lambda's own lines in the log, text format.
 *
 * The fields are in AWS's order in RIE mode, too: RIE's Init Duration in front
 * is read by nobody, but log parsers written for AWS are fed with these lines.
 */
#include "emulator/report.h"

#include <inttypes.h>

#include "emulator/clock.h"

#define MEGABYTE ((uint64_t)1 << 20)

static uint64_t divide_up(uint64_t value, uint64_t unit)
{
	return value / unit + (value % unit != 0);
}

static double milliseconds(uint64_t ns)
{
	return (double)ns / (double)CLOCK_NS_PER_MS;
}

uint64_t report_billed_ms(uint64_t init_ns, uint64_t duration_ns)
{
	uint64_t ms = divide_up(init_ns + duration_ns, CLOCK_NS_PER_MS);

	return ms > 0 ? ms : 1;
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

static void append_report(struct buffer *out, const struct platform_report *report)
{
	buffer_append_format(out,
	                     "REPORT RequestId: %s\tDuration: %.2f ms\t"
	                     "Billed Duration: %" PRIu64 " ms\tMemory Size: %" PRIu64 " MB",
	                     report->request_id, milliseconds(report->duration_ns),
	                     report_billed_ms(report->init_ns, report->duration_ns),
	                     report->memory_bytes / MEGABYTE);
	if (report->memory_peak_bytes > 0)
		buffer_append_format(out, "\tMax Memory Used: %" PRIu64 " MB",
		                     divide_up(report->memory_peak_bytes, MEGABYTE));
	if (report->init_ns > 0)
		buffer_append_format(out, "\tInit Duration: %.2f ms",
		                     milliseconds(report->init_ns));
	if (platform_succeeded(report->fault))
		buffer_append_text(out, "\t");
	append_failure(out, report->fault);
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

void report_line(struct buffer *out, const struct platform_event *event)
{
	switch (event->type) {
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
	case PLATFORM_INIT_REPORT:
		append_init_report(out, &event->init_end);
		break;
	case PLATFORM_INIT_START:
	case PLATFORM_INIT_RUNTIME_DONE:
	case PLATFORM_RESTORE_START:
	case PLATFORM_RESTORE_RUNTIME_DONE:
	case PLATFORM_RESTORE_REPORT:
	case PLATFORM_RUNTIME_DONE:
	case PLATFORM_EXTENSION:
	case PLATFORM_SUBSCRIPTION:
	case PLATFORM_LOGS_DROPPED:
		break;
	}
}
