/* SPDX-License-Identifier: Apache-2.0 */
/* runtime_state - the table of calls that a runtime may make */
#include "emulator/runtime_state.h"

#include <assert.h>

#define BIT(n) (1U << (n))

static const unsigned allowed[RUNTIME_STATE_COUNT] = {
	[RUNTIME_STARTED] = BIT(RUNTIME_CALL_NEXT) | BIT(RUNTIME_CALL_INIT_ERROR) |
	                    BIT(RUNTIME_CALL_RESTORE_NEXT),
	[RUNTIME_INIT_ERROR] = 0,
	/* a second /next waits beside the first, and one while an event is out gets it again */
	[RUNTIME_READY] = BIT(RUNTIME_CALL_NEXT),
	[RUNTIME_RUNNING] = BIT(RUNTIME_CALL_NEXT) | BIT(RUNTIME_CALL_RESPONSE) |
	                    BIT(RUNTIME_CALL_ERROR),
	[RUNTIME_INVOCATION_RESPONSE] = 0,
	[RUNTIME_INVOCATION_ERROR_RESPONSE] = 0,
	[RUNTIME_RESPONSE_SENT] = BIT(RUNTIME_CALL_NEXT),
	[RUNTIME_RESTORE_READY] = 0,
	/* a failed restore may be told either way */
	[RUNTIME_RESTORING] = BIT(RUNTIME_CALL_NEXT) | BIT(RUNTIME_CALL_INIT_ERROR) |
	                      BIT(RUNTIME_CALL_RESTORE_ERROR),
	[RUNTIME_RESTORE_ERROR] = 0,
};

static const char *const state_name[RUNTIME_STATE_COUNT] = {
	[RUNTIME_STARTED] = "Started",
	[RUNTIME_INIT_ERROR] = "InitError",
	[RUNTIME_READY] = "Ready",
	[RUNTIME_RUNNING] = "Running",
	[RUNTIME_INVOCATION_RESPONSE] = "InvocationResponse",
	[RUNTIME_INVOCATION_ERROR_RESPONSE] = "InvocationErrorResponse",
	[RUNTIME_RESPONSE_SENT] = "RuntimeResponseSentState",
	[RUNTIME_RESTORE_READY] = "RestoreReady",
	[RUNTIME_RESTORING] = "Restoring",
	[RUNTIME_RESTORE_ERROR] = "RuntimeRestoreErrorState",
};

static const char *const call_target[RUNTIME_CALL_COUNT] = {
	[RUNTIME_CALL_NEXT] = "Ready",
	[RUNTIME_CALL_RESPONSE] = "InvocationResponse",
	[RUNTIME_CALL_ERROR] = "InvocationErrorResponse",
	[RUNTIME_CALL_INIT_ERROR] = "InitError",
	[RUNTIME_CALL_RESTORE_NEXT] = "RestoreReady",
	[RUNTIME_CALL_RESTORE_ERROR] = "RuntimeRestoreErrorState",
};

bool runtime_call_is_allowed(enum runtime_state state, enum runtime_call call)
{
	assert(state < RUNTIME_STATE_COUNT && call < RUNTIME_CALL_COUNT);
	return allowed[state] & BIT(call);
}

bool runtime_state_has_event(enum runtime_state state)
{
	switch (state) {
	case RUNTIME_RUNNING:
	case RUNTIME_INVOCATION_RESPONSE:
	case RUNTIME_INVOCATION_ERROR_RESPONSE:
	case RUNTIME_RESPONSE_SENT:
		return true;
	case RUNTIME_STARTED:
	case RUNTIME_INIT_ERROR:
	case RUNTIME_READY:
	case RUNTIME_RESTORE_READY:
	case RUNTIME_RESTORING:
	case RUNTIME_RESTORE_ERROR:
	case RUNTIME_STATE_COUNT:
		break;
	}
	return false;
}

const char *runtime_state_name(enum runtime_state state)
{
	assert(state < RUNTIME_STATE_COUNT);
	return state_name[state];
}

const char *runtime_call_target(enum runtime_call call)
{
	assert(call < RUNTIME_CALL_COUNT);
	return call_target[call];
}
