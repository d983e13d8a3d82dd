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

void report_start(struct buffer *out, const char *request_id, const char *version)
{
	buffer_append_format(out, "START RequestId: %s Version: %s\n", request_id, version);
}

void report_end(struct buffer *out, const char *request_id)
{
	buffer_append_format(out, "END RequestId: %s\n", request_id);
}

/* The end of a line about something that failed: no TAB before the newline. */
static void append_status(struct buffer *out, const struct fault *fault)
{
	switch (fault->status) {
	case FAULT_NONE:
		buffer_append_text(out, "Status: success\n");
		break;
	case FAULT_TIMEOUT:
		buffer_append_text(out, "Status: timeout\n");
		break;
	case FAULT_ERROR:
	case FAULT_FAILURE: /* its own word only in telemetry */
		buffer_append_format(out, "Status: error\tError Type: %s\n", fault->type);
		break;
	}
}

void report_report(struct buffer *out, const struct report *report)
{
	buffer_append_format(out,
	                     "REPORT RequestId: %s\tDuration: %.2f ms\t"
	                     "Billed Duration: %" PRIu64 " ms\tMemory Size: %" PRIu64 " MB\t",
	                     report->request_id, milliseconds(report->duration_ns),
	                     report_billed_ms(report->init_ns, report->duration_ns),
	                     report->memory_bytes / MEGABYTE);
	if (report->memory_peak_bytes > 0)
		buffer_append_format(out, "Max Memory Used: %" PRIu64 " MB\t",
		                     divide_up(report->memory_peak_bytes, MEGABYTE));
	if (report->init_ns > 0)
		buffer_append_format(out, "Init Duration: %.2f ms\t",
		                     milliseconds(report->init_ns));
	if (!report->fault || report->fault->status == FAULT_NONE)
		buffer_append_text(out, "\n");
	else
		append_status(out, report->fault);
}

void report_init(struct buffer *out, uint64_t init_ns, enum report_phase phase,
                 const struct fault *fault)
{
	buffer_append_format(out, "INIT_REPORT Init Duration: %.2f ms\tPhase: %s\t",
	                     milliseconds(init_ns), phase == REPORT_PHASE_INIT ? "init" : "invoke");
	append_status(out, fault);
}
