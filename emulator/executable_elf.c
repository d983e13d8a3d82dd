/* SPDX-License-Identifier: Apache-2.0 */
/* executable_elf - a compiled program: its architecture, its loader, the C library that it needs */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "emulator/executable.h"

static const char *architecture_name(const struct elf *elf)
{
	const char *name = elf_architecture(elf);

	return name ? name : "another architecture";
}

static void explain_architecture(const struct executable_context *context,
                                 const struct view_place *place, const struct elf *elf)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, "architecture",
	                                       place->host);
	bool is_host = executable_is_for_host(context);

	finding_problem(finding, "'%s' is built for %s, and %s is %s", place->host,
	                architecture_name(elf),
	                is_host ? "this machine" : "what the function is deployed for",
	                context->architecture);
	finding_fix(finding, "build it for %s, or deploy the function with another architecture",
	            context->architecture);
	finding_exec(finding, context->bootstrap, ENOEXEC);
}

static void explain_defect(const struct executable_context *context, const struct view_place *place,
                           const struct elf *elf)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, "damaged",
	                                       place->host);

	finding_problem(finding, "'%s' is not whole: %s", place->host, elf->defect);
	finding_fix(finding, "build or copy it anew");
	if (elf->kind == ELF_KIND_BROKEN)
		finding_exec(finding, context->bootstrap, ENOEXEC);
}

/* ---- the loader ---- */

/* With a merged /usr both names lead to the same file. */
static const char *without_usr(const char *path)
{
	return strncmp(path, "/usr/lib", 8) == 0 ? path + 4 : path;
}

static bool is_lambdas_loader(const struct executable_context *context, const char *loader)
{
	const char *lambdas = strcmp(context->architecture, "arm64") == 0
	                              ? "/lib/ld-linux-aarch64.so.1"
	                              : "/lib64/ld-linux-x86-64.so.2";

	return strcmp(without_usr(loader), lambdas) == 0;
}

static bool is_musl(const char *loader)
{
	return strstr(loader, "/ld-musl-");
}

static void explain_loader(const struct executable_context *context, const struct view_place *place,
                           const char *loader)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, "lambda-loader",
	                                       place->host);

	finding_problem(finding, "'%s' needs the loader '%s', which %s", place->host, loader,
	                is_musl(loader) ? "is musl's: Lambda's Amazon Linux 2023 has glibc instead"
	                                : "Lambda's Amazon Linux 2023 does not have");
	finding_fix(finding,
	            is_musl(loader) ? "link it statically (with musl that is what -static is for), "
	                              "or build it for glibc"
	                            : "build it with the usual loader, or link it statically");
	finding_exec(finding, context->bootstrap, ENOENT);
	finding->code = 0; /* here it may well run */
}

/* Returns whether there is one that would run. */
static bool check_loader(const struct executable_context *context, const struct view_place *place,
                         const struct elf *elf)
{
	struct view_place loader;

	if (!elf->interpreter)
		return false;
	if (executable_is_for_host(context) &&
	    !executable_find(context, place, "loader", elf->interpreter, &loader))
		return false;
	if (view_find(context->view, elf->interpreter, &loader) && loader.is_deployed)
		return true;
	if (!context->os_only || is_lambdas_loader(context, elf->interpreter))
		return true;
	explain_loader(context, place, elf->interpreter);
	return false;
}

void executable_check_elf(const struct executable_context *context, const struct view_place *place,
                          const struct elf *elf)
{
	const char *architecture = elf_architecture(elf);

	if (elf->defect)
		explain_defect(context, place, elf);
	if (elf->kind != ELF_KIND_GOOD)
		return;
	if (!architecture || strcmp(architecture, context->architecture) != 0)
		explain_architecture(context, place, elf);
	else if (check_loader(context, place, elf))
		executable_check_libraries(context, place, elf);
}
