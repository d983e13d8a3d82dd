/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault - a failure of the function, in Lambda's own words.
 *
 * Not an error of ours but a result: it becomes the JSON body for the caller,
 * a Status in REPORT and INIT_REPORT, and an event in telemetry, all from
 * this one struct. Types and messages: spec lifecycle-and-logs.md §1, invoke-api.md §1.
 */
#ifndef EMULATOR_FAULT_H
#define EMULATOR_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "emulator/buffer.h"

enum fault_status {
	FAULT_NONE,    /* all went well */
	FAULT_ERROR,   /* the function, its runtime or an extension failed */
	FAULT_TIMEOUT, /* it took too long */
	FAULT_FAILURE, /* the platform failed */
};

struct fault {
	enum fault_status status;
	char type[128];    /* "Runtime.ExitError" */
	char message[400]; /* without the "RequestId: ... Error: " in front */
};

/* Why the runtime ended: 'wait_status' as from waitpid(2). */
struct fault fault_exit(int wait_status, bool out_of_memory);

/* Why an extension ended that was not told to. */
struct fault fault_crash(int wait_status);

/* The bootstrap at 'path' could not be executed: 'code' is execve's errno. */
struct fault fault_exec(const char *path, int code);

/* No bootstrap was found at any of the 'count' paths. */
struct fault fault_no_bootstrap(const char *const *paths, unsigned count);

struct fault fault_timeout(uint64_t timeout_ms);

/* The runtime reported a failed init; 'type' as it sent it, or NULL. */
struct fault fault_init_error(const char *type);

/* The runtime reported a failed restore; 'type' as it sent it, or NULL. */
struct fault fault_restore_error(const char *type);

struct fault fault_restore_timeout(uint64_t timeout_ms);

/* The answer was larger than the 'limit' that Lambda takes. */
struct fault fault_response_too_large(uint64_t limit);

struct fault fault_make(enum fault_status status, const char *type, const char *format, ...)
	PRINTF_LIKE(3, 4);

/*
 * The type that logs and telemetry show for what a runtime sent in
 * Lambda-Runtime-Function-Error-Type: kept, or Function.Unknown, or Runtime.Unknown
 * (spec runtime-api.md §5). 'type' may be NULL.
 */
void fault_sanitise_type(const char *type, char *out, size_t size);

/* The JSON body for the caller. */
void fault_body(struct buffer *out, const struct fault *fault, const char *request_id);

#endif
