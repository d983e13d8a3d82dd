/* SPDX-License-Identifier: Apache-2.0 */
/* http_site - what stands between HTTP clients and a function */
#include "emulator/http_site.h"

#include <string.h>
#include <strings.h>

#include "emulator/quota.h"

#define URL_ID_LENGTH 32
#define API_ID_LENGTH 10

/* FNV-1a, a text with its NUL. */
static uint64_t hash(uint64_t seed, const char *text)
{
	do
		seed = (seed ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	while (*text++);
	return seed;
}

uint64_t http_site_seed(const struct http_site *site, const char *what)
{
	uint64_t seed = UINT64_C(0xcbf29ce484222325);

	seed = hash(seed, what);
	seed = hash(seed, site->region);
	seed = hash(seed, site->account_id);
	return hash(seed, site->function_name);
}

void http_site_name(char *name, size_t length, uint64_t seed)
{
	static const char digits[36] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (size_t i = 0; i < length; i++) {
		seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		/* The first one is a letter, as that of a host name should be. */
		name[i] = digits[(seed >> 33) % (i == 0 ? 26 : sizeof(digits))];
	}
	name[length] = '\0';
}

void http_site_init(struct http_site *site, enum http_format format, const char *region,
                    const char *account_id, const char *function_name)
{
	bool is_url = format == HTTP_FORMAT_URL;

	*site = (struct http_site){ .format = format,
		                    .region = region,
		                    .account_id = account_id,
		                    .function_name = function_name,
		                    .route = "" };
	http_site_name(site->id, is_url ? URL_ID_LENGTH : API_ID_LENGTH,
	               http_site_seed(site, is_url ? "url" : "api"));
}

void http_site_append_domain(struct buffer *out, const struct http_site *site)
{
	bool is_url = site->format == HTTP_FORMAT_URL;

	buffer_append_format(out, "%s.%s.%s.%s", site->id, is_url ? "lambda-url" : "execute-api",
	                     site->region, is_url ? "on.aws" : "amazonaws.com");
}

/* "image/png", "image/" followed by "*", and "*" "/" "*". */
static bool matches(const char *pattern, size_t pattern_length, const char *type, size_t length)
{
	if (pattern_length == 3 && memcmp(pattern, "*/*", 3) == 0)
		return true;
	if (pattern_length >= 2 && memcmp(pattern + pattern_length - 2, "/*", 2) == 0)
		return length >= pattern_length - 1 &&
		       strncasecmp(pattern, type, pattern_length - 1) == 0;
	return pattern_length == length && strncasecmp(pattern, type, length) == 0;
}

bool http_site_is_binary(const struct http_site *site, const char *type)
{
	const char *pattern = site->binary_types;
	size_t length = type ? strcspn(type, "; \t") : 0;

	while (pattern && *pattern) {
		size_t pattern_length = strcspn(pattern, ",");

		if (matches(pattern, pattern_length, type ? type : "", length))
			return true;
		pattern += pattern_length + (pattern[pattern_length] == ',');
	}
	return false;
}

size_t http_site_body_limit(enum http_format format)
{
	switch (format) {
	case HTTP_FORMAT_URL:
		return QUOTA_EVENT;
	case HTTP_FORMAT_HTTP_API:
	case HTTP_FORMAT_REST_API:
		return (size_t)10 << 20;
	case HTTP_FORMAT_ALB:
		break;
	}
	return (size_t)1 << 20;
}

uint64_t http_site_timeout_ms(enum http_format format)
{
	switch (format) {
	case HTTP_FORMAT_HTTP_API:
		return 30000;
	case HTTP_FORMAT_REST_API:
		return 29000;
	case HTTP_FORMAT_URL:
	case HTTP_FORMAT_ALB:
		break;
	}
	return 0;
}
