/* SPDX-License-Identifier: Apache-2.0 */
/* account - what is reserved of it, and what runs. */
#include "emulator/account.h"

#include <stddef.h>

#include "tests/unit/test.h"

static void test_what_can_be_reserved(void)
{
	static const struct {
		uint64_t limit, most;
	} cases[] = {
		{ 0, 900 }, /* Lambda's own limit, and what it keeps of it */
		{ 1000, 900 }, { 5000, 4900 }, { 100, 90 }, /* smaller than Lambda's */
		{ 9, 9 },      { 1, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { .code = 0 };

		CHECK(account_check(cases[i].limit, 0, &err));
		CHECK(account_check(cases[i].limit, cases[i].most, &err));
		CHECK(!account_check(cases[i].limit, cases[i].most + 1, &err));
	}
}

static void test_the_refusal_has_the_figures(void)
{
	struct error err;

	CHECK(!account_check(0, 950, &err));
	CHECK_STR(err.text, "--concurrency reserves 950 in all, and of the account's 1000 at most "
	                    "900 can be; --account-concurrency raises it");
}

static void test_the_others_share_the_rest(void)
{
	struct account account = { .limit = 10, .reserved = 8 };
	struct account *first, *second;

	CHECK_INT(account_pool(&account), 2);
	first = account_enter(&account);
	CHECK(!account_is_full(&account));
	second = account_enter(&account);
	CHECK(account_is_full(&account));
	account_leave(&first);
	CHECK(!first);
	account_leave(&first); /* once */
	CHECK_INT(account.running, 1);
	account.reserved = 9; /* after a reload */
	CHECK(account_is_full(&account));
	account.reserved = 11;
	CHECK_INT(account_pool(&account), 0);
	account_leave(&second);
}

static void test_where_nobody_counts(void)
{
	struct account *mine = account_enter(NULL);

	CHECK(!mine);
	CHECK(!account_is_full(NULL));
	account_leave(&mine);
}

TEST_MAIN(test_what_can_be_reserved, test_the_refusal_has_the_figures,
          test_the_others_share_the_rest, test_where_nobody_counts)
