/* SPDX-License-Identifier: Apache-2.0 */
/* timestamp - moments as text, and what is one */
#include "emulator/timestamp.h"

#include "emulator/clock.h"
#include "tests/unit/test.h"

static void check_format(uint64_t wall_ns, const char *expected)
{
	char text[TIMESTAMP_SIZE];

	timestamp_format(wall_ns, text);
	CHECK_STR(text, expected);
}

static void test_format(void)
{
	check_format(0, "1970-01-01T00:00:00.000Z");
	check_format(1791444627768 * CLOCK_NS_PER_MS, "2026-10-08T07:30:27.768Z");
	check_format(1791444627768 * CLOCK_NS_PER_MS + 999999, "2026-10-08T07:30:27.768Z");
	check_format(1709164800 * CLOCK_NS_PER_S, "2024-02-29T00:00:00.000Z");
	check_format(UINT64_MAX, "2554-07-21T23:34:33.709Z");
}

static void test_valid(void)
{
	static const char *const good[] = {
		"2026-10-08T07:30:27Z",
		"2026-10-08T07:30:27.768Z",
		"2026-10-08T07:30:27.768123456789+02:00",
		"2026-10-08t07:30:60z",
		"2026-10-08 07:30:27-23:59",
	};
	static const char *const bad[] = {
		"",
		"2026",
		"2026-10-08",
		"2026-10-08T07:30:27",
		"2026-10-08T07:30Z",
		"2026-10-08T07:30:27.Z",
		"2026-10-08T07:30:27,1Z",
		"2026-13-08T07:30:27Z",
		"2026-00-08T07:30:27Z",
		"2026-10-32T07:30:27Z",
		"2026-10-08T24:30:27Z",
		"2026-10-08T07:60:27Z",
		"2026-10-08T07:30:61Z",
		"2026-10-08T07:30:27+0200",
		"2026-10-08T07:30:27Z ",
		" 2026-10-08T07:30:27Z",
		"1791444627768",
		"+026-10-08T07:30:27Z",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		test_case(good[i]);
		CHECK(timestamp_is_valid(good[i], strlen(good[i])));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		test_case(bad[i]);
		CHECK(!timestamp_is_valid(bad[i], strlen(bad[i])));
	}
}

TEST_MAIN(test_format, test_valid)
