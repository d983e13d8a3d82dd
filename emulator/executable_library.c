/* SPDX-License-Identifier: Apache-2.0 */
/*
 * executable_library - the libraries of a compiled program, found as the dynamic linker finds them
 *
 * Order of search: ld.so(8). Libraries that are deployed with the function are looked into in turn,
 * the machine's own are not: they fit each other. On another architecture than the machine's only
 * what is deployed can be found, so nothing is said to be missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/buffer.h"
#include "emulator/executable.h"
#include "emulator/option_value.h"
#include "sandbox/fd.h"

#define LIBRARY_LIMIT 256 /* that are looked into */
#define DEPTH_LIMIT 16
#define CONF_LIMIT 65536

#define GLIBC "GLIBC_2."
#define LAMBDA_MINOR 34          /* provided.al2023: spec environment-and-limits.md §4 */
#define RELR "GLIBC_ABI_DT_RELR" /* which came with 2.36 */
#define RELR_MINOR 36

#define LOADER_FAILED 127 /* ld.so's exit status for a missing library, and for a version */
#define VERSION_FAILED 1

/* One that is looked into, and who needed it. */
struct object {
	const struct object *parent;
	const struct view_place *place;
	const struct elf *elf;
	char *origin; /* its folder in the box */
};

struct search {
	const struct executable_context *context;
	const struct view_place *program;
	struct buffer folders; /* "/lib64\0/usr/lib64\0...": of the machine */
	char **seen;
	size_t seen_count;
	bool own_libc;  /* a C library is deployed with the function */
	uint64_t minor; /* the newest glibc that something needs, and what */
	char *minor_name, *minor_by, *minor_shown, *minor_library;
	struct buffer of_machine; /* names that only this machine is known to have */
};

/* ---- the machine's folders ---- */

static void add_folder(struct search *search, const char *folder, size_t length)
{
	buffer_append(&search->folders, folder, length);
	buffer_append(&search->folders, "", 1);
}

static void read_conf(struct search *search, const char *path, unsigned depth);

static void include_conf(struct search *search, const char *pattern, unsigned depth)
{
	char *full = pattern[0] == '/' ? xstrdup(pattern) : xasprintf("/etc/%s", pattern);
	glob_t found;

	if (depth < 4 && glob(full, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc && i < 100; i++)
			read_conf(search, found.gl_pathv[i], depth + 1);
		globfree(&found);
	}
	free(full);
}

/* ld.so.conf(5), and musl's file of folders, one a line. */
static void read_conf(struct search *search, const char *path, unsigned depth)
{
	char *text = xmalloc(CONF_LIMIT);
	char *line = text;

	if (fd_read_file(AT_FDCWD, path, text, CONF_LIMIT) <= 0)
		text[0] = '\0';
	while (*line) {
		char *end = line + strcspn(line, "\n#");
		char *next = line + strcspn(line, "\n");
		size_t length;

		next += *next == '\n';
		line += strspn(line, " \t");
		length = end > line ? (size_t)(end - line) : 0;
		while (length > 0 && strchr(" \t\r", line[length - 1]))
			length--;
		if (length > 8 && strncmp(line, "include ", 8) == 0) {
			line[length] = '\0';
			include_conf(search, line + 8 + strspn(line + 8, " \t"), depth);
		} else if (length > 0 && line[0] == '/') {
			add_folder(search, line, length);
		}
		line = next;
	}
	free(text);
}

static void find_folders(struct search *search)
{
	static const char *const usual[] = {
		"/lib64",         "/usr/lib64", "/lib",       "/usr/lib",
		"/usr/local/lib", "/lib32",     "/usr/lib32",
	};
	const char *triplet = strcmp(search->context->architecture, "arm64") == 0
	                              ? "aarch64-linux-gnu"
	                              : "x86_64-linux-gnu";
	char folder[64];

	read_conf(search, "/etc/ld.so.conf", 0);
	snprintf(folder, sizeof(folder), "/etc/ld-musl-%s.path",
	         strcmp(search->context->architecture, "arm64") == 0 ? "aarch64" : "x86_64");
	read_conf(search, folder, 0);
	for (size_t i = 0; i < 2; i++) {
		snprintf(folder, sizeof(folder), "%s/%s", i ? "/usr/lib" : "/lib", triplet);
		add_folder(search, folder, strlen(folder));
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		add_folder(search, usual[i], strlen(usual[i]));
}

/* ---- looking for a library ---- */

enum outcome {
	OUTCOME_MISSING,
	OUTCOME_FOUND,
	OUTCOME_UNKNOWN, /* a path says something that only the dynamic linker understands */
};

struct candidate {
	struct view_place place;
	struct elf elf;
	const char *other; /* the architecture of one that was passed over, or NULL */
	char other_path[PATH_MAX];
};

/* One of another class or machine is passed over. */
static bool try_path(const struct search *search, const struct elf *wanted, const char *path,
                     struct candidate *found)
{
	autoclose int fd = -1;

	if (!view_find(search->context->view, path, &found->place))
		return false;
	fd = executable_open(found->place.host);
	if (fd == -1)
		return false;
	elf_read(&found->elf, fd);
	if (found->elf.kind == ELF_KIND_GOOD && found->elf.bits == wanted->bits &&
	    found->elf.machine == wanted->machine && found->elf.big_endian == wanted->big_endian)
		return true;
	if (found->elf.kind == ELF_KIND_GOOD && found->place.is_deployed) {
		found->other = elf_architecture(&found->elf);
		snprintf(found->other_path, sizeof(found->other_path), "%s", found->place.host);
	}
	elf_finish(&found->elf);
	return false;
}

/* A folder of a search path, with $ORIGIN put in; NULL when it has other variables. */
static char *expand(const struct object *object, const char *folder, size_t length)
{
	static const char *const origins[] = { "$ORIGIN", "${ORIGIN}" };
	char *text = xasprintf("%.*s", (int)length, folder);
	char *result = text;

	for (size_t i = 0; i < 2; i++) {
		size_t size = strlen(origins[i]);

		if (strncmp(text, origins[i], size) == 0) {
			result = xasprintf("%s%s", object->origin, text + size);
			free(text);
			break;
		}
	}
	if (!strchr(result, '$'))
		return result;
	free(result);
	return NULL;
}

static enum outcome try_folders(const struct search *search, const struct object *object,
                                const char *folders, const struct elf *wanted, const char *name,
                                struct candidate *found)
{
	enum outcome outcome = OUTCOME_MISSING;

	while (folders && *folders) {
		size_t length = strcspn(folders, ":;");
		char *folder = length > 0 ? expand(object, folders, length)
		                          : xstrdup(search->context->cwd);
		char *path = folder ? xasprintf("%s%s/%s", folder[0] == '/' ? "" : "/var/task/",
		                                folder, name)
		                    : NULL;
		bool there = path && try_path(search, wanted, path, found);

		if (!folder)
			outcome = OUTCOME_UNKNOWN;
		free(folder);
		free(path);
		if (there)
			return OUTCOME_FOUND;
		folders += length + (folders[length] != '\0');
	}
	return outcome;
}

/* DT_RPATH counts, and that of those who need the object, where there is no DT_RUNPATH. */
static enum outcome try_rpaths(const struct search *search, const struct object *object,
                               const char *name, struct candidate *found)
{
	enum outcome outcome = OUTCOME_MISSING, one;

	if (object->elf->runpath)
		return outcome;
	for (const struct object *at = object; at; at = at->parent) {
		if (at->elf->runpath)
			continue;
		one = try_folders(search, at, at->elf->rpath, object->elf, name, found);
		if (one == OUTCOME_FOUND)
			return one;
		if (one == OUTCOME_UNKNOWN)
			outcome = one;
	}
	return outcome;
}

static bool try_machine(const struct search *search, const struct elf *wanted, const char *name,
                        struct candidate *found)
{
	const char *at = search->folders.data;
	const char *end = at + search->folders.length;

	for (; at < end; at += strlen(at) + 1) {
		char *path = xasprintf("%s/%s", at, name);
		bool there = try_path(search, wanted, path, found);

		free(path);
		if (there)
			return true;
	}
	return false;
}

static enum outcome find_library(const struct search *search, const struct object *object,
                                 const char *name, struct candidate *found)
{
	const struct executable_context *context = search->context;
	enum outcome rpath, paths, runpath;

	found->other = NULL;
	if (strchr(name, '/')) {
		if (name[0] != '/' || strchr(name, '$'))
			return OUTCOME_UNKNOWN;
		return try_path(search, object->elf, name, found) ? OUTCOME_FOUND : OUTCOME_MISSING;
	}
	rpath = try_rpaths(search, object, name, found);
	if (rpath == OUTCOME_FOUND)
		return rpath;
	paths = try_folders(search, object, context->library_path, object->elf, name, found);
	if (paths == OUTCOME_FOUND)
		return paths;
	runpath = try_folders(search, object, object->elf->runpath, object->elf, name, found);
	if (runpath == OUTCOME_FOUND || try_machine(search, object->elf, name, found))
		return OUTCOME_FOUND;
	return rpath == OUTCOME_UNKNOWN || paths == OUTCOME_UNKNOWN || runpath == OUTCOME_UNKNOWN
	               ? OUTCOME_UNKNOWN
	               : OUTCOME_MISSING;
}

/* ---- what is said of them ---- */

static void explain_missing(const struct search *search, const struct object *object,
                            const char *name, const struct candidate *candidate)
{
	struct finding *finding = findings_add(search->context->findings, FINDING_ERROR,
	                                       "missing-library", object->place->host);

	if (candidate->other)
		finding_problem(finding, "'%s' needs the library '%s', and '%s' is built for %s",
		                object->place->host, name, candidate->other_path, candidate->other);
	else
		finding_problem(finding,
		                "'%s' needs the library '%s', which is nowhere the dynamic linker "
		                "looks",
		                object->place->host, name);
	finding_fix(finding, "deploy it in lib/ beside the bootstrap or in a layer's lib/, or link "
	                     "statically");
	finding_exit(finding, LOADER_FAILED);
	finding_log(finding,
	            "%s: error while loading shared libraries: %s: cannot open shared object file: "
	            "No such file or directory",
	            search->program->shown, name);
}

/* Part of glibc and of the compiler's runtime, which AWS's own runtimes and the OS itself need. */
static bool is_lambdas(const char *name)
{
	static const char *const names[] = {
		"ld-linux",     "libc.so.",       "libm.so.",      "libpthread.so.",
		"libdl.so.",    "librt.so",       "libresolv.so.", "libutil.so.",
		"libgcc_s.so.", "libstdc++.so.6", "libanl.",       "libnss_",
		"libmvec.so.",  "libcrypt.so.2",  "libz.so.1",     "linux-vdso",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strncmp(name, names[i], strlen(names[i])) == 0)
			return true;
	}
	return false;
}

static void note_of_machine(struct search *search, const char *name)
{
	if (!search->context->os_only || is_lambdas(name))
		return;
	if (search->of_machine.length > 0)
		buffer_append_text(&search->of_machine, ", ");
	buffer_append_text(&search->of_machine, name);
}

static void hint_of_machine(const struct search *search)
{
	struct finding *finding;

	if (search->of_machine.length == 0)
		return;
	finding = findings_add(search->context->findings, FINDING_HINT, "machine-library",
	                       search->program->host);
	finding_problem(finding, "'%s' uses libraries of this machine: %s", search->program->host,
	                search->of_machine.data);
	finding_fix(finding,
	            "unless you know that Lambda's OS has them, deploy them in lib/ beside "
	            "the bootstrap or in a layer's lib/");
}

/* ---- the version of the C library ---- */

static bool parse_minor(const char *name, uint64_t *minor)
{
	char digits[8];
	size_t length;

	if (strcmp(name, RELR) == 0) {
		*minor = RELR_MINOR;
		return true;
	}
	if (strncmp(name, GLIBC, strlen(GLIBC)) != 0)
		return false;
	name += strlen(GLIBC);
	length = strcspn(name, "."); /* "2.3.4" */
	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, name, length);
	digits[length] = '\0';
	return option_value_number(digits, 0, 1000, minor, NULL);
}

static void replace(char **text, const char *with)
{
	free(*text);
	*text = xstrdup(with);
}

static void note_versions(struct search *search, const struct object *object)
{
	for (size_t i = 0; i < object->elf->version_count; i++) {
		const struct elf_version *version = &object->elf->versions[i];
		uint64_t minor;

		if (!parse_minor(version->name, &minor) || minor <= search->minor)
			continue;
		search->minor = minor;
		replace(&search->minor_name, version->name);
		replace(&search->minor_library, version->library);
		replace(&search->minor_by, object->place->host);
		replace(&search->minor_shown, object->place->shown);
	}
}

static void check_glibc(const struct search *search)
{
	struct finding *finding;

	if (!search->context->os_only || search->own_libc || search->minor <= LAMBDA_MINOR)
		return;
	finding = findings_add(search->context->findings, FINDING_ERROR, "glibc", search->minor_by);
	finding_problem(finding, "'%s' needs glibc 2.%u, and Lambda's Amazon Linux 2023 has 2.%d",
	                search->minor_by, (unsigned)search->minor, LAMBDA_MINOR);
	finding_fix(finding, "build it on Amazon Linux 2023 or an older system, or link it "
	                     "statically");
	finding_exit(finding, VERSION_FAILED);
	finding_log(finding, "%s: /lib64/%s: version `%s' not found (required by %s)",
	            search->program->shown, search->minor_library, search->minor_name,
	            search->minor_shown);
}

/* ---- the walk ---- */

static bool is_new(struct search *search, const char *name)
{
	for (size_t i = 0; i < search->seen_count; i++) {
		if (strcmp(search->seen[i], name) == 0)
			return false;
	}
	if (search->seen_count == LIBRARY_LIMIT)
		return false;
	search->seen = xrealloc(search->seen, (search->seen_count + 1) * sizeof(*search->seen));
	search->seen[search->seen_count++] = xstrdup(name);
	return true;
}

static void look_into(struct search *search, const struct object *object, unsigned depth);

static void take_library(struct search *search, const struct object *object, const char *name,
                         struct candidate *found, unsigned depth)
{
	struct object library = { .parent = object, .place = &found->place, .elf = &found->elf };

	if (!found->place.is_deployed) {
		note_of_machine(search, name);
	} else {
		search->own_libc |= strcmp(name, "libc.so.6") == 0;
		look_into(search, &library, depth + 1);
	}
	elf_finish(&found->elf);
}

static void look_into(struct search *search, const struct object *object, unsigned depth)
{
	struct object mine = *object;
	const char *shown = object->place->shown;
	struct candidate *found = xmalloc(sizeof(*found)); /* large, and this calls itself */

	mine.origin = xasprintf("%.*s", (int)(strrchr(shown, '/') - shown), shown);
	note_versions(search, &mine);
	for (size_t i = 0; i < mine.elf->needed_count && depth < DEPTH_LIMIT; i++) {
		const char *name = mine.elf->needed[i];
		enum outcome outcome;

		if (!is_new(search, name))
			continue;
		outcome = find_library(search, &mine, name, found);
		if (outcome == OUTCOME_FOUND)
			take_library(search, &mine, name, found, depth);
		else if (outcome == OUTCOME_MISSING && executable_is_for_host(search->context))
			explain_missing(search, &mine, name, found);
	}
	free(found);
	free(mine.origin);
}

void executable_check_libraries(const struct executable_context *context,
                                const struct view_place *place, const struct elf *elf)
{
	struct search search = { .context = context,
		                 .program = place,
		                 .folders = BUFFER_INIT,
		                 .of_machine = BUFFER_INIT };
	const struct object program = { .place = place, .elf = elf };

	if (executable_is_for_host(context))
		find_folders(&search);
	look_into(&search, &program, 0);
	check_glibc(&search);
	hint_of_machine(&search);
	for (size_t i = 0; i < search.seen_count; i++)
		free(search.seen[i]);
	free(search.seen);
	free(search.minor_name);
	free(search.minor_by);
	free(search.minor_shown);
	free(search.minor_library);
	buffer_finish(&search.folders);
	buffer_finish(&search.of_machine);
}
