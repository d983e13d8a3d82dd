/* SPDX-License-Identifier: Apache-2.0 */
/* price_file - a price list that the user wrote */
#include "emulator/price_file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "emulator/json.h"

static const struct {
	const char *name;
	size_t field;
} prices[] = {
	{ "per_request", offsetof(struct price_list, per_request) },
	{ "per_tmp_gb_second", offsetof(struct price_list, per_tmp_gb_second) },
	{ "provisioned_per_gb_second", offsetof(struct price_list, provisioned_per_gb_second) },
	{ "provisioned_duration_per_gb_second",
	  offsetof(struct price_list, provisioned_duration_per_gb_second) },
};

#define PRICES (sizeof(prices) / sizeof(prices[0]))

static bool is_known(const char *name)
{
	for (size_t i = 0; i < PRICES; i++) {
		if (strcmp(name, prices[i].name) == 0)
			return true;
	}
	return strcmp(name, "name") == 0 || strcmp(name, "tiers") == 0;
}

static bool check_names(const struct json *json, struct error *err)
{
	const char *name;

	for (size_t i = 0; (name = json_member_name(json, i)); i++) {
		if (!is_known(name))
			return error_set(err, 0,
			                 "unknown member '%.64s' (known are name, tiers, "
			                 "per_request, per_tmp_gb_second, "
			                 "provisioned_per_gb_second, "
			                 "provisioned_duration_per_gb_second)",
			                 name);
	}
	return true;
}

static bool read_price(const struct json *json, const char *name, double *price, struct error *err)
{
	const struct json *member = json_member(json, name);

	return !member || json_number(member, price) ||
	       error_set(err, 0, "'%s' is no number", name);
}

static bool read_tier(const struct json *json, bool is_last, struct price_tier *tier,
                      struct error *err)
{
	tier->gb_seconds = INFINITY;
	if (!json_number(json_member(json, "per_gb_second"), &tier->per_gb_second))
		return error_set(err, 0, "a tier has no per_gb_second");
	if (!is_last && !json_number(json_member(json, "gb_seconds"), &tier->gb_seconds))
		return error_set(err, 0, "a tier that is not the last has no gb_seconds");
	return true;
}

/* Tiers that are not there are never reached: the last one that is holds the rest. */
static bool read_tiers(const struct json *tiers, struct price_list *list, struct error *err)
{
	size_t count = json_length(tiers);

	if (!tiers)
		return true;
	if (count == 0 || count > PRICE_TIERS)
		return error_set(err, 0, "'tiers' must be 1 to %d of them", PRICE_TIERS);
	for (size_t i = 0; i < PRICE_TIERS; i++) {
		size_t from = i < count ? i : count - 1;
		if (!read_tier(json_item(tiers, from), from == count - 1, &list->tiers[i], err))
			return false;
	}
	return true;
}

static bool read_list(const struct json *json, struct price_list *list, struct error *err)
{
	const char *name = json_text(json_member(json, "name"));

	if (!json_member_name(json, 0))
		return error_set(err, 0, "it is no object with prices");
	if (!check_names(json, err) || !read_tiers(json_member(json, "tiers"), list, err))
		return false;
	for (size_t i = 0; i < PRICES; i++) {
		double *price = (double *)((char *)list + prices[i].field);
		if (!read_price(json, prices[i].name, price, err))
			return false;
	}
	snprintf(list->name, sizeof(list->name), "%s", name ? name : "prices of a file");
	return price_list_check(list, err);
}

bool price_list_read(const char *text, size_t length, struct price_list *list, struct error *err)
{
	struct json *json = json_read(text, length, err);
	bool read = json && read_list(json, list, err);

	json_destroy(json);
	return read;
}
