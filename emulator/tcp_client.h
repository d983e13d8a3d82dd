/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tcp_client - bytes for a peer over one connection, which is kept for the next ones.
 *
 * A transfer begins with tcp_client_send() and ends with tcp_client_finish(), or
 * with on_broken. In between the bytes are sent as the peer takes them, and what
 * it says is handed on. Nothing waits and nothing is copied: the peer may be
 * slow, silent, or gone, and costs a descriptor at most.
 *
 * How a connection is made is the owner's matter: on_dial asks for one. Between
 * transfers a connection whose peer closes it, or speaks unasked, is closed
 * without a word. No transfer has a time limit here.
 *
 * Embedded in its owner. Callbacks may call anything here; memory that holds a
 * client is freed in callbacks only through loop_dispose().
 */
#ifndef EMULATOR_TCP_CLIENT_H
#define EMULATOR_TCP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/address.h"
#include "emulator/loop.h"

#define TCP_CLIENT_PARTS 2

struct tcp_client_part {
	const void *data;
	size_t length;
};

struct tcp_client {
	struct loop *loop;

	/* A connection is wanted: tcp_client_connect() or tcp_client_break() follows, during this
	 * call or later, unless the transfer is finished before. */
	void (*on_dial)(struct tcp_client *client);

	/* All bytes are on their way. */
	void (*on_sent)(struct tcp_client *client);

	/* The peer says something; 'data' is good for this call. May come before on_sent. */
	void (*on_data)(struct tcp_client *client, const char *data, size_t length);

	/* The transfer is over, since the connection is, or there is none. */
	void (*on_broken)(struct tcp_client *client, const struct error *why);

	/* private */
	struct loop_watch watch;
	int fd;              /* -1: none */
	unsigned generation; /* of the connection: a new one may have the same number */
	bool is_busy, is_connected;
	struct tcp_client_part parts[TCP_CLIENT_PARTS];
	size_t unsent;
};

/* 'loop' and the callbacks are set, the rest is zero. */
void tcp_client_init(struct tcp_client *client);

/* Begins a transfer, when none is under way. 'parts' are borrowed until it ends. on_broken may come
 * during the call. */
void tcp_client_send(struct tcp_client *client,
                     const struct tcp_client_part parts[TCP_CLIENT_PARTS]);

/* Hands over a non-blocking socket that is connected, or about to be. It is closed when nobody
 * wants it any more. */
void tcp_client_connect(struct tcp_client *client, int fd);

/* No connection can be had; or the owner has had enough of this one. Closes it, ends the transfer
 * and tells on_broken. */
void tcp_client_break(struct tcp_client *client, const struct error *why);

/* Ends the transfer without a word. The connection is kept if 'keep' says so and all was sent. Fine
 * when none is under way. */
void tcp_client_finish(struct tcp_client *client, bool keep);

/* Whether there is a connection, which the peer may have closed without lrie having heard of it. */
bool tcp_client_is_open(const struct tcp_client *client);

/* A socket that connects to 'address', for tcp_client_connect(). Returns -1 and 'err'. */
int tcp_client_dial(const union address *address, struct error *err);

/* A socket that connects to 127.0.0.1 in the network of this process, for tcp_client_connect().
 * Returns -1 and 'err'. */
int tcp_client_dial_loopback(uint16_t port, struct error *err);

#endif
