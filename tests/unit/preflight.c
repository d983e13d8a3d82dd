/* SPDX-License-Identifier: Apache-2.0 */
/* preflight - what is wrong with a package, found before a start and explained behind one */
#include "emulator/preflight.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/elf.h"
#include "tests/unit/elf.h"
#include "tests/unit/files.h"
#include "tests/unit/test.h"

static struct config config;
static struct error err;

static void begin(void)
{
	files_begin();
	chmod(files_folder, 0755);
	mkdir("task", 0755);
	mkdir("task/lib", 0755);
	config = (struct config){ .bootstrap = "task/run", .listen = "127.0.0.1:9000" };
}

/* Whatever a test has made. */
static void end(void)
{
	static const char *const names[] = {
		"task/run",
		"task/other",
		"task/lib/libx.so.1",
		"task/lib/liby.so.1",
		"task/lib",
		"task/data.db",
		"task/.cache",
		"task/secret",
		"task/fifo",
		"task",
		"layer/bin/tool",
		"layer/bin",
		"layer/extensions/one",
		"layer/extensions",
		"layer",
	};

	files_end(names, sizeof(names) / sizeof(names[0]));
}

static void put_image(const char *name, const struct elf_image *image)
{
	files_put(name, image->data, image->size);
}

/* ---- behind a start that has failed ---- */

static void explain(int code, struct buffer *words)
{
	struct sandbox_program program = { .output = -1 };
	struct package *package = package_create(&config, true, &err);
	struct fault fault;

	if (!CHECK(package))
		return;
	preflight_explain(&config, package, code, words);
	CHECK_STR(words->data, ""); /* nothing was looked up yet */
	if (CHECK(package_fill_program(package, &program, &fault)))
		preflight_explain(&config, package, code, words);
	package_destroy(package);
}

static void check_explained(int code, const char *expected)
{
	autobuffer struct buffer words = BUFFER_INIT;

	explain(code, &words);
	if (!strstr(words.data, expected))
		CHECK_STR(words.data, expected);
	if (!*expected)
		CHECK_STR(words.data, "");
}

static void test_explain_scripts(void)
{
	static const struct {
		int code;
		const char *content, *expected;
	} cases[] = {
		{ ENOENT, "#!/no/such/bun run\n",
		  "needs the interpreter '/no/such/bun', which does not exist" },
		{ ENOENT, "#!/bin/sh\r\necho\r\n", "ends in CRLF" },
		{ ENOENT, "#!sh\n", "needs the interpreter 'sh', which must be an absolute path" },
		{ ENOENT, "#!/bin/sh\n", "" },
		{ ENOEXEC, "#!\n", "names no interpreter" },
		{ ENOEXEC, "", "is empty" },
		{ ENOEXEC, "echo hello\n", "no program for this machine, and no script" },
		{ ENOEXEC, "\xef\xbb\xbf#!/bin/sh\n", "byte order mark" },
		{ ENOEXEC, "\177ELF", "no program for this machine, and no script" },
		{ EACCES, "#!/bin/sh\n", "cannot be read or executed by the sandbox user" },
		{ ENOMEM, "#!/bin/sh\n", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].content);
		begin();
		files_put_text("task/run", cases[i].content);
		check_explained(cases[i].code, cases[i].expected);
		end();
	}
}

/* An interpreter that the machine has, but not the box. */
static void test_explain_hidden_interpreter(void)
{
	autobuffer struct buffer script = BUFFER_INIT, expected = BUFFER_INIT;

	begin();
	files_put_text("task/other", "#!/bin/sh\n");
	buffer_append_format(&script, "#!%s/task/other -e\n", files_folder);
	files_put_text("task/run", script.data);
	buffer_append_format(&expected,
	                     "/task/other', which exists here but not in the box: add --bind "
	                     "%s/task",
	                     files_folder);
	check_explained(ENOENT, expected.data);
	end();
}

static void test_explain_files(void)
{
	begin();
	check_explained(ENOENT, "there is no file");
	CHECK_INT(symlink("nowhere", "task/run"), 0);
	check_explained(ENOENT, "is a link to a file that does not exist");
	unlink("task/run");
	CHECK_INT(symlink("run", "task/run"), 0);
	check_explained(ELOOP, "is a link that leads to itself");
	unlink("task/run");
	CHECK_INT(symlink("/etc/hostname", "task/run"), 0);
	if (access("/etc/hostname", F_OK) == 0)
		check_explained(ENOENT, "exists here but not in the box");
	unlink("task/run");
	files_put_text("task/run", "#!/bin/sh\n");
	chmod("task/run", 0644);
	check_explained(EACCES, "is not executable: chmod +x it");
	chmod("task/run", 0700);
	check_explained(EACCES, "is not executable for others");
	unlink("task/run");
	mkfifo("task/run", 0755); /* does not hang */
	check_explained(EACCES, "is a FIFO, not a file");
	end();
}

static void test_explain_elf(void)
{
	bool is_x86 = strcmp(elf_host_architecture(), "x86_64") == 0;
	struct elf_image image = elf_make(true, false, is_x86 ? EM_AARCH64 : EM_X86_64,
	                                  "/lib/ld.so", "GLIBC_2.17", NULL, NULL);

	begin();
	put_image("task/run", &image);
	check_explained(ENOEXEC, is_x86 ? "built for arm64, and this machine is x86_64"
	                                : "built for x86_64, and this machine is ");
	files_put("task/run", image.data, 20);
	check_explained(ENOEXEC, "is not whole: it is cut off in its header");
	image = elf_make(true, false, is_x86 ? EM_X86_64 : EM_AARCH64, "/lib/no-such-loader.so",
	                 "GLIBC_2.17", NULL, NULL);
	put_image("task/run", &image);
	check_explained(ENOENT, "needs the loader '/lib/no-such-loader.so', which does not exist");
	end();
}

/* ---- before a start ---- */

static struct preflight preflight;

static void run(void)
{
	struct package *package = package_create(&config, true, &err);

	if (!CHECK(package))
		abort();
	preflight_run(&preflight, &config, package);
	package_destroy(package);
}

static const struct finding *find(const char *check)
{
	for (size_t i = 0; i < preflight.findings.count; i++) {
		if (strcmp(preflight.findings.items[i].check, check) == 0)
			return &preflight.findings.items[i];
	}
	return NULL;
}

static void check_found(const char *check, enum finding_severity severity, const char *words,
                        const char *type)
{
	const struct finding *finding = find(check);

	if (!finding) {
		CHECK_STR(NULL, check);
		return;
	}
	CHECK_INT(finding->severity, severity);
	if (!strstr(finding->problem, words))
		CHECK_STR(finding->problem, words);
	CHECK_STR(finding->type, type);
}

static uint16_t host_machine(void)
{
	return strcmp(elf_host_architecture(), "arm64") == 0 ? EM_AARCH64 : EM_X86_64;
}

static const char *host_loader(void)
{
	return host_machine() == EM_X86_64 ? "/lib64/ld-linux-x86-64.so.2"
	                                   : "/lib/ld-linux-aarch64.so.1";
}

static bool is_usual_machine(void)
{
	return (strcmp(elf_host_architecture(), "x86_64") == 0 ||
	        strcmp(elf_host_architecture(), "arm64") == 0) &&
	       access(host_loader(), F_OK) == 0;
}

static void test_good_packages(void)
{
	struct elf_image image = elf_make(true, false, host_machine(), host_loader(), "GLIBC_2.34",
	                                  NULL, NULL);

	begin();
	files_put_text("task/run", "#!/bin/sh -e\nexit\n");
	run();
	CHECK_INT(preflight.findings.count, 0);
	CHECK_STR(preflight.shown, "/var/task/run");
	CHECK_STR(preflight.cut_short, NULL);
	preflight_finish(&preflight);
	if (is_usual_machine()) {
		put_image("task/run", &image);
		run();
		CHECK_INT(preflight.findings.count, 0);
		preflight_finish(&preflight);
	}
	end();
}

static void test_libraries(void)
{
	struct elf_image program, x, y;

	if (!is_usual_machine())
		SKIP("this machine has no usual loader");
	program = elf_make(true, false, host_machine(), host_loader(), "GLIBC_2.34", "libx.so.1",
	                   "$ORIGIN/lib");
	x = elf_make(true, false, host_machine(), NULL, "GLIBC_2.38", "liby.so.1", NULL);
	y = elf_make(true, false, EM_RISCV, NULL, "GLIBC_2.17", NULL, NULL);
	begin();
	put_image("task/run", &program);
	run();
	check_found("missing-library", FINDING_ERROR, "'libx.so.1', which is nowhere",
	            "Runtime.ExitError");
	CHECK_STR(find("missing-library")->message, "Runtime exited with error: exit status 127");
	CHECK(!find("glibc"));
	preflight_finish(&preflight);

	/* what a library needs counts as well, and one of another machine does not */
	put_image("task/lib/libx.so.1", &x);
	put_image("task/lib/liby.so.1", &y);
	run();
	check_found("missing-library", FINDING_ERROR, "liby.so.1' is built for riscv64",
	            "Runtime.ExitError");
	check_found("glibc", FINDING_ERROR, "libx.so.1' needs glibc 2.38", "Runtime.ExitError");
	CHECK_STR(find("glibc")->log,
	          "/var/task/run: /lib64/libc.so.6: version `GLIBC_2.38' not found (required by "
	          "/var/task/lib/libx.so.1)");
	preflight_finish(&preflight);
	end();
}

static void test_another_architecture(void)
{
	bool is_x86 = strcmp(elf_host_architecture(), "x86_64") == 0;
	struct elf_image image = elf_make(true, false, is_x86 ? EM_AARCH64 : EM_X86_64,
	                                  is_x86 ? "/lib/ld-linux-aarch64.so.1"
	                                         : "/lib64/ld-linux-x86-64.so.2",
	                                  "GLIBC_2.39", "libx.so.1", NULL);

	begin();
	put_image("task/run", &image);
	config.architecture = is_x86 ? "arm64" : "x86_64";
	run();
	CHECK(!find("architecture"));
	CHECK(!find("missing-library")); /* the machine's are of no use to know */
	check_found("glibc", FINDING_ERROR, "needs glibc 2.39", "Runtime.ExitError");
	check_found("other-machine", FINDING_HINT, "this machine is ", NULL);
	preflight_finish(&preflight);
	image = elf_make(true, false, is_x86 ? EM_AARCH64 : EM_X86_64, "/lib/ld-musl-any.so.1",
	                 "GLIBC_2.17", NULL, NULL);
	put_image("task/run", &image);
	run();
	check_found("lambda-loader", FINDING_ERROR, "is musl's", "Runtime.InvalidEntrypoint");
	preflight_finish(&preflight);
	end();
}

static void test_env(void)
{
	static const struct {
		const char *content, *log; /* NULL: nothing is found */
	} cases[] = {
		{ "#!/usr/bin/env sh\n", NULL },
		{ "#!/usr/bin/env -S A=b sh -e\n", NULL },
		{ "#!/usr/bin/env $SHELL\n", NULL }, /* nobody knows */
		{ "#!/usr/bin/env no-such-program\n",
		  "/usr/bin/env: 'no-such-program': No such file or directory" },
		{ "#!/usr/bin/env sh -e\n", "/usr/bin/env: 'sh -e': No such file or directory" },
		{ "#!/usr/bin/env -S no-such -e\n",
		  "/usr/bin/env: 'no-such': No such file or directory" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct finding *finding;

		test_case(cases[i].content);
		begin();
		files_put_text("task/run", cases[i].content);
		run();
		finding = find("env-program");
		CHECK_STR(finding ? finding->log : NULL, cases[i].log);
		if (finding)
			CHECK_STR(finding->message, "Runtime exited with error: exit status 127");
		preflight_finish(&preflight);
		end();
	}
}

static void test_files(void)
{
	begin();
	files_put_text("task/run", "#!/bin/sh\n");
	files_put("task/data.db", "SQLite format 3\0", 16);
	files_put_text("task/secret", "");
	chmod("task/secret", 0600);
	mkdir("task/.cache", 0755);
	mkfifo("task/fifo", 0644);
	CHECK_INT(truncate("task/secret", (off_t)300 << 20), 0);
	run();
	check_found("unreadable", FINDING_WARNING, "task/secret' cannot be read", NULL);
	check_found("read-only-database", FINDING_HINT, "data.db' is an SQLite database", NULL);
	check_found("read-only-cache", FINDING_HINT, ".cache' is a cache", NULL);
	check_found("special-file", FINDING_HINT, "fifo' is a FIFO", NULL);
	check_found("size", FINDING_WARNING, "has 300 MB", NULL);
	preflight_finish(&preflight);
	end();
}

static void test_layers(void)
{
	static const char *six[] = { "layer", "layer", "layer", "layer", "layer", "layer", NULL };
	struct elf_image image = elf_make(false, false, EM_ARM, NULL, "GLIBC_2.4", NULL, NULL);

	begin();
	files_put_text("task/run", "#!/bin/sh\n");
	mkdir("layer", 0755);
	mkdir("layer/bin", 0755);
	mkdir("layer/extensions", 0755);
	put_image("layer/bin/tool", &image);
	files_put_text("layer/extensions/one", "#!/bin/sh\n");
	chmod("layer/extensions/one", 0644);
	config.layers = (struct config_list){ .items = six, .count = 6 };
	run();
	check_found("layer-count", FINDING_ERROR, "has 6 layers", NULL);
	check_found("layer-architecture", FINDING_WARNING, "is built for arm,", NULL);
	check_found("extension-exec-bit", FINDING_ERROR, "extensions/one' is not executable",
	            "Extension.LaunchError");
	preflight_finish(&preflight);
	end();
}

static void test_ports(void)
{
	static const struct {
		const char *variable, *listen, *words; /* NULL: all is well */
		const char *http;
	} cases[] = {
		{ "PORT=8080", "127.0.0.1:9000", NULL, "127.0.0.1:8081" },
		{ "PORT=8080", "127.0.0.1:9000", "PORT=8080 is also the port of lrie's --http",
		  "[::1]:8080" },
		{ "PORT=9000", "127.0.0.1:9000", "PORT=9000 is also the port of lrie's --listen",
		  NULL },
		{ "AWS_LWA_PORT=80", "[::1]:9000", "is below 1024", NULL },
		{ "AWS_LWA_PORT=9001", "127.0.0.1:9000", "is the port of the Runtime API", NULL },
		{ "PORT=http", "127.0.0.1:9000", NULL, NULL },
		{ "PORT=0", "127.0.0.1:0", NULL, "127.0.0.1:0" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *env[] = { cases[i].variable, NULL };

		test_case(cases[i].variable);
		begin();
		files_put_text("task/run", "#!/bin/sh\n");
		config.env = (struct config_list){ .items = env, .count = 1 };
		config.listen = cases[i].listen;
		config.http = cases[i].http;
		run();
		if (cases[i].words)
			check_found("port", FINDING_WARNING, cases[i].words, NULL);
		else
			CHECK_INT(preflight.findings.count, 0);
		preflight_finish(&preflight);
		end();
	}
}

static void test_no_bootstrap(void)
{
	begin();
	config.bootstrap = NULL;
	config.task_root = "task";
	if (access("/var/runtime/bootstrap", F_OK) == 0 || access("/opt/bootstrap", F_OK) == 0)
		SKIP("this machine has one");
	run();
	check_found("no-bootstrap", FINDING_ERROR, "there is no file 'bootstrap'",
	            "Runtime.InvalidEntrypoint");
	CHECK_STR(preflight.bootstrap, NULL);
	preflight_finish(&preflight);
	end();
}

TEST_MAIN(test_explain_scripts, test_explain_hidden_interpreter, test_explain_files,
          test_explain_elf, test_good_packages, test_libraries, test_another_architecture, test_env,
          test_files, test_layers, test_ports, test_no_bootstrap)
