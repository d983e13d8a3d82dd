/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs_function - the function's own folders in the root of a box */
#include "sandbox/rootfs_function.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/mount.h"
#include "sandbox/place.h"

/* Says what the kernel would only call ENOTDIR, much later. */
static bool check_folder(const char *path, const char *what, struct error *err)
{
	struct stat status;

	if (stat(path, &status) == -1)
		return error_set(err, errno, "%s '%s'", what, path);
	return S_ISDIR(status.st_mode) || error_set(err, ENOTDIR, "%s '%s'", what, path);
}

static bool open_folder(int *mount, const char *source, const char *what, struct error *err)
{
	if (!check_folder(source, what, err))
		return false;
	*mount = mount_clone(source, MOUNT_READ_ONLY, err);
	return *mount != -1 || error_prefix(err, "%s", what);
}

/*
 * Several layers are merged by a read-only overlay, the last one on top. Naming
 * them by descriptor keeps the option short, and free of the characters that
 * overlayfs would take for its own.
 */
#define MAX_LAYERS 12 /* the kernel takes 255 characters; Lambda takes five */

struct layers {
	int fd[MAX_LAYERS];
	size_t count;
	char lowerdir[MAX_LAYERS * sizeof(":/proc/self/fd/1234567")];
};

static void layers_close(struct layers *layers)
{
	while (layers->count > 0)
		close(layers->fd[--layers->count]);
}

/* overlayfs refuses a layer that is there twice; on top it is all that counts. */
static bool layers_have(const struct layers *layers, int fd)
{
	struct stat known, other;

	for (size_t i = 0; i < layers->count; i++) {
		if (fstat(fd, &other) == 0 && fstat(layers->fd[i], &known) == 0 &&
		    known.st_dev == other.st_dev && known.st_ino == other.st_ino)
			return true;
	}
	return false;
}

static bool layers_open(struct layers *layers, const struct sandbox_spec *spec, struct error *err)
{
	size_t length = 0;

	for (size_t i = spec->layer_count; i-- > 0;) {
		autoclose int fd = open(spec->layers[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd == -1)
			return error_set(err, errno, "layer '%s'", spec->layers[i]);
		if (layers_have(layers, fd))
			continue;
		layers->fd[layers->count++] = fd;
		length += (size_t)snprintf(layers->lowerdir + length,
		                           sizeof(layers->lowerdir) - length, "%s/proc/self/fd/%d",
		                           length ? ":" : "", steal_fd(&fd));
	}
	return true;
}

/* The layers as one file system that is mounted nowhere yet, or -1. */
static int make_overlay(const struct layers *layers, struct error *err)
{
	const struct mount_option options[] = { { "lowerdir", layers->lowerdir }, { NULL, NULL } };
	int mount = mount_make("overlay", options, MOUNT_READ_ONLY, err);

	if (mount == -1 && err->code == ELOOP)
		error_set(err, 0, "one of %zu layers is a folder in another", layers->count);
	else if (mount == -1)
		error_prefix(err, "merge %zu layers", layers->count);
	return mount;
}

static bool merge_layers(int *mount, const struct sandbox_spec *spec, struct error *err)
{
	__attribute__((cleanup(layers_close))) struct layers layers = { .count = 0 };

	if (spec->layer_count > MAX_LAYERS)
		return error_set(err, 0, "more than %d layers", MAX_LAYERS);
	if (!layers_open(&layers, spec, err))
		return false;
	if (layers.count == 1)
		return open_folder(mount, spec->layers[spec->layer_count - 1], "layer", err);
	*mount = make_overlay(&layers, err);
	return *mount != -1;
}

bool rootfs_merges_layers(const struct sandbox_spec *spec, struct error *err)
{
	__attribute__((cleanup(layers_close))) struct layers layers = { .count = 0 };

	if (spec->layer_count > MAX_LAYERS || !layers_open(&layers, spec, err))
		return false;
	autoclose int mount = layers.count > 1 ? make_overlay(&layers, err) : -1;
	return layers.count == 1 || mount != -1;
}

static bool open_opt(int *mount, const struct sandbox_spec *spec, struct error *err)
{
	if (spec->layer_count == 0)
		return true;
	if (spec->layer_count == 1)
		return open_folder(mount, spec->layers[0], "layer", err);
	return merge_layers(mount, spec, err);
}

/* ---- what is bound ---- */

static bool bind_target_is_valid(const char *target)
{
	return target[0] == '/' && target[strspn(target, "/")] != '\0' && strlen(target) < PATH_MAX;
}

static bool open_bind(int *mount, const struct sandbox_bind *bind, struct error *err)
{
	struct stat status;

	if (!bind_target_is_valid(bind->target))
		return error_set(err, EINVAL, "bind target '%s'", bind->target);
	if (stat(bind->source, &status) == -1)
		return error_set(err, errno, "bind '%s'", bind->source);
	*mount = mount_clone(bind->source, MOUNT_READ_ONLY, err);
	return *mount != -1 || error_prefix(err, "bind");
}

/*
 * Creates the last part of 'path', whose folder is looked up inside the root: a
 * link in the function's own files must not have anything created on the host.
 */
static bool make_in_root(int root, const char *path, bool folder, struct error *err)
{
	char above[PATH_MAX];
	const char *name = strrchr(path, '/') + 1;

	snprintf(above, sizeof(above), "%.*s", (int)(name - path), path);
	autoclose int dir = mount_open_inside(root, above, O_PATH | O_DIRECTORY);
	if (dir == -1)
		return error_set(err, errno, "open '%s' in the box", above);
	int made = folder ? mkdirat(dir, name, 0755) : mknodat(dir, name, S_IFREG | 0644, 0);
	return made == 0 || errno == EEXIST ||
	       error_set(err, errno, "create '%s' in the box", path);
}

/* Creates what is missing of the folders above 'path', which is changed and restored. */
static bool make_parents(int root, char *path, struct error *err)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		autoclose int there = mount_open_inside(root, path, O_PATH);
		bool made = there != -1 || make_in_root(root, path, true, err);
		*slash = '/';
		if (!made)
			return false;
	}
	return true;
}

/* Opens the place where 'bind' goes, and creates it where the box has nothing yet. */
static int open_target(int root, const struct sandbox_bind *bind, bool folder, struct error *err)
{
	char path[PATH_MAX];
	int target = mount_open_inside(root, bind->target, O_PATH);

	if (target == -1 && errno == ENOENT) {
		snprintf(path, sizeof(path), "%s", bind->target);
		for (size_t length = strlen(path); path[length - 1] == '/'; length--)
			path[length - 1] = '\0';
		if (!make_parents(root, path, err) || !make_in_root(root, path, folder, err))
			return -1;
		target = mount_open_inside(root, path, O_PATH);
	}
	if (target == -1)
		error_set(err, errno, "open '%s' in the box", bind->target);
	return target;
}

/* Not the root itself, by whatever name, and nothing in /proc: what is there now is init's. */
static bool check_target(int root, int target, const struct sandbox_bind *bind, struct error *err)
{
	struct stat root_status, status;
	struct statfs system;

	if (fstat(root, &root_status) == -1 || fstat(target, &status) == -1 ||
	    fstatfs(target, &system) == -1)
		return error_set(err, errno, "bind target '%s'", bind->target);
	if ((status.st_dev == root_status.st_dev && status.st_ino == root_status.st_ino) ||
	    system.f_type == PROC_SUPER_MAGIC)
		return error_set(err, EINVAL, "bind target '%s'", bind->target);
	return true;
}

static bool show_bind(int root, int mount, const struct sandbox_bind *bind, struct error *err)
{
	struct stat status;

	if (fstat(mount, &status) == -1)
		return error_set(err, errno, "bind '%s'", bind->source);
	autoclose int target = open_target(root, bind, S_ISDIR(status.st_mode), err);
	if (target == -1)
		return error_prefix(err, "bind '%s'", bind->source);
	if (!check_target(root, target, bind, err))
		return false;
	return mount_move(mount, target, "") == 0 ||
	       error_set(err, errno, "bind '%s' as '%s'", bind->source, bind->target);
}

/* ---- all together ---- */

static bool open_binds(struct rootfs_function *function, const struct sandbox_spec *spec,
                       struct error *err)
{
	function->binds = spec->bind_count ? calloc(spec->bind_count, sizeof(int)) : NULL;
	if (spec->bind_count && !function->binds)
		abort();
	while (function->bind_count < spec->bind_count) {
		size_t next = function->bind_count;
		if (!open_bind(&function->binds[next], &spec->binds[next], err))
			return false;
		function->bind_count++;
	}
	return true;
}

bool rootfs_function_open(struct rootfs_function *function, const struct sandbox_spec *spec,
                          struct error *err)
{
	*function = (struct rootfs_function){ .task = -1, .opt = -1, .runtime = -1 };
	if (spec->task_root && !open_folder(&function->task, spec->task_root, "task root", err))
		return false;
	if (!open_opt(&function->opt, spec, err))
		return false;
	if (spec->runtime_root &&
	    !open_folder(&function->runtime, spec->runtime_root, "runtime folder", err))
		return false;
	return open_binds(function, spec, err);
}

static bool show(int root, int mount, const char *target, struct error *err)
{
	return mount == -1 || mount_move(mount, root, place_below(target)) == 0 ||
	       error_set(err, errno, "mount '%s'", target);
}

bool rootfs_function_show(const struct rootfs_function *function, int root,
                          const struct sandbox_spec *spec, struct error *err)
{
	if (!show(root, function->task, "/var/task", err) ||
	    !show(root, function->opt, "/opt", err) ||
	    !show(root, function->runtime, "/var/runtime", err))
		return false;
	for (size_t i = 0; i < function->bind_count; i++) {
		if (!show_bind(root, function->binds[i], &spec->binds[i], err))
			return false;
	}
	return true;
}

void rootfs_function_close(struct rootfs_function *function)
{
	fd_close(&function->task);
	fd_close(&function->opt);
	fd_close(&function->runtime);
	while (function->bind_count > 0)
		fd_close(&function->binds[--function->bind_count]);
	free(function->binds);
	function->binds = NULL;
}
