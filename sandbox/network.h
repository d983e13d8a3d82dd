/* SPDX-License-Identifier: Apache-2.0 */
/*
 * network - a network of a box's own: a loopback, and nothing else.
 *
 * Nothing outside can be reached from it, abstract Unix sockets of the machine
 * included, and nobody outside reaches what listens in it. The one way across is
 * a descriptor: init listens inside and hands the socket to the owner.
 *
 * Init makes the namespace itself instead of being cloned into it: that takes the
 * kernel about half a millisecond, in which the owner goes on with its cgroups.
 */
#ifndef SANDBOX_NETWORK_H
#define SANDBOX_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"

/*
 * Leaves the machine's network for a new one, and listens there on 127.0.0.1 at
 * 'port', without blocking; with port 0 it does not listen. Needs CAP_SYS_ADMIN in
 * its user namespace. '*listener' becomes the listening socket, or -1.
 */
bool network_enter(uint16_t port, int *listener, struct error *err);

/* Tries that in a child that is thrown away; 'namespaces' are the CLONE_NEW* flags
 * of boxes, of which the one for users matters. */
bool network_try(unsigned long namespaces, struct error *err);

#endif
