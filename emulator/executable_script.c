/* SPDX-License-Identifier: Apache-2.0 */
/* executable_script - a script and the interpreter that it names */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "emulator/buffer.h"
#include "emulator/executable.h"
#include "emulator/script.h"

#define NOT_FOUND 127 /* with which env(1) and shells end */

static const char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether the last part of 'path' is 'word', or 'word' and a version ("python3.11"). */
static bool is_called(const char *path, const char *word)
{
	const char *name = name_of(path);
	size_t length = strlen(word);

	return strncmp(name, word, length) == 0 &&
	       strspn(name + length, "0123456789.") == strlen(name + length);
}

/* OS-only runtimes have none of these. Of other interpreters, such as perl or awk, nothing is
 * claimed. */
static bool is_language_runtime(const char *path)
{
	static const char *const names[] = { "bun",    "deno", "dotnet", "java", "node",
		                             "nodejs", "php",  "python", "pypy", "ruby" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (is_called(path, names[i]))
			return true;
	}
	return false;
}

static void hint_runtime(const struct executable_context *context, const struct view_place *file,
                         const char *interpreter)
{
	struct finding *finding;

	if (!context->os_only || !is_language_runtime(interpreter))
		return;
	finding = findings_add(context->findings, FINDING_HINT, "machine-interpreter", file->host);
	finding_problem(finding,
	                "'%s' is run by this machine's '%s': Lambda's OS-only runtimes come "
	                "without language runtimes",
	                file->host, interpreter);
	finding_fix(finding, "deploy it in a layer (below /opt/bin), beside the bootstrap, or as a "
	                     "container image");
}

static void explain_crlf(const struct executable_context *context, const struct view_place *file,
                         const struct script *script)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, "crlf",
	                                       file->host);

	finding_fix(finding, "save it with LF line ends");
	if (!script->argument[0]) {
		finding_problem(
			finding,
			"the first line of '%s' ends in CRLF, which is taken as part of the "
			"interpreter's name",
			file->host);
		finding_exec(finding, context->bootstrap, ENOENT);
		return;
	}
	finding_problem(finding,
	                "the first line of '%s' ends in CRLF, which is taken as part of its "
	                "argument",
	                file->host);
	if (strcmp(name_of(script->interpreter), "env") == 0) {
		finding_exit(finding, NOT_FOUND);
		finding_log(finding, "%s: '%s\\r': No such file or directory", script->interpreter,
		            script->argument);
	}
}

static void explain_name(const struct executable_context *context, const struct view_place *file,
                         const struct script *script)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, "format",
	                                       file->host);

	if (script->is_cut)
		finding_problem(finding,
		                "the first line of '%s' is longer than the 255 bytes that the "
		                "kernel reads",
		                file->host);
	else
		finding_problem(finding, "the first line of '%s' names no interpreter behind #!",
		                file->host);
	finding_fix(finding, "a script begins with a line such as #!/bin/sh");
	finding_exec(finding, context->bootstrap, ENOEXEC);
}

/* As execvp(3) does: the first in 'path' that can be executed. */
static bool find_in_path(const struct executable_context *context, const char *program,
                         struct view_place *place)
{
	const char *path = context->path ? context->path : "/usr/bin:/bin";

	while (*path) {
		size_t length = strcspn(path, ":");
		char *candidate = xasprintf("%.*s/%s", (int)length, path, program);
		struct stat st;
		bool found = length > 0 && view_find(context->view, candidate, place) &&
		             stat(place->host, &st) == 0 && S_ISREG(st.st_mode) &&
		             st.st_mode & 0111;

		free(candidate);
		if (found)
			return true;
		path += length + (path[length] == ':');
	}
	return false;
}

static void explain_env(const struct executable_context *context, const struct view_place *file,
                        const struct script *script, const char *program)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, "env-program",
	                                       file->host);

	finding_exit(finding, NOT_FOUND);
	finding_log(finding, "%s: '%s': No such file or directory", script->interpreter, program);
	if (strpbrk(program, " \t")) {
		finding_problem(
			finding,
			"'%s' asks env for a program of the name '%s': the kernel passes all "
			"that follows as one word",
			file->host, program);
		finding_fix(finding, "write #!%s -S %s", script->interpreter, program);
		return;
	}
	finding_problem(finding, "'%s' needs '%s', which is nowhere in the function's PATH, %s",
	                file->host, program, context->path ? context->path : "which is empty");
	finding_fix(finding,
	            "bring it in a layer (bin/%s), show it with --bind, or set PATH with "
	            "--env",
	            program);
}

/* What env starts is told of as if the script named it. */
static void check_env(const struct executable_context *context, const struct view_place *file,
                      const struct script *script, unsigned depth)
{
	char program[SCRIPT_HEAD_SIZE];
	struct view_place place;
	bool split;

	if (!script_env_program(script->argument, program, sizeof(program), &split))
		return;
	if (strchr(program, '/') && program[0] != '/')
		return; /* relative to a folder that the script may change */
	if (program[0] == '/' ? view_find(context->view, program, &place)
	                      : find_in_path(context, program, &place)) {
		if (!place.is_deployed)
			hint_runtime(context, file, place.shown);
		executable_check_place(context, &place, depth + 1);
	} else if (executable_is_for_host(context)) {
		explain_env(context, file, script, program);
	}
}

void executable_check_script(const struct executable_context *context,
                             const struct view_place *place, const char *head, size_t length,
                             unsigned depth)
{
	struct view_place interpreter;
	struct script script;

	script_parse(&script, head, length);
	if (!script.interpreter[0] || script.is_cut) {
		explain_name(context, place, &script);
		return;
	}
	if (script.has_crlf)
		explain_crlf(context, place, &script);
	if (!executable_find(context, place, "interpreter", script.interpreter, &interpreter))
		return;
	if (!interpreter.is_deployed)
		hint_runtime(context, place, script.interpreter);
	executable_check_place(context, &interpreter, depth + 1);
	if (strcmp(name_of(interpreter.shown), "env") == 0 ||
	    strcmp(name_of(script.interpreter), "env") == 0)
		check_env(context, place, &script, depth);
}
