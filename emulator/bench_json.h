/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_json - what a benchmark measured, as JSON.
 *
 * The form is emulator/bench.schema.json; a member that changes its meaning raises
 * BENCH_SCHEMA_VERSION. Raw values are in it, so that others can compute what lrie does not.
 */
#ifndef EMULATOR_BENCH_JSON_H
#define EMULATOR_BENCH_JSON_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"

void bench_json(struct buffer *out, const struct bench_result *result);

#endif
