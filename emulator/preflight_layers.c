/* SPDX-License-Identifier: Apache-2.0 */
/* preflight_layers - layers and the extensions in them */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "emulator/executable.h"
#include "emulator/extension.h"
#include "emulator/preflight.h"
#include "emulator/tree.h"
#include "sandbox/fd.h"

#define LAYER_LIMIT 5    /* spec environment-and-limits.md §2 */
#define ENTRY_LIMIT 1000 /* in one folder */

static void check_count(const struct preflight_context *context)
{
	struct finding *finding;

	if (context->config->layers.count <= LAYER_LIMIT)
		return;
	finding = findings_add(context->findings, FINDING_ERROR, "layer-count", NULL);
	finding_problem(finding, "the function has %zu layers, and Lambda takes at most %d",
	                context->config->layers.count, LAYER_LIMIT);
	finding_fix(finding, "merge layers");
}

/* ---- the folders of a layer that are searched: bin, lib, extensions ---- */

struct folder {
	const struct preflight_context *context;
	const char *path;
	bool has_extensions;
	struct tree_oddity foreign; /* programs and libraries of another architecture */
	char foreign_name[16];      /* of the first one */
	struct tree_oddity idle;    /* extensions without the bit that lets them run */
	size_t extensions;
};

static void look_at(struct folder *folder, const char *path)
{
	autoclose int fd = executable_open(path);
	const char *architecture;
	struct stat st;
	struct elf elf;

	if (fd == -1 || fstat(fd, &st) == -1)
		return;
	folder->extensions++;
	if (folder->has_extensions && !(st.st_mode & 0001))
		tree_note(&folder->idle, path);
	elf_read(&elf, fd);
	architecture = elf_architecture(&elf);
	if (elf.kind == ELF_KIND_GOOD &&
	    (!architecture || strcmp(architecture, folder->context->architecture) != 0)) {
		tree_note(&folder->foreign, path);
		if (folder->foreign.count == 1)
			snprintf(folder->foreign_name, sizeof(folder->foreign_name), "%s",
			         architecture ? architecture : "another one");
	}
	elf_finish(&elf);
}

static void tell_foreign(const struct folder *folder)
{
	struct finding *finding;

	if (folder->foreign.count == 0)
		return;
	finding = findings_add(folder->context->findings, FINDING_WARNING, "layer-architecture",
	                       folder->foreign.example);
	if (folder->foreign.count == 1)
		finding_problem(finding, "'%s' is built for %s, and the function is for %s",
		                folder->foreign.example, folder->foreign_name,
		                folder->context->architecture);
	else
		finding_problem(
			finding,
			"%zu files in '%s' are built for another architecture than %s, '%s' "
			"for one (%s)",
			folder->foreign.count, folder->path, folder->context->architecture,
			folder->foreign.example, folder->foreign_name);
	finding_fix(finding, "take the layer that was made for %s", folder->context->architecture);
}

static void tell_idle(const struct folder *folder)
{
	struct fault fault = fault_make(FAULT_ERROR, "Extension.LaunchError", "PermissionDenied");
	struct finding *finding;

	if (folder->idle.count == 0)
		return;
	finding = findings_add(folder->context->findings, FINDING_ERROR, "extension-exec-bit",
	                       folder->idle.example);
	finding_problem(finding, "the extension '%s' is not executable by the sandbox user",
	                folder->idle.example);
	finding_fault(finding, &fault);
	finding_fix(finding, "chmod a+rx it");
}

static void tell_many(const struct folder *folder)
{
	struct fault fault = fault_make(FAULT_ERROR, "Extension.LaunchError", "TooManyExtensions");
	struct finding *finding;

	if (!folder->has_extensions || folder->extensions <= EXTENSION_LIMIT)
		return;
	finding = findings_add(folder->context->findings, FINDING_ERROR, "extension-count",
	                       folder->path);
	finding_problem(finding, "there are %zu extensions in '%s', and Lambda takes at most %d",
	                folder->extensions, folder->path, EXTENSION_LIMIT);
	finding_fault(finding, &fault);
	finding_fix(finding, "leave some out");
}

static void check_folder(const struct preflight_context *context, const char *layer,
                         const char *name)
{
	char *path = xasprintf("%s/%s", layer, name);
	struct folder folder = { .context = context,
		                 .path = path,
		                 .has_extensions = strcmp(name, "extensions") == 0 };
	DIR *entries = opendir(path);
	struct dirent *entry;

	for (size_t i = 0; entries && i < ENTRY_LIMIT && (entry = readdir(entries)); i++) {
		char *file = xasprintf("%s/%s", path, entry->d_name);

		look_at(&folder, file);
		free(file);
	}
	if (entries)
		closedir(entries);
	tell_foreign(&folder);
	tell_idle(&folder);
	tell_many(&folder);
	free(folder.foreign.example);
	free(folder.idle.example);
	free(path);
}

void preflight_check_layers(const struct preflight_context *context)
{
	static const char *const names[] = { "bin", "lib", "extensions" };

	check_count(context);
	for (size_t i = 0; i < context->spec->layer_count; i++) {
		for (size_t j = 0; j < sizeof(names) / sizeof(names[0]); j++)
			check_folder(context, context->spec->layers[i], names[j]);
	}
}
