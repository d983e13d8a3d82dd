/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_table - what a benchmark measured, for people: tables of fixed width.
 *
 * Pure: from measurements to text. What each column means is in lrie(7). A dash stands
 * for a figure that the sample is too small for, or that was not measured.
 */
#ifndef EMULATOR_BENCH_TABLE_H
#define EMULATOR_BENCH_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/measurement.h"
#include "emulator/price.h"

/* One function at one memory size. */
struct bench_entry {
	const char *name; /* may hold anything that the user typed */
	const struct measurement *measurement;
	uint64_t memory_bytes, tmp_bytes;
	const struct price_list *prices; /* NULL: costs are not told */
};

struct bench_settings {
	double noise;
	uint64_t seed;
};

/* Every metric of one entry, with all its statistics. */
void bench_table_one(struct buffer *out, const struct bench_entry *entry,
                     const struct bench_settings *settings);

/* The main figures of several entries side by side, and each compared to the first. */
void bench_table_all(struct buffer *out, const struct bench_entry *entries, size_t count,
                     const struct bench_settings *settings);

/* The entries that are the cheapest, the fastest, and the best by the product of both. */
void bench_table_choice(struct buffer *out, const struct bench_entry *entries, size_t count);

/* Dollars for a million invocations of which 'cold_rate' (0 to 1) are cold starts; NAN when
 * something was not measured. */
double bench_cost_per_million(const struct bench_entry *entry, double cold_rate);

#endif
