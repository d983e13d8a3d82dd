/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admin_api - what lrie adds to the HTTP surface of Lambda: all below /_lrie/
 *
 * It has no listener of its own: who listens hands over the exchanges whose path
 * admin_api_owns(), with each of their callbacks. One row of its table is one route.
 */
#ifndef EMULATOR_ADMIN_API_H
#define EMULATOR_ADMIN_API_H

#include "emulator/functions.h"
#include "emulator/http_server.h"

struct admin_api;

/* What it tells of. All must outlive it; the struct itself is copied. */
struct admin_api_subjects {
	struct functions *functions;
	const struct event_delivery *letters;
	struct loop *loop;
	bool clock_is_virtual;
};

struct admin_api *admin_api_create(const struct admin_api_subjects *subjects);

/* Its exchanges must have finished. NULL is fine. */
void admin_api_destroy(struct admin_api *admin);

bool admin_api_owns(const struct http_exchange *exchange);

/* The callbacks of a listener, for exchanges that it owns. */
void admin_api_on_head(struct admin_api *admin, struct http_exchange *exchange);
void admin_api_on_request(struct admin_api *admin, struct http_exchange *exchange);
void admin_api_on_finished(struct admin_api *admin, struct http_exchange *exchange);

#endif
