/* SPDX-License-Identifier: Apache-2.0 */
/* message - what a box's owner and its init say to each other */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "sandbox/fd.h"
#include "sandbox/message.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(MESSAGE_FDS * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

bool message_socketpair(int sockets[2], struct error *err)
{
	int yes = 1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == -1)
		return error_set(err, errno, "create the box's socket");
	for (int i = 0; i < 2; i++)
		sockets[i] = fd_above_stdio(sockets[i]);
	if (sockets[0] != -1 && sockets[1] != -1 &&
	    fcntl(sockets[0], F_SETFL, O_RDWR | O_NONBLOCK) == 0 &&
	    setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) == 0)
		return true;
	error_set(err, errno, "prepare the box's socket");
	fd_close(&sockets[0]);
	fd_close(&sockets[1]);
	return false;
}

/* Appends a control message. 'control' was made large enough for all of them. */
static void put_control(struct msghdr *header, int type, const void *data, size_t size)
{
	struct cmsghdr *item = (struct cmsghdr *)((char *)header->msg_control +
	                                          header->msg_controllen);

	item->cmsg_level = SOL_SOCKET;
	item->cmsg_type = type;
	item->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(item), data, size);
	header->msg_controllen += CMSG_SPACE(size);
}

bool message_send(int socket, const struct message *message, const struct message_fds *fds)
{
	union control control = { 0 };
	struct iovec body = { .iov_base = (void *)message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &body, .msg_iovlen = 1, .msg_control = &control };
	ssize_t sent;

	if (fds && fds->count) {
		assert(fds->count <= MESSAGE_FDS);
		put_control(&header, SCM_RIGHTS, fds->fd, fds->count * sizeof(int));
	}
	if (!header.msg_controllen)
		header.msg_control = NULL;
	do {
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	} while (sent == -1 && errno == EINTR);
	return sent == (ssize_t)sizeof(*message);
}

static void take_fds(struct message_fds *fds, const struct cmsghdr *item)
{
	size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	for (size_t i = 0; i < count && fds->count < MESSAGE_FDS; i++)
		memcpy(&fds->fd[fds->count++], CMSG_DATA(item) + i * sizeof(int), sizeof(int));
}

static void take_control(struct msghdr *header, struct message *message, struct message_fds *fds)
{
	for (struct cmsghdr *item = CMSG_FIRSTHDR(header); item; item = CMSG_NXTHDR(header, item)) {
		if (item->cmsg_level != SOL_SOCKET)
			continue;
		if (item->cmsg_type == SCM_RIGHTS) {
			take_fds(fds, item);
		} else if (item->cmsg_type == SCM_CREDENTIALS && message->type == MESSAGE_STARTED) {
			struct ucred who;
			memcpy(&who, CMSG_DATA(item), sizeof(who));
			message->pid = who.pid;
		}
	}
}

int message_receive(int socket, struct message *message, struct message_fds *fds)
{
	union control control = { 0 };
	struct iovec body = { .iov_base = message, .iov_len = sizeof(*message) };
	struct msghdr header = { .msg_iov = &body,
		                 .msg_iovlen = 1,
		                 .msg_control = &control,
		                 .msg_controllen = sizeof(control) };
	ssize_t got;

	fds->count = 0;
	/* That a peer has ended with messages unread is said once, before what it had sent. */
	do {
		got = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	} while (got == -1 && (errno == EINTR || errno == ECONNRESET));
	if (got <= 0)
		return (int)got;
	take_control(&header, message, fds);
	if (got == (ssize_t)sizeof(*message))
		return 1;
	message_fds_close(fds);
	errno = EPROTO;
	return -1;
}

void message_fds_close(struct message_fds *fds)
{
	for (unsigned i = 0; i < fds->count; i++)
		fd_close(&fds->fd[i]);
	fds->count = 0;
}

int message_fds_steal(struct message_fds *fds, unsigned index)
{
	return index < fds->count ? steal_fd(&fds->fd[index]) : -1;
}

uint64_t message_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
