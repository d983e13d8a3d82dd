/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - Lambda's own lines in the log, text format.
 *
 * Pure functions of their arguments, compared byte for byte in tests. Source:
 * spec lifecycle-and-logs.md §2 and §4. A field that was not measured is left
 * out, never guessed.
 */
#ifndef EMULATOR_REPORT_H
#define EMULATOR_REPORT_H

#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/platform_event.h"

/* Appends the lines that tell of 'event', or nothing: most events are only told to those who
 * listen to telemetry. */
void report_line(struct buffer *out, const struct platform_event *event);

/* The same as Lambda wrote it until about 2024: how an invocation failed stands in lines before
 * END, and not in REPORT. */
void report_legacy_line(struct buffer *out, const struct platform_event *event);

/* ---- the figures that are more than a unit ---- */

/* Whole milliseconds that Lambda bills: ceil(init + duration), at least 1, and what a restore
 * costs. */
uint64_t report_billed_ms(const struct platform_report *report);
uint64_t report_billed_restore_ms(const struct platform_report *report);

/* Max Memory Used, in MB. */
uint64_t report_peak_mb(const struct platform_report *report);

#endif
