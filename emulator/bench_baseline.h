/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_baseline - what an earlier benchmark measured, read from its JSON export.
 *
 * The raw values are read, not the figures: a comparison needs them, and figures that
 * are made anew cannot disagree with their own definition.
 */
#ifndef EMULATOR_BENCH_BASELINE_H
#define EMULATOR_BENCH_BASELINE_H

#include "emulator/bench_result.h"

/* Of the export. A file with a larger one is refused; 1 had no "traffic". */
#define BENCH_SCHEMA_VERSION 2

struct bench_baseline;

/* Returns NULL and fills 'err' when the text is no export that this lrie can read. */
struct bench_baseline *bench_baseline_read(const char *text, size_t length, struct error *err);
void bench_baseline_destroy(struct bench_baseline *baseline); /* NULL is fine */

/*
 * The values of a metric for an entry: of the function with the same name and memory
 * size, or of the only one where both sides have just one. NULL when there are none.
 * They live as long as the baseline.
 */
const double *bench_baseline_values(const struct bench_baseline *baseline,
                                    const struct bench_result *result, size_t entry,
                                    enum metric_id metric, size_t *count);

/* Appends a line for each way in which the machine was another: numbers of different
 * machines do not compare. */
void bench_baseline_differences(const struct bench_baseline *baseline,
                                const struct bench_result *result, struct buffer *out);

#endif
