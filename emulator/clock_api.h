/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock_api - /_lrie/clock: what time it is for Lambda, and moving that forward.
 *
 * A request to move it is kept until the advance is complete, so that whoever made it sees
 * what has happened meanwhile. One at a time; a caller that leaves does not stop it.
 */
#ifndef EMULATOR_CLOCK_API_H
#define EMULATOR_CLOCK_API_H

#include "emulator/event_delivery.h"
#include "emulator/functions.h"
#include "emulator/http_server.h"

/* Bytes of a body that says how far. */
#define CLOCK_API_BODY_LIMIT 1024

struct clock_api;

/* What takes part in an advance. */
struct clock_api_subjects {
	const struct functions *functions;
	const struct event_delivery *letters;
	struct loop *loop;
};

/* These must outlive it; the struct itself is copied. 'is_virtual': whether the clock may be moved.
 */
struct clock_api *clock_api_create(const struct clock_api_subjects *subjects, bool is_virtual);

/* Stops an advance that is under way. Its exchanges must have finished. NULL is fine. */
void clock_api_destroy(struct clock_api *api);

/* GET and POST. */
void clock_api_tell(struct clock_api *api, struct http_exchange *exchange);
void clock_api_move(struct clock_api *api, struct http_exchange *exchange);

/* The exchange is over: it is not to be replied to any more. */
void clock_api_on_finished(struct clock_api *api, const struct http_exchange *exchange);

#endif
