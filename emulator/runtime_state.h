/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_state - what a runtime may call, and when.
 *
 * The table of spec runtime-api.md §6. The names appear in the 403 that a
 * runtime gets for a call out of order, so they are Lambda's to the letter. The
 * restore states belong to SnapStart: the calls that lead to them are not offered
 * elsewhere.
 */
#ifndef EMULATOR_RUNTIME_STATE_H
#define EMULATOR_RUNTIME_STATE_H

#include <stdbool.h>

enum runtime_state {
	RUNTIME_STARTED,
	RUNTIME_INIT_ERROR,
	RUNTIME_READY,
	RUNTIME_RUNNING,
	RUNTIME_INVOCATION_RESPONSE,       /* the answer is being uploaded */
	RUNTIME_INVOCATION_ERROR_RESPONSE, /* the error is being uploaded */
	RUNTIME_RESPONSE_SENT,
	RUNTIME_RESTORE_READY, /* waits to be restored */
	RUNTIME_RESTORING,
	RUNTIME_RESTORE_ERROR,
	RUNTIME_STATE_COUNT,
};

enum runtime_call {
	RUNTIME_CALL_NEXT,
	RUNTIME_CALL_RESPONSE,
	RUNTIME_CALL_ERROR,
	RUNTIME_CALL_INIT_ERROR,
	RUNTIME_CALL_RESTORE_NEXT,
	RUNTIME_CALL_RESTORE_ERROR,
	RUNTIME_CALL_COUNT,
};

bool runtime_call_is_allowed(enum runtime_state state, enum runtime_call call);

/* Whether an invocation is at the runtime, so that its request id is valid. */
bool runtime_state_has_event(enum runtime_state state);

const char *runtime_state_name(enum runtime_state state);

/* The state that the call asks for, as the 403 text names it. */
const char *runtime_call_target(enum runtime_call call);

#endif
