/* SPDX-License-Identifier: Apache-2.0 */
/* http_listen - listening TCP sockets, by address */
#ifndef EMULATOR_HTTP_LISTEN_H
#define EMULATOR_HTTP_LISTEN_H

#include <stdint.h>

#include "sandbox/error.h"

/* Makes a listening TCP socket. 'address' is "host:port", where host is an IPv4 address, a
 * bracketed IPv6 address, a name in /etc/hosts or "localhost", or nothing (every address of the
 * machine); port 0 lets the kernel choose. Returns the descriptor, or -1 and 'err'
 * ("listen on '127.0.0.1:9000': Address already in use"). */
int http_listen(const char *address, struct error *err);

/* The port that a listening socket has. */
uint16_t http_listen_port(int fd);

#endif
