/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_head - what the server itself refuses, by the head of a request.
 *
 * Requests that no handler should see: bad syntax, bodies of unclear length, and those that a web
 * page of another site made a browser send. Pure. Sources: RFC 9110, RFC 9112.
 */
#ifndef EMULATOR_HTTP_HEAD_H
#define EMULATOR_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

struct http_refusal {
	unsigned status;
	const char *text; /* the body, with a newline */
};

/* What decides it. Filled by the caller and by http_head_add(); all strings are borrowed. */
struct http_head {
	const char *method;
	const char *path;
	bool is_http_1_0;
	bool is_for_site; /* pages of any site may ask */

	const char *content_length;
	const char *transfer_encoding;
	const char *expect;
	const char *fetch_site;
	const char *host;
	const char *origin;
	bool is_malformed;
	bool is_ambiguous; /* one of those that mean something to us occurs twice */
};

/* Takes note of a header. */
void http_head_add(struct http_head *head, const char *name, const char *value);

/* Why the request must be refused before its body is read, or NULL. */
const struct http_refusal *http_head_refuse_now(const struct http_head *head);

/* Why it is to be refused when its body has been read, or NULL. */
const struct http_refusal *http_head_refuse(const struct http_head *head);

/*
 * Why the raw 'head' of 'length' bytes, behind which a NUL stands, is to be refused, or NULL. It is
 * for what libmicrohttpd 0.9.75 gets wrong: it ends a value at a NUL, takes a folded line for more
 * of the header's name, and replies to a bad Content-Length with two heads, one as the body of the
 * other.
 */
const struct http_refusal *http_raw_head_refuse(const char *head, size_t length);

extern const struct http_refusal http_head_too_long;

/* RFC 9110 section 5.6.2, and what may stand in a field's value. */
bool http_is_token(const char *text);
bool http_is_field_value(const char *text);

#endif
