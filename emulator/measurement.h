/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measurement - what was measured of a function, run by run.
 *
 * Raw and in the order in which it happened; stats.h and metric.h make figures of it.
 */
#ifndef EMULATOR_MEASUREMENT_H
#define EMULATOR_MEASUREMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/sandbox.h"

/* What the box of a cold start had used, by enum sandbox_usage_figure. */
struct cold_usage {
	uint64_t init[SANDBOX_USAGE_COUNT]; /* when init ended; SANDBOX_UNKNOWN: not measured */
	uint64_t all[SANDBOX_USAGE_COUNT];  /* when the first invocation had ended */
};

/*
 * One cold start: a fresh environment and its first invocation. The phases follow
 * each other without a gap: setup, contact, code, extensions and invoke add up to total. What it
 * takes to look at what was used, while the runtime waits for its first event, is in none.
 */
struct cold_start {
	uint64_t setup_ns;      /* box asked for → first program executed; and between end of
	                           init and hand-over of the event: our own work */
	uint64_t contact_ns;    /* bootstrap executed → first contact with the Runtime API */
	uint64_t code_ns;       /* → first /next */
	uint64_t extensions_ns; /* init before the bootstrap, and behind its /next;
	                           SANDBOX_UNKNOWN: there are none */
	uint64_t init_ns;       /* what REPORT calls Init Duration: these three */
	uint64_t invoke_ns; /* event handed over → the runtime asks for its second: Duration */
	uint64_t total_ns;  /* all of these */
	uint64_t billed_ms; /* Billed Duration */
	uint64_t memory_peak_bytes; /* of the environment until its end; 0: not measured */
	struct cold_usage usage;
};

/* A further invocation of an environment. */
struct warm_invoke {
	uint64_t invoke_ns; /* Duration */
	uint64_t billed_ms;
};

struct measurement {
	struct cold_start *cold;
	size_t cold_count;
	struct warm_invoke *warm;
	size_t warm_count;

	/* Of the cold start before the first that counts, the only one whose files are counted:
	 * that takes time. */
	struct cold_usage uncounted;
	bool has_uncounted;

	/* Why a figure was not measured, at the first time; NULL: it always was. */
	const char *missing[SANDBOX_USAGE_COUNT];
};

void measurement_init(struct measurement *measurement);
void measurement_finish(struct measurement *measurement);

/* Appends a run and returns its place, zeroed; valid until the next one is added. */
struct cold_start *measurement_add_cold(struct measurement *measurement);
struct warm_invoke *measurement_add_warm(struct measurement *measurement);

#endif
