/* SPDX-License-Identifier: Apache-2.0 */
/* address - the addresses of a host, by its name */
#include "emulator/address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "fe80::1%eth0": the interface is a part of the address. */
static bool parse_v6(const char *text, struct sockaddr_in6 *address)
{
	char host[INET6_ADDRSTRLEN];
	size_t length = strcspn(text, "%");

	if (length >= sizeof(host))
		return false;
	snprintf(host, sizeof(host), "%.*s", (int)length, text);
	if (text[length] == '%') {
		address->sin6_scope_id = if_nametoindex(text + length + 1);
		if (!address->sin6_scope_id)
			return false;
	}
	return inet_pton(AF_INET6, host, &address->sin6_addr) == 1;
}

static bool add_numeric(struct address_list *list, const char *text, uint16_t port)
{
	union address v4 = { .v4 = { .sin_family = AF_INET, .sin_port = port } };
	union address v6 = { .v6 = { .sin6_family = AF_INET6, .sin6_port = port } };

	if (list->count == ADDRESS_LIST_LIMIT)
		return false;
	if (inet_pton(AF_INET, text, &v4.v4.sin_addr) == 1)
		list->items[list->count++] = v4;
	else if (parse_v6(text, &v6.v6))
		list->items[list->count++] = v6;
	else
		return false;
	return true;
}

/* A line of /etc/hosts: an address, its names, and a comment. */
static void add_line(struct address_list *list, char *line, const char *name, uint16_t port)
{
	static const char blanks[] = " \t";
	char *address = line + strspn(line, blanks), *at;

	line[strcspn(line, "#\n")] = '\0';
	at = address + strcspn(address, blanks);
	while (*at) {
		*at++ = '\0';
		at += strspn(at, blanks);
		size_t length = strcspn(at, blanks);
		if (length == strlen(name) && strncasecmp(at, name, length) == 0) {
			add_numeric(list, address, port);
			return;
		}
		at += length;
	}
}

static void add_named(struct address_list *list, const char *name, uint16_t port)
{
	FILE *file = fopen(ADDRESS_HOSTS_FILE, "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file))
		add_line(list, line, name, port);
	if (file)
		fclose(file);
	if (list->count == 0 && strcasecmp(name, "localhost") == 0) {
		add_numeric(list, "127.0.0.1", port);
		add_numeric(list, "::1", port);
	}
}

void address_find(struct address_list *list, const char *host, uint16_t port)
{
	if (!host[0]) {
		add_numeric(list, "0.0.0.0", port);
		add_numeric(list, "::", port);
	} else if (!add_numeric(list, host, port)) {
		add_named(list, host, port);
	}
}

socklen_t address_length(const union address *address)
{
	return address->any.sa_family == AF_INET ? sizeof(address->v4) : sizeof(address->v6);
}
