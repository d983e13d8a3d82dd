/* SPDX-License-Identifier: Apache-2.0 */
/* writes - which failing writes are told, and that good ones are not */
#include "tests/box/box.h"

/* Skips where nobody can be told. */
#define NEED_REPORTS()                                                              \
	do {                                                                        \
		NEED(SANDBOX_WALL_FILES);                                           \
		const struct sandbox_wall_state *reports_state = sandbox_host_wall( \
			box_host(), SANDBOX_WALL_SYSCALLS);                         \
		if (reports_state->standing != SANDBOX_YES)                         \
			SKIP(reports_state->detail);                                \
	} while (0)

static struct sandbox_spec reporting(void)
{
	struct sandbox_spec spec = box_spec();

	spec.report_writes = true;
	return spec;
}

static const struct sandbox_write *find_write(const struct box_run *run, const char *path)
{
	for (size_t i = 0; i < run->write_count && i < BOX_MAX_DENIALS; i++) {
		if (strcmp(run->writes[i].path, path) == 0)
			return &run->writes[i];
	}
	return NULL;
}

/* Each test has a host of its own: a path is told once in the life of one. */
static void run_words(struct box_run *run, const char *const *words)
{
	const struct sandbox_spec spec = reporting();

	box_forget_host();
	box_run_words(run, &spec, words);
	CHECK_INT(run->status, 0);
	CHECK_INT(run->denial_count, 0);
}

#define RUN(run, ...) run_words(run, (const char *const[]){ __VA_ARGS__, NULL })

/* ---- what is told ----------------------------------------------------------------------- */

static const struct {
	const char *word, *path;
	enum sandbox_write_kind kind;
	unsigned missing;
} told[] = {
	{ "file:write:/etc/passwd", "/etc/passwd", SANDBOX_WRITE_CONTENT, 0 },
	{ "file:append:/etc/hosts", "/etc/hosts", SANDBOX_WRITE_CONTENT, 0 },
	{ "file:truncate:/usr/bin/env", "/usr/bin/env", SANDBOX_WRITE_CONTENT, 0 },
	{ "file:empty:/etc/group", "/etc/group", SANDBOX_WRITE_CONTENT, 0 },
	{ "file:nameless:/var/task", "/var/task", SANDBOX_WRITE_CONTENT, 0 },
	{ "file:create:/new", "/new", SANDBOX_WRITE_CREATE, 0 },
	{ "file:create-new:/opt/new", "/opt/new", SANDBOX_WRITE_CREATE, 0 },
	{ "file:create-to-read:/var/task/new", "/var/task/new", SANDBOX_WRITE_CREATE, 0 },
	{ "file:create-at:/usr/new", "/usr/new", SANDBOX_WRITE_CREATE, 0 },
	{ "file:create-at-page-end:/end", "/end", SANDBOX_WRITE_CREATE, 0 },
	{ "file:create:/dev/shm/x", "/dev/shm/x", SANDBOX_WRITE_CREATE, 8 },
	{ "file:create:/no/such/folder/x", "/no/such/folder/x", SANDBOX_WRITE_CREATE, 3 },
	{ "file:mkdir:/var/task/folder", "/var/task/folder", SANDBOX_WRITE_CREATE, 0 },
	{ "file:mkdir:/slashes//", "/slashes//", SANDBOX_WRITE_CREATE, 0 },
	{ "file:pipe:/pipe", "/pipe", SANDBOX_WRITE_CREATE, 0 },
	{ "file:symlink:/symlink", "/symlink", SANDBOX_WRITE_CREATE, 0 },
	{ "file:bind:/socket", "/socket", SANDBOX_WRITE_CREATE, 0 },
	{ "file:unlink:/etc/nsswitch.conf", "/etc/nsswitch.conf", SANDBOX_WRITE_REMOVE, 0 },
	{ "file:rmdir:/opt", "/opt", SANDBOX_WRITE_REMOVE, 0 },
	{ "file:chmod:/var", "/var", SANDBOX_WRITE_CHANGE, 0 },
	{ "file:chown:/usr", "/usr", SANDBOX_WRITE_CHANGE, 0 },
	{ "file:touch:/usr/bin", "/usr/bin", SANDBOX_WRITE_CHANGE, 0 },
	{ "file:attribute:/usr/lib", "/usr/lib", SANDBOX_WRITE_CHANGE, 0 },
};

#define TOLD (sizeof(told) / sizeof(told[0]))

/* Not every machine shows each of these files. */
static bool is_there(const struct box_run *run, size_t index)
{
	const char *answer = box_says(run, told[index].word);

	return told[index].missing || !answer || strcmp(answer, "ENOENT") != 0;
}

static void test_each_way_to_change_files_is_told(void)
{
	static struct box_run run;
	const char *words[TOLD + 1] = { NULL };
	size_t expected = 0;

	NEED_REPORTS();
	for (size_t i = 0; i < TOLD; i++)
		words[i] = told[i].word;
	run_words(&run, words);
	for (size_t i = 0; i < TOLD; i++) {
		test_case(told[i].word);
		const struct sandbox_write *write = find_write(&run, told[i].path);
		if (!is_there(&run, i))
			continue;
		expected++;
		CHECK(strcmp(box_says(&run, told[i].word), "ok") != 0);
		if (!CHECK(write))
			continue;
		CHECK_INT(write->kind, told[i].kind);
		CHECK_INT(write->missing, told[i].missing);
		CHECK_STR(write->name, "probe");
		CHECK_INT(write->pid, run.writes[0].pid);
		CHECK_INT(write->count, 1);
	}
	test_case(NULL);
	CHECK_INT(run.write_count, expected);
}

static void test_relative_paths_are_completed(void)
{
	static struct box_run run;

	NEED_REPORTS();
	RUN(&run, "cd:/usr", "file:create:a", "file:create:./b", "file:create:no/such/f",
	    "file:create:no/such/g", "cd:/", "file:create:c", "file:create:../d", "cd:/tmp",
	    "file:create:../../e");
	const struct sandbox_write *missing = find_write(&run, "/usr/no/such/f");
	CHECK(missing && missing->missing == strlen("/usr/no"));
	CHECK(find_write(&run, "/usr/a"));
	CHECK(find_write(&run, "/usr/b"));
	CHECK(find_write(&run, "/c"));
	CHECK(find_write(&run, "/../d"));
	CHECK(find_write(&run, "/tmp/../../e"));
	CHECK_INT(run.write_count, 6);
}

static void test_a_rename_within_what_is_read_only_is_told(void)
{
	static struct box_run run;
	const char *folder = box_folder();
	struct sandbox_spec spec = reporting();
	const struct sandbox_bind bind = { .source = folder, .target = "/mnt" };

	NEED_REPORTS();
	box_put(folder, "a.from", "", 0644);
	spec.binds = &bind;
	spec.bind_count = 1;
	box_forget_host();
	box_run(&run, &spec, "file:rename:/mnt/a", "file:rename:/mnt/b", "file:create:/tmp/c.from",
	        "file:rename:/tmp/c");
	CHECK_INT(run.write_count, 1);
	CHECK_STR(run.writes[0].path, "/mnt/a");
	CHECK_INT(run.writes[0].kind, SANDBOX_WRITE_RENAME);
	box_remove(folder);
}

static void test_long_paths_are_cut(void)
{
	static struct box_run run;
	char word[2100] = "file:create:/usr/";
	size_t length = strlen(word);

	NEED_REPORTS();
	for (; length < 2000; length += 2)
		memcpy(word + length, "./", 2);
	memcpy(word + length, "name", 5);
	RUN(&run, word);
	CHECK_INT(run.write_count, 1);
	CHECK(run.writes[0].is_cut);
	CHECK_INT(strlen(run.writes[0].path), sizeof(run.writes[0].path) - 1);
}

/* ---- what is not ------------------------------------------------------------------------- */

static void test_good_calls_are_not_told(void)
{
	static struct box_run run;

	NEED_REPORTS();
	RUN(&run, "file:create:/tmp/a", "file:append:/tmp/a", "file:truncate:/tmp/a",
	    "file:mkdir:/tmp/b", "file:rmdir:/tmp/b", "file:chmod:/tmp/a", "file:touch:/tmp/a",
	    "file:symlink:/tmp/c", "file:unlink:/tmp/c", "file:bind:/tmp/d", "file:pipe:/tmp/e",
	    "file:nameless:/tmp", "file:create:/tmp/a.from", "file:rename:/tmp/a", "cd:/tmp",
	    "file:create:f", "file:create-at:/tmp/g", "file:write:/dev/null",
	    "file:create:/dev/null", "file:create:/dev/stdout", "file:write:/dev/fd/1",
	    "file:append:/dev/urandom", "file:write:/proc/self/oom_score_adj",
	    "file:create-to-read:/etc/passwd", "file:read:/etc/passwd");
	CHECK_INT(run.write_count, 0);
	CHECK_STR(box_says(&run, "file:create-at:/tmp/g"), "ok");
	CHECK_STR(box_says(&run, "file:rename:/tmp/a"), "ok");
	CHECK_STR(box_says(&run, "file:create:/dev/null"), "ok");
}

static void test_other_failures_are_not_told(void)
{
	static struct box_run run;

	NEED_REPORTS();
	RUN(&run, "file:write:/no-such-file", "file:unlink:/no-such-file", "file:mkdir:/usr",
	    "file:create-new:/etc/passwd", "file:write:/usr", "file:create:/usr",
	    "file:chmod:/no-such-file", "file:create:/tmp/no/such/folder",
	    "file:mkdir:/no/such/folder", "file:create:/etc/passwd/x",
	    "file:create:", "mkdir:", "file:truncate:/no-such-file", "file:create:/usr/.",
	    "file:rename:/no-such-file");
	CHECK_INT(run.write_count, 0);
}

/* A link from the task's folder to /tmp is a common way out. */
static void test_links_are_followed(void)
{
	static struct box_run run;
	const char *folder = box_folder();
	struct sandbox_spec spec = reporting();
	const struct sandbox_bind bind = { .source = folder, .target = "/mnt" };
	char link[PATH_MAX];

	NEED_REPORTS();
	snprintf(link, sizeof(link), "%s/file", folder);
	CHECK_INT(symlink("/tmp/target", link), 0);
	snprintf(link, sizeof(link), "%s/folder", folder);
	CHECK_INT(symlink("../tmp", link), 0);
	snprintf(link, sizeof(link), "%s/away", folder);
	CHECK_INT(symlink("file-of-usr", link), 0);
	snprintf(link, sizeof(link), "%s/loop", folder);
	CHECK_INT(symlink("loop", link), 0);
	spec.binds = &bind;
	spec.bind_count = 1;
	box_forget_host();
	box_run(&run, &spec, "file:create:/mnt/file", "file:create:/mnt/folder/x",
	        "file:create:/mnt/away", "file:create:/mnt/loop");
	CHECK_STR(box_says(&run, "file:create:/mnt/file"), "ok");
	CHECK_STR(box_says(&run, "file:create:/mnt/folder/x"), "ok");
	CHECK_INT(run.write_count, 1);
	CHECK_STR(run.writes[0].path, "/mnt/away");
	box_remove(folder);
}

static void test_patterns_are_left_out(void)
{
	static const char *const patterns[] = { "*/__pycache__/*", "/opt/*", NULL };
	static struct box_run run;
	struct sandbox_spec spec = reporting();

	NEED_REPORTS();
	spec.unreported = patterns;
	box_forget_host();
	box_run(&run, &spec, "file:create:/usr/__pycache__/x", "file:mkdir:/opt/x",
	        "file:mkdir:/opt");
	CHECK_INT(run.write_count, 0);
}

static void test_nothing_is_told_unless_asked_for(void)
{
	static struct box_run run;

	NEED_REPORTS();
	box_run(&run, NULL, "file:create:/new", "file:chmod:/usr");
	CHECK_INT(run.write_count, 0);
	BOX_CHECK(NULL, { "file:create:/new", "EROFS or EACCES" });
}

/* ---- how often, and by whom ---------------------------------------------------------------- */

static void test_a_path_is_told_once(void)
{
	static struct box_run run;
	const struct sandbox_spec spec = reporting();

	NEED_REPORTS();
	RUN(&run, "file:create:/x", "file:create:/x", "file:mkdir:/x", "file:create:/y");
	CHECK_INT(run.write_count, 2);
	/* And the next box brings no news. */
	box_run(&run, &spec, "file:create:/x", "file:create:/z");
	CHECK_INT(run.write_count, 1);
	CHECK_STR(run.writes[0].path, "/z");
}

static void test_many_paths_are_summed_up(void)
{
	static struct box_run run;
	unsigned count = 0;

	NEED_REPORTS();
	RUN(&run, "litter:1000:/x");
	CHECK_STR(box_says(&run, "litter:1000:/x"), "1000");
	for (size_t i = 0; i < run.write_count && i < BOX_MAX_DENIALS; i++)
		count += run.writes[i].count;
	CHECK_INT(count, 1000);
	CHECK(run.write_count < 80);
}

static void test_the_phase_is_that_of_the_write(void)
{
	static struct box_run run;
	const struct sandbox_spec spec = reporting();

	NEED_REPORTS();
	box_forget_host();
	box_start(&run, &spec, "file:create:/first", "hold:/tmp/x");
	BOX_UNTIL(&run, run.write_count == 1);
	CHECK_INT(run.writes[0].phase, 0);
	box_end(&run);
	box_begin(&run, box_host(), &spec, NULL, NULL, NULL);
	sandbox_set_phase(run.box, 5);
	const char *const argv[] = { box_probe_inside(box_host()), "file:create:/second", NULL };
	const char *const envp[] = { NULL };
	const struct sandbox_program program = {
		.argv = argv, .envp = envp, .cwd = "/", .output = STDERR_FILENO
	};
	CHECK(sandbox_exec(run.box, 1, &program, &run.error));
	BOX_UNTIL(&run, run.write_count == 1);
	CHECK_INT(run.writes[0].phase, 5);
	box_end(&run);
}

static void test_strict_tells_alike(void)
{
	static struct box_run run;
	const struct sandbox_spec spec = reporting();

	NEED_REPORTS();
	box_forget_host();
	sandbox_host_set_syscalls(box_host(), SANDBOX_SYSCALLS_STRICT);
	box_run(&run, &spec, "file:create:/x", "file:create:/tmp/x", "file:mkdir:/tmp/y",
	        "file:read:/etc/passwd");
	sandbox_host_set_syscalls(box_host(), SANDBOX_SYSCALLS_DEFAULT);
	CHECK_INT(run.write_count, 1);
	CHECK_INT(run.denial_count, 0);
	CHECK_STR(box_says(&run, "file:create:/tmp/x"), "ok");
	CHECK_STR(box_says(&run, "file:mkdir:/tmp/y"), "ok");
}

static void test_no_descriptor_is_left(void)
{
	static struct box_run run;
	const struct sandbox_spec spec = reporting();

	NEED_REPORTS();
	box_run(&run, &spec, "litter:100:/a", "cd:/usr", "litter:100:b", "fds");
	CHECK_STR(box_says(&run, "fds"), "0 1 2");
	/* Init has as many as before, or its own limit would end this. */
	box_run(&run, &spec, "cd:/usr", "litter:3000:c", "litter:3000:/usr/no/d",
	        "file:create:/tmp/x");
	CHECK_STR(box_says(&run, "file:create:/tmp/x"), "ok");
}

TEST_MAIN(test_each_way_to_change_files_is_told, test_relative_paths_are_completed,
          test_a_rename_within_what_is_read_only_is_told, test_long_paths_are_cut,
          test_good_calls_are_not_told, test_other_failures_are_not_told, test_links_are_followed,
          test_patterns_are_left_out, test_nothing_is_told_unless_asked_for,
          test_a_path_is_told_once, test_many_paths_are_summed_up,
          test_the_phase_is_that_of_the_write, test_strict_tells_alike, test_no_descriptor_is_left)
