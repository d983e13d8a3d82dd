/* SPDX-License-Identifier: Apache-2.0 */
/* namespace - forking into new namespaces, and becoming somebody there */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/identity.h"
#include "sandbox/namespace.h"

/* clone(2) as it is: a fork, so that no stack is needed. s390 swaps the first two. */
static long raw_clone(unsigned long flags, int *pidfd)
{
#if defined(__s390__) || defined(__CRIS__)
	return syscall(SYS_clone, NULL, flags, pidfd, NULL, NULL);
#else
	return syscall(SYS_clone, flags, NULL, pidfd, NULL, NULL);
#endif
}

pid_t namespace_fork(unsigned long flags, int *pidfd)
{
	struct clone_args args = { .flags = flags | CLONE_PIDFD,
		                   .pidfd = (uint64_t)(uintptr_t)pidfd };
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	/* Seccomp profiles such as Docker's hide clone3, since they cannot look into its struct;
	 * older ones forbid it. */
	if (pid == -1 && (errno == ENOSYS || errno == EPERM))
		pid = raw_clone(flags | CLONE_PIDFD, pidfd);
	return (pid_t)pid;
}

/* As above, and before Linux 5.7, which does not know the flag. */
static bool says_it_cannot(long code)
{
	return code == ENOSYS || code == EPERM || code == EINVAL;
}

pid_t namespace_vfork(int cgroup)
{
	struct clone_args args = { .flags = CLONE_VFORK | CLONE_INTO_CGROUP,
		                   .exit_signal = SIGCHLD,
		                   .cgroup = (uint64_t)cgroup };

	if (cgroup == -1)
		return (pid_t)raw_clone(CLONE_VFORK | SIGCHLD, NULL);
	long pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == -1 && says_it_cannot(errno))
		errno = ENOSYS;
	return (pid_t)pid;
}

/*
 * The C library's clone() knows no cgroup, and its syscall() cannot return on another stack. What
 * the parent has in its registers, the child has too: so it finds what to call, and the parent is
 * back where it was with its own stack untouched.
 */
static long clone3_onto_stack(struct clone_args *args, int (*run)(void *), void *argument)
{
#if defined(__x86_64__) && defined(__LP64__)
	long pid = SYS_clone3;

	__asm__ volatile("syscall\n\t"
	                 "test %%rax, %%rax\n\t"
	                 "jnz 1f\n\t"
	                 "mov %[argument], %%rdi\n\t"
	                 "call *%[run]\n\t"
	                 "hlt\n"
	                 "1:"
	                 : "+a"(pid)
	                 : "D"(args), "S"(sizeof(*args)), [run] "r"(run), [argument] "r"(argument)
	                 : "rcx", "r11", "cc", "memory");
	return pid;
#else
	(void)args, (void)run, (void)argument;
	return -ENOSYS;
#endif
}

pid_t namespace_vfork_shared(int cgroup, int (*run)(void *), void *argument, char *stack,
                             size_t size)
{
	struct clone_args args = { .flags = CLONE_VM | CLONE_VFORK | CLONE_INTO_CGROUP,
		                   .exit_signal = SIGCHLD,
		                   .stack = (uint64_t)(uintptr_t)stack,
		                   .stack_size = size,
		                   .cgroup = (uint64_t)cgroup };

	if (cgroup == -1)
		return clone(run, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, argument);
	long pid = clone3_onto_stack(&args, run, argument);
	if (pid >= 0)
		return (pid_t)pid;
	errno = says_it_cannot(-pid) ? ENOSYS : (int)-pid;
	return -1;
}

static bool write_map(const char *path, unsigned inside, unsigned outside, struct error *err)
{
	char line[32];

	snprintf(line, sizeof(line), "%u %u 1", inside, outside);
	return fd_write_file(AT_FDCWD, path, line) ||
	       error_set(err, errno, "write '%s' to '%s'", line, path);
}

bool namespace_map_user(uid_t uid, gid_t gid, struct error *err)
{
	/* Without this the kernel does not let an ordinary user map groups. It is missing
	 * before Linux 3.19, and already denied in a namespace below one that denies it. */
	if (!fd_write_file(AT_FDCWD, "/proc/self/setgroups", "deny") && errno != ENOENT &&
	    errno != EPERM)
		return error_set(err, errno, "write 'deny' to '/proc/self/setgroups'");
	return write_map("/proc/self/uid_map", IDENTITY_UID, uid, err) &&
	       write_map("/proc/self/gid_map", IDENTITY_GID, gid, err);
}
