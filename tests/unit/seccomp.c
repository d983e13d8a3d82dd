/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp - what the filter says to every call, by running its instructions as the kernel would
 *
 * The verdict of the filter and that of the owner are made from the same rules in two ways; they
 * must agree on every call and all arguments that matter.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "sandbox/seccomp.h"
#include "tests/unit/test.h"

#define ALLOW SECCOMP_RET_ALLOW
#define ASK 0x8000u
#define REFUSE(code) (SECCOMP_RET_TRACE | (code)) /* the loader decides how */
#define WATCH (SECCOMP_RET_TRACE | ASK)
#define QUIET(code) (SECCOMP_RET_ERRNO | (code))
#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define HIGH (UINT64_C(1) << 32)

#define MAX_CALL 1024

static struct syscall_filter *filters[SANDBOX_SYSCALLS_OFF];
static struct syscall_filter *watching[SANDBOX_SYSCALLS_OFF]; /* who changes files */
static struct syscall_judge *judges[SANDBOX_SYSCALLS_OFF];
static uint32_t arch;
static const struct syscall_ids ids = { .uid = 993, .gid = 990 };

/* ---- the kernel's part ---------------------------------------------------------- */

/* The few instructions that libseccomp makes. Returns the action. */
static uint32_t run(const struct sock_filter *code, size_t count, const struct seccomp_data *data)
{
	uint32_t a = 0;

	for (size_t pc = 0; pc < count; pc++) {
		const struct sock_filter *i = &code[pc];
		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k > sizeof(*data) - sizeof(a))
				return 0;
			memcpy(&a, (const char *)data + i->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += a & i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			printf("# instruction %zu has the code %#x\n", pc, i->code);
			return 0;
		}
	}
	return 0; /* kills */
}

static uint32_t action_of(const struct syscall_filter *filter, const struct seccomp_data *data)
{
	size_t count;
	const struct sock_filter *code = syscall_filter_code(filter, &count);

	return run(code, count, data);
}

static uint32_t action_on(enum sandbox_syscalls policy, const struct seccomp_data *data)
{
	return action_of(filters[policy], data);
}

/* seccomp(2) has no word for the architecture; the filter compares with it first. */
static void find_arch(void)
{
	size_t count;
	const struct sock_filter *code = syscall_filter_code(filters[SANDBOX_SYSCALLS_DEFAULT],
	                                                     &count);

	CHECK(count > 2 && code[0].k == offsetof(struct seccomp_data, arch));
	arch = code[1].k;
}

static void test_filters_can_be_made(void)
{
	for (int policy = 0; policy < SANDBOX_SYSCALLS_OFF; policy++) {
		struct error err = { .code = 0 };
		size_t count = 0;
		filters[policy] = syscall_filter_create((enum sandbox_syscalls)policy, false, &err);
		watching[policy] = syscall_filter_create((enum sandbox_syscalls)policy, true, &err);
		judges[policy] = syscall_judge_create((enum sandbox_syscalls)policy);
		CHECK_STR(err.text, "");
		if (!filters[policy] || !watching[policy])
			exit(1);
		syscall_filter_code(watching[policy], &count);
		CHECK(count > 10 && count <= BPF_MAXINSNS);
		printf("# %zu instructions\n", count);
	}
	find_arch();
}

/* ---- what is promised ------------------------------------------------------------- */

static const struct {
	const char *name;
	long call;
	uint64_t args[3];
	uint32_t standard, strict;
} cases[] = {
	{ "read", SYS_read, { 0 }, ALLOW, ALLOW },
	{ "execve", SYS_execve, { 0 }, ALLOW, ALLOW },
	{ "futex", SYS_futex, { 0 }, ALLOW, ALLOW },
	{ "ptrace", SYS_ptrace, { 0 }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "bpf", SYS_bpf, { 0 }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "mount", SYS_mount, { 0 }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "clone3", SYS_clone3, { 0 }, QUIET(ENOSYS), QUIET(ENOSYS) },
	{ "io_uring_setup", SYS_io_uring_setup, { 0 }, QUIET(ENOSYS), QUIET(ENOSYS) },
	{ "fanotify_mark", SYS_fanotify_mark, { 0 }, ALLOW, REFUSE(ENOSYS) },
	{ "no such call", MAX_CALL - 1, { 0 }, ALLOW, REFUSE(ENOSYS) },
	{ "UNIX", SYS_socket, { AF_UNIX, SOCK_RAW }, ALLOW, ALLOW },
	{ "INET", SYS_socket, { AF_INET, SOCK_STREAM | SOCK_CLOEXEC }, ALLOW, ALLOW },
	{ "INET6", SYS_socket, { AF_INET6, SOCK_DGRAM }, ALLOW, ALLOW },
	{ "NETLINK", SYS_socket, { AF_NETLINK, SOCK_RAW }, ALLOW, ALLOW },
	{ "PACKET", SYS_socket, { AF_PACKET, SOCK_DGRAM }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "INET raw",
	  SYS_socket,
	  { AF_INET, SOCK_RAW | SOCK_NONBLOCK },
	  REFUSE(EPERM),
	  REFUSE(EPERM) },
	{ "INET6 raw", SYS_socket, { AF_INET6, SOCK_RAW }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "VSOCK", SYS_socket, { AF_VSOCK, 1 }, REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT) },
	{ "KEY", SYS_socket, { AF_KEY, 3 }, REFUSE(EAFNOSUPPORT), REFUSE(EAFNOSUPPORT) },
	{ "X25 in disguise",
	  SYS_socket,
	  { HIGH | AF_X25, 1 },
	  REFUSE(EAFNOSUPPORT),
	  REFUSE(EAFNOSUPPORT) },
	{ "TIOCGWINSZ", SYS_ioctl, { 0, TIOCGWINSZ }, ALLOW, ALLOW },
	{ "TIOCSTI", SYS_ioctl, { 0, TIOCSTI }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "TIOCSTI in disguise", SYS_ioctl, { 0, HIGH | TIOCSTI }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "PR_SET_NAME", SYS_prctl, { PR_SET_NAME }, ALLOW, REFUSE(EPERM) },
	{ "PR_GET_NAME", SYS_prctl, { PR_GET_NAME }, ALLOW, ALLOW },
	{ "PR_SET_SECCOMP", SYS_prctl, { PR_SET_SECCOMP }, REFUSE(EPERM), REFUSE(EPERM) },
	{ "another personality",
	  SYS_personality,
	  { 0x40000 },
	  REFUSE(ASK | EPERM),
	  REFUSE(ASK | EPERM) },
	{ "which personality", SYS_personality, { 0xffffffff }, ALLOW, ALLOW },
	{ "setuid", SYS_setuid, { 0 }, REFUSE(ASK | EPERM), REFUSE(ASK | EPERM) },
};

static void test_what_is_promised(void)
{
	for (size_t i = 0; i < LENGTH(cases); i++) {
		struct seccomp_data data = { .nr = (int)cases[i].call, .arch = arch };

		test_case(cases[i].name);
		for (size_t j = 0; j < LENGTH(cases[i].args); j++)
			data.args[j] = cases[i].args[j];
		CHECK_INT(action_on(SANDBOX_SYSCALLS_DEFAULT, &data), cases[i].standard);
		CHECK_INT(action_on(SANDBOX_SYSCALLS_STRICT, &data), cases[i].strict);
	}
}

#ifdef __s390__
#	define FLAGS 1
#else
#	define FLAGS 0
#endif

/* Readers never wait, and nobody who has a descriptor. */
static void test_what_changes_files_is_watched(void)
{
	static const struct {
		const char *name;
		long call;
		uint64_t args[3];
		uint32_t action;
	} rows[] = {
		{ "reads", SYS_openat, { -100u, 1, O_RDONLY | O_CLOEXEC }, ALLOW },
		{ "reads a folder", SYS_openat, { 3, 1, O_RDONLY | O_DIRECTORY }, ALLOW },
		{ "writes", SYS_openat, { -100u, 1, O_WRONLY }, WATCH },
		{ "reads and writes", SYS_openat, { -100u, 1, O_RDWR | O_CLOEXEC }, WATCH },
		{ "creates", SYS_openat, { -100u, 1, O_RDONLY | O_CREAT }, WATCH },
		{ "truncates", SYS_openat, { -100u, 1, O_RDONLY | O_TRUNC }, WATCH },
		{ "in disguise", SYS_openat, { -100u, 1, HIGH | O_WRONLY }, WATCH },
		{ "folder", SYS_mkdirat, { -100u, 1, 0755 }, WATCH },
		{ "removes", SYS_unlinkat, { -100u, 1 }, WATCH },
		{ "times of a path", SYS_utimensat, { -100u, 1 }, WATCH },
		{ "times of a descriptor", SYS_utimensat, { 3, 0 }, ALLOW },
		{ "write", SYS_write, { 1, 1, O_WRONLY }, ALLOW },
		{ "stat", SYS_statx, { -100u, 1, O_WRONLY }, ALLOW },
#ifdef SYS_openat2
		{ "openat2", SYS_openat2, { -100u, 1, 1 }, ALLOW },
#endif
		{ "fchmod", SYS_fchmod, { 3, 0755 }, ALLOW },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct seccomp_data data = { .nr = (int)rows[i].call, .arch = arch };
		test_case(rows[i].name);
		for (size_t j = 0; j < LENGTH(rows[i].args); j++)
			data.args[j] = rows[i].args[j];
		for (int policy = 0; policy < SANDBOX_SYSCALLS_OFF; policy++) {
			CHECK_INT(action_of(watching[policy], &data), rows[i].action);
			CHECK_INT(action_of(filters[policy], &data), ALLOW);
		}
	}
}

static void test_clone_makes_no_namespaces(void)
{
	static const unsigned long flags[] = { CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS,
		                               CLONE_NEWNET,  CLONE_NEWIPC, CLONE_NEWUTS,
		                               0x02000000 };

	for (int policy = 0; policy < SANDBOX_SYSCALLS_OFF; policy++) {
		struct seccomp_data data = { .nr = SYS_clone, .arch = arch };
		data.args[FLAGS] = CLONE_VM | CLONE_VFORK | 17;
		CHECK_INT(action_on((enum sandbox_syscalls)policy, &data), ALLOW);
		data.args[FLAGS] = CLONE_VM | CLONE_FILES | CLONE_THREAD | CLONE_SIGHAND;
		CHECK_INT(action_on((enum sandbox_syscalls)policy, &data), ALLOW);
		for (size_t i = 0; i < LENGTH(flags); i++) {
			data.args[FLAGS] = flags[i] | 17;
			CHECK_INT(action_on((enum sandbox_syscalls)policy, &data), REFUSE(EPERM));
			data.args[FLAGS] |= HIGH | CLONE_NEWUSER | CLONE_NEWPID;
			CHECK_INT(action_on((enum sandbox_syscalls)policy, &data), REFUSE(EPERM));
		}
	}
}

static void test_other_architectures_are_not_there(void)
{
	static const uint32_t others[] = { AUDIT_ARCH_I386, AUDIT_ARCH_ARM, AUDIT_ARCH_PPC, 0 };

	for (int policy = 0; policy < SANDBOX_SYSCALLS_OFF; policy++) {
		for (size_t i = 0; i < LENGTH(others); i++) {
			struct seccomp_data data = { .nr = SYS_read, .arch = others[i] };
			if (others[i] == arch)
				continue;
			CHECK_INT(action_on((enum sandbox_syscalls)policy, &data), QUIET(ENOSYS));
		}
#ifdef __x86_64__
		for (int call = 0; call < MAX_CALL; call++) {
			struct seccomp_data x32 = { .nr = 0x40000000 | call, .arch = arch };
			if (!CHECK_INT(action_on((enum sandbox_syscalls)policy, &x32),
			               QUIET(ENOSYS)))
				return;
		}
#endif
	}
}

/* ---- two ways to the same verdict ---------------------------------------------------- */

static bool is_allowed_by_name(const char *name)
{
	const char *next = syscall_allowed;
	char allowed[SYSCALL_NAME_SIZE];

	while ((next = syscall_next_allowed(next, allowed))) {
		if (strcmp(allowed, name) == 0)
			return true;
	}
	return false;
}

/* What the filter ought to say, by the rules alone. */
static uint32_t expected(bool strict, const char *name, const struct seccomp_data *data)
{
	for (size_t i = 0; i < syscall_refused_count; i++) {
		const struct syscall_rule *rule = &syscall_refused[i];
		if (strcmp(rule->call, name) != 0 || (rule->strict && !strict) ||
		    !syscall_rule_matches(rule, data->args))
			continue;
		return (rule->quiet ? SECCOMP_RET_ERRNO : SECCOMP_RET_TRACE) |
		       (rule->harmless ? ASK : 0) | (unsigned)rule->code;
	}
	return !strict || is_allowed_by_name(name) ? ALLOW : REFUSE(ENOSYS);
}

static bool changes(const char *name, const struct seccomp_data *data)
{
	for (size_t i = 0; i < syscall_changes_count; i++) {
		if (strcmp(syscall_changes[i].call, name) == 0 &&
		    syscall_change_matches(&syscall_changes[i], data->args))
			return true;
	}
	return false;
}

static bool agrees(enum sandbox_syscalls policy, const char *name, const struct seccomp_data *data)
{
	uint32_t action = action_on(policy, data);
	struct syscall_verdict verdict = syscall_judge(judges[policy], data, &ids);

	/* Who watches changes knows of one more reason to wait, and of nothing else. */
	uint32_t watched = action_of(watching[policy], data);
	if (!CHECK_INT(watched, changes(name, data) ? WATCH : action) ||
	    !CHECK_INT(verdict.change != NULL, changes(name, data)))
		return false;
	if (verdict.change)
		return CHECK_INT(verdict.code, 0) && CHECK_INT(action, ALLOW);
	if (!CHECK_INT(action, expected(policy == SANDBOX_SYSCALLS_STRICT, name, data)))
		return false;
	/* The owner is asked about what is neither allowed nor quiet. */
	if ((action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_TRACE)
		return true;
	if (verdict.rule && verdict.rule->harmless && verdict.code == 0)
		return true;
	return CHECK_INT(verdict.code, action & SECCOMP_RET_DATA & ~ASK);
}

/* Whatever may make a difference in any argument. */
static const uint64_t values[] = {
	0,        1,        2,          3,          4,         5,
	7,        8,        9,          10,         11,        12,
	15,       16,       17,         18,         22,        31,
	32,       36,       38,         40,         44,        45,
	46,       63,       64,         990,        993,       0x20000,
	0x20008,  0x40000,  TIOCSTI,    0x541C,     0x5413,    CLONE_NEWUSER,
	1u << 31, HIGH | 2, HIGH | 993, 0xffffffff, UINT64_MAX
};

static bool all_agree(enum sandbox_syscalls policy, const char *name, struct seccomp_data *data)
{
	for (size_t i = 0; i < LENGTH(values); i++) {
		for (size_t j = 0; j < LENGTH(values); j++) {
			data->args[0] = values[i];
			data->args[1] = values[j];
			data->args[2] = values[(i + j) % LENGTH(values)];
			if (!agrees(policy, name, data))
				return false;
		}
	}
	return true;
}

static void test_filter_and_owner_agree(void)
{
	for (int call = 0; call < MAX_CALL; call++) {
		struct seccomp_data data = { .nr = call, .arch = arch };
		char name[64];
		syscall_name(call, name, sizeof(name));
		test_case(name);
		if (!all_agree(SANDBOX_SYSCALLS_DEFAULT, name, &data) ||
		    !all_agree(SANDBOX_SYSCALLS_STRICT, name, &data)) {
			printf("# %s(%#llx, %#llx)\n", name, (unsigned long long)data.args[0],
			       (unsigned long long)data.args[1]);
			return;
		}
	}
}

/* At most one, or the order of rules would matter, which libseccomp does not promise. */
static void test_rules_exclude_each_other(void)
{
	__u64 args[6] = { 0 };

	for (size_t i = 0; i < LENGTH(values) * LENGTH(values); i++) {
		args[0] = values[i % LENGTH(values)];
		args[1] = values[i / LENGTH(values)];
		unsigned sockets = 0, ioctls = 0, prctls = 0;
		for (size_t rule = 0; rule < syscall_refused_count; rule++) {
			bool matches = syscall_rule_matches(&syscall_refused[rule], args);
			const char *call = syscall_refused[rule].call;
			sockets += matches && strcmp(call, "socket") == 0;
			ioctls += matches && strcmp(call, "ioctl") == 0;
			prctls += matches && strcmp(call, "prctl") == 0;
		}
		if (!CHECK(sockets <= 1 && ioctls <= 1 && prctls <= 1))
			return;
	}
}

static void test_harmless_arguments(void)
{
	static const struct {
		const char *name;
		long call;
		uint64_t args[3];
		int code;
	} rows[] = {
		{ "stays who it is", SYS_setuid, { 993 }, 0 },
		{ "root", SYS_setuid, { 0 }, EPERM },
		{ "nothing", SYS_setresuid, { -1u, -1u, -1u }, 0 },
		{ "half", SYS_setresuid, { 993, 993, 0 }, EPERM },
		{ "group", SYS_setregid, { 990, UINT64_MAX }, 0 },
		{ "user's as group", SYS_setregid, { 993, -1u }, EPERM },
		{ "Linux", SYS_personality, { 0 }, 0 },
		{ "32 bits", SYS_personality, { 0x20008 }, 0 },
		{ "no randomness", SYS_personality, { 0x40000 }, EPERM },
		{ "question", SYS_personality, { UINT64_MAX }, 0 },
	};

	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct seccomp_data data = { .nr = (int)rows[i].call, .arch = arch };
		test_case(rows[i].name);
		for (size_t j = 0; j < LENGTH(rows[i].args); j++)
			data.args[j] = rows[i].args[j];
		CHECK_INT(syscall_judge(judges[SANDBOX_SYSCALLS_DEFAULT], &data, &ids).code,
		          rows[i].code);
	}
}

/* ---- the lists themselves ------------------------------------------------------------- */

/* A word that no architecture has is a slip, or newer than this libseccomp. */
static bool is_name(const char *name)
{
	static const char *const newer[] = { "set_mempolicy_home_node",
		                             "open_tree_attr",
		                             "cachestat",
		                             "fchmodat2",
		                             "futex_wait",
		                             "futex_wake",
		                             "futex_requeue",
		                             "futex_waitv",
		                             "map_shadow_stack",
		                             "mseal",
		                             "process_mrelease",
		                             "memfd_secret",
		                             "quotactl_fd" };

	for (size_t i = 0; i < LENGTH(newer); i++) {
		if (strcmp(newer[i], name) == 0)
			return true;
	}
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static void test_names_exist(void)
{
	const char *next = syscall_allowed;
	char allowed[SYSCALL_NAME_SIZE];

	for (size_t i = 0; i < syscall_refused_count; i++) {
		test_case(syscall_refused[i].call);
		CHECK(is_name(syscall_refused[i].call));
	}
	while ((next = syscall_next_allowed(next, allowed))) {
		test_case(allowed);
		CHECK(is_name(allowed));
	}
	for (size_t i = 0; i < syscall_changes_count; i++) {
		test_case(syscall_changes[i].call);
		CHECK(is_name(syscall_changes[i].call));
		CHECK(is_allowed_by_name(syscall_changes[i].call));
	}
}

static void test_no_call_is_refused_and_allowed(void)
{
	for (size_t i = 0; i < syscall_refused_count; i++) {
		const struct syscall_rule *rule = &syscall_refused[i];
		bool in_part = rule->harmless || rule->condition_count > 0;
		test_case(rule->call);
		CHECK_INT(is_allowed_by_name(rule->call), in_part);
	}
}

static void test_names_of_calls(void)
{
	char name[32];

	CHECK(syscall_name(SYS_ptrace, name, sizeof(name)));
	CHECK_STR(name, "ptrace");
	CHECK(!syscall_name(100000, name, sizeof(name)));
	CHECK_STR(name, "");
	for (int policy = 0; policy < SANDBOX_SYSCALLS_OFF; policy++) {
		syscall_filter_destroy(filters[policy]);
		syscall_filter_destroy(watching[policy]);
		syscall_judge_destroy(judges[policy]);
	}
}

TEST_MAIN(test_filters_can_be_made, test_what_is_promised, test_what_changes_files_is_watched,
          test_clone_makes_no_namespaces, test_other_architectures_are_not_there,
          test_filter_and_owner_agree, test_rules_exclude_each_other, test_harmless_arguments,
          test_names_exist, test_no_call_is_refused_and_allowed, test_names_of_calls)
