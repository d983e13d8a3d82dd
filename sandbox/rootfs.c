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
 * root by pivot_root(".", "."), after which the old one is unmounted whole. Or
 * it is a copy of one that became that before; see template.h. What is of the
 * host and not the same in each box is therefore opened first, and attached
 * last.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/fd.h"
#include "sandbox/hosts.h"
#include "sandbox/identity.h"
#include "sandbox/mount.h"
#include "sandbox/namespace.h"
#include "sandbox/place.h"
#include "sandbox/rootfs.h"
#include "sandbox/rootfs_function.h"

/* As MOUNT_PRIVATE. */
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

/* That is to be the box's. */
struct proc {
	int mount; /* attached nowhere */
	bool is_fresh;
};

static void proc_close(struct proc *proc)
{
	fd_close(&proc->mount);
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

/* In a container whose own /proc is partly hidden, the kernel refuses one that shows all; so it
 * does where no other is mounted at all. */
static bool open_proc(struct proc *proc, struct error *err)
{
	const unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	const struct mount_option none = { NULL, NULL };
	struct error refused;

	proc->mount = mount_make("proc", &none, attributes, &refused);
	proc->is_fresh = proc->mount != -1;
	if (!proc->is_fresh)
		proc->mount = mount_clone("/proc", attributes, err);
	return proc->mount != -1;
}

/*
 * Most of /proc is the kernel's to protect, by user and pid namespace. What is
 * masked could be read by anybody, or would be written to by a setuid program.
 */
static bool show_proc(const struct proc *proc, int root, int *own, struct error *err)
{
	static const char *const masked[] = { "kcore",         "keys",       "key-users",
		                              "sysrq-trigger", "timer_list", "sched_debug" };

	if (mount_move(proc->mount, root, "proc") == -1)
		return error_set(err, errno, "mount '/proc'");
	if (!proc->is_fresh)
		return true;
	*own = openat(root, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < COUNT_OF(masked); i++) {
		if (!mask(root, proc->mount, masked[i], err))
			return false;
	}
	return protect_proc_sys(proc->mount, err);
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

/* A tree that went with a box which could not be built cannot be mounted. */
static int take_root(const struct rootfs_host *host, int tree, struct error *err)
{
	struct error unusable;
	autoclose int root = tree == -1 ? -1 : fcntl(tree, F_DUPFD_CLOEXEC, 0);

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
	return (chdir("/") == 0 && getcwd(cwd, sizeof(cwd)) && strcmp(cwd, "/") == 0) ||
	       error_set(err, errno, "enter the root");
}

static int open_root(struct error *err)
{
	int root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (root == -1)
		error_set(err, errno, "open the root");
	return root;
}

static bool is_same_file(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

/*
 * Whether 'root' is what whoever enters the mount namespace has for a root. It is not where lrie
 * runs in a chroot: pivot_root changed only what lies there, and the namespace begins with what
 * lies outside, which no box may see. So it is tried.
 */
static bool leads_to(int space, int root)
{
	struct stat found, wanted;
	int status;
	pid_t pid = namespace_vfork(-1);

	if (pid == 0)
		_exit(setns(space, CLONE_NEWNS) == -1 || stat("/", &found) == -1 ||
		      fstat(root, &wanted) == -1 || !is_same_file(&found, &wanted));
	return pid != -1 && waitpid(pid, &status, __WALL) == pid && status == 0;
}

/* Not in the owner's mount namespace. The next box does without a template where none can be had.
 */
static int build_root(const struct rootfs_host *host, const struct rootfs_parts *parts, int tree,
                      struct rootfs_own *own, struct error *err)
{
	autoclose int space = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (!leave_propagation(err))
		return -1;
	autoclose int root = take_root(host, tree, err);
	if (root == -1 || !pivot(root, err))
		return -1;
	if (parts->kind == TEMPLATE_NAMESPACE && space != -1 && leads_to(space, root) &&
	    unshare(CLONE_NEWNS) == 0) {
		own->template = steal_fd(&space);
		return open_root(err);
	}
	if (parts->kind == TEMPLATE_TREE)
		own->template = mount_tree(root, "",
		                           OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
		                                   AT_EMPTY_PATH);
	return steal_fd(&root);
}

/* Enters a copy of the template's namespace: nothing may change in that itself. */
static int enter_root(const struct rootfs_host *host, const struct rootfs_parts *parts,
                      struct rootfs_own *own, struct error *err)
{
	if (parts->is_apart)
		return build_root(host, parts, parts->template, own, err);
	bool is_in = setns(parts->template, CLONE_NEWNS) == 0;
	if (unshare(CLONE_NEWNS) == -1) {
		error_set(err, errno, "make a mount namespace");
		return -1;
	}
	return is_in ? open_root(err) : build_root(host, parts, -1, own, err);
}

static bool show_parts(const struct sandbox_spec *spec, const struct rootfs_parts *parts,
                       const struct rootfs_function *function, const struct proc *proc, int root,
                       struct rootfs_own *own, struct error *err)
{
	return make_tmp(root, spec, parts->tmp, &own->tmp, err) &&
	       show_proc(proc, root, &own->proc, err) &&
	       rootfs_function_show(function, root, spec, err) &&
	       (mount_set(root, 0, MOUNT_ATTR_RDONLY) == 0 ||
	        error_set(err, errno, "protect the root"));
}

/* An unbindable mount can be cloned only where it is not that any more, which may not be in the
 * owner's mount namespace. */
static bool open_function(struct rootfs_function *function, const struct sandbox_spec *spec,
                          struct error *err)
{
	if (rootfs_function_open(function, spec, err))
		return true;
	if (err->code != EINVAL || unshare(CLONE_NEWNS) == -1)
		return false;
	rootfs_function_close(function);
	return leave_propagation(err) && rootfs_function_open(function, spec, err);
}

bool rootfs_enter(const struct rootfs_host *host, const struct sandbox_spec *spec,
                  const struct rootfs_parts *parts, struct rootfs_own *own, struct error *err)
{
	__attribute__((cleanup(rootfs_function_close))) struct rootfs_function function;
	__attribute__((cleanup(proc_close))) struct proc proc = { .mount = -1 };

	*own = (struct rootfs_own){ .tmp = -1, .proc = -1, .template = -1 };
	if (!open_function(&function, spec, err) || !open_proc(&proc, err))
		return false;
	autoclose int root = enter_root(host, parts, own, err);
	return root != -1 && show_parts(spec, parts, &function, &proc, root, own, err);
}
