/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_gate - what a benchmark must hold, held against what was measured.
 */
#ifndef EMULATOR_BENCH_GATE_H
#define EMULATOR_BENCH_GATE_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"

/* What is known of a benchmark before it runs. */
struct bench_outlook {
	size_t cold, warm; /* how many runs there will be, of each function */
	bool has_baseline;
};

/*
 * Whether the thresholds of all entries can be answered at all, which is better told
 * before the wait: a sample that is too small, a change without a baseline, a name
 * that no entry has. Only names and thresholds of the entries are read.
 */
bool bench_gate_check(const struct bench_entry *entries, size_t count,
                      const struct bench_outlook *outlook, struct error *err);

/* Fills in the judgements of the result: each threshold of each entry that it is about. */
void bench_gate_judge(struct bench_result *result);
void bench_gate_finish(struct bench_result *result);

/* A figure that is not known does not hold. */
bool bench_gate_holds(const struct bench_result *result);

/* A line for each judgement. */
void bench_gate_table(struct buffer *out, const struct bench_result *result);

#endif
