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
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "sandbox/fd.h"
#include "sandbox/hosts.h"
#include "sandbox/identity.h"
#include "sandbox/rootfs.h"

/* <sys/mount.h> and <linux/mount.h> cannot both be included with older C libraries. */
#define MOUNT_PRIVATE (1UL << 18)
#define MOUNT_RECURSIVE (1UL << 14)
#define UNMOUNT_DETACH 2

/* A path is looked up in microseconds: whoever disturbs all of these means to. */
#define OPEN_ATTEMPTS 1000

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- system calls that C libraries learned late ---------------------- */

static int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

static int sys_move_mount(int mount, int dir, const char *path)
{
	return (int)syscall(SYS_move_mount, mount, "", dir, path,
	                    MOVE_MOUNT_F_EMPTY_PATH |
	                            (path[0] ? 0 : (unsigned)MOVE_MOUNT_T_EMPTY_PATH));
}

static int sys_mount_setattr(int mount, unsigned flags, uint64_t set)
{
	struct mount_attr attributes = { .attr_set = set };

	return (int)syscall(SYS_mount_setattr, mount, "", AT_EMPTY_PATH | flags, &attributes,
	                    sizeof(attributes));
}

static int sys_fsconfig(int fs, unsigned command, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, fs, command, key, value, 0);
}

/* A path below 'root', whose links cannot lead out of it. */
static int open_in_root(int root, const char *path, uint64_t flags)
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

/* ---- what every box shows of this machine ---------------------------- */

enum show_kind { SHOW_LINK, SHOW_FOLDER, SHOW_FILE };

struct show {
	enum show_kind kind;
	char *path; /* absolute, the same on both sides */
	char *link; /* SHOW_LINK: where it points */
};

struct rootfs_host {
	struct show *shows;
	size_t count;
};

/* Programs and libraries. With a merged /usr most of these are links into it; /nix
 * and /gnu are where NixOS and Guix keep everything. */
static const char *const host_folders[] = {
	"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/gnu",
};

/*
 * The part of /etc that interpreters and libraries read: dynamic linker, name
 * resolution, certificates, time, and language runtimes that Debian configures
 * there. No users, no secrets, nothing about the machine's services.
 */
static const char *const etc_patterns[] = {
	"alternatives",
	"ca-certificates",
	"ca-certificates.conf",
	"crypto-policies",
	"dotnet",
	"fonts",
	"gai.conf",
	"host.conf",
	"java*",
	"ld-musl-*",
	"ld.so.*",
	"localtime",
	"magic",
	"magic.mime",
	"mime.types",
	"nsswitch.conf",
	"os-release",
	"perl",
	"pki",
	"protocols",
	"python3*",
	"resolv.conf",
	"services",
	"ssl",
	"static",
	"terminfo",
	"timezone",
};

static char *copy_string(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	return copy;
}

static void add_show(struct rootfs_host *host, enum show_kind kind, const char *path,
                     const char *link)
{
	struct show *shows = realloc(host->shows, (host->count + 1) * sizeof(*shows));

	if (!shows)
		abort();
	host->shows = shows;
	shows[host->count++] = (struct show){ .kind = kind,
		                              .path = copy_string(path),
		                              .link = link ? copy_string(link) : NULL };
}

/* Whether a link can be shown as it is, because the box has what it points to. Others,
 * such as a resolv.conf in /run, are followed and shown as the file they lead to. */
static bool link_stays_inside(const char *path, const char *link)
{
	bool at_top = strchr(path + 1, '/') == NULL;

	if (link[0] != '/')
		return at_top ? strncmp(link, "usr/", 4) == 0 : strncmp(link, "../usr/", 7) == 0;
	return strncmp(link, "/usr/", 5) == 0 || strncmp(link, "/nix/", 5) == 0 ||
	       strncmp(link, "/gnu/", 5) == 0;
}

static void look_up(struct rootfs_host *host, const char *path)
{
	char link[PATH_MAX];
	struct stat status;

	if (lstat(path, &status) == -1)
		return;
	if (S_ISLNK(status.st_mode)) {
		ssize_t length = readlink(path, link, sizeof(link) - 1);
		link[length > 0 ? length : 0] = '\0';
		if (link_stays_inside(path, link)) {
			add_show(host, SHOW_LINK, path, link);
			return;
		}
		if (stat(path, &status) == -1)
			return;
	}
	if (S_ISDIR(status.st_mode))
		add_show(host, SHOW_FOLDER, path, NULL);
	else if (S_ISREG(status.st_mode))
		add_show(host, SHOW_FILE, path, NULL);
}

static bool etc_is_shown(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(etc_patterns); i++) {
		if (fnmatch(etc_patterns[i], name, 0) == 0)
			return true;
	}
	return false;
}

bool sandbox_shows(const char *path)
{
	char name[NAME_MAX + 1];
	size_t length;

	for (size_t i = 0; i < COUNT_OF(host_folders); i++) {
		length = strlen(host_folders[i]);
		if (strncmp(path, host_folders[i], length) == 0 &&
		    (path[length] == '/' || path[length] == '\0'))
			return true;
	}
	if (strncmp(path, "/etc/", 5) != 0)
		return strcmp(path, "/etc") == 0;
	length = strcspn(path + 5, "/");
	if (length >= sizeof(name))
		return false;
	memcpy(name, path + 5, length);
	name[length] = '\0';
	return etc_is_shown(name);
}

static void look_up_etc(struct rootfs_host *host)
{
	char path[PATH_MAX];
	DIR *etc = opendir("/etc");

	if (!etc)
		return;
	for (struct dirent *entry; (entry = readdir(etc));) {
		if (!etc_is_shown(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/etc/%s", entry->d_name);
		look_up(host, path);
	}
	closedir(etc);
}

struct rootfs_host *rootfs_host_create(void)
{
	struct rootfs_host *host = calloc(1, sizeof(*host));

	if (!host)
		abort();
	for (size_t i = 0; i < COUNT_OF(host_folders); i++)
		look_up(host, host_folders[i]);
	look_up_etc(host);
	return host;
}

static uint64_t mix(uint64_t state, uint64_t value)
{
	return (state ^ value) * UINT64_C(0x100000001b3); /* FNV */
}

uint64_t rootfs_host_state(const struct rootfs_host *host)
{
	uint64_t state = UINT64_C(0xcbf29ce484222325);
	struct stat status;

	for (size_t i = 0; i < host->count; i++) {
		if (host->shows[i].kind == SHOW_LINK)
			continue;
		bool is_there = stat(host->shows[i].path, &status) == 0;
		state = mix(state, is_there ? status.st_ino : 0);
		state = mix(state, is_there ? status.st_dev : 0);
	}
	if (stat("/etc/hosts", &status) == 0) {
		state = mix(state, status.st_ino);
		state = mix(state, (uint64_t)status.st_ctim.tv_sec);
		state = mix(state, (uint64_t)status.st_ctim.tv_nsec);
	}
	return state;
}

void rootfs_host_destroy(struct rootfs_host *host)
{
	if (!host)
		return;
	for (size_t i = 0; i < host->count; i++) {
		free(host->shows[i].path);
		free(host->shows[i].link);
	}
	free(host->shows);
	free(host);
}

/* ---- new file systems ------------------------------------------------ */

struct option {
	const char *key, *value;
};

/* Makes a file system that is mounted nowhere yet. The last option has no key. */
static int make_filesystem(const char *type, const struct option *options, unsigned attributes,
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

/* ---- places in the new root ------------------------------------------ */

/* Paths are absolute in the box, and known to lead through no link. */
static const char *below(const char *path)
{
	assert(path[0] == '/');
	return path + 1;
}

static bool make_folder(int root, const char *path, struct error *err)
{
	return mkdirat(root, below(path), 0755) == 0 || errno == EEXIST ||
	       error_set(err, errno, "create folder '%s' in the box", path);
}

static bool make_link(int root, const char *path, const char *link, struct error *err)
{
	return symlinkat(link, root, below(path)) == 0 ||
	       error_set(err, errno, "create link '%s' in the box", path);
}

static bool make_file(int root, const char *path, const char *text, struct error *err)
{
	autoclose int fd = openat(root, below(path), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
	                          0644);
	size_t size = strlen(text);

	if (fd == -1 || (size && write(fd, text, size) != (ssize_t)size))
		return error_set(err, errno, "create file '%s' in the box", path);
	return true;
}

/* Clones what is at 'path' of the host, with everything mounted below it. */
static int clone_tree(const char *path, uint64_t attributes, struct error *err)
{
	autoclose int tree = sys_open_tree(AT_FDCWD, path,
	                                   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);

	if (tree == -1) {
		error_set(err, errno, "open '%s'", path);
		return -1;
	}
	if (sys_mount_setattr(tree, AT_RECURSIVE, attributes) == -1) {
		if (errno == ENOSYS)
			error_set(err, errno, "protect '%s' (Linux 5.12 or newer is needed)", path);
		else
			error_set(err, errno, "protect '%s'", path);
		return -1;
	}
	return steal_fd(&tree);
}

#define READ_ONLY (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* Shows 'source' of the host at 'path' in the box, where something of its kind is. */
static bool show_at(int root, const char *source, const char *path, struct error *err)
{
	autoclose int tree = clone_tree(source, READ_ONLY, err);

	if (tree == -1)
		return false;
	return sys_move_mount(tree, root, below(path)) == 0 ||
	       error_set(err, errno, "show '%s' as '%s'", source, path);
}

/* What the machine shows may change while lrie runs (a resolv.conf is replaced): what
 * is gone is left out, as it would be in a box made later. */
static bool show_of_host(int root, const struct show *show, struct error *err)
{
	struct error refused;

	switch (show->kind) {
	case SHOW_LINK:
		return make_link(root, show->path, show->link, err);
	case SHOW_FOLDER:
		if (!make_folder(root, show->path, err))
			return false;
		break;
	case SHOW_FILE:
		if (!make_file(root, show->path, "", err))
			return false;
		break;
	}
	if (show_at(root, show->path, show->path, &refused) || refused.code == ENOENT ||
	    refused.code == EACCES)
		return true;
	*err = refused;
	return false;
}

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
		if (!make_folder(root, folders[i], err))
			return false;
	}
	return make_file(root, "/etc/passwd", passwd, err) &&
	       make_file(root, "/etc/group", group, err) && make_hosts(root, err);
}

static bool show_host(int root, const struct rootfs_host *host, struct error *err)
{
	for (size_t i = 0; i < host->count; i++) {
		if (!show_of_host(root, &host->shows[i], err))
			return false;
	}
	return true;
}

/*
 * A device is the host's, bound, since mknod() is not for user namespaces. It is
 * checked to be the device that its name says: nobody shall be able to have
 * another file of the host shown by replacing /dev/null.
 */
static bool show_device(int root, const char *path, unsigned minor, struct error *err)
{
	autoclose int tree = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	struct stat status;

	if (tree == -1 || fstat(tree, &status) == -1)
		return error_set(err, errno, "open '%s'", path);
	if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, minor))
		return error_set(err, 0, "'%s' of this machine is not the device it should be",
		                 path);
	if (sys_mount_setattr(tree, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC) ==
	    -1)
		return error_set(err, errno, "protect '%s'", path);
	if (!make_file(root, path, "", err))
		return false;
	return sys_move_mount(tree, root, below(path)) == 0 ||
	       error_set(err, errno, "show '%s'", path);
}

/* As in Lambda there is no /dev/shm: what needs one fails here too. */
static bool make_devices(int root, struct error *err)
{
	return show_device(root, "/dev/null", 3, err) && show_device(root, "/dev/zero", 5, err) &&
	       show_device(root, "/dev/full", 7, err) && show_device(root, "/dev/random", 8, err) &&
	       show_device(root, "/dev/urandom", 9, err) &&
	       make_link(root, "/dev/fd", "/proc/self/fd", err) &&
	       make_link(root, "/dev/stdin", "/proc/self/fd/0", err) &&
	       make_link(root, "/dev/stdout", "/proc/self/fd/1", err) &&
	       make_link(root, "/dev/stderr", "/proc/self/fd/2", err);
}

static int make_tmpfs(uint64_t bytes, struct error *err)
{
	char size[32], inodes[32];
	const struct option options[] = {
		{ "mode", "1777" }, { "size", size }, { "nr_inodes", inodes }, { NULL, NULL }
	};

	/* An empty file costs kernel memory too: one for each page, but always some. */
	snprintf(size, sizeof(size), "%llu", (unsigned long long)(bytes ? bytes : 1));
	snprintf(inodes, sizeof(inodes), "%llu", (unsigned long long)(1024 + bytes / 4096));
	int mount = make_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, err);
	if (mount == -1)
		error_prefix(err, "create '/tmp'");
	return mount;
}

/* What a box had attached that could then not be built has gone with it. */
static bool make_tmp(int root, const struct sandbox_spec *spec, int earlier, int *tmp,
                     struct error *err)
{
	autoclose int fresh = -1;

	if (earlier == -1 || sys_move_mount(earlier, root, "tmp") == -1) {
		fresh = make_tmpfs(spec->tmp_bytes, err);
		if (fresh == -1)
			return false;
		if (sys_move_mount(fresh, root, "tmp") == -1)
			return error_set(err, errno, "mount '/tmp'");
	}
	/* Whoever is to outlive this box must not be attached in it. */
	*tmp = spec->tmp ? sys_open_tree(root, "tmp", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
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
	autoclose int null = sys_open_tree(root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (null == -1 || sys_move_mount(null, proc, name) == -1)
		return error_set(err, errno, "mask '/proc/%s'", name);
	return true;
}

static bool protect_proc_sys(int proc, struct error *err)
{
	autoclose int tree = sys_open_tree(proc, "sys", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	if (tree == -1 || sys_mount_setattr(tree, 0, READ_ONLY | MOUNT_ATTR_NOEXEC) == -1 ||
	    sys_move_mount(tree, proc, "sys") == -1)
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
	const struct option none = { NULL, NULL };
	struct error refused;
	autoclose int mount = make_filesystem(
		"proc", &none, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, &refused);
	bool fresh = mount != -1;

	/* In a container whose own /proc is partly hidden, the kernel refuses one that shows all.
	 */
	if (!fresh)
		mount = clone_tree("/proc",
		                   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC, err);
	if (mount == -1)
		return false;
	if (sys_move_mount(mount, root, "proc") == -1)
		return error_set(err, errno, "mount '/proc'");
	*proc = fresh ? openat(root, "proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	for (size_t i = 0; fresh && i < COUNT_OF(masked); i++) {
		if (!mask(root, mount, masked[i], err))
			return false;
	}
	return !fresh || protect_proc_sys(mount, err);
}

/* ---- the function's folders ------------------------------------------ */

/* Says what the kernel would only call ENOTDIR, much later. */
static bool check_folder(const char *path, const char *what, struct error *err)
{
	struct stat status;

	if (stat(path, &status) == -1)
		return error_set(err, errno, "%s '%s'", what, path);
	return S_ISDIR(status.st_mode) || error_set(err, ENOTDIR, "%s '%s'", what, path);
}

static bool show_folder(int root, const char *source, const char *what, const char *target,
                        struct error *err)
{
	if (!check_folder(source, what, err))
		return false;
	return show_at(root, source, target, err) || error_prefix(err, "%s", what);
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
	const struct option options[] = { { "lowerdir", layers->lowerdir }, { NULL, NULL } };
	int mount = make_filesystem("overlay", options, READ_ONLY, err);

	if (mount == -1 && err->code == ELOOP)
		error_set(err, 0, "one of %zu layers is a folder in another", layers->count);
	else if (mount == -1)
		error_prefix(err, "merge %zu layers", layers->count);
	return mount;
}

static bool merge_layers(int root, const struct sandbox_spec *spec, struct error *err)
{
	__attribute__((cleanup(layers_close))) struct layers layers = { .count = 0 };

	if (spec->layer_count > MAX_LAYERS)
		return error_set(err, 0, "more than %d layers", MAX_LAYERS);
	if (!layers_open(&layers, spec, err))
		return false;
	if (layers.count == 1)
		return show_folder(root, spec->layers[spec->layer_count - 1], "layer", "/opt", err);
	autoclose int mount = make_overlay(&layers, err);
	if (mount == -1)
		return false;
	return sys_move_mount(mount, root, "opt") == 0 || error_set(err, errno, "mount '/opt'");
}

bool rootfs_merges_layers(const struct sandbox_spec *spec, struct error *err)
{
	__attribute__((cleanup(layers_close))) struct layers layers = { .count = 0 };

	if (spec->layer_count > MAX_LAYERS || !layers_open(&layers, spec, err))
		return false;
	autoclose int mount = layers.count > 1 ? make_overlay(&layers, err) : -1;
	return layers.count == 1 || mount != -1;
}

static bool make_opt(int root, const struct sandbox_spec *spec, struct error *err)
{
	if (spec->layer_count == 0)
		return true;
	if (spec->layer_count == 1)
		return show_folder(root, spec->layers[0], "layer", "/opt", err);
	return merge_layers(root, spec, err);
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
	autoclose int dir = open_in_root(root, above, O_PATH | O_DIRECTORY);
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
		autoclose int there = open_in_root(root, path, O_PATH);
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
	int target = open_in_root(root, bind->target, O_PATH);

	if (target == -1 && errno == ENOENT) {
		snprintf(path, sizeof(path), "%s", bind->target);
		for (size_t length = strlen(path); path[length - 1] == '/'; length--)
			path[length - 1] = '\0';
		if (!make_parents(root, path, err) || !make_in_root(root, path, folder, err))
			return -1;
		target = open_in_root(root, path, O_PATH);
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

static bool bind_target_is_valid(const char *target)
{
	return target[0] == '/' && target[strspn(target, "/")] != '\0' && strlen(target) < PATH_MAX;
}

static bool make_bind(int root, const struct sandbox_bind *bind, struct error *err)
{
	struct stat status;

	if (!bind_target_is_valid(bind->target))
		return error_set(err, EINVAL, "bind target '%s'", bind->target);
	if (stat(bind->source, &status) == -1)
		return error_set(err, errno, "bind '%s'", bind->source);
	autoclose int target = open_target(root, bind, S_ISDIR(status.st_mode), err);
	if (target == -1)
		return error_prefix(err, "bind '%s'", bind->source);
	if (!check_target(root, target, bind, err))
		return false;
	autoclose int tree = clone_tree(bind->source, READ_ONLY, err);
	if (tree == -1)
		return error_prefix(err, "bind");
	return sys_move_mount(tree, target, "") == 0 ||
	       error_set(err, errno, "bind '%s' as '%s'", bind->source, bind->target);
}

static bool show_function(int root, const struct sandbox_spec *spec, struct error *err)
{
	if (spec->task_root && !show_folder(root, spec->task_root, "task root", "/var/task", err))
		return false;
	if (!make_opt(root, spec, err))
		return false;
	if (spec->runtime_root &&
	    !show_folder(root, spec->runtime_root, "runtime folder", "/var/runtime", err))
		return false;
	for (size_t i = 0; i < spec->bind_count; i++) {
		if (!make_bind(root, &spec->binds[i], err))
			return false;
	}
	return true;
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
	return sys_move_mount(root, AT_FDCWD, "/") == 0 || error_set(err, errno, "mount the root");
}

/* What all boxes have alike. */
static int make_root(const struct rootfs_host *host, struct error *err)
{
	const struct option options[] = { { "mode", "0755" }, { "size", "4m" }, { NULL, NULL } };
	autoclose int root = make_filesystem("tmpfs", options, MOUNT_ATTR_NOSUID, err);

	if (root == -1)
		error_prefix(err, "create the root");
	if (root == -1 || !mount_root(root, err) || !make_skeleton(root, err) ||
	    !show_host(root, host, err) || !make_devices(root, err))
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
	if (sys_mount_setattr(root, 0, MOUNT_ATTR_RDONLY) == -1)
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
	own->template = sys_open_tree(root, "",
	                              OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE |
	                                      AT_EMPTY_PATH);
	return make_tmp(root, spec, parts->tmp, &own->tmp, err) &&
	       make_proc(root, &own->proc, err) && show_function(root, spec, err) &&
	       pivot(root, err);
}
