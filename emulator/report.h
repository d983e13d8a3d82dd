/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report - Lambda's own lines in the log, text format.
 *
 * Pure functions of their arguments, compared byte for byte in tests. Source:
 * spec lifecycle-and-logs.md §2 and §4. A field that was not measured is left
 * out, never guessed.
 */
#ifndef EMULATOR_REPORT_H
#define EMULATOR_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/fault.h"

struct report {
	const char *request_id;
	uint64_t duration_ns;
	uint64_t init_ns;           /* 0: no Init Duration in this report */
	uint64_t memory_bytes;      /* configured */
	uint64_t memory_peak_bytes; /* 0: not measured, left out */
	const struct fault *fault;  /* NULL or FAULT_NONE: success */
};

enum report_phase { REPORT_PHASE_INIT, REPORT_PHASE_INVOKE };

void report_start(struct buffer *out, const char *request_id, const char *version);
void report_end(struct buffer *out, const char *request_id);
void report_report(struct buffer *out, const struct report *report);

/* INIT_REPORT; 'fault' says how the init failed. */
void report_init(struct buffer *out, uint64_t init_ns, enum report_phase phase,
                 const struct fault *fault);

/* Whole milliseconds that Lambda bills: ceil(init + duration), at least 1. */
uint64_t report_billed_ms(uint64_t init_ns, uint64_t duration_ns);

#endif
