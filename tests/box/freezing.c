/* SPDX-License-Identifier: Apache-2.0 */
/*
 * freezing - nothing runs in a frozen box, it can always be ended, and nothing stays frozen
 *
 * Each story is told for each mechanism that this machine has. The better ones are taken away by
 * unmounting their cgroups, which takes root.
 */
#include "tests/box/machine.h"

#define FROZEN_MS 60 /* without a tick, in which each would have 60 */
#define MAX_FAMILY 32

static const struct machine {
	const char *name;
	const char *without[2]; /* cgroups, by what tells them apart in mountinfo */
	bool docker;            /* and without namespaces */
} machines[] = {
	{ "as it is", { NULL }, false },
	{ "without cgroup v2", { " - cgroup2 " }, false },
	{ "without freezer", { " - cgroup2 ", "freezer" }, false },
	{ "as it is, without namespaces", { NULL }, true },
	{ "without cgroup v2, without namespaces", { " - cgroup2 " }, true },
	{ "without freezer, without namespaces", { " - cgroup2 ", "freezer" }, true },
};

static const char *mechanism(void)
{
	return sandbox_host_wall(box_host(), SANDBOX_WALL_FREEZE)->mechanism;
}

/* Becomes it. Returns false when it is not another one. */
static bool become(const struct machine *machine)
{
	if (machine->without[0] && geteuid() != 0)
		return false;
	for (size_t i = 0; i < 2 && machine->without[i]; i++)
		unmount_cgroups(machine->without[i]);
	if (machine->docker)
		become_docker();
	return true;
}

#define ON_EACH_MACHINE(story)                                                        \
	do {                                                                          \
		for (size_t m = 0; m < sizeof(machines) / sizeof(machines[0]); m++) { \
			test_case(machines[m].name);                                  \
			if (machines[m].docker)                                       \
				IN_CONTAINER(if (become(&machines[m])) story());      \
			else                                                          \
				IN_CHILD(if (become(&machines[m])) story());          \
		}                                                                     \
		test_case(NULL);                                                      \
	} while (0)

/* ---- ticks ------------------------------------------------------------------------ */

static bool has_all_letters(const struct box_run *run)
{
	return strchr(run->text, 't') && strchr(run->text, 'c') && strchr(run->text, 'd') &&
	       strchr(run->text, 'f');
}

static void forget_output(struct box_run *run)
{
	box_take_output(run);
	run->length = 0;
	run->text[0] = '\0';
}

static void start_ticking(struct box_run *run)
{
	box_start(run, NULL, "ticks");
	BOX_UNTIL(run, has_all_letters(run));
}

/* How many ticks come in so many milliseconds. */
static size_t count_ticks(struct box_run *run, int ms)
{
	uint64_t end = box_now() + (uint64_t)ms * 1000000;

	forget_output(run);
	for (uint64_t now; (now = box_now()) < end;)
		box_turn(run, (int)((end - now) / 1000000) + 1);
	return run->length;
}

/* Returns whether nobody runs any more. Some come to it later than others, and an init that is
 * behind with its signals is not asked for more. */
static bool freeze(struct box_run *run)
{
	uint64_t end = box_now() + BOX_PATIENCE_MS * 1000000ull;

	do {
		sandbox_freeze(run->box);
	} while (count_ticks(run, FROZEN_MS) > 0 && box_now() < end);
	return run->length == 0;
}

/* ---- who is there, as lrie sees it --------------------------------------------------- */

struct family {
	pid_t init;
	pid_t pids[MAX_FAMILY]; /* init and its descendants */
	size_t count;
};

static void add_family(struct family *family, pid_t parent)
{
	char path[64];
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	FILE *file = fopen(path, "re");
	while (file && fscanf(file, "%d", &child) == 1 && family->count < MAX_FAMILY) {
		family->pids[family->count++] = child;
		add_family(family, child);
	}
	if (file)
		fclose(file);
}

static struct family family_of(pid_t lrie)
{
	struct family family = { .count = 0 };

	add_family(&family, lrie);
	if (family.count)
		family.init = family.pids[0];
	return family;
}

/* For a thaw that does not come: whether somebody is stopped, or only slow. */
static void tell_states(void)
{
	struct family family = family_of(getpid());
	char path[64], state;

	for (size_t i = 0; i < family.count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)family.pids[i]);
		FILE *file = fopen(path, "re");
		if (file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1)
			printf("# process %d: %c\n", (int)family.pids[i], state);
		if (file)
			fclose(file);
	}
}

static void thaw(struct box_run *run)
{
	forget_output(run);
	sandbox_thaw(run->box);
	BOX_UNTIL(run, has_all_letters(run));
	if (!has_all_letters(run))
		tell_states();
}

static bool is_dead(pid_t pid)
{
	char path[32], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file(AT_FDCWD, path, text, sizeof(text)) == -1)
		return true;
	const char *name_end = strrchr(text, ')');
	return name_end && strchr("ZX", name_end[2]);
}

static bool all_dead(const struct family *family, int patience_ms)
{
	static const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t end = box_now() + (uint64_t)patience_ms * 1000000;

	for (;;) {
		size_t dead = 0;
		for (size_t i = 0; i < family->count; i++)
			dead += is_dead(family->pids[i]);
		if (dead == family->count)
			return true;
		if (box_now() > end)
			return false;
		nanosleep(&pause, NULL);
	}
}

static void finish(struct box_run *run, const struct family *family)
{
	sandbox_kill(run->box);
	BOX_UNTIL(run, run->gone);
	CHECK(run->gone);
	box_end(run);
	CHECK(all_dead(family, 2000));
}

/* ---- the wall ------------------------------------------------------------------------- */

static void see_the_wall(void)
{
	const struct sandbox_wall_state *state = sandbox_host_wall(box_host(), SANDBOX_WALL_FREEZE);

	printf("# %s: %s: %s\n", test_now.case_label, state->mechanism, state->detail);
	CHECK(state->standing != SANDBOX_NO);
	CHECK_INT(state->standing == SANDBOX_YES, strncmp(state->mechanism, "cgroup v", 8) == 0);
	CHECK_INT(state->standing == SANDBOX_YES, state->detail[0] == '\0');
	if (strstr(test_now.case_label, "freezer"))
		CHECK_STR(state->mechanism, "SIGSTOP");
	if (strstr(test_now.case_label, "cgroup v2"))
		CHECK(strcmp(state->mechanism, "cgroup v2") != 0);
}

static void test_the_wall_names_its_mechanism(void)
{
	ON_EACH_MACHINE(see_the_wall);
}

static void switch_it_off(void)
{
	static struct box_run run;

	sandbox_host_set_freezing(box_host(), false);
	CHECK_INT(sandbox_host_wall(box_host(), SANDBOX_WALL_FREEZE)->standing, SANDBOX_NO);
	CHECK_STR(sandbox_host_wall(box_host(), SANDBOX_WALL_FREEZE)->detail, "it is switched off");
	start_ticking(&run);
	struct family family = family_of(getpid());
	sandbox_freeze(run.box);
	CHECK(count_ticks(&run, FROZEN_MS) > 0);
	finish(&run, &family);
	sandbox_host_set_freezing(box_host(), true);
	CHECK(sandbox_host_wall(box_host(), SANDBOX_WALL_FREEZE)->standing != SANDBOX_NO);
}

static void test_it_can_be_switched_off(void)
{
	ON_EACH_MACHINE(switch_it_off);
}

/* ---- what it does ------------------------------------------------------------------------ */

static void stop_and_go(void)
{
	static struct box_run run;
	uint64_t peak;

	start_ticking(&run);
	struct family family = family_of(getpid());
	for (int round = 0; round < 3; round++) {
		CHECK(freeze(&run));
		CHECK(sandbox_memory_peak(run.box, &peak) && peak > 0);
		thaw(&run);
	}
	CHECK(!run.exited);
	finish(&run, &family);
}

static void test_nothing_runs_while_frozen(void)
{
	ON_EACH_MACHINE(stop_and_go);
}

/* A process that was being forked when its box was thawed by a signal was seen to stay stopped; the
 * next thaw wakes it. Said, so that it is known how often that is. */
static void wake(struct box_run *run)
{
	for (int attempt = 0; attempt < 5; attempt++) {
		uint64_t end = box_now() + 1000000000ull;

		forget_output(run);
		while (!has_all_letters(run) && box_now() < end)
			box_turn(run, 100);
		if (has_all_letters(run))
			return;
		printf("# one more thaw\n");
		tell_states();
		sandbox_freeze(run->box);
		sandbox_thaw(run->box);
	}
}

static void freeze_often(void)
{
	static struct box_run run;
	bool is_cheap = strcmp(mechanism(), "cgroup v2") == 0;
	int count = is_cheap ? 10000 : 2000;

	if (strstr(test_now.case_label, "namespaces"))
		return; /* init walks through all of /proc each time */
	start_ticking(&run);
	struct family family = family_of(getpid());
	for (int i = 0; i < count; i++) {
		sandbox_freeze(run.box);
		sandbox_thaw(run.box);
		box_turn(&run, 0);
	}
	wake(&run);
	thaw(&run);
	CHECK(freeze(&run));
	CHECK(!run.exited && !run.gone);
	finish(&run, &family);
}

static void test_thousands_of_times(void)
{
	ON_EACH_MACHINE(freeze_often);
}

static void twice(void)
{
	static struct box_run run;

	start_ticking(&run);
	struct family family = family_of(getpid());
	sandbox_thaw(run.box);
	CHECK(freeze(&run));
	sandbox_freeze(run.box);
	thaw(&run);
	finish(&run, &family);
}

static void test_twice_is_once(void)
{
	ON_EACH_MACHINE(twice);
}

static void before_it_is_ready(void)
{
	static struct box_run run;

	box_start(&run, NULL, "ticks");
	sandbox_freeze(run.box);
	BOX_UNTIL(&run, has_all_letters(&run));
	struct family family = family_of(getpid());
	finish(&run, &family);
}

static void test_a_box_that_is_being_built_is_not_frozen(void)
{
	ON_EACH_MACHINE(before_it_is_ready);
}

/* ---- what thaws --------------------------------------------------------------------------- */

static void signal_a_program(void)
{
	static struct box_run run;

	start_ticking(&run);
	struct family family = family_of(getpid());
	CHECK(freeze(&run));
	sandbox_signal(run.box, 1, SIGTERM);
	BOX_UNTIL(&run, run.exited);
	CHECK(run.exited && WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGTERM);
	finish(&run, &family);
}

static void test_a_signal_thaws(void)
{
	ON_EACH_MACHINE(signal_a_program);
}

static void execute_another(void)
{
	static struct box_run run;
	const char *const argv[] = { box_probe_inside(box_host()), "exit:7", NULL };
	const char *const envp[] = { NULL };
	struct error err;

	start_ticking(&run);
	struct family family = family_of(getpid());
	CHECK(freeze(&run));
	autoclose int output = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const struct sandbox_program program = {
		.argv = argv, .envp = envp, .cwd = "/", .output = output
	};
	CHECK(sandbox_exec(run.box, 2, &program, &err));
	BOX_UNTIL(&run, run.exited);
	CHECK_INT(run.status, W_EXITCODE(7, 0));
	finish(&run, &family);
}

static void test_another_program_thaws(void)
{
	ON_EACH_MACHINE(execute_another);
}

/* ---- the end -------------------------------------------------------------------------------- */

static void kill_frozen(void)
{
	static struct box_run run;

	start_ticking(&run);
	struct family family = family_of(getpid());
	CHECK(family.count >= 5);
	CHECK(freeze(&run));
	finish(&run, &family);
}

static void test_a_frozen_box_can_be_killed(void)
{
	ON_EACH_MACHINE(kill_frozen);
}

static void kill_init(void)
{
	static struct box_run run;

	if (strstr(test_now.case_label, "namespaces"))
		return; /* the grandchildren become those of lrie's parents; see the sweep */
	start_ticking(&run);
	struct family family = family_of(getpid());
	CHECK(freeze(&run));
	if (CHECK(family.init > 1))
		kill(family.init, SIGKILL);
	BOX_UNTIL(&run, run.gone);
	CHECK(run.gone);
	box_end(&run);
	CHECK(all_dead(&family, 2000));
}

static void test_init_is_killed(void)
{
	ON_EACH_MACHINE(kill_init);
}

/* A lrie of its own, with a frozen box; says by a byte that it has come so far. */
static void be_lrie(int report)
{
	static struct box_run run;

	start_ticking(&run);
	CHECK(freeze(&run));
	if (write(report, "", 1) == -1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_lrie(struct family *family)
{
	int report[2];
	char byte;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (pipe2(report, O_CLOEXEC) == -1)
		box_die("pipe");
	pid_t lrie = fork();
	if (lrie == 0)
		be_lrie(report[1]);
	close(report[1]);
	CHECK(read(report[0], &byte, 1) == 1);
	close(report[0]);
	*family = family_of(lrie);
	if (!CHECK(family->count >= 5))
		_exit(1);
	return lrie;
}

static void reap_orphans(void)
{
	while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
		;
}

static void kill_lrie(void)
{
	struct family family;
	pid_t lrie = start_lrie(&family);

	kill(lrie, SIGKILL);
	CHECK(all_dead(&family, 2000));
	reap_orphans();
	box_host(); /* sweeps */
}

static void test_lrie_is_killed(void)
{
	ON_EACH_MACHINE(kill_lrie);
}

static void stop_and_kill_lrie(void)
{
	struct family family;
	pid_t lrie = start_lrie(&family);

	kill(lrie, SIGSTOP);
	kill(lrie, SIGKILL);
	CHECK(all_dead(&family, 2000));
	reap_orphans();
	box_host();
}

static void test_lrie_is_stopped_and_killed(void)
{
	ON_EACH_MACHINE(stop_and_kill_lrie);
}

/* Nobody is left who could thaw: the next lrie does. */
static void kill_lrie_and_init(void)
{
	struct family family;
	char name[32];
	if (strstr(test_now.case_label, "namespaces") && geteuid() != 0)
		return; /* neither would the kernel end them, nor is there a cgroup to find them by
		         */
	pid_t lrie = start_lrie(&family);

	/* Stopped first, neither can react to the other's end. */
	kill(lrie, SIGSTOP);
	kill(family.init, SIGSTOP);
	kill(family.init, SIGKILL);
	kill(lrie, SIGKILL);
	waitpid(lrie, NULL, 0);
	box_host();
	CHECK(all_dead(&family, 2000));
	reap_orphans();
	box_forget_host();
	box_host(); /* now that they are reaped, their groups can go */
	snprintf(name, sizeof(name), "lrie-%d", (int)lrie);
	CHECK_INT(machine_count_cgroups(name), 0);
}

static void test_lrie_and_init_are_killed(void)
{
	ON_EACH_MACHINE(kill_lrie_and_init);
}

TEST_MAIN(test_the_wall_names_its_mechanism, test_it_can_be_switched_off,
          test_nothing_runs_while_frozen, test_thousands_of_times, test_twice_is_once,
          test_a_box_that_is_being_built_is_not_frozen, test_a_signal_thaws,
          test_another_program_thaws, test_a_frozen_box_can_be_killed, test_init_is_killed,
          test_lrie_is_killed, test_lrie_is_stopped_and_killed, test_lrie_and_init_are_killed)
