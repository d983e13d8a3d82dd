/* SPDX-License-Identifier: Apache-2.0 */
/* tree - what lies in a folder that is deployed with the function */
#include "emulator/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "sandbox/fd.h"

#define DEPTH_LIMIT 100
#define DATABASES_LIMIT 20 /* that are opened to see whether they are such */
#define CLOCK_EVERY 64     /* entries between two looks at the clock */

struct walk {
	struct tree *tree;
	const struct view *view;
	struct tree_budget *budget;
	struct buffer path; /* on the host, of what is looked at */
	size_t root_length; /* of the part of it that the box shows as 'shown' */
	const char *shown;
	unsigned opened;
};

void tree_note(struct tree_oddity *oddity, const char *path)
{
	if (oddity->count++ == 0)
		oddity->example = xstrdup(path);
}

static bool spend(struct walk *walk)
{
	struct tree_budget *budget = walk->budget;

	if (budget->entries > 0)
		budget->entries--;
	if (budget->entries == 0 ||
	    (budget->entries % CLOCK_EVERY == 0 && clock_now() > budget->until_ns)) {
		budget->entries = 0;
		walk->tree->is_cut = true;
	}
	return !walk->tree->is_cut;
}

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), size = strlen(end);

	return length > size && strcmp(name + length - size, end) == 0;
}

/* By its first bytes: a name alone says little. */
static bool is_database(struct walk *walk, int folder, const char *name)
{
	static const char magic[16] = "SQLite format 3";
	char head[sizeof(magic)];

	if (!ends_in(name, ".db") && !ends_in(name, ".sqlite") && !ends_in(name, ".sqlite3"))
		return false;
	if (walk->opened++ >= DATABASES_LIMIT)
		return false;
	autoclose int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd != -1 && read(fd, head, sizeof(head)) == sizeof(head) &&
	       memcmp(head, magic, sizeof(magic)) == 0;
}

static void look_at_link(struct walk *walk)
{
	struct view_place place;
	char *shown = xasprintf("%s%s", walk->shown, walk->path.data + walk->root_length);

	if (!view_find(walk->view, shown, &place) && access(walk->path.data, F_OK) == 0)
		tree_note(&walk->tree->outside, walk->path.data);
	free(shown);
}

static void look_into(struct walk *walk, int parent, const char *name, unsigned depth);

static void look_at(struct walk *walk, int folder, const char *name, unsigned depth)
{
	struct tree *tree = walk->tree;
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return;
	if (S_ISLNK(st.st_mode)) {
		look_at_link(walk);
	} else if (S_ISDIR(st.st_mode)) {
		if ((st.st_mode & 0005) != 0005)
			tree_note(&tree->unreadable, walk->path.data);
		if (strcmp(name, ".cache") == 0)
			tree_note(&tree->caches, walk->path.data);
		look_into(walk, folder, name, depth + 1);
	} else if (S_ISREG(st.st_mode)) {
		tree->bytes += (uint64_t)st.st_size;
		if (!(st.st_mode & 0004))
			tree_note(&tree->unreadable, walk->path.data);
		if (is_database(walk, folder, name))
			tree_note(&tree->databases, walk->path.data);
	} else {
		tree_note(&tree->special, walk->path.data);
	}
}

/* A folder that is deeper than anything sensible, or that we may not read ourselves, is left out.
 */
static void look_into(struct walk *walk, int parent, const char *name, unsigned depth)
{
	size_t length = walk->path.length;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *entries = fd == -1 ? NULL : fdopendir(fd);

	if (!entries || depth > DEPTH_LIMIT) {
		walk->tree->is_cut |= depth > DEPTH_LIMIT;
		if (entries)
			closedir(entries);
		else if (fd != -1)
			close(fd);
		return;
	}
	for (struct dirent *entry; (entry = readdir(entries));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (!spend(walk))
			break;
		buffer_append_format(&walk->path, "/%s", entry->d_name);
		look_at(walk, fd, entry->d_name, depth);
		walk->path.length = length;
		walk->path.data[length] = '\0';
	}
	closedir(entries);
}

void tree_walk(struct tree *tree, const char *folder, const char *shown, const struct view *view,
               struct tree_budget *budget)
{
	struct walk walk = {
		.tree = tree, .view = view, .budget = budget, .path = BUFFER_INIT, .shown = shown
	};

	*tree = (struct tree){ .bytes = 0 };
	buffer_append_text(&walk.path, strcmp(folder, "/") ? folder : "");
	walk.root_length = walk.path.length;
	look_into(&walk, AT_FDCWD, folder, 0);
	buffer_finish(&walk.path);
}

void tree_finish(struct tree *tree)
{
	free(tree->unreadable.example);
	free(tree->outside.example);
	free(tree->special.example);
	free(tree->databases.example);
	free(tree->caches.example);
	*tree = (struct tree){ .bytes = 0 };
}
