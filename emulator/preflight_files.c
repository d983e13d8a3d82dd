/* SPDX-License-Identifier: Apache-2.0 */
/* preflight_files - the files of the task root and the layers, and what they weigh */
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "emulator/clock.h"
#include "emulator/preflight.h"
#include "emulator/tree.h"

#define ENTRY_LIMIT 200000
#define TIME_LIMIT_NS (UINT64_C(700) * CLOCK_NS_PER_MS)
#define SIZE_LIMIT 262144000 /* 250 MB: spec environment-and-limits.md §3 */

static struct finding *add(const struct preflight_context *context, enum finding_severity severity,
                           const char *check, const struct tree_oddity *oddity,
                           const char *what_one, const char *what_many)
{
	struct finding *finding = findings_add(context->findings, severity, check, oddity->example);

	if (oddity->count == 1)
		finding_problem(finding, "'%s' %s", oddity->example, what_one);
	else
		finding_problem(finding, "%zu %s, '%s' for one", oddity->count, what_many,
		                oddity->example);
	return finding;
}

static void tell_readers(const struct preflight_context *context, const struct tree *tree)
{
	struct finding *finding;

	if (tree->unreadable.count > 0) {
		finding = add(context, FINDING_WARNING, "unreadable", &tree->unreadable,
		              "cannot be read by the sandbox user, as on Lambda: whoever opens it "
		              "gets EACCES, permission denied",
		              "files and folders cannot be read by the sandbox user, as on Lambda: "
		              "whoever opens them gets EACCES, permission denied");
		finding_fix(finding, "chmod -R a+rX the folder before it is packed");
	}
	if (tree->outside.count > 0) {
		finding = add(context, FINDING_WARNING, "link-outside", &tree->outside,
		              "is a link out of the package: in the box it leads nowhere, and on "
		              "Lambda unless the archive was made without links",
		              "links lead out of the package: in the box they lead nowhere, and on "
		              "Lambda unless the archive was made without links");
		finding_fix(finding, "put what they lead to into the package");
	}
}

/* Only root is more than "nobody writes there"; programs that try are told when they do. */
static void tell_writers(const struct preflight_context *context, const struct tree *tree)
{
	struct finding *finding;

	if (tree->databases.count > 0) {
		finding = add(context, FINDING_HINT, "read-only-database", &tree->databases,
		              "is an SQLite database in a folder that is read-only on Lambda: it "
		              "cannot be written, and in WAL mode perhaps not be read",
		              "SQLite databases are in folders that are read-only on Lambda: they "
		              "cannot be written, and in WAL mode perhaps not be read");
		finding_fix(finding, "copy it to /tmp before it is opened, or open it with "
		                     "immutable=1");
	}
	if (tree->caches.count > 0) {
		finding = add(context, FINDING_HINT, "read-only-cache", &tree->caches,
		              "is a cache that cannot be written on Lambda",
		              "caches cannot be written on Lambda");
		finding_fix(finding,
		            "leave it out of the package, and point the program that keeps "
		            "it to /tmp");
	}
	if (tree->special.count > 0) {
		finding = add(context, FINDING_HINT, "special-file", &tree->special,
		              "is a FIFO, a socket or a device: no archive brings it to Lambda",
		              "FIFOs, sockets or devices are no matter of an archive");
		finding_fix(finding, "make it at run time, below /tmp");
	}
}

/* A layer means a .zip; without one it may be an image, which may have 10 GB. */
static void check_size(const struct preflight_context *context, uint64_t bytes)
{
	bool has_layers = context->config->layers.count > 0;
	struct finding *finding;

	if (bytes <= SIZE_LIMIT || context->is_image)
		return;
	finding = findings_add(context->findings, has_layers ? FINDING_ERROR : FINDING_WARNING,
	                       "size", context->spec->task_root);
	finding_problem(finding,
	                "the function%s has %" PRIu64 " MB, and Lambda takes at most 250 MB from "
	                "archives",
	                has_layers ? " with its layers" : "", bytes >> 20);
	finding_fix(finding, "leave out what it does not need, or deploy it as a container image");
}

const char *preflight_check_files(const struct preflight_context *context)
{
	const struct sandbox_spec *spec = context->spec;
	struct tree_budget budget = { .entries = ENTRY_LIMIT,
		                      .until_ns = clock_now() + TIME_LIMIT_NS };
	bool is_cut = false;
	uint64_t bytes = 0;

	for (size_t i = 0; i <= spec->layer_count; i++) {
		const char *folder = i == 0 ? spec->task_root : spec->layers[i - 1];
		struct stat st;
		struct tree tree;

		if (!folder || stat(folder, &st) == -1 || !S_ISDIR(st.st_mode))
			continue;
		tree_walk(&tree, folder, i == 0 ? "/var/task" : "/opt", context->view, &budget);
		tell_readers(context, &tree);
		tell_writers(context, &tree);
		bytes += tree.bytes;
		is_cut |= tree.is_cut;
		tree_finish(&tree);
	}
	check_size(context, bytes);
	return is_cut ? "There are more files than were looked at: the walk was cut short, and "
	                "what "
	                "is said of files and sizes is incomplete."
	              : NULL;
}
