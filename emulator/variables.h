/* SPDX-License-Identifier: Apache-2.0 */
/*
 * variables - the environment that the function's processes get.
 *
 * Source: spec environment-and-limits.md §1. Later wins: Lambda's unreserved
 * defaults, then the user's variables, then the reserved ones, which nobody can
 * override.
 *
 * In RIE mode: RIE's own few defaults, then the host's environment, which is the
 * image's, then the user's variables, then what tells the function about this very
 * environment (the API's address, name, version, memory, handler).
 *
 * With SnapStart neither credentials nor the names of the log are among them: a snapshot is made
 * before there is a log to name, and credentials would grow old in it.
 *
 * Extensions get the same but for what is the runtime's alone (spec extensions-telemetry.md §2).
 */
#ifndef EMULATOR_VARIABLES_H
#define EMULATOR_VARIABLES_H

#include <stdbool.h>

#include "emulator/config.h"
#include "emulator/platform_event.h"

/* At the Runtime API's address, with SnapStart: instead of variables. */
#define VARIABLES_CREDENTIALS_PATH "/2021-04-23/credentials"

struct variables_place {
	const char *runtime_api;  /* "127.0.0.1:41234" */
	const char *log_stream;   /* "2026/01/30/[$LATEST]<32 hex>" */
	const char *task_root;    /* LAMBDA_TASK_ROOT: "/var/task" in a box */
	const char *runtime_root; /* LAMBDA_RUNTIME_DIR: "/var/runtime" */
	const char *terminal;     /* TERM, of a shell; else NULL */
	unsigned log_descriptor;  /* of the runtime; 0: none */
	bool is_extension;        /* for an external extension, which gets fewer */
	enum platform_initialization initialization;
	const char *credentials_token; /* SnapStart: to ask for credentials with */
	const char *xray_daemon;       /* "127.0.0.1:41235"; NULL: as on Lambda, or in RIE */
};

/* "NAME=VALUE" strings, NULL-terminated, in one allocation: free() it. */
const char **variables_make(const struct config *config, const struct variables_place *place);

#endif
