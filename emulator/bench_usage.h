/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_usage - what cold starts used, as tables: CPU time, page faults, what was read.
 *
 * Pure, like its neighbours. All are medians; what each figure means is in lrie(7).
 */
#ifndef EMULATOR_BENCH_USAGE_H
#define EMULATOR_BENCH_USAGE_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"

/* Of one entry, until init ended and until the first invocation had; what was not measured, with
 * the reason, below. Nothing when nothing is known of it. */
void bench_usage_table(struct buffer *out, const struct bench_entry *entry);

/* Of all entries side by side, as a table of Markdown with a blank line before it. */
void bench_usage_markdown(struct buffer *out, const struct bench_result *result);

/* "files opened (it takes root); ...": what was not measured, or nothing. Plain text without
 * anything that a form would have to escape. */
void bench_usage_missing(struct buffer *out, const struct bench_entry *entry);

#endif
