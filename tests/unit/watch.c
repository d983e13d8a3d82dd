/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch - changes of real files, on a real loop
 *
 * What must not be told is followed by something that must: then it is the only thing told.
 */
#include "emulator/watch.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/folder.h"
#include "emulator/log.h"
#include "emulator/watch_noise.h"
#include "emulator/watch_tree.h"
#include "sandbox/fd.h"
#include "tests/unit/files.h"

#define PATIENCE (20 * CLOCK_NS_PER_S)

static struct loop *loop;
static struct watch *watch;
static struct loop_timer deadline, pause_timer;
static unsigned tellings;
static char told[256]; /* "path+more" */

static void on_change(struct watch_listener *listener, const struct watch_change *change)
{
	(void)listener;
	tellings++;
	snprintf(told, sizeof(told), "%s+%u", change->path ? change->path : "(lost)", change->more);
	loop_stop(loop);
}

static struct watch_listener listener = { .on_change = on_change };

static void on_deadline(struct loop_timer *timer)
{
	(void)timer;
	loop_stop(loop);
}

static void begin_with(const char *const *paths, size_t count)
{
	struct error err;

	loop = loop_create(&err);
	deadline.on_due = pause_timer.on_due = on_deadline;
	tellings = 0;
	told[0] = '\0';
	watch = watch_create(loop, &listener, paths, count, &err);
	if (!CHECK(watch))
		exit(1);
}

static void begin(const char *path)
{
	begin_with(&path, 1);
}

static void end(void)
{
	struct error err;

	watch_destroy(watch);
	loop_destroy(loop);
	if (chdir("/") == -1 || !folder_remove(AT_FDCWD, files_folder, &err))
		abort();
}

static void check_told(const char *expected)
{
	told[0] = '\0';
	loop_timer_start(loop, &deadline, clock_now() + PATIENCE);
	loop_run(loop);
	loop_timer_stop(&deadline);
	CHECK_STR(told, expected);
}

/* On the way to what is watched: with the whole path. */
static void check_told_on_the_way(const char *expected)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/%s", files_folder, expected);
	check_told(path);
}

/* Lets the loop run for a moment. */
static void turn_ms(uint64_t ms)
{
	loop_timer_start(loop, &pause_timer, clock_now() + ms * CLOCK_NS_PER_MS);
	loop_run(loop);
	loop_timer_stop(&pause_timer);
}

static void put(const char *path)
{
	files_put_text(path, "x");
}

static void make(const char *path)
{
	CHECK_INT(mkdir(path, 0755), 0);
}

/* ---- what happens to files ---- */

static void test_a_file_is_written(void)
{
	files_begin();
	make("task");
	put("task/index.mjs");
	begin("task");
	put("task/index.mjs");
	check_told("index.mjs+0");
	put("task/new.mjs");
	check_told("new.mjs+0");
	CHECK_INT(tellings, 2);
	end();
}

static void test_what_comes_together_is_told_once(void)
{
	char name[32];

	files_begin();
	make("task");
	begin("task");
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "task/%u", i % 10);
		put(name);
	}
	check_told("0+9");
	CHECK_INT(tellings, 1);
	end();
}

static void test_a_file_is_removed_renamed_or_made_executable(void)
{
	files_begin();
	make("task");
	put("task/a");
	begin("task");
	CHECK_INT(rename("task/a", "task/b"), 0);
	check_told("b+1");
	CHECK_INT(chmod("task/b", 0711), 0);
	check_told("b+0");
	CHECK_INT(unlink("task/b"), 0);
	check_told("b+0");
	end();
}

/* As editors do: beside the file, and over it. */
static void test_an_editor_writes_by_rename(void)
{
	files_begin();
	make("task");
	put("task/index.mjs");
	begin("task");
	put("task/.index.mjs.swp");
	put("task/4913");
	CHECK_INT(unlink("task/4913"), 0);
	put("task/index.mjs~");
	CHECK_INT(rename("task/index.mjs~", "task/index.mjs"), 0);
	check_told("index.mjs+0");
	end();
}

static void test_noise(void)
{
	files_begin();
	make("task");
	make("task/.git");
	make("task/node_modules");
	begin("task");
	put("task/.git/index");
	make("task/__pycache__");
	put("task/__pycache__/a.pyc");
	put("task/.DS_Store");
	put("task/node_modules/index.js");
	check_told("node_modules/index.js+0");
	end();
	CHECK(watch_noise_is_file(".index.mjs.swx") && watch_noise_is_file("#a#"));
	CHECK(watch_noise_is_file(".git") && watch_noise_is_folder(".git"));
	CHECK(!watch_noise_is_file("swp") && !watch_noise_is_file("bootstrap"));
	CHECK(!watch_noise_is_file(".env") && !watch_noise_is_folder("node_modules"));
}

/* ---- folders ---- */

static void test_folders_below(void)
{
	files_begin();
	make("task");
	make("task/a");
	make("task/a/b");
	begin("task");
	put("task/a/b/c");
	check_told("a/b/c+0");
	make("task/new");
	make("task/new/newer");
	check_told("new+0"); /* that is seen as a whole */
	put("task/new/newer/file");
	check_told("new/newer/file+0");
	end();
}

static void test_a_folder_moves(void)
{
	files_begin();
	make("task");
	make("task/a");
	make("task/a/b");
	make("elsewhere");
	begin("task");
	CHECK_INT(rename("task/a", "task/z"), 0);
	check_told("z+1");
	put("task/z/b/file");
	check_told("z/b/file+0");
	CHECK_INT(rename("task/z", "elsewhere/z"), 0);
	check_told("z+0");
	put("elsewhere/z/b/file"); /* of no interest any more */
	put("task/file");
	check_told("file+0");
	CHECK_INT(rename("elsewhere/z", "task/back"), 0);
	check_told("back+0");
	put("task/back/b/file");
	check_told("back/b/file+0");
	end();
}

static void test_a_tree_is_replaced(void)
{
	files_begin();
	make("build");
	make("build/task");
	put("build/task/a");
	make("next");
	make("next/task");
	put("next/task/a");
	begin("build/task");
	CHECK_INT(rename("build", "old"), 0);
	CHECK_INT(rename("next", "build"), 0);
	turn_ms(0);
	bool is_told = tellings > 0; /* already, when this took a while */
	put("old/task/a");
	put("build/task/b");
	if (is_told)
		check_told("b+0");
	else
		check_told_on_the_way("build+1");
	put("old/task/a"); /* of no interest any more */
	put("build/task/a");
	check_told("a+0");
	end();
}

static void test_what_is_not_there_is_waited_for(void)
{
	files_begin();
	begin("dist/function");
	make("dist");
	check_told_on_the_way("dist+0");
	make("dist/function");
	check_told("function+0");
	put("dist/function/bootstrap");
	check_told("bootstrap+0");
	end();
}

/* As deployments do. The path that was given does not change, what it leads to does. */
static void test_a_link_leads_elsewhere(void)
{
	files_begin();
	make("releases");
	make("releases/1");
	make("releases/2");
	CHECK_INT(symlink("releases/1", "current"), 0);
	begin("current");
	put("releases/1/a");
	check_told("a+0");
	CHECK_INT(symlink("releases/2", "next"), 0);
	CHECK_INT(rename("next", "current"), 0);
	check_told("current+0");
	put("releases/1/a"); /* of no interest any more */
	put("releases/2/b");
	check_told("b+0");
	end();
}

static void test_links_in_circles(void)
{
	files_begin();
	CHECK_INT(symlink("b", "a"), 0);
	CHECK_INT(symlink("a", "b"), 0);
	begin("a");
	CHECK_INT(unlink("b"), 0);
	check_told_on_the_way("b+0");
	make("b");
	check_told("b+0");
	put("b/file");
	check_told("file+0");
	end();
}

/* ---- single files ---- */

static void test_a_file_by_itself(void)
{
	static const char *const paths[] = { "layer.zip", "link/bootstrap" };

	files_begin();
	put("layer.zip");
	make("target");
	put("target/bootstrap");
	CHECK_INT(symlink("target", "link"), 0);
	begin_with(paths, 2);
	put("other.zip");
	put("target/other");
	put("layer.zip");
	check_told("layer.zip+0");
	CHECK_INT(unlink("layer.zip"), 0);
	check_told("layer.zip+0");
	put("layer.zip");
	check_told("layer.zip+0");
	put("target/bootstrap");
	check_told("bootstrap+0");
	end();
}

/* Both ways to a folder count, and neither is lost. */
static void test_paths_within_each_other(void)
{
	static const char *const paths[] = { "task/bootstrap", "task", "task/layer" };

	files_begin();
	make("task");
	make("task/layer");
	put("task/bootstrap");
	begin_with(paths, 3);
	put("task/bootstrap");
	check_told("bootstrap+0");
	put("task/other");
	check_told("other+0");
	put("task/layer/file");
	check_told("file+0");
	CHECK_INT(rename("task/layer", "task/gone"), 0);
	check_told("gone+1");
	put("task/gone/file");
	check_told("gone/file+0");
	end();
}

/* ---- when it is done ---- */

static void test_a_file_that_is_being_written(void)
{
	files_begin();
	make("task");
	begin("task");

	int fd = open("task/bootstrap", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	CHECK_INT(write(fd, "x", 1), 1);
	if (!watch_is_being_written("task/bootstrap")) {
		close(fd);
		end();
		SKIP("this file system tells nobody who writes");
	}
	turn_ms(100);
	CHECK_INT(tellings, 0);
	close(fd);
	CHECK(!watch_is_being_written("task/bootstrap"));
	check_told("bootstrap+0");

	/* A log, say. */
	fd = open("task/log", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	uint64_t start = clock_now();

	check_told("log+0");
	CHECK(clock_now() - start >= WATCH_PATIENCE_NS);
	close(fd);
	end();
}

static int closing_fd;

static void on_closing(struct loop_timer *timer)
{
	(void)timer;
	close(closing_fd);
}

/* In the same turn, so that its last event is there and unread when it is time to look. */
static void test_a_file_that_was_closed_just_now(void)
{
	struct loop_timer closing = { .on_due = on_closing };

	files_begin();
	make("task");
	begin("task");
	closing_fd = open("task/bootstrap", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	CHECK_INT(write(closing_fd, "x", 1), 1);
	CHECK(!watch_is_quiet(watch));
	turn_ms(30);
	if (tellings > 0) {
		close(closing_fd);
		end();
		SKIP("this file system tells nobody who writes");
	}
	loop_timer_start(loop, &closing, clock_now());
	usleep(2 * WATCH_QUIET_NS / 1000); /* on a busy machine: all that is due is so at once */
	check_told("bootstrap+0");
	CHECK(watch_is_quiet(watch));
	put("task/next");
	check_told("next+0");
	end();
}

static void test_changes_without_end(void)
{
	files_begin();
	make("task");
	begin("task");

	uint64_t start = clock_now();

	while (tellings == 0 && clock_now() < start + PATIENCE) {
		put("task/a");
		turn_ms(1);
	}
	CHECK_INT(tellings, 1);
	end();
}

/* ---- much ---- */

static void put_many(const char *folder, unsigned folders, unsigned files)
{
	char name[64];

	for (unsigned i = 0; i < folders; i++) {
		snprintf(name, sizeof(name), "%s/%u", folder, i);
		mkdir(name, 0755);
		for (unsigned j = 0; j < files; j++) {
			snprintf(name, sizeof(name), "%s/%u/%u", folder, i, j);
			put(name);
		}
	}
}

static void test_a_storm(void)
{
	files_begin();
	make("task");
	put_many("task", 300, 0);
	begin("task");
	put_many("task", 300, 10);
	check_told("0/0+500");
	put("task/299/9");
	check_told("299/9+0");
	end();
}

static void test_a_large_tree_comes_at_once(void)
{
	files_begin();
	make("task");
	make("elsewhere");
	put_many("elsewhere", 300, 1);
	begin("task");
	CHECK_INT(rename("elsewhere", "task/all"), 0);
	check_told("all+0");
	put("task/all/299/0");
	check_told("all/299/0+0");
	put("task/all/0/0");
	check_told("all/0/0+0");
	end();
}

static unsigned long most_events(void)
{
	char text[32] = "";

	fd_read_file(AT_FDCWD, "/proc/sys/fs/inotify/max_queued_events", text, sizeof(text));
	return strtoul(text, NULL, 10);
}

/* Nobody reads for a while: what the queue does not hold is gone, and all is looked at again. */
static void test_the_queue_is_full(void)
{
	unsigned long most = most_events();

	if (most == 0 || most > 100000)
		SKIP("the kernel's queue has no size that can be filled quickly");
	files_begin();
	make("task");
	put("task/a");
	put("task/b");
	begin("task");
	for (unsigned long i = 0; i <= most / 2; i++)
		if (chmod("task/a", i % 2 ? 0600 : 0644) == -1 ||
		    chmod("task/b", i % 2 ? 0600 : 0644) == -1)
			abort();
	make("task/unseen");
	check_told("(lost)+1");
	put("task/unseen/file");
	check_told("unseen/file+0");
	end();
}

static void test_no_more_than_it_says(void)
{
	const char *path;
	struct watch_tree *tree;
	struct error err;
	char task[PATH_MAX + 8];

	files_begin();
	make("task");
	put_many("task", 10, 0);
	snprintf(task, sizeof(task), "%s/task", files_folder);
	path = task;
	tree = watch_tree_create(&path, 1, &err);
	while (watch_tree_look(tree))
		;
	/* ... and those on the way: /, /tmp, and the test's own. */
	CHECK_INT(watch_tree_folders(tree), 1 + 10 + 3);
	CHECK_STR(watch_tree_shorten(tree, "/somewhere/else"), "/somewhere/else");
	CHECK_STR(watch_tree_shorten(tree, task), "task");
	CHECK_INT(rename("task", "gone"), 0);
	CHECK_INT(watch_tree_next(tree, &path), WATCH_TREE_CHANGED);
	CHECK_STR(path, task);
	CHECK_INT(watch_tree_next(tree, &path), WATCH_TREE_NOTHING);
	CHECK(!watch_tree_look(tree));
	CHECK_INT(watch_tree_folders(tree), 3);
	CHECK_INT(watch_tree_next(tree, &path), WATCH_TREE_NOTHING);
	watch_tree_destroy(tree);
	CHECK(chdir("/") == 0 && folder_remove(AT_FDCWD, files_folder, &err));
}

TEST_MAIN(test_a_file_is_written, test_what_comes_together_is_told_once,
          test_a_file_is_removed_renamed_or_made_executable, test_an_editor_writes_by_rename,
          test_noise, test_folders_below, test_a_folder_moves, test_a_tree_is_replaced,
          test_what_is_not_there_is_waited_for, test_a_link_leads_elsewhere, test_links_in_circles,
          test_a_file_by_itself, test_paths_within_each_other, test_a_file_that_is_being_written,
          test_a_file_that_was_closed_just_now, test_changes_without_end, test_a_storm,
          test_a_large_tree_comes_at_once, test_the_queue_is_full, test_no_more_than_it_says)
