/* SPDX-License-Identifier: Apache-2.0 */
/* duration - lengths of time as people write them. */
#include "emulator/duration.h"

#include "emulator/clock.h"
#include "tests/unit/test.h"

static void test_good_ones(void)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{ "0s", 0 },
		{ "500ms", 500 * CLOCK_NS_PER_MS },
		{ "90s", 90 * CLOCK_NS_PER_S },
		{ "2m", 120 * CLOCK_NS_PER_S },
		{ "1h30m", 5400 * CLOCK_NS_PER_S },
		{ "1h2m3s4ms", 3723 * CLOCK_NS_PER_S + 4 * CLOCK_NS_PER_MS },
		{ "1h4ms", 3600 * CLOCK_NS_PER_S + 4 * CLOCK_NS_PER_MS },
		{ "0090s", 90 * CLOCK_NS_PER_S },
		{ "18446744073709ms", 18446744073709 * CLOCK_NS_PER_MS },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err;
		uint64_t ns = 1;

		test_case(cases[i].text);
		CHECK(duration_parse(cases[i].text, &ns, &err));
		CHECK(ns == cases[i].ns);
	}
}

static void test_bad_ones(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "no duration" },
		{ "2", "no duration" },
		{ "m", "no duration" },
		{ "2 m", "no duration" },
		{ " 2m", "no duration" },
		{ "2m ", "no duration" },
		{ "+2m", "no duration" },
		{ "-2m", "negative" },
		{ "1.5m", "no duration" },
		{ "2M", "no duration" },
		{ "2d", "no duration" },
		{ "2m1h", "no duration" },
		{ "2m2m", "no duration" },
		{ "2ms2s", "no duration" },
		{ "2hm", "no duration" },
		{ "2m3", "no duration" },
		{ "2ns", "no duration" },
		{ "18446744073710ms", "too long" },
		{ "5124096h", "too long" },
		{ "5124095h9999999999999m", "too long" },
		{ "18446744073709551616s", "too long" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { .code = 0 };
		uint64_t ns;

		test_case(cases[i].text);
		CHECK(!duration_parse(cases[i].text, &ns, &err));
		CHECK(strstr(err.text, cases[i].words));
	}
}

TEST_MAIN(test_good_ones, test_bad_ones)
