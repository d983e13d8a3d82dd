/* SPDX-License-Identifier: Apache-2.0 */
/* files - what a function sees of the file system, and what it can change: /tmp, and no more */
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "tests/box/machine.h"

/* For tests that mount, outside of the box. */
#define NEED_MOUNTS()                         \
	do {                                  \
		NEED(SANDBOX_WALL_FILES);     \
		if (geteuid() != 0)           \
			SKIP("cannot mount"); \
	} while (0)

static void test_everything_is_read_only(void)
{
	NEED(SANDBOX_WALL_FILES);
	BOX_CHECK(NULL, { "write:/x", "EROFS" }, { "write:/usr/x", "EROFS" },
	          { "write:/etc/x", "EROFS" }, { "write:/etc/passwd", "EROFS or EACCES" },
	          { "write:/var/task/x", "EROFS" }, { "write:/opt/x", "EROFS" },
	          { "write:/var/tmp/x", "EROFS" }, { "write:/home/x", "EROFS" },
	          { "write:/var/runtime/x", "EROFS" }, { "write:/dev/x", "EROFS" },
	          { "mkdir:/mnt/x", "EROFS" }, { "truncate:/etc/passwd", "EROFS or EACCES" },
	          { "unlink:/etc/passwd", "EROFS" }, { "chmod:/usr", "EROFS" },
	          { "writable-mounts", "/proc /tmp" }, { "suid-mounts", "" });
}

static void test_tmp_can_be_used(void)
{
	NEED(SANDBOX_WALL_TMP);
	BOX_CHECK(NULL, { "mode:/tmp", "1777 0:0 or 1777 993:990" }, { "write:/tmp/x", "ok" },
	          { "mkdir:/tmp/folder", "ok" }, { "ls:/tmp", "folder x" },
	          { "exec-copy:/tmp/copy", "ok" }, { "mknod:/tmp/device", "EPERM" });
}

static void test_tmp_is_bounded_and_new_each_time(void)
{
	NEED(SANDBOX_WALL_TMP);
	for (int i = 0; i < 2; i++)
		BOX_CHECK(NULL, { "ls:/tmp", "" }, { "fill:/tmp/x", "16 ENOSPC" },
		          { "write:/tmp/y", "ENOSPC" });
}

/* Empty files cost memory of the kernel. */
static void test_tmp_is_bounded_in_files(void)
{
	static struct box_run run;
	struct sandbox_spec spec = box_spec();
	unsigned count = 0;
	char why[16] = "";

	NEED(SANDBOX_WALL_TMP);
	spec.tmp_bytes = MB(1);
	box_run(&run, &spec, "fill-inodes:/tmp");
	const char *answer = box_says(&run, "fill-inodes:/tmp");
	CHECK(answer && sscanf(answer, "%u %15s", &count, why) == 2);
	CHECK_STR(why, "ENOSPC");
	CHECK(count >= 1000 && count <= 1024 + 256);
}

static void test_the_root_is_short(void)
{
	struct box_run run;

	NEED(SANDBOX_WALL_FILES);
	box_run(&run, NULL, "ls:/", "ls:/var", "ls:/home", "ls:/root", "read:/etc/shadow",
	        "ls:/sys", "read:/etc/passwd", "read:/etc/group", "ls:/opt", "ls:/var/runtime");
	const char *root = box_says(&run, "ls:/");
	CHECK(root && strstr(root, "usr") && !strstr(root, "sys") && !strstr(root, "run"));
	CHECK_STR(box_says(&run, "ls:/var"), "runtime task tmp");
	CHECK_STR(box_says(&run, "ls:/home"), "");
	CHECK_STR(box_says(&run, "ls:/root"), "");
	CHECK_STR(box_says(&run, "ls:/sys"), "ENOENT");
	CHECK_STR(box_says(&run, "read:/etc/shadow"), "ENOENT");
	CHECK_STR(box_says(&run, "read:/etc/passwd"),
	          "root:x:0:0:root:/root:/sbin/nologin|"
	          "sbx_user1051:x:993:990::/home/sbx_user1051:/sbin/nologin");
	CHECK_STR(box_says(&run, "read:/etc/group"), "root:x:0:|sbx_user1051:x:990:");
	CHECK_STR(box_says(&run, "ls:/opt"), "");
	CHECK_STR(box_says(&run, "ls:/var/runtime"), "");
}

static void test_devices(void)
{
	NEED(SANDBOX_WALL_FILES);
	BOX_CHECK(NULL, { "ls:/dev", "fd full null random stderr stdin stdout urandom zero" },
	          { "write:/dev/null", "ok" }, { "write:/dev/full", "ENOSPC" },
	          { "read:/dev/null", "empty" }, { "shm-open:/x", "ENOENT" },
	          { "sem-open:/y", "ENOENT" }, { "link:/dev/fd", "/proc/self/fd" });
}

static void test_proc_is_its_own(void)
{
	struct box_run run;

	NEED(SANDBOX_WALL_PROCESSES);
	box_run(&run, NULL, "pids", "link:/proc/1/exe", "link:/proc/1/cwd", "link:/proc/1/root",
	        "read:/proc/1/environ", "read:/proc/1/mem", "ls:/proc/1/fd",
	        "write:/proc/sys/kernel/hostname", "read:/proc/keys", "read:/proc/timer_list");
	CHECK_STR(box_says(&run, "pids"), "1 2");
	CHECK_STR(box_says(&run, "link:/proc/1/exe"), "EACCES");
	CHECK_STR(box_says(&run, "link:/proc/1/cwd"), "EACCES");
	CHECK_STR(box_says(&run, "link:/proc/1/root"), "EACCES");
	CHECK_STR(box_says(&run, "read:/proc/1/environ"), "EACCES");
	CHECK_STR(box_says(&run, "read:/proc/1/mem"), "EACCES");
	CHECK_STR(box_says(&run, "ls:/proc/1/fd"), "EACCES");
	CHECK(box_is_one_of(box_says(&run, "write:/proc/sys/kernel/hostname"), "EROFS or EACCES"));
	CHECK(box_is_one_of(box_says(&run, "read:/proc/keys"), "ENOENT or EACCES or empty"));
	CHECK(box_is_one_of(box_says(&run, "read:/proc/timer_list"), "ENOENT or EACCES or empty"));
}

static void test_dangerous_proc_files(void)
{
	struct box_run run;
	static const char *const words[] = { "read:/proc/kcore", "read:/proc/sysrq-trigger",
		                             "write:/proc/sysrq-trigger", NULL };

	NEED(SANDBOX_WALL_PROCESSES);
	box_run_words(&run, NULL, words);
	for (size_t i = 0; words[i]; i++) {
		const char *answer = box_says(&run, words[i]);
		test_case(words[i]);
		/* "ok" would be a write into the /dev/null that masks it. */
		CHECK(answer && strstr("ENOENT EACCES EPERM EROFS empty ok", answer));
	}
}

static void test_nothing_leads_out(void)
{
	struct box_run run;

	NEED(SANDBOX_WALL_FILES);
	box_run(&run, NULL, "fds", "climb:/var/task", "climb:/proc/self/cwd", "ls:/", "cwd");
	CHECK_STR(box_says(&run, "fds"), "0 1 2");
	CHECK_STR(box_says(&run, "climb:/var/task"), box_says(&run, "ls:/"));
	CHECK_STR(box_says(&run, "climb:/proc/self/cwd"), box_says(&run, "ls:/"));
}

/* However many dots, from wherever: the root of the box is the end. */
static void test_dots_end_at_the_root(void)
{
	static struct box_run run;
	static const char *const words[] = { "climb:/",
		                             "climb:/tmp",
		                             "climb:/opt",
		                             "climb:/dev",
		                             "climb:/dev/fd",
		                             "climb:/proc/self/root",
		                             "climb:/proc/self",
		                             "climb:/usr/bin",
		                             "ls:/",
		                             "read:/../../../../etc/shadow",
		                             "ls:/tmp/../../sys",
		                             "cwd",
		                             NULL };

	NEED(SANDBOX_WALL_FILES);
	box_run_words(&run, NULL, words);
	const char *root = box_says(&run, "ls:/");
	for (size_t i = 0; words[i] && strncmp(words[i], "climb:", 6) == 0; i++) {
		test_case(words[i]);
		CHECK_STR(box_says(&run, words[i]), root);
	}
	test_case(NULL);
	CHECK_STR(box_says(&run, "read:/../../../../etc/shadow"), "ENOENT");
	CHECK_STR(box_says(&run, "ls:/tmp/../../sys"), "ENOENT");
	CHECK_STR(box_says(&run, "cwd"), "/usr/bin"); /* the last climb began there */
}

/* Init was lrie: its memory, files and secrets are nobody's business, by whatever name. */
static void test_init_cannot_be_looked_into(void)
{
	NEED(SANDBOX_WALL_PROCESSES);
	BOX_CHECK(NULL, { "read:/proc/1/maps", "EACCES" }, { "read:/proc/1/smaps", "EACCES" },
	          { "read:/proc/1/auxv", "EACCES" }, { "write:/proc/1/mem", "EACCES" },
	          { "ls:/proc/1/cwd", "EACCES" }, { "ls:/proc/1/root", "EACCES" },
	          { "ls:/proc/1/root/..", "EACCES" }, { "climb:/proc/1/cwd", "EACCES" },
	          { "read:/proc/1/exe", "EACCES" }, { "ls:/proc/1/map_files", "EACCES or EPERM" },
	          { "ls:/proc/1/ns", "EACCES" }, { "link:/proc/1/ns/mnt", "EACCES" },
	          { "ls:/proc/1/fdinfo", "EACCES" }, { "read:/proc/1/task/1/environ", "EACCES" },
	          { "read:/proc/1/fd/3", "EACCES" }, { "write:/proc/1/oom_score_adj", "EACCES" },
	          { "link:/proc/1/task/1/exe", "EACCES" });
}

static void check_refused(const struct sandbox_spec *spec, const char *text)
{
	static struct box_run run;

	test_case(text);
	box_begin(&run, box_host(), spec, NULL, NULL, NULL);
	BOX_UNTIL(&run, run.failed || run.ready);
	CHECK(run.failed && !run.ready);
	if (!strstr(run.error.text, text))
		CHECK_STR(run.error.text, text);
	box_end(&run);
	test_case(NULL);
}

/* As a module it is loaded when root asks for it, and listed from then on. */
static bool has_overlay(void)
{
	char types[4096] = "";

	fd_read_file(AT_FDCWD, "/proc/filesystems", types, sizeof(types));
	return strstr(types, "\toverlay\n") != NULL || access("/sys/module/overlay", F_OK) == 0;
}

static void test_layers_are_merged(void)
{
	NEED(SANDBOX_WALL_FILES);
	if (!has_overlay())
		SKIP("this kernel has no overlayfs");
	const char *lower = box_folder(), *upper = box_folder();
	const char *layers[] = { lower, upper };
	struct sandbox_spec spec = box_spec();

	box_put(lower, "both", "lower", 0666);
	box_put(lower, "one", "lower", 0666);
	box_put(upper, "both", "upper", 0666);
	spec.layers = layers;
	spec.layer_count = 2;
	BOX_CHECK(&spec, { "ls:/opt", "both one" }, { "read:/opt/both", "upper" },
	          { "read:/opt/one", "lower" }, { "write:/opt/both", "EROFS" },
	          { "unlink:/opt/one", "EROFS" });
	spec.layer_count = 1;
	BOX_CHECK(&spec, { "ls:/opt", "both one" }, { "read:/opt/both", "lower" },
	          { "write:/opt/both", "EROFS" });
	box_remove(lower);
	box_remove(upper);
}

/* What overlayfs would take for its own signs, and as many as there may be. */
static void test_layers_of_any_name(void)
{
	static const char *const names[] = { "a:b",        "a,b", "a\\b", "a\\:b", "a b\n",
		                             "lowerdir=x", "\"",  "\xff", "9",     "10",
		                             "11",         "12",  "13" };
	enum { COUNT = sizeof(names) / sizeof(*names) };
	static char paths[COUNT][PATH_MAX];
	const char *layers[COUNT];
	NEED(SANDBOX_WALL_FILES);
	if (!has_overlay())
		SKIP("this kernel has no overlayfs");
	const char *above = box_folder();
	struct sandbox_spec spec = box_spec();

	for (size_t i = 0; i < COUNT; i++) {
		char file[8], text[8];
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", above, names[i]);
		if (mkdir(paths[i], 0755) == -1)
			box_die(paths[i]);
		snprintf(file, sizeof(file), "%zu", i);
		snprintf(text, sizeof(text), "of %zu", i);
		box_put(paths[i], file, text, 0644);
		box_put(paths[i], "all", text, 0644);
		layers[i] = paths[i];
	}
	spec.layers = layers;
	spec.layer_count = 5;
	BOX_CHECK(&spec, { "ls:/opt", "0 1 2 3 4 all" }, { "read:/opt/all", "of 4" },
	          { "read:/opt/0", "of 0" }, { "write:/opt/x", "EROFS" });
	spec.layer_count = COUNT - 1;
	BOX_CHECK(&spec, { "read:/opt/all", "of 11" }, { "read:/opt/7", "of 7" });
	spec.layer_count = COUNT;
	check_refused(&spec, "more than 12 layers");
	/* The same one twice is there once. */
	layers[1] = layers[0];
	spec.layer_count = 2;
	BOX_CHECK(&spec, { "ls:/opt", "0 all" }, { "read:/opt/all", "of 0" });
	layers[1] = above;
	check_refused(&spec, "one of 2 layers is a folder in another");
	for (size_t i = 0; i < COUNT; i++)
		box_remove(paths[i]);
	box_remove(above);
}

/* Files that are none, in the function's own folders and as binds. */
static void test_odd_files(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	char path[PATH_MAX];
	struct sandbox_spec spec = box_spec();

	snprintf(path, sizeof(path), "%s/zero", folder);
	bool device = mknod(path, S_IFCHR | 0666, makedev(1, 5)) == 0 && chmod(path, 0666) == 0;
	snprintf(path, sizeof(path), "%s/fifo", folder);
	if (mkfifo(path, 0666) == -1)
		box_die(path);
	const struct sandbox_bind binds[] = { { folder, "/odd" }, { path, "/fifo" } };
	spec.binds = binds;
	spec.bind_count = 2;
	BOX_CHECK(&spec, { "read:/odd/zero", device ? "EACCES" : "ENOENT" },
	          { "write:/odd/zero", device ? "EACCES" : "EROFS" }, { "read:/fifo", "empty" },
	          { "read:/odd/fifo", "empty" });
	spec.bind_count = 0;
	spec.task_root = path;
	check_refused(&spec, "fifo': Not a directory");
	box_remove(folder);
}

static void copy_probe_to(const char *folder)
{
	char command[2 * PATH_MAX];

	snprintf(command, sizeof(command), "cp '%s' '%s/probe'", box_probe_path(), folder);
	if (system(command) != 0)
		box_die(command);
}

static void check_task_root(const char *folder)
{
	static struct box_run run;
	const char *const argv[] = { "/var/task/probe", "write:/var/task/x", "exit:7", NULL };
	struct sandbox_spec spec = box_spec();

	spec.task_root = folder;
	box_begin(&run, box_host(), &spec, argv, NULL, "/var/task");
	BOX_UNTIL(&run, run.exited || run.failed || run.exec_failed);
	box_end(&run);
	CHECK_STR(run.error.text, "");
	CHECK_INT(run.status, W_EXITCODE(7, 0));
	CHECK_STR(box_says(&run, "write:/var/task/x"), "EROFS");
}

/* In a container the task root is on an overlay; others keep it in memory. */
static void test_task_root_on_other_file_systems(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	char options[2 * PATH_MAX], work[128], upper[128], merged[128];

	if (geteuid() != 0 || mount("none", folder, "tmpfs", 0, NULL) == -1) {
		rmdir(folder);
		SKIP("cannot mount");
	}
	copy_probe_to(folder);
	test_case("tmpfs");
	check_task_root(folder);
	snprintf(work, sizeof(work), "%s/work", folder);
	snprintf(upper, sizeof(upper), "%s/upper", folder);
	snprintf(merged, sizeof(merged), "%s/merged", folder);
	if (mkdir(work, 0755) == -1 || mkdir(upper, 0755) == -1 || mkdir(merged, 0755) == -1)
		box_die("mkdir");
	snprintf(options, sizeof(options), "lowerdir=%s,upperdir=%s,workdir=%s", box_task_root(),
	         upper, work);
	if (has_overlay() && mount("overlay", merged, "overlay", 0, options) == 0) {
		test_case("overlay");
		copy_probe_to(merged);
		check_task_root(merged);
		/* What is mounted below comes along. */
		test_case("a mount below");
		struct sandbox_spec spec = box_spec();
		const struct sandbox_bind bind = { folder, "/mnt/all" };
		spec.binds = &bind;
		spec.bind_count = 1;
		BOX_CHECK(&spec, { "write:/mnt/all/merged/x", "EROFS" },
		          { "mode:/mnt/all/merged/probe", "0755 0:0" });
		umount2(merged, MNT_DETACH);
	}
	test_case(NULL);
	umount2(folder, MNT_DETACH);
	box_remove(folder);
}

/* As during a build: a box lives on without, a later one says so, and the next works again. */
static void test_task_root_that_disappears(void)
{
	NEED(SANDBOX_WALL_FILES);
	static struct box_run run;
	const char *folder = box_folder();
	const char *const argv[] = { "/var/task/probe",   "pid",    "signal:19", "ls:/var/task",
		                     "write:/var/task/x", "exit:7", NULL };
	struct sandbox_spec spec = box_spec();

	copy_probe_to(folder);
	spec.task_root = folder;
	box_begin(&run, box_host(), &spec, argv, NULL, "/var/task");
	BOX_UNTIL(&run, box_find(&run, "pid"));
	box_remove(folder);
	/* It may not have stopped yet. */
	BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), run.exited));
	CHECK_STR(box_says(&run, "ls:/var/task"), "");
	CHECK(box_is_one_of(box_says(&run, "write:/var/task/x"), "EROFS or ENOENT"));
	check_refused(&spec, "': No such file or directory");
	box_end(&run);
	if (mkdir(folder, 0755) == -1)
		box_die(folder);
	copy_probe_to(folder);
	check_task_root(folder);
	box_remove(folder);
}

static void test_binds(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	char file[PATH_MAX];
	struct sandbox_spec spec = box_spec();

	box_put(folder, "tool", "text", 0666);
	snprintf(file, sizeof(file), "%s/tool", folder);
	const struct sandbox_bind binds[] = { { folder, "/home/me/.tools" },
		                              { file, "/etc/tool" },
		                              { folder, "/opt" },
		                              { folder, "/tmp/folder" } };
	spec.binds = binds;
	spec.bind_count = 4;
	BOX_CHECK(&spec, { "read:/home/me/.tools/tool", "text" }, { "read:/etc/tool", "text" },
	          { "read:/opt/tool", "text" }, { "write:/home/me/.tools/tool", "EROFS" },
	          { "write:/tmp/folder/x", "EROFS" }, { "write:/etc/tool", "EROFS" },
	          { "write:/home/me/x", "EROFS" });
	box_remove(folder);
}

/* The places that a box needs for its binds are there in no other: not as names, nor in the way. */
static void test_binds_leave_no_places(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	char file[PATH_MAX];
	struct sandbox_spec spec = box_spec();

	box_put(folder, "tool", "text", 0644);
	snprintf(file, sizeof(file), "%s/tool", folder);
	struct sandbox_bind bind = { .target = "/home/left/behind" };
	spec.binds = &bind;
	spec.bind_count = 1;
	for (int i = 0; i < 2; i++) {
		bind.source = i ? file : folder;
		BOX_CHECK(NULL, { "ls:/home", "" });
		BOX_CHECK(&spec, { i ? "read:/home/left/behind" : "ls:/home/left/behind",
		                   i ? "text" : "tool" });
		BOX_CHECK(NULL, { "ls:/home", "" });
	}
	box_remove(folder);
}

/* Nothing may lie over the root, nor in a /proc that is init's at that moment. */
static void test_bind_targets(void)
{
	NEED(SANDBOX_WALL_FILES);
	static const char *const refused[] = {
		"/..",
		"/.",
		"//",
		"/tmp/..",
		"/tmp/../..",
		"/new/..",
		"/var/task/root",
		"/proc",
		"/proc/1",
		"/proc/self/fd",
		"/proc/sys/kernel",
		"/dev/fd",
		"/var/task/proc",
	};
	const char *task = box_folder();
	char path[PATH_MAX];
	struct sandbox_spec spec = box_spec();
	struct sandbox_bind bind = { "/usr", NULL };

	snprintf(path, sizeof(path), "%s/root", task);
	if (symlink("/", path) == -1)
		box_die(path);
	snprintf(path, sizeof(path), "%s/proc", task);
	if (symlink("../../proc/self", path) == -1)
		box_die(path);
	spec.task_root = task;
	spec.binds = &bind;
	spec.bind_count = 1;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		char text[64];
		snprintf(text, sizeof(text), "bind target '%s'", refused[i]);
		bind.target = refused[i];
		check_refused(&spec, text);
	}
	/* What leads elsewhere in the box is followed. */
	const struct sandbox_bind binds[] = { { box_task_root(), "/probe" },
		                              { task, "/var/task/root/tmp/../mnt/x" } };
	char program[PATH_MAX];
	snprintf(program, sizeof(program), "/probe/%s", strrchr(box_probe_path(), '/') + 1);
	const char *const argv[] = { program, "ls:/mnt/x", NULL };
	static struct box_run run;
	spec.binds = binds;
	spec.bind_count = 2;
	box_begin(&run, box_host(), &spec, argv, NULL, "/");
	BOX_UNTIL(&run, run.exited || run.exec_failed);
	box_end(&run);
	CHECK_STR(box_says(&run, "ls:/mnt/x"), "proc root");
	box_remove(task);
}

static unsigned count_mounts(void)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	unsigned count = 0;

	for (int c; file && (c = getc(file)) != EOF;)
		count += c == '\n';
	if (file)
		fclose(file);
	return count;
}

/* The box stops, until something is mounted in its task root outside. */
static void check_shared_task_root(const struct sandbox_spec *spec, const char *outside)
{
	static struct box_run run;
	const char *const argv[] = { "/var/task/probe", "pid",
		                     "signal:19",       "ls:/var/task/outside",
		                     "ls:/var/task/in", "ls:/var/task",
		                     "exit:7",          NULL };
	unsigned mounts = count_mounts();

	box_begin(&run, box_host(), spec, argv, NULL, "/var/task");
	BOX_UNTIL(&run, box_find(&run, "pid"));
	CHECK_INT(count_mounts(), mounts);
	if (mount("none", outside, "tmpfs", 0, NULL) == -1)
		box_die(outside);
	box_put(outside, "file", "", 0644);
	BOX_UNTIL(&run, (sandbox_signal(run.box, 1, SIGCONT), run.exited));
	box_end(&run);
	CHECK_STR(box_says(&run, "ls:/var/task/outside"), "");
	CHECK_STR(box_says(&run, "ls:/var/task/in"), "bound");
	CHECK_STR(box_says(&run, "ls:/var/task"), "in outside probe");
	umount2(outside, MNT_DETACH);
	CHECK_INT(count_mounts(), mounts);
}

static void live_with_shared_mounts(const char *task, const char *folder)
{
	char outside[PATH_MAX];
	struct sandbox_spec spec = box_spec();
	const struct sandbox_bind bind = { folder, "/var/task/in" };

	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_SHARED | MS_REC, NULL) == -1)
		box_die("share the mounts");
	snprintf(outside, sizeof(outside), "%s/outside", task);
	spec.task_root = task;
	spec.binds = &bind;
	spec.bind_count = 1;
	for (int i = 0; i < 2; i++)
		check_shared_task_root(&spec, outside);
}

/* As systemd has them: what is mounted on either side is not seen on the other. */
static void test_shared_mounts(void)
{
	NEED_MOUNTS();
	const char *task = box_folder();
	char path[PATH_MAX];

	copy_probe_to(task);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", task, i ? "in" : "outside");
		if (mkdir(path, 0755) == -1)
			box_die(path);
	}
	const char *folder = box_folder();
	box_put(folder, "bound", "", 0644);
	IN_CHILD(live_with_shared_mounts(task, folder));
	box_remove(folder);
	box_remove(task);
}

static void live_with_unbindable_mounts(const char *task)
{
	static struct box_run run;
	const char *const argv[] = { "/var/task/probe", "ls:/var/task/in", NULL };
	struct sandbox_spec spec = box_spec();
	char in[PATH_MAX];

	snprintf(in, sizeof(in), "%s/in", task);
	if (unshare(CLONE_NEWNS) == -1 || mount("none", task, "tmpfs", 0, NULL) == -1 ||
	    mkdir(in, 0755) == -1 || mount("none", in, "tmpfs", 0, NULL) == -1)
		box_die(in);
	copy_probe_to(task);
	box_put(in, "file", "", 0644);
	if (mount(NULL, task, NULL, MS_UNBINDABLE | MS_REC, NULL) == -1)
		box_die(task);
	spec.task_root = task;
	for (int i = 0; i < 3; i++) {
		box_begin(&run, box_host(), &spec, argv, NULL, "/");
		BOX_UNTIL(&run, run.exited || run.failed);
		box_end(&run);
		CHECK_STR(run.error.text, "");
		CHECK_STR(box_says(&run, "ls:/var/task/in"), "file");
	}
}

/* They are made private for the box, wherever it finds them. */
static void test_unbindable_mounts(void)
{
	NEED_MOUNTS();
	const char *task = box_folder();

	IN_CHILD(live_with_unbindable_mounts(task));
	box_remove(task);
}

static void live_in_a_chroot(const char *folder)
{
	if (unshare(CLONE_NEWNS) == -1 || mount("/", folder, NULL, MS_BIND | MS_REC, NULL) == -1 ||
	    chroot(folder) == -1 || chdir("/") == -1)
		box_die("chroot");
	for (int i = 0; i < 3; i++)
		BOX_CHECK(NULL, { "write:/x", "EROFS" }, { "write:/var/task/x", "EROFS" },
		          { "writable-mounts", "/proc /tmp" }, { "suid-mounts", "" },
		          { "ls:/tmp", "" }, { "ls:/home", "" });
}

/* The mount namespace then begins with a root that is not lrie's. */
static void test_in_a_chroot(void)
{
	NEED_MOUNTS();
	const char *folder = box_folder();

	IN_CHILD(live_in_a_chroot(folder));
	box_remove(folder);
}

/* Moves folders of its own, without end: what the kernel looks up meanwhile, it may have to again.
 */
static pid_t start_to_rename(const char *folder)
{
	char from[PATH_MAX], to[PATH_MAX];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	snprintf(from, sizeof(from), "%s/from", folder);
	snprintf(to, sizeof(to), "%s/to", folder);
	for (mkdir(from, 0755);;) {
		rename(from, to);
		rename(to, from);
	}
}

static void test_bind_targets_while_folders_are_renamed(void)
{
	struct sandbox_spec spec = box_spec();
	const struct sandbox_bind bind = {
		.source = "/usr",
		.target = "/usr/../usr/../usr/../usr/../usr/../usr/../usr/../usr/../usr/../usr/..",
	};

	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	pid_t child = start_to_rename(folder);
	spec.binds = &bind;
	spec.bind_count = 1;
	for (int i = 0; i < 40; i++)
		check_refused(&spec, "bind target '/usr/..");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	box_remove(folder);
}

static void test_many_binds(void)
{
	enum { COUNT = 200 };
	static struct sandbox_bind binds[COUNT];
	static char targets[COUNT][64];
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	struct sandbox_spec spec = box_spec();

	box_put(folder, "tool", "text", 0644);
	for (int i = 0; i < COUNT; i++) {
		snprintf(targets[i], sizeof(targets[i]), "/mnt/%d/of many", i);
		binds[i] = (struct sandbox_bind){ folder, targets[i] };
	}
	spec.binds = binds;
	spec.bind_count = COUNT;
	BOX_CHECK(&spec, { "read:/mnt/0/of many/tool", "text" },
	          { "read:/mnt/199/of many/tool", "text" },
	          { "write:/mnt/100/of many/tool", "EROFS or EACCES" });
	box_remove(folder);
}

static void test_long_paths(void)
{
	NEED(SANDBOX_WALL_FILES);
	static char deep[PATH_MAX + 64], name[512], fits[2048];
	struct sandbox_spec spec = box_spec();
	struct sandbox_bind bind = { "/usr", deep };

	for (size_t i = 0; i < sizeof(deep) - 1; i++)
		deep[i] = i % 2 ? 'x' : '/';
	memset(name, 'x', sizeof(name) - 1);
	memcpy(name, "/mnt/", 5);
	for (size_t i = 0; i < sizeof(fits) - 1; i++)
		fits[i] = i % 200 ? 'x' : '/';
	memcpy(fits, "/tmp/", 5);
	spec.binds = &bind;
	spec.bind_count = 1;
	check_refused(&spec, "bind target '/x/x/");
	bind.target = name;
	check_refused(&spec, "bind '/usr': open '/mnt/xxx");
	bind = (struct sandbox_bind){ deep, "/mnt/x" };
	check_refused(&spec, "bind '/x/x/");
	spec.bind_count = 0;
	spec.task_root = deep;
	check_refused(&spec, "task root '/x/x/");

	spec = box_spec();
	bind = (struct sandbox_bind){ box_task_root(), fits };
	spec.binds = &bind;
	spec.bind_count = 1;
	static struct box_run run;
	box_run(&run, &spec, "exit:0");
	CHECK(run.exited && run.status == 0);
}

/* A link in the function's own folders is followed inside the box, whatever it says. */
static void test_links_stay_inside(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *task = box_folder(), *tool = box_folder();
	char path[PATH_MAX], secret[PATH_MAX];
	struct sandbox_spec spec = box_spec();

	/* The probe comes along by its folder, as a bind. */
	box_put(tool, "secret", "outside", 0644);
	snprintf(secret, sizeof(secret), "%s/secret", tool);
	snprintf(path, sizeof(path), "%s/absolute", task);
	if (symlink(secret, path) == -1)
		box_die(path);
	snprintf(path, sizeof(path), "%s/up", task);
	if (symlink("../../../../../../etc/shadow", path) == -1)
		box_die(path);
	snprintf(path, sizeof(path), "%s/loop", task);
	if (symlink("loop", path) == -1)
		box_die(path);
	snprintf(path, sizeof(path), "%s/name\nwith newline", task);
	if (symlink("/dev/zero", path) == -1 || mkfifo(strcat(path, "2"), 0644) == -1)
		box_die(path);
	/* A bind below the link would have its folder made on the host, were it followed there. */
	snprintf(path, sizeof(path), "%s/link", task);
	if (symlink(tool, path) == -1)
		box_die(path);
	const struct sandbox_bind binds[] = { { box_task_root(), "/probe" } };
	spec.task_root = task;
	spec.binds = binds;
	spec.bind_count = 1;
	char program[PATH_MAX];
	snprintf(program, sizeof(program), "/probe/%s", strrchr(box_probe_path(), '/') + 1);
	const char *const argv[] = { program,
		                     "read:/var/task/absolute",
		                     "read:/var/task/up",
		                     "read:/var/task/loop",
		                     "write:/var/task/absolute",
		                     NULL };
	static struct box_run run;
	box_begin(&run, box_host(), &spec, argv, NULL, "/");
	BOX_UNTIL(&run, run.exited);
	box_end(&run);
	CHECK_STR(box_says(&run, "read:/var/task/absolute"), "ENOENT");
	CHECK_STR(box_says(&run, "read:/var/task/up"), "ENOENT");
	CHECK_STR(box_says(&run, "read:/var/task/loop"), "ELOOP");
	CHECK_STR(box_says(&run, "write:/var/task/absolute"), "ENOENT");

	const struct sandbox_bind through[] = { { tool, "/var/task/link/made/here" } };
	spec.binds = through;
	box_begin(&run, box_host(), &spec, NULL, NULL, "/");
	BOX_UNTIL(&run, run.ready || run.failed);
	box_end(&run);
	snprintf(path, sizeof(path), "%s/made", tool);
	CHECK(access(path, F_OK) == -1);
	snprintf(path, sizeof(path), "%s/link", task);
	unlink(path);
	box_remove(task);
	box_remove(tool);
}

/* A folder with all that could lead elsewhere, or be something else than it seems. */
static const char *hostile_folder(void)
{
	static const struct {
		const char *name, *target;
	} links[] = { { "tmp", "/tmp" },         { "proc", "/proc" },
		      { "dev", "/dev" },         { "etc", "../../../../../../../../etc" },
		      { "opt", "/opt" },         { "var", "/var/task/var" },
		      { "self", "." },           { "parent", ".." },
		      { "dangling", "no/such" }, { "new\nline", "/proc/1/environ" } };
	const char *folder = box_folder();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, links[i].name);
		if (symlink(links[i].target, path) == -1)
			box_die(path);
	}
	snprintf(path, sizeof(path), "%s/fifo", folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (mkfifo(path, 0666) == -1 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == -1)
		box_die(path);
	close(fd);
	snprintf(path, sizeof(path), "%s/zero", folder);
	if (mknod(path, S_IFCHR | 0666, makedev(1, 5)) == -1 && geteuid() == 0)
		box_die(path);
	box_put(folder, "file", "plain", 0666);
	return folder;
}

/* What a box makes of it where it is shown as 'place'. */
static void check_hostile(const struct sandbox_spec *spec, const char *place, const char *mark)
{
	static struct box_run run;
	static const struct {
		const char *verb, *path, *answer;
	} cases[] = {
		{ "read", "file", "plain" },
		{ "write", "file", "EROFS" },
		{ "unlink", "tmp", "EROFS" },
		{ "read", "dangling", "ENOENT" },
		{ "write", "dangling", "ENOENT" },
		{ "read", "var/x", "ELOOP" },
		{ "read", "self/self/file", "plain" },
		{ "read", "etc/shadow", "ENOENT" },
		{ "write", "etc/passwd", "EROFS or EACCES" },
		{ "read", "proc/1/environ", "EACCES" },
		{ "write", "proc/sys/kernel/hostname", "EROFS or EACCES" },
		{ "read", "dev/null", "empty" },
		{ "ls", "dev", "fd full null random stderr stdin stdout urandom zero" },
		{ "read", "socket", "ENXIO" },
		{ "read", "zero", "EACCES" },
		{ "write", "opt/x", "EROFS" },
		{ "write", "parent/x", "EROFS" },
	};
	enum { COUNT = sizeof(cases) / sizeof(*cases) };
	char program[PATH_MAX], words[COUNT + 1][256];
	const char *argv[COUNT + 3] = { program };

	snprintf(program, sizeof(program), "/probe/%s", strrchr(box_probe_path(), '/') + 1);
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(words[i], sizeof(words[i]), "%s:%s/%s", cases[i].verb, place,
		         cases[i].path);
		argv[i + 1] = words[i];
	}
	snprintf(words[COUNT], sizeof(words[COUNT]), "write:%s/tmp/%s", place, mark);
	argv[COUNT + 1] = words[COUNT];
	box_begin(&run, box_host(), spec, argv, NULL, "/");
	BOX_UNTIL(&run, run.exited || run.failed || run.exec_failed);
	box_end(&run);
	CHECK_STR(run.error.text, "");
	CHECK_INT(run.status, 0);
	for (size_t i = 0; i < COUNT; i++) {
		test_case(words[i]);
		const char *answer = box_says(&run, words[i]);
		if (strcmp(cases[i].path, "zero") == 0 && geteuid() != 0)
			continue; /* who could not make it */
		if (!box_is_one_of(answer, cases[i].answer))
			CHECK_STR(answer, cases[i].answer);
	}
	test_case(NULL);
	CHECK_STR(box_says(&run, words[COUNT]), "ok"); /* of the box's own /tmp */
}

static void test_hostile_folders(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = hostile_folder(), *other = box_folder();
	const char *layers[] = { other, folder };
	char mark[64], path[PATH_MAX];
	struct sandbox_spec spec = box_spec();
	struct sandbox_bind binds[] = { { box_task_root(), "/probe" }, { folder, "/bound" } };

	snprintf(mark, sizeof(mark), "lrie-hostile-%d", (int)getpid());
	spec.binds = binds;
	spec.bind_count = 2;
	spec.task_root = spec.runtime_root = folder;
	spec.layers = layers + 1;
	spec.layer_count = 1;
	check_hostile(&spec, "/var/task", mark);
	check_hostile(&spec, "/var/runtime", mark);
	check_hostile(&spec, "/opt", mark);
	check_hostile(&spec, "/bound", mark);
	spec.layers = layers;
	spec.layer_count = 2;
	if (sandbox_merges_layers(box_host(), &spec))
		check_hostile(&spec, "/opt", mark);
	snprintf(path, sizeof(path), "/tmp/%s", mark);
	CHECK(access(path, F_OK) == -1);
	snprintf(path, sizeof(path), "%s/file", folder);
	char text[16] = "";
	CHECK(fd_read_file(AT_FDCWD, path, text, sizeof(text)) == 5);
	CHECK_STR(text, "plain");
	box_remove(folder);
	box_remove(other);
}

/* The caller has to merge what no overlay takes. */
static void test_layers_that_cannot_be_merged(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *one = box_folder(), *other = box_folder();
	char inner[PATH_MAX];
	const char *layers[] = { one, other };
	struct sandbox_spec spec = box_spec();

	snprintf(inner, sizeof(inner), "%s/inner", one);
	if (mkdir(inner, 0755) == -1)
		box_die(inner);
	spec.layers = layers;
	for (spec.layer_count = 0; spec.layer_count < 2; spec.layer_count++)
		CHECK(sandbox_merges_layers(box_host(), &spec));
	if (has_overlay())
		CHECK(sandbox_merges_layers(box_host(), &spec));
	layers[1] = inner;
	CHECK(!sandbox_merges_layers(box_host(), &spec));
	layers[1] = "/no/such/layer";
	CHECK(!sandbox_merges_layers(box_host(), &spec));
	box_remove(one);
	box_remove(other);
}

/* Where a folder of the function is a link, what it leads to is shown. */
static void test_task_root_may_be_a_link(void)
{
	NEED(SANDBOX_WALL_FILES);
	const char *folder = box_folder();
	char link[PATH_MAX];
	struct sandbox_spec spec = box_spec();

	snprintf(link, sizeof(link), "%s/link", folder);
	if (symlink(box_task_root(), link) == -1)
		box_die(link);
	spec.task_root = link;
	BOX_CHECK(&spec, { "write:/var/task/x", "EROFS" });
	box_remove(folder);
}

static void test_missing_folders_are_named(void)
{
	NEED(SANDBOX_WALL_FILES);
	static const char *const nowhere[] = { "/nonexistent/layer" };
	static const struct sandbox_bind binds[] = { { "/nonexistent/bind", "/x" },
		                                     { "/usr", "/" },
		                                     { "/usr", "relative" },
		                                     { "/usr", "/usr/nonexistent" } };
	const struct {
		struct sandbox_spec spec;
		const char *text;
	} cases[] = {
		{ { .task_root = "/nonexistent/task" }, "task root '/nonexistent/task': No such" },
		{ { .task_root = "/etc/passwd" }, "task root '/etc/passwd': Not a directory" },
		{ { .task_root = "/", .layers = nowhere, .layer_count = 1 },
		  "layer '/nonexistent/layer': No such" },
		{ { .task_root = "/", .runtime_root = "/nonexistent/runtime" },
		  "runtime folder '/nonexistent/runtime': No such" },
		{ { .task_root = "/", .binds = &binds[0], .bind_count = 1 },
		  "bind '/nonexistent/bind': No such" },
		{ { .task_root = "/", .binds = &binds[1], .bind_count = 1 }, "bind target '/'" },
		{ { .task_root = "/", .binds = &binds[2], .bind_count = 1 },
		  "bind target 'relative'" },
		{ { .task_root = "/", .binds = &binds[3], .bind_count = 1 },
		  "bind '/usr': create '/usr/nonexistent' in the box: Read-only" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		static struct box_run run;
		test_case(cases[i].text);
		box_begin(&run, box_host(), &cases[i].spec, NULL, NULL, NULL);
		BOX_UNTIL(&run, false);
		CHECK(run.failed && run.gone && !run.ready);
		CHECK_STR(strncmp(run.error.text, cases[i].text, strlen(cases[i].text)) == 0
		                  ? cases[i].text
		                  : run.error.text,
		          cases[i].text);
		box_end(&run);
	}
}

static void test_working_directory(void)
{
	static struct box_run run;
	const char *const argv[] = { box_probe_inside(box_host()), "cwd", NULL };

	NEED(SANDBOX_WALL_FILES);
	box_begin(&run, box_host(), NULL, argv, NULL, "/var/task");
	BOX_UNTIL(&run, run.exited);
	box_end(&run);
	CHECK_STR(box_says(&run, "cwd"), "/var/task");
}

/* What boxes have alike is mounted once; not so that a later one would show what is no more. */
static void test_what_this_machine_replaces(void)
{
	static const char *const paths[] = { "/etc/hosts", "/etc/services", "/etc/nsswitch.conf" };
	const char *folder = box_folder();
	char source[PATH_MAX], word[64], old[4096];
	static struct box_run run;

	NEED(SANDBOX_WALL_FILES);
	snprintf(source, sizeof(source), "%s/new", folder);
	box_put(folder, "new", "replaced\n", 0644);
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		test_case(paths[i]);
		snprintf(word, sizeof(word), "read:%s", paths[i]);
		box_run(&run, NULL, word);
		snprintf(old, sizeof(old), "%s", box_says(&run, word));
		if (geteuid() != 0 || mount(source, paths[i], NULL, MS_BIND, NULL) == -1)
			continue; /* this machine has no such file */
		CHECK(strstr(old, "replaced") == NULL);
		for (int times = 0; times < 2; times++) {
			box_run(&run, NULL, word);
			CHECK(strstr(box_says(&run, word), "replaced") != NULL);
		}
		umount2(paths[i], MNT_DETACH);
		BOX_CHECK(NULL, { word, old });
	}
	test_case(NULL);
	box_remove(folder);
}

TEST_MAIN(test_everything_is_read_only, test_tmp_can_be_used, test_tmp_is_bounded_and_new_each_time,
          test_tmp_is_bounded_in_files, test_the_root_is_short, test_devices, test_proc_is_its_own,
          test_dangerous_proc_files, test_nothing_leads_out, test_dots_end_at_the_root,
          test_init_cannot_be_looked_into, test_layers_are_merged, test_layers_of_any_name,
          test_odd_files, test_task_root_on_other_file_systems, test_task_root_that_disappears,
          test_binds, test_binds_leave_no_places, test_bind_targets, test_shared_mounts,
          test_unbindable_mounts, test_in_a_chroot, test_bind_targets_while_folders_are_renamed,
          test_many_binds, test_long_paths, test_links_stay_inside, test_hostile_folders,
          test_layers_that_cannot_be_merged, test_task_root_may_be_a_link,
          test_missing_folders_are_named, test_working_directory, test_what_this_machine_replaces)
