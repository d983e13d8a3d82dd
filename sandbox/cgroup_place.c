/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup_place - where on this machine the controllers are, and which group lrie runs in */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/cgroup_place.h"
#include "sandbox/cgroup_v1.h"
#include "sandbox/cgroup_v2.h"
#include "sandbox/fd.h"

/* Whether 'list' (comma separated, ended by 'end') has 'word'. */
static bool list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; *at;) {
		size_t item = strcspn(at, ",\n ");
		if (item == length && strncmp(at, word, length) == 0)
			return true;
		at += item;
		if (*at != ',')
			break;
		at++;
	}
	return false;
}

/* mountinfo writes a blank as \040. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		unsigned value;
		if (from[0] == '\\' && sscanf(from + 1, "%3o", &value) == 1) {
			*to = (char)value;
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* The path of our own group in a hierarchy: of 'controller' in version 1, or of version 2. */
static bool own_group(const char *controller, char *path, size_t size)
{
	FILE *file = fopen("/proc/self/cgroup", "re");
	char line[1200];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		/* "4:memory:/path", "0::/path" */
		char *list = strchr(line, ':');
		char *where = list ? strchr(list + 1, ':') : NULL;
		if (!where)
			continue;
		*where++ = '\0';
		found = controller ? list_has(list + 1, controller) : strncmp(line, "0:", 3) == 0;
		if (found)
			snprintf(path, size, "%.*s", (int)strcspn(where, "\n"), where);
	}
	if (file)
		fclose(file);
	return found;
}

/* One line of mountinfo, of a cgroup file system. */
struct cgroup_mount {
	bool v2;
	char root[512], point[512], options[256];
};

static bool parse_mount(const char *line, struct cgroup_mount *mount)
{
	char type[32];
	const char *tail = strstr(line, " - ");

	if (!tail || sscanf(tail, " - %31s %*s %255s", type, mount->options) != 2 ||
	    sscanf(line, "%*s %*s %*s %511s %511s", mount->root, mount->point) != 2)
		return false;
	mount->v2 = strcmp(type, "cgroup2") == 0;
	unescape(mount->root);
	unescape(mount->point);
	return mount->v2 || strcmp(type, "cgroup") == 0;
}

static bool group_has_controller(const char *path, const char *controller)
{
	char file[1600], list[256];

	snprintf(file, sizeof(file), "%s/cgroup.controllers", path);
	if (fd_read_file(AT_FDCWD, file, list, sizeof(list)) == -1)
		return false;
	for (char *at = list; *at; at++) {
		if (*at == ' ')
			*at = ',';
	}
	return list_has(list, controller);
}

/* A container may see only a part of the hierarchy, which is mounted as its root. */
static void join_path(struct cgroup_place *place, const struct cgroup_mount *mount,
                      const char *group)
{
	size_t root = strlen(mount->root);

	if (root == 1)
		root = 0;
	if (strncmp(group, mount->root, root) == 0 && (group[root] == '/' || !group[root]))
		group += root;
	else
		group = "";
	if (strcmp(group, "/") == 0)
		group = "";
	snprintf(place->mount, sizeof(place->mount), "%s", mount->point);
	snprintf(place->own, sizeof(place->own), "%s%s", mount->point, group);
}

static bool place_controller(struct cgroup_place *place, const struct cgroup_mount *mount,
                             enum cgroup_controller number)
{
	const char *controller = cgroup_controller_name(number);
	char group[1024];

	if (!mount->v2 && !list_has(mount->options, controller))
		return false;
	if (!own_group(mount->v2 ? NULL : controller, group, sizeof(group)))
		return false;
	join_path(place, mount, group);
	/* Whether it reaches our own group as well is for cgroup_v2_prepare() to find out. */
	if (mount->v2 && number != CGROUP_FREEZER &&
	    !group_has_controller(mount->point, controller))
		return false;
	place->version = mount->v2 ? &cgroup_v2 : &cgroup_v1;
	return true;
}

/* Version 2 comes first, whichever was mounted first. */
static void place_freezer(struct cgroup_place *places, const struct cgroup_mount *mount)
{
	struct cgroup_place *place = &places[mount->v2 ? CGROUP_FREEZER : CGROUP_OTHER_FREEZER];

	if (!place->version)
		place_controller(place, mount, CGROUP_FREEZER);
}

void cgroup_find_places(struct cgroup_place places[CGROUP_PLACES])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	struct cgroup_mount mount;
	char line[4096];

	while (file && fgets(line, sizeof(line), file)) {
		if (!strstr(line, " - cgroup") || !parse_mount(line, &mount))
			continue;
		for (unsigned i = 0; i < CGROUP_FREEZER; i++) {
			if (!places[i].version)
				place_controller(&places[i], &mount, (enum cgroup_controller)i);
		}
		place_freezer(places, &mount);
	}
	if (file)
		fclose(file);
}
