/* SPDX-License-Identifier: Apache-2.0 */
/* processes - that nothing in a box reaches out of it, and nothing outlives it or lrie */
#include "sandbox/landlock.h"
#include "tests/box/box.h"

static void test_signals_stay_inside(void)
{
	static struct box_run run;

	NEED(SANDBOX_WALL_PROCESSES);
	/* Init is there, but cannot be hurt; everything else is not there. */
	box_run(&run, NULL, "ignore", "kill:1", "kill:1:19", "kill:-1:15", "kill:4000000", "pids",
	        "exit:5");
	CHECK(box_is_one_of(box_says(&run, "kill:1"), "EPERM or ok"));
	CHECK(box_is_one_of(box_says(&run, "kill:1:19"), "EPERM or ok"));
	CHECK(box_is_one_of(box_says(&run, "kill:-1:15"), "EPERM or ESRCH or ok"));
	CHECK_STR(box_says(&run, "kill:4000000"), "ESRCH");
	CHECK_STR(box_says(&run, "pids"), "1 2");
	CHECK_INT(run.status, W_EXITCODE(5, 0));
	CHECK(run.gone);
}

static void test_boxes_do_not_see_each_other(void)
{
	static struct box_run first, second;

	NEED(SANDBOX_WALL_PROCESSES);
	box_start(&first, NULL, "write:/tmp/mine", "fork:3", "hold");
	BOX_UNTIL(&first, box_find(&first, "hold"));
	box_run(&second, NULL, "pids", "ls:/tmp", "kill:-1");
	CHECK_STR(box_says(&second, "pids"), "1 2");
	CHECK_STR(box_says(&second, "ls:/tmp"), "");
	box_turn(&first, 0);
	CHECK(!first.exited && kill(first.pid, 0) == 0);
	box_end(&first);
}

/* The last child of this process, which is the init of its newest box; 0 where /proc does not tell.
 */
static pid_t newest_init(void)
{
	char path[64], children[4096] = "";

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	if (fd_read_file(AT_FDCWD, path, children, sizeof(children)) <= 1)
		return 0;
	char *last = children + strlen(children) - 2;
	while (last > children && last[-1] != ' ')
		last--;
	return (pid_t)atoi(last);
}

/* lrie, whoever started it, another box's program and its init: by the numbers that they have
 * outside, which a program may guess. */
static void test_pids_of_the_machine_mean_nothing(void)
{
	static const int signals[] = { 0, SIGSTOP, SIGKILL };
	static struct box_run other, run;
	char words[13][32];
	const char *argv[14] = { NULL };
	size_t count = 0;

	NEED(SANDBOX_WALL_PROCESSES);
	box_start(&other, NULL, "hold");
	BOX_UNTIL(&other, box_find(&other, "hold"));
	const pid_t targets[] = { getpid(), getppid(), other.pid, newest_init() };
	for (size_t i = 0; i < 4; i++) {
		for (size_t j = 0; j < 3 && targets[i] > 100; j++) {
			snprintf(words[count], sizeof(words[0]), "kill:%d:%d", (int)targets[i],
			         signals[j]);
			argv[count] = words[count];
			count++;
		}
	}
	box_run_words(&run, NULL, argv);
	for (size_t i = 0; i < count; i++) {
		test_case(words[i]);
		CHECK_STR(box_says(&run, words[i]), "ESRCH");
	}
	test_case(NULL);
	box_turn(&other, 0);
	CHECK(!other.exited && !other.gone && kill(other.pid, 0) == 0);
	box_end(&other);
}

/* Sockets without a path belong to a network, which boxes share with the machine. */
static void test_abstract_sockets_of_others_are_out_of_reach(void)
{
	static struct box_run run;
	char listen_word[64], connect_word[64];
	const char *const argv[] = { box_probe_inside(box_host()), connect_word, NULL };
	const char *const no_environment[] = { NULL };

	if (landlock_abi() < LANDLOCK_ABI_SCOPE)
		SKIP("only Linux 6.12 and later can keep them apart");
	snprintf(listen_word, sizeof(listen_word), "abstract-listen:lrie-box-%d", (int)getpid());
	snprintf(connect_word, sizeof(connect_word), "abstract-connect:lrie-box-%d", (int)getpid());
	box_start(&run, NULL, listen_word, "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK_STR(box_says(&run, listen_word), "ok");
	/* Those of another box: no. */
	BOX_CHECK(NULL, { connect_word, "EPERM or ECONNREFUSED" });
	/* Those of another program in the same one: yes. */
	int output[2];
	CHECK(pipe2(output, O_CLOEXEC) == 0);
	const struct sandbox_program second = {
		.argv = argv, .envp = no_environment, .cwd = "/", .output = output[1]
	};
	CHECK(sandbox_exec(run.box, 2, &second, &run.error));
	BOX_UNTIL(&run, run.exited);
	char text[256] = "";
	CHECK(read(output[0], text, sizeof(text) - 1) > 0);
	CHECK(strstr(text, ": ok\n") != NULL);
	close(output[0]);
	close(output[1]);
	box_end(&run);
}

/* How many of "fork:N" or "threads:N" came to be, the answer being "N errno". */
static int count_made(unsigned limit, const char *word)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();
	int made = -1;

	spec.processes = limit;
	spec.memory_bytes = 0; /* a thousand processes have more */
	box_run(&run, &spec, word, "exit:0");
	CHECK(run.gone);
	const char *answer = box_says(&run, word);
	CHECK(answer && strstr(answer, "EAGAIN"));
	if (answer)
		sscanf(answer, "%d", &made);
	return made;
}

static void test_number_of_processes_is_limited(void)
{
	NEED(SANDBOX_WALL_PIDS);
	CHECK_INT(count_made(20, "fork:100"), 19);
	CHECK_INT(count_made(20, "threads:100"), 19);
	CHECK_INT(count_made(1024, "fork:2000"), 1023);
	CHECK_INT(count_made(1024, "threads:2000"), 1023);
}

/* Everybody else goes on living beside it, and all of it is dead soon after the end. */
static void explode(const char *bomb)
{
	static struct box_run run, other;
	struct sandbox_spec spec = box_spec();

	test_case(bomb);
	spec.processes = 200;
	box_start(&run, &spec, "ignore", bomb);
	BOX_UNTIL(&run, box_find(&run, bomb));
	CHECK_STR(box_says(&run, bomb), "EAGAIN");
	box_run(&other, NULL, "fork:3", "exit:3");
	CHECK_STR(box_says(&other, "fork:3"), "3 ok");
	CHECK_INT(other.status, W_EXITCODE(3, 0));
	uint64_t killed = box_now();
	sandbox_kill(run.box);
	BOX_UNTIL(&run, false);
	CHECK(run.gone && box_now() - killed < box_slow() * 1000000000ull);
	box_end(&run);
}

static void test_bombs_end_with_the_box(void)
{
	NEED(SANDBOX_WALL_PIDS);
	explode("fork-bomb");
	explode("thread-bomb");
}

/* Init adopts them all, and still hears. */
static void test_orphans_do_not_deafen_init(void)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();

	spec.memory_bytes =
		0; /* what the kernel keeps of the dead for a moment would be too much */
	box_start(&run, &spec, "orphans");
	BOX_UNTIL(&run, box_find(&run, "orphans"));
	for (uint64_t end = box_now() + 100000000; box_now() < end;)
		box_turn(&run, 10);
	uint64_t asked = box_now();
	sandbox_signal(run.box, 1, SIGTERM);
	BOX_UNTIL(&run, run.exited);
	CHECK(run.exited);
	CHECK_INT(run.status, SIGTERM);
	CHECK(box_now() - asked < 2000000000);
	box_end(&run);
}

static void test_daemons_end_with_the_box(void)
{
	static struct box_run run;

	box_start(&run, NULL, "daemon", "daemon", "exit:0");
	BOX_UNTIL(&run, run.exited);
	sandbox_kill(run.box);
	BOX_UNTIL(&run, false);
	CHECK(run.gone);
	box_end(&run);
	/* Whatever were left would be adopted by somebody: here, by this process. */
	errno = 0;
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) <= 0);
}

/* Nobody is looked for by name. */
static void test_another_name_saves_nobody(void)
{
	static struct box_run run;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	box_start(&run, NULL, "ignore", "rename:lrie", "fork:3", "daemon", "rename:kthreadd",
	          "daemon", "rename:)(", "hold");
	BOX_UNTIL(&run, box_find(&run, "hold"));
	CHECK_STR(box_says(&run, "rename:lrie"), "ok");
	sandbox_kill(run.box);
	BOX_UNTIL(&run, false);
	CHECK(run.gone);
	box_end(&run);
	CHECK(box_all_dead(1000));
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- the death of lrie ------------------------------------------------------- */

/* How far lrie has come when it is killed. */
enum phase { PHASE_ASKED, PHASE_BUILDING, PHASE_READY, PHASE_STARTED, PHASE_HOLDING, PHASE_ENDED };

/* What lrie does in a process of its own; returns when the phase is reached. */
static void live_until(enum phase phase, int report)
{
	static struct box_run run;
	struct timespec delay = { .tv_nsec = 200000 };
	char byte = 0;

	box_host();
	box_start(&run, NULL, "daemon", "ignore", phase == PHASE_ENDED ? "exit:0" : "hold");
	if (phase == PHASE_BUILDING)
		nanosleep(&delay, NULL);
	else if (phase == PHASE_READY)
		BOX_UNTIL(&run, run.ready);
	else if (phase == PHASE_STARTED)
		BOX_UNTIL(&run, run.started);
	else if (phase == PHASE_HOLDING)
		BOX_UNTIL(&run, box_find(&run, "hold"));
	else if (phase == PHASE_ENDED)
		BOX_UNTIL(&run, run.exited);
	if (write(report, &byte, 1) == -1)
		_exit(1);
	for (;;)
		pause();
}

static void kill_lrie_in(enum phase phase, bool stop_first)
{
	int report[2];
	char byte;

	if (pipe2(report, O_CLOEXEC) == -1)
		box_die("pipe");
	pid_t lrie = fork();
	if (lrie == 0) {
		box_host_now = NULL;
		live_until(phase, report[1]);
	}
	close(report[1]);
	CHECK(read(report[0], &byte, 1) == 1);
	close(report[0]);
	if (stop_first)
		kill(lrie, SIGSTOP);
	kill(lrie, SIGKILL);
	CHECK(box_all_dead(1000));
}

static void test_nothing_survives_lrie(void)
{
	static const struct {
		enum phase phase;
		const char *name;
	} cases[] = {
		{ PHASE_ASKED, "asked" },     { PHASE_BUILDING, "building" },
		{ PHASE_READY, "ready" },     { PHASE_STARTED, "started" },
		{ PHASE_HOLDING, "holding" }, { PHASE_ENDED, "ended" },
	};

	box_forget_host();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		test_case(cases[i].name);
		for (int round = 0; round < 3; round++)
			kill_lrie_in(cases[i].phase, round == 2);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

/* ---- leaks ---------------------------------------------------------------------- */

static unsigned count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned count = 0;
	int c;

	while (file && (c = fgetc(file)) != EOF)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

/* Folders in the parent groups of this process, wherever they are. */
static int count_groups(void)
{
	char command[128];

	snprintf(command, sizeof(command),
	         "exit $(find /sys/fs/cgroup -path '*/lrie-%d/box-*' -type d 2>/dev/null | wc -l)",
	         (int)getpid());
	return WEXITSTATUS(system(command));
}

static void test_nothing_is_left_behind(void)
{
	static struct box_run run;

	box_run(&run, NULL, "pid");
	unsigned fds = box_count_fds(), mounts = count_lines("/proc/self/mountinfo");
	for (int i = 0; i < 100; i++) {
		box_run(&run, NULL, "daemon", "write:/tmp/x", "open-files", "exit:0");
		CHECK(run.exited && run.gone);
	}
	CHECK_INT(box_count_fds(), fds);
	CHECK_INT(count_lines("/proc/self/mountinfo"), mounts);
	CHECK_INT(count_groups(), 0);
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
}

static void test_ten_boxes_at_once(void)
{
	static struct box_run runs[10];

	for (size_t i = 0; i < 10; i++)
		box_start(&runs[i], NULL, "fill:/tmp/x", "hold");
	for (size_t i = 0; i < 10; i++) {
		BOX_UNTIL(&runs[i], box_find(&runs[i], "hold"));
		if (!box_lacks(SANDBOX_WALL_TMP))
			CHECK_STR(box_says(&runs[i], "fill:/tmp/x"), "16 ENOSPC");
		else
			CHECK(box_says(&runs[i], "fill:/tmp/x") != NULL);
	}
	for (size_t i = 0; i < 10; i++)
		box_end(&runs[i]);
	CHECK_INT(count_groups(), 0);
}

/* Whatever one of them does to itself, the others have what they had. */
static void test_ten_boxes_are_independent(void)
{
	static struct box_run runs[10];
	static struct box_run victim;
	struct sandbox_spec spec = box_spec();
	char answer[32];

	NEED(SANDBOX_WALL_PIDS);
	NEED(SANDBOX_WALL_TMP);
	spec.memory_bytes = MB(64);
	for (unsigned i = 0; i < 10; i++) {
		spec.processes = 5 + i;
		spec.tmp_bytes = MB(1 + i);
		box_start(&runs[i], &spec, "ls:/tmp", "uid", "fork:50", "fill:/tmp/x", "pids",
		          "hold");
	}
	spec.processes = 64;
	box_start(&victim, &spec, "family:4:40", "hold");
	if (!box_lacks(SANDBOX_WALL_MEMORY)) {
		BOX_UNTIL(&victim, victim.oom_events || victim.exited);
		CHECK(victim.oom_events || victim.out_of_memory);
	}
	box_end(&victim);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(answer, sizeof(answer), "box %u", i);
		test_case(answer);
		BOX_UNTIL(&runs[i], box_find(&runs[i], "hold"));
		CHECK_STR(box_says(&runs[i], "ls:/tmp"), "");
		CHECK_STR(box_says(&runs[i], "uid"), "993 993 993");
		snprintf(answer, sizeof(answer), "%u EAGAIN", 5 + i - 1);
		CHECK_STR(box_says(&runs[i], "fork:50"), answer);
		snprintf(answer, sizeof(answer), "%u ENOSPC", 1 + i);
		CHECK_STR(box_says(&runs[i], "fill:/tmp/x"), answer);
		CHECK(!runs[i].exited && !runs[i].oom_events);
	}
	test_case(NULL);
	for (unsigned i = 0; i < 10; i++)
		box_end(&runs[i]);
	CHECK_INT(count_groups(), 0);
}

/* The groups of an lrie that was killed go when another one starts. */
static void test_groups_of_the_dead_are_swept(void)
{
	char command[128];
	int report[2];
	char byte;

	NEED_ALL(SANDBOX_WALL_MEMORY);
	if (pipe2(report, O_CLOEXEC) == -1)
		box_die("pipe");
	box_forget_host();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	pid_t lrie = fork();
	if (lrie == 0) {
		box_host_now = NULL;
		live_until(PHASE_HOLDING, report[1]);
	}
	close(report[1]);
	CHECK(read(report[0], &byte, 1) == 1);
	close(report[0]);
	snprintf(command, sizeof(command),
	         "test -n \"$(find /sys/fs/cgroup -name 'lrie-%d' -type d 2>/dev/null)\"",
	         (int)lrie);
	CHECK(system(command) == 0);
	kill(lrie, SIGKILL);
	CHECK(box_all_dead(1000));
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	box_host();
	CHECK(system(command) != 0);
}

/* Each of several that start at once sweeps, and must not take another's new group for a dead
 * one's. */
static void test_many_may_start_at_once(void)
{
	enum { COUNT = 6 };
	pid_t pids[COUNT];

	NEED(SANDBOX_WALL_MEMORY);
	box_forget_host();
	fflush(stdout);
	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < COUNT; i++) {
			pids[i] = fork();
			if (pids[i] != 0)
				continue;
			const char *missing = box_lacks(SANDBOX_WALL_MEMORY);
			if (missing)
				printf("# %s\n", missing);
			box_forget_host();
			fflush(stdout);
			_exit(missing != NULL);
		}
		for (int i = 0; i < COUNT; i++) {
			int status = -1;
			CHECK(waitpid(pids[i], &status, 0) == pids[i]);
			CHECK_INT(status, 0);
		}
	}
}

TEST_MAIN(test_signals_stay_inside, test_boxes_do_not_see_each_other,
          test_pids_of_the_machine_mean_nothing, test_abstract_sockets_of_others_are_out_of_reach,
          test_number_of_processes_is_limited, test_bombs_end_with_the_box,
          test_orphans_do_not_deafen_init, test_daemons_end_with_the_box,
          test_another_name_saves_nobody, test_nothing_survives_lrie, test_nothing_is_left_behind,
          test_ten_boxes_at_once, test_ten_boxes_are_independent, test_groups_of_the_dead_are_swept,
          test_many_may_start_at_once)
