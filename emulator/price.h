/* SPDX-License-Identifier: Apache-2.0 */
/*
 * price - what invocations cost on Lambda, in US dollars.
 *
 * Pure functions of a price list. The lists that are built in are those of
 * us-east-1 (spec environment-and-limits.md §5); other regions, later prices and
 * private discounts are other lists. The free tier is left out: it is shared by all
 * functions of an account. Taxes, data transfer and logs are other bills.
 */
#ifndef EMULATOR_PRICE_H
#define EMULATOR_PRICE_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"

#define PRICE_TIERS 3

struct price_tier {
	double gb_seconds; /* how many of a month this tier holds; INFINITY: the rest */
	double per_gb_second;
};

struct price_list {
	char name[64]; /* "us-east-1 x86_64, 2025/26" */
	struct price_tier tiers[PRICE_TIERS];
	double per_request;
	double per_tmp_gb_second;                  /* of /tmp beyond 512 MB */
	double provisioned_per_gb_second;          /* while it stands ready, busy or not */
	double provisioned_duration_per_gb_second; /* in the place of 'tiers' */
};

/* The built-in list for "x86_64" or "arm64" ("aarch64"). Returns NULL for another word. */
const struct price_list *price_list_find(const char *architecture);

/* Checks that all prices are finite and not negative, and that the last tier is the rest. */
bool price_list_check(const struct price_list *list, struct error *err);

/* One invocation, in the first tier: request, duration and /tmp. */
double price_invocation(const struct price_list *list, uint64_t memory_bytes, uint64_t tmp_bytes,
                        double billed_ms);

struct price_month {
	double gb_seconds;
	double requests, duration, tmp, provisioned, total; /* dollars */
};

struct price_load {
	uint64_t memory_bytes, tmp_bytes;
	double requests;  /* a month */
	double billed_ms; /* of one, on average */

	/* With provisioned concurrency: how many environments stand ready, for how long, and
	 * which part of the requests they take (0 to 1). 0 environments: none. */
	double provisioned, provisioned_seconds, provisioned_share;
};

struct price_month price_month(const struct price_list *list, const struct price_load *load);

#endif
