/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_html - what a benchmark measured, as one page that needs nothing else.
 *
 * Tables of all figures, the gate, the plots of bench_svg.h, the machine and its walls;
 * no scripts and nothing from elsewhere, light or dark, on a desk or on a phone. Pure.
 */
#ifndef EMULATOR_BENCH_HTML_H
#define EMULATOR_BENCH_HTML_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"

void bench_html(struct buffer *out, const struct bench_result *result);

#endif
