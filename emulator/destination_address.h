/* SPDX-License-Identifier: Apache-2.0 */
/*
 * destination_address - where records of events go, as the user writes it: "http://HOST:PORT/PATH",
 * "function:NAME", or else the name of a file.
 */
#ifndef EMULATOR_DESTINATION_ADDRESS_H
#define EMULATOR_DESTINATION_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"

enum destination_kind { DESTINATION_FILE, DESTINATION_HTTP, DESTINATION_FUNCTION };

struct destination_address {
	enum destination_kind kind;
	const char *name; /* of the file or the function; of what was parsed */
	char host[256];   /* without the brackets of an IPv6 address */
	char header[260]; /* ... with them */
	uint16_t port;
	const char *target; /* path and query; of what was parsed, or "/" */
};

/* Which it would be, if it is a good one. */
enum destination_kind destination_address_kind(const char *text);

/* 'text' must outlive 'address'. */
bool destination_address_parse(const char *text, struct destination_address *address,
                               struct error *err);

#endif
