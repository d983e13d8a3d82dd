/* SPDX-License-Identifier: Apache-2.0 */
/* http_listen - listening TCP sockets, by address */
#include "emulator/http_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "emulator/buffer.h"
#include "sandbox/fd.h"

/* Splits "host:port" in place; brackets are taken off. */
static bool split_address(char *address, const char **host, const char **port)
{
	char *colon = strrchr(address, ':');
	char *end;

	if (!colon || colon[1] == '\0' || strlen(colon + 1) > 5 ||
	    colon[1 + strspn(colon + 1, "0123456789")] != '\0' || atoi(colon + 1) > UINT16_MAX)
		return false;
	*colon = '\0';
	*port = colon + 1;
	*host = address;
	if (address[0] == '[') {
		end = colon - 1;
		if (*end != ']')
			return false;
		*end = '\0';
		*host = address + 1;
		return strchr(*host, ':') != NULL;
	}
	return strchr(address, ':') == NULL;
}

/*
 * Names are looked up here and not by getaddrinfo(): an address to listen on is one of this
 * machine, which has it in /etc/hosts if it has a name at all; and a static program, in an
 * image that holds nothing else, could not load what getaddrinfo() needs.
 */
#define HOSTS_FILE "/etc/hosts"
#define MAX_CANDIDATES 8

struct candidates {
	union candidate {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} list[MAX_CANDIDATES];
	size_t count;
};

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

static bool add_numeric(struct candidates *candidates, const char *text, in_port_t port)
{
	union candidate v4 = { .v4 = { .sin_family = AF_INET, .sin_port = port } };
	union candidate v6 = { .v6 = { .sin6_family = AF_INET6, .sin6_port = port } };

	if (candidates->count == MAX_CANDIDATES)
		return false;
	if (inet_pton(AF_INET, text, &v4.v4.sin_addr) == 1)
		candidates->list[candidates->count++] = v4;
	else if (parse_v6(text, &v6.v6))
		candidates->list[candidates->count++] = v6;
	else
		return false;
	return true;
}

/* A line of /etc/hosts: an address, its names, and a comment. */
static void add_line(struct candidates *candidates, char *line, const char *name, in_port_t port)
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
			add_numeric(candidates, address, port);
			return;
		}
		at += length;
	}
}

static void add_named(struct candidates *candidates, const char *name, in_port_t port)
{
	FILE *file = fopen(HOSTS_FILE, "re");
	char line[1024];

	while (file && fgets(line, sizeof(line), file))
		add_line(candidates, line, name, port);
	if (file)
		fclose(file);
	if (!candidates->count && strcasecmp(name, "localhost") == 0) {
		add_numeric(candidates, "127.0.0.1", port);
		add_numeric(candidates, "::1", port);
	}
}

static void find_candidates(struct candidates *candidates, const char *host, in_port_t port)
{
	if (!host[0]) {
		add_numeric(candidates, "0.0.0.0", port);
		add_numeric(candidates, "::", port);
	} else if (!add_numeric(candidates, host, port)) {
		add_named(candidates, host, port);
	}
}

static int listen_on(const union candidate *candidate)
{
	autoclose int fd = socket(candidate->any.sa_family,
	                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t length = candidate->any.sa_family == AF_INET ? sizeof(candidate->v4)
	                                                       : sizeof(candidate->v6);
	int on = 1;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Inherited by what is accepted. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, &candidate->any, length) == -1 || listen(fd, SOMAXCONN) == -1)
		return -1;
	return steal_fd(&fd);
}

/* IPv4 first: who asks for "localhost" and then connects to 127.0.0.1 must find us. */
static int listen_on_any(const struct candidates *candidates)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int code = EADDRNOTAVAIL;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		for (size_t j = 0; j < candidates->count; j++) {
			const union candidate *candidate = &candidates->list[j];
			int fd = candidate->any.sa_family == families[i] ? listen_on(candidate)
			                                                 : -1;

			if (fd != -1)
				return fd;
			if (candidate->any.sa_family == families[i])
				code = errno;
		}
	}
	errno = code;
	return -1;
}

int http_listen(const char *address, struct error *err)
{
	struct candidates candidates = { .count = 0 };
	const char *host, *port;
	char *copy = xstrdup(address);

	if (!split_address(copy, &host, &port)) {
		free(copy);
		error_set(err, 0, "listen on '%s': expected HOST:PORT", address);
		return -1;
	}
	find_candidates(&candidates, host, htons((uint16_t)atoi(port)));
	free(copy);
	if (!candidates.count) {
		error_set(
			err, 0,
			"listen on '%s': the host is neither an address nor a name in " HOSTS_FILE,
			address);
		return -1;
	}
	int fd = listen_on_any(&candidates);
	if (fd == -1)
		error_set(err, errno, "listen on '%s'", address);
	return fd;
}

uint16_t http_listen_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t length = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}
