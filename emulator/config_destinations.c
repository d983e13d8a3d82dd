/* SPDX-License-Identifier: Apache-2.0 */
/* config_destinations - functions that are named as destinations must be there */
#include <string.h>

#include "emulator/destination_address.h"
#include "emulator/option.h"

static bool is_there(const struct config *first, const char *name)
{
	for (const struct config *at = first; at; at = at->next) {
		if (strcmp(at->function_name, name) == 0)
			return true;
	}
	return false;
}

static bool check(const struct config *first, const char *destination, struct error *err)
{
	struct destination_address address;

	if (!destination || !destination_address_parse(destination, &address, err))
		return !destination;
	return address.kind != DESTINATION_FUNCTION || is_there(first, address.name) ||
	       error_set(err, 0, "destination '%s': there is no function of that name",
	                 destination);
}

bool config_check_destinations(const struct config *first, struct error *err)
{
	for (const struct config *at = first; at; at = at->next) {
		if (!check(first, at->on_success, err) || !check(first, at->on_failure, err) ||
		    !check(first, at->dead_letters, err))
			return at->file ? error_prefix(err, "%s: %s", at->file, at->function_name)
			                : false;
	}
	return true;
}
