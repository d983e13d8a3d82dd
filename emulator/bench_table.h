/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_table - what a benchmark measured, for people: tables of fixed width.
 *
 * Pure: from measurements to text. What each column means is in lrie(7). A dash stands
 * for a figure that the sample is too small for, or that was not measured.
 */
#ifndef EMULATOR_BENCH_TABLE_H
#define EMULATOR_BENCH_TABLE_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"

/* Every metric of one entry, with all its statistics. */
void bench_table_one(struct buffer *out, const struct bench_entry *entry, uint64_t seed);

/* The main figures of several entries side by side, and each compared to the first. */
void bench_table_all(struct buffer *out, const struct bench_result *result);

/* Each entry compared to the baseline's; nothing when there is none. */
void bench_table_baseline(struct buffer *out, const struct bench_result *result);

/* The entries that are the cheapest, the fastest, and the best by the product of both. */
void bench_table_choice(struct buffer *out, const struct bench_entry *entries, size_t count);

/* Cells of such tables: a name cut to its width, or whole; a figure, or a dash for NAN. */
void bench_table_name(struct buffer *out, const char *name);
void bench_table_whole_name(struct buffer *out, const char *name);
void bench_table_cell(struct buffer *out, double value);

#endif
