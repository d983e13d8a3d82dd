/* SPDX-License-Identifier: Apache-2.0 */
/* syscalls - what a function may not ask of the kernel, what it hears then, and who is told */
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/box/box.h"

/* Skips where calls are not refused at all. */
#define NEED_FILTER() NEED(SANDBOX_WALL_SYSCALLS)

/* And where they are, but nobody is told. */
#define NEED_LISTENER()                                                              \
	do {                                                                         \
		const struct sandbox_wall_state *listener_state = sandbox_host_wall( \
			box_host(), SANDBOX_WALL_SYSCALLS);                          \
		if (listener_state->standing != SANDBOX_YES)                         \
			SKIP(listener_state->detail);                                \
	} while (0)

/* A container's filter refuses in its own words, and before ours is asked. */
#define NEED_NO_OTHER_FILTER()                                                                     \
	do {                                                                                       \
		char filter_status[4096] = "";                                                     \
		fd_read_file(AT_FDCWD, "/proc/self/status", filter_status, sizeof(filter_status)); \
		if (strstr(filter_status, "\nSeccomp:\t2"))                                        \
			SKIP("there is a filter of system calls around this one");                 \
	} while (0)

static const struct sandbox_denial *find_denial(const struct box_run *run, const char *call,
                                                const char *with)
{
	for (size_t i = 0; i < run->denial_count && i < BOX_MAX_DENIALS; i++) {
		const struct sandbox_denial *denial = &run->denials[i];
		if (strcmp(denial->call, call) == 0 &&
		    (with ? denial->with && strcmp(denial->with, with) == 0 : !denial->with))
			return denial;
	}
	return NULL;
}

/* ---- the abuse list ------------------------------------------------------------------ */

static void test_other_processes_cannot_be_looked_into(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:ptrace:0", "EPERM" }, { "call:ptrace:16:1", "EPERM" },
	          { "call:process_vm_readv:1", "EPERM" }, { "call:process_vm_writev:1", "EPERM" },
	          { "call:process_madvise", "EPERM or absent" }, { "call:kcmp:1:2", "EPERM" },
	          { "call:pidfd_getfd:0:0", "EPERM" });
}

static void test_the_kernel_cannot_be_watched_or_changed(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:bpf", "EPERM" }, { "call:perf_event_open", "EPERM" },
	          { "call:userfaultfd", "EPERM" }, { "call:syslog:3", "EPERM" },
	          { "call:lookup_dcookie", "EPERM" }, { "call:init_module", "EPERM" },
	          { "call:finit_module", "EPERM" }, { "call:delete_module", "EPERM" },
	          { "call:kexec_load", "EPERM" }, { "call:kexec_file_load", "EPERM or absent" },
	          { "call:reboot", "EPERM" }, { "call:iopl:3", "EPERM or absent" },
	          { "call:ioperm:0:1:1", "EPERM or absent" });
}

static void test_key_rings_are_closed(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:keyctl", "EPERM" }, { "call:add_key", "EPERM" },
	          { "call:request_key", "EPERM" });
}

static void test_no_namespace_can_be_made_or_entered(void)
{
	static const unsigned long flags[] = { CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNS,
		                               CLONE_NEWNET,  CLONE_NEWIPC, CLONE_NEWUTS };
	char words[12][32];

	NEED_FILTER();
	for (size_t i = 0; i < 6; i++) {
		snprintf(words[i], sizeof(words[i]), "call:clone:%lu", flags[i] | SIGCHLD);
		snprintf(words[6 + i], sizeof(words[i]), "call:unshare:%lu", flags[i]);
	}
#ifdef __s390__
	SKIP("clone has its arguments in another order");
#endif
	BOX_CHECK(NULL, { words[0], "EPERM" }, { words[1], "EPERM" }, { words[2], "EPERM" },
	          { words[3], "EPERM" }, { words[4], "EPERM" }, { words[5], "EPERM" },
	          { words[6], "EPERM" }, { words[7], "EPERM" }, { words[8], "EPERM" },
	          { words[9], "EPERM" }, { words[10], "EPERM" }, { words[11], "EPERM" },
	          { "call:clone3:0:88", "ENOSYS" }, { "call:setns", "EPERM" },
	          { "write:/proc/self/uid_map", "EPERM or EACCES" });
}

static void test_no_sandbox_within(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:seccomp:1", "EPERM" }, { "call:seccomp:2", "EPERM" },
	          { "call:prctl:22:2", "EPERM" });
}

static void test_the_file_system_stays_as_it_is(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:chroot", "EPERM" }, { "chroot:/tmp", "EPERM" },
	          { "call:pivot_root", "EPERM" }, { "mount:/tmp", "EPERM" },
	          { "remount:/", "EPERM" }, { "umount:/tmp", "EPERM" },
	          { "call:mount_setattr", "EPERM or absent" }, { "call:move_mount", "EPERM" },
	          { "call:open_tree", "EPERM" }, { "call:fsopen", "EPERM" },
	          { "call:fsmount", "EPERM" }, { "call:fsconfig", "EPERM" },
	          { "call:fspick", "EPERM" }, { "call:open_by_handle_at", "EPERM" },
	          { "call:fanotify_init", "EPERM" }, { "call:quotactl", "EPERM" },
	          { "call:acct", "EPERM" }, { "call:swapon", "EPERM" },
	          { "call:swapoff", "EPERM" });
}

static void test_clock_and_names_are_the_machines(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:settimeofday", "EPERM" }, { "call:clock_settime", "EPERM" },
	          { "call:adjtimex", "EPERM" }, { "call:clock_adjtime", "EPERM" },
	          { "sethostname:x", "EPERM" }, { "call:setdomainname", "EPERM" },
	          { "call:vhangup", "EPERM" });
}

static void test_nothing_is_typed_into_terminals(void)
{
	char inject[48], disguised[48], paste[48], harmless[48];

	NEED_FILTER();
	snprintf(inject, sizeof(inject), "call:ioctl:0:%#lx", (unsigned long)TIOCSTI);
	snprintf(disguised, sizeof(disguised), "call:ioctl:0:%#llx", 0x100000000ull | TIOCSTI);
	snprintf(paste, sizeof(paste), "call:ioctl:0:%#lx", (unsigned long)TIOCLINUX);
	snprintf(harmless, sizeof(harmless), "call:ioctl:0:%#lx", (unsigned long)TIOCGWINSZ);
	BOX_CHECK(NULL, { inject, "EPERM" }, { disguised, "EPERM" }, { paste, "EPERM" },
	          { harmless, "ENOTTY" });
}

static void test_memory_is_placed_by_the_kernel(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:mbind", "EPERM" }, { "call:set_mempolicy", "EPERM" },
	          { "call:migrate_pages", "EPERM" }, { "call:move_pages", "EPERM" });
}

/* Harmless ones can be had where somebody looks at them. */
static void test_the_personality_stays(void)
{
	NEED_LISTENER();
	NEED_NO_OTHER_FILTER();
	BOX_CHECK(NULL, { "call:personality:0x40000", "EPERM" },
	          { "call:personality:0x400000", "EPERM" }, { "call:personality:0", "ok" },
	          { "call:personality:8", "ok" }, { "call:personality:0xffffffff", "ok" });
}

static void test_nobody_becomes_somebody_else(void)
{
	NEED_LISTENER();
	NEED(SANDBOX_WALL_IDENTITY);
	BOX_CHECK(NULL, { "call:setuid:0", "EPERM" }, { "call:setuid:1000", "EPERM" },
	          { "call:setreuid:0:0", "EPERM" }, { "setuid:0", "EPERM" },
	          { "call:setgid:0", "EPERM" }, { "call:setregid:0:0", "EPERM" },
	          { "setgid:0", "EPERM" }, { "setgroups", "EPERM" }, { "call:setuid:993", "ok" },
	          { "call:setresgid:990:990:990", "ok" }, { "uid", "993 993 993" },
	          { "gid", "990 990 990" });
}

static void test_foreign_architectures_are_not_there(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "foreign:i386", "ENOSYS or signal 11" }, { "foreign:x32", "ENOSYS" });
}

static void test_sockets_are_of_few_kinds(void)
{
	NEED_FILTER();
	BOX_CHECK(NULL, { "call:socket:1:1", "ok" }, { "call:socket:2:1", "ok" },
	          { "call:socket:2:2", "ok" }, { "call:socket:16:3", "ok" },
	          { "call:socket:2:3:1", "EPERM" }, { "call:socket:10:3:58", "EPERM" },
	          { "call:socket:2:0x80003:255", "EPERM" }, { "call:socket:2:10", "EPERM" },
	          { "call:socket:17:3", "EPERM" }, { "call:socket:17:2", "EPERM" },
	          { "call:socket:15:3", "EAFNOSUPPORT" }, { "call:socket:29:3", "EAFNOSUPPORT" },
	          { "call:socket:31:3", "EAFNOSUPPORT" }, { "call:socket:38:5", "EAFNOSUPPORT" },
	          { "call:socket:40:1", "EAFNOSUPPORT" }, { "call:socket:44:3", "EAFNOSUPPORT" },
	          { "call:socket:0x100000026:5", "EAFNOSUPPORT" });
}

static void test_io_uring_is_not_there(void)
{
	static struct box_run run;

	NEED_FILTER();
	BOX_CHECK(NULL, { "call:io_uring_setup:8", "ENOSYS" }, { "call:io_uring_enter", "ENOSYS" },
	          { "call:io_uring_register", "ENOSYS" });
	box_run(&run, NULL, "call:io_uring_setup:8", "call:clone3", "foreign:x32");
	CHECK_INT(run.denial_count, 0);
}

/* ---- nothing else --------------------------------------------------------------------- */

static void test_ordinary_programs_notice_nothing(void)
{
	static struct box_run run;

	NEED_FILTER();
	box_run(&run, NULL, "uid", "pid", "cwd", "fds", "pids", "write:/tmp/x", "exec-copy:/tmp/y",
	        "fork:3", "daemon", "shm-open:/x", "msgget:0x77", "spin:1", "eat:4", "call:getppid",
	        "kill:-1:0", "nice:1", "open-files");
	CHECK_INT(run.denial_count, 0);
	BOX_CHECK(NULL, { "exec-copy:/tmp/y", "ok" }, { "fork:3", "3 ok" }, { "daemon", "ok" });
}

static void test_the_filter_can_be_left_out(void)
{
	NEED_FILTER();
	NEED_NO_OTHER_FILTER();
	sandbox_host_set_syscalls(box_host(), SANDBOX_SYSCALLS_OFF);
	const struct sandbox_wall_state *state = sandbox_host_wall(box_host(),
	                                                           SANDBOX_WALL_SYSCALLS);
	CHECK_INT(state->standing, SANDBOX_NO);
	CHECK(state->detail[0]);
	BOX_CHECK(NULL, { "status:Seccomp_filters", "0 or none" }, { "call:unshare", "ok" },
	          { "call:kcmp", "ESRCH" }, { "call:clone3", "EINVAL" },
	          { "call:personality:0x40000", "ok" });
	sandbox_host_set_syscalls(box_host(), SANDBOX_SYSCALLS_DEFAULT);
	CHECK(sandbox_host_wall(box_host(), SANDBOX_WALL_SYSCALLS)->standing != SANDBOX_NO);
	BOX_CHECK(NULL, { "call:unshare", "EPERM" });
}

static void test_strict_refuses_what_it_does_not_know(void)
{
	static struct box_run run;

	NEED_LISTENER();
	NEED_NO_OTHER_FILTER();
	sandbox_host_set_syscalls(box_host(), SANDBOX_SYSCALLS_STRICT);
	BOX_CHECK(NULL, { "call:fanotify_mark", "ENOSYS" }, { "call:ptrace", "EPERM" },
	          { "call:io_uring_setup", "ENOSYS" }, { "call:socket:2:3:1", "EPERM" },
	          { "call:socket:2:1", "ok" }, { "call:prctl:15", "EPERM" },
	          { "call:unshare", "EPERM" }, { "exec-copy:/tmp/y", "ok" }, { "fork:3", "3 ok" },
	          { "daemon", "ok" }, { "write:/tmp/x", "ok" }, { "call:setuid:993", "ok" });
	box_run(&run, NULL, "call:fanotify_mark", "call:ptrace", "call:prctl:15");
	sandbox_host_set_syscalls(box_host(), SANDBOX_SYSCALLS_DEFAULT);
	CHECK_INT(run.denial_count, 3);
	const struct sandbox_denial *unlisted = find_denial(&run, "fanotify_mark(2)", NULL);
	const struct sandbox_denial *listed = find_denial(&run, "ptrace(2)", NULL);
	CHECK(unlisted && unlisted->is_strict);
	CHECK(listed && !listed->is_strict);
	const struct sandbox_denial *name = find_denial(&run, "prctl(2)", "PR_SET_NAME");
	CHECK(name && name->is_strict);
}

#define OTHERS "other system calls"

/* ---- who is told ------------------------------------------------------------------------ */

static void test_a_denial_says_who_and_what(void)
{
	static struct box_run run;

	NEED_LISTENER();
	NEED_NO_OTHER_FILTER();
	box_run(&run, NULL, "pid", "call:ptrace", "call:socket:2:3:1", "call:clone:0x10000011");
	CHECK_INT(run.denial_count, 3);
	const struct sandbox_denial *denial = find_denial(&run, "ptrace(2)", NULL);
	if (!CHECK(denial))
		return;
	CHECK_STR(denial->name, "probe");
	CHECK_INT(denial->pid, atoi(box_says(&run, "pid")));
	CHECK_INT(denial->count, 1);
	CHECK_INT(denial->phase, 0);
	CHECK(!denial->is_repeated && !denial->is_strict);
	CHECK(find_denial(&run, "socket(2)", "SOCK_RAW"));
	CHECK(find_denial(&run, "clone(2)", "CLONE_NEWUSER"));
}

static void test_children_are_under_it_too(void)
{
	static struct box_run run;

	NEED_LISTENER();
	box_run(&run, NULL, "pid", "child-call:ptrace");
	CHECK_STR(box_says(&run, "child-call:ptrace"), "EPERM");
	const struct sandbox_denial *denial = find_denial(&run, "ptrace(2)", NULL);
	CHECK(denial && denial->pid > atoi(box_says(&run, "pid")));
}

/* Each call is refused and counted; few are told. */
static void test_a_flood_is_summed_up(void)
{
	static struct box_run run;
	unsigned count = 0;

	NEED_LISTENER();
	box_run(&run, NULL, "flood:3000:ptrace");
	CHECK_STR(box_says(&run, "flood:3000:ptrace"), "3000");
	for (size_t i = 0; i < run.denial_count && i < BOX_MAX_DENIALS; i++) {
		count += run.denials[i].count;
		CHECK_INT(run.denials[i].is_repeated, i > 0);
	}
	CHECK_INT(count, 3000);
	CHECK(run.denial_count >= 2 && run.denial_count < 20);
}

/* As many kinds as a program can think of, here by phases; in the end they share a place. */
static void test_many_kinds_are_told_together(void)
{
	static struct box_run run;

	NEED_LISTENER();
	box_start(&run, NULL, "flood:100000000:ptrace");
	for (unsigned phase = 0; phase < 100 && !find_denial(&run, OTHERS, NULL); phase++) {
		size_t told = run.denial_count;
		sandbox_set_phase(run.box, phase);
		BOX_UNTIL(&run, run.denial_count > told);
	}
	sandbox_kill(run.box);
	BOX_UNTIL(&run, run.gone);
	CHECK(find_denial(&run, OTHERS, NULL));
	CHECK(run.denial_count <= BOX_MAX_DENIALS);
	box_end(&run);
}

static void test_the_phase_is_that_of_the_call(void)
{
	static struct box_run run;

	NEED_LISTENER();
	box_start(&run, NULL, "flood:100000000:ptrace");
	BOX_UNTIL(&run, run.denial_count >= 1);
	CHECK_INT(run.denials[0].phase, 0);
	/* Those that were counted since are told after a second. */
	BOX_UNTIL(&run, run.denial_count >= 2);
	CHECK_INT(run.denials[1].phase, 0);
	CHECK(run.denials[1].is_repeated && run.denials[1].count >= 1);
	CHECK_STR(run.denials[1].name, "probe");
	sandbox_set_phase(run.box, 7);
	BOX_UNTIL(&run, run.denial_count >= 3);
	CHECK_INT(run.denials[2].phase, 7);
	CHECK(!run.denials[2].is_repeated);
	box_end(&run);
}

/* Its call waits for an answer that does not come. */
static void test_a_waiting_program_can_be_killed(void)
{
	static struct box_run run;

	NEED_LISTENER();
	box_start(&run, NULL, "flood:100000000:ptrace");
	BOX_UNTIL(&run, run.denial_count >= 1);
	struct pollfd waiting = { .fd = sandbox_fd(run.box), .events = POLLIN };
	CHECK_INT(poll(&waiting, 1, BOX_PATIENCE_MS), 1);
	sandbox_kill(run.box);
	BOX_UNTIL(&run, run.gone);
	CHECK(run.gone);
	box_end(&run);
}

static void test_no_descriptor_is_left(void)
{
	static struct box_run run;

	NEED_FILTER();
	box_run(&run, NULL, "call:ptrace");
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(before);
	for (int i = 0; i < 5; i++)
		box_run(&run, NULL, "child-call:ptrace", "call:ptrace");
	int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(after);
	CHECK_INT(after, before);
	BOX_CHECK(NULL, { "fds", "0 1 2" });
}

TEST_MAIN(test_other_processes_cannot_be_looked_into, test_the_kernel_cannot_be_watched_or_changed,
          test_key_rings_are_closed, test_no_namespace_can_be_made_or_entered,
          test_no_sandbox_within, test_the_file_system_stays_as_it_is,
          test_clock_and_names_are_the_machines, test_nothing_is_typed_into_terminals,
          test_memory_is_placed_by_the_kernel, test_the_personality_stays,
          test_nobody_becomes_somebody_else, test_foreign_architectures_are_not_there,
          test_sockets_are_of_few_kinds, test_io_uring_is_not_there,
          test_ordinary_programs_notice_nothing, test_the_filter_can_be_left_out,
          test_strict_refuses_what_it_does_not_know, test_a_denial_says_who_and_what,
          test_children_are_under_it_too, test_a_flood_is_summed_up,
          test_many_kinds_are_told_together, test_the_phase_is_that_of_the_call,
          test_a_waiting_program_can_be_killed, test_no_descriptor_is_left)
