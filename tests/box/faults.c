/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults - every call of a box's set-up, refused: a wall that is missing with its reason, or a
 * clear error, and never a hang
 */
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "sandbox/landlock.h"
#include "tests/box/machine.h"

/* Far more than a start takes that is given up: init and the rehearsal each have a bound. */
#define FAULT_SECONDS 30

#ifdef SYS_setresuid32
#	define FAULT_SETRESUID SYS_setresuid32
#	define FAULT_SETRESGID SYS_setresgid32
#	define FAULT_SETGROUPS SYS_setgroups32
#else
#	define FAULT_SETRESUID SYS_setresuid
#	define FAULT_SETRESGID SYS_setresgid
#	define FAULT_SETGROUPS SYS_setgroups
#endif

struct fault {
	const char *name;
	long call;
	const char *error; /* no box can be had without it, as this says; NULL: one can */
	unsigned argument; /* that must have 'value' ... */
	unsigned value;    /* ... unless this is 0 */
};

static const struct fault faults[] = {
	/* forking */
	{ "clone3", SYS_clone3, NULL, 0, 0 },
	{ "socketpair", SYS_socketpair, "create the box's socket", 0, 0 },
	{ "setsockopt", SYS_setsockopt, "prepare the box's socket", 0, 0 },
	{ "epoll_create1", SYS_epoll_create1, "create an epoll instance", 0, 0 },
	{ "epoll_ctl", SYS_epoll_ctl, "watch a box", 0, 0 },
	{ "signalfd4", SYS_signalfd4, "create a signalfd", 0, 0 },
	{ "memfd_create", SYS_memfd_create, "pass on the arguments of 'rehearsal'", 0, 0 },
	{ "setsid", SYS_setsid, "start a session of 'rehearsal'", 0, 0 },
	{ "dup3", SYS_dup3, "keep the box's socket", 0, 0 },
	{ "close_range", 436, NULL, 0, 0 },
	{ "pidfd_open", 434, NULL, 0, 0 },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, NULL, 0, 0 },
	{ "eventfd2", SYS_eventfd2, NULL, 0, 0 },
	{ "timerfd_create", SYS_timerfd_create, NULL, 0, 0 },
	{ "getdents64", SYS_getdents64, NULL, 0, 0 },
	{ "prctl, parent's death", SYS_prctl, "change the user of 'rehearsal'", 0,
	  PR_SET_PDEATHSIG },
	{ "prctl, dumpable", SYS_prctl, "become undumpable", 0, PR_SET_DUMPABLE },
	{ "prctl, subreaper", SYS_prctl, NULL, 0, PR_SET_CHILD_SUBREAPER },
	/* namespaces and what is made in them */
	{ "unshare", SYS_unshare, NULL, 0, 0 },
	{ "setns", SYS_setns, NULL, 0, 0 },
	{ "sethostname", SYS_sethostname, NULL, 0, 0 },
	{ "mount", SYS_mount, NULL, 0, 0 },
	{ "umount2", SYS_umount2, NULL, 0, 0 },
	{ "pivot_root", SYS_pivot_root, NULL, 0, 0 },
	{ "fsopen", SYS_fsopen, NULL, 0, 0 },
	{ "fsconfig", SYS_fsconfig, NULL, 0, 0 },
	{ "fsmount", SYS_fsmount, NULL, 0, 0 },
	{ "open_tree", SYS_open_tree, NULL, 0, 0 },
	{ "move_mount", SYS_move_mount, NULL, 0, 0 },
	{ "mount_setattr", 442, NULL, 0, 0 },
	{ "openat2", 437, NULL, 0, 0 },
	{ "mkdirat", SYS_mkdirat, NULL, 0, 0 },
	{ "symlinkat", SYS_symlinkat, NULL, 0, 0 },
	{ "unlinkat", SYS_unlinkat, NULL, 0, 0 },
	{ "fchdir", SYS_fchdir, NULL, 0, 0 },
	{ "flock", SYS_flock, NULL, 0, 0 },
	{ "openat, to write", SYS_openat, NULL, 2, O_WRONLY | O_CLOEXEC },
	{ "openat, to read and write", SYS_openat, "open '/dev/null'", 2, O_RDWR | O_CLOEXEC },
	/* becoming a program */
	{ "setresuid", FAULT_SETRESUID, NULL, 0, 0 },
	{ "setresgid", FAULT_SETRESGID, NULL, 0, 0 },
	{ "setgroups", FAULT_SETGROUPS, NULL, 0, 0 },
	{ "capset", SYS_capset, "change the user of 'rehearsal'", 0, 0 },
	{ "keyctl", SYS_keyctl, NULL, 0, 0 },
	{ "prctl, bounding set", SYS_prctl, NULL, 0, PR_CAPBSET_DROP },
	{ "prctl, ambient set", SYS_prctl, "change the user of 'rehearsal'", 0, PR_CAP_AMBIENT },
	{ "prctl, no new privileges", SYS_prctl, "set no_new_privs", 0, PR_SET_NO_NEW_PRIVS },
	{ "prlimit64", SYS_prlimit64, "set the resource limits of 'rehearsal'", 0, 0 },
	{ "sched_setaffinity", SYS_sched_setaffinity, NULL, 0, 0 },
	{ "chdir", SYS_chdir, "enter the working directory '/'", 0, 0 },
	{ "landlock_create_ruleset", 444, NULL, 0, 0 },
	{ "landlock_add_rule", 445, NULL, 0, 0 },
	{ "landlock_restrict_self", 446, NULL, 0, 0 },
	{ "seccomp", SYS_seccomp, NULL, 0, 0 },
};

/* ---- what is to be the case ------------------------------------------------------ */

/* Each wall that does not stand says why, and can be required in vain. */
static void check_walls(void)
{
	unsigned missing = 0;
	struct error err = { .code = 0 };

	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		const struct sandbox_wall_state *state = sandbox_host_wall(box_host(),
		                                                           (enum sandbox_wall)wall);
		CHECK(state->standing == SANDBOX_YES || state->detail[0]);
		if (state->standing == SANDBOX_NO)
			missing |= 1u << wall;
	}
	box_forget_host();
	CHECK(!missing || !sandbox_probe(SANDBOX_AUTO, missing, &err));
	CHECK(!missing || strncmp(err.text, "missing walls: ", 15) == 0);
}

static void check_a_box(void)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	spec.processes = 0; /* RLIMIT_NPROC would count what other boxes of this machine have */
	box_run(&run, &spec, "exit:3");
	CHECK(run.exited && run.gone);
	CHECK_INT(run.status, W_EXITCODE(3, 0));
	CHECK_STR(run.error.text, "");
}

static void live_without(const struct fault *fault, int code)
{
	struct error err = { .code = 0 };

	alarm(FAULT_SECONDS * box_slow());
	if (fault->value)
		refuse_with(fault->call, (unsigned)fault->argument, BPF_JEQ, fault->value, code);
	else
		refuse_one(fault->call, code);
	struct sandbox_host *host = sandbox_probe(SANDBOX_AUTO, 0, &err);
	if (fault->error || !host) {
		char text[256] = "";
		if (fault->error)
			snprintf(text, sizeof(text), "%s: %s", fault->error, strerror(code));
		CHECK(!host);
		if (strncmp(err.text, text, strlen(text)) != 0)
			CHECK_STR(err.text, text);
	} else {
		sandbox_host_destroy(host);
		check_a_box();
		check_walls();
	}
}

static void test_every_step_may_fail(void)
{
	static const int codes[] = { EPERM, ENOSYS };

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		for (size_t j = 0; j < 2; j++) {
			char label[64];
			snprintf(label, sizeof(label), "%s: %s", faults[i].name,
			         strerror(codes[j]));
			test_case(label);
			IN_CONTAINER(live_without(&faults[i], codes[j]));
		}
	}
}

/* ---- the network ------------------------------------------------------------------ */

static void want_no_network(const struct fault *fault, int code)
{
	struct error err = { .code = 0 };

	alarm(FAULT_SECONDS * box_slow());
	box_host();
	if (fault->value)
		refuse_with(fault->call, fault->argument, BPF_JEQ, fault->value, code);
	else
		refuse_one(fault->call, code);
	CHECK(!sandbox_host_set_network(box_host(), SANDBOX_NETWORK_NONE, &err));
	CHECK(strstr(err.text, fault->error) && strstr(err.text, strerror(code)));
	CHECK_INT(sandbox_host_wall(box_host(), SANDBOX_WALL_NETWORK)->standing, SANDBOX_NO);
	check_a_box();
}

static void test_every_step_of_a_network_may_fail(void)
{
	static const struct fault steps[] = {
		{ "unshare", SYS_unshare, "create a network namespace", 0, CLONE_NEWNET },
		{ "socket", SYS_socket, "raise the loopback", 0, AF_INET },
		{ "ioctl", SYS_ioctl, "raise the loopback", 1, SIOCSIFFLAGS },
		{ "bind", SYS_bind, "listen on '127.0.0.1:1'", 0, 0 },
		{ "listen", SYS_listen, "listen on '127.0.0.1:1'", 0, 0 },
	};

	NEED(SANDBOX_WALL_PROCESSES);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		test_case(steps[i].name);
		IN_CONTAINER(want_no_network(&steps[i], EPERM));
		IN_CONTAINER(want_no_network(&steps[i], ENOSYS));
	}
}

/* ---- what an owner can run out of -------------------------------------------------- */

static void allow_descriptors(rlim_t count)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = count < limit.rlim_max ? count : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* Waits for the end of a program, or of the box. Returns whether the program ran. */
static bool run_to_the_end(struct sandbox *box, struct error *err)
{
	struct pollfd ready = { .fd = sandbox_fd(box), .events = POLLIN };
	struct sandbox_event event;

	for (;;) {
		while (sandbox_next_event(box, &event)) {
			if (event.type == SANDBOX_EXITED)
				return event.status == 0;
			if (event.type == SANDBOX_FAILED || event.type == SANDBOX_EXEC_FAILED)
				*err = event.error;
			if (event.type == SANDBOX_EXEC_FAILED || event.type == SANDBOX_GONE)
				return false;
		}
		if (poll(&ready, 1, BOX_PATIENCE_MS) != 1)
			return false;
	}
}

/* Builds a box where only so many more descriptors can be had. Returns whether it came to be. */
static bool build_with(unsigned descriptors, int null)
{
	const char *const argv[] = { box_probe_inside(box_host()), "uid", NULL };
	const char *const envp[] = { NULL };
	const struct sandbox_program program = {
		.argv = argv, .envp = envp, .cwd = "/", .output = null
	};
	const struct sandbox_spec spec = box_spec();
	struct error err = { .code = 0 };

	allow_descriptors((rlim_t)null + 1 + descriptors);
	struct sandbox *box = sandbox_create(box_host(), &spec, &err);
	bool works = box && sandbox_exec(box, 1, &program, &err) && run_to_the_end(box, &err);
	sandbox_destroy(box);
	allow_descriptors(1024);
	if (!works)
		CHECK(err.text[0]);
	return works;
}

/* Each of those that a box takes may be the one too many: it is said, and none is lost. */
static void test_running_out_of_descriptors(void)
{
	enum { MOST = 64 };
	unsigned needed = 0;
	char label[32];

	build_with(MOST, open("/dev/null", O_WRONLY | O_CLOEXEC)); /* makes what is kept */
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	unsigned before = box_count_fds();
	while (needed < MOST && !build_with(needed, null)) {
		snprintf(label, sizeof(label), "%u descriptors", needed++);
		test_case(label);
		/* What was ready for the next box may have gone with one that failed. */
		CHECK(box_count_fds() <= before);
	}
	test_case(NULL);
	CHECK(needed > 2 && needed < MOST);
	CHECK_INT(box_count_fds(), before);
	close(null);
	check_a_box();
}

/* ---- what a user sees ------------------------------------------------------------------ */

/* A filter outlives an execve. */
static void exec_lrie(const char *option)
{
	const char *lrie = getenv("LRIE");

	become_docker();
	execl(lrie ? lrie : "./lrie", "lrie", "invoke", "--bootstrap", box_probe_path(), "--event",
	      "{}", option, (char *)NULL);
	_exit(127);
}

static int run_lrie(const char *option)
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		alarm(FAULT_SECONDS * box_slow());
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		exec_lrie(option);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

static void test_a_required_wall_that_cannot_stand_is_exit_3(void)
{
	CHECK_INT(run_lrie("--require-sandbox=ipc"), 3);
	CHECK_INT(run_lrie("--require-sandbox=syscalls,hostname"), 3);
	CHECK_INT(run_lrie("--require-sandbox"), 3);
	CHECK_INT(run_lrie("--sandbox=full"), 3);
	CHECK_INT(run_lrie("--require-sandbox=syscalls"), 1); /* the probe is no function */
}

TEST_MAIN(test_every_step_may_fail, test_every_step_of_a_network_may_fail,
          test_running_out_of_descriptors, test_a_required_wall_that_cannot_stand_is_exit_3)
