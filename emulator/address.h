/* SPDX-License-Identifier: Apache-2.0 */
/*
 * address - the addresses of a host, by its name.
 *
 * Names are looked up in /etc/hosts and not by getaddrinfo(): that may take seconds, in which
 * nothing else is done; and a static program, in an image that holds nothing else, could not load
 * what it needs. Hosts that lrie listens at or sends to are this machine, or its neighbours.
 */
#ifndef EMULATOR_ADDRESS_H
#define EMULATOR_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define ADDRESS_HOSTS_FILE "/etc/hosts"
#define ADDRESS_LIST_LIMIT 8

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

struct address_list {
	union address items[ADDRESS_LIST_LIMIT];
	size_t count;
};

/* Adds the addresses of 'host': a number ("127.0.0.1", "fe80::1%eth0"), a name, or "" for all that
 * this machine has. 'port' is in network order. None when there are none. */
void address_find(struct address_list *list, const char *host, uint16_t port);

socklen_t address_length(const union address *address);

#endif
