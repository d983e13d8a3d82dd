/* SPDX-License-Identifier: Apache-2.0 */
/*
 * price_file - a price list that the user wrote, as JSON.
 *
 *	{ "name": "eu-central-1 x86_64, our discount",
 *	  "tiers": [ { "gb_seconds": 6e9, "per_gb_second": 0.0000166667 },
 *	             { "gb_seconds": 9e9, "per_gb_second": 0.0000150000 },
 *	             { "per_gb_second": 0.0000133334 } ],
 *	  "per_request": 0.0000002 }
 *
 * The members are those of struct price_list. What is left out is as in the built-in
 * list; of tiers there may be fewer, and the last one holds the rest.
 */
#ifndef EMULATOR_PRICE_FILE_H
#define EMULATOR_PRICE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/price.h"

/* Changes 'list', which is a built-in one, to what the text says. An unknown member is an
 * error: a price that is misspelt would not be used. */
bool price_list_read(const char *text, size_t length, struct price_list *list, struct error *err);

#endif
