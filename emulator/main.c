/* SPDX-License-Identifier: Apache-2.0 */
/* main - reads the command line and runs the command */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emulator/commands.h"
#include "emulator/config.h"
#include "emulator/log.h"
#include "emulator/removal.h"
#include "emulator/service.h"
#include "emulator/signals.h"
#include "emulator/stand_in.h"

static int print(const char *text)
{
	if (fputs(text, stdout) != EOF && fflush(stdout) == 0)
		return EXIT_FINE;
	log_error("write to stdout: %s", strerror(errno));
	return EXIT_USAGE;
}

static int cmd_help(const struct config *config)
{
	autobuffer struct buffer text = BUFFER_INIT;

	config_help(&text, config->topic);
	return print(text.data);
}

static int cmd_version(const struct config *config)
{
	(void)config;
	return print("lrie " PACKAGE_VERSION "\n");
}

static int (*const commands[CONFIG_COMMAND_COUNT])(const struct config *config) = {
	[CONFIG_SERVE] = cmd_serve,     [CONFIG_INVOKE] = cmd_invoke, [CONFIG_BENCH] = cmd_bench,
	[CONFIG_DOCTOR] = cmd_doctor,   [CONFIG_SHELL] = cmd_shell,   [CONFIG_HELP] = cmd_help,
	[CONFIG_VERSION] = cmd_version,
};

static bool wants_color(const struct config *config)
{
	return config->color == CONFIG_COLOR_ALWAYS ||
	       (config->color == CONFIG_COLOR_AUTO && isatty(STDERR_FILENO));
}

/* One that is missing would become a socket of ours, and a log be written to it. */
static void fill_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

int main(int argc, char **argv)
{
	struct error err;

	if (stand_in_is_meant(argv))
		stand_in_run();
	fill_standard_descriptors();

	struct config *config = config_parse(argc, argv, &err);

	if (!config) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	log_set(config->log_level, wants_color(config));

	int code = commands[config->command](config);

	config_destroy(config);
	removal_await();
	/* One that came where no loop heard it was blocked until all was undone. */
	signals_mask_ending(SIG_UNBLOCK);
	return code;
}
