/* SPDX-License-Identifier: Apache-2.0 */
/* account - how many invocations run at once, over all functions of one lrie */
#include "emulator/account.h"

#include <inttypes.h>
#include <stddef.h>

/* Lambda's own minimum, of its own limit or more. */
#define UNRESERVED 100

static uint64_t limit_of(uint64_t chosen)
{
	return chosen ? chosen : ACCOUNT_LIMIT;
}

static uint64_t unreserved_minimum(uint64_t limit)
{
	return limit / 10 < UNRESERVED ? limit / 10 : UNRESERVED;
}

bool account_check(uint64_t limit, uint64_t reserved, struct error *err)
{
	uint64_t all = limit_of(limit);
	uint64_t most = all - unreserved_minimum(all);

	if (reserved <= most)
		return true;
	return error_set(err, 0,
	                 "--concurrency reserves %" PRIu64 " in all, and of the account's %" PRIu64
	                 " at most %" PRIu64 " can be; --account-concurrency raises it",
	                 reserved, all, most);
}

uint64_t account_pool(const struct account *account)
{
	uint64_t limit = limit_of(account->limit);

	return limit > account->reserved ? limit - account->reserved : 0;
}

bool account_is_full(const struct account *account)
{
	return account && account->running >= account_pool(account);
}

struct account *account_enter(struct account *account)
{
	if (account)
		account->running++;
	return account;
}

void account_leave(struct account **account)
{
	if (*account)
		(*account)->running--;
	*account = NULL;
}
