/* SPDX-License-Identifier: Apache-2.0 */
/* phase - durations out of timestamps, whole or with holes */
#include "emulator/phase.h"

#include "tests/unit/test.h"

static void test_init(void)
{
	static const struct {
		const char *label;
		struct init_phase phase;
		uint64_t expected;
	} cases[] = {
		{ "nothing happened", { 0 }, 0 },
		{ "from exec to the end",
		  { .asked_ns = 1,
		    .ready_ns = 50,
		    .started_ns = 100,
		    .contact_ns = 110,
		    .ended_ns = 350 },
		  250 },
		{ "the box alone is no init",
		  { .asked_ns = 1, .ready_ns = 50, .ended_ns = 350 },
		  0 },
		{ "not ended", { .started_ns = 100 }, 0 },
		{ "ended at once", { .started_ns = 100, .ended_ns = 100 }, 0 },
		{ "ended before it was told to have begun",
		  { .started_ns = 100, .ended_ns = 99 },
		  0 },
		{ "largest", { .started_ns = 1, .ended_ns = UINT64_MAX }, UINT64_MAX - 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].label);
		CHECK(init_phase_duration_ns(&cases[i].phase) == cases[i].expected);
	}
}

static void test_invoke(void)
{
	static const struct {
		const char *label;
		struct invoke_phase phase;
		uint64_t limit, expected;
	} cases[] = {
		{ "nothing happened", { 0 }, 1000, 0 },
		{ "from the event to the end",
		  { .received_ns = 1,
		    .started_ns = 100,
		    .first_byte_ns = 150,
		    .answered_ns = 160,
		    .ended_ns = 350 },
		  1000,
		  250 },
		{ "waiting does not count", { .received_ns = 1, .ended_ns = 350 }, 1000, 0 },
		{ "at the limit", { .started_ns = 100, .ended_ns = 1100 }, 1000, 1000 },
		{ "capped", { .started_ns = 100, .ended_ns = 1101 }, 1000, 1000 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].label);
		CHECK_INT(invoke_phase_duration_ns(&cases[i].phase, cases[i].limit),
		          cases[i].expected);
	}
}

static void test_restore(void)
{
	struct restore_phase phase = { .started_ns = 100 };

	CHECK_INT(restore_phase_duration_ns(&phase), 0);
	phase.ended_ns = 350;
	CHECK_INT(restore_phase_duration_ns(&phase), 250);
}

TEST_MAIN(test_init, test_invoke, test_restore)
