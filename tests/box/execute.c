/* SPDX-License-Identifier: Apache-2.0 */
/* execute - starting programs: what is passed on, what fails and how it is said, and in which order
 */
#include "tests/box/box.h"

static void begin(struct box_run *run, const struct sandbox_spec *spec, const char *program,
                  const char *cwd)
{
	const char *const argv[] = { program, NULL };

	box_begin(run, box_host(), spec, argv, NULL, cwd);
	BOX_UNTIL(run, run->exited || run->exec_failed);
	box_end(run);
}

static void test_failures_of_execve(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	struct sandbox_spec spec = box_spec();
	static const struct {
		const char *program;
		int code;
		const char *text;
	} cases[] = {
		{ "/var/task/missing", ENOENT,
		  "execute '/var/task/missing': No such file or directory" },
		{ "/var/task/plain", EACCES, "execute '/var/task/plain': Permission denied" },
		{ "/var/task", EACCES, "execute '/var/task': Permission denied" },
		{ "/var/task/garbage", ENOEXEC, "execute '/var/task/garbage': Exec format error" },
		{ "/var/task/lost", ENOENT, "execute '/var/task/lost': No such file or directory" },
		{ "/var/task/loop", ELOOP,
		  "execute '/var/task/loop': Too many levels of symbolic links" },
		{ "/var/task/plain/x", ENOTDIR, "execute '/var/task/plain/x': Not a directory" },
	};
	char path[PATH_MAX];

	box_put(folder, "plain", "text", 0644);
	box_put(folder, "garbage", "\177ELFnonsense", 0755);
	box_put(folder, "lost", "#!/nonexistent/interpreter\n", 0755);
	snprintf(path, sizeof(path), "%s/loop", folder);
	if (symlink("loop", path) == -1)
		box_die(path);
	spec.task_root = folder;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct box_run run;
		test_case(cases[i].program);
		begin(&run, &spec, cases[i].program, "/");
		CHECK(run.ready && run.exec_failed && !run.bad_cwd);
		/* Told while it could still have succeeded. */
		CHECK(run.started && run.pid > 0);
		CHECK(run.asked_ns < run.started_ns && run.started_ns < box_now());
		CHECK_INT(run.error.code, cases[i].code);
		CHECK_STR(run.error.text, cases[i].text);
	}
	box_remove(folder);
}

/* A program that somebody has open for writing. */
static void test_busy_program(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	char path[PATH_MAX];
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	box_put(folder, "busy", "#!/bin/sh\n", 0755);
	snprintf(path, sizeof(path), "%s/busy", folder);
	int busy = open(path, O_WRONLY | O_CLOEXEC);
	spec.task_root = folder;
	begin(&run, &spec, "/var/task/busy", "/");
	CHECK(run.exec_failed);
	CHECK_INT(run.error.code, ETXTBSY);
	close(busy);
	box_remove(folder);
}

static void test_missing_working_directory(void)
{
	static struct box_run run;

	begin(&run, NULL, box_probe_inside(box_host()), "/nonexistent/folder");
	CHECK(run.exec_failed && run.bad_cwd && !run.started);
	CHECK_INT(run.error.code, ENOENT);
	CHECK_STR(run.error.text,
	          "enter the working directory '/nonexistent/folder': No such file or directory");
}

/* After a failure the box is as it was. */
static void test_box_survives_failures(void)
{
	static struct box_run run;
	const char *const bad[] = { "/nonexistent", NULL };
	const char *const good[] = { box_probe_inside(box_host()), "pid", NULL };
	const char *const none[] = { NULL };
	struct error err;
	int output[2];

	if (pipe2(output, O_CLOEXEC) == -1)
		box_die("pipe");
	box_begin(&run, box_host(), NULL, bad, NULL, "/");
	BOX_UNTIL(&run, run.exec_failed);
	const struct sandbox_program program = {
		.argv = good, .envp = none, .cwd = "/", .output = output[1]
	};
	CHECK(sandbox_exec(run.box, 1, &program, &err));
	BOX_UNTIL(&run, run.exited);
	CHECK_INT(run.status, 0);
	box_end(&run);
	close(output[0]);
	close(output[1]);
}

static char *long_string(size_t size)
{
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	text[size] = '\0';
	return text;
}

/* 120 KB each in an argument and a variable: more than any socket takes at once, and the kernel's
 * own limit for one string is 128 KB. */
static void test_large_arguments(void)
{
	static struct box_run run;
	char *argument = long_string(70000), *value = long_string(120000);

	memcpy(value, "BIG=", 4);
	memcpy(argument, "env:", 4);
	const char *const argv[] = { box_probe_inside(box_host()), "env-size:BIG", argument, NULL };
	const char *const envp[] = { "SMALL=1", value, NULL };
	box_begin(&run, box_host(), NULL, argv, envp, "/");
	BOX_UNTIL(&run, run.exited || run.exec_failed);
	box_end(&run);
	CHECK_INT(run.status, 0);
	CHECK_STR(box_says(&run, "env-size:BIG"), "119996");
	free(argument);
	free(value);
}

static void test_too_large_arguments(void)
{
	static struct box_run run;
	char *value = long_string(100000);
	const char *const argv[] = { box_probe_inside(box_host()), NULL };
	const char *const envp[] = { value, value, NULL };

	box_begin(&run, box_host(), NULL, argv, envp, "/");
	CHECK_INT(run.error.code, E2BIG);
	box_end(&run);
	free(value);
}

/* Ten programs asked for at once, with 100 KB each, before the box is ready. */
static void test_many_programs_asked_early(void)
{
	struct sandbox_spec spec = box_spec();
	struct error err = { .code = 0 };
	char *value = long_string(100000);
	const char *const argv[] = { box_probe_inside(box_host()), "pid", NULL };
	const char *const envp[] = { value, NULL };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct sandbox_program program = {
		.argv = argv, .envp = envp, .cwd = "/", .output = null
	};
	struct sandbox_event event = { .type = SANDBOX_READY };
	unsigned exited = 0;
	bool seen[10] = { false };

	struct sandbox *box = sandbox_create(box_host(), &spec, &err);
	for (unsigned id = 0; id < 10; id++) {
		if (!CHECK(sandbox_exec(box, id, &program, &err)))
			printf("# %s\n", err.text);
	}
	struct pollfd ready = { .fd = sandbox_fd(box), .events = POLLIN };
	while (exited < 10 && poll(&ready, 1, BOX_PATIENCE_MS) == 1) {
		while (sandbox_next_event(box, &event)) {
			if (event.type != SANDBOX_EXITED)
				continue;
			CHECK(event.id < 10 && !seen[event.id] && event.status == 0);
			seen[event.id % 10] = true;
			exited++;
		}
	}
	CHECK_INT(exited, 10);
	sandbox_destroy(box);
	free(value);
	close(null);
}

static void test_status(void)
{
	static const struct {
		const char *word;
		int code, signal;
	} cases[] = {
		{ "exit:0", 0, 0 },     { "exit:3", 3, 0 },     { "exit:255", 255, 0 },
		{ "signal:9", 0, 9 },   { "signal:15", 0, 15 }, { "abort", 0, SIGABRT },
		{ "signal:11", 0, 11 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct box_run run;
		test_case(cases[i].word);
		box_run(&run, NULL, cases[i].word);
		CHECK(run.exited && run.gone && !run.out_of_memory);
		if (cases[i].signal)
			CHECK_INT(WIFSIGNALED(run.status) ? WTERMSIG(run.status) : 0,
			          cases[i].signal);
		else
			CHECK_INT(run.status, W_EXITCODE(cases[i].code, 0));
		CHECK(!WCOREDUMP(run.status));
	}
}

/* Times are stamped where things happen, on the clock that everybody uses. */
static void test_times(void)
{
	static struct box_run run;

	box_run(&run, NULL, "spin:20");
	CHECK(run.asked_ns < run.started_ns && run.started_ns < run.exited_ns);
	CHECK(run.exited_ns < box_now());
	CHECK(run.exited_ns - run.started_ns >= 20000000);
}

/* Whatever a program does can be seen only when its start can be: on one busy processor, too. */
static void test_start_is_told_before_the_program_runs(void)
{
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int i = 0; i < 50; i++) {
		static struct box_run run;
		box_start(&run, NULL, "pid");
		struct pollfd output = { .fd = run.output, .events = POLLIN };
		CHECK(poll(&output, 1, BOX_PATIENCE_MS) == 1);
		box_turn(&run, 0);
		CHECK(run.started && run.pid > 0);
		box_end(&run);
	}
	sched_setaffinity(0, sizeof(all), &all);
}

/* Nothing that lrie itself does on the way to a program can be read there: neither a word, as of a
 * sanitizer, nor what its own descriptors carry. */
static void test_output_is_the_programs_alone(void)
{
	for (int i = 0; i < 30; i++) {
		static struct box_run run;
		box_run(&run, NULL, "env:HOME");
		CHECK_STR(run.text, "env:HOME: unset\n");
	}
}

static void test_signals_reach_the_process_group(void)
{
	static struct box_run run;

	box_start(&run, NULL, "fork:3", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	sandbox_signal(run.box, 1, SIGTERM);
	BOX_UNTIL(&run, run.exited);
	CHECK(run.exited && WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGTERM);
	/* Nothing happens to one that has ended, or never was. */
	sandbox_signal(run.box, 1, SIGTERM);
	sandbox_signal(run.box, 77, SIGTERM);
	box_turn(&run, 10);
	CHECK(!run.gone && !run.failed);
	box_end(&run);
}

static void test_pid_is_the_callers(void)
{
	static struct box_run run;
	char path[64], link[PATH_MAX];

	box_start(&run, NULL, "hold");
	BOX_UNTIL(&run, run.started && box_find(&run, "hold"));
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)run.pid);
	/* Of a process in another user namespace, only its name can be read. */
	ssize_t length = readlink(path, link, sizeof(link) - 1);
	if (length > 0) {
		link[length] = '\0';
		CHECK_STR(strrchr(link, '/'), strrchr(box_probe_path(), '/'));
	}
	CHECK(run.pid > 0 && kill(run.pid, 0) == 0);
	box_end(&run);
}

/* lrie may have been started without standard streams: "<&- >&- 2>&-". */
static void test_closed_standard_streams(void)
{
	static struct box_run run;
	int saved[3];

	box_host();
	fflush(stdout);
	for (int closed = 1; closed < 8; closed++) {
		for (int fd = 0; fd < 3; fd++) {
			saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
			if (closed & (1 << fd))
				close(fd);
		}
		box_run(&run, NULL, "fds", "stdin");
		for (int fd = 0; fd < 3; fd++) {
			dup2(saved[fd], fd);
			close(saved[fd]);
		}
		CHECK_STR(run.text, "fds: 0 1 2\nstdin: empty\n");
		CHECK(run.exited && run.status == 0 && run.gone);
	}
}

static void test_killed_during_set_up(void)
{
	struct timespec delay = { 0 };

	for (int i = 0; i < 40; i++) {
		static struct box_run run;
		box_start(&run, NULL, "hold");
		nanosleep(&delay, NULL);
		delay.tv_nsec += 25000;
		sandbox_kill(run.box);
		BOX_UNTIL(&run, false);
		CHECK(run.gone && !run.failed);
		box_end(&run);
	}
}

/* The box's init is killed by somebody else: the end comes, and says so. */
static void test_init_killed_from_outside(void)
{
	static struct box_run run;
	char path[64], children[64] = "";

	NEED(SANDBOX_WALL_PROCESSES);
	box_start(&run, NULL, "daemon", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if (fd_read_file(AT_FDCWD, path, children, sizeof(children)) <= 0) {
		box_end(&run);
		SKIP("no list of children in /proc");
	}
	/* The last one: a box that only served to probe the machine may still be dying. */
	char *last = children + strlen(children) - 2;
	while (last > children && last[-1] != ' ')
		last--;
	kill((pid_t)atoi(last), SIGKILL);
	BOX_UNTIL(&run, false);
	CHECK(run.gone);
	CHECK(kill(run.pid, 0) == -1);
	box_end(&run);
}

static void test_exec_after_the_end(void)
{
	static struct box_run run;
	const char *const argv[] = { "/x", NULL };
	const struct sandbox_program program = {
		.argv = argv, .envp = argv + 1, .cwd = "/", .output = 1
	};
	struct error err;

	box_begin(&run, box_host(), NULL, NULL, NULL, NULL);
	sandbox_kill(run.box);
	CHECK(!sandbox_exec(run.box, 1, &program, &err));
	CHECK_INT(err.code, ESRCH);
	BOX_UNTIL(&run, false);
	CHECK(!sandbox_exec(run.box, 1, &program, &err));
	sandbox_signal(run.box, 1, SIGTERM);
	sandbox_set_cpu(run.box, SANDBOX_CPU_THROTTLED);
	CHECK(run.gone);
	box_end(&run);
}

static void test_off_is_a_plain_child(void)
{
	static struct box_run run;
	struct error err;
	struct sandbox_spec spec = box_spec();
	struct sandbox_host *host = sandbox_probe(SANDBOX_OFF, 0, &err);
	const char *const argv[] = { box_probe_path(), "uid", "status:NoNewPrivs", "daemon", NULL };
	char uid[64];

	if (!CHECK(host != NULL))
		return;
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		CHECK_INT(sandbox_host_wall(host, (enum sandbox_wall)wall)->standing, SANDBOX_NO);
	box_begin(&run, host, &spec, argv, NULL, "/");
	BOX_UNTIL(&run, run.exited);
	snprintf(uid, sizeof(uid), "%u %u %u", geteuid(), geteuid(), geteuid());
	CHECK_STR(box_says(&run, "uid"), uid);
	CHECK_STR(box_says(&run, "status:NoNewPrivs"), "0");
	sandbox_kill(run.box);
	BOX_UNTIL(&run, false);
	CHECK(run.gone);
	box_end(&run);
	sandbox_host_destroy(host);
}

TEST_MAIN(test_failures_of_execve, test_busy_program, test_missing_working_directory,
          test_box_survives_failures, test_large_arguments, test_too_large_arguments,
          test_many_programs_asked_early, test_status, test_times,
          test_start_is_told_before_the_program_runs, test_output_is_the_programs_alone,
          test_signals_reach_the_process_group, test_pid_is_the_callers,
          test_closed_standard_streams, test_killed_during_set_up, test_init_killed_from_outside,
          test_exec_after_the_end, test_off_is_a_plain_child)
