/* SPDX-License-Identifier: Apache-2.0 */
/* front - what the HTTP fronts have in common: finding a route, and plain replies */
#ifndef EMULATOR_FRONT_H
#define EMULATOR_FRONT_H

#include <stddef.h>

#include "emulator/http_server.h"
#include "emulator/route.h"

/* Ids that front_find_route() gives beside those of the table. */
enum { FRONT_UNKNOWN = -1, FRONT_WRONG_METHOD = -2 };

/*
 * Finds the route of a request. 'argument' gets what stood for "{}", or "" when
 * that cannot be one: what is wrong with it is for the route's handler to say.
 */
int front_find_route(const struct route *routes, const struct http_exchange *exchange,
                     char *argument, size_t size);

/* Replies with a text that lives for ever. */
void front_reply_text(struct http_exchange *exchange, unsigned status, const char *type,
                      const char *text);

/* What lrie's own paths say of a request that they refuse: {"message":...}. */
void front_reply_message(struct http_exchange *exchange, unsigned status, const char *message);

/* What the APIs inside a box say of failures, and of what is done (spec runtime-api.md §1). */
void front_reply_error(struct http_exchange *exchange, unsigned status, const char *type,
                       const char *message);
void front_reply_accepted(struct http_exchange *exchange);

/* What Lambda's servers say of FRONT_UNKNOWN and FRONT_WRONG_METHOD (spec runtime-api.md §1). */
void front_reply_unknown(struct http_exchange *exchange);
void front_reply_wrong_method(struct http_exchange *exchange);

#endif
