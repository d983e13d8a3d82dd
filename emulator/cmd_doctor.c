/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_doctor - which walls stand here, and what would keep a function from running
 *
 * The walls are probed as at any start. Of the function nothing is executed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "emulator/commands.h"
#include "emulator/doctor_report.h"
#include "emulator/elf.h"
#include "emulator/log.h"
#include "emulator/preflight.h"
#include "emulator/service.h"

static unsigned required_walls(const struct config *config)
{
	unsigned all = 0;

	sandbox_walls_parse(NULL, &all, NULL);
	if (config->sandbox != SANDBOX_FULL)
		all = config->require_sandbox ? config->required_walls : 0;
	if (config->network == SANDBOX_NETWORK_NONE)
		all |= 1U << SANDBOX_WALL_NETWORK;
	return all;
}

/* All are told, so none is required of the probe. */
static bool look_at_walls(const struct config *config, struct doctor_report *report)
{
	enum sandbox_mode mode = config->sandbox == SANDBOX_OFF ? SANDBOX_OFF : SANDBOX_AUTO;
	struct error err;
	struct sandbox_host *host = sandbox_probe(mode, 0, &err);

	if (!host) {
		log_error("%s", err.text);
		return false;
	}
	sandbox_host_set_syscalls(host, config->syscalls);
	sandbox_host_set_network(host, config->network, &err); /* the table has the reason */
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		report->walls[wall] = *sandbox_host_wall(host, (enum sandbox_wall)wall);
	sandbox_host_destroy(host);
	return true;
}

static const char *mode_name(enum sandbox_mode mode)
{
	static const char *const names[] = {
		[SANDBOX_AUTO] = "auto",
		[SANDBOX_FULL] = "full",
		[SANDBOX_OFF] = "off",
	};

	return names[mode];
}

/* ---- the function ---- */

/* Also without an option where there is something to look at: in an image. */
static bool wants_preflight(const struct config *config)
{
	return config->file || config->bootstrap || config->task_root || config->layers.count > 0 ||
	       access("/var/task/bootstrap", F_OK) == 0 || access("/opt/bootstrap", F_OK) == 0;
}

/* Judged by a box with all walls, whatever stands here: it is Lambda that decides. */
static bool look_at_function(const struct config *config, struct doctor_function *function)
{
	struct error err;
	struct package *package = package_create(config, true, &err);

	function->name = config->file ? config->function_name : NULL;
	if (!package) {
		log_error("%s%s%s", function->name ? function->name : "",
		          function->name ? ": " : "", err.text);
		return false;
	}
	preflight_run(&function->preflight, config, package);
	package_destroy(package);
	return true;
}

static size_t count_functions(const struct config *config)
{
	size_t count = 0;

	for (; config; config = config->next)
		count++;
	return count;
}

/* What is found is in 'functions', which has room for all. */
static bool look_at_functions(const struct config *config, struct doctor_report *report,
                              struct doctor_function *functions)
{
	report->functions = functions;
	for (; config && wants_preflight(config); config = config->next) {
		if (!look_at_function(config, &functions[report->count]))
			return false;
		report->count++;
	}
	return true;
}

static void forget(const struct doctor_report *report, struct doctor_function *functions)
{
	for (size_t i = 0; i < report->count; i++)
		preflight_finish(&functions[i].preflight);
	free(functions);
}

/* ---- the command ---- */

static int exit_code(const struct doctor_report *report)
{
	if (doctor_report_misses_wall(report))
		return EXIT_WALL_MISSING;
	if (doctor_report_count(report, FINDING_ERROR) > 0)
		return EXIT_FUNCTION_FAILED;
	return EXIT_FINE;
}

static bool print(const struct config *config, const struct doctor_report *report)
{
	bool color = config->color == CONFIG_COLOR_ALWAYS ||
	             (config->color == CONFIG_COLOR_AUTO && isatty(STDOUT_FILENO));
	autobuffer struct buffer text = BUFFER_INIT;

	if (config->json)
		doctor_report_json(&text, report, exit_code(report));
	else
		doctor_report_text(&text, report, color);
	if (fwrite(text.data, 1, text.length, stdout) == text.length && fflush(stdout) == 0)
		return true;
	log_error("write to stdout: %s", strerror(errno));
	return false;
}

int cmd_doctor(const struct config *config)
{
	struct doctor_report report = { .sandbox = mode_name(config->sandbox),
		                        .required = required_walls(config) };
	struct doctor_function *functions = xcalloc(count_functions(config), sizeof(*functions));
	struct utsname machine;
	int code;

	uname(&machine);
	report.kernel = machine.release;
	report.architecture = elf_host_architecture();
	if (!look_at_functions(config, &report, functions))
		code = EXIT_USAGE;
	else if (!look_at_walls(config, &report))
		code = EXIT_WALL_MISSING;
	else
		code = print(config, &report) ? exit_code(&report) : EXIT_USAGE;
	forget(&report, functions);
	return code;
}
