/* SPDX-License-Identifier: Apache-2.0 */
/* rootfs_host - what every box shows of this machine */
#include "sandbox/rootfs_host.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/place.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

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

static uint64_t mix_bind(uint64_t state, const struct sandbox_bind *bind)
{
	struct stat status;

	for (const char *at = bind->target; *at; at++)
		state = mix(state, (unsigned char)*at);
	return stat(bind->source, &status) == 0 ? mix(state, status.st_mode) : state;
}

uint64_t rootfs_host_state(const struct rootfs_host *host, const struct sandbox_spec *spec)
{
	uint64_t state = UINT64_C(0xcbf29ce484222325);
	struct stat status;

	for (size_t i = 0; i < host->count; i++) {
		if (host->shows[i].kind == SHOW_LINK || stat(host->shows[i].path, &status) == -1)
			continue;
		state = mix(mix(state, status.st_ino), status.st_dev);
	}
	if (stat("/etc/hosts", &status) == 0) {
		state = mix(state, status.st_ino);
		state = mix(state, (uint64_t)status.st_ctim.tv_sec);
		state = mix(state, (uint64_t)status.st_ctim.tv_nsec);
	}
	for (size_t i = 0; i < spec->bind_count; i++)
		state = mix_bind(state, &spec->binds[i]);
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

/* ---- in a box ---------------------------------------------------------- */

/* What the machine shows may change while lrie runs (a resolv.conf is replaced): what
 * is gone is left out, as it would be in a box made later. */
static bool show_of_host(int root, const struct show *show, struct error *err)
{
	struct error refused;

	switch (show->kind) {
	case SHOW_LINK:
		return place_link(root, show->path, show->link, err);
	case SHOW_FOLDER:
		if (!place_folder(root, show->path, err))
			return false;
		break;
	case SHOW_FILE:
		if (!place_file(root, show->path, "", err))
			return false;
		break;
	}
	if (place_tree(root, show->path, show->path, &refused) || refused.code == ENOENT ||
	    refused.code == EACCES)
		return true;
	*err = refused;
	return false;
}

bool rootfs_host_show(const struct rootfs_host *host, int root, struct error *err)
{
	for (size_t i = 0; i < host->count; i++) {
		if (!show_of_host(root, &host->shows[i], err))
			return false;
	}
	return true;
}
