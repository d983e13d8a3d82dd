/* SPDX-License-Identifier: Apache-2.0 */
/*
 * account - how many invocations run at once, over all functions of one lrie.
 *
 * An account of Lambda's has a limit, 1000 unless it is raised. A function may reserve a part of
 * it for itself, which is then its own limit as well; those that have not share the rest, and
 * Lambda keeps at least 100 for them. An account that is smaller than Lambda's, as tests like it,
 * keeps a tenth.
 *
 * An invocation counts from when an environment gets it until it is answered. Source: spec
 * invoke-api.md §4.
 */
#ifndef EMULATOR_ACCOUNT_H
#define EMULATOR_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"

#define ACCOUNT_LIMIT 1000

struct account {
	uint64_t limit;    /* 0: nobody has chosen one, and it is ACCOUNT_LIMIT */
	uint64_t reserved; /* the sum of what functions reserve */
	unsigned running;  /* invocations of those that do not */
};

/* Returns false and fills 'err' when that sum leaves too little for the other functions. */
bool account_check(uint64_t limit, uint64_t reserved, struct error *err);

/* What functions that reserve nothing have in common. */
uint64_t account_pool(const struct account *account);

/* Whether they use all of it. Never, of NULL. */
bool account_is_full(const struct account *account);

/* One of theirs begins; it keeps what it gets, NULL where nobody counts, and gives that back once.
 */
struct account *account_enter(struct account *account);
void account_leave(struct account **account);

#endif
