/* SPDX-License-Identifier: Apache-2.0 */
/* view - paths lead where a process in the box would find them, and not out of it */
#include "emulator/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/files.h"
#include "tests/unit/test.h"

static char task[PATH_MAX + 16], layer[PATH_MAX + 16], layer2[PATH_MAX + 16];

static void put(const char *name)
{
	FILE *file = fopen(name, "w");

	if (CHECK(file))
		fclose(file);
}

static void begin(void)
{
	files_begin();
	snprintf(task, sizeof(task), "%s/task", files_folder);
	snprintf(layer, sizeof(layer), "%s/layer", files_folder);
	snprintf(layer2, sizeof(layer2), "%s/layer2", files_folder);
	mkdir("task", 0755);
	mkdir("layer", 0755);
	mkdir("layer/bin", 0755);
	mkdir("layer2", 0755);
	mkdir("layer2/bin", 0755);
	put("secret");
	put("task/file");
	put("layer/bin/tool");
	put("layer/bin/both");
	put("layer2/bin/both");
	CHECK_INT(symlink("file", "task/near"), 0);
	CHECK_INT(symlink("../../opt/bin/tool", "task/across"), 0);
	CHECK_INT(symlink("/opt/bin", "task/folder"), 0);
	CHECK_INT(symlink("../secret", "task/out"), 0);
	CHECK_INT(symlink("loop", "task/loop"), 0);
	CHECK_INT(symlink("/usr", "task/machine"), 0);
}

static void end(void)
{
	static const char *const names[] = { "task/near",       "task/across",    "task/folder",
		                             "task/out",        "task/loop",      "task/machine",
		                             "task/file",       "layer/bin/tool", "layer/bin/both",
		                             "layer2/bin/both", "layer/bin",      "layer2/bin",
		                             "layer",           "layer2",         "task",
		                             "secret" };

	files_end(names, sizeof(names) / sizeof(names[0]));
}

static void test_paths(void)
{
	static const struct {
		const char *path, *shown; /* NULL: it is not there, for the reason 'code' */
		const char *host;         /* below the folder; NULL: the machine's */
		int code;
	} cases[] = {
		{ "/var/task/file", "/var/task/file", "task/file", 0 },
		{ "/var/task/near", "/var/task/file", "task/file", 0 },
		{ "//var/./task/../task//file", "/var/task/file", "task/file", 0 },
		{ "/../../var/task/file", "/var/task/file", "task/file", 0 },
		{ "/var/task/across", "/opt/bin/tool", "layer/bin/tool", 0 },
		{ "/var/task/folder/tool", "/opt/bin/tool", "layer/bin/tool", 0 },
		{ "/opt/bin/both", "/opt/bin/both", "layer2/bin/both", 0 },
		{ "/mnt/shown", "/mnt/shown", "secret", 0 },
		{ "/mnt", "/mnt", NULL, 0 }, /* it is there since something in it is */
		{ "/var/task/machine", "/usr", NULL, 0 },
		{ "/var/task/out", NULL, NULL, ENOENT }, /* /var/secret */
		{ "/var/task/loop", NULL, NULL, ELOOP },
		{ "/var/task/file/more", NULL, NULL, ENOTDIR },
		{ "/var/taskfile", NULL, NULL, ENOENT },
		{ "/root", NULL, NULL, ENOENT },
		{ "relative", NULL, NULL, ENOENT },
	};
	const char *const layers[] = { layer, layer2 };
	char secret[PATH_MAX + 16];
	struct view_place place;

	begin();
	snprintf(secret, sizeof(secret), "%s/secret", files_folder);
	const struct sandbox_bind binds[] = { { .source = secret, .target = "/mnt/shown" } };
	const struct sandbox_spec spec = { .task_root = task,
		                           .layers = layers,
		                           .layer_count = 2,
		                           .binds = binds,
		                           .bind_count = 1 };
	struct view *view = view_create(&spec, true);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].path);
		errno = 0;
		if (!view_find(view, cases[i].path, &place)) {
			CHECK_STR(NULL, cases[i].shown);
			CHECK_INT(errno, cases[i].code);
			continue;
		}
		CHECK_STR(place.shown, cases[i].shown);
		CHECK_INT(place.is_deployed, cases[i].host != NULL);
		if (cases[i].host)
			CHECK_STR(place.host + strlen(files_folder) + 1, cases[i].host);
	}
	view_destroy(view);
	end();
}

/* Without a root of its own a box shows everything, wherever it is. */
static void test_no_own_root(void)
{
	struct view_place place;
	char path[PATH_MAX + 16];

	begin();
	const struct sandbox_spec spec = { .task_root = task };
	struct view *view = view_create(&spec, false);

	snprintf(path, sizeof(path), "%s/task/out", files_folder);
	CHECK(view_find(view, path, &place));
	CHECK_STR(place.host + strlen(files_folder) + 1, "secret");
	CHECK(!place.is_deployed);
	snprintf(path, sizeof(path), "%s/task/near", files_folder);
	CHECK(view_find(view, path, &place));
	CHECK(place.is_deployed);
	view_destroy(view);
	end();
}

static void test_long_names(void)
{
	const struct sandbox_spec spec = { .task_root = NULL };
	struct view *view = view_create(&spec, true);
	static char path[PATH_MAX * 2];
	struct view_place place;

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	CHECK(!view_find(view, path, &place));
	CHECK_INT(errno, ENAMETOOLONG);
	path[300] = '\0';
	CHECK(!view_find(view, path, &place));
	CHECK_INT(errno, ENAMETOOLONG);
	view_destroy(view);
}

TEST_MAIN(test_paths, test_no_own_root, test_long_names)
