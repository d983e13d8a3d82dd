/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message - what a box's owner and its init say to each other.
 *
 * One SOCK_SEQPACKET message is one struct, with descriptors beside it. Both
 * ends are the same binary, so the struct travels as it is. When the owner shuts
 * its end down, or dies, init ends the box.
 */
#ifndef SANDBOX_MESSAGE_H
#define SANDBOX_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/error.h"
#include "sandbox/sandbox.h"

enum message_type {
	/* owner to init */
	MESSAGE_CONFINE, /* the box's limits; fds: what thaws it, when 'has_thaw' is set; then those
	                  * of cgroups, see cgroup.h */
	MESSAGE_EXEC, /* start program 'id'; fds: its filter and strings; its output (or /dev/null);
	               * its errors (or the same); its input (or /dev/null); last its others */
	MESSAGE_SIGNAL,     /* send signal 'number' to the process group of 'id' */
	MESSAGE_SIGNAL_ALL, /* to everybody in the box */
	MESSAGE_CONNECT,    /* to port 'number' of 127.0.0.1, where the box is, for 'id' */

	/* init to owner */
	MESSAGE_FILES,         /* before READY; fds: what counts them; or 'number': errno */
	MESSAGE_LISTENERS,     /* before READY; fds: what the box's own network has, of those that
	                        * 'has_stream' and 'has_datagram' name, in this order */
	MESSAGE_READY,         /* fds: the next box's template, when 'has_template' is set; then the
	                        * box's /tmp and /proc, as far as it has its own; 'spent': the page
	                        * faults of init's children so far, where spec.counts_usage is set */
	MESSAGE_STARTED,       /* the sender is about to become 'id', at 'at_ns'; 'pid' is its own;
	                        * 'number': enum syscall_hold, 'error.code': why there is no filter;
	                        * 'spent', where spec.counts_usage is set */
	MESSAGE_EXEC_FAILED,   /* 'error'; with or without a STARTED before it */
	MESSAGE_EXITED,        /* 'number' is the status, 'max_rss_bytes', 'rss_is_inits' */
	MESSAGE_ADOPTED,       /* a process that init had adopted ended: 'max_rss_bytes' */
	MESSAGE_CONNECTED,     /* for 'id'; fds: the socket, or 'error' */
	MESSAGE_DENIED,        /* 'denial' */
	MESSAGE_WRITE_REFUSED, /* 'write' */
	MESSAGE_FAILED,        /* 'error'; init exits after it */

	/* a program's child to init */
	MESSAGE_FILTER, /* fds: the listener of its filter */
};

/* What the sender of MESSAGE_STARTED has used itself; see MESSAGE_READY for another use. */
struct message_spent {
	uint64_t cpu_ns;
	uint64_t entry_ns; /* of it, until it was in its cgroups */
	uint64_t system_ns;
	uint64_t minor_faults, major_faults;
};

struct message {
	enum message_type type;
	unsigned id;
	int number;
	pid_t pid; /* STARTED: filled in by the receiver; 0 when unknown */
	uint64_t at_ns;
	uint64_t max_rss_bytes;
	bool rss_is_inits; /* 'max_rss_bytes' is what init itself had: the process had no more */
	struct {
		size_t instructions; /* of the filter, which the first descriptor begins with */
		unsigned argc, envc, pathc; /* strings behind it, then cwd */
		size_t bytes;               /* all together */
		bool rehearse;              /* try to fork instead of executing; see init.h */
		bool is_terminal;           /* the input, of the program's session */
		unsigned others;            /* how many descriptors more it gets, and as which */
		unsigned numbers[SANDBOX_DESCRIPTORS];
	} exec;
	bool has_thaw;                 /* CONFINE: see there */
	bool has_stream, has_datagram; /* LISTENERS: see there */
	bool has_template;             /* READY: see there */
	bool out_of_reach;             /* EXITED, of a rehearsal: init may not send it signals */
	bool bad_cwd;                  /* EXEC_FAILED: it is the working directory that is bad */
	struct error error;
	union {
		struct sandbox_denial denial;
		struct sandbox_write write;
		struct message_spent spent;
	};
};

#define MESSAGE_FDS (4 + SANDBOX_DESCRIPTORS)

struct message_fds {
	int fd[MESSAGE_FDS];
	unsigned count;
};

/* Makes the pair: [0] is the owner's, does not block and hears the pids of
 * senders; [1] is init's. Both are above the standard streams. */
bool message_socketpair(int sockets[2], struct error *err);

/* Sends. 'fds' may be NULL, and is only read. Nothing but system calls, so that a
 * child that shares memory may do it. errno tells why not. */
bool message_send(int socket, const struct message *message, const struct message_fds *fds);

/*
 * Receives. Returns 1, 0 at the end, or -1 and errno (EAGAIN: nothing there;
 * EPROTO: what came is no message). The caller owns what it finds in 'fds'.
 * The kernel says who sent a message, in the receiver's own pids.
 */
int message_receive(int socket, struct message *message, struct message_fds *fds);

void message_fds_close(struct message_fds *fds);

/* Takes descriptor 'index' out, or returns -1. */
int message_fds_steal(struct message_fds *fds, unsigned index);

/* CLOCK_MONOTONIC in nanoseconds: what stamps messages on both ends. */
uint64_t message_now(void);

#endif
