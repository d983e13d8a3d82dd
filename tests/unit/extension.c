/* SPDX-License-Identifier: Apache-2.0 */
/* extension - what an extension may call in which state, and questions about all of them */
#include "emulator/extension.h"

#include <stdio.h>

#include "tests/unit/test.h"

/* The table of spec extensions-telemetry.md §1: register, next, init/error, exit/error. */
static const struct {
	enum extension_state state;
	const char *name;
	const char *allowed;
} states[] = {
	{ EXTENSION_STARTED, "Started", "r" },
	{ EXTENSION_REGISTERED, "Registered", "nix" },
	{ EXTENSION_READY, "Ready", "x" },
	{ EXTENSION_RUNNING, "Running", "nx" },
	{ EXTENSION_INIT_ERROR, "InitError", "i" },
	{ EXTENSION_EXIT_ERROR, "ExitError", "x" },
	{ EXTENSION_EXITED, "Exited", "" },
	{ EXTENSION_SHUTDOWN_FAILED, "ShutdownFailed", "" },
	{ EXTENSION_LAUNCH_ERROR, "LaunchError", "" },
};

static const struct {
	enum extension_call call;
	char letter;
	const char *target;
} calls[] = {
	{ EXTENSION_CALL_REGISTER, 'r', "Registered" },
	{ EXTENSION_CALL_NEXT, 'n', "Ready" },
	{ EXTENSION_CALL_INIT_ERROR, 'i', "InitError" },
	{ EXTENSION_CALL_EXIT_ERROR, 'x', "Exited" },
};

static void test_allowed_calls(void)
{
	CHECK_INT(sizeof(states) / sizeof(states[0]), EXTENSION_STATE_COUNT);
	CHECK_INT(sizeof(calls) / sizeof(calls[0]), EXTENSION_CALL_COUNT);
	for (unsigned s = 0; s < EXTENSION_STATE_COUNT; s++) {
		struct extension extension = { .state = states[s].state, .is_waiting = true };

		test_case(states[s].name);
		CHECK_STR(extension_state_name(states[s].state), states[s].name);
		for (unsigned c = 0; c < EXTENSION_CALL_COUNT; c++)
			CHECK_INT(extension_call_is_allowed(&extension, calls[c].call),
			          !!strchr(states[s].allowed, calls[c].letter));
	}
	for (unsigned c = 0; c < EXTENSION_CALL_COUNT; c++)
		CHECK_STR(extension_call_target(calls[c].call), calls[c].target);
}

static void test_one_that_lost_its_call_may_ask_again(void)
{
	struct extension extension = { .state = EXTENSION_READY, .is_waiting = false };

	CHECK(extension_call_is_allowed(&extension, EXTENSION_CALL_NEXT));
}

static void test_ten_at_most(void)
{
	struct extensions extensions = { .count = 0 };
	char name[8];

	for (unsigned i = 0; i < EXTENSION_LIMIT; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		struct extension *extension = extensions_add(&extensions, name, i % 2);

		if (!CHECK(extension))
			return;
		CHECK_INT(extension_index(&extensions, extension), i);
		CHECK(uuid_is_valid(extension->id));
		CHECK(extensions_find(&extensions, name) == extension);
		CHECK(extensions_find_id(&extensions, extension->id) == extension);
	}
	CHECK(!extensions_add(&extensions, "one-more", true));
	CHECK(!extensions_find(&extensions, "one-more"));
	CHECK(!extensions_find_id(&extensions, "00000000-0000-4000-8000-000000000000"));
}

static void test_questions_about_all(void)
{
	struct extensions extensions = { .count = 0 };
	struct extension *one, *two;

	CHECK(extensions_are_registered(&extensions));
	CHECK(extensions_are_ready(&extensions));
	CHECK(!extensions_are_busy(&extensions));
	CHECK(!extensions_have_external(&extensions) && !extensions_have_internal(&extensions));

	one = extensions_add(&extensions, "one", true);
	two = extensions_add(&extensions, "two", false);
	CHECK(extensions_have_external(&extensions) && extensions_have_internal(&extensions));
	one->state = EXTENSION_REGISTERED;
	CHECK(!extensions_are_registered(&extensions));
	two->state = EXTENSION_REGISTERED;
	CHECK(extensions_are_registered(&extensions));
	one->state = EXTENSION_READY;
	CHECK(!extensions_are_ready(&extensions));
	two->state = EXTENSION_READY;
	CHECK(extensions_are_ready(&extensions));
	two->state = EXTENSION_RUNNING;
	CHECK(extensions_are_busy(&extensions));
	two->state = EXTENSION_READY;
	one->is_due = true; /* it has not come for the event yet */
	CHECK(extensions_are_busy(&extensions));
}

static void test_event_names(void)
{
	enum extension_event_kind kind;

	CHECK(extension_event_parse("INVOKE", &kind) && kind == EXTENSION_INVOKE);
	CHECK(extension_event_parse("SHUTDOWN", &kind) && kind == EXTENSION_SHUTDOWN);
	CHECK(!extension_event_parse("invoke", &kind));
	CHECK(!extension_event_parse("", &kind));
	CHECK_STR(extension_event_name(EXTENSION_INVOKE), "INVOKE");
	CHECK_STR(extension_event_name(EXTENSION_SHUTDOWN), "SHUTDOWN");
}

TEST_MAIN(test_allowed_calls, test_one_that_lost_its_call_may_ask_again, test_ten_at_most,
          test_questions_about_all, test_event_names)
