/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write_check - whether a call that changes files is about to fail, since they are read-only
 *
 * Only what fails for that reason counts: not what is there already, is a folder, or has no
 * parent that could be made. Devices, pipes and sockets take writes wherever they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "sandbox/fd.h"
#include "sandbox/write_check.h"

#define MAX_LINKS 8

/* How many components there are between the first folder that is read-only and the end of the path:
 * with one the folder is there, with more some are missing. */
enum outlook {
	GOES_WELL, /* or fails for another reason */
	FAILS,
	FAILS_WITHOUT_FOLDER, /* and more */
};

/* ---- the caller's memory -------------------------------------------------------------- */

/*
 * Root without CAP_SYS_PTRACE, as in a container, may look at nobody else's memory and folders, but
 * for files it can be somebody else. The kernel forgets the parent's death signal then.
 */
static void take_user(const struct write_check *check)
{
	if (!check->takes_user || !check->reads_by_file)
		return;
	setfsgid(check->ids.gid);
	setfsuid(check->ids.uid);
}

static void return_user(const struct write_check *check, int death_signal)
{
	if (!check->takes_user || !check->reads_by_file)
		return;
	setfsuid(geteuid());
	setfsgid(getegid());
	prctl(PR_SET_PDEATHSIG, death_signal);
}

static ssize_t read_memory_file(pid_t thread, uint64_t address, void *data, size_t size)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)thread);
	autoclose int memory = open(path, O_RDONLY | O_CLOEXEC);
	return memory == -1 ? -1 : pread(memory, data, size, (off_t)address);
}

/* At most 'size' bytes; less where the memory ends. */
static ssize_t read_memory(struct write_check *check, pid_t thread, uint64_t address, void *data,
                           size_t size)
{
	const struct iovec here = { .iov_base = data, .iov_len = size };
	const struct iovec there = { .iov_base = (void *)(uintptr_t)address, .iov_len = size };
	ssize_t got = -1;

	if (!check->reads_by_file) {
		got = syscall(SYS_process_vm_readv, thread, &here, 1UL, &there, 1UL, 0UL);
		check->reads_by_file = got == -1 && (errno == EPERM || errno == ENOSYS);
	}
	if (!check->reads_by_file || !check->has_proc)
		return got;
	take_user(check);
	return read_memory_file(thread, address, data, size);
}

/* Returns false for what is no path, or too long for one. */
static bool read_path(struct write_check *check, pid_t thread, uint64_t address, char *path)
{
	/* Most paths are short, and end before a page does that nobody has. */
	ssize_t got = read_memory(check, thread, address, path, 256);

	if (got == 256 && !memchr(path, '\0', 256))
		got = read_memory(check, thread, address, path, PATH_MAX);
	return got > 0 && memchr(path, '\0', (size_t)got) && path[0];
}

/* A socket with a name in a folder; those without are no files. */
static bool read_address(struct write_check *check, pid_t thread, const __u64 *args,
                         const struct syscall_change *change, char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNSPEC };
	size_t size = (uint32_t)args[change->flags];

	if (size > sizeof(address))
		size = sizeof(address);
	if (read_memory(check, thread, args[change->path], &address, size) != (ssize_t)size ||
	    address.sun_family != AF_UNIX || !address.sun_path[0])
		return false;
	snprintf(path, PATH_MAX, "%.*s", (int)sizeof(address.sun_path), address.sun_path);
	return true;
}

/* ---- folders --------------------------------------------------------------------------- */

static bool begins(const char *path, const char *with)
{
	return strncmp(path, with, strlen(with)) == 0;
}

/* Where every write is as good as elsewhere; and what means something else to each process. */
static bool is_of_no_interest(const char *path)
{
	return (begins(path, "/tmp/") && !strstr(path, "/../")) || begins(path, "/proc/") ||
	       begins(path, "/dev/fd/") || begins(path, "/dev/std") ||
	       strcmp(path, "/dev/null") == 0;
}

/* What a relative path begins in. */
static void name_base(pid_t thread, const struct syscall_change *change, const __u64 *args,
                      char *link, size_t size)
{
	int folder = change->folder == NO_ARGUMENT ? AT_FDCWD : (int)args[change->folder];

	if (folder == AT_FDCWD)
		snprintf(link, size, "/proc/%d/cwd", (int)thread);
	else
		snprintf(link, size, "/proc/%d/fd/%d", (int)thread, folder);
}

static int open_folder(int base, const char *path)
{
	return openat(base, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Cuts the name off, so that the folder is left. Returns false where there is no name. */
static bool cut_name(char *path)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	if (!slash)
		path[0] = '.';
	path[slash && slash != path ? slash - path : 1] = '\0';
	return true;
}

/* Puts what 'folder' has in front of a relative path. Returns false when it becomes too long. */
static bool prepend(const char *folder, char *path)
{
	char joined[PATH_MAX];
	int length = snprintf(joined, sizeof(joined), "%s%s%s", folder,
	                      strcmp(folder, "/") == 0 ? "" : "/", path);

	if (length < 0 || (size_t)length >= sizeof(joined))
		return false;
	memcpy(path, joined, (size_t)length + 1);
	return true;
}

static bool is_read_only(int fd)
{
	struct statvfs state;

	return fstatvfs(fd, &state) == 0 && (state.f_flag & ST_RDONLY);
}

/* Landlock goes by where things are, whatever they are called. */
static bool is_in_tmp(int fd)
{
	char link[32], path[PATH_MAX];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	path[length > 0 ? length : 0] = '\0';
	return strcmp(path, "/tmp") == 0 || begins(path, "/tmp/");
}

/* Whether a file, or names in a folder, cannot be changed. */
static bool is_closed(const struct write_check *check, int fd)
{
	return is_read_only(fd) || (check->only_tmp && !is_in_tmp(fd));
}

/* ---- what will become of it --------------------------------------------------------------- */

/* Of a new name, or one that goes: the folder decides. */
static enum outlook judge_name(const struct write_check *check, int base, const char *path)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", path);
	for (unsigned components = FAILS; cut_name(folder); components++) {
		autoclose int fd = open_folder(base, folder);
		if (fd != -1)
			return is_closed(check, fd) ? (enum outlook)components : GOES_WELL;
		if (errno != ENOENT)
			break;
	}
	return GOES_WELL;
}

static bool opens_for_writing(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC);
}

static enum outlook judge_existing(const struct write_check *check, int fd, int flags)
{
	struct stat state;

	if ((flags & O_CREAT) && (flags & O_EXCL))
		return GOES_WELL;
	if (!opens_for_writing(flags) || fstat(fd, &state) == -1)
		return GOES_WELL;
	bool takes_it = S_ISREG(state.st_mode) ||
	                (S_ISDIR(state.st_mode) && (flags & O_TMPFILE) == O_TMPFILE);
	return takes_it && is_closed(check, fd) ? FAILS : GOES_WELL;
}

/* A link to what is not there yet makes it there. */
static enum outlook judge_new(const struct write_check *check, int base, char *path)
{
	char target[PATH_MAX];
	ssize_t length;

	for (int links = 0; links < MAX_LINKS; links++) {
		length = readlinkat(base, path, target, sizeof(target) - 1);
		if (length == -1)
			return judge_name(check, base, path);
		target[length] = '\0';
		if (target[0] != '/' && (!cut_name(path) || !prepend(path, target)))
			return GOES_WELL;
		memcpy(path, target, strlen(target) + 1);
	}
	return GOES_WELL;
}

static enum outlook judge_open(const struct write_check *check, int base, char *path, int flags,
                               struct sandbox_write *write)
{
	bool is_new = (flags & O_CREAT) && (flags & O_EXCL);
	int nofollow = is_new ? O_NOFOLLOW : flags & O_NOFOLLOW;

	if (flags & O_PATH)
		return GOES_WELL;
	autoclose int fd = openat(base, path, O_PATH | O_CLOEXEC | nofollow);
	write->kind = fd == -1 ? SANDBOX_WRITE_CREATE : SANDBOX_WRITE_CONTENT;
	if (fd != -1)
		return judge_existing(check, fd, flags);
	return errno == ENOENT && (flags & O_CREAT) ? judge_new(check, base, path) : GOES_WELL;
}

static bool exists(int base, const char *path)
{
	struct stat state;

	return fstatat(base, path, &state, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Where a folder is missing programs go on to make that; so they are told of the first. */
static enum outlook judge_creation(const struct write_check *check, int base, const char *path)
{
	return !exists(base, path) && judge_name(check, base, path) == FAILS ? FAILS : GOES_WELL;
}

/* What is not there is removed in vain elsewhere, too. */
static enum outlook judge_removal(const struct write_check *check, int base, const char *path)
{
	return exists(base, path) && judge_name(check, base, path) == FAILS ? FAILS : GOES_WELL;
}

static enum outlook judge_touch(int base, const char *path)
{
	autoclose int fd = openat(base, path, O_PATH | O_CLOEXEC);

	return fd != -1 && is_read_only(fd) ? FAILS : GOES_WELL;
}

/* ---- a call --------------------------------------------------------------------------------- */

/* A path of a call, and where it begins. */
struct place {
	int base; /* AT_FDCWD for an absolute path */
	char path[PATH_MAX];
	char absolute[PATH_MAX]; /* for people */
};

static bool find_absolute(struct place *place, const char *link)
{
	ssize_t length = readlink(link, place->absolute, sizeof(place->absolute) - 1);

	if (length <= 0 || place->absolute[0] != '/')
		return false;
	place->absolute[length] = '\0';
	char folder[PATH_MAX];
	memcpy(folder, place->absolute, (size_t)length + 1);
	snprintf(place->absolute, sizeof(place->absolute), "%s",
	         begins(place->path, "./") ? place->path + 2 : place->path);
	return prepend(folder, place->absolute);
}

/* Where a path of the call is, if that is of interest. 'base' is the caller's to close. */
static bool find_place(struct write_check *check, pid_t thread, const struct syscall_change *change,
                       const __u64 *args, struct place *place)
{
	char link[64];
	bool is_path = change->change == CHANGE_BIND
	                       ? read_address(check, thread, args, change, place->path)
	                       : read_path(check, thread, args[change->path], place->path);

	place->base = AT_FDCWD;
	if (!is_path)
		return false;
	if (place->path[0] == '/') {
		memcpy(place->absolute, place->path, strlen(place->path) + 1);
		return !is_of_no_interest(place->path);
	}
	if (!check->has_proc)
		return false;
	take_user(check);
	name_base(thread, change, args, link, sizeof(link));
	if (!find_absolute(place, link) || is_of_no_interest(place->absolute))
		return false;
	place->base = open_folder(AT_FDCWD, link);
	return place->base != -1;
}

/* Between file systems nothing is renamed in the first place. */
static enum outlook judge_rename(struct write_check *check, pid_t thread,
                                 const struct syscall_change *change, const __u64 *args,
                                 const struct place *to)
{
	static struct place from;
	const bool has_folders = change->folder != NO_ARGUMENT;
	const struct syscall_change old = { .folder = has_folders ? 0 : NO_ARGUMENT,
		                            .path = has_folders ? 1 : 0 };
	enum outlook outlook = GOES_WELL;

	if (find_place(check, thread, &old, args, &from) &&
	    judge_removal(check, from.base, from.path) == FAILS)
		outlook = judge_name(check, to->base, to->path) == FAILS ? FAILS : GOES_WELL;
	fd_close(&from.base);
	return outlook;
}

static enum outlook judge(struct write_check *check, pid_t thread,
                          const struct syscall_change *change, const __u64 *args,
                          struct place *place, struct sandbox_write *write)
{
	int flags = change->flags == NO_ARGUMENT ? O_CREAT | O_WRONLY | O_TRUNC
	                                         : (int)args[change->flags];

	switch (change->change) {
	case CHANGE_OPEN:
		return judge_open(check, place->base, place->path, flags, write);
	case CHANGE_TRUNCATE:
		return judge_open(check, place->base, place->path, O_WRONLY, write);
	case CHANGE_TOUCH:
		write->kind = SANDBOX_WRITE_CHANGE;
		return judge_touch(place->base, place->path);
	case CHANGE_CREATE:
		write->kind = SANDBOX_WRITE_CREATE;
		return judge_creation(check, place->base, place->path);
	case CHANGE_BIND:
		write->kind = SANDBOX_WRITE_CREATE;
		return exists(place->base, place->path)
		               ? GOES_WELL
		               : judge_name(check, place->base, place->path);
	case CHANGE_REMOVE:
		write->kind = SANDBOX_WRITE_REMOVE;
		return judge_removal(check, place->base, place->path);
	case CHANGE_RENAME:
		write->kind = SANDBOX_WRITE_RENAME;
		return judge_rename(check, thread, change, args, place);
	}
	return GOES_WELL;
}

static bool is_unreported(const struct write_check *check, const char *path)
{
	for (const char *const *pattern = check->unreported; pattern && *pattern; pattern++) {
		if (fnmatch(*pattern, path, 0) == 0)
			return true;
	}
	return false;
}

/* How much of the path names the first folder that is missing. Cuts the path. */
static unsigned missing_part(char *path, enum outlook outlook)
{
	if (outlook < FAILS_WITHOUT_FOLDER)
		return 0;
	for (unsigned components = outlook; components > FAILS && cut_name(path); components--)
		;
	return (unsigned)strlen(path);
}

bool write_check_fails(struct write_check *check, pid_t thread, const struct syscall_change *change,
                       const __u64 *args, struct sandbox_write *write)
{
	static struct place place;
	int death_signal = 0;
	enum outlook outlook = GOES_WELL;

	if (check->reads_by_file)
		prctl(PR_GET_PDEATHSIG, &death_signal);
	*write = (struct sandbox_write){ .kind = SANDBOX_WRITE_CONTENT };
	if (find_place(check, thread, change, args, &place) &&
	    !is_unreported(check, place.absolute))
		outlook = judge(check, thread, change, args, &place, write);
	fd_close(&place.base);
	return_user(check, death_signal);
	if (outlook == GOES_WELL)
		return false;
	size_t length = strlen(place.absolute);
	write->is_cut = length >= sizeof(write->path);
	snprintf(write->path, sizeof(write->path), "%.*s", (int)sizeof(write->path) - 1,
	         place.absolute);
	write->missing = missing_part(place.absolute, outlook);
	if (write->missing >= sizeof(write->path))
		write->missing = sizeof(write->path) - 1;
	return true;
}
