/* SPDX-License-Identifier: Apache-2.0 */
/*
 * degraded - machines on which walls cannot stand: each is named with its reason, and boxes work
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "sandbox/landlock.h"
#include "tests/box/machine.h"

static void refuse_one(long call, int code)
{
	struct filter filter = { .length = 0 };

	load(&filter, offsetof(struct seccomp_data, nr));
	refuse(&filter, call, code);
	install(&filter);
}

/* ---- as in Docker --------------------------------------------------------------- */

static const struct sandbox_wall_state *state_of(enum sandbox_wall wall)
{
	return sandbox_host_wall(box_host(), wall);
}

static void check_missing(enum sandbox_wall wall)
{
	test_case(sandbox_wall_name(wall));
	CHECK_INT(state_of(wall)->standing, SANDBOX_NO);
	CHECK(strstr(state_of(wall)->detail, "Operation not permitted") != NULL);
	CHECK(strstr(state_of(wall)->detail, "; ") != NULL);
}

static void see_the_walls(void)
{
	become_docker();
	CHECK(!sandbox_host_has_root(box_host()));
	if (landlock_abi() == 0)
		check_missing(SANDBOX_WALL_FILES);
	else
		CHECK_STR(state_of(SANDBOX_WALL_FILES)->mechanism, "Landlock");
	test_case("tmp");
	CHECK_INT(state_of(SANDBOX_WALL_TMP)->standing, SANDBOX_PARTLY);
	CHECK(strstr(state_of(SANDBOX_WALL_TMP)->detail, "/tmp") != NULL);
	check_missing(SANDBOX_WALL_IPC);
	check_missing(SANDBOX_WALL_HOSTNAME);
	test_case("identity");
	CHECK_INT(sandbox_host_wall(box_host(), SANDBOX_WALL_IDENTITY)->standing,
	          geteuid() == 0 ? SANDBOX_YES : SANDBOX_NO);
	test_case(NULL);
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		printf("# %s\n", state_of((enum sandbox_wall)wall)->detail);
}

static void test_missing_walls_have_reasons(void)
{
	IN_CHILD(see_the_walls());
}

static void require_walls(void)
{
	struct error err = { .code = 0 };

	become_docker();
	CHECK(!sandbox_probe(SANDBOX_AUTO, 1u << SANDBOX_WALL_IPC, &err));
	CHECK(strstr(err.text, "ipc (") && !strstr(err.text, "hostname ("));
	CHECK(!sandbox_probe(SANDBOX_FULL, 0, &err));
	CHECK(strstr(err.text, "ipc (") && strstr(err.text, "hostname ("));
}

static void test_required_walls(void)
{
	IN_CHILD(require_walls());
}

/* It is not one of all walls, but one that nothing replaces. */
static void want_no_network(void)
{
	struct error err = { .code = 0 };

	become_docker();
	CHECK(!sandbox_host_set_network(box_host(), SANDBOX_NETWORK_NONE, &err));
	printf("# %s\n", err.text);
	CHECK(strstr(err.text, "no network of its own: ") && strstr(err.text, "; "));
	const struct sandbox_wall_state *state = sandbox_host_wall(box_host(),
	                                                           SANDBOX_WALL_NETWORK);
	CHECK_INT(state->standing, SANDBOX_NO);
	CHECK(!state->by_choice);
	CHECK(strstr(err.text, state->detail) != NULL);
	CHECK(sandbox_host_set_network(box_host(), SANDBOX_NETWORK_HOST, &err));
	CHECK(state->by_choice && strstr(state->detail, "by choice"));
}

static void test_no_network_is_not_possible(void)
{
	IN_CHILD(want_no_network());
}

static void run_a_box(void)
{
	static struct box_run run;

	become_docker();
	BOX_CHECK(NULL, { "status:NoNewPrivs", "1" }, { "status:CapEff", "0000000000000000" },
	          { "session", "own" }, { "fds", "0 1 2" }, { "signals", "standard but SIGXFSZ" },
	          { "limit:files", "1024 1024" }, { "write:/usr/x", "EACCES" },
	          { "setuid:0", "EPERM" });
	box_run(&run, NULL, "exit:3");
	CHECK_INT(run.status, W_EXITCODE(3, 0));
	box_run(&run, NULL, "eat:30", "exit:0");
	CHECK(run.peak >= MB(30) && run.peak < MB(35));
	box_start(&run, NULL, "family:3:10", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	uint64_t peak = 0;
	CHECK(sandbox_memory_peak(run.box, &peak));
	CHECK(peak >= MB(30) && peak < MB(40));
	box_end(&run);
}

static void test_boxes_work_without_namespaces(void)
{
	IN_CHILD(run_a_box());
}

/* A folder that everybody may write to, as far as permissions go. */
static const char *open_folder(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/var/tmp/lrie-box-XXXXXX");
	if (!mkdtemp(path) || chmod(path, 0777) == -1)
		box_die("mkdtemp");
	box_put(path, "file", "text", 0666);
	return path;
}

/* "verb:folder/name". Valid until the next call but fifteen. */
static const char *word(const char *verb, const char *folder, const char *name)
{
	static char words[16][128];
	static unsigned next;
	char *made = words[next++ % 16];

	snprintf(made, sizeof(words[0]), "%s:%s/%s", verb, folder, name);
	return made;
}

/* What permissions allow, Landlock takes away, but for /tmp and the devices. */
static void write_everywhere(const char *elsewhere, const char *in_tmp)
{
	become_docker();
	BOX_CHECK(NULL, { word("write", elsewhere, "new"), "EACCES" },
	          { word("mkdir", elsewhere, "new"), "EACCES" },
	          { word("write", elsewhere, "file"), "EACCES" },
	          { word("unlink", elsewhere, "file"), "EACCES" },
	          { word("read", elsewhere, "file"), "text" }, { "write:/dev/null", "ok" },
	          { "write:/dev/zero", "ok" }, { "write:/dev/full", "ENOSPC" },
	          { "shm-open:/lrie-degraded", "EACCES" }, { "write:/proc/self/comm", "EACCES" });
	if (landlock_abi() >= LANDLOCK_ABI_TRUNCATE)
		BOX_CHECK(NULL, { word("truncate", elsewhere, "file"), "EACCES" });
	BOX_CHECK(NULL, { word("write", in_tmp, "new"), "ok" },
	          { word("truncate", in_tmp, "new"), "ok" },
	          { word("unlink", in_tmp, "new"), "ok" },
	          { word("mkdir", in_tmp, "folder"), "ok" },
	          { word("write", in_tmp, "folder/new"), "ok" },
	          { word("unlink", in_tmp, "folder/new"), "ok" },
	          { word("exec-copy", in_tmp, "copy"), "ok" });
}

/* As where the file system itself is read-only. Links lead where they lead. */
static void report_writes(const char *elsewhere, const char *in_tmp)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	become_docker();
	if (sandbox_host_wall(box_host(), SANDBOX_WALL_SYSCALLS)->standing != SANDBOX_YES)
		return;
	spec.report_writes = true;
	box_run(&run, &spec, word("file:create", elsewhere, "new"),
	        word("file:append", elsewhere, "file"), word("file:unlink", elsewhere, "file"),
	        word("file:create", elsewhere, "no/such/folder"), word("cd", elsewhere, "."),
	        "file:mkdir:relative", word("file:create", in_tmp, "new"),
	        word("file:create", elsewhere, "to-tmp/new"), "file:write:/dev/null");
	CHECK_INT(run.write_count, 4);
	CHECK(strcmp(run.writes[0].path + strlen(elsewhere), "/new") == 0);
	CHECK_INT(run.writes[1].kind, SANDBOX_WRITE_CONTENT);
	CHECK_STR(run.writes[0].name, "probe");
	CHECK_INT(run.writes[2].missing, strlen(elsewhere) + strlen("/no"));
	CHECK(strcmp(run.writes[3].path + strlen(elsewhere), "/relative") == 0);
}

static void test_failed_writes_without_namespaces(void)
{
	char link[PATH_MAX];

	if (landlock_abi() == 0)
		SKIP("the kernel has no Landlock");
	const char *elsewhere = open_folder(), *in_tmp = box_folder();
	CHECK(chmod(in_tmp, 0777) == 0);
	snprintf(link, sizeof(link), "%s/to-tmp", elsewhere);
	CHECK(symlink(in_tmp, link) == 0);
	IN_CHILD(report_writes(elsewhere, in_tmp));
	box_remove(elsewhere);
	box_remove(in_tmp);
}

static void test_writing_without_namespaces(void)
{
	if (landlock_abi() == 0)
		SKIP("the kernel has no Landlock");
	const char *elsewhere = open_folder(), *in_tmp = box_folder();
	CHECK(chmod(in_tmp, 0777) == 0);
	IN_CHILD(write_everywhere(elsewhere, in_tmp));
	box_remove(elsewhere);
	box_remove(in_tmp);
}

/* Where /tmp has no end, a file has; and who goes on beyond it is not killed for that. */
static void fill_a_file(const char *in_tmp)
{
	struct sandbox_spec spec = box_spec();

	become_docker();
	BOX_CHECK(&spec, { word("fill", in_tmp, "file"), "16 EFBIG" });
}

static void test_files_are_bounded_without_namespaces(void)
{
	const char *in_tmp = box_folder();

	CHECK(chmod(in_tmp, 0777) == 0);
	IN_CHILD(fill_a_file(in_tmp));
	box_remove(in_tmp);
}

/* A kernel without Landlock, or a filter that does not know it. */
static void live_without_landlock(void)
{
	become_docker();
	refuse_one(444 /* landlock_create_ruleset */, ENOSYS);
	check_missing(SANDBOX_WALL_FILES);
	BOX_CHECK(NULL, { "write:/usr/x", "EACCES" }, { "setuid:0", "EPERM or EINVAL" });
}

static void test_no_landlock(void)
{
	IN_CHILD(live_without_landlock());
}

static bool all_dead(void)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (uint64_t end = box_now() + 2000000000; box_now() < end;) {
		pid_t pid = waitpid(-1, NULL, WNOHANG | __WALL);
		if (pid == -1 && errno == ECHILD)
			return true;
		if (pid <= 0)
			nanosleep(&pause, NULL);
	}
	return false;
}

/* Without a pid namespace init has to hunt them down itself. */
static void hunt_daemons(void)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	become_docker();
	spec.processes = 0;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	box_start(&run, &spec, "ignore", "daemon", "fork:20", "daemon", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	sandbox_kill(run.box);
	BOX_UNTIL(&run, false);
	CHECK(run.gone);
	box_end(&run);
	CHECK(all_dead());
}

static void test_daemons_end_without_namespaces(void)
{
	IN_CHILD(hunt_daemons());
}

static void die_with_daemons(int report)
{
	static struct box_run run;
	char byte = 0;

	box_start(&run, NULL, "ignore", "daemon", "fork:5", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	if (write(report, &byte, 1) == -1)
		_exit(1);
	for (;;)
		pause();
}

static void kill_lrie(void)
{
	int report[2];
	char byte;

	become_docker();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(report, O_CLOEXEC) == -1)
		box_die("pipe");
	pid_t lrie = fork();
	if (lrie == 0)
		die_with_daemons(report[1]);
	close(report[1]);
	CHECK(read(report[0], &byte, 1) == 1);
	kill(lrie, SIGKILL);
	CHECK(all_dead());
}

static void test_nothing_survives_lrie_without_namespaces(void)
{
	IN_CHILD(kill_lrie());
}

/* ---- one call missing ------------------------------------------------------------------ */

/* Whatever is refused, lrie finds a way, or says why there is none, at once. */
static void live_without(long call, int code)
{
	static struct box_run run;

	refuse_one(call, code);
	box_host();
	box_run(&run, NULL, "exit:3");
	CHECK(run.exited && run.gone);
	CHECK_INT(run.status, W_EXITCODE(3, 0));
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		const struct sandbox_wall_state *state = sandbox_host_wall(box_host(),
		                                                           (enum sandbox_wall)wall);
		CHECK(state->standing == SANDBOX_YES || state->detail[0]);
	}
}

static void test_every_step_may_fail(void)
{
	static const struct {
		const char *name;
		long number;
	} calls[] = {
		{ "clone3", SYS_clone3 },
		{ "mount", SYS_mount },
		{ "umount2", SYS_umount2 },
		{ "pivot_root", SYS_pivot_root },
		{ "fsopen", SYS_fsopen },
		{ "fsconfig", SYS_fsconfig },
		{ "fsmount", SYS_fsmount },
		{ "open_tree", SYS_open_tree },
		{ "move_mount", SYS_move_mount },
		{ "mount_setattr", SYS_mount_setattr },
		{ "sethostname", SYS_sethostname },
		{ "mkdirat", SYS_mkdirat },
		{ "symlinkat", SYS_symlinkat },
		{ "setresuid", SYS_setresuid },
		{ "setresgid", SYS_setresgid },
		{ "setgroups", SYS_setgroups },
		{ "flock", SYS_flock },
		{ "close_range", SYS_close_range },
		{ "pidfd_send_signal", SYS_pidfd_send_signal },
		{ "seccomp", SYS_seccomp },
		{ "landlock_create_ruleset", 444 },
		{ "landlock_add_rule", 445 },
		{ "landlock_restrict_self", 446 },
	};
	static const int codes[] = { EPERM, ENOSYS };

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		for (size_t j = 0; j < 2; j++) {
			char label[64];
			snprintf(label, sizeof(label), "%s: %s", calls[i].name, strerror(codes[j]));
			test_case(label);
			IN_CHILD(live_without(calls[i].number, codes[j]));
		}
	}
}

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

/* A refusal that the low half of an argument decides: BPF_JEQ or BPF_JSET with 'value'. */
static void refuse_with(long call, unsigned argument, unsigned test, unsigned value, int code)
{
	struct filter filter = { .length = 0 };

	load(&filter, offsetof(struct seccomp_data, nr));
	add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 3));
	load(&filter, offsetof(struct seccomp_data, args[argument]) + LOW_HALF);
	add(&filter, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, 0, 1));
	add(&filter,
	    (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code));
	install(&filter);
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

TEST_MAIN(test_missing_walls_have_reasons, test_required_walls, test_no_network_is_not_possible,
          test_boxes_work_without_namespaces, test_writing_without_namespaces,
          test_failed_writes_without_namespaces, test_files_are_bounded_without_namespaces,
          test_no_landlock, test_daemons_end_without_namespaces,
          test_nothing_survives_lrie_without_namespaces, test_every_step_may_fail,
          test_somebody_else_has_the_listener, test_seccomp_is_refused, test_old_kernels,
          test_no_filter_at_all, test_probe_says_the_same_each_time, test_words_for_walls)
