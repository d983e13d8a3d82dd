/* SPDX-License-Identifier: Apache-2.0 */
/* watch_noise - files that change while somebody works, and are no part of what he makes */
#include "emulator/watch_noise.h"

#include <fnmatch.h>
#include <stddef.h>

static bool is_listed(const char *name, const char *const *patterns)
{
	for (; *patterns; patterns++)
		if (fnmatch(*patterns, name, 0) == 0)
			return true;
	return false;
}

/* node_modules is not among them: what is installed there is the function's own code. */
bool watch_noise_is_folder(const char *name)
{
	static const char *const patterns[] = {
		".git",          ".hg",           ".svn",    ".bzr",
		".jj",           "CVS",                      /* version control */
		".idea",         ".vscode",       ".vs",     /* development environments */
		"__pycache__",   ".mypy_cache",   ".cache",  /* what is made again from the rest */
		".ruff_cache",   ".tox",          ".direnv", /* ... */
		".pytest_cache", ".parcel-cache", ".turbo",  NULL,
	};

	return is_listed(name, patterns);
}

bool watch_noise_is_file(const char *name)
{
	static const char *const patterns[] = {
		"*.sw[a-z]",
		"*~",
		"4913", /* vim: swap file, backup, may-I-write test */
		".#*",
		"#*#",              /* Emacs: lock, auto-save */
		"*___jb_*___",      /* JetBrains: safe write */
		".goutputstream-*", /* GLib: gedit and others */
		".*.kate-swp",      /* Kate */
		".DS_Store",
		"._*", /* macOS */
		".nfs*",
		".fuse_hidden*", /* removed while open */
		NULL,
	};

	return watch_noise_is_folder(name) || is_listed(name, patterns);
}
