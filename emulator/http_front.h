/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_front - functions behind function URLs, APIs of API Gateway and load balancers.
 *
 * Each request is the function's whose path it is below, whatever its method; the longest
 * path wins. It becomes the event that the function's site makes of it, and the answer
 * becomes the response (http_site.h, http_event.h, http_answer.h).
 *
 * What web pages send is let through, as those of other sites do not see answers without
 * the function's consent. At an address of this machine alone, a request must have been
 * sent to localhost, an address, the site's own name or one that the user has named: a
 * page whose name was made to point here is of the same site otherwise.
 *
 * Bound: of a request, its body (10 MB at most) and for a moment the event made of it, where each
 * byte may take six; of an answer, what the runtime sent (6 MB) and the response; of one that is
 * streamed, what http_server.h says of a reply in pieces.
 */
#ifndef EMULATOR_HTTP_FRONT_H
#define EMULATOR_HTTP_FRONT_H

#include "emulator/functions.h"
#include "emulator/http_server.h"

struct http_front;

/* Serves at the listening socket 'fd', which is taken over (also on failure). 'config' is that of
 * the service; everything must outlive the front. */
struct http_front *http_front_create(struct http_server *server, struct loop *loop, int fd,
                                     struct functions *functions, const struct config *config,
                                     struct error *err);

/* Closes the listener; the functions must be stopped. NULL is fine. */
void http_front_destroy(struct http_front *front);

#endif
