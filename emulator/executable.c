/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executable - whether a program of the function can be executed, and if not, why
 *
 * Permissions are those that count on Lambda, where the files are root's and the
 * function is user 993: the bits for others. A box of an ordinary user is more
 * lenient, since the user's own files are its own there.
 */
#include "emulator/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/script.h"
#include "sandbox/fd.h"

#define DEPTH_LIMIT 4 /* of interpreters that are scripts themselves, as in the kernel */

int executable_open(const char *host)
{
	autoclose int fd = open(host, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return -1;
	return steal_fd(&fd);
}

bool executable_is_for_host(const struct executable_context *context)
{
	return strcmp(context->architecture, elf_host_architecture()) == 0;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !slash || slash == path ? xstrdup("/")
	                               : xasprintf("%.*s", (int)(slash - path), path);
}

/* ---- it is not there ---- */

static struct finding *add_missing(const struct executable_context *context, const char *check,
                                   const char *file, int code)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, check, file);

	finding_exec(finding, context->bootstrap, code);
	return finding;
}

static void explain_link(const struct executable_context *context, const char *host)
{
	struct finding *finding = add_missing(context, "dangling-link", host, ENOENT);
	char *target = realpath(host, NULL);

	if (!target) {
		finding_problem(finding, "'%s' is a link to a file that does not exist", host);
		finding_fix(finding, "put the file itself there");
		return;
	}
	finding_problem(finding, "'%s' is a link to '%s', which exists here but not in the box",
	                host, target);
	finding_fix(finding, "put the file itself there, or a relative link to one that is "
	                     "deployed with it");
	free(target);
}

/* view_find() has failed with 'code'. */
static void explain_missing(const struct executable_context *context, const char *shown,
                            const char *host, int code)
{
	struct finding *finding;
	struct stat st;

	if (code == ELOOP) {
		finding = add_missing(context, "link-loop", host, ELOOP);
		finding_problem(finding, "'%s' is a link that leads to itself", host);
		finding_fix(finding, "put the file itself there");
	} else if (lstat(host, &st) == -1) {
		finding = add_missing(context, "missing", host, ENOENT);
		finding_problem(finding, "there is no file '%s'", host);
		finding_fix(finding, "build it, or name another with --bootstrap");
	} else if (S_ISLNK(st.st_mode)) {
		explain_link(context, host);
	} else {
		finding = add_missing(context, "not-in-box", host, ENOENT);
		finding_problem(finding, "'%s' exists here but not in the box as '%s'", host,
		                shown);
		finding_fix(finding, "it must be below the task root (--task-root) or a bound "
		                     "folder (--bind)");
	}
}

bool executable_find(const struct executable_context *context, const struct view_place *file,
                     const char *what, const char *path, struct view_place *place)
{
	bool is_absolute = path[0] == '/';
	char *full = is_absolute ? xstrdup(path) : xasprintf("%s/%s", context->cwd, path);
	bool found = view_find(context->view, full, place);
	struct finding *finding;
	char *folder;

	if (found || (is_absolute && !executable_is_for_host(context))) {
		free(full);
		return found;
	}
	finding = add_missing(context, "missing-interpreter", file->host, ENOENT);
	folder = folder_of(path);
	if (!is_absolute) {
		finding_problem(finding, "'%s' needs the %s '%s', which must be an absolute path",
		                file->host, what, path);
		finding_fix(finding, "write it as in #!/bin/sh");
	} else if (access(path, F_OK) == 0) {
		finding_problem(finding,
		                "'%s' needs the %s '%s', which exists here but not in the box",
		                file->host, what, path);
		finding_fix(finding,
		            "add --bind %s to show it here; on Lambda it comes with a layer or not "
		            "at all",
		            folder);
	} else {
		finding_problem(finding, "'%s' needs the %s '%s', which does not exist", file->host,
		                what, path);
		finding_fix(finding, "name one that exists, or bring it in a layer");
	}
	free(folder);
	free(full);
	return false;
}

/* ---- permissions ---- */

static void explain_kind(const struct executable_context *context, const char *host, mode_t mode)
{
	struct finding *finding = add_missing(context, "not-a-file", host, EACCES);

	finding_problem(finding, "'%s' is a %s, not a file", host,
	                S_ISDIR(mode)    ? "folder"
	                : S_ISFIFO(mode) ? "FIFO"
	                : S_ISSOCK(mode) ? "socket"
	                                 : "device");
	finding_fix(finding, "put the program or script there");
}

/* A folder on the way that others cannot enter, as far as it is deployed with the function. */
static bool find_closed_folder(const struct executable_context *context, const char *shown,
                               struct view_place *place)
{
	char *folder = folder_of(shown);
	bool found = false;

	while (!found && strcmp(folder, "/") != 0) {
		char *parent = folder_of(folder);
		struct stat st;

		found = view_find(context->view, folder, place) && place->is_deployed &&
		        stat(place->host, &st) == 0 && !(st.st_mode & 0001) &&
		        (geteuid() == 0 || st.st_uid != geteuid());
		free(folder);
		folder = parent;
	}
	free(folder);
	return found;
}

static void check_permission(const struct executable_context *context,
                             const struct view_place *place, mode_t mode)
{
	struct view_place folder;
	struct finding *finding;

	if (!(mode & 0111)) {
		finding = add_missing(context, "exec-bit", place->host, EACCES);
		finding_problem(finding, "'%s' is not executable", place->host);
		finding_fix(finding, "chmod +x it, and see that the archive keeps its mode");
	} else if (!(mode & 0001)) {
		finding = add_missing(context, "exec-bit", place->host, EACCES);
		finding_problem(
			finding,
			"'%s' is not executable for others, and the sandbox user is one, as "
			"on Lambda",
			place->host);
		finding_fix(finding, "chmod a+rx it");
	}
	if (find_closed_folder(context, place->shown, &folder)) {
		finding = add_missing(context, "closed-folder", folder.host, EACCES);
		finding_problem(finding, "the folder '%s' cannot be entered by the sandbox user",
		                folder.host);
		finding_fix(finding, "chmod a+rx it");
	}
}

/* ---- what it is ---- */

static void explain_format(const struct executable_context *context, const char *host,
                           const char *head, size_t length)
{
	struct finding *finding = add_missing(context, "format", host, ENOEXEC);

	if (length == 0)
		finding_problem(finding, "'%s' is empty", host);
	else if (length > 5 && memcmp(head, "\xef\xbb\xbf#!", 5) == 0)
		finding_problem(finding,
		                "'%s' begins with a byte order mark, so that it is no script",
		                host);
	else
		finding_problem(finding, "'%s' is no program for this machine, and no script",
		                host);
	finding_fix(finding, "a script begins with a line such as #!/bin/sh");
}

static void check_content(const struct executable_context *context, const struct view_place *place,
                          mode_t mode, unsigned depth)
{
	autoclose int fd = executable_open(place->host);
	char head[SCRIPT_HEAD_SIZE];
	ssize_t length = fd == -1 ? -1 : pread(fd, head, sizeof(head), 0);
	struct elf elf;

	if (length == -1)
		return; /* ours to read it is not; what others may is told already */
	elf_read(&elf, fd);
	if (elf.kind != ELF_KIND_OTHER) {
		executable_check_elf(context, place, &elf);
	} else if (length >= 2 && memcmp(head, "#!", 2) == 0) {
		if (!(mode & 0004)) {
			struct finding *finding = findings_add(context->findings, FINDING_ERROR,
			                                       "unreadable-script", place->host);

			finding_problem(finding,
			                "'%s' cannot be read by others, so not by its interpreter, "
			                "as on Lambda",
			                place->host);
			finding_fix(finding, "chmod a+rx it");
		}
		executable_check_script(context, place, head, (size_t)length, depth);
	} else {
		explain_format(context, place->host, head, (size_t)length);
	}
	elf_finish(&elf);
}

void executable_check_place(const struct executable_context *context,
                            const struct view_place *place, unsigned depth)
{
	struct stat st;

	if (depth > DEPTH_LIMIT || stat(place->host, &st) == -1)
		return;
	if (!S_ISREG(st.st_mode)) {
		explain_kind(context, place->host, st.st_mode);
		return;
	}
	check_permission(context, place, st.st_mode);
	if (place->is_deployed)
		check_content(context, place, st.st_mode, depth);
}

void executable_check(const struct executable_context *context, const char *shown, const char *host)
{
	struct view_place place;

	if (view_find(context->view, shown, &place))
		executable_check_place(context, &place, 0);
	else
		explain_missing(context, shown, host, errno);
}
