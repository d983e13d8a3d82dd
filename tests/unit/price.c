/* SPDX-License-Identifier: Apache-2.0 */
/* price - sums, held against ones worked out by hand from the price page */
#include "emulator/price.h"

#include <math.h>

#include "emulator/price_file.h"

#include "tests/unit/test.h"

#define MB ((uint64_t)1 << 20)

static bool is_close(double actual, double expected)
{
	double size = fabs(expected) > 1e-6 ? fabs(expected) : 1e-6;

	if (fabs(actual - expected) <= 1e-9 * size)
		return true;
	printf("# %.12g, and not %.12g\n", actual, expected);
	return false;
}

static void test_one_invocation(void)
{
	const struct price_list *list = price_list_find("x86_64");

	/* 128 MB, 100 ms: 0.0125 GB-s */
	CHECK(is_close(price_invocation(list, 128 * MB, 512 * MB, 100),
	               0.0125 * 0.0000166667 + 0.0000002));
	CHECK(is_close(price_invocation(list, 1024 * MB, 1536 * MB, 1000),
	               0.0000166667 + 0.0000002 + 0.0000000309));
	CHECK(is_close(price_invocation(list, 128 * MB, 0, 0), 0.0000002));
}

/* The sum that is often told ten times too low. */
static void test_ten_million_requests(void)
{
	const struct price_load load = {
		.memory_bytes = 512 * MB, .tmp_bytes = 512 * MB, .requests = 10e6, .billed_ms = 100
	};
	struct price_month month = price_month(price_list_find("x86_64"), &load);

	CHECK(is_close(month.gb_seconds, 500000));
	CHECK(is_close(month.duration, 8.33335));
	CHECK(is_close(month.requests, 2.00));
	CHECK(is_close(month.tmp, 0));
	CHECK(is_close(month.total, 10.33335));
	month = price_month(price_list_find("arm64"), &load);
	CHECK(is_close(month.duration, 6.6667));
}

static void test_tiers_follow_each_other(void)
{
	/* 20 billion GB-s: 6 in the first tier, 9 in the second, 5 in the third */
	const struct price_load load = { .memory_bytes = 1024 * MB,
		                         .requests = 20e9,
		                         .billed_ms = 1000 };
	struct price_month month = price_month(price_list_find("x86_64"), &load);

	CHECK(is_close(month.duration,
	               6e9 * 0.0000166667 + 9e9 * 0.0000150000 + 5e9 * 0.0000133334));
}

static void test_provisioned_concurrency(void)
{
	/* AWS's own example in its manner: 100 environments of 1 GB for two hours */
	const struct price_load load = { .memory_bytes = 1024 * MB,
		                         .requests = 1e6,
		                         .billed_ms = 1000,
		                         .provisioned = 100,
		                         .provisioned_seconds = 7200,
		                         .provisioned_share = 1 };
	struct price_month month = price_month(price_list_find("x86_64"), &load);

	CHECK(is_close(month.provisioned, 100 * 7200 * 0.0000041667));
	CHECK(is_close(month.duration, 1e6 * 0.0000097222));
	CHECK(is_close(month.total, month.provisioned + month.duration + 0.2));
}

static void test_lists(void)
{
	struct price_list list = *price_list_find("x86_64");
	struct error err;

	CHECK(price_list_find("aarch64") == price_list_find("arm64"));
	CHECK(!price_list_find("mips"));
	CHECK(price_list_check(&list, &err) && price_list_check(price_list_find("arm64"), &err));
	list.per_request = NAN;
	CHECK(!price_list_check(&list, &err));
	list.per_request = -1;
	CHECK(!price_list_check(&list, &err));
	CHECK_STR(err.text, "prices 'us-east-1 x86_64, 2025/26': -1 is no price");
	list = *price_list_find("x86_64");
	list.tiers[2].gb_seconds = 5;
	CHECK(!price_list_check(&list, &err));
	list.tiers[1].gb_seconds = NAN;
	CHECK(!price_list_check(&list, &err));
}

static void test_a_list_of_a_file(void)
{
	static const char text[] = "{\"name\":\"ours\",\"tiers\":[{\"gb_seconds\":100,"
				   "\"per_gb_second\":0.02},{\"per_gb_second\":0.01}],"
				   "\"per_request\":0}";
	struct price_list list = *price_list_find("arm64");
	const struct price_load load = { .memory_bytes = 1024 * MB,
		                         .requests = 300,
		                         .billed_ms = 1000 };
	struct error err;

	CHECK(price_list_read(text, strlen(text), &list, &err));
	CHECK_STR(list.name, "ours");
	CHECK(is_close(price_month(&list, &load).total, 100 * 0.02 + 200 * 0.01));
	CHECK(is_close(list.provisioned_per_gb_second,
	               price_list_find("arm64")->provisioned_per_gb_second));
}

static void test_files_that_are_no_lists(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "line: 1" },
		{ "[]", "no object with prices" },
		{ "{}", "no object with prices" },
		{ "{\"per_reqest\":1}", "unknown member 'per_reqest' (known are name, tiers" },
		{ "{\"per_request\":\"1\"}", "'per_request' is no number" },
		{ "{\"per_request\":-1}", "-1 is no price" },
		{ "{\"tiers\":[]}", "'tiers' must be 1 to 3" },
		{ "{\"tiers\":[1,2,3,4]}", "'tiers' must be 1 to 3" },
		{ "{\"tiers\":[{}]}", "a tier has no per_gb_second" },
		{ "{\"tiers\":[{\"per_gb_second\":1},{\"per_gb_second\":1}]}",
		  "not the last has no gb_seconds" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct price_list list = *price_list_find("x86_64");
		struct error err = { .code = 0 };

		test_case(cases[i].text);
		CHECK(!price_list_read(cases[i].text, strlen(cases[i].text), &list, &err));
		if (!CHECK(strstr(err.text, cases[i].words) != NULL))
			printf("# %s\n", err.text);
	}
}

TEST_MAIN(test_one_invocation, test_ten_million_requests, test_tiers_follow_each_other,
          test_provisioned_concurrency, test_lists, test_a_list_of_a_file,
          test_files_that_are_no_lists)
