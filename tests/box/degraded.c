/* SPDX-License-Identifier: Apache-2.0 */
/*
 * degraded - machines on which a call is missing: each wall that falls is named with its reason,
 * and boxes work
 */
#include "tests/box/machine.h"

/* ---- the whole machine --------------------------------------------------------------------------
 */

/* A probe that fails now and then would take walls away without a reason. */
static void test_probe_says_the_same_each_time(void)
{
	enum sandbox_standing first[SANDBOX_WALL_COUNT];

	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		first[wall] = sandbox_host_wall(box_host(), (enum sandbox_wall)wall)->standing;
	for (int i = 0; i < 30; i++) {
		box_forget_host();
		for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
			const struct sandbox_wall_state *state = sandbox_host_wall(
				box_host(), (enum sandbox_wall)wall);
			CHECK_INT(state->standing, first[wall]);
		}
	}
}

/* ---- filters above ours ------------------------------------------------------------------ */

static const struct sandbox_wall_state *syscalls_wall(void)
{
	return sandbox_host_wall(box_host(), SANDBOX_WALL_SYSCALLS);
}

/* Calls are refused as ever; nobody hears of it, and what needs a look is the kernel's business. */
static void live_without_listener(void)
{
	static struct box_run run;

	CHECK_INT(syscalls_wall()->standing, SANDBOX_PARTLY);
	CHECK_STR(syscalls_wall()->mechanism, "seccomp, silent");
	CHECK(strstr(syscalls_wall()->detail, "not reported") != NULL);
	BOX_CHECK(NULL, { "call:ptrace", "EPERM" }, { "call:unshare", "EPERM" },
	          { "call:socket:40:1", "EAFNOSUPPORT" }, { "call:socket:17:3", "EPERM" },
	          { "call:io_uring_setup", "ENOSYS" }, { "call:personality:8", "ok" },
	          { "setuid:0", "EPERM or EINVAL" }, { "fork:3", "3 ok" });
	box_run(&run, NULL, "call:ptrace", "exit:3");
	CHECK_INT(run.status, W_EXITCODE(3, 0));
	CHECK_INT(run.denial_count, 0);
	sandbox_host_set_syscalls(box_host(), SANDBOX_SYSCALLS_STRICT);
	BOX_CHECK(NULL, { "call:fanotify_mark", "ENOSYS" }, { "call:ptrace", "EPERM" },
	          { "call:socket:2:1", "ok" }, { "fork:3", "3 ok" });
}

/* There is one listener in a chain of filters: whoever is first, here a container's. */
static void live_under_a_listener(void)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { .len = 1, .filter = &code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
	            &program) == -1)
		box_die("seccomp");
	live_without_listener();
}

static void test_somebody_else_has_the_listener(void)
{
	IN_CHILD(live_under_a_listener());
}

/* prctl() is another way to a filter, without a listener. */
static void live_without_seccomp(int code)
{
	refuse_one(SYS_seccomp, code);
	live_without_listener();
}

static void test_seccomp_is_refused(void)
{
	IN_CHILD(live_without_seccomp(EPERM));
	IN_CHILD(live_without_seccomp(ENOSYS));
}

/* Before Linux 5.0 and 5.19: flags that the kernel does not know. */
static void live_without_flag(unsigned flag, enum sandbox_standing standing)
{
	refuse_with(SYS_seccomp, 1, BPF_JSET, flag, EINVAL);
	CHECK_INT(syscalls_wall()->standing, standing);
	BOX_CHECK(NULL, { "call:ptrace", "EPERM" }, { "call:unshare", "EPERM" });
}

static void test_old_kernels(void)
{
	IN_CHILD(live_without_flag(1u << 5 /* WAIT_KILLABLE_RECV */, SANDBOX_YES));
	IN_CHILD(live_without_flag(SECCOMP_FILTER_FLAG_NEW_LISTENER, SANDBOX_PARTLY));
}

static void live_without_filter(void)
{
	static struct box_run run;
	struct error err = { .code = 0 };

	refuse_one(SYS_seccomp, ENOSYS);
	refuse_with(SYS_prctl, 0, BPF_JEQ, PR_SET_SECCOMP, EINVAL);
	CHECK_INT(syscalls_wall()->standing, SANDBOX_NO);
	CHECK(strstr(syscalls_wall()->detail, "Invalid argument; ") != NULL);
	box_run(&run, NULL, "call:unshare", "exit:3");
	CHECK_STR(box_says(&run, "call:unshare"), "ok");
	CHECK_INT(run.status, W_EXITCODE(3, 0));
	CHECK(!sandbox_probe(SANDBOX_AUTO, 1u << SANDBOX_WALL_SYSCALLS, &err));
	CHECK(strstr(err.text, "syscalls (") != NULL);
}

static void test_no_filter_at_all(void)
{
	IN_CHILD(live_without_filter());
}

/* ---- words ----------------------------------------------------------------------------------- */

static void test_words_for_walls(void)
{
	struct error err;
	unsigned mask = 0;
	const unsigned all = ((1u << SANDBOX_WALL_COUNT) - 1) & ~(1u << SANDBOX_WALL_NETWORK);

	CHECK(sandbox_walls_parse(NULL, &mask, &err) && mask == all);
	CHECK(sandbox_walls_parse("", &mask, &err) && mask == all);
	CHECK(sandbox_walls_parse("cpu", &mask, &err) && mask == 1u << SANDBOX_WALL_CPU);
	CHECK(sandbox_walls_parse("network", &mask, &err) && mask == 1u << SANDBOX_WALL_NETWORK);
	CHECK(sandbox_walls_parse("memory,files", &mask, &err));
	CHECK_INT(mask, 1u << SANDBOX_WALL_MEMORY | 1u << SANDBOX_WALL_FILES);
	CHECK(!sandbox_walls_parse("memory,", &mask, &err));
	CHECK(!sandbox_walls_parse("memor", &mask, &err));
	CHECK_STR(err.text, "unknown wall 'memor' (known are files, tmp, processes, ipc, hostname, "
	                    "identity, memory, cpu, pids, syscalls, freeze, network)");
}

TEST_MAIN(test_somebody_else_has_the_listener, test_seccomp_is_refused, test_old_kernels,
          test_no_filter_at_all, test_probe_says_the_same_each_time, test_words_for_walls)
