/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write_check - whether a call that changes files is about to fail, since they are read-only.
 *
 * In init, about a call that waits. The kernel tells nobody of calls that fail; so this
 * looks where the call will look, with the caller's own rights: at its memory for the
 * path, at its folders, and at the mount that the path is on. The call goes on whatever
 * is found: whoever changes its arguments meanwhile gets a wrong line, and nothing else.
 *
 * What it does not see, lrie(7) tells under "Failed writes".
 */
#ifndef SANDBOX_WRITE_CHECK_H
#define SANDBOX_WRITE_CHECK_H

#include <linux/types.h>
#include <stdbool.h>
#include <sys/types.h>

#include "sandbox/sandbox.h"
#include "sandbox/syscall_list.h"

/* How to look. */
struct write_check {
	bool takes_user;               /* init is somebody else than 'ids' and can become them */
	struct syscall_ids ids;        /* of the programs */
	bool only_tmp;                 /* by rules (landlock.h), not by the file system */
	const char *const *unreported; /* as in struct sandbox_spec */
	bool has_proc;                 /* as in struct supervisor; without it relative paths are
	                                * beyond it */
	bool reads_by_file;            /* set here: the other way is not allowed */
};

/*
 * Returns true when the call of 'thread' will fail like that, and fills in what 'write' says of
 * it: kind, path, is_cut, missing. Paths in /tmp cost one system call.
 */
bool write_check_fails(struct write_check *check, pid_t thread, const struct syscall_change *change,
                       const __u64 *args, struct sandbox_write *write);

#endif
