/* SPDX-License-Identifier: Apache-2.0 */
/* http_head - what the server itself refuses, by the head of a request */
#include "emulator/http_head.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/http_origin.h"

bool http_is_field_value(const char *text)
{
	while ((unsigned char)*text >= ' ' ? *text != 0x7f : *text == '\t')
		text++;
	return *text == '\0';
}

static bool is_token_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("-!#$%&'*+.^_`|~", c));
}

bool http_is_token(const char *text)
{
	const char *c = text;

	while (is_token_char(*c))
		c++;
	return c > text && *c == '\0';
}

/* Each of these fields means something to us, and twice it would mean two things. */
static void head_note(struct http_head *head, const char **field, const char *value)
{
	if (*field)
		head->is_ambiguous = true;
	*field = value;
}

void http_head_add(struct http_head *head, const char *name, const char *value)
{
	if (!http_is_token(name) || !http_is_field_value(value))
		head->is_malformed = true;
	else if (strcasecmp(name, "Content-Length") == 0)
		head_note(head, &head->content_length, value);
	else if (strcasecmp(name, "Transfer-Encoding") == 0)
		head_note(head, &head->transfer_encoding, value);
	else if (strcasecmp(name, "Host") == 0)
		head_note(head, &head->host, value);
	else if (strcasecmp(name, "Origin") == 0)
		head_note(head, &head->origin, value);
	else if (strcasecmp(name, "Sec-Fetch-Site") == 0)
		head_note(head, &head->fetch_site, value);
	else if (strcasecmp(name, "Expect") == 0)
		head->expect = value;
}

static const struct http_refusal ambiguous = { 400,
	                                       "A header that may occur once occurs twice.\n" };
static const struct http_refusal malformed = { 400, "The request is malformed.\n" };
static const struct http_refusal folded = { 400, "A header must not go on in another line.\n" };
static const struct http_refusal bad_framing = {
	400, "The length of the body is not clear: send one Content-Length, or the only "
	     "Transfer-Encoding that is supported, chunked.\n"
};
static const struct http_refusal no_host = { 400, "A request of HTTP/1.1 needs a Host header.\n" };
static const struct http_refusal no_length = { 400,
	                                       "The value of Content-Length is not a length.\n" };
static const struct http_refusal too_large = { 413, "The body of the request is too large.\n" };
const struct http_refusal http_head_too_long = { 431, "The head of the request is too long.\n" };
static const struct http_refusal other_site = {
	403, "A web page of another site made this request, and may not. Only pages from "
	     "localhost or a loopback address may call lrie; other clients must not send an "
	     "Origin header.\n"
};

/* A body after such a head has no end that both sides agree on. */
static bool has_bad_framing(const struct http_head *head)
{
	if (!head->transfer_encoding)
		return false;
	return head->content_length || head->is_http_1_0 ||
	       strcasecmp(head->transfer_encoding, "chunked") != 0;
}

const struct http_refusal *http_head_refuse_now(const struct http_head *head)
{
	if (head->is_malformed || !http_is_token(head->method) || strchr(head->path, ' ') ||
	    !http_is_field_value(head->path))
		return &malformed;
	if (head->is_ambiguous)
		return &ambiguous;
	return has_bad_framing(head) ? &bad_framing : NULL;
}

const struct http_refusal *http_head_refuse(const struct http_head *head)
{
	if (!head->is_http_1_0 && !head->host)
		return &no_host;
	if (!head->is_for_site &&
	    http_is_from_other_site(head->host, head->origin, head->fetch_site))
		return &other_site;
	return NULL;
}

static const struct http_refusal *judge_length(const char *value)
{
	const char *end;

	value += strspn(value, " \t");
	end = value + strspn(value, "0123456789");
	if (end == value)
		return &no_length;
	end += strspn(end, " \t");
	if (*end != '\n' && strncmp(end, "\r\n", 2) != 0)
		return &no_length;
	errno = 0;
	return strtoull(value, NULL, 10) == ULLONG_MAX || errno == ERANGE ? &too_large : NULL;
}

const struct http_refusal *http_raw_head_refuse(const char *head, size_t length)
{
	static const char name[] = "content-length:";
	const struct http_refusal *refusal = NULL;

	if (strlen(head) != length)
		return &malformed;
	for (head = strchr(head, '\n'); head && !refusal; head = strchr(head, '\n')) {
		head++;
		if (*head == ' ' || *head == '\t')
			refusal = &folded;
		else if (strncasecmp(head, name, sizeof(name) - 1) == 0)
			refusal = judge_length(head + sizeof(name) - 1);
	}
	return refusal;
}
