/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package - the deployment package: what is executed, and what is shown where
 *
 * The bootstrap is looked up at each start of a life, not once: a build that
 * has been repaired is picked up by the next invocation.
 */
#include "emulator/package.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/folder.h"
#include "emulator/watch.h"

#define TASK_ROOT "/var/task"
#define RUNTIME_ROOT "/var/runtime"
#define LAYER_ROOT "/opt"

struct package {
	const struct config *config;
	bool own_root;
	char *task_root;    /* on the host, or NULL */
	char *runtime_root; /* on the host, or NULL */
	struct layers *layers;
	struct layer_job *job; /* of the package that comes after this one; NULL: none */
	struct sandbox_bind *binds;
	size_t bind_count;
	char *bootstrap; /* on the host, as named by the user; NULL: look it up */
	char *found;     /* on the host: what the last look-up gave */
	char *shown;     /* 'found' as the function's processes see it */
	const char **argv;
	char *cwd;
};

/* ---- paths ---- */

static bool is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

static char *resolve_folder(const char *what, const char *path, struct error *err)
{
	char *resolved = realpath(path, NULL);

	if (!resolved) {
		error_set(err, errno, "%s '%s'", what, path);
		return NULL;
	}
	if (!folder_exists(resolved)) {
		error_set(err, ENOTDIR, "%s '%s'", what, path);
		free(resolved);
		return NULL;
	}
	return resolved;
}

/* The part of 'path' below 'folder', beginning with '/' unless it is empty; NULL when 'path' is
 * elsewhere. */
static const char *below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	if (strncmp(path, folder, length) != 0)
		return NULL;
	if (strcmp(folder, "/") == 0)
		return path;
	return path[length] == '/' || path[length] == '\0' ? path + length : NULL;
}

/*
 * RIE runs inside an image, whose every file belongs to the function and is shown where it is.
 * What is left out belongs to the machine, is the box's own, or is not meant to last.
 */
static const char *const not_in_image[] = { "/boot",    "/dev",     "/lost+found", "/proc",
	                                    "/run",     "/sys",     "/tmp",        "/var/lock",
	                                    "/var/run", "/var/tmp", NULL };

static bool is_in_image(const char *path)
{
	for (const char *const *folder = not_in_image; *folder; folder++)
		if (below(path, *folder))
			return false;
	return true;
}

/* Where the function sees the host's 'path'. */
static char *show(const struct package *package, const char *path)
{
	const char *rest;

	if (!package->own_root || (package->config->rie && is_in_image(path)))
		return xstrdup(path);
	rest = package->task_root ? below(path, package->task_root) : NULL;
	if (rest)
		return xasprintf(TASK_ROOT "%s", rest);
	for (size_t i = package->layers->count; i > 0; i--) {
		rest = below(path, package->layers->paths[i - 1]);
		if (rest)
			return xasprintf(LAYER_ROOT "%s", rest);
	}
	for (size_t i = package->bind_count; i > 0; i--) {
		rest = below(path, package->binds[i - 1].source);
		if (rest)
			return xasprintf("%s%s", package->binds[i - 1].target, rest);
	}
	return xstrdup(path);
}

/* Makes 'path' absolute, with its folder resolved but its own name kept: what the box
 * shows under that name is the file, or the link, that the user meant. */
static char *resolve_file(const char *path, struct error *err)
{
	const char *slash = strrchr(path, '/');
	char *folder, *resolved;

	folder = !slash ? xstrdup(".") : xasprintf("%.*s", (int)(slash - path + 1), path);
	resolved = resolve_folder("folder of the bootstrap", folder, err);
	free(folder);
	if (!resolved)
		return NULL;
	folder = resolved;
	resolved = xasprintf("%s/%s", strcmp(folder, "/") ? folder : "", slash ? slash + 1 : path);
	free(folder);
	return resolved;
}

/* As execvp(3) would find it. */
static char *search_path(const char *name)
{
	static const char folders[][16] = { "/usr/local/bin", "/usr/bin", "/bin" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *path = xasprintf("%s/%s", folders[i], name);

		if (is_file(path))
			return path;
		free(path);
	}
	return NULL;
}

/* ---- binds ---- */

static void add_bind(struct package *package, char *source, char *target)
{
	package->binds = xrealloc(package->binds,
	                          (package->bind_count + 1) * sizeof(*package->binds));
	package->binds[package->bind_count++] = (struct sandbox_bind){ .source = source,
		                                                       .target = target };
}

static bool is_listed(const char *name, const char *const *names)
{
	for (; *names; names++)
		if (strcmp(name, *names) == 0)
			return true;
	return false;
}

/* Where the box must not be covered: the function would not be seen any more. */
static bool is_bindable(const char *target)
{
	static const char *const own[] = {
		"/", "/dev", "/proc", "/tmp", "/var", "/var/task", NULL
	};
	char *path = xstrdup(target);

	for (size_t length = strlen(path); length > 1 && path[length - 1] == '/'; length--)
		path[length - 1] = '\0';
	bool bindable = path[0] == '/' && !is_listed(path, own);

	free(path);
	return bindable;
}

/* "DIR" or "SOURCE:TARGET". */
static bool parse_bind(struct package *package, const char *text, struct error *err)
{
	const char *colon = strchr(text, ':');
	char *typed = colon ? xasprintf("%.*s", (int)(colon - text), text) : xstrdup(text);
	char *source = realpath(typed, NULL);
	const char *target = colon ? colon + 1 : typed[0] == '/' ? typed : source;
	bool fine = source && is_bindable(target);

	if (fine)
		add_bind(package, source, xstrdup(target));
	else if (!source)
		error_set(err, errno, "--bind '%s'", typed);
	else if (target[0] != '/')
		error_set(err, 0, "--bind '%s': the path in the box must be absolute", text);
	else
		error_set(err, 0,
		          "--bind '%s': nothing can be bound to '%s', which the box needs itself",
		          text, target);
	if (!fine)
		free(source);
	free(typed);
	return fine;
}

/* Shows what is in the host's 'folder' under the same paths, but for the names in 'except'. */
static void bind_all(struct package *package, const char *folder, const char *const *except)
{
	DIR *entries = opendir(folder);
	struct dirent *entry;

	if (!entries)
		return;
	while ((entry = readdir(entries))) {
		char *path = xasprintf("%s/%s", strcmp(folder, "/") ? folder : "", entry->d_name);

		if (entry->d_name[0] != '.' && !is_listed(entry->d_name, except) &&
		    is_in_image(path) && (folder_exists(path) || is_file(path)))
			add_bind(package, xstrdup(path), path);
		else
			free(path);
	}
	closedir(entries);
}

/* The box has these already: as every box has them, or as the function's own folders. */
static void bind_image(struct package *package)
{
	static const char *const built[] = { "bin",    "sbin", "lib", "lib32", "lib64",
		                             "libx32", "usr",  "etc", "opt",   "var",
		                             "nix",    "gnu",  NULL };
	static const char *const built_in_var[] = { "task", "runtime", NULL };

	bind_all(package, "/", built);
	bind_all(package, "/var", built_in_var);
}

/* ---- the folders ---- */

static bool find_bootstrap(struct package *package, struct error *err)
{
	const char *named = package->config->bootstrap;

	if (!named)
		return true;
	if (package->config->rie && !strchr(named, '/'))
		package->bootstrap = search_path(named);
	if (!package->bootstrap)
		package->bootstrap = resolve_file(named, err);
	return package->bootstrap;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? xstrdup("/") : xasprintf("%.*s", (int)(slash - path), path);
}

/* An image may do without /var/task. A current folder that the box would not show becomes it. */
static bool find_image_task_root(struct package *package, struct error *err)
{
	char *current = resolve_folder("current folder", ".", err);

	if (!current)
		return false;
	if (package->own_root && is_in_image(current))
		free(current);
	else
		package->task_root = current;
	return true;
}

static bool find_task_root(struct package *package, struct error *err)
{
	const struct config *config = package->config;

	if (config->task_root)
		package->task_root = resolve_folder("task root", config->task_root, err);
	else if (package->bootstrap && !config->rie)
		package->task_root = folder_of(package->bootstrap);
	else if (folder_exists(TASK_ROOT))
		package->task_root = xstrdup(TASK_ROOT);
	else if (config->rie)
		return find_image_task_root(package, err);
	else if (config->command == CONFIG_SHELL || config->only_apis != CONFIG_APIS_OFF)
		package->task_root = resolve_folder("current folder", ".", err);
	else
		error_set(err, 0, "no bootstrap: name one with --bootstrap PATH");
	return package->task_root;
}

static bool find_cwd(struct package *package, struct error *err)
{
	char *current;

	if (!package->config->rie || !package->bootstrap) {
		package->cwd = xstrdup(package_task_root(package));
		return true;
	}
	current = getcwd(NULL, 0);
	if (!current)
		return error_set(err, errno, "current folder");
	package->cwd = show(package, current);
	free(current);
	return true;
}

bool package_is_image(const struct package *package)
{
	return package->config->rie ||
	       (package->task_root && strcmp(package->task_root, TASK_ROOT) == 0);
}

/* All but the layers, which are there. */
static bool find_others(struct package *package, struct error *err)
{
	const struct config *config = package->config;

	if (!find_cwd(package, err))
		return false;
	if (config->rie)
		bind_image(package);
	for (size_t i = 0; i < config->binds.count; i++)
		if (!parse_bind(package, config->binds.items[i], err))
			return false;
	return true;
}

static struct package *begin(const struct config *config, bool own_root)
{
	struct package *package = xcalloc(1, sizeof(*package));

	package->config = config;
	package->own_root = own_root;
	package->argv = xcalloc(config->arguments.count + 2, sizeof(*package->argv));
	for (size_t i = 0; i < config->arguments.count; i++)
		package->argv[i + 1] = config->arguments.items[i];
	if (folder_exists(RUNTIME_ROOT))
		package->runtime_root = xstrdup(RUNTIME_ROOT);
	return package;
}

static bool find_all(struct package *package, struct layers *layers, struct error *err)
{
	const struct config *config = package->config;

	if (!find_bootstrap(package, err) || !find_task_root(package, err))
		return false;
	package->layers = layers ? layers_ref(layers)
	                         : layers_create(config, package_is_image(package), err);
	if (!package->layers || !find_others(package, err))
		return false;
	if (config->layers.count > 0 && config->command != CONFIG_DOCTOR) /* which counts itself */
		layers_check_size(package->layers, package->task_root);
	return true;
}

struct package *package_create_with(const struct config *config, bool own_root,
                                    struct layers *layers, struct error *err)
{
	struct package *package = begin(config, own_root);

	if (find_all(package, layers, err))
		return package;
	package_destroy(package);
	return NULL;
}

struct package *package_create(const struct config *config, bool own_root, struct error *err)
{
	return package_create_with(config, own_root, NULL, err);
}

static struct layer_job *begin_layers(struct package *package, const struct sandbox_host *host,
                                      struct error *err)
{
	struct layer_job *job;

	if (!find_bootstrap(package, err) || !find_task_root(package, err))
		return NULL;
	job = layer_job_start(package->config, package_is_image(package), host, err);
	if (!job)
		return NULL;
	package->layers = layers_ref(layer_job_layers(job));
	if (find_others(package, err))
		return job;
	layer_job_destroy(job);
	return NULL;
}

struct layer_job *package_begin_layers(const struct config *config, const struct sandbox_host *host,
                                       struct error *err)
{
	struct package *package = begin(config, sandbox_host_has_root(host));
	struct layer_job *job = begin_layers(package, host, err);

	package_destroy(package);
	return job;
}

struct layers *package_layers_for(const struct package *package, const struct config *config)
{
	return layers_serve(package->layers, package->config, config) ? package->layers : NULL;
}

struct package *package_renew(struct package *old, const struct sandbox_host *host,
                              bool has_changed, struct error *err)
{
	struct layers *layers = layer_job_renew(&old->job, old->layers, old->config,
	                                        package_is_image(old), host, has_changed, err);
	struct package *package;

	if (!layers)
		return NULL;
	package = package_create_with(old->config, old->own_root, layers, err);
	layers_destroy(layers);
	return package;
}

void package_destroy(struct package *package)
{
	if (!package)
		return;
	for (size_t i = 0; i < package->bind_count; i++) {
		free((char *)package->binds[i].source);
		free((char *)package->binds[i].target);
	}
	layers_destroy(package->layers);
	layer_job_destroy(package->job);
	free(package->binds);
	free(package->task_root);
	free(package->runtime_root);
	free(package->bootstrap);
	free(package->found);
	free(package->shown);
	free(package->argv);
	free(package->cwd);
	free(package);
}

bool package_settle_layers(struct package *package, const struct sandbox_host *host,
                           struct error *err)
{
	return layers_settle(package->layers, package->config, host, err);
}

const char *package_cwd(const struct package *package)
{
	return package->cwd;
}

bool package_has_own_root(const struct package *package)
{
	return package->own_root;
}

const char *package_bootstrap(const struct package *package)
{
	return package->found;
}

const char *package_bootstrap_shown(const struct package *package)
{
	return package->shown;
}

const char *package_task_root(const struct package *package)
{
	return package->own_root ? TASK_ROOT : package->task_root;
}

const char *package_runtime_root(const struct package *package)
{
	(void)package;
	return RUNTIME_ROOT;
}

void package_fill_spec(const struct package *package, struct sandbox_spec *spec)
{
	spec->task_root = package->task_root;
	spec->runtime_root = package->runtime_root;
	spec->layers = (const char *const *)package->layers->paths;
	spec->layer_count = package->layers->count;
	spec->binds = package->binds;
	spec->bind_count = package->bind_count;
}

/* ---- the bootstrap ---- */

/* A candidate counts when it exists and is not a folder; one that cannot be executed is not
 * passed over (spec environment-and-limits.md §2). */
static char *look_up(struct package *package, struct fault *fault)
{
	static const char *const candidates[] = { TASK_ROOT "/bootstrap", LAYER_ROOT "/bootstrap" };
	char *path;

	if (package->task_root) {
		path = xasprintf("%s/bootstrap", package->task_root);
		if (is_file(path))
			return path;
		free(path);
	}
	for (size_t i = package->layers->count; i > 0; i--) {
		path = xasprintf("%s/bootstrap", package->layers->paths[i - 1]);
		if (is_file(path))
			return path;
		free(path);
	}
	path = xstrdup(RUNTIME_ROOT "/bootstrap");
	if (package->runtime_root && is_file(path))
		return path;
	free(path);
	*fault = fault_no_bootstrap(candidates, 2);
	return NULL;
}

bool package_fill_program(struct package *package, struct sandbox_program *program,
                          struct fault *fault)
{
	char *found = package->bootstrap ? xstrdup(package->bootstrap) : look_up(package, fault);

	if (!found)
		return false;
	free(package->found);
	free(package->shown);
	package->found = found;
	package->shown = show(package, found);
	package->argv[0] = package->shown;
	program->argv = package->argv;
	program->cwd = package->cwd;
	return true;
}

/* Whoever may not execute it as lrie's user is told by the box, which knows its own. */
static bool may_be_executed(const char *path, const struct stat *status, struct error *err)
{
	if (S_ISREG(status->st_mode) && status->st_size == 0)
		return error_set(err, 0, "'%s' is empty", path);
	if (!(status->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return error_set(err, 0, "'%s' is not executable: chmod +x it", path);
	if (watch_is_being_written(path))
		return error_set(err, 0, "'%s' is being written", path);
	return true;
}

bool package_is_complete(struct package *package, struct error *err)
{
	struct sandbox_program program = { .output = -1 };
	struct fault fault;
	struct stat status;

	if (!package_fill_program(package, &program, &fault))
		return error_set(err, 0, "%s", fault.message);
	if (stat(package->found, &status) == -1)
		return error_set(err, errno, "'%s'", package->found);
	return may_be_executed(package->found, &status, err);
}
