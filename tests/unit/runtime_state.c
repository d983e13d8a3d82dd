/* SPDX-License-Identifier: Apache-2.0 */
/* runtime_state - the whole table of runtime-api.md §6, and its words */
#include "emulator/runtime_state.h"

#include "tests/unit/test.h"

/* 'n', 'r', 'e', 'i', 'R', 'E': next, response, error, init/error, restore/next and restore/error
 * are allowed. */
static const struct {
	enum runtime_state state;
	const char *name, *allowed;
	bool has_event;
} states[] = {
	{ RUNTIME_STARTED, "Started", "niR", false },
	{ RUNTIME_INIT_ERROR, "InitError", "", false },
	{ RUNTIME_READY, "Ready", "n", false },
	{ RUNTIME_RUNNING, "Running", "nre", true },
	{ RUNTIME_INVOCATION_RESPONSE, "InvocationResponse", "", true },
	{ RUNTIME_INVOCATION_ERROR_RESPONSE, "InvocationErrorResponse", "", true },
	{ RUNTIME_RESPONSE_SENT, "RuntimeResponseSentState", "n", true },
	{ RUNTIME_RESTORE_READY, "RestoreReady", "", false },
	{ RUNTIME_RESTORING, "Restoring", "niE", false },
	{ RUNTIME_RESTORE_ERROR, "RuntimeRestoreErrorState", "", false },
};

static const struct {
	enum runtime_call call;
	char letter;
	const char *target;
} calls[] = {
	{ RUNTIME_CALL_NEXT, 'n', "Ready" },
	{ RUNTIME_CALL_RESPONSE, 'r', "InvocationResponse" },
	{ RUNTIME_CALL_ERROR, 'e', "InvocationErrorResponse" },
	{ RUNTIME_CALL_INIT_ERROR, 'i', "InitError" },
	{ RUNTIME_CALL_RESTORE_NEXT, 'R', "RestoreReady" },
	{ RUNTIME_CALL_RESTORE_ERROR, 'E', "RuntimeRestoreErrorState" },
};

static void test_tables_are_whole(void)
{
	CHECK_INT(sizeof(states) / sizeof(states[0]), RUNTIME_STATE_COUNT);
	CHECK_INT(sizeof(calls) / sizeof(calls[0]), RUNTIME_CALL_COUNT);
}

static void test_allowed_calls(void)
{
	for (unsigned s = 0; s < RUNTIME_STATE_COUNT; s++) {
		for (unsigned c = 0; c < RUNTIME_CALL_COUNT; c++) {
			bool expected = strchr(states[s].allowed, calls[c].letter);

			test_case(states[s].name);
			CHECK_INT(runtime_call_is_allowed(states[s].state, calls[c].call),
			          expected);
		}
	}
}

static void test_names(void)
{
	for (unsigned s = 0; s < RUNTIME_STATE_COUNT; s++) {
		CHECK_STR(runtime_state_name(states[s].state), states[s].name);
		CHECK_INT(runtime_state_has_event(states[s].state), states[s].has_event);
	}
	for (unsigned c = 0; c < RUNTIME_CALL_COUNT; c++)
		CHECK_STR(runtime_call_target(calls[c].call), calls[c].target);
}

TEST_MAIN(test_tables_are_whole, test_allowed_calls, test_names)
