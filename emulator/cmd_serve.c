/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_serve - the Invoke endpoint
 *
 * The socket listens before anything else is done: a client that comes early
 * waits in its backlog instead of being refused.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/admin_api.h"
#include "emulator/commands.h"
#include "emulator/http_listen.h"
#include "emulator/invoke_api.h"
#include "emulator/log.h"
#include "emulator/service.h"
#include "sandbox/fd.h"

struct server {
	struct service service;
	struct invoke_api *invoke_api;
	struct admin_api *admin_api;
	bool stopping, is_stopped;
};

/* There is one server in the process; functions_stop()'s callback finds it here. */
static struct server server;

static void on_stopped(struct functions *functions)
{
	(void)functions;
	server.is_stopped = true;
	loop_stop(server.service.loop);
}

static void on_signal(struct loop_signal *number)
{
	/* The box's init dies with us, and takes everything else along. */
	if (server.stopping)
		_exit(128 + number->number);
	server.stopping = true;
	log_info("%s: ending", strsignal(number->number));
	functions_stop(server.service.functions, on_stopped);
}

/* The address as asked for, with the port that the kernel chose where that was 0. */
static void tell_address(const struct config *config, unsigned port)
{
	int host = (int)(strrchr(config->listen, ':') - config->listen);

	log_notice("listening on http://%.*s:%u", host, config->listen, port);
	if (isatty(STDERR_FILENO))
		log_notice("try: curl -d '{}' http://%.*s:%u/2015-03-31/functions/%s/invocations",
		           host, config->listen, port, config->function_name);
}

/* A list that is longer is not read by anybody. */
#define NAMES_TOLD 20

static void tell_functions(void)
{
	const struct functions *functions = server.service.functions;
	size_t count = functions_count(functions);
	size_t told = count > NAMES_TOLD ? NAMES_TOLD : count;
	autobuffer struct buffer names = BUFFER_INIT;

	if (!server.service.config->file)
		return;
	for (size_t i = 0; i < told; i++)
		buffer_append_format(&names, "%s%s", i > 0 ? ", " : "",
		                     functions_at(functions, i)->name);
	if (told < count)
		buffer_append_format(&names, " and %zu more", count - told);
	log_notice("functions of '%s': %s", server.service.config->file, names.data);
}

/* Takes 'fd' over. */
static struct invoke_api *open_apis(int fd, struct error *err)
{
	struct service *service = &server.service;
	const struct admin_api_subjects subjects = {
		.functions = service->functions,
		.loop = service->loop,
		.clock_is_virtual = service->config->virtual_clock,
	};

	server.admin_api = admin_api_create(&subjects);
	return invoke_api_create(service->invoke_server, fd, service->functions, server.admin_api,
	                         err);
}

static int run(int fd)
{
	struct error err;
	unsigned port = http_listen_port(fd);

	server.invoke_api = open_apis(fd, &err);
	if (!server.invoke_api || !service_watch_signals(&server.service, on_signal, &err)) {
		log_error("%s", err.text);
		functions_stop(server.service.functions, on_stopped);
		if (!server.is_stopped)
			loop_run(server.service.loop);
		return EXIT_USAGE;
	}
	tell_address(server.service.config, port);
	tell_functions();
	loop_run(server.service.loop);
	return EXIT_FINE;
}

int cmd_serve(const struct config *config)
{
	struct error err;
	autoclose int fd = http_listen(config->listen, &err);
	int code;

	if (fd == -1) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	code = service_init(&server.service, config, STDOUT_FILENO);
	if (code == EXIT_FINE)
		code = run(steal_fd(&fd));
	invoke_api_destroy(server.invoke_api);
	admin_api_destroy(server.admin_api);
	service_finish(&server.service);
	return code;
}
