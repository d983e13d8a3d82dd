/* SPDX-License-Identifier: Apache-2.0 */
/* extension_files - the external extensions that come with a function */
#include "emulator/extension_files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/extension.h"

/* Names that are looked at: a folder with more is a mistake. */
#define NAME_LIMIT 1000

#define SHOWN "/opt/extensions"

/* Puts one into the sorted list; a later layer covers an earlier one. */
static void add(struct extension_files *files, const char *folder, const char *name)
{
	size_t at = 0;
	int order = 1;

	while (at < files->count && (order = strcmp(files->names[at], name)) < 0)
		at++;
	if (at < files->count && order == 0) {
		free(files->places[at]);
		files->places[at] = xasprintf("%s/%s", folder, name);
		return;
	}
	files->names = xrealloc(files->names, (files->count + 1) * sizeof(*files->names));
	files->places = xrealloc(files->places, (files->count + 1) * sizeof(*files->places));
	memmove(files->names + at + 1, files->names + at,
	        (files->count - at) * sizeof(*files->names));
	memmove(files->places + at + 1, files->places + at,
	        (files->count - at) * sizeof(*files->places));
	files->names[at] = xstrdup(name);
	files->places[at] = xasprintf("%s/%s", folder, name);
	files->count++;
}

static bool is_folder(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type == DT_DIR)
		return true;
	return (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN) &&
	       fstatat(dir, entry->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static void add_layer(struct extension_files *files, const char *layer)
{
	char *folder = xasprintf("%s/extensions", layer);
	DIR *dir = opendir(folder);
	const struct dirent *entry;

	while (dir && files->count < NAME_LIMIT && (entry = readdir(dir))) {
		if (!is_folder(dirfd(dir), entry))
			add(files, folder, entry->d_name);
	}
	if (dir)
		closedir(dir);
	free(folder);
}

static bool disables(const char *layer)
{
	char *path = xasprintf("%s/disable-extensions-jwigqn8j", layer);
	bool exists = access(path, F_OK) == 0;

	free(path);
	return exists;
}

static void clear(struct extension_files *files)
{
	for (; files->count > 0; files->count--) {
		free(files->names[files->count - 1]);
		free(files->places[files->count - 1]);
	}
}

void extension_files_find(struct extension_files *files, const struct package *package)
{
	struct sandbox_spec spec = { .task_root = NULL };

	*files = (struct extension_files){ .names = NULL };
	package_fill_spec(package, &spec);
	for (size_t i = 0; i < spec.layer_count; i++) {
		add_layer(files, spec.layers[i]);
		files->disabled |= disables(spec.layers[i]);
	}
	if (files->disabled)
		clear(files);
}

void extension_files_finish(struct extension_files *files)
{
	clear(files);
	free(files->names);
	free(files->places);
	*files = (struct extension_files){ .names = NULL };
}

char *extension_files_shown(const struct extension_files *files, size_t index,
                            const struct package *package)
{
	if (!package_has_own_root(package))
		return xstrdup(files->places[index]);
	return xasprintf(SHOWN "/%s", files->names[index]);
}
