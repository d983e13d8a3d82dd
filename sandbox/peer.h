/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer - whose the other end of a TCP connection within this machine is.
 *
 * The kernel tells the user and the number (inode) of the socket at the other end, by
 * NETLINK_SOCK_DIAG (sock_diag(7)), and who has a socket of that number open, in
 * /proc/PID/fd. A process that has closed it, or has ended, is beyond finding.
 */
#ifndef SANDBOX_PEER_H
#define SANDBOX_PEER_H

#include <sys/types.h>

#include "sandbox/sandbox.h"

/* A socket to ask the kernel with, or -1 where it does not answer: without the modules
 * inet_diag and tcp_diag, or below a filter. Tries it. */
int peer_open(void);

/* Who is inside. */
struct peer_box {
	uid_t uid;  /* of its programs, outside of its user namespace */
	bool owns;  /* nobody else has that user */
	pid_t init; /* whose descendants they are */
	int proc;   /* the box's own /proc, or -1 */
};

/* The process that has made 'connection', of whatever box, or 0 when nobody can tell. Looks at all
 * processes that the caller may look at, and first at 'likely': children may share what it has. */
pid_t peer_find(int connection, pid_t likely);

/* Judges who has made 'connection'. 'netlink' is from peer_open(), and may be -1. */
enum sandbox_peer peer_judge(int netlink, int connection, const struct peer_box *box);

#endif
