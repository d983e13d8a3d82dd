/* SPDX-License-Identifier: Apache-2.0 */
/* advice - what to do about a write that Lambda would not allow */
#include "emulator/advice.h"

#include <fnmatch.h>
#include <string.h>

/* Python tries to keep what it has compiled beside each source, and shells what was typed. Both go
 * on without. */
const char *const advice_unreported[] = { "*/__pycache__", "*/__pycache__/*", "*.pyc",
	                                  "*/.*_history", NULL };

/* The first row that fits speaks; patterns are those of fnmatch(3), with * for / as well. */
static const struct row {
	const char *program; /* name of the process; NULL: any */
	const char *path;    /* NULL: any */
	const char *advice;
	const char *reason; /* where the usual one is not the point */
} rows[] = {
	/* places */
	{ NULL, "/dev/shm*", "use threads or pipes (in Python: multiprocessing.Pipe)",
	  "Lambda has no shared memory, hence no named semaphores and no locks between processes" },
	{ NULL, "/var/tmp*", "use /tmp, or set TMPDIR=/tmp", NULL },

	/* caches and settings that have a variable of their own */
	{ NULL, "*/.npm*", "set npm_config_cache=/tmp/npm", NULL },
	{ NULL, "*/.yarn*", "set YARN_CACHE_FOLDER=/tmp/yarn", NULL },
	{ NULL, "*/.bun/*", "set BUN_INSTALL_CACHE_DIR=/tmp/bun", NULL },
	{ NULL, "*/matplotlib*", "set MPLCONFIGDIR=/tmp/matplotlib", NULL },
	{ NULL, "*/huggingface*", "set HF_HOME=/tmp/huggingface", NULL },
	{ NULL, "*/nltk_data*", "set NLTK_DATA=/tmp/nltk_data", NULL },
	{ NULL, "*/numba*", "set NUMBA_CACHE_DIR=/tmp/numba", NULL },
	{ NULL, "*/go-build*", "set GOCACHE=/tmp/go-build", NULL },
	{ NULL, "*/fontconfig*", "set XDG_CACHE_HOME=/tmp/.cache", NULL },
	{ NULL, "*/puppeteer*", "set PUPPETEER_CACHE_DIR=/tmp/puppeteer", NULL },
	{ NULL, "*/.gradle*", "set GRADLE_USER_HOME=/tmp/gradle", NULL },
	{ NULL, "*/.m2*", "set MAVEN_OPTS=-Dmaven.repo.local=/tmp/m2", NULL },
	{ NULL, "*/.prisma*", "generate the client before you deploy", NULL },
	{ "deno*", NULL, "use /tmp, or set DENO_DIR=/tmp/deno", NULL },
	{ "bun*", "*.pile", "set BUN_RUNTIME_TRANSPILER_CACHE_PATH=/tmp/bun, or =0 for none",
	  NULL },
	{ "bun*", "*/.cache*", "set BUN_RUNTIME_TRANSPILER_CACHE_PATH=/tmp/bun, or =0 for none",
	  NULL },
	{ NULL, "*/.cache*", "set XDG_CACHE_HOME=/tmp/.cache, or HOME=/tmp", NULL },
	{ NULL, "*/.config*", "set XDG_CONFIG_HOME=/tmp/.config, or HOME=/tmp", NULL },
	{ NULL, "*/.local/*", "set XDG_DATA_HOME=/tmp/.local/share, or HOME=/tmp", NULL },

	/* Lambda sets no HOME; libraries then take it from /etc/passwd. */
	{ NULL, "/home*", "set HOME=/tmp", "Lambda has no home folder" },
	{ NULL, "/root*", "set HOME=/tmp", NULL },
	{ NULL, "/nonexistent*", "set HOME=/tmp", NULL },
	{ NULL, NULL, "use /tmp", NULL },
};

static const struct row *find_row(const struct sandbox_write *write)
{
	for (const struct row *row = rows;; row++) {
		if ((!row->program || fnmatch(row->program, write->name, 0) == 0) &&
		    (!row->path || fnmatch(row->path, write->path, 0) == 0))
			return row;
	}
}

static const char *verb_of(enum sandbox_write_kind kind)
{
	switch (kind) {
	case SANDBOX_WRITE_CONTENT:
		return "write";
	case SANDBOX_WRITE_CREATE:
		return "create";
	case SANDBOX_WRITE_REMOVE:
		return "remove";
	case SANDBOX_WRITE_RENAME:
		return "rename a file to";
	case SANDBOX_WRITE_CHANGE:
		return "change the attributes of";
	}
	return "write";
}

static void add_who(struct buffer *line, const struct sandbox_write *write)
{
	if (write->name[0] && write->pid)
		buffer_append_format(line, "%s (pid %d)", write->name, (int)write->pid);
	else if (write->pid)
		buffer_append_format(line, "a process (pid %d)", (int)write->pid);
	else
		buffer_append_format(line, "a process");
}

void advice_write(struct buffer *line, const struct sandbox_write *write, const char *when)
{
	if (!write->path[0]) {
		buffer_append_format(
			line,
			"writes to other files failed %u time%s %s: read-only on Lambda: use "
			"/tmp",
			write->count, write->count == 1 ? "" : "s", when);
		return;
	}
	const struct row *row = find_row(write);
	const char *reason = row->reason      ? row->reason
	                     : write->missing ? "no such folder, and none can be made on Lambda"
	                                      : "read-only on Lambda";
	add_who(line, write);
	buffer_append_format(line, " could not %s '%s%s' %s: %s: %s", verb_of(write->kind),
	                     write->path, write->is_cut ? "..." : "", when, reason, row->advice);
}
