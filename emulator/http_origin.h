/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_origin - keeps web pages of other sites from using lrie through a browser.
 *
 * A page may make a browser send requests to a developer's loopback. Browsers say so in headers
 * that a page cannot forge; other clients do not send them. Sources: Fetch standard, "Origin";
 * Fetch Metadata Request Headers.
 */
#ifndef EMULATOR_HTTP_ORIGIN_H
#define EMULATOR_HTTP_ORIGIN_H

#include <stdbool.h>

/* Whether the headers (NULL when absent) tell that a web page made the browser send the request,
 * and not a page of this machine. Pure. */
bool http_is_from_other_site(const char *host, const char *origin, const char *fetch_site);

/*
 * Whether a Host header (NULL when absent) is one by which a page of another site cannot have got
 * here: loopback, or an address. Any other name its owner may have made to point to this machine
 * after his page was loaded (DNS rebinding), so that the page may read the answers. Pure.
 */
bool http_host_is_own(const char *host);

#endif
