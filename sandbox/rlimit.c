/* SPDX-License-Identifier: Apache-2.0 */
/* rlimit - the resource limits that a program inherits */
#include <signal.h>
#include <sys/resource.h>

#include "sandbox/rlimit.h"

/* Where a program receives the core, as on most desktops, a limit of 0 does not stop it: the dying
 * process would wait for it, on the host and by root. This one means "none at all" (fs/coredump.c).
 */
#define NO_CORE 1

/* The enumeration is glibc's own; its functions take no plain int in C++ alone. */
static bool lower(__rlimit_resource_t resource, rlim_t value)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) == -1)
		return false;
	/* Raising a hard limit needs CAP_SYS_RESOURCE, and a user who lowered it meant it. */
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > value)
		limit.rlim_max = value;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit(resource, &limit) == 0;
}

bool rlimit_apply(unsigned open_files, unsigned processes)
{
	return lower(RLIMIT_CORE, NO_CORE) && (!open_files || lower(RLIMIT_NOFILE, open_files)) &&
	       (!processes || lower(RLIMIT_NPROC, processes));
}

bool rlimit_bound_files(uint64_t bytes)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };

	return sigaction(SIGXFSZ, &ignore, NULL) == 0 && lower(RLIMIT_FSIZE, bytes);
}
