/* SPDX-License-Identifier: Apache-2.0 */
/* tree - without a pid namespace: who is signalled, who ends, and who is left alone */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/tree.h"
#include "tests/unit/test.h"

#define PATIENCE_MS 20000

/* Says that it is there, and stays. */
static void stay(int report)
{
	pid_t pid = getpid();

	if (write(report, &pid, sizeof(pid)) != sizeof(pid))
		_exit(1);
	for (;;)
		pause();
}

/* A child, its child in a session of its own, and the orphan of one that has ended. */
static void make_family(int report)
{
	if (fork() == 0) {
		if (fork() == 0) {
			setsid();
			signal(SIGTERM, SIG_IGN);
			prctl(PR_SET_NAME, ") R 1 ((");
			stay(report);
		}
		stay(report);
	}
	if (fork() == 0) {
		if (fork() == 0)
			stay(report);
		_exit(0);
	}
}

/* The state letter, after a name that may hold anything; 0 when there is no such process. */
static char state_of(pid_t pid)
{
	char path[32], stat[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (fd_read_file(AT_FDCWD, path, stat, sizeof(stat)) == -1)
		return 0;
	return strrchr(stat, ')')[2];
}

/* A signal takes effect a little later. */
static bool becomes(pid_t pid, const char *states)
{
	struct timespec pause = { .tv_nsec = 1000000 };

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		char state = state_of(pid);
		if (state ? strchr(states, state) != NULL : !*states)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* In a process of its own, which is the init of the family. */
static void live_as_init(void (*scene)(struct tree *tree, const pid_t *family))
{
	struct tree tree = { .is_namespace = false, .ended = -1 };
	struct error err = { .code = 0 };
	int report[2];
	pid_t family[3] = { 0 };
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	CHECK(pipe2(report, O_CLOEXEC) == 0);
	CHECK(tree_init(&tree, &err));
	make_family(report[1]);
	for (int i = 0; i < 3; i++)
		CHECK(read(report[0], &family[i], sizeof(family[i])) == sizeof(family[i]));
	scene(&tree, family);
	tree_kill(&tree);
	CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
	for (int i = 0; i < 3; i++)
		CHECK(kill(family[i], 0) == -1 && errno == ESRCH);
	close(report[0]);
	close(report[1]);
	fd_close(&tree.ended);
}

static void play(void (*scene)(struct tree *tree, const pid_t *family))
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		test_now.failed = false;
		live_as_init(scene);
		fflush(stdout);
		_exit(test_now.failed);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
}

static void just_end(struct tree *tree, const pid_t *family)
{
	(void)tree;
	(void)family;
}

static void test_everybody_ends(void)
{
	play(just_end);
}

static void stop_and_go(struct tree *tree, const pid_t *family)
{
	for (int round = 0; round < 5; round++) {
		tree_signal(tree, SIGSTOP);
		for (int i = 0; i < 3; i++)
			CHECK(becomes(family[i], "T"));
		tree_signal(tree, SIGCONT);
		for (int i = 0; i < 3; i++)
			CHECK(becomes(family[i], "S"));
	}
	/* What is stopped ends as well. */
	tree_signal(tree, SIGSTOP);
}

static void test_everybody_is_signalled(void)
{
	play(stop_and_go);
}

/* Sisters of init, and their children, are no family. */
static void test_others_are_left_alone(void)
{
	int report[2];
	pid_t others[3] = { 0 };
	bool was_reaper = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;

	CHECK(was_reaper && pipe2(report, O_CLOEXEC) == 0);
	make_family(report[1]);
	for (int i = 0; i < 3; i++)
		CHECK(read(report[0], &others[i], sizeof(others[i])) == sizeof(others[i]));
	play(stop_and_go);
	for (int i = 0; i < 3; i++) {
		CHECK(becomes(others[i], "S"));
		kill(others[i], SIGKILL);
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
	close(report[0]);
	close(report[1]);
}

/* Each forks another one and ends, until nobody listens any more. */
static void run_away(const int *pipe)
{
	int report = pipe[1];
	char byte = 0;

	close(pipe[0]);
	for (;;) {
		pid_t pid = fork();
		if (pid > 0)
			_exit(0);
		if (pid == 0 && write(report, &byte, 1) != 1)
			_exit(1);
	}
}

static void catch_runners(struct tree *tree, const pid_t *family)
{
	int report[2];
	char bytes[64];

	(void)family;
	CHECK(pipe2(report, O_CLOEXEC) == 0);
	for (int i = 0; i < 4; i++) {
		if (fork() == 0)
			run_away(report);
	}
	for (size_t got = 0; got < 500;) {
		got += (size_t)read(report[0], bytes, sizeof(bytes));
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
	close(report[1]);
	tree_kill(tree);
	close(report[0]);
}

static void test_runners_are_caught(void)
{
	play(catch_runners);
}

TEST_MAIN(test_everybody_ends, test_everybody_is_signalled, test_others_are_left_alone,
          test_runners_are_caught)
