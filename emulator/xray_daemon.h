/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xray_daemon - what stands in for the X-Ray daemon: takes documents, and writes them to a file.
 *
 * A UDP socket on loopback takes what functions send, one document in each datagram (xray.h). A
 * document is written as a line of JSON, with the request that it belongs to: that whose segment
 * is its parent, or else the latest of its trace. One that X-Ray would refuse is counted, and said
 * once; whoever sends more than the loop takes loses datagrams, as with the daemon.
 *
 * Memory: the XRAY_DAEMON_TRACES invocations that began last (90 bytes each), one datagram, the
 * backlog of the file.
 */
#ifndef EMULATOR_XRAY_DAEMON_H
#define EMULATOR_XRAY_DAEMON_H

#include "emulator/loop.h"
#include "emulator/metrics.h"
#include "emulator/xray.h"

#define XRAY_DAEMON_TRACES 1024

struct xray_daemon;
struct xray_socket;

/* Listens at a free port, and opens the file at 'path'. */
struct xray_daemon *xray_daemon_create(struct loop *loop, const char *path, struct error *err);

/* Takes what has come, and writes what is left, for at most 'grace_ms'. Further sockets must be
 * closed. NULL is fine. */
void xray_daemon_destroy(struct xray_daemon *daemon, unsigned grace_ms);

/* Takes datagrams from a further socket as well, such as one in the network of a box. It is taken
 * over, also on failure: then NULL comes back. */
struct xray_socket *xray_daemon_take_socket(struct xray_daemon *daemon, int fd, struct error *err);

/* Takes what has come, and closes it. NULL is fine. */
void xray_socket_close(struct xray_socket *socket);

/* "127.0.0.1:41235", for AWS_XRAY_DAEMON_ADDRESS. */
const char *xray_daemon_address(const struct xray_daemon *daemon);

/* Counts documents in 'metrics' from now on; NULL: nowhere. */
void xray_daemon_count_in(struct xray_daemon *daemon, struct metrics *metrics);

/* An invocation begins, whose segment is 'segment_id'. */
void xray_daemon_begin(struct xray_daemon *daemon, const char *trace_id, const char *segment_id,
                       const char *request_id);

/* Writes both segments of an invocation that is over. */
void xray_daemon_end(struct xray_daemon *daemon, const struct xray_invocation *invocation);

#endif
