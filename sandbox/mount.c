/* SPDX-License-Identifier: Apache-2.0 */
/* mount - file systems and trees of mounts, by descriptor */
#include "sandbox/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/fd.h"

/* A path is looked up in microseconds: whoever disturbs all of these means to. */
#define OPEN_ATTEMPTS 1000

/* ---- system calls that C libraries learned late ---------------------- */

int mount_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

int mount_move(int mount, int dir, const char *path)
{
	return (int)syscall(SYS_move_mount, mount, "", dir, path,
	                    MOVE_MOUNT_F_EMPTY_PATH |
	                            (path[0] ? 0 : (unsigned)MOVE_MOUNT_T_EMPTY_PATH));
}

static int sys_mount_setattr(int mount, unsigned flags, struct mount_attr attributes)
{
	return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes,
	                    sizeof(attributes));
}

int mount_set(int mount, unsigned flags, uint64_t set)
{
	return sys_mount_setattr(mount, flags, (struct mount_attr){ .attr_set = set });
}

static int sys_fsconfig(int fs, unsigned command, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, command, key, value, 0);
}

int mount_open_inside(int root, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC,
		                .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = -1;

	/* With ".." in the path, a mount or rename anywhere on the machine at that moment makes the
	 * kernel unsure of where that leads. */
	for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd != -1 || errno != EAGAIN)
			break;
	}
	return fd;
}

/* ---- new file systems ------------------------------------------------ */

int mount_make(const char *type, const struct mount_option *options, unsigned attributes,
               struct error *err)
{
	autoclose int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);

	if (fs == -1) {
		error_set(err, errno, "create a file system of type '%s'", type);
		return -1;
	}
	/* The name in the first column of df. */
	sys_fsconfig(fs, FSCONFIG_SET_STRING, "source", type);
	for (; options->key; options++) {
		if (sys_fsconfig(fs, FSCONFIG_SET_STRING, options->key, options->value) == -1) {
			error_set(err, errno, "set '%s=%s' of type '%s'", options->key,
			          options->value, type);
			return -1;
		}
	}
	if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL) == -1) {
		error_set(err, errno, "create a file system of type '%s'", type);
		return -1;
	}
	int mount = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	if (mount == -1)
		error_set(err, errno, "mount a file system of type '%s'", type);
	return mount;
}

/* ---- trees of this machine ------------------------------------------- */

int mount_clone(const char *path, uint64_t attributes, struct error *err)
{
	autoclose int tree = mount_tree(AT_FDCWD, path,
	                                OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree == -1) {
		error_set(err, errno, "open '%s'", path);
		return -1;
	}
	/* A clone of a shared mount is shared with it: nothing mounted on it may appear outside. */
	if (sys_mount_setattr(tree, AT_RECURSIVE,
	                      (struct mount_attr){ .attr_set = attributes,
	                                           .propagation = MOUNT_PRIVATE }) == -1) {
		if (errno == ENOSYS)
			error_set(err, errno, "protect '%s' (Linux 5.12 or newer is needed)", path);
		else
			error_set(err, errno, "protect '%s'", path);
		return -1;
	}
	return steal_fd(&tree);
}
