/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_svg - what a benchmark measured, as a picture.
 *
 * Three plots below each other: where the time of a cold start goes (medians of its
 * phases, end to end), how cold.init is distributed (the part of starts that took no
 * longer), and every single start as a dot. Several functions lie over each other in
 * colors that people with any color vision can tell apart. No scripts, no fonts, no
 * other file; light or dark as the viewer likes. Pure.
 */
#ifndef EMULATOR_BENCH_SVG_H
#define EMULATOR_BENCH_SVG_H

#include "emulator/bench_result.h"
#include "emulator/buffer.h"

/* A file of its own. */
void bench_svg(struct buffer *out, const struct bench_result *result);

/* The <svg> element, to stand in a page. */
void bench_svg_element(struct buffer *out, const struct bench_result *result);

/* Appends text with the characters escaped that mean something in XML or HTML; control
 * characters become '?'. */
void bench_xml_text(struct buffer *out, const char *text);

#endif
