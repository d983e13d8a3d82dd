/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer - the layers of a function, as folders that a box can show
 *
 * The private folder is on disk and not a tmpfs of our own: unpacked layers may have hundreds of
 * megabytes, and an ordinary user could not show a mount of one namespace in the boxes of others.
 * Its lock tells whose it is: whoever can take it has found an orphan, or somebody who has not come
 * to lock it yet, and who then makes another.
 */
#include "emulator/layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "emulator/folder.h"
#include "emulator/log.h"
#include "emulator/removal.h"
#include "emulator/signals.h"
#include "emulator/zip.h"
#include "sandbox/fd.h"

#define LAYER_ROOT "/opt"
#define PREFIX "lrie-layer-"

/* What Lambda takes, what a box can merge, and what we unpack at most. */
#define LAMBDA_LAYERS 5
#define MOST_LAYERS 12
#define LAMBDA_BYTES (UINT64_C(250) << 20)
#define MOST_BYTES (4 * LAMBDA_BYTES)
#define MOST_ENTRIES 200000

/* Looked at for a warning. */
#define SIZED_ENTRIES 4096

/* A zip file as it was when it was unpacked. */
struct layer_origin {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
};

/* ---- the private folder ---- */

static const char *temporary(const struct config *config)
{
	return config->temporary && config->temporary[0] == '/' ? config->temporary : "/tmp";
}

/* A folder of ours that nobody holds the lock of. */
static bool is_orphan(int dir)
{
	struct stat status;

	return dir != -1 && fstat(dir, &status) == 0 && status.st_uid == geteuid() &&
	       flock(dir, LOCK_EX | LOCK_NB) == 0;
}

/* Removes what a lrie that was killed has left behind. What cannot be removed stays. */
static void sweep(const char *parent)
{
	autoclose int dir = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = opendir(parent);

	for (struct dirent *entry; dir != -1 && entries && (entry = readdir(entries));) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		autoclose int orphan = openat(dir, entry->d_name,
		                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (!is_orphan(orphan))
			continue;
		char *path = xasprintf("%s/%s", parent, entry->d_name);

		log_info("removing '%s', which a lrie that was killed has left", path);
		removal_begin(path, orphan);
		free(path);
	}
	if (entries)
		closedir(entries);
}

/* Somebody who sweeps may have found it before it was locked: then it is gone, or will be. */
static bool lock_workshop(struct layers *layers)
{
	struct stat held, there;

	layers->lock = open(layers->workshop, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (layers->lock != -1 && flock(layers->lock, LOCK_EX | LOCK_NB) == 0 &&
	    fstat(layers->lock, &held) == 0 && stat(layers->workshop, &there) == 0 &&
	    held.st_ino == there.st_ino)
		return true;
	fd_close(&layers->lock);
	return false;
}

static void warn_of_noexec(const char *path)
{
	struct statvfs system;

	if (statvfs(path, &system) == 0 && (system.f_flag & ST_NOEXEC))
		log_warning("programs of zip layers cannot be executed: '%s' is mounted noexec; "
		            "set TMPDIR to another folder",
		            path);
}

static bool make_workshop(struct layers *layers, const struct config *config, struct error *err)
{
	const char *parent = temporary(config);

	if (layers->workshop)
		return true;
	signals_mask_ending(SIG_BLOCK); /* who does so already has a loop that hears them */
	sweep(parent);
	warn_of_noexec(parent);
	for (int attempt = 0; attempt < 10; attempt++) {
		layers->workshop = xasprintf("%s/" PREFIX "XXXXXX", parent);
		if (!mkdtemp(layers->workshop)) {
			error_set(err, errno, "create a folder for layers in '%s'", parent);
			break;
		}
		if (lock_workshop(layers))
			return fchmod(layers->lock, 0755) == 0 ||
			       error_set(err, errno, "prepare '%s'", layers->workshop);
		error_set(err, 0, "create a folder for layers in '%s'", parent);
		free(layers->workshop);
		layers->workshop = NULL;
	}
	free(layers->workshop);
	layers->workshop = NULL;
	return false;
}

/* Makes the folder 'name' in the private one, and opens it. */
static int make_place(const struct layers *layers, const char *name, struct error *err)
{
	if (mkdirat(layers->lock, name, 0755) == -1) {
		error_set(err, errno, "create '%s/%s'", layers->workshop, name);
		return -1;
	}
	int dir = openat(layers->lock, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir == -1)
		error_set(err, errno, "open '%s/%s'", layers->workshop, name);
	return dir;
}

/* ---- unpacking ---- */

/* What is ignored, as by nohup(1), is pending like others as long as it is blocked. */
static bool ends_us(const sigset_t *pending, int number)
{
	struct sigaction action;

	return sigismember(pending, number) && sigaction(number, NULL, &action) == 0 &&
	       action.sa_handler != SIG_IGN;
}

/* The loop does not run yet: whoever ends us now shall not have to wait. */
static bool is_signalled(void)
{
	sigset_t pending;

	if (sigpending(&pending) == -1)
		return false;
	for (size_t i = 0; i < SIGNALS_ENDING; i++) {
		if (ends_us(&pending, signals_ending[i]))
			return true;
	}
	return false;
}

static bool unpack(struct layers *layers, const char *path, int place, struct error *err)
{
	const struct zip_limits limits = { .bytes = MOST_BYTES, .entries = MOST_ENTRIES };
	uint64_t bytes;

	if (zip_unpack(path, place, &limits, is_signalled, &bytes, err)) {
		log_info("layer '%s': unpacked %llu bytes to '%s'", path, (unsigned long long)bytes,
		         layers->workshop);
		return true;
	}
	return error_prefix(err, "layer '%s'", path);
}

static void add_path(struct layers *layers, char *path)
{
	layers->paths = xrealloc(layers->paths, (layers->count + 1) * sizeof(*layers->paths));
	layers->paths[layers->count++] = path;
}

static void forget_paths(struct layers *layers)
{
	while (layers->count > 0)
		free(layers->paths[--layers->count]);
}

void layers_take_paths(struct layers *layers, const char *paths, size_t length)
{
	layers->is_filled = layers->is_settled = true;
	forget_paths(layers);
	for (const char *path = paths; path < paths + length; path += strlen(path) + 1)
		add_path(layers, xstrdup(path));
}

static void add_origin(struct layers *layers, const struct stat *status)
{
	layers->origins = xrealloc(layers->origins,
	                           (layers->origin_count + 1) * sizeof(*layers->origins));
	layers->origins[layers->origin_count++] = (struct layer_origin){
		.device = status->st_dev,
		.inode = status->st_ino,
		.size = status->st_size,
		.modified = status->st_mtim,
	};
}

/* Named like the zip file: what is said of a file in it then tells which one that is. */
static char *place_name(const struct layers *layers, const char *path)
{
	const char *slash = strrchr(path, '/');

	return xasprintf("%zu-%.200s", layers->count, slash ? slash + 1 : path);
}

static bool add_zip(struct layers *layers, const struct config *config, const char *path,
                    struct error *err)
{
	if (!make_workshop(layers, config, err))
		return error_prefix(err, "layer '%s'", path);
	char *name = place_name(layers, path);
	autoclose int place = make_place(layers, name, err);
	bool unpacked = place != -1 && unpack(layers, path, place, err);

	if (unpacked)
		add_path(layers, xasprintf("%s/%s", layers->workshop, name));
	free(name);
	return unpacked;
}

static bool add_layer(struct layers *layers, const struct config *config, const char *path,
                      struct error *err)
{
	struct stat status;
	char *resolved = realpath(path, NULL);

	if (!resolved || stat(resolved, &status) == -1) {
		error_set(err, errno, "layer '%s'", path);
		free(resolved);
		return false;
	}
	if (S_ISDIR(status.st_mode)) {
		add_path(layers, resolved);
		return true;
	}
	free(resolved);
	if (S_ISREG(status.st_mode))
		return add_zip(layers, config, path, err);
	return error_set(err, 0, "layer '%s': neither a folder nor a zip file", path);
}

static bool check_count(size_t count, struct error *err)
{
	if (count > MOST_LAYERS)
		return error_set(err, 0, "%zu layers: a box can merge %d", count, MOST_LAYERS);
	if (count > LAMBDA_LAYERS)
		log_warning("%zu layers: Lambda takes %d", count, LAMBDA_LAYERS);
	return true;
}

/* As a layer of its own, so that it is merged like all others. */
static bool add_extensions(struct layers *layers, const struct config *config, struct error *err)
{
	autoclose int source = open(config->extensions, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (source == -1)
		return error_set(err, errno, "extensions '%s'", config->extensions);
	if (!make_workshop(layers, config, err))
		return false;
	autoclose int place = make_place(layers, "extensions-layer", err);
	if (place == -1)
		return false;
	if (mkdirat(place, "extensions", 0755) == -1)
		return error_set(err, errno, "make a folder in '%s'", layers->workshop);
	autoclose int folder = openat(place, "extensions", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder == -1 || !folder_copy(source, folder, err))
		return error_prefix(err, "extensions '%s'", config->extensions);
	add_path(layers, xasprintf("%s/extensions-layer", layers->workshop));
	return true;
}

/* What the zip files are before they are read: what changes then is news. */
static bool begin_zips(struct layers *layers, const struct config *config, struct error *err)
{
	for (size_t i = 0; i < config->layers.count; i++) {
		const char *path = config->layers.items[i];
		struct stat status;

		if (stat(path, &status) == -1)
			return error_set(err, errno, "layer '%s'", path);
		if (!S_ISREG(status.st_mode))
			continue;
		add_origin(layers, &status);
		if (!make_workshop(layers, config, err))
			return error_prefix(err, "layer '%s'", path);
	}
	return true;
}

static bool fill(struct layers *layers, const struct config *config, struct error *err)
{
	for (size_t i = 0; i < config->layers.count; i++)
		if (!add_layer(layers, config, config->layers.items[i], err))
			return false;
	return !config->extensions || add_extensions(layers, config, err);
}

bool layers_fill(struct layers *layers, const struct config *config, struct error *err)
{
	if (!layers->is_filled)
		layers->is_filled = fill(layers, config, err);
	return layers->is_filled;
}

/* Told once of each set of layers, whoever has it. */
static bool can_be_shown(const struct layers *layers, const struct config *config,
                         const struct sandbox_host *host)
{
	const struct sandbox_spec spec = { .layers = (const char *const *)layers->paths,
		                           .layer_count = layers->count };

	if (sandbox_host_has_root(host))
		return sandbox_merges_layers(host, &spec);
	if (config->layers.count > 0)
		log_warning("layers are not in /opt, since boxes have no root of their own here");
	return true;
}

static bool begin(struct layers *layers, const struct config *config, struct error *err)
{
	if (!begin_zips(layers, config, err))
		return false;
	if (layers->workshop || config->extensions)
		return make_workshop(layers, config, err);
	return layers_fill(layers, config, err);
}

bool layers_begin_to_settle(struct layers *layers, const struct config *config,
                            const struct sandbox_host *host, struct error *err)
{
	layers->is_settled = layers->is_filled && can_be_shown(layers, config, host);
	return layers->is_settled || make_workshop(layers, config, err);
}

struct layers *layers_begin(const struct config *config, bool is_image, struct error *err)
{
	struct layers *layers;

	if (!check_count(config->layers.count, err))
		return NULL;
	layers = xcalloc(1, sizeof(*layers));
	layers->lock = -1;
	layers->references = 1;
	layers->has_copies = config->extensions;
	if (config->layers.count == 0 && is_image && folder_exists(LAYER_ROOT))
		add_path(layers, xstrdup(LAYER_ROOT));
	if (begin(layers, config, err))
		return layers;
	layers_destroy(layers);
	return NULL;
}

bool layers_are_ready(const struct layers *layers)
{
	return layers->is_filled && layers->is_settled;
}

struct layers *layers_create(const struct config *config, bool is_image, struct error *err)
{
	struct layers *layers = layers_begin(config, is_image, err);

	if (!layers || layers_fill(layers, config, err))
		return layers;
	layers_destroy(layers);
	return NULL;
}

void layers_destroy(struct layers *layers)
{
	if (!layers || --layers->references > 0)
		return;
	if (layers->workshop)
		removal_begin(layers->workshop, layers->lock);
	forget_paths(layers);
	free(layers->paths);
	free(layers->workshop);
	free(layers->origins);
	fd_close(&layers->lock);
	free(layers);
}

struct layers *layers_ref(struct layers *layers)
{
	layers->references++;
	return layers;
}

static bool is_same_file(const struct stat *status, const struct layer_origin *origin)
{
	return origin->device == status->st_dev && origin->inode == status->st_ino &&
	       origin->size == status->st_size &&
	       origin->modified.tv_sec == status->st_mtim.tv_sec &&
	       origin->modified.tv_nsec == status->st_mtim.tv_nsec;
}

/* A link on the way to a folder may lead elsewhere now. */
static bool is_same_folder(const char *path, const char *was)
{
	char *resolved = realpath(path, NULL);
	bool is_same_path = resolved && strcmp(resolved, was) == 0;

	free(resolved);
	return is_same_path;
}

bool layers_may_be_current(const struct layers *layers, const struct config *config)
{
	size_t zips = 0;

	for (size_t i = 0; i < config->layers.count; i++) {
		struct stat status;

		if (stat(config->layers.items[i], &status) == -1)
			return false;
		if (!S_ISDIR(status.st_mode) && (zips == layers->origin_count ||
		                                 !is_same_file(&status, &layers->origins[zips++])))
			return false;
	}
	return zips == layers->origin_count;
}

bool layers_are_current(const struct layers *layers, const struct config *config)
{
	if (layers->has_copies || layers->count < config->layers.count ||
	    !layers_may_be_current(layers, config))
		return false;
	for (size_t i = 0; i < config->layers.count; i++) {
		const char *path = config->layers.items[i];

		if (folder_exists(path) && !is_same_folder(path, layers->paths[i]))
			return false;
	}
	return true;
}

bool layers_serve(const struct layers *layers, const struct config *own, const struct config *other)
{
	return other->layers.count > 0 && !own->extensions && !other->extensions &&
	       config_list_is_same(&own->layers, &other->layers) &&
	       layers_are_current(layers, other);
}

/* ---- merging ---- */

static bool copy_all(const struct layers *layers, int place, struct error *err)
{
	for (size_t i = 0; i < layers->count; i++) {
		autoclose int layer = open(layers->paths[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (layer == -1)
			return error_set(err, errno, "layer '%s'", layers->paths[i]);
		if (!folder_copy(layer, place, err))
			return error_prefix(err, "layer '%s'", layers->paths[i]);
	}
	return true;
}

static bool merge(struct layers *layers, const struct config *config, struct error *err)
{
	if (!make_workshop(layers, config, err))
		return false;
	autoclose int place = make_place(layers, "merged", err);
	if (place == -1 || !copy_all(layers, place, err))
		return false;
	forget_paths(layers);
	layers->has_copies = true;
	add_path(layers, xasprintf("%s/merged", layers->workshop));
	return true;
}

bool layers_settle(struct layers *layers, const struct config *config,
                   const struct sandbox_host *host, struct error *err)
{
	if (!layers->is_settled)
		layers->is_settled = can_be_shown(layers, config, host) ||
		                     merge(layers, config, err);
	return layers->is_settled;
}

/* ---- Lambda's limit ---- */

void layers_check_size(struct layers *layers, const char *task_root)
{
	uint64_t bytes;

	if (layers->is_sized)
		return;
	layers->is_sized = true;
	bytes = task_root ? folder_size(task_root, SIZED_ENTRIES) : 0;
	for (size_t i = 0; i < layers->count; i++)
		bytes += folder_size(layers->paths[i], SIZED_ENTRIES);
	if (bytes > LAMBDA_BYTES)
		log_warning("the function and its layers have %llu MB or more: Lambda takes %llu",
		            (unsigned long long)(bytes >> 20),
		            (unsigned long long)(LAMBDA_BYTES >> 20));
}
