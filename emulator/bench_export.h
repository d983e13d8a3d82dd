/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_export - what a benchmark measured, in the forms that other tools take.
 *
 * Pure: from a result to text. Names are the user's and are escaped as each form
 * demands. A figure that is not known is left out, or empty where there is a column.
 */
#ifndef EMULATOR_BENCH_EXPORT_H
#define EMULATOR_BENCH_EXPORT_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"

/* A table for a pull request or a job's summary (GitHub's Markdown), the gate, the forecasts. */
void bench_markdown(struct buffer *out, const struct bench_result *result);

/* The raw values, one a line: function, memory_mb, metric, unit, run, value (RFC 4180); then the
 * forecasts, as metrics without a run: forecast.p99, and provisioned.p99 with such concurrency. */
void bench_csv(struct buffer *out, const struct bench_result *result);

/* One test case per threshold and function, for CI systems that know JUnit's form. */
void bench_junit(struct buffer *out, const struct bench_result *result);

/* Prometheus' text format 0.0.4: a summary of each metric, in seconds and bytes. */
void bench_prometheus(struct buffer *out, const struct bench_result *result);

/* A text with all escaped that would end a cell of Markdown, or begin a tag or a style. */
void bench_markdown_text(struct buffer *out, const char *text);

/* "::error" lines for each threshold that does not hold, as GitHub Actions reads them. */
void bench_annotations(struct buffer *out, const struct bench_result *result);

#endif
