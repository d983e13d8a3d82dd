/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_report - what lrie doctor prints, for people and for programs.
 *
 * Functions of their arguments. The JSON's members are a promise: they are told
 * in lrie(1), and a change that breaks a reader raises schema_version.
 */
#ifndef EMULATOR_DOCTOR_REPORT_H
#define EMULATOR_DOCTOR_REPORT_H

#include <stdbool.h>

#include "emulator/buffer.h"
#include "emulator/preflight.h"
#include "sandbox/sandbox.h"

#define DOCTOR_SCHEMA_VERSION 1

/* What was found of one function. */
struct doctor_function {
	const char *name; /* NULL: it is the only one, and no file has named it */
	struct preflight preflight;
};

struct doctor_report {
	const char *kernel;       /* "6.1.0-13-amd64" */
	const char *architecture; /* of this machine */
	const char *sandbox;      /* --sandbox: "auto", "full", "off" */
	struct sandbox_wall_state walls[SANDBOX_WALL_COUNT];
	unsigned required; /* a mask of walls */

	const struct doctor_function *functions;
	size_t count; /* 0: there is no function to look at */
};

/* How many findings of that severity there are. */
size_t doctor_report_count(const struct doctor_report *report, enum finding_severity severity);

/* Whether a wall in 'required' does not stand. */
bool doctor_report_misses_wall(const struct doctor_report *report);

void doctor_report_text(struct buffer *out, const struct doctor_report *report, bool color);

/* 'exit_code' is told in it. */
void doctor_report_json(struct buffer *out, const struct doctor_report *report, int exit_code);

#endif
