/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs - the files that a box sees
 *
 * Everything is mounted by descriptor: a tree of the host is cloned detached
 * (open_tree), made read-only with all that is mounted in it (mount_setattr),
 * and only then attached, below the descriptor of the new root. Nothing of the
 * host can therefore be written through the box at any moment, and a link in
 * the function's own folders leads nowhere but into the box: targets that are
 * not ours alone are looked up with RESOLVE_IN_ROOT.
 *
 * The new root is mounted over "/", where no path leads to it, and becomes the
 * root by pivot_root(".", "."), after which the old one is unmounted whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/hosts.h"
#include "sandbox/identity.h"
#include "sandbox/mount.h"
#include "sandbox/place.h"
#include "sandbox/rootfs.h"
#include "sandbox/rootfs_function.h"

/* <sys/mount.h> and <linux/mount.h> cannot both be included with older C libraries. */
#define MOUNT_PRIVATE (1UL << 18)
#define MOUNT_RECURSIVE (1UL << 14)
#define UNMOUNT_DETACH 2

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- the parts of the root ------------------------------------------- */

static bool make_hosts(int root, struct error *err)
{
	autoclose int hosts = openat(root, "etc/hosts",
	                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);

	return hosts == -1 ? error_set(err, errno, "create file '/etc/hosts' in the box")
	                   : hosts_write("/etc/hosts", hosts, err);
}

static const char passwd[] = "root:x:0:0:root:/root:/sbin/nologin\n" IDENTITY_NAME
			     ":x:993:990::/home/" IDENTITY_NAME ":/sbin/nologin\n";
static const char group[] = "root:x:0:\n" IDENTITY_NAME ":x:990:\n";

static bool make_skeleton(int root, struct error *err)
{
	static const char *const folders[] = {
		"/dev",  "/etc", "/home", "/mnt",         "/opt",      "/proc",
		"/root", "/tmp", "/var",  "/var/runtime", "/var/task", "/var/tmp",
	};

	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		if (!place_folder(root, folders[i], err))
			return false;
	}
	return place_file(root, "/etc/passwd", passwd, err) &&
	       place_file(root, "/etc/group", group, err) && make_hosts(root, err);
}

/*
 * A device is the host's, bound, since mknod() is not for user namespaces. It is
 * checked to be the device that its name says: nobody shall be able to have
 * another file of the host shown by replacing /dev/null.
 */
static bool show_device(int root, const char *path, unsigned minor, struct error *err)
{
	autoclose int tree = mount_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct stat status;

	if (tree == -1 || fstat(tree, &status) == -1)
		return error_set(err, errno, "open '%s'", path);
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, minor))
		return error_set(err, 0, "'%s' of this machine is not the device it should be",
		                 path);
	if (mount_set(tree, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) == -1)
		return error_set(err, errno, "protect '%s'", path);
	if (!place_file(root, path, "", err))
		return false;
	return mount_move(tree, root, place_below(path)) == 0 ||
	       error_set(err, errno, "show '%s'", path);
}

/* As in Lambda there is no /dev/shm: what needs one fails here too. */
static bool make_devices(int root, struct error *err)
{
	return show_device(root, "/dev/null", 3, err) && show_device(root, "/dev/zero", 5, err) &&
	       show_device(root, "/dev/full", 7, err) && show_device(root, "/dev/random", 8, err) &&
	       show_device(root, "/dev/urandom", 9, err) &&
	       place_link(root, "/dev/fd", "/proc/self/fd", err) &&
	       place_link(root, "/dev/stdin", "/proc/self/fd/0", err) &&
	       place_link(root, "/dev/stdout", "/proc/self/fd/1", err) &&
	       place_link(root, "/dev/stderr", "/proc/self/fd/2", err);
}

static int make_tmpfs(uint64_t bytes, struct error *err)
{
	char size[32], inodes[32];
	const struct mount_option options[] = {
		{ "mode", "1777" }, { "size", size }, { "nr_inodes", inodes }, { NULL, NULL }
	};

	/* An empty file costs kernel memory too: one for each page, but always some. */
	snprintf(size, sizeof(size), "%llu", (unsigned long long)(bytes ? bytes : 1));
	snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)(1024 + bytes / 4096));
	int mount = mount_make("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	if (mount == -1)
		error_prefix(err, "create '/tmp'");
	return mount;
}

/* What a box had attached that could then not be built has gone with it. */
static bool make_tmp(int root, const struct sandbox_spec *spec, int earlier, int *tmp,
                     struct error *err)
{
	autoclose int fresh = -1;

	if (earlier == -1 || mount_move(earlier, root, "tmp") == -1) {
		fresh = make_tmpfs(spec->tmp_bytes, err);
		if (fresh == -1)
			return false;
		if (mount_move(fresh, root, "tmp") == -1)
			return error_set(err, errno, "mount '/tmp'");
	}
	/* Whoever is to outlive this box must not be attached in it. */
	*tmp = spec->tmp ? mount_tree(root, "tmp", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
	                 : steal_fd(&fresh);
	return *tmp != -1 || error_set(err, errno, "keep '/tmp'");
}

/* Whether this /proc has the file; not every kernel has all. */
static bool proc_has(int proc, const char *name)
{
	return faccessat(proc, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Lays the box's /dev/null over a file of /proc. */
static bool mask(int root, int proc, const char *name, struct error *err)
{
	if (!proc_has(proc, name))
		return true;
	autoclose int null = mount_tree(root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (null == -1 || mount_move(null, proc, name) == -1)
		return error_set(err, errno, "mask '/proc/%s'", name);
	return true;
}

static bool protect_proc_sys(int proc, struct error *err)
{
	autoclose int tree = mount_tree(proc, "sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree == -1 || mount_set(tree, 0, MOUNT_READ_ONLY | MOUNT_ATTR_NOEXEC) == -1 ||
	    mount_move(tree, proc, "sys") == -1)
		return error_set(err, errno, "protect '/proc/sys'");
	return true;
}

/*
 * Most of /proc is the kernel's to protect, by user and pid namespace. What is
 * masked could be read by anybody, or would be written to by a setuid program.
 */
static bool make_proc(int root, int *proc, struct error *err)
{
	static const char *const masked[] = { "kcore",         "keys",       "key-users",
		                              "sysrq-trigger", "timer_list", "sched_debug" };
	const struct mount_option none = { NULL, NULL };
	struct error refused;
	autoclose int mount = mount_make("proc", &none,
	                                 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
	                                 &refused);
	bool fresh = mount != -1;

	/* In a container whose own /proc is partly hidden, the kernel refuses one that shows all.
	 */
	if (!fresh)
		mount = mount_clone("/proc",
		                    MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	if (mount == -1)
		return false;
	if (mount_move(mount, root, "proc") == -1)
		return error_set(err, errno, "mount '/proc'");
	*proc = fresh ? openat(root, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = 0; fresh && i < COUNT_OF(masked); i++) {
		if (!mask(root, mount, masked[i], err))
			return false;
	}
	return !fresh || protect_proc_sys(mount, err);
}

/* ---- all together ----------------------------------------------------- */

/* Nothing mounted here may appear outside, nor the reverse. */
static bool leave_propagation(struct error *err)
{
	return syscall(SYS_mount, NULL, "/", NULL, MOUNT_PRIVATE | MOUNT_RECURSIVE, NULL) == 0 ||
	       error_set(err, errno, "make the mounts private");
}

static bool mount_root(int root, struct error *err)
{
	return mount_move(root, AT_FDCWD, "/") == 0 || error_set(err, errno, "mount the root");
}

/* What all boxes have alike. */
static int make_root(const struct rootfs_host *host, struct error *err)
{
	const struct mount_option options[] = { { "mode", "0755" },
		                                { "size", "4m" },
		                                { NULL, NULL } };
	autoclose int root = mount_make("tmpfs", options, MOUNT_ATTR_NOSUID, err);

	if (root == -1)
		error_prefix(err, "create the root");
	if (root == -1 || !mount_root(root, err) || !make_skeleton(root, err) ||
	    !rootfs_host_show(host, root, err) || !make_devices(root, err))
		return -1;
	return steal_fd(&root);
}

/* A template that went with a box which could not be built cannot be mounted. */
static int take_root(const struct rootfs_host *host, int template, struct error *err)
{
	struct error unusable;
	autoclose int root = template == -1 ? -1 : fcntl(template, F_DUPFD_CLOEXEC, 0);

	return root != -1 && mount_root(root, &unusable) ? steal_fd(&root) : make_root(host, err);
}

static bool pivot(int root, struct error *err)
{
	char cwd[PATH_MAX];

	if (fchdir(root) == -1 || syscall(SYS_pivot_root, ".", ".") == -1)
		return error_set(err, errno, "change the root");
	/* The old root now lies over the new one, at ".". */
	if (syscall(SYS_umount2, ".", UNMOUNT_DETACH) == -1)
		return error_set(err, errno, "unmount the old root");
	if (chdir("/") == -1 || !getcwd(cwd, sizeof(cwd)) || strcmp(cwd, "/") != 0)
		return error_set(err, errno, "enter the root");
	if (mount_set(root, 0, MOUNT_ATTR_RDONLY) == -1)
		return error_set(err, errno, "protect the root");
	return true;
}

bool rootfs_enter(const struct rootfs_host *host, const struct sandbox_spec *spec,
                  const struct rootfs_parts *parts, struct rootfs_own *own, struct error *err)
{
	*own = (struct rootfs_own){ .tmp = -1, .proc = -1, .template = -1 };
	if (!leave_propagation(err))
		return false;
	autoclose int root = take_root(host, parts->root, err);
	if (root == -1)
		return false;
	/* The next box does without it where it cannot be had. */
	own->template = mount_tree(root, "",
	                           OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
	                                   AT_EMPTY_PATH);
	return make_tmp(root, spec, parts->tmp, &own->tmp, err) &&
	       make_proc(root, &own->proc, err) && rootfs_show_function(root, spec, err) &&
	       pivot(root, err);
}
