/* SPDX-License-Identifier: Apache-2.0 */
/* network - a network of a box's own: a loopback, and nothing else */
#include "sandbox/network.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "sandbox/fd.h"
#include "sandbox/namespace.h"

/* With its flag the kernel gives it its addresses: 127.0.0.1, and ::1 where there is IPv6. */
static bool raise_loopback(int socket)
{
	struct ifreq request = { .ifr_name = "lo" };

	if (ioctl(socket, SIOCGIFFLAGS, &request) == -1)
		return false;
	request.ifr_flags |= IFF_UP;
	return ioctl(socket, SIOCSIFFLAGS, &request) == 0;
}

static bool listen_at(int socket, uint16_t port)
{
	const struct sockaddr_in address = { .sin_family = AF_INET,
		                             .sin_port = htons(port),
		                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1;

	/* Inherited by what is accepted: answers are small, and waited for. */
	return setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
	       bind(socket, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	       listen(socket, SOMAXCONN) == 0;
}

bool network_enter(uint16_t port, int *listener, struct error *err)
{
	*listener = -1;
	if (unshare(CLONE_NEWNET) == -1)
		return error_set(err, errno, "create a network namespace");
	autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || !raise_loopback(fd))
		return error_set(err, errno, "raise the loopback of a new network");
	if (!port)
		return true;
	if (!listen_at(fd, port))
		return error_set(err, errno, "listen on '127.0.0.1:%u' in a new network", port);
	*listener = steal_fd(&fd);
	return true;
}

/* What the child tells is why not, or nothing. */
static __attribute__((noreturn)) void try_here(int pipe)
{
	struct error why;
	int listener;

	if (!network_enter(1, &listener, &why) && write(pipe, &why, sizeof(why)) != sizeof(why))
		_exit(1);
	_exit(0);
}

bool network_try(unsigned long namespaces, struct error *err)
{
	int ends[2], status, pidfd = -1;

	if (pipe2(ends, O_CLOEXEC) == -1)
		return error_set(err, errno, "create a pipe");
	autoclose int reader = ends[0], writer = ends[1];
	pid_t pid = namespace_fork(namespaces & CLONE_NEWUSER, &pidfd);
	if (pid == 0)
		try_here(writer);
	fd_close(&writer);
	fd_close(&pidfd);
	if (pid == -1)
		return error_set(err, errno, "start a child in a new network");
	bool refused = read(reader, err, sizeof(*err)) == (ssize_t)sizeof(*err);
	while (waitpid(pid, &status, __WALL) == -1 && errno == EINTR)
		;
	if (refused)
		return false;
	return status == 0 || error_set(err, 0, "a child in a new network ended with status %#x",
	                                (unsigned)status);
}
