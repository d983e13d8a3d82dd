/* SPDX-License-Identifier: Apache-2.0 */
/*
 * init - the first process of a box.
 *
 * Forked without exec from the owner, it builds the box from inside, starts the
 * programs, reaps everything, and reports over its socket. In a pid namespace
 * its death ends everything in the box; elsewhere it adopts what its programs
 * leave behind and kills that itself before it exits.
 */
#ifndef SANDBOX_INIT_H
#define SANDBOX_INIT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sandbox/ledger.h"
#include "sandbox/rootfs.h"
#include "sandbox/sandbox.h"
#include "sandbox/syscall_list.h"
#include "sandbox/user.h"

/* A rehearsal ends with one of these where a program would execute. */
enum init_rehearsal {
	REHEARSAL_BOUND = 0, /* it could not fork: the limit of processes, to be 1, holds */
	REHEARSAL_UNBOUND = 1,
};

/* Who the programs are. */
enum init_identity {
	IDENTITY_KEPT,    /* the caller, as it is (SANDBOX_OFF) */
	IDENTITY_CAPPED,  /* the caller, without capabilities and new privileges */
	IDENTITY_ASSUMED, /* init_plan.user */
	IDENTITY_MAPPED,  /* uid 993, which is the caller, in a user namespace */
};

struct init_plan {
	int socket;               /* init's end; see message.h */
	unsigned long namespaces; /* the CLONE_NEW* flags init was forked with */
	enum init_identity identity;
	struct user user;       /* for IDENTITY_ASSUMED and IDENTITY_MAPPED; see user.h */
	bool landlock;          /* programs follow the rules of landlock.h */
	int template;           /* of the root, or -1; see template.h */
	bool own_network;       /* to be made; see network.h */
	bool outlives_owner;    /* for a moment: frozen processes must be thawed to die */
	unsigned process_limit; /* RLIMIT_NPROC of programs, or 0 */
	uint64_t file_limit;    /* RLIMIT_FSIZE of programs, or 0 */
	uid_t uid;              /* the owner's, outside */
	gid_t gid;
	pid_t owner;
	unsigned number; /* of the box, among its owner's */
	char *arguments; /* the owner's command line in memory, or NULL */
	size_t arguments_size;
	enum sandbox_syscalls syscalls; /* what the programs' filters refuse */
	struct syscall_ids ids;         /* who the programs are, as they see it */
	struct ledger *ledger;          /* shared with the owner */
	const struct rootfs_host *host;
	const struct sandbox_spec *spec;
};

/* Everything that init does, from birth to death. */
__attribute__((noreturn)) void init_run(const struct init_plan *plan);

#endif
