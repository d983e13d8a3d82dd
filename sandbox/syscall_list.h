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

#define SYSCALL_CONDITIONS 2 /* of one rule, at most */

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
	uint8_t condition_count; /* 0: whatever its arguments are */
	const struct syscall_condition *conditions;

	/* Arguments with which it is not refused, where conditions cannot tell; NULL: none. Such a
	 * rule needs somebody who is asked for each call, and falls away where there is nobody. */
	bool (*harmless)(const __u64 *args, const struct syscall_ids *ids);
};

extern const struct syscall_rule syscall_refused[];
extern const size_t syscall_refused_count;

/* All that the strict policy lets through, unless a rule above refuses it: names with a blank
 * behind each, since pointers to them would make the binary 4 kB larger. */
extern const char syscall_allowed[];

#define SYSCALL_NAME_SIZE 32

/* Copies the name at 'at', and returns where the next one is; NULL: there was none. */
const char *syscall_next_allowed(const char *at, char name[SYSCALL_NAME_SIZE]);

/* Whether these arguments meet the rule's conditions. */
bool syscall_rule_matches(const struct syscall_rule *rule, const __u64 *args);

/* ---- calls that change files ----------------------------------------------------- */

enum change {
	CHANGE_OPEN,     /* opens for writing, or creates; has open(2)'s flags */
	CHANGE_TRUNCATE, /* of an existing file */
	CHANGE_TOUCH,    /* mode, owner, times or attributes of something that exists */
	CHANGE_CREATE,   /* makes a new name */
	CHANGE_REMOVE,
	CHANGE_RENAME, /* the path is the new name */
	CHANGE_BIND,   /* the path is in a socket address */
};

#define NO_ARGUMENT (-1)

/* One way of making one call that is let through whatever it says, after a look at it. Where its
 * arguments are: the folder that a relative path begins in, and the path. */
struct syscall_change {
	const char *call;
	const struct syscall_condition *condition; /* NULL: whatever its arguments are */
	enum change change;
	int8_t folder, path;
	int8_t flags; /* of open(2); the length for CHANGE_BIND; NO_ARGUMENT for creat(2) */
};

extern const struct syscall_change syscall_changes[];
extern const size_t syscall_changes_count;

bool syscall_change_matches(const struct syscall_change *change, const __u64 *args);

#endif
