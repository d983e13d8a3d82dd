/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_answer - what a function answered, as the HTTP response that its site makes of it.
 *
 * The answer is hostile input: no header of it can break a response in two, or change where
 * one ends. Those that would are handed on with "x-amzn-Remapped-" before their name, as AWS
 * does; the load balancer drops them. An answer that its format does not allow becomes the
 * site's 502, and 'why' tells the developer what AWS would not. Memory: the answer once more.
 *
 * Source: spec invoke-api.md §5.
 */
#ifndef EMULATOR_HTTP_ANSWER_H
#define EMULATOR_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"
#include "emulator/http_site.h"

/* All headers together, as they are sent; API Gateway's quota. */
#define HTTP_ANSWER_HEADERS 10240

struct http_answer {
	unsigned status;
	struct buffer headers; /* name, NUL, value, NUL, ... */
	struct buffer body;
	struct error why; /* what is wrong with the function's answer; "" when it is fine */

	/* private to http_answer.c */
	size_t head_length;
};

void http_answer_init(struct http_answer *answer);
void http_answer_finish(struct http_answer *answer);

/* Fills an answer with what the function returned. 'accept' is that header of the request,
 * or NULL. */
void http_answer_map(struct http_answer *answer, const struct http_site *site, const char *result,
                     size_t length, const char *accept);

/* Fills it from the JSON at the beginning of a streamed answer (see http_prelude.h); the body is
 * left empty. Returns false with the site's 502 when it is not as it should be. */
bool http_answer_map_prelude(struct http_answer *answer, const struct http_site *site,
                             const char *json, size_t length);

/* Fills it for a streamed answer without one, whose body is of 'type'; NULL: nobody knows. */
void http_answer_begin_stream(struct http_answer *answer, const char *type);

/* Adds a header that is fine as it is. */
void http_answer_put_header(struct http_answer *answer, const char *name, const char *value);

#endif
