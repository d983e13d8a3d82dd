/* SPDX-License-Identifier: Apache-2.0 */
/* peer - whose the other end of a TCP connection within this machine is */
#include "sandbox/peer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sandbox/fd.h"

#define STATE_LISTEN 10 /* TCP_LISTEN of the kernel */
#define MAX_DEPTH 16    /* of a family */
#define CHILDREN_MAX 4096

/* Descriptors that are looked at: whoever has thousands of them must not keep lrie busy. */
#define BUDGET 2048

/* The same of a whole machine: some 20 milliseconds. */
#define WHOLE_BUDGET 16384

enum answer {
	ANSWER_FOUND,
	ANSWER_CLOSED,    /* nobody has that end open any more */
	ANSWER_ELSEWHERE, /* no such socket here: it is another machine's, or another network's */
	ANSWER_UNKNOWN,   /* the kernel cannot be asked */
};

struct peer {
	uid_t uid;
	uint32_t inode;
};

struct search {
	int proc; /* a /proc */
	uint32_t inode;
	unsigned budget;
	unsigned depth;
	pid_t owner;   /* what owns_it() has found */
	bool is_blind; /* not everything could be looked at */
};

/* ---- the kernel's answer ------------------------------------------------------- */

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

/* An address as the kernel keeps it: what came by IPv4 to an IPv6 socket is IPv4 at the other end.
 */
static bool read_address(const struct sockaddr_storage *from, uint8_t *family, __be32 address[4],
                         __be16 *port)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;

	*family = (uint8_t)from->ss_family;
	if (from->ss_family == AF_INET) {
		address[0] = four->sin_addr.s_addr;
		*port = four->sin_port;
		return true;
	}
	if (from->ss_family != AF_INET6)
		return false;
	*port = six->sin6_port;
	if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		*family = AF_INET;
		memcpy(address, &six->sin6_addr.s6_addr[12], 4);
	} else {
		memcpy(address, &six->sin6_addr, 16);
	}
	return true;
}

/* What is our peer's address is its socket's own. */
static bool ask_about(struct inet_diag_req_v2 *request, int connection)
{
	struct sockaddr_storage own = { 0 }, other = { 0 };
	socklen_t own_length = sizeof(own), other_length = sizeof(other);
	struct inet_diag_sockid *id = &request->id;

	return getsockname(connection, (struct sockaddr *)&own, &own_length) == 0 &&
	       getpeername(connection, (struct sockaddr *)&other, &other_length) == 0 &&
	       read_address(&own, &request->sdiag_family, id->idiag_dst, &id->idiag_dport) &&
	       read_address(&other, &request->sdiag_family, id->idiag_src, &id->idiag_sport);
}

static enum answer read_answer(const struct nlmsghdr *header, size_t length, bool wants_listen,
                               struct peer *peer)
{
	struct inet_diag_msg found;

	if (header->nlmsg_type == NLMSG_ERROR && length >= NLMSG_LENGTH(sizeof(int))) {
		int code;
		memcpy(&code, NLMSG_DATA(header), sizeof(code));
		return code == -ENOENT ? ANSWER_ELSEWHERE : ANSWER_UNKNOWN;
	}
	if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY || length < NLMSG_LENGTH(sizeof(found)))
		return ANSWER_UNKNOWN;
	memcpy(&found, NLMSG_DATA(header), sizeof(found));
	/* Where there is no such connection, the kernel names who listens at the address. */
	if ((found.idiag_state == STATE_LISTEN) != wants_listen)
		return ANSWER_ELSEWHERE;
	*peer = (struct peer){ .uid = found.idiag_uid, .inode = found.idiag_inode };
	return peer->inode ? ANSWER_FOUND : ANSWER_CLOSED;
}

/* The kernel answers within the call that asks. */
static enum answer ask(int netlink, struct question *question, bool wants_listen, struct peer *peer)
{
	union {
		struct nlmsghdr header;
		char bytes[4096];
	} answer;
	ssize_t got;

	question->header = (struct nlmsghdr){ .nlmsg_len = sizeof(*question),
		                              .nlmsg_type = SOCK_DIAG_BY_FAMILY,
		                              .nlmsg_flags = NLM_F_REQUEST };
	question->request.sdiag_protocol = IPPROTO_TCP;
	question->request.idiag_states = ~0U;
	question->request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	question->request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (send(netlink, question, sizeof(*question), 0) != (ssize_t)sizeof(*question))
		return ANSWER_UNKNOWN;
	got = recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT);
	if (got < (ssize_t)sizeof(answer.header))
		return ANSWER_UNKNOWN;
	return read_answer(&answer.header, (size_t)got, wants_listen, peer);
}

static enum answer find(int netlink, int connection, struct peer *peer)
{
	struct question question = { .request = { .sdiag_family = AF_INET } };

	if (netlink == -1)
		return ANSWER_UNKNOWN;
	if (!ask_about(&question.request, connection))
		return errno == ENOTCONN ? ANSWER_CLOSED : ANSWER_UNKNOWN;
	return ask(netlink, &question, false, peer);
}

/* Whether the kernel finds a socket that is there: without the modules it says that none is. */
static bool finds(int netlink)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct question question = { .request = { .sdiag_family = AF_INET } };
	socklen_t length = sizeof(address);
	autoclose int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct peer peer;

	if (listener == -1 || bind(listener, (struct sockaddr *)&address, length) == -1 ||
	    listen(listener, 1) == -1 ||
	    getsockname(listener, (struct sockaddr *)&address, &length) == -1)
		return false;
	question.request.id.idiag_src[0] = address.sin_addr.s_addr;
	question.request.id.idiag_sport = address.sin_port;
	return ask(netlink, &question, true, &peer) == ANSWER_FOUND;
}

int peer_open(void)
{
	autoclose int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return netlink != -1 && finds(netlink) ? steal_fd(&netlink) : -1;
}

/* ---- who has it open ------------------------------------------------------------- */

/* Calls 'visit' for the numbers that are entries of a folder, until it returns true. */
static bool each_number(int folder, bool (*visit)(struct search *, int folder, const char *),
                        struct search *search)
{
	char entries[4096];
	long got;

	while ((got = syscall(SYS_getdents64, folder, entries, sizeof(entries))) > 0) {
		for (long at = 0; at < got;) {
			/* struct linux_dirent64: inode, offset, length, type, name */
			const char *name = entries + at + 19;
			unsigned short length;

			memcpy(&length, entries + at + 16, sizeof(length));
			if (*name >= '0' && *name <= '9' && visit(search, folder, name))
				return true;
			at += length;
		}
	}
	if (got == -1)
		search->is_blind = true;
	return false;
}

static bool is_the_socket(struct search *search, int folder, const char *name)
{
	char link[64];
	unsigned long inode;

	if (search->budget == 0) {
		search->is_blind = true;
		return false;
	}
	search->budget--;
	ssize_t length = readlinkat(folder, name, link, sizeof(link) - 1);
	/* The folder may be shown to those whom its links are not. */
	search->is_blind |= length == -1 && errno != ENOENT;
	if (length <= 0)
		return false;
	link[length] = '\0';
	return sscanf(link, "socket:[%lu]", &inode) == 1 && inode == search->inode;
}

/* 'path' leads to the "fd" of a process or thread. */
static bool search_descriptors(struct search *search, int from, const char *path)
{
	autoclose int folder = openat(from, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* One that has ended has no socket open. */
	if (folder == -1)
		search->is_blind |= errno != ENOENT && errno != ESRCH;
	return folder != -1 && each_number(folder, is_the_socket, search);
}

static bool search_thread(struct search *search, int folder, const char *thread)
{
	char path[32];

	snprintf(path, sizeof(path), "%.20s/fd", thread);
	return search_descriptors(search, folder, path);
}

static bool search_process(struct search *search, pid_t pid)
{
	unsigned budget = search->budget;
	char path[32];

	snprintf(path, sizeof(path), "%d/fd", (int)pid);
	if (search_descriptors(search, search->proc, path))
		return true;
	if (search->budget != budget)
		return false;
	/* It has ended, or only its first thread has: then the others still show what is open. */
	snprintf(path, sizeof(path), "%d/task", (int)pid);
	autoclose int threads = openat(search->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return threads != -1 && each_number(threads, search_thread, search);
}

static bool has_it(struct search *search, int folder, const char *name)
{
	pid_t pid = (pid_t)atoi(name);

	(void)folder;
	return pid > 1 && search_process(search, pid);
}

static bool search_all(struct search *search, bool (*has)(struct search *, int, const char *))
{
	/* Processes come after everything else there, from this offset on (fs/proc). */
	lseek(search->proc, 256, SEEK_SET);
	return each_number(search->proc, has, search);
}

static bool search_family(struct search *search, pid_t pid);

/* Children belong to threads; what is found below 'folder' is one of a process. */
static bool search_children(struct search *search, int folder, const char *thread)
{
	char path[64], children[CHILDREN_MAX], *end;

	snprintf(path, sizeof(path), "%.20s/children", thread);
	ssize_t length = fd_read_file(folder, path, children, sizeof(children));
	/* Some kernels are built without it. */
	search->is_blind |= length == -1 || length == (ssize_t)sizeof(children) - 1;
	for (char *at = children; length > 0; at = end) {
		pid_t child = (pid_t)strtol(at, &end, 10);
		if (child <= 0)
			break;
		if (search_process(search, child) || search_family(search, child))
			return true;
	}
	return false;
}

static bool search_family(struct search *search, pid_t pid)
{
	char path[32];

	if (search->depth == MAX_DEPTH) {
		search->is_blind = true;
		return false;
	}
	snprintf(path, sizeof(path), "%d/task", (int)pid);
	autoclose int threads = openat(search->proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (threads == -1)
		return false;
	search->depth++;
	bool found = each_number(threads, search_children, search);
	search->depth--;
	return found;
}

/*
 * The family is followed down from init, which finds a runtime at once, and what it has started
 * soon. Whoever loses its parent meanwhile becomes a child of init and may be missed, so only a
 * second look is believed that finds nobody.
 */
static bool is_in_box(struct search *search, const struct peer_box *box)
{
	autoclose int all = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	search->proc = all;
	search->is_blind = all == -1;
	if (all != -1 && search_family(search, box->init))
		return true;
	if (box->proc == -1)
		return all != -1 && search_family(search, box->init);
	search->proc = box->proc;
	search->is_blind = false;
	return search_all(search, has_it);
}

static bool is_still_there(int netlink, int connection, const struct peer *peer)
{
	struct peer now;

	return find(netlink, connection, &now) == ANSWER_FOUND && now.inode == peer->inode;
}

/* Unlike has_it() it is content with what is shown at first sight. */
static bool owns_it(struct search *search, int folder, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "%.20s/fd", name);
	if (!search_descriptors(search, folder, path))
		return false;
	search->owner = (pid_t)atoi(name);
	return true;
}

pid_t peer_find(int connection, pid_t likely)
{
	autoclose int netlink = peer_open();
	autoclose int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct search search = { .proc = proc, .budget = WHOLE_BUDGET };
	struct peer peer;
	char name[16];

	if (proc == -1 || find(netlink, connection, &peer) != ANSWER_FOUND)
		return 0;
	search.inode = peer.inode;
	snprintf(name, sizeof(name), "%d", (int)likely);
	return owns_it(&search, proc, name) || search_all(&search, owns_it) ? search.owner : 0;
}

enum sandbox_peer peer_judge(int netlink, int connection, const struct peer_box *box)
{
	struct search search = { .budget = BUDGET };
	struct peer peer;

	switch (find(netlink, connection, &peer)) {
	case ANSWER_FOUND:
		break;
	case ANSWER_CLOSED:
		return SANDBOX_PEER_GONE;
	case ANSWER_ELSEWHERE:
		return SANDBOX_PEER_OUTSIDE;
	case ANSWER_UNKNOWN:
		return SANDBOX_PEER_UNKNOWN;
	}
	if (peer.uid != box->uid)
		return SANDBOX_PEER_OUTSIDE;
	if (box->owns)
		return SANDBOX_PEER_INSIDE;
	search.inode = peer.inode;
	if (is_in_box(&search, box))
		return SANDBOX_PEER_INSIDE;
	if (search.is_blind)
		return SANDBOX_PEER_UNKNOWN;
	/* Who has ended while we looked had it open all the same. */
	return is_still_there(netlink, connection, &peer) ? SANDBOX_PEER_OUTSIDE
	                                                  : SANDBOX_PEER_GONE;
}
