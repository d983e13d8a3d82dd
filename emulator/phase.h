/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phase - when things happened in the life of an environment.
 *
 * Everything that is printed or benchmarked is computed from these timestamps,
 * by the functions below and nowhere else. All are clock_now() nanoseconds; 0
 * means that it has not happened. Sandbox set-up is a phase of its own: Lambda
 * does not count it, so Init Duration starts when the bootstrap is executed.
 * Source: spec lifecycle-and-logs.md §1 and §4.
 */
#ifndef EMULATOR_PHASE_H
#define EMULATOR_PHASE_H

#include <stdint.h>

struct init_phase {
	uint64_t asked_ns;        /* box asked for */
	uint64_t ready_ns;        /* box ready */
	uint64_t started_ns;      /* first program executed, bootstrap or extension: init begins */
	uint64_t contact_ns;      /* first contact with the Runtime API */
	uint64_t runtime_ns;      /* runtime executed, once all extensions had registered */
	uint64_t runtime_done_ns; /* its first /next */
	uint64_t ended_ns;        /* it and the extensions wait, or the failure: init ends */
};

struct restore_phase {
	uint64_t started_ns; /* the first invocation has come: the box is thawed */
	uint64_t ended_ns;   /* the runtime waits for its event, hooks done; or has failed */
};

struct invoke_phase {
	uint64_t received_ns;     /* invocation handed to the environment */
	uint64_t started_ns;      /* event handed to the runtime, or begin of a suppressed init */
	uint64_t first_byte_ns;   /* head of the answer */
	uint64_t answered_ns;     /* last byte of the answer */
	uint64_t runtime_done_ns; /* next /next */
	uint64_t ended_ns;        /* the extensions wait again, too; or the failure */
};

/* 0 when init has not begun, or never ended. */
uint64_t init_phase_duration_ns(const struct init_phase *phase);

/* 0 when it has not ended. */
uint64_t restore_phase_duration_ns(const struct restore_phase *phase);

/* What REPORT calls Duration; at most 'limit_ns' (spec: capped at the time-out). */
uint64_t invoke_phase_duration_ns(const struct invoke_phase *phase, uint64_t limit_ns);

#endif
