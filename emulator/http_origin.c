/* SPDX-License-Identifier: Apache-2.0 */
/* http_origin - keeps web pages of other sites from using lrie through a browser */
#include "emulator/http_origin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

static bool is_loopback_name(const char *host, size_t length)
{
	static const char suffix[] = ".localhost";
	size_t suffix_length = sizeof(suffix) - 1;

	if (length == suffix_length - 1)
		return strncasecmp(host, suffix + 1, length) == 0;
	return length > suffix_length &&
	       strncasecmp(host + length - suffix_length, suffix, suffix_length) == 0 &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") >=
	               length;
}

static bool is_loopback_address(const char *host, size_t length)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr address;

	if (length >= sizeof(text))
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	return inet_pton(AF_INET, text, &address) == 1 &&
	       ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

/* None, or ":3000". */
static bool is_port(const char *text)
{
	if (text[0] == '\0')
		return true;
	return text[0] == ':' && text[1] != '\0' &&
	       text[1 + strspn(text + 1, "0123456789")] == '\0';
}

/* "localhost", "127.0.0.1:3000", "[::1]:3000", and nothing else behind it. */
static bool is_loopback_authority(const char *authority)
{
	bool is_bracketed = authority[0] == '[';
	size_t length = is_bracketed ? strcspn(authority, "]") + 1 : strcspn(authority, ":");
	const char *port = authority + length;

	if (is_bracketed && strncmp(authority, "[::1]", 5) != 0)
		return false;
	if (!is_bracketed && !is_loopback_name(authority, length) &&
	    !is_loopback_address(authority, length))
		return false;
	return is_port(port);
}

/* An address of either kind, which no name server had a say in. */
static bool is_address(const char *authority)
{
	bool is_bracketed = authority[0] == '[';
	const char *host = authority + is_bracketed;
	size_t length = strcspn(host, is_bracketed ? "]" : ":");
	const char *port = host + length;
	unsigned char address[sizeof(struct in6_addr)];
	char text[INET6_ADDRSTRLEN];

	if (length >= sizeof(text) || (is_bracketed && *port++ != ']'))
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	return inet_pton(is_bracketed ? AF_INET6 : AF_INET, text, address) == 1 && is_port(port);
}

bool http_host_is_own(const char *host)
{
	return !host || is_loopback_authority(host) || is_address(host);
}

static bool is_loopback_origin(const char *origin)
{
	if (strncasecmp(origin, "http://", 7) == 0)
		return is_loopback_authority(origin + 7);
	if (strncasecmp(origin, "https://", 8) == 0)
		return is_loopback_authority(origin + 8);
	return false;
}

/*
 * Browsers send Origin with every request that can do harm (POST, and what scripts send to another
 * origin), and a page cannot forge it. That its host equals Host proves nothing: a name can be made
 * to point to 127.0.0.1 after the page was loaded (DNS rebinding), so only loopback counts.
 *
 * Links, images and forms with GET come without Origin, but with Sec-Fetch-Site. "none" is the user
 * who typed the address; "same-site" is another port of the same host, which may be a rebound name
 * unless Host is loopback.
 */
bool http_is_from_other_site(const char *host, const char *origin, const char *fetch_site)
{
	if (origin)
		return !is_loopback_origin(origin);
	if (!fetch_site || strcasecmp(fetch_site, "none") == 0)
		return false;
	if (strcasecmp(fetch_site, "same-origin") == 0 || strcasecmp(fetch_site, "same-site") == 0)
		return !host || !is_loopback_authority(host);
	return true;
}
