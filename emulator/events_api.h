/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events_api - GET /_lrie/events: what is queued of events that nobody waits for.
 *
 * At most EVENTS_API_PAGE of them, in the order of functions' names and of acceptance;
 * "limit" asks for fewer, "function" for those of one function, "from" goes on behind the
 * last of a page, which its "next" tells. Events that come and go between two pages are where
 * their order puts them: none that stays is left out.
 */
#ifndef EMULATOR_EVENTS_API_H
#define EMULATOR_EVENTS_API_H

#include "emulator/functions.h"
#include "emulator/http_server.h"

#define EVENTS_API_PAGE 1000

void events_api_tell(const struct functions *functions, struct http_exchange *exchange);

#endif
