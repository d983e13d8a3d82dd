/* SPDX-License-Identifier: Apache-2.0 */
/* advice - what is said of a write that failed */
#include "emulator/advice.h"

#include <fnmatch.h>

#include "tests/unit/test.h"

#define READ_ONLY "read-only on Lambda: "
#define NO_FOLDER "no such folder, and none can be made on Lambda: "

static const struct {
	const char *label;
	struct sandbox_write write;
	const char *line;
} cases[] = {
	{ "issue's own",
	  { .name = "deno", .pid = 12, .path = "/var/task/.cache/x" },
	  "deno (pid 12) could not write '/var/task/.cache/x' during init: " READ_ONLY
	  "use /tmp, or set DENO_DIR=/tmp/deno" },
	{ "plain",
	  { .name = "node", .pid = 2, .path = "/var/task/out", .kind = SANDBOX_WRITE_CREATE },
	  "node (pid 2) could not create '/var/task/out' during init: " READ_ONLY "use /tmp" },
	{ "removing",
	  { .name = "rm", .pid = 2, .path = "/opt/x", .kind = SANDBOX_WRITE_REMOVE },
	  "rm (pid 2) could not remove '/opt/x' during init: " READ_ONLY "use /tmp" },
	{ "renaming",
	  { .name = "mv", .pid = 2, .path = "/opt/x", .kind = SANDBOX_WRITE_RENAME },
	  "mv (pid 2) could not rename a file to '/opt/x' during init: " READ_ONLY "use /tmp" },
	{ "attributes",
	  { .name = "chmod", .pid = 2, .path = "/opt/x", .kind = SANDBOX_WRITE_CHANGE },
	  "chmod (pid 2) could not change the attributes of '/opt/x' during init: " READ_ONLY
	  "use /tmp" },
	{ "no folder",
	  { .name = "a", .pid = 2, .path = "/run/x", .kind = SANDBOX_WRITE_CREATE, .missing = 4 },
	  "a (pid 2) could not create '/run/x' during init: " NO_FOLDER "use /tmp" },
	{ "no name",
	  { .pid = 2, .path = "/x" },
	  "a process (pid 2) could not write '/x' during init: " READ_ONLY "use /tmp" },
	{ "nobody",
	  { .name = "x", .path = "/x" },
	  "a process could not write '/x' during init: " READ_ONLY "use /tmp" },
	{ "cut",
	  { .name = "a", .pid = 2, .path = "/xxx", .is_cut = true },
	  "a (pid 2) could not write '/xxx...' during init: " READ_ONLY "use /tmp" },
	{ "shared memory",
	  { .name = "python3",
	    .pid = 2,
	    .path = "/dev/shm/sem.x",
	    .kind = SANDBOX_WRITE_CREATE,
	    .missing = 4 },
	  "python3 (pid 2) could not create '/dev/shm/sem.x' during init: Lambda has no shared "
	  "memory, hence no named semaphores and no locks between processes: use threads or pipes "
	  "(in Python: multiprocessing.Pipe)" },
	{ "home",
	  { .name = "a",
	    .pid = 2,
	    .path = "/home/sbx_user1051/.foo",
	    .kind = SANDBOX_WRITE_CREATE,
	    .missing = 4 },
	  "a (pid 2) could not create '/home/sbx_user1051/.foo' during init: Lambda has no home "
	  "folder: set HOME=/tmp" },
	{ "cache at home",
	  { .name = "a", .pid = 2, .path = "/home/sbx_user1051/.cache/foo" },
	  "a (pid 2) could not write '/home/sbx_user1051/.cache/foo' during init: " READ_ONLY
	  "set XDG_CACHE_HOME=/tmp/.cache, or HOME=/tmp" },
	{ "several",
	  { .count = 7 },
	  "writes to other files failed 7 times during init: " READ_ONLY "use /tmp" },
	{ "one of several",
	  { .count = 1 },
	  "writes to other files failed 1 time during init: " READ_ONLY "use /tmp" },
};

static void test_lines(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer line = BUFFER_INIT;

		test_case(cases[i].label);
		advice_write(&line, &cases[i].write, "during init");
		CHECK_STR(line.data, cases[i].line);
	}
}

/* Each variable is named for the path that it is about. */
static void test_variables(void)
{
	static const struct {
		const char *program, *path, *variable;
	} rows[] = {
		{ "node", "/home/sbx_user1051/.npm/_cacache", "npm_config_cache" },
		{ "python3", "/home/sbx_user1051/.config/matplotlib", "MPLCONFIGDIR" },
		{ "python3", "/home/sbx_user1051/.cache/huggingface/hub", "HF_HOME" },
		{ "go", "/home/sbx_user1051/.cache/go-build", "GOCACHE" },
		{ "bun", "/home/sbx_user1051/.cache/x.pile", "BUN_RUNTIME_TRANSPILER_CACHE_PATH" },
		{ "deno", "/home/sbx_user1051/.cache/deno", "DENO_DIR" },
		{ "java", "/var/tmp/x", "TMPDIR" },
		{ "x", "/home/sbx_user1051/.config/y", "XDG_CONFIG_HOME" },
		{ "x", "/home/sbx_user1051/.local/share/y", "XDG_DATA_HOME" },
		{ "x", "/root/y", "HOME" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autobuffer struct buffer line = BUFFER_INIT;
		struct sandbox_write write = { .pid = 1 };

		test_case(rows[i].variable);
		snprintf(write.name, sizeof(write.name), "%s", rows[i].program);
		snprintf(write.path, sizeof(write.path), "%s", rows[i].path);
		advice_write(&line, &write, "while idle");
		CHECK(strstr(line.data, rows[i].variable));
	}
}

static bool is_unreported(const char *path)
{
	for (const char *const *pattern = advice_unreported; *pattern; pattern++) {
		if (fnmatch(*pattern, path, 0) == 0)
			return true;
	}
	return false;
}

static void test_compiled_python_is_nobodys_business(void)
{
	CHECK(is_unreported("/var/task/__pycache__"));
	CHECK(is_unreported("/var/task/a/b/__pycache__/x.cpython-311.pyc.140327"));
	CHECK(is_unreported("/home/sbx_user1051/.bash_history"));
	CHECK(!is_unreported("/var/task/history"));
	CHECK(!is_unreported("/var/task/x.py"));
	CHECK(!is_unreported("/var/task/pycache/x"));
}

TEST_MAIN(test_lines, test_variables, test_compiled_python_is_nobodys_business)
