/* SPDX-License-Identifier: Apache-2.0 */
/* http_listen - listening TCP sockets, by address */
#include "emulator/http_listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "emulator/address.h"
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

static int listen_on(const union address *candidate)
{
	autoclose int fd = socket(candidate->any.sa_family,
	                          SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd == -1)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Inherited by what is accepted. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, &candidate->any, address_length(candidate)) == -1 ||
	    listen(fd, SOMAXCONN) == -1)
		return -1;
	return steal_fd(&fd);
}

/* IPv4 first: who asks for "localhost" and then connects to 127.0.0.1 must find us. */
static int listen_on_any(const struct address_list *candidates)
{
	static const int families[] = { AF_INET, AF_INET6 };
	int code = EADDRNOTAVAIL;

	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		for (size_t j = 0; j < candidates->count; j++) {
			const union address *candidate = &candidates->items[j];
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
	struct address_list candidates = { .count = 0 };
	const char *host, *port;
	char *copy = xstrdup(address);

	if (!split_address(copy, &host, &port)) {
		free(copy);
		error_set(err, 0, "listen on '%s': expected HOST:PORT", address);
		return -1;
	}
	address_find(&candidates, host, htons((uint16_t)atoi(port)));
	free(copy);
	if (!candidates.count) {
		error_set(err, 0,
		          "listen on '%s': the host is neither an address nor a name "
		          "in " ADDRESS_HOSTS_FILE,
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
