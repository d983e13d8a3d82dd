/* SPDX-License-Identifier: Apache-2.0 */
/* destination_address - where records of events go, as the user writes it */
#include "emulator/destination_address.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "emulator/option_value.h"

static const char http[] = "http://";
static const char function[] = "function:";

#define HTTP_PORT 80

/* What would end the request line early, or is no part of a URI that is sent. */
static bool is_target(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~' || *text == '#')
			return false;
	}
	return true;
}

static bool parse_port(const char *text, size_t length, uint16_t *port)
{
	unsigned long number = 0;

	if (length == 0 || length > 5 || strspn(text, "0123456789") < length)
		return false;
	for (size_t i = 0; i < length; i++)
		number = number * 10 + (unsigned long)(text[i] - '0');
	*port = (uint16_t)number;
	return number > 0 && number <= UINT16_MAX;
}

/* Where the host ends: at a colon or the end, but behind the brackets of an IPv6 address. */
static size_t length_of_host(const char *text, size_t length)
{
	const char *end = text[0] == '[' ? memchr(text, ']', length) : NULL;
	const char *colon = memchr(end ? end : text, ':', length - (size_t)(end ? end - text : 0));

	return colon ? (size_t)(colon - text) : length;
}

static bool take_host(struct destination_address *address, const char *text, size_t length)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:%[]";
	bool has_brackets = length > 2 && text[0] == '[' && text[length - 1] == ']';

	if (length == 0 || length >= sizeof(address->host) || strspn(text, allowed) < length)
		return false;
	snprintf(address->header, sizeof(address->header), "%.*s", (int)length, text);
	snprintf(address->host, sizeof(address->host), "%.*s",
	         (int)(has_brackets ? length - 2 : length), text + has_brackets);
	return strpbrk(address->host, "[]") == NULL &&
	       has_brackets == (strchr(address->host, ':') != NULL);
}

static bool parse_http(const char *text, struct destination_address *address, struct error *err)
{
	const char *authority = text + strlen(http);

	if (strncasecmp(text, http, strlen(http)) != 0)
		return error_set(err, 0, "'%s': lrie speaks plain HTTP only", text);
	size_t length = strcspn(authority, "/?#");
	size_t host = length_of_host(authority, length);

	address->port = HTTP_PORT;
	address->target = authority[length] ? authority + length : "/";
	if (memchr(authority, '@', length))
		return error_set(err, 0, "'%s': a user and a password are not sent", text);
	if (!take_host(address, authority, host))
		return error_set(err, 0, "'%s' has no host: expected http://HOST:PORT/PATH", text);
	if (host < length && !parse_port(authority + host + 1, length - host - 1, &address->port))
		return error_set(err, 0, "'%s': the port is not between 1 and 65535", text);
	if (*address->target != '/' || !is_target(address->target))
		return error_set(err, 0, "'%s': the path is none that can be sent", text);
	return true;
}

static bool parse_function(const char *text, struct destination_address *address, struct error *err)
{
	address->name = text + strlen(function);
	if (!option_value_word(address->name, "a-zA-Z0-9_-", 1, 64, NULL))
		return error_set(err, 0, "'%s': the name of a function has 1 to 64 of a-zA-Z0-9-_",
		                 text);
	return true;
}

enum destination_kind destination_address_kind(const char *text)
{
	if (strncmp(text, function, strlen(function)) == 0)
		return DESTINATION_FUNCTION;
	return strstr(text, "://") ? DESTINATION_HTTP : DESTINATION_FILE;
}

bool destination_address_parse(const char *text, struct destination_address *address,
                               struct error *err)
{
	*address = (struct destination_address){ .kind = destination_address_kind(text),
		                                 .name = text };
	if (!*text)
		return error_set(err, 0, "the value is empty");
	if (strncmp(text, "arn:", strlen("arn:")) == 0)
		return error_set(err, 0,
		                 "'%s': there is no AWS here: expected a file, "
		                 "http://HOST:PORT/PATH or function:NAME",
		                 text);
	switch (address->kind) {
	case DESTINATION_FUNCTION:
		return parse_function(text, address, err);
	case DESTINATION_HTTP:
		return parse_http(text, address, err);
	case DESTINATION_FILE:
		break;
	}
	return true;
}
