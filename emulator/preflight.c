/* SPDX-License-Identifier: Apache-2.0 */
/* preflight - what would keep a function from running on Lambda, without running it */
#include "emulator/preflight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "emulator/executable.h"
#include "emulator/variables.h"

#define TASK_ROOT "/var/task"

const char *preflight_variable(const char *const *variables, const char *name)
{
	size_t length = strlen(name);

	for (; *variables; variables++) {
		if (strncmp(*variables, name, length) == 0 && (*variables)[length] == '=')
			return *variables + length + 1;
	}
	return NULL;
}

/* The address and the stream are of a life, and of no interest here. */
static const char **make_variables(const struct config *config, const struct package *package)
{
	const struct variables_place place = { .runtime_api = "",
		                               .log_stream = "",
		                               .task_root = package_task_root(package),
		                               .runtime_root = package_runtime_root(package) };

	return variables_make(config, &place);
}

static void check_bootstrap(const struct preflight_context *context, const struct package *package,
                            const char *const *variables)
{
	const struct executable_context executable = {
		.view = context->view,
		.bootstrap = package_bootstrap_shown(package),
		.architecture = context->architecture,
		.path = preflight_variable(variables, "PATH"),
		.library_path = preflight_variable(variables, "LD_LIBRARY_PATH"),
		.cwd = package_cwd(package),
		.os_only = !context->is_image,
		.findings = context->findings,
	};

	executable_check(&executable, executable.bootstrap, package_bootstrap(package));
}

/* ---- before a start ---- */

/* Puts 'to' in place of each 'from' in a text that may be NULL. */
static void replace(char **text, const char *from, const char *to)
{
	autobuffer struct buffer out = BUFFER_INIT;
	const char *at = *text, *next;

	if (!at || !strstr(at, from))
		return;
	for (; (next = strstr(at, from)); at = next + strlen(from)) {
		buffer_append(&out, at, (size_t)(next - at));
		buffer_append_text(&out, to);
	}
	buffer_append_text(&out, at);
	free(*text);
	*text = buffer_steal(&out, NULL);
}

/* A layer that is a .zip was unpacked to a folder that nobody knows: it goes by the archive's name.
 */
static void name_archives(struct preflight *preflight, const struct config *config,
                          const struct sandbox_spec *spec)
{
	for (size_t i = 0; i < config->layers.count && i < spec->layer_count; i++) {
		const char *archive = config->layers.items[i];
		struct stat st;

		if (stat(archive, &st) == -1 || S_ISDIR(st.st_mode))
			continue;
		replace(&preflight->bootstrap, spec->layers[i], archive);
		for (size_t j = 0; j < preflight->findings.count; j++) {
			replace(&preflight->findings.items[j].file, spec->layers[i], archive);
			replace(&preflight->findings.items[j].problem, spec->layers[i], archive);
		}
	}
}

static void explain_no_bootstrap(const struct preflight_context *context, const struct fault *fault)
{
	struct finding *finding = findings_add(context->findings, FINDING_ERROR, "no-bootstrap",
	                                       NULL);

	finding_problem(finding, "there is no file 'bootstrap' in '%s', nor in a layer",
	                context->spec->task_root ? context->spec->task_root : TASK_ROOT);
	finding_fault(finding, fault);
	finding_fix(finding, "a .zip has it at its top; name another program with --bootstrap");
}

static void check_machine(const struct preflight_context *context)
{
	const char *host = elf_host_architecture();
	struct finding *finding;

	if (strcmp(context->architecture, host) == 0)
		return;
	finding = findings_add(context->findings, FINDING_HINT, "other-machine", NULL);
	finding_problem(finding,
	                "this machine is %s: what is built for %s cannot run here, and "
	                "what it would find on the machine was not looked at",
	                host, context->architecture);
}

void preflight_run(struct preflight *preflight, const struct config *config,
                   struct package *package)
{
	const char **variables = make_variables(config, package);
	struct sandbox_program program = { .output = -1 };
	struct sandbox_spec spec = { .hostname = NULL };
	struct preflight_context context = { .config = config, .spec = &spec };
	struct fault fault;

	*preflight = (struct preflight){
		.architecture = config->architecture ? config->architecture
		                                     : elf_host_architecture(),
	};
	package_fill_spec(package, &spec);
	context.findings = &preflight->findings;
	context.architecture = preflight->architecture;
	context.is_image = package_is_image(package);
	struct view *view = view_create(&spec, package_has_own_root(package));
	context.view = view;
	if (package_fill_program(package, &program, &fault)) {
		preflight->bootstrap = xstrdup(package_bootstrap(package));
		preflight->shown = xstrdup(package_bootstrap_shown(package));
		check_bootstrap(&context, package, variables);
	} else {
		explain_no_bootstrap(&context, &fault);
	}
	preflight_check_layers(&context);
	preflight->cut_short = preflight_check_files(&context);
	preflight_check_ports(&context, variables);
	check_machine(&context);
	name_archives(preflight, config, &spec);
	findings_sort(&preflight->findings);
	view_destroy(view);
	free(variables);
}

void preflight_finish(struct preflight *preflight)
{
	findings_finish(&preflight->findings);
	free(preflight->bootstrap);
	free(preflight->shown);
	*preflight = (struct preflight){ .bootstrap = NULL };
}

/* ---- behind a start that has failed ---- */

static void append_reason(const struct findings *findings, int code, struct buffer *out)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];

		if (finding->code != code)
			continue;
		buffer_append_text(out, finding->problem);
		if (finding->fix)
			buffer_append_format(out, ": %s", finding->fix);
		return;
	}
}

void preflight_explain(const struct config *config, const struct package *package, int code,
                       struct buffer *out)
{
	struct findings findings = { .count = 0 };
	struct sandbox_spec spec = { .hostname = NULL };
	struct preflight_context context = { .config = config,
		                             .spec = &spec,
		                             .architecture = elf_host_architecture(),
		                             .is_image = true,
		                             .findings = &findings };
	const char **variables;
	struct view *view;

	if (!package_bootstrap(package))
		return;
	variables = make_variables(config, package);
	package_fill_spec(package, &spec);
	view = view_create(&spec, package_has_own_root(package));
	context.view = view;
	check_bootstrap(&context, package, variables);
	append_reason(&findings, code, out);
	if (out->length == 0 && code == EACCES)
		buffer_append_format(out,
		                     "'%s', its interpreter, or a folder on the way to them cannot "
		                     "be read or executed by the sandbox user, as on Lambda: it "
		                     "needs chmod a+rX",
		                     package_bootstrap(package));
	view_destroy(view);
	findings_finish(&findings);
	free(variables);
}

void preflight_explain_cwd(const struct package *package, struct buffer *out)
{
	const char *cwd = package_cwd(package);
	struct sandbox_spec spec = { .hostname = NULL };
	bool is_task_root;

	package_fill_spec(package, &spec);
	is_task_root = package_has_own_root(package) && spec.task_root &&
	               strncmp(cwd, TASK_ROOT, strlen(TASK_ROOT)) == 0 &&
	               strchr("/", cwd[strlen(TASK_ROOT)]);
	buffer_append_format(out,
	                     "the working directory '%s%s' must be a folder that the sandbox user "
	                     "can enter, as on Lambda: chmod a+rx it",
	                     is_task_root ? spec.task_root : cwd,
	                     is_task_root ? cwd + strlen(TASK_ROOT) : "");
}
