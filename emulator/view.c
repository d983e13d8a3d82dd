/* SPDX-License-Identifier: Apache-2.0 */
/* view - which file of this machine a path in the box leads to */
#include "emulator/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"

#define LINK_LIMIT 40 /* as in the kernel */

struct tree {
	char *target; /* in the box */
	char *source; /* on the host */
};

struct view {
	bool own_root;
	struct tree *trees; /* later ones cover earlier ones */
	size_t count;
};

static void add(struct view *view, const char *target, const char *source)
{
	if (!source)
		return;
	view->trees = xrealloc(view->trees, (view->count + 1) * sizeof(*view->trees));
	view->trees[view->count++] = (struct tree){ .target = xstrdup(target),
		                                    .source = xstrdup(source) };
}

struct view *view_create(const struct sandbox_spec *spec, bool own_root)
{
	struct view *view = xcalloc(1, sizeof(*view));

	view->own_root = own_root;
	add(view, "/var/task", spec->task_root);
	add(view, "/var/runtime", spec->runtime_root);
	for (size_t i = 0; i < spec->layer_count; i++)
		add(view, "/opt", spec->layers[i]);
	for (size_t i = 0; i < spec->bind_count; i++)
		add(view, spec->binds[i].target, spec->binds[i].source);
	return view;
}

void view_destroy(struct view *view)
{
	if (!view)
		return;
	for (size_t i = 0; i < view->count; i++) {
		free(view->trees[i].target);
		free(view->trees[i].source);
	}
	free(view->trees);
	free(view);
}

/* The part of 'path' below 'folder'; NULL when it is elsewhere. */
static const char *below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	while (length > 0 && folder[length - 1] == '/')
		length--;
	if (strncmp(path, folder, length) != 0)
		return NULL;
	return path[length] == '/' || path[length] == '\0' ? path + length : NULL;
}

/* A folder that is there because something in it is. */
static bool leads_to_tree(const struct view *view, const char *path)
{
	for (size_t i = 0; i < view->count; i++) {
		if (below(view->trees[i].target, path))
			return true;
	}
	return false;
}

/* What is at a path whose folders are no links. */
static bool look(const struct view *view, struct view_place *place, struct stat *st)
{
	place->is_deployed = true;
	for (size_t i = view->count; i > 0; i--) {
		const struct tree *tree = &view->trees[i - 1];
		const char *rest = view->own_root ? below(place->shown, tree->target)
		                                  : below(place->shown, tree->source);
		int length;

		if (!rest)
			continue;
		length = snprintf(place->host, sizeof(place->host), "%s%s",
		                  strcmp(tree->source, "/") ? tree->source : "", rest);
		if (length < (int)sizeof(place->host) && lstat(place->host, st) == 0)
			return true;
	}
	place->is_deployed = false;
	snprintf(place->host, sizeof(place->host), "%s", place->shown);
	if (!view->own_root || sandbox_shows(place->shown))
		return lstat(place->host, st) == 0;
	*st = (struct stat){ .st_mode = S_IFDIR };
	errno = ENOENT;
	return leads_to_tree(view, place->shown);
}

struct walk {
	char rest[PATH_MAX]; /* what is still to be walked, without a slash in front */
	unsigned links;
};

static bool fail(int code)
{
	errno = code;
	return false;
}

/* Puts the target of the link at 'place' in front of what is still to be walked. */
static bool follow(struct view_place *place, size_t parent, struct walk *walk)
{
	char link[PATH_MAX], rest[PATH_MAX];
	ssize_t length = readlink(place->host, link, sizeof(link) - 1);

	if (length == -1)
		return false;
	if (++walk->links > LINK_LIMIT)
		return fail(ELOOP);
	link[length] = '\0';
	if (snprintf(rest, sizeof(rest), "%s/%s", link, walk->rest) >= (int)sizeof(rest))
		return fail(ENAMETOOLONG);
	memcpy(walk->rest, rest, sizeof(rest));
	place->shown[link[0] == '/' ? 0 : parent] = '\0';
	return true;
}

static bool step(const struct view *view, struct view_place *place, struct walk *walk)
{
	size_t parent = strlen(place->shown);
	size_t skip = strspn(walk->rest, "/");
	size_t length = strcspn(walk->rest + skip, "/");
	char *up = strrchr(place->shown, '/');
	char name[NAME_MAX + 1];
	struct stat st;

	if (length > NAME_MAX)
		return fail(ENAMETOOLONG);
	memcpy(name, walk->rest + skip, length);
	name[length] = '\0';
	memmove(walk->rest, walk->rest + skip + length, strlen(walk->rest + skip + length) + 1);
	if (length == 0 || strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		if (up)
			*up = '\0';
		return true;
	}
	if (parent + 1 + length >= sizeof(place->shown))
		return fail(ENAMETOOLONG);
	place->shown[parent] = '/';
	memcpy(place->shown + parent + 1, name, length + 1);
	if (!look(view, place, &st))
		return false;
	if (S_ISLNK(st.st_mode))
		return follow(place, parent, walk);
	if (!S_ISDIR(st.st_mode) && walk->rest[strspn(walk->rest, "/")])
		return fail(ENOTDIR);
	return true;
}

bool view_find(const struct view *view, const char *path, struct view_place *place)
{
	struct walk walk = { .links = 0 };
	struct stat st;

	place->shown[0] = '\0';
	if (path[0] != '/' ||
	    snprintf(walk.rest, sizeof(walk.rest), "%s", path) >= (int)sizeof(walk.rest))
		return fail(path[0] != '/' ? ENOENT : ENAMETOOLONG);
	while (walk.rest[0]) {
		if (!step(view, place, &walk))
			return false;
	}
	if (!place->shown[0])
		memcpy(place->shown, "/", 2);
	return look(view, place, &st);
}
