/* SPDX-License-Identifier: Apache-2.0 */
/* tmp - a /tmp that one box after another has, and nobody else */
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "sandbox/tmp_watch.h"
#include "tests/box/machine.h"

static struct sandbox_spec spec_with(struct sandbox_tmp *tmp)
{
	struct sandbox_spec spec = box_spec();

	spec.tmp = tmp;
	spec.cpu_millis = 0;
	return spec;
}

static void test_files_outlive_boxes(void)
{
	NEED(SANDBOX_WALL_FILES);
	struct sandbox_tmp *mine = sandbox_tmp_create(), *others = sandbox_tmp_create();
	const struct sandbox_spec spec = spec_with(mine), other = spec_with(others);

	BOX_CHECK(&spec, { "ls:/tmp", "" }, { "write:/tmp/one", "ok" }, { "mkdir:/tmp/two", "ok" },
	          { "write:/tmp/two/three", "ok" });
	BOX_CHECK(&other, { "ls:/tmp", "" }, { "write:/tmp/theirs", "ok" });
	BOX_CHECK(&spec, { "ls:/tmp", "one two" }, { "ls:/tmp/two", "three" },
	          { "read:/tmp/one", "x" }, { "file:append:/tmp/one", "ok" },
	          { "chmod:/tmp/one", "ok" }, { "unlink:/tmp/two/three", "ok" },
	          { "write:/tmp/four", "ok" });
	BOX_CHECK(NULL, { "ls:/tmp", "" });
	/* As it is to be: on no file system is more allowed for having been there before. */
	BOX_CHECK(&spec, { "ls:/tmp", "four one two" }, { "file:rmdir:/tmp/two", "ok" },
	          { "write:/x", "EROFS" }, { "suid-mounts", "" },
	          { "writable-mounts", "/proc /tmp" });
	BOX_CHECK(&spec, { "ls:/tmp", "four one" });
	sandbox_tmp_destroy(mine);
	sandbox_tmp_destroy(others);
}

/* Killed at any moment, by whoever it be, with children that have files open. */
static void test_files_outlive_a_kill(void)
{
	NEED(SANDBOX_WALL_FILES);
	static struct box_run run;
	struct sandbox_tmp *tmp = sandbox_tmp_create();
	const struct sandbox_spec spec = spec_with(tmp);

	for (int i = 0; i < 10; i++) {
		box_start(&run, &spec, i ? "read:/tmp/one" : "write:/tmp/one", "fork:5", "hold");
		BOX_UNTIL(&run, box_find(&run, "hold"));
		CHECK_STR(box_says(&run, i ? "read:/tmp/one" : "write:/tmp/one"), i ? "x" : "ok");
		if (i % 2)
			sandbox_kill(run.box);
		BOX_UNTIL(&run, i % 2 ? run.gone : true);
		box_end(&run);
	}
	sandbox_tmp_destroy(tmp);
}

static void test_the_size_is_of_all(void)
{
	NEED(SANDBOX_WALL_TMP);
	NEED(SANDBOX_WALL_FILES);
	struct sandbox_tmp *tmp = sandbox_tmp_create();
	const struct sandbox_spec spec = spec_with(tmp);

	BOX_CHECK(&spec, { "tmp:10", "ok" });
	BOX_CHECK(&spec, { "fill:/tmp/x", "6 ENOSPC" }, { "unlink:/tmp/x", "ok" });
	BOX_CHECK(&spec, { "tmp:6", "ok" }, { "write:/tmp/y", "ENOSPC" });
	sandbox_tmp_destroy(tmp);
}

/* What is in /tmp is nobody's memory, whoever has written it. */
static void test_it_is_not_memory(void)
{
	NEED_ALL(SANDBOX_WALL_MEMORY);
	NEED(SANDBOX_WALL_FILES);
	static struct box_run run;
	struct sandbox_tmp *tmp = sandbox_tmp_create();
	struct sandbox_spec spec = spec_with(tmp);

	spec.memory_bytes = MB(64);
	spec.tmp_bytes = MB(300);
	BOX_CHECK(&spec, { "child-write:/tmp/first:200", "ok" });
	/* The limit is as high as it was, and no higher. */
	BOX_CHECK(&spec, { "ls:/tmp", "first" }, { "eat:40", "ok" });
	box_run(&run, &spec, "eat:160", "exit:0");
	CHECK(run.out_of_memory);
	/* Files of its own come in place of those. */
	box_run(&run, &spec, "eat:40", "unlink:/tmp/first", "child-write:/tmp/second:200",
	        "exit:0");
	CHECK_INT(run.status, 0);
	CHECK_STR(box_says(&run, "child-write:/tmp/second:200"), "ok");
	CHECK(run.peak >= MB(40) && run.peak < MB(50));
	box_run(&run, &spec, "unlink:/tmp/second", "eat:160", "exit:0");
	CHECK(run.out_of_memory);
	sandbox_tmp_destroy(tmp);
}

static void check_fails(const struct sandbox_spec *spec)
{
	static struct box_run run;

	box_begin(&run, box_host(), spec, NULL, NULL, "/");
	BOX_UNTIL(&run, run.failed && run.gone);
	CHECK(run.failed);
	box_end(&run);
}

/* What a box has attached that then cannot be built is lost; those after it are not. */
static void test_a_box_that_fails(void)
{
	NEED(SANDBOX_WALL_FILES);
	const struct sandbox_bind into_proc = { .source = "/usr", .target = "/proc" };
	struct sandbox_tmp *tmp = sandbox_tmp_create();
	struct sandbox_spec spec = spec_with(tmp), homeless = spec, bad = spec;

	BOX_CHECK(&spec, { "write:/tmp/one", "ok" });
	homeless.task_root = "/nonexistent/folder";
	check_fails(&homeless);
	BOX_CHECK(&spec, { "ls:/tmp", "one" });
	bad.binds = &into_proc;
	bad.bind_count = 1;
	check_fails(&bad);
	for (int i = 0; i < 2; i++)
		BOX_CHECK(&spec, { "ls:/tmp", i ? "two" : "" }, { "write:/tmp/two", "ok" });
	sandbox_tmp_destroy(tmp);
}

static void test_nothing_is_left(void)
{
	struct sandbox_tmp *tmp = sandbox_tmp_create();
	const struct sandbox_spec spec = spec_with(tmp);

	BOX_CHECK(&spec, { "fork:1", "1 ok" }); /* lasting things are open */
	sandbox_tmp_destroy(tmp);
	unsigned before = box_count_fds();
	for (int i = 0; i < 3; i++) {
		struct sandbox_tmp *another = sandbox_tmp_create();
		const struct sandbox_spec other = spec_with(another);
		BOX_CHECK(&other, { "fork:1", "1 ok" });
		BOX_CHECK(&other, { "fork:1", "1 ok" });
		sandbox_tmp_destroy(another);
	}
	CHECK_INT(box_count_fds(), before);
}

static pid_t start_to_write(const char *folder)
{
	char path[PATH_MAX];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(path, sizeof(path), "%s/file", folder);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	while (pwrite(fd, "x", 1, 0) == 1)
		;
	_exit(1);
}

static bool is_readable(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, 0) == 1;
}

/* Inotify tells twice, and the owner may have read the first before the second comes: unread, that
 * would keep him awake for good. */
static void test_what_is_told_late(void)
{
	enum { ROUNDS = 10000, LOOKS = 20 };
	const char *folder = box_folder();
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct tmp_spares spares = { .kept = { { -1, inotify_init1(IN_CLOEXEC | IN_NONBLOCK) } },
		                     .count = 1 };
	struct tmp_watch *watch = tmp_watch_create(open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	                                           epoll, &spares);
	pid_t child = start_to_write(folder);
	unsigned unread = 0;

	for (int round = 0; round < ROUNDS && !unread; round++) {
		CHECK(tmp_watch_arm(watch));
		while (!tmp_watch_heard(watch))
			;
		for (int i = 0; i < LOOKS && !unread; i++)
			unread = is_readable(epoll) && !tmp_watch_heard(watch);
	}
	CHECK_INT(unread, 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	tmp_watch_destroy(watch);
	tmp_spares_finish(&spares);
	close(epoll);
	box_remove(folder);
}

/* Files in the machine's /tmp are those of a user, whom no other box gets meanwhile. */
static void keep_the_user(void)
{
	static struct box_run run, other;
	struct sandbox_tmp *tmp = sandbox_tmp_create();
	const struct sandbox_spec spec = spec_with(tmp);
	char first[64] = "", second[64] = "";

	become_docker();
	box_run(&run, &spec, "uid");
	snprintf(first, sizeof(first), "%s", box_says(&run, "uid"));
	box_start(&other, NULL, "uid", "hold");
	BOX_UNTIL(&other, box_find(&other, "hold"));
	snprintf(second, sizeof(second), "%s", box_says(&other, "uid"));
	CHECK(strcmp(first, second) != 0);
	box_run(&run, &spec, "uid");
	CHECK_STR(box_says(&run, "uid"), first);
	sandbox_tmp_destroy(tmp);
	/* Free again. */
	box_run(&run, NULL, "uid");
	CHECK_STR(box_says(&run, "uid"), first);
	box_end(&other);
}

static void test_the_user_stays(void)
{
	if (geteuid() != 0)
		SKIP("only root gives boxes users");
	IN_CONTAINER(keep_the_user());
}

TEST_MAIN(test_files_outlive_boxes, test_files_outlive_a_kill, test_the_size_is_of_all,
          test_it_is_not_memory, test_a_box_that_fails, test_what_is_told_late,
          test_nothing_is_left, test_the_user_stays)
