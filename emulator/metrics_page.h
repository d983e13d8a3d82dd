/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_page - the metrics of functions as a page that Prometheus scrapes.
 *
 * A pure function of its arguments. Durations are in seconds and sizes in bytes, as is the custom;
 * a figure that was never measured is left out. lrie(7) tells what each family means.
 */
#ifndef EMULATOR_METRICS_PAGE_H
#define EMULATOR_METRICS_PAGE_H

#include "emulator/buffer.h"
#include "emulator/metrics.h"

/* What it tells of one function. */
struct metrics_page {
	const char *function;  /* its name */
	uint64_t memory_bytes; /* configured */
	const struct metrics *metrics;
	struct metrics_now now;
	struct event_counts events;
};

void metrics_page_append(struct buffer *out, const struct metrics_page *functions, size_t count);

#endif
