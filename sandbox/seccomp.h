/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp - the filter that refuses system calls, and who answers for it.
 *
 * A filter is made once, by the owner, and travels as plain instructions to the
 * child that is about to become a program. There it is loaded in the best way
 * that the kernel allows: refused calls wait for the owner, who is told of them
 * through a listener; or they fail by themselves, and nobody hears of it.
 *
 * The one home of libseccomp.
 */
#ifndef SANDBOX_SECCOMP_H
#define SANDBOX_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#include "sandbox/error.h"
#include "sandbox/sandbox.h"
#include "sandbox/syscall_list.h"

/* ---- making one ------------------------------------------------------------- */

struct syscall_filter;

/* 'policy' is not SANDBOX_SYSCALLS_OFF. With 'changes', calls that change files by name wait for
 * the answer, too. Takes 0.2 ms, or 1.2 for the strict one. */
struct syscall_filter *syscall_filter_create(enum sandbox_syscalls policy, bool changes,
                                             struct error *err);

void syscall_filter_destroy(struct syscall_filter *filter);

/* The instructions, which live as long as the filter. */
const struct sock_filter *syscall_filter_code(const struct syscall_filter *filter, size_t *count);

/* ---- loading it ------------------------------------------------------------- */

/* What becomes of a call that the filter refuses. */
enum syscall_hold {
	SYSCALL_HOLD_NONE,   /* it is done: there is no filter */
	SYSCALL_HOLD_SILENT, /* it fails */
	SYSCALL_HOLD_TOLD,   /* it waits for the answer of whoever has the listener */
	SYSCALL_HOLD_ASKED,  /* and the answer may be to let it through */
};

/*
 * Loads the instructions into this process, which has set no_new_privs, and changes them on the
 * way. '*listener' is a new descriptor, closed on execve, or -1; whoever gets it answers with what
 * syscall_judge() says. On SYSCALL_HOLD_NONE errno tells why. For a child that shares its
 * memory: makes system calls and nothing else.
 */
enum syscall_hold syscall_filter_load(struct sock_filter *code, size_t count, int *listener);

/* ---- answering -------------------------------------------------------------- */

/* The lists with this machine's numbers. Needs no filter: whoever answers may not have made it. */
struct syscall_judge;

struct syscall_judge *syscall_judge_create(enum sandbox_syscalls policy);
void syscall_judge_destroy(struct syscall_judge *judge);

struct syscall_verdict {
	int code;                            /* the errno to fail with; 0: let it through */
	const struct syscall_rule *rule;     /* that refuses it; NULL: no list has it */
	const struct syscall_change *change; /* what it changes; it is let through */
};

/* What is to be said to a call that arrives at the listener. */
struct syscall_verdict syscall_judge(const struct syscall_judge *judge,
                                     const struct seccomp_data *call,
                                     const struct syscall_ids *ids);

/* The name of a call by its number, as this machine's own programs have it. Returns false and
 * leaves an empty name when it is unknown. */
bool syscall_name(int number, char *name, size_t size);

#endif
