/* SPDX-License-Identifier: Apache-2.0 */
/* price - what invocations cost on Lambda */
#include "emulator/price.h"

#include <math.h>
#include <string.h>

#define GB ((double)(1 << 30))
#define FREE_TMP_BYTES ((uint64_t)512 << 20)
#define BILLION 1e9

static const struct price_list x86_64 = {
	.name = "us-east-1 x86_64, 2025/26",
	.tiers = { { 6 * BILLION, 0.0000166667 },
	           { 9 * BILLION, 0.0000150000 },
	           { INFINITY, 0.0000133334 } },
	.per_request = 0.0000002,
	.per_tmp_gb_second = 0.0000000309,
	.provisioned_per_gb_second = 0.0000041667,
	.provisioned_duration_per_gb_second = 0.0000097222,
};

static const struct price_list arm64 = {
	.name = "us-east-1 arm64, 2025/26",
	.tiers = { { 7.5 * BILLION, 0.0000133334 },
	           { 11.25 * BILLION, 0.0000120001 },
	           { INFINITY, 0.0000106667 } },
	.per_request = 0.0000002,
	.per_tmp_gb_second = 0.0000000309,
	.provisioned_per_gb_second = 0.0000033334,
	.provisioned_duration_per_gb_second = 0.0000077778,
};

const struct price_list *price_list_find(const char *architecture)
{
	if (strcmp(architecture, "x86_64") == 0)
		return &x86_64;
	if (strcmp(architecture, "arm64") == 0 || strcmp(architecture, "aarch64") == 0)
		return &arm64;
	return NULL;
}

static bool is_price(double price)
{
	return isfinite(price) && price >= 0;
}

bool price_list_check(const struct price_list *list, struct error *err)
{
	const double prices[] = { list->per_request, list->per_tmp_gb_second,
		                  list->provisioned_per_gb_second,
		                  list->provisioned_duration_per_gb_second };

	for (size_t i = 0; i < sizeof(prices) / sizeof(prices[0]); i++) {
		if (!is_price(prices[i]))
			return error_set(err, 0, "prices '%s': %g is no price", list->name,
			                 prices[i]);
	}
	for (size_t i = 0; i < PRICE_TIERS; i++) {
		if (!is_price(list->tiers[i].per_gb_second) || !(list->tiers[i].gb_seconds >= 0))
			return error_set(err, 0, "prices '%s': tier %zu is not one", list->name,
			                 i + 1);
	}
	return isinf(list->tiers[PRICE_TIERS - 1].gb_seconds) ||
	       error_set(err, 0, "prices '%s': the last tier must hold the rest", list->name);
}

static double gb_of_tmp(uint64_t tmp_bytes)
{
	return tmp_bytes > FREE_TMP_BYTES ? (double)(tmp_bytes - FREE_TMP_BYTES) / GB : 0;
}

double price_invocation(const struct price_list *list, uint64_t memory_bytes, uint64_t tmp_bytes,
                        double billed_ms)
{
	double seconds = billed_ms / 1000;

	return list->per_request +
	       seconds * (double)memory_bytes / GB * list->tiers[0].per_gb_second +
	       seconds * gb_of_tmp(tmp_bytes) * list->per_tmp_gb_second;
}

/* Each tier is used up before the next one begins. */
static double price_tiers(const struct price_list *list, double gb_seconds)
{
	double price = 0;

	for (size_t i = 0; i < PRICE_TIERS && gb_seconds > 0; i++) {
		double room = list->tiers[i].gb_seconds;
		double here = gb_seconds < room ? gb_seconds : room;
		price += here * list->tiers[i].per_gb_second;
		gb_seconds -= here;
	}
	return price;
}

struct price_month price_month(const struct price_list *list, const struct price_load *load)
{
	double gb = (double)load->memory_bytes / GB;
	double seconds = load->requests * load->billed_ms / 1000;
	double share = load->provisioned > 0 ? load->provisioned_share : 0;
	struct price_month month = { .gb_seconds = seconds * gb };

	month.requests = load->requests * list->per_request;
	month.duration = price_tiers(list, month.gb_seconds * (1 - share)) +
	                 month.gb_seconds * share * list->provisioned_duration_per_gb_second;
	month.tmp = seconds * gb_of_tmp(load->tmp_bytes) * list->per_tmp_gb_second;
	month.provisioned = load->provisioned * load->provisioned_seconds * gb *
	                    list->provisioned_per_gb_second;
	month.total = month.requests + month.duration + month.tmp + month.provisioned;
	return month;
}
