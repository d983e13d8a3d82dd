/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_site - what stands between HTTP clients and a function: a function URL, an API of API
 * Gateway, or a load balancer; and by which names AWS would know it.
 *
 * Each of the four has its own events, answers and errors: see http_event.h, http_answer.h.
 * Source: spec invoke-api.md §5.
 */
#ifndef EMULATOR_HTTP_SITE_H
#define EMULATOR_HTTP_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

enum http_format {
	HTTP_FORMAT_URL,      /* payload 2.0 of a function URL */
	HTTP_FORMAT_HTTP_API, /* payload 2.0 of an HTTP API */
	HTTP_FORMAT_REST_API, /* payload 1.0 of a REST API */
	HTTP_FORMAT_ALB,
};

/* The names are made from those of the function, so that they are the same at each start. */
struct http_site {
	enum http_format format;
	bool is_multi_value; /* ALB: lambda.multi_value_headers.enabled */
	const char *region, *account_id, *function_name;
	const char *route; /* "/orders", below which all paths are the function's; "" for all */
	const char *binary_types; /* REST API: "image/png,application/x-*"; NULL: none */
	char id[33];              /* of the URL, or of the API */
};

/* The texts are borrowed. */
void http_site_init(struct http_site *site, enum http_format format, const char *region,
                    const char *account_id, const char *function_name);

/* The name of its host, under which AWS would serve it. */
void http_site_append_domain(struct buffer *out, const struct http_site *site);

/* Whether 'type', which may be NULL or have parameters, is one of its binary types. */
bool http_site_is_binary(const struct http_site *site, const char *type);

/* How many bytes of body a request to a site may have, and how long a function may take
 * to answer; 0: no other time than its own. */
size_t http_site_body_limit(enum http_format format);
uint64_t http_site_timeout_ms(enum http_format format);

/* How a name of AWS is made from others: 'length' letters and digits, always the same, and a NUL.
 */
void http_site_name(char *name, size_t length, uint64_t seed);
uint64_t http_site_seed(const struct http_site *site, const char *what);

#define HTTP_STAGE "prod" /* of a REST API */

#endif
