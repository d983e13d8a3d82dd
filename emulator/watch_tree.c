/* SPDX-License-Identifier: Apache-2.0 */
/*
 * watch_tree - which folders are watched for what
 *
 * After something on the way to a path has changed, or a folder has left its place, all paths are
 * followed again from the start. What was watched and is not found any more is dropped at the end
 * of that, known by the number of the round that has seen it last. A folder is watched before it is
 * read, so that what comes into it meanwhile is found in one of the two ways.
 */
#include "emulator/watch_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/log.h"
#include "emulator/watch_noise.h"
#include "sandbox/fd.h"

/* Folders that are looked at in one go: about a millisecond. */
#define FOLDERS_AT_ONCE 64

/* As the kernel allows in one path. */
#define MOST_LINKS 40

/* Entries that come and go, for the folders on the way. */
#define WAY_EVENTS (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define FILE_EVENTS (WAY_EVENTS | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB)

/* Kept as they are if the folder is watched for something else, too. */
#define COMMON (IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD)

struct folder {
	int wd;
	bool is_whole;        /* everything in it counts, not only the names of the ways */
	unsigned round;       /* that has seen it last */
	unsigned whole_round; /* ... as a whole one */
	char *path;
};

/* A name in a folder that leads to a path, or is its last part. */
struct way {
	int wd;
	char *name;
};

struct root {
	char *path;     /* as it was given */
	char *resolved; /* without links; NULL while it is not there */
};

struct watch_tree {
	int fd;
	struct root *roots;
	size_t root_count;
	struct folder *folders; /* by wd */
	size_t folder_count;
	struct way *ways;
	size_t way_count;
	int *unread; /* wd of folders that have not been looked through */
	size_t unread_count;
	unsigned round;
	bool must_follow; /* from the start, again */
	bool must_sweep;  /* at the end of this round */
	bool has_warned;
	struct buffer path; /* of the event that was taken last */
	size_t at, length;  /* of the events that were read and not taken */
	char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
};

/* ---- folders ---- */

/* Where it is, or would be. */
static size_t place_of(const struct watch_tree *tree, int wd)
{
	size_t low = 0, high = tree->folder_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (tree->folders[middle].wd < wd)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct folder *find_folder(const struct watch_tree *tree, int wd)
{
	size_t place = place_of(tree, wd);

	return place < tree->folder_count && tree->folders[place].wd == wd ? &tree->folders[place]
	                                                                   : NULL;
}

static struct folder *insert_folder(struct watch_tree *tree, int wd)
{
	size_t place = place_of(tree, wd);
	struct folder *folder;

	if (tree->folder_count % 64 == 0)
		tree->folders = xrealloc(tree->folders,
		                         (tree->folder_count + 64) * sizeof(*tree->folders));
	folder = &tree->folders[place];
	memmove(folder + 1, folder, (tree->folder_count++ - place) * sizeof(*folder));
	*folder = (struct folder){ .wd = wd };
	return folder;
}

static void forget_folder(struct watch_tree *tree, int wd)
{
	struct folder *folder = find_folder(tree, wd);

	if (!folder)
		return;
	free(folder->path);
	memmove(folder, folder + 1,
	        (size_t)(tree->folders + --tree->folder_count - folder) * sizeof(*folder));
}

/* ---- what is refused ---- */

static void warn_of_limit(struct watch_tree *tree, const char *path, const char *what)
{
	if (!tree->has_warned)
		log_warning(
			"watch: changes in '%s', and perhaps in other folders, are not seen: %s",
			path, what);
	tree->has_warned = true;
}

static void warn_of_refusal(struct watch_tree *tree, const char *path, bool is_whole)
{
	struct error err;

	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return; /* it has gone again, or become something else: an event tells */
	if (errno == EACCES && !is_whole)
		return; /* a folder that may be passed, not read: others on the way will do */
	if (errno == ENOSPC) {
		warn_of_limit(tree, path,
		              "the kernel's limit of watched folders is reached: raise it with "
		              "\"sysctl fs.inotify.max_user_watches=524288\", as root");
		return;
	}
	error_set(&err, errno, "watch it");
	warn_of_limit(tree, path, err.text);
}

/* ---- watching ---- */

static void queue(struct watch_tree *tree, int wd)
{
	if (tree->unread_count % 64 == 0)
		tree->unread = xrealloc(tree->unread,
		                        (tree->unread_count + 64) * sizeof(*tree->unread));
	tree->unread[tree->unread_count++] = wd;
}

/* Watches one, and has it looked through if it is whole, once in a round. Until the end of that it
 * stays whole if it was. Returns its number or -1. */
static int add_folder(struct watch_tree *tree, const char *path, uint32_t events, bool is_whole)
{
	bool is_full = tree->folder_count >= WATCH_TREE_FOLDERS;
	int wd = is_full ? -1 : inotify_add_watch(tree->fd, path, events | COMMON);
	struct folder *folder;

	if (wd == -1) {
		if (is_full)
			warn_of_limit(tree, path, "there are more of them than lrie watches");
		else
			warn_of_refusal(tree, path, is_whole);
		return -1;
	}
	folder = find_folder(tree, wd);
	if (!folder)
		folder = insert_folder(tree, wd);
	bool has_moved = !folder->path || strcmp(folder->path, path) != 0;

	if (has_moved) {
		free(folder->path);
		folder->path = xstrdup(path);
	}
	if (is_whole && (has_moved || folder->whole_round != tree->round))
		queue(tree, wd);
	folder->round = tree->round;
	if (is_whole) {
		folder->is_whole = true;
		folder->whole_round = tree->round;
	}
	return wd;
}

static bool is_folder_at(int dir, const struct dirent *entry)
{
	struct stat status;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type == DT_DIR;
	return fstatat(dir, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(status.st_mode);
}

static char *join(const char *folder, const char *name)
{
	return xasprintf("%s/%s", strcmp(folder, "/") ? folder : "", name);
}

/* Watches the folders in a folder. */
static void look_through(struct watch_tree *tree, int wd)
{
	const struct folder *folder = find_folder(tree, wd);
	char *path = folder ? xstrdup(folder->path) : NULL;
	DIR *entries = path ? opendir(path) : NULL;

	for (struct dirent *entry; entries && (entry = readdir(entries));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    !is_folder_at(dirfd(entries), entry) || watch_noise_is_folder(entry->d_name))
			continue;
		char *below = join(path, entry->d_name);

		add_folder(tree, below, FILE_EVENTS, true);
		free(below);
	}
	if (entries)
		closedir(entries);
	free(path);
}

/* What this round has not seen is not watched any more. IN_IGNORED follows for each, by then of
 * nobody. */
static void sweep(struct watch_tree *tree)
{
	size_t kept = 0;

	for (size_t i = 0; i < tree->folder_count; i++) {
		struct folder *folder = &tree->folders[i];

		if (folder->round == tree->round) {
			folder->is_whole = folder->whole_round == tree->round;
			tree->folders[kept++] = *folder;
		} else {
			inotify_rm_watch(tree->fd, folder->wd);
			free(folder->path);
		}
	}
	tree->folder_count = kept;
	tree->must_sweep = false;
}

/* ---- the ways ---- */

static void add_way(struct watch_tree *tree, const char *folder, const char *name, bool is_last)
{
	int wd = add_folder(tree, folder, is_last ? FILE_EVENTS : WAY_EVENTS, false);

	if (wd == -1)
		return;
	if (tree->way_count % 16 == 0)
		tree->ways = xrealloc(tree->ways, (tree->way_count + 16) * sizeof(*tree->ways));
	tree->ways[tree->way_count++] = (struct way){ .wd = wd, .name = xstrdup(name) };
}

static bool is_on_a_way(const struct watch_tree *tree, int wd, const char *name)
{
	for (size_t i = 0; i < tree->way_count; i++)
		if (tree->ways[i].wd == wd && strcmp(tree->ways[i].name, name) == 0)
			return true;
	return false;
}

static void forget_ways(struct watch_tree *tree)
{
	while (tree->way_count > 0)
		free(tree->ways[--tree->way_count].name);
}

/* The part of a path that is done, without links, and what is left of it. */
struct walk {
	char done[PATH_MAX], left[PATH_MAX];
	unsigned links;
};

/* Puts the link's target before what is left. Returns false when it leads nowhere. */
static bool follow_link(struct walk *walk, const char *link)
{
	char target[PATH_MAX];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	size_t left = strlen(walk->left);

	if (length <= 0 || ++walk->links > MOST_LINKS ||
	    (size_t)length + 1 + left + 1 > sizeof(walk->left))
		return false;
	if (target[0] == '/')
		memcpy(walk->done, "/", sizeof("/"));
	memmove(walk->left + length + 1, walk->left, left + 1);
	memcpy(walk->left, target, (size_t)length);
	walk->left[length] = '/';
	return true;
}

/* Takes the next part of what is left: "" at the end. */
static void next_name(struct walk *walk, char name[NAME_MAX + 1])
{
	const char *start = walk->left + strspn(walk->left, "/");
	size_t length = strcspn(start, "/");
	size_t used = length > NAME_MAX ? NAME_MAX : length; /* longer ones lead nowhere */

	memcpy(name, start, used);
	name[used] = '\0';
	memmove(walk->left, start + length, strlen(start + length) + 1);
}

static void go_up(struct walk *walk)
{
	char *slash = strrchr(walk->done, '/');

	slash[slash == walk->done] = '\0';
}

/* One step. Returns false where the way ends: at a file, or at nothing. */
static bool step(struct watch_tree *tree, struct walk *walk, const char *name, bool *is_file)
{
	bool is_last = walk->left[strspn(walk->left, "/")] == '\0';
	struct stat status;
	char *next;
	bool goes_on = false;

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0) {
		go_up(walk);
		return true;
	}
	add_way(tree, walk->done, name, is_last);
	next = join(walk->done, name);
	if (strlen(next) >= sizeof(walk->done) || lstat(next, &status) == -1) {
		free(next);
		return false;
	}
	if (S_ISLNK(status.st_mode)) {
		goes_on = follow_link(walk, next);
	} else {
		memcpy(walk->done, next, strlen(next) + 1);
		goes_on = S_ISDIR(status.st_mode);
		*is_file = !goes_on && is_last;
	}
	free(next);
	return goes_on;
}

static void follow(struct watch_tree *tree, struct root *root)
{
	struct walk walk = { .done = "/" };
	char name[NAME_MAX + 1];
	bool is_file = false, goes_on = strlen(root->path) < sizeof(walk.left);

	free(root->resolved);
	root->resolved = NULL;
	if (goes_on)
		memcpy(walk.left, root->path, strlen(root->path) + 1);
	while (goes_on) {
		next_name(&walk, name);
		if (!name[0])
			break;
		goes_on = step(tree, &walk, name, &is_file);
	}
	if (!goes_on && !is_file)
		return;
	root->resolved = xstrdup(walk.done);
	if (!is_file)
		add_folder(tree, walk.done, FILE_EVENTS, true);
}

static void follow_all(struct watch_tree *tree)
{
	tree->round++;
	tree->must_follow = false;
	tree->must_sweep = true;
	tree->unread_count = 0;
	forget_ways(tree);
	for (size_t i = 0; i < tree->root_count; i++)
		follow(tree, &tree->roots[i]);
}

bool watch_tree_look(struct watch_tree *tree)
{
	if (tree->must_follow)
		follow_all(tree);
	for (unsigned i = 0; i < FOLDERS_AT_ONCE && tree->unread_count > 0; i++)
		look_through(tree, tree->unread[--tree->unread_count]);
	if (tree->unread_count == 0 && tree->must_sweep)
		sweep(tree);
	return tree->unread_count > 0;
}

/* ---- events ---- */

/* Whether it counts. What it changes of the folders that are watched is done. */
static bool take_named(struct watch_tree *tree, const struct folder *folder,
                       const struct inotify_event *event)
{
	bool is_way = is_on_a_way(tree, event->wd, event->name);
	bool is_folder = event->mask & IN_ISDIR;
	bool has_moved = event->mask & WAY_EVENTS;

	if (is_way)
		tree->must_follow |= has_moved;
	else if (!folder->is_whole || watch_noise_is_file(event->name))
		return false;
	buffer_clear(&tree->path);
	buffer_append_format(&tree->path, "%s/%s", strcmp(folder->path, "/") ? folder->path : "",
	                     event->name);
	if (is_folder && folder->is_whole && (event->mask & (IN_CREATE | IN_MOVED_TO)))
		add_folder(tree, tree->path.data, FILE_EVENTS, true);
	/* It may be watched, with all that is in it, where it is now. */
	tree->must_follow |= is_folder && (event->mask & IN_MOVED_FROM);
	return true;
}

static bool take(struct watch_tree *tree, const struct inotify_event *event)
{
	const struct folder *folder;

	if (event->mask & IN_IGNORED) {
		forget_folder(tree, event->wd);
		return false;
	}
	folder = find_folder(tree, event->wd);
	return folder && event->len > 0 && take_named(tree, folder, event);
}

static bool read_events(struct watch_tree *tree)
{
	ssize_t length = read(tree->fd, tree->events, sizeof(tree->events));

	tree->at = 0;
	tree->length = length > 0 ? (size_t)length : 0;
	return length > 0;
}

enum watch_tree_event watch_tree_next(struct watch_tree *tree, const char **path)
{
	while (tree->at < tree->length || read_events(tree)) {
		const struct inotify_event *event = (const struct inotify_event *)(tree->events +
		                                                                   tree->at);

		tree->at += sizeof(*event) + event->len;
		if (event->mask & IN_Q_OVERFLOW) {
			tree->must_follow = true;
			return WATCH_TREE_LOST;
		}
		if (take(tree, event)) {
			*path = tree->path.data;
			return WATCH_TREE_CHANGED;
		}
	}
	return WATCH_TREE_NOTHING;
}

/* ---- names ---- */

/* What of 'path' is below 'folder': "" for the folder itself; NULL when it is elsewhere. */
static const char *below(const char *path, const char *folder)
{
	size_t length = strlen(folder);

	while (length > 1 && folder[length - 1] == '/')
		length--;
	if (strncmp(path, folder, length) != 0)
		return NULL;
	if (!path[length])
		return path + length;
	return path[length] == '/' ? path + length + 1 : NULL;
}

/* The last part of what is no folder's, or the folder. */
static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

const char *watch_tree_shorten(const struct watch_tree *tree, const char *path)
{
	const char *shortest = path;

	for (size_t i = 0; i < tree->root_count; i++) {
		const struct root *root = &tree->roots[i];
		const char *rest = root->resolved ? below(path, root->resolved) : NULL;

		if (!rest)
			rest = below(path, root->path);
		if (rest && !rest[0])
			rest = last_part(path);
		if (rest && strlen(rest) < strlen(shortest))
			shortest = rest;
	}
	return shortest;
}

int watch_tree_fd(const struct watch_tree *tree)
{
	return tree->fd;
}

size_t watch_tree_folders(const struct watch_tree *tree)
{
	return tree->folder_count;
}

/* ---- life ---- */

static bool open_inotify(struct watch_tree *tree, struct error *err)
{
	tree->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (tree->fd != -1)
		return true;
	if (errno == EMFILE)
		return error_set(err, errno,
		                 "inotify: raise the number of instances of a user with \"sysctl "
		                 "fs.inotify.max_user_instances=1024\", as root, or \"ulimit -n\"");
	return error_set(err, errno, "inotify");
}

struct watch_tree *watch_tree_create(const char *const *paths, size_t count, struct error *err)
{
	struct watch_tree *tree = xcalloc(1, sizeof(*tree));

	buffer_init(&tree->path);
	if (!open_inotify(tree, err)) {
		free(tree);
		return NULL;
	}
	tree->roots = xcalloc(count, sizeof(*tree->roots));
	for (size_t i = 0; i < count; i++)
		tree->roots[tree->root_count++].path = xstrdup(paths[i]);
	tree->must_follow = true;
	return tree;
}

void watch_tree_destroy(struct watch_tree *tree)
{
	if (!tree)
		return;
	for (size_t i = 0; i < tree->root_count; i++) {
		free(tree->roots[i].path);
		free(tree->roots[i].resolved);
	}
	for (size_t i = 0; i < tree->folder_count; i++)
		free(tree->folders[i].path);
	forget_ways(tree);
	free(tree->roots);
	free(tree->folders);
	free(tree->ways);
	free(tree->unread);
	buffer_finish(&tree->path);
	fd_close(&tree->fd);
	free(tree);
}
