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

static struct sockaddr_in address_of(uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		                     .sin_port = htons(port),
		                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static bool bind_to(int socket, uint16_t port)
{
	const struct sockaddr_in address = address_of(port);

	return bind(socket, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

/* What is sent is small, and waited for. */
static bool send_at_once(int socket)
{
	int on = 1;

	return setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

static int make_socket(int type)
{
	return socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* What is accepted inherits the option. */
static bool listen_at(uint16_t port, int *listener, struct error *err)
{
	autoclose int fd = port ? make_socket(SOCK_STREAM) : -1;

	if (port &&
	    (fd == -1 || !send_at_once(fd) || !bind_to(fd, port) || listen(fd, SOMAXCONN) == -1))
		return error_set(err, errno, "listen on '127.0.0.1:%u' in a new network", port);
	*listener = steal_fd(&fd);
	return true;
}

static bool receive_at(uint16_t port, int *datagram, struct error *err)
{
	autoclose int fd = port ? make_socket(SOCK_DGRAM) : -1;

	if (port && (fd == -1 || !bind_to(fd, port)))
		return error_set(err, errno, "receive datagrams at '127.0.0.1:%u' in a new network",
		                 port);
	*datagram = steal_fd(&fd);
	return true;
}

bool network_enter(uint16_t port, uint16_t datagram_port, struct network_sockets *sockets,
                   struct error *err)
{
	*sockets = (struct network_sockets){ .listener = -1, .datagram = -1 };
	if (unshare(CLONE_NEWNET) == -1)
		return error_set(err, errno, "create a network namespace");
	autoclose int fd = make_socket(SOCK_DGRAM);
	if (fd == -1 || !raise_loopback(fd))
		return error_set(err, errno, "raise the loopback of a new network");
	return listen_at(port, &sockets->listener, err) &&
	       receive_at(datagram_port, &sockets->datagram, err);
}

int network_connect(uint16_t port, struct error *err)
{
	const struct sockaddr_in address = address_of(port);
	autoclose int fd = make_socket(SOCK_STREAM);

	if (fd != -1 && send_at_once(fd) &&
	    (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ||
	     errno == EINPROGRESS))
		return steal_fd(&fd);
	error_set(err, errno, "connect to '127.0.0.1:%u'", port);
	return -1;
}

/* What the child tells is why not, or nothing. */
static __attribute__((noreturn)) void try_here(int pipe)
{
	struct error why;
	struct network_sockets sockets;

	if (!network_enter(1, 1, &sockets, &why) && write(pipe, &why, sizeof(why)) != sizeof(why))
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
