/* SPDX-License-Identifier: Apache-2.0 */
/* package - which bootstrap is found, and what is shown where */
#include "emulator/package.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/files.h"
#include "tests/unit/test.h"

static struct config config;
static struct error err;

static void begin(void)
{
	files_begin();
	config = (struct config){ .task_root = NULL };
}

/* Whatever a test has made. */
static void end(void)
{
	static const char *const names[] = {
		"task/bootstrap",
		"task/run",
		"layer/bootstrap",
		"layer/run",
		"layer2/bootstrap",
		"other/run",
		"link",
		"file",
		"task",
		"layer",
		"layer2",
		"other",
	};

	files_end(names, sizeof(names) / sizeof(names[0]));
}

/* "<folder>/name", valid until the call after the next. */
static const char *host(const char *name)
{
	static char paths[2][PATH_MAX + 64];
	static unsigned turn;

	turn = !turn;
	snprintf(paths[turn], sizeof(paths[turn]), "%s/%s", files_folder, name);
	return paths[turn];
}

static void check_program(struct package *package, const char *path, const char *cwd)
{
	struct sandbox_program program = { .output = -1 };
	struct fault fault;

	if (!CHECK(package_fill_program(package, &program, &fault)))
		return;
	CHECK_STR(program.argv[0], path);
	CHECK_STR(program.cwd, cwd);
}

/* ---- looking it up ---- */

/* Functions that have the same layers have them once. */
static void test_beside_another(void)
{
	static const char *items[] = { "layer", "layer2", NULL };
	struct config other = { .task_root = "layer", .layers = { items, 2 } };
	struct package *first, *second;

	begin();
	mkdir("layer", 0755);
	mkdir("layer2", 0755);
	config.task_root = "layer2";
	config.layers = (struct config_list){ items, 2 };
	first = package_create(&config, true, &err);
	if (CHECK(first) && CHECK(package_layers_for(first, &other))) {
		struct layers *layers = package_layers_for(first, &other);

		second = package_create_with(&other, true, layers, &err);
		CHECK(second && package_layers_for(second, &config) == layers);
		package_destroy(first); /* may go first */
		CHECK(package_layers_for(second, &config) == layers);
		package_destroy(second);
		second = package_create_with(&other, true, NULL, &err);
		other.layers.count = 1;
		CHECK(second && !package_layers_for(second, &config));
		package_destroy(second);
	}
	end();
}

static void test_look_up_order(void)
{
	static const char *layers[] = { "layer", "layer2", NULL };
	struct sandbox_program program;
	struct package *package;
	struct fault fault;

	begin();
	mkdir("task", 0755);
	mkdir("layer", 0755);
	mkdir("layer2", 0755);
	config.task_root = "task";
	config.layers = (struct config_list){ .items = layers, .count = 2 };
	package = package_create(&config, true, &err);
	if (!CHECK(package))
		return;
	CHECK_STR(package_task_root(package), "/var/task");
	CHECK_STR(package_runtime_root(package), "/var/runtime");

	/* it is looked up anew each time */
	if (access("/var/runtime/bootstrap", F_OK) == -1) {
		CHECK(!package_fill_program(package, &program, &fault));
		CHECK_STR(fault.type, "Runtime.InvalidEntrypoint");
		CHECK_STR(fault.message, "Couldn't find valid bootstrap(s): "
		                         "[/var/task/bootstrap /opt/bootstrap]");
	}
	files_put_text("layer/bootstrap", "");
	check_program(package, "/opt/bootstrap", "/var/task");
	mkdir("task/bootstrap", 0755); /* a folder does not count */
	check_program(package, "/opt/bootstrap", "/var/task");
	rmdir("task/bootstrap");
	files_put_text("task/bootstrap", "");
	chmod("task/bootstrap", 0644); /* one that cannot be executed does */
	check_program(package, "/var/task/bootstrap", "/var/task");
	package_destroy(package);
	end();
}

static void test_spec(void)
{
	static const char *layers[] = { "layer", "layer2", NULL };
	static const char *binds[] = { "layer", "layer2:/two", NULL };
	struct sandbox_spec spec = { .hostname = "kept" };
	struct package *package;

	begin();
	mkdir("task", 0755);
	mkdir("layer", 0755);
	mkdir("layer2", 0755);
	config.task_root = "./task/../task";
	config.layers = (struct config_list){ .items = layers, .count = 2 };
	config.binds = (struct config_list){ .items = binds, .count = 2 };
	package = package_create(&config, true, &err);
	if (!CHECK(package))
		return;
	package_fill_spec(package, &spec);
	CHECK_STR(spec.task_root, host("task"));
	CHECK_INT(spec.layer_count, 2);
	CHECK_STR(spec.layers[0], host("layer"));
	CHECK_STR(spec.layers[1], host("layer2"));
	CHECK_INT(spec.bind_count, 2);
	CHECK_STR(spec.binds[0].source, host("layer"));
	CHECK_STR(spec.binds[0].target, host("layer"));
	CHECK_STR(spec.binds[1].source, host("layer2"));
	CHECK_STR(spec.binds[1].target, "/two");
	CHECK_STR(spec.hostname, "kept");
	package_destroy(package);
	end();
}

/* Where a bootstrap that the user has named is seen. */
static void test_named_bootstrap(void)
{
	static const char *layers[] = { "layer", NULL };
	static const char *binds[] = { "other:/mnt/other", NULL };
	static const struct {
		const char *task_root, *bootstrap;
		const char *shown; /* NULL: as on the host */
	} cases[] = {
		{ NULL, "task/run", "/var/task/run" },
		{ NULL, "./task/../task/run", "/var/task/run" },
		{ "task", "task/run", "/var/task/run" },
		{ "task", "layer/run", "/opt/run" },
		{ "layer", "other/run", "/mnt/other/run" },
		{ "layer", "task/run", NULL },
		{ NULL, "task/missing", "/var/task/missing" }, /* execve will tell */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].bootstrap);
		begin();
		mkdir("task", 0755);
		mkdir("layer", 0755);
		mkdir("other", 0755);
		files_put_text("task/run", "");
		files_put_text("layer/run", "");
		files_put_text("other/run", "");
		config.task_root = cases[i].task_root;
		config.bootstrap = cases[i].bootstrap;
		config.layers = (struct config_list){ .items = layers, .count = 1 };
		config.binds = (struct config_list){ .items = binds, .count = 1 };
		struct package *package = package_create(&config, true, &err);

		if (CHECK(package))
			check_program(package,
			              cases[i].shown ? cases[i].shown : host(cases[i].bootstrap),
			              "/var/task");
		package_destroy(package);
		end();
	}
}

/* A box without a root of its own shows everything as it is. */
static void test_no_own_root(void)
{
	struct package *package;

	begin();
	mkdir("task", 0755);
	files_put_text("task/run", "");
	config.bootstrap = "task/run";
	package = package_create(&config, false, &err);
	if (!CHECK(package))
		return;
	CHECK_STR(package_task_root(package), host("task"));
	check_program(package, host("task/run"), host("task"));
	package_destroy(package);
	end();
}

static void test_arguments(void)
{
	static const char *arguments[] = { "-x", "y", NULL };
	struct sandbox_program program;
	struct package *package;
	struct fault fault;

	begin();
	mkdir("task", 0755);
	config.bootstrap = "task/run";
	config.arguments = (struct config_list){ .items = arguments, .count = 2 };
	package = package_create(&config, true, &err);
	if (!CHECK(package) || !CHECK(package_fill_program(package, &program, &fault)))
		return;
	CHECK_STR(program.argv[0], "/var/task/run");
	CHECK_STR(program.argv[1], "-x");
	CHECK_STR(program.argv[2], "y");
	CHECK(!program.argv[3]);
	package_destroy(package);
	end();
}

/* RIE's command line: a name without '/' is searched for, and runs where RIE was called. */
static void test_rie(void)
{
	struct package *package;

	begin();
	config.rie = true;
	config.task_root = ".";
	config.bootstrap = "sh";
	package = package_create(&config, false, &err);
	if (!CHECK(package))
		return;
	struct sandbox_program program;
	struct fault fault;

	CHECK(package_fill_program(package, &program, &fault));
	CHECK(strstr(program.argv[0], "bin/sh"));
	CHECK_STR(program.cwd, files_folder);
	package_destroy(package);
	end();
}

/* ---- mistakes ---- */

static void check_refused(const char *text)
{
	struct package *package = package_create(&config, true, &err);

	CHECK(!package);
	CHECK_STR(err.text, text);
	package_destroy(package);
}

static void test_refused(void)
{
	static const char *missing[] = { "missing", NULL };
	static const char *relative[] = { ".:there", NULL };
	static const char *empty[] = { ".:", NULL };
	static const char *needed[][2] = { { ".:/" }, { ".:/var/task/" }, { ".:/tmp" } };

	begin();
	files_put_text("file", "");
	config.task_root = "missing";
	check_refused("task root 'missing': No such file or directory");
	config.task_root = "file";
	check_refused("task root 'file': Not a directory");
	config.task_root = NULL;
	config.bootstrap = "missing/run";
	check_refused("folder of the bootstrap 'missing/': No such file or directory");
	config.bootstrap = NULL;
	config.task_root = ".";
	config.layers = (struct config_list){ .items = missing, .count = 1 };
	check_refused("layer 'missing': No such file or directory");
	config.layers.count = 0;
	config.binds = (struct config_list){ .items = missing, .count = 1 };
	check_refused("--bind 'missing': No such file or directory");
	config.binds.items = relative;
	check_refused("--bind '.:there': the path in the box must be absolute");
	config.binds.items = empty;
	check_refused("--bind '.:': the path in the box must be absolute");
	config.binds.items = needed[0];
	check_refused("--bind '.:/': nothing can be bound to '/', which the box needs itself");
	config.binds.items = needed[1];
	check_refused("--bind '.:/var/task/': nothing can be bound to '/var/task/', which the box "
	              "needs itself");
	config.binds.items = needed[2];
	check_refused(
		"--bind '.:/tmp': nothing can be bound to '/tmp', which the box needs itself");
	end();
}

/* ---- the same again ---- */

static void check_incomplete(struct package *package, const char *why)
{
	char expected[PATH_MAX + 128];

	snprintf(expected, sizeof(expected), "'%s'%s", host("task/bootstrap"), why);
	CHECK(!package_is_complete(package, &err));
	CHECK_STR(err.text, expected);
}

static void test_complete(void)
{
	struct package *package;

	begin();
	mkdir("task", 0755);
	config.task_root = "task";
	package = package_create(&config, true, &err);
	CHECK(!package_is_complete(package, &err));
	CHECK(strncmp(err.text, "Couldn't find valid bootstrap(s)", 32) == 0);
	files_put_text("task/bootstrap", "");
	check_incomplete(package, " is empty");
	files_put_text("task/bootstrap", "x");
	CHECK(package_is_complete(package, &err));
	CHECK_INT(chmod("task/bootstrap", 0644), 0);
	check_incomplete(package, " is not executable: chmod +x it");
	CHECK_INT(chmod("task/bootstrap", 0700), 0);
	CHECK(package_is_complete(package, &err));
	package_destroy(package);
	end();
}

static void check_renewed(const char *task, bool shares)
{
	struct sandbox_spec spec;
	struct package *old = package_create(&config, true, &err), *package;
	struct sandbox_host *machine = sandbox_probe(SANDBOX_OFF, 0, &err);
	struct layers *layers;

	remove("link");
	CHECK_INT(symlink(task, "link"), 0);
	layers = package_layers_for(old, &config);
	CHECK_INT(layers != NULL, shares);
	package = package_renew(old, machine, true, &err);
	CHECK(!shares || package_layers_for(package, &config) == layers);
	package_destroy(old);
	package_fill_spec(package, &spec);
	CHECK_STR(spec.task_root, host(task));
	CHECK_INT(spec.layer_count, config.layers.count);
	package_destroy(package);
	sandbox_host_destroy(machine);
}

static void test_renewed(void)
{
	const char *layers[] = { "layer", NULL };

	begin();
	mkdir("task", 0755);
	mkdir("other", 0755);
	mkdir("layer", 0755);
	CHECK_INT(symlink("task", "link"), 0);
	config.task_root = "link";
	config.layers = (struct config_list){ layers, 1 };
	check_renewed("other", true);
	layers[0] = "link";
	check_renewed("task", false); /* it leads elsewhere meanwhile */
	end();
}

TEST_MAIN(test_complete, test_renewed, test_beside_another, test_look_up_order, test_spec,
          test_named_bootstrap, test_no_own_root, test_arguments, test_rie, test_refused)
