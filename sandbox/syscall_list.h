/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscall_list - which system calls a function may make, as data.
 *
 * By name: numbers differ between architectures, and not every call is on each.
 * Knows nothing of filters; seccomp.c makes one of it.
 */
#ifndef SANDBOX_SYSCALL_LIST_H
#define SANDBOX_SYSCALL_LIST_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum syscall_match {
	MATCH_ANY,   /* no condition at all */
	MATCH_BITS,  /* the bits of 'mask' are those of 'value' */
	MATCH_ABOVE, /* more than 'value', in all 64 bits */
	MATCH_OTHER, /* not 'value', in all 64 bits */
};

/* A condition on one argument. The kernel takes most arguments as 32 bits and looks at no more:
 * conditions must see to it that nothing in the upper half lets a call through. */
struct syscall_condition {
	enum syscall_match match;
	unsigned argument;
	uint64_t mask, value;
};

#define SYSCALL_CONDITIONS 2

/* Who the function is. */
struct syscall_ids {
	uid_t uid;
	gid_t gid;
};

/* One way of making one call that is refused. Those of one call exclude each other. */
struct syscall_rule {
	const char *call;
	const char *with; /* what of its arguments is refused, in words; NULL: the call itself */
	int code;         /* the errno that it fails with */
	bool quiet;       /* programs merely ask whether the call is there: nothing to report */
	bool strict;      /* refused under the strict policy only */
	struct syscall_condition conditions[SYSCALL_CONDITIONS];

	/* Arguments with which it is not refused, where conditions cannot tell; NULL: none. Such a
	 * rule needs somebody who is asked for each call, and falls away where there is nobody. */
	bool (*harmless)(const __u64 *args, const struct syscall_ids *ids);
};

extern const struct syscall_rule syscall_refused[];
extern const size_t syscall_refused_count;

/* All that the strict policy lets through, unless a rule above refuses it. */
extern const char *const syscall_allowed[];
extern const size_t syscall_allowed_count;

/* Whether these arguments meet the rule's conditions. */
bool syscall_rule_matches(const struct syscall_rule *rule, const __u64 *args);

#endif
