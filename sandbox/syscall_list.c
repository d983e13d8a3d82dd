/* SPDX-License-Identifier: Apache-2.0 */
/*
 * syscall_list - which system calls a function may make, as data
 *
 * Lambda's own list is not public. What is refused here is what functions have been seen to be
 * refused there, and what nobody without privileges can use anyway: the kernel would say no by
 * itself, but it would not say who asked. ENOSYS is for calls that runtimes try first and have a
 * substitute for.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "sandbox/syscall_list.h"

#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

#ifndef CLONE_NEWCGROUP
#	define CLONE_NEWCGROUP 0x02000000
#endif

/* clone(2): s390 and CRIS have the stack first. */
#if defined(__s390__) || defined(__CRIS__)
#	define CLONE_FLAGS_ARGUMENT 1
#else
#	define CLONE_FLAGS_ARGUMENT 0
#endif

/* ---- arguments that are harmless ------------------------------------------------ */

static bool is_id(__u64 argument, uint32_t id)
{
	return (uint32_t)argument == id || (uint32_t)argument == UINT32_MAX;
}

/* Becoming who one is. For others the kernel would say EINVAL in a user namespace. */
static bool keeps_uid(const __u64 *args, const struct syscall_ids *ids)
{
	return is_id(args[0], ids->uid);
}

static bool keeps_uids(const __u64 *args, const struct syscall_ids *ids)
{
	return is_id(args[0], ids->uid) && is_id(args[1], ids->uid);
}

static bool keeps_all_uids(const __u64 *args, const struct syscall_ids *ids)
{
	return keeps_uids(args, ids) && is_id(args[2], ids->uid);
}

static bool keeps_gid(const __u64 *args, const struct syscall_ids *ids)
{
	return is_id(args[0], ids->gid);
}

static bool keeps_gids(const __u64 *args, const struct syscall_ids *ids)
{
	return is_id(args[0], ids->gid) && is_id(args[1], ids->gid);
}

static bool keeps_all_gids(const __u64 *args, const struct syscall_ids *ids)
{
	return keeps_gids(args, ids) && is_id(args[2], ids->gid);
}

/* Linux, 32-bit Linux, and either with the version number of Linux 2.6; or merely the question. The
 * rule has the usual way to put that; with a sign extended it comes here. */
static bool is_plain_personality(const __u64 *args, const struct syscall_ids *ids)
{
	uint32_t personality = (uint32_t)args[0];

	(void)ids;
	return (personality & ~0x20008u) == 0 || personality == UINT32_MAX;
}

/* ---- what is refused --------------------------------------------------------------- */

/* clang-format off */
#define REFUSED(name) { .call = name, .code = EPERM }
#define HIDDEN(name) { .call = name, .code = ENOSYS, .quiet = true }
#define UNLESS(name, is_harmless) { .call = name, .code = EPERM, .harmless = is_harmless }
#define CONDITIONS(...)                                                                \
	.conditions = (const struct syscall_condition[]){ __VA_ARGS__ },               \
	.condition_count = ARRAY_LENGTH(((const struct syscall_condition[]){ __VA_ARGS__ }))
#define WITH(name, text, ...) \
	{ .call = name, .with = text, .code = EPERM, CONDITIONS(__VA_ARGS__) }
#define STRICT_WITH(name, text, ...) \
	{ .call = name, .with = text, .code = EPERM, .strict = true, CONDITIONS(__VA_ARGS__) }
#define FAMILY(...)                                                                            \
	{ .call = "socket", .with = "another family than UNIX, INET, INET6 or NETLINK",       \
	  .code = EAFNOSUPPORT, CONDITIONS(__VA_ARGS__) }

#define BITS(index, bits, number) \
	{ .match = MATCH_BITS, .argument = index, .mask = bits, .value = number }
#define IS_INT(index, number) BITS(index, 0xffffffffu, (unsigned)(number))
#define HAS_FLAG(index, flag) BITS(index, flag, flag)

/* Of the family all 64 bits are looked at: what has any in its upper half is above all. */
#define IS_FAMILY(number) BITS(0, UINT64_MAX, number)
#define IS_FAMILY_OF(first, power_of_2) BITS(0, ~((uint64_t)(power_of_2) - 1), first)
#define IS_FAMILY_ABOVE(number) { .match = MATCH_ABOVE, .value = number }

/* The type of a socket has flags beside it. */
#define IS_TYPE(type) BITS(1, 0xf, type)

const struct syscall_rule syscall_refused[] = {
	/* other processes: debuggers, crash handlers */
	REFUSED("ptrace"),
	REFUSED("process_vm_readv"),
	REFUSED("process_vm_writev"),
	REFUSED("process_madvise"),
	REFUSED("kcmp"),
	REFUSED("pidfd_getfd"),

	/* watching and changing the kernel */
	REFUSED("perf_event_open"),
	REFUSED("bpf"),
	REFUSED("userfaultfd"),
	REFUSED("lookup_dcookie"),
	REFUSED("syslog"),
	REFUSED("init_module"),
	REFUSED("finit_module"),
	REFUSED("delete_module"),
	REFUSED("kexec_load"),
	REFUSED("kexec_file_load"),
	REFUSED("reboot"),
	REFUSED("iopl"),
	REFUSED("ioperm"),

	/* Key rings outlive the box. */
	REFUSED("keyctl"),
	REFUSED("add_key"),
	REFUSED("request_key"),

	/* a sandbox of its own; Chromium's is the one that is met */
	REFUSED("seccomp"),
	WITH("prctl", "PR_SET_SECCOMP", IS_INT(0, PR_SET_SECCOMP)),
	REFUSED("unshare"),
	REFUSED("setns"),
	WITH("clone", "CLONE_NEWUSER", HAS_FLAG(CLONE_FLAGS_ARGUMENT, CLONE_NEWUSER)),
	WITH("clone", "CLONE_NEWPID", HAS_FLAG(CLONE_FLAGS_ARGUMENT, CLONE_NEWPID)),
	WITH("clone", "CLONE_NEWNS", HAS_FLAG(CLONE_FLAGS_ARGUMENT, CLONE_NEWNS)),
	WITH("clone", "CLONE_NEWNET", HAS_FLAG(CLONE_FLAGS_ARGUMENT, CLONE_NEWNET)),
	WITH("clone", "CLONE_NEWIPC", HAS_FLAG(CLONE_FLAGS_ARGUMENT, CLONE_NEWIPC)),
	WITH("clone", "CLONE_NEWUTS", HAS_FLAG(CLONE_FLAGS_ARGUMENT, CLONE_NEWUTS)),
	WITH("clone", "CLONE_NEWCGROUP", HAS_FLAG(CLONE_FLAGS_ARGUMENT, CLONE_NEWCGROUP)),
	/* It has its flags in memory, where no filter can look. C libraries go on with clone. */
	HIDDEN("clone3"),

	/* the file system as a whole */
	REFUSED("chroot"),
	REFUSED("pivot_root"),
	REFUSED("mount"),
	REFUSED("umount"),
	REFUSED("umount2"),
	REFUSED("mount_setattr"),
	REFUSED("move_mount"),
	REFUSED("open_tree"),
	REFUSED("open_tree_attr"),
	REFUSED("fsopen"),
	REFUSED("fsmount"),
	REFUSED("fsconfig"),
	REFUSED("fspick"),
	REFUSED("open_by_handle_at"),
	REFUSED("fanotify_init"),
	REFUSED("quotactl"),
	REFUSED("quotactl_fd"),
	REFUSED("acct"),
	REFUSED("swapon"),
	REFUSED("swapoff"),
	REFUSED("nfsservctl"),

	/* the machine's clock, name and terminals */
	REFUSED("settimeofday"),
	REFUSED("stime"),
	REFUSED("clock_settime"),
	REFUSED("clock_settime64"),
	REFUSED("adjtimex"),
	REFUSED("clock_adjtime"),
	REFUSED("clock_adjtime64"),
	REFUSED("sethostname"),
	REFUSED("setdomainname"),
	REFUSED("vhangup"),
	/* keys pressed in the terminal of whoever started lrie */
	WITH("ioctl", "TIOCSTI", IS_INT(1, TIOCSTI)),
	WITH("ioctl", "TIOCLINUX", IS_INT(1, TIOCLINUX)),

	/* placing memory */
	REFUSED("mbind"),
	REFUSED("set_mempolicy"),
	REFUSED("set_mempolicy_home_node"),
	REFUSED("migrate_pages"),
	REFUSED("move_pages"),

	/* Asking for one's personality is no change of it. */
	{ .call = "personality", .code = EPERM, .harmless = is_plain_personality,
	  CONDITIONS({ .match = MATCH_OTHER, .value = 0xffffffffu }) },

	/* becoming somebody else */
	REFUSED("setgroups"),
	REFUSED("setgroups32"),
	UNLESS("setuid", keeps_uid),
	UNLESS("setuid32", keeps_uid),
	UNLESS("setreuid", keeps_uids),
	UNLESS("setreuid32", keeps_uids),
	UNLESS("setresuid", keeps_all_uids),
	UNLESS("setresuid32", keeps_all_uids),
	UNLESS("setgid", keeps_gid),
	UNLESS("setgid32", keeps_gid),
	UNLESS("setregid", keeps_gids),
	UNLESS("setregid32", keeps_gids),
	UNLESS("setresgid", keeps_all_gids),
	UNLESS("setresgid32", keeps_all_gids),

	/* sockets: 1 UNIX, 2 INET, 10 INET6 and 16 NETLINK are left */
	WITH("socket", "SOCK_RAW", IS_FAMILY(AF_INET), IS_TYPE(SOCK_RAW)),
	WITH("socket", "SOCK_RAW", IS_FAMILY(AF_INET6), IS_TYPE(SOCK_RAW)),
	WITH("socket", "SOCK_PACKET", IS_FAMILY(AF_INET), IS_TYPE(SOCK_PACKET)),
	WITH("socket", "AF_PACKET", IS_FAMILY(AF_PACKET)),
	FAMILY(IS_FAMILY(3)),
	FAMILY(IS_FAMILY_OF(4, 4)),
	FAMILY(IS_FAMILY_OF(8, 2)),
	FAMILY(IS_FAMILY(11)),
	FAMILY(IS_FAMILY_OF(12, 4)),
	FAMILY(IS_FAMILY_ABOVE(AF_PACKET)),

	/* Runtimes try it at every start. */
	HIDDEN("io_uring_setup"),
	HIDDEN("io_uring_enter"),
	HIDDEN("io_uring_register"),

	/* Older reports say EPERM for these, newer ones do not meet it. */
	STRICT_WITH("prctl", "PR_SET_NAME", IS_INT(0, PR_SET_NAME)),
	STRICT_WITH("prctl", "PR_SET_PDEATHSIG", IS_INT(0, PR_SET_PDEATHSIG)),
	STRICT_WITH("prctl", "PR_SET_NO_NEW_PRIVS", IS_INT(0, PR_SET_NO_NEW_PRIVS)),
};

const size_t syscall_refused_count = ARRAY_LENGTH(syscall_refused);
_Static_assert(AF_UNIX == 1 && AF_INET == 2 && AF_INET6 == 10 && AF_NETLINK == 16 &&
               AF_PACKET == 17, "the rules for socket() go by these numbers");

/* ---- what is allowed ---------------------------------------------------------------- */

/* Numbers with a 64 or 32 are for architectures of 32 bits, where the plain call is older. */
const char syscall_allowed[] =
	/* a process and its threads */
	"execve execveat exit exit_group fork vfork clone wait4 waitid waitpid set_tid_address "
	"gettid getpid getppid getpgid getpgrp getsid setpgid setsid prctl arch_prctl "
	"set_thread_area get_thread_area set_tls get_tls rseq set_robust_list get_robust_list "
	"futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue membarrier getcpu "
	"sched_yield restart_syscall personality pidfd_open pidfd_send_signal process_mrelease "
	"landlock_create_ruleset landlock_add_rule landlock_restrict_self "

	/* who it is, and what it may use */
	"getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid "
	"getresuid32 getresgid getresgid32 getgroups getgroups32 setuid setuid32 setreuid "
	"setreuid32 setresuid setresuid32 setgid setgid32 setregid setregid32 setresgid "
	"setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 capget capset getrlimit ugetrlimit "
	"setrlimit prlimit64 getrusage getpriority setpriority nice ioprio_get ioprio_set "
	"sched_getaffinity sched_setaffinity sched_getparam sched_setparam sched_getscheduler "
	"sched_setscheduler sched_getattr sched_setattr sched_get_priority_min "
	"sched_get_priority_max sched_rr_get_interval sched_rr_get_interval_time64 umask uname "
	"sysinfo times getrandom get_mempolicy "

	/* memory */
	"brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall "
	"munlock munlockall remap_file_pages pkey_alloc pkey_free pkey_mprotect memfd_create "
	"memfd_secret map_shadow_stack mseal cacheflush riscv_flush_icache modify_ldt "

	/* signals */
	"rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait "
	"rt_sigtimedwait_time64 rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn sigreturn "
	"sigaction sigprocmask sigpending sigsuspend signal sigaltstack kill tkill tgkill pause "
	"alarm signalfd signalfd4 "

	/* time */
	"time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 "
	"clock_nanosleep clock_nanosleep_time64 nanosleep getitimer setitimer timer_create "
	"timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime "
	"timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime "
	"timerfd_settime64 "

	/* waiting for descriptors */
	"select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create "
	"epoll_create1 epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 "
	"eventfd eventfd2 inotify_init inotify_init1 inotify_add_watch inotify_rm_watch "

	/* descriptors */
	"read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 open openat "
	"openat2 creat close close_range dup dup2 dup3 pipe pipe2 fcntl fcntl64 ioctl lseek "
	"_llseek sendfile sendfile64 splice tee vmsplice copy_file_range fsync fdatasync sync "
	"syncfs sync_file_range sync_file_range2 arm_sync_file_range fadvise64 fadvise64_64 "
	"arm_fadvise64_64 readahead fallocate ftruncate ftruncate64 flock io_setup io_destroy "
	"io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64 cachestat "

	/* files by name */
	"stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx statfs statfs64 "
	"fstatfs fstatfs64 access faccessat faccessat2 getcwd chdir fchdir getdents getdents64 "
	"mkdir mkdirat rmdir rename renameat renameat2 link linkat symlink symlinkat unlink "
	"unlinkat readlink readlinkat mknod mknodat chmod fchmod fchmodat fchmodat2 chown chown32 "
	"fchown fchown32 lchown lchown32 fchownat truncate truncate64 utime utimes utimensat "
	"utimensat_time64 futimesat getxattr lgetxattr fgetxattr setxattr lsetxattr fsetxattr "
	"listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr name_to_handle_at "

	/* sockets */
	"socket socketcall socketpair bind listen accept accept4 connect getsockname getpeername "
	"getsockopt setsockopt send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg "
	"recvmmsg_time64 shutdown "

	/* System V and POSIX messages, semaphores and memory */
	"ipc msgget msgctl msgsnd msgrcv semget semctl semop semtimedop semtimedop_time64 shmget "
	"shmctl shmat shmdt mq_open mq_unlink mq_getsetattr mq_notify mq_timedreceive "
	"mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 ";

/* ---- what changes files -------------------------------------------------------------- */

/*
 * By name: who has a descriptor for writing has been seen when it was opened. Left out is openat2,
 * whose flags are in memory, where no filter looks: readers would wait as well.
 */
#define ONLY(...) (&(const struct syscall_condition)__VA_ARGS__)
#define CHANGES(name, what, folder_at, path_at) \
	{ .call = name, .change = what, .folder = folder_at, .path = path_at, .flags = NO_ARGUMENT }
#define OPENS(name, folder_at, path_at, flags_at, flag)                              \
	{ .call = name, .change = CHANGE_OPEN, .folder = folder_at, .path = path_at, \
	  .flags = flags_at, .condition = ONLY(HAS_FLAG(flags_at, flag)) }
#define OPENS_FOR_CHANGE(name, folder_at, path_at, flags_at)                         \
	OPENS(name, folder_at, path_at, flags_at, O_WRONLY),                         \
	OPENS(name, folder_at, path_at, flags_at, O_RDWR),                           \
	OPENS(name, folder_at, path_at, flags_at, O_CREAT),                          \
	OPENS(name, folder_at, path_at, flags_at, O_TRUNC)
/* Without a path it is about a descriptor. */
#define TOUCHES_PATH(name)                                                           \
	{ .call = name, .change = CHANGE_TOUCH, .folder = 0, .path = 1,              \
	  .flags = NO_ARGUMENT, .condition = ONLY({ .match = MATCH_ABOVE, .argument = 1 }) }
#define IN_CWD NO_ARGUMENT

const struct syscall_change syscall_changes[] = {
	OPENS_FOR_CHANGE("open", IN_CWD, 0, 1),
	OPENS_FOR_CHANGE("openat", 0, 1, 2),
	CHANGES("creat", CHANGE_OPEN, IN_CWD, 0),
	CHANGES("truncate", CHANGE_TRUNCATE, IN_CWD, 0),
	CHANGES("truncate64", CHANGE_TRUNCATE, IN_CWD, 0),

	CHANGES("mkdir", CHANGE_CREATE, IN_CWD, 0),
	CHANGES("mkdirat", CHANGE_CREATE, 0, 1),
	CHANGES("mknod", CHANGE_CREATE, IN_CWD, 0),
	CHANGES("mknodat", CHANGE_CREATE, 0, 1),
	CHANGES("symlink", CHANGE_CREATE, IN_CWD, 1),
	CHANGES("symlinkat", CHANGE_CREATE, 1, 2),
	CHANGES("link", CHANGE_CREATE, IN_CWD, 1),
	CHANGES("linkat", CHANGE_CREATE, 2, 3),
	{ .call = "bind", .change = CHANGE_BIND, .folder = IN_CWD, .path = 1, .flags = 2 },

	CHANGES("unlink", CHANGE_REMOVE, IN_CWD, 0),
	CHANGES("unlinkat", CHANGE_REMOVE, 0, 1),
	CHANGES("rmdir", CHANGE_REMOVE, IN_CWD, 0),
	CHANGES("rename", CHANGE_RENAME, IN_CWD, 1),
	CHANGES("renameat", CHANGE_RENAME, 2, 3),
	CHANGES("renameat2", CHANGE_RENAME, 2, 3),

	CHANGES("chmod", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("fchmodat", CHANGE_TOUCH, 0, 1),
	CHANGES("fchmodat2", CHANGE_TOUCH, 0, 1),
	CHANGES("chown", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("chown32", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("lchown", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("lchown32", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("fchownat", CHANGE_TOUCH, 0, 1),
	CHANGES("utime", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("utimes", CHANGE_TOUCH, IN_CWD, 0),
	TOUCHES_PATH("futimesat"),
	TOUCHES_PATH("utimensat"),
	TOUCHES_PATH("utimensat_time64"),
	CHANGES("setxattr", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("lsetxattr", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("removexattr", CHANGE_TOUCH, IN_CWD, 0),
	CHANGES("lremovexattr", CHANGE_TOUCH, IN_CWD, 0),
};
/* clang-format on */

const size_t syscall_changes_count = ARRAY_LENGTH(syscall_changes);

const char *syscall_next_allowed(const char *at, char name[SYSCALL_NAME_SIZE])
{
	size_t length = strcspn(at, " ");

	assert(length < SYSCALL_NAME_SIZE);
	memcpy(name, at, length);
	name[length] = '\0';
	return length > 0 ? at + length + 1 : NULL;
}

/* ---- looking at a call ------------------------------------------------------------- */

static bool condition_holds(const struct syscall_condition *condition, const __u64 *args)
{
	__u64 argument = args[condition->argument];

	switch (condition->match) {
	case MATCH_BITS:
		return (argument & condition->mask) == condition->value;
	case MATCH_ABOVE:
		return argument > condition->value;
	case MATCH_OTHER:
		return argument != condition->value;
	}
	return false;
}

bool syscall_rule_matches(const struct syscall_rule *rule, const __u64 *args)
{
	for (size_t i = 0; i < rule->condition_count; i++) {
		if (!condition_holds(&rule->conditions[i], args))
			return false;
	}
	return true;
}

bool syscall_change_matches(const struct syscall_change *change, const __u64 *args)
{
	return !change->condition || condition_holds(change->condition, args);
}
