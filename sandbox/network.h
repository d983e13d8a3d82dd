/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - a network of a box's own: a loopback, and nothing else.
 *
 * Nothing outside can be reached from it, abstract Unix sockets of the machine
 * included, and nobody outside reaches what listens in it. The one way across is
 * a descriptor: init listens or connects inside and hands the socket to the owner.
 *
 * Init makes the namespace itself instead of being cloned into it: that takes the
 * kernel about half a millisecond, in which the owner goes on with its cgroups.
 */
#ifndef SANDBOX_NETWORK_H
#define SANDBOX_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"

/* On 127.0.0.1, without blocking. */
struct network_sockets {
	int listener; /* for connections, by TCP */
	int datagram; /* bound, by UDP */
};

/*
 * Leaves the machine's network for a new one, and listens there at 'port' and, for
 * datagrams, at 'datagram_port'; at port 0 it does not, and the socket becomes -1.
 * Needs CAP_SYS_ADMIN in its user namespace.
 */
bool network_enter(uint16_t port, uint16_t datagram_port, struct network_sockets *sockets,
                   struct error *err);

/*
 * Connects to 127.0.0.1 at 'port' in the network where the caller is. Returns a
 * socket that does not block, and may be connecting still; or -1.
 */
int network_connect(uint16_t port, struct error *err);

/* Tries that in a child that is thrown away; 'namespaces' are the CLONE_NEW* flags
 * of boxes, of which the one for users matters. */
bool network_try(unsigned long namespaces, struct error *err);

#endif
