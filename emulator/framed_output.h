/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framed_output - the log descriptor of a runtime: whole records beside the lines of its stdout.
 *
 * On Lambda the runtimes that AWS makes get one and tell its number by
 * _LAMBDA_TELEMETRY_LOG_FD; without one they write lines to stdout, and so they do
 * under AWS's emulator. Hence it is on request only.
 *
 * What lies in two pipes has no order between them: the lines of stdout come first.
 */
#ifndef EMULATOR_FRAMED_OUTPUT_H
#define EMULATOR_FRAMED_OUTPUT_H

#include "emulator/framed_log.h"
#include "emulator/journal.h"
#include "emulator/program_output.h"

/* Which one it is in the program: far from those that a shell script uses. */
#define FRAMED_OUTPUT_DESCRIPTOR 62

struct framed_output {
	/* private */
	struct program_output pipe;
	struct framed_log log;
	struct journal *journal;
	const char *environment; /* what the warning calls it */
	bool has_warned;
};

/* Makes the pipe and returns its writing end, which becomes the caller's, or -1 and 'err'. The name
 * of the environment must outlive it. */
int framed_output_open(struct framed_output *output, struct journal *journal,
                       const char *environment, struct loop *loop, struct error *err);

/* Whatever the program wrote before this moment has been handed on; of a record that is not
 * whole, nothing. */
void framed_output_drain(struct framed_output *output);

/* Drains and closes. Fine when it was zeroed and never opened. */
void framed_output_close(struct framed_output *output);

#endif
