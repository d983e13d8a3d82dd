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
#include <sys/stat.h>
#include <unistd.h>

#include "emulator/admin_api.h"
#include "emulator/commands.h"
#include "emulator/http_front.h"
#include "emulator/http_listen.h"
#include "emulator/invoke_api.h"
#include "emulator/log.h"
#include "emulator/service.h"
#include "sandbox/fd.h"

/* How long servers may take for what is left to be told of events. */
#define LETTER_GRACE_MS 2000

struct server {
	struct service service;
	struct invoke_api *invoke_api;
	struct admin_api *admin_api;
	struct http_front *http_front; /* NULL unless it was asked for */
	struct functions_listener listener;
	bool shall_reload; /* once more, when that is done */
	bool has_terminal;
	bool stopping, is_stopped;
};

/* There is one server in the process; functions_stop()'s callback finds it here. */
static struct server server;

static void on_drained(struct event_delivery *letters)
{
	(void)letters;
	server.is_stopped = true;
	loop_stop(server.service.loop);
}

static void on_stopped(struct functions *functions)
{
	(void)functions;
	event_delivery_drain(server.service.letters, LETTER_GRACE_MS, on_drained);
}

/* ---- SIGHUP ---- */

static bool is_on_terminal(void)
{
	return isatty(STDIN_FILENO) || isatty(STDOUT_FILENO) || isatty(STDERR_FILENO);
}

/* With a file SIGHUP is to read it again, unless it tells what it was made for: that the terminal
 * has gone. */
static bool is_about_the_file(int number)
{
	return number == SIGHUP && server.service.config->file &&
	       (!server.has_terminal || is_on_terminal());
}

static void tell_difference(const struct config *config)
{
	const char *name = config_find_difference(server.service.config, config);

	if (name)
		log_warning("'%s': '%s' is not about one function: what it says now counts from "
		            "the next start on",
		            config->file, name);
}

/* What the start could wait for, such as a pipe, would now keep all functions waiting. */
static bool can_be_read_again(const char *path, struct error *err)
{
	struct stat status;

	if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
		return error_set(err, 0, "'%s' is no file that can be read again", path);
	return true;
}

static void reload(void);

static void on_updated(struct functions_listener *listener, const char *news,
                       const struct error *err)
{
	(void)listener;
	if (news)
		log_notice("'%s' is read again: %s", server.service.config->file,
		           *news ? news : "no function has changed");
	else
		log_error("%s: all functions stay as they are", err->text);
	if (!server.shall_reload)
		return;
	server.shall_reload = false;
	reload();
}

/* The same command line, and what is in the file now. */
static void reload(void)
{
	const char *file = server.service.config->file;
	struct config *config = NULL;
	struct error err;

	if (can_be_read_again(file, &err))
		config = config_parse(0, server.service.config->words, &err);
	if (!config) {
		log_error("%s: all functions stay as they are", err.text);
		return;
	}
	tell_difference(config);
	server.listener.on_updated = on_updated;
	functions_update(server.service.functions, config, &server.listener);
	if (functions_are_updating(server.service.functions))
		log_notice("'%s': layers are being unpacked; until then all goes on as before",
		           file);
}

/* One after the other: what the file says when the first is done counts in the end. */
static void ask_for_reload(void)
{
	if (functions_are_updating(server.service.functions))
		server.shall_reload = true;
	else
		reload();
}

static void on_signal(struct loop_signal *number)
{
	if (is_about_the_file(number->number)) {
		if (!server.stopping)
			ask_for_reload();
		return;
	}
	/* The box's init dies with us, and takes everything else along. */
	if (server.stopping)
		_exit(128 + number->number);
	server.stopping = true;
	log_info("%s: ending", strsignal(number->number));
	functions_stop(server.service.functions, on_stopped);
}

static int host_length(const char *address)
{
	return (int)(strrchr(address, ':') - address);
}

/* What stands before a single function; of several each may have another. */
static const char *http_format_text(const struct config *config)
{
	static const char *const texts[] = { [HTTP_FORMAT_URL] = " as a function URL",
		                             [HTTP_FORMAT_HTTP_API] = " as an HTTP API",
		                             [HTTP_FORMAT_REST_API] = " as a REST API",
		                             [HTTP_FORMAT_ALB] = " as a load balancer" };

	return functions_count(server.service.functions) > 1 ? "" : texts[config->http_as];
}

/* The addresses as asked for, with the ports that the kernel chose where these were 0. */
static void tell_addresses(const struct config *config, unsigned port, unsigned http_port)
{
	int host = host_length(config->listen);

	log_notice("listening on http://%.*s:%u", host, config->listen, port);
	if (http_port)
		log_notice("serving HTTP on http://%.*s:%u%s", host_length(config->http),
		           config->http, http_port, http_format_text(config));
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

/* Takes both descriptors over; -1: nothing is served as HTTP. */
static bool open_fronts(int fd, int http_fd, struct error *err)
{
	struct service *service = &server.service;
	autoclose int owned = http_fd;
	const struct admin_api_subjects subjects = {
		.functions = service->functions,
		.letters = service->letters,
		.loop = service->loop,
		.clock_is_virtual = service->config->virtual_clock,
	};

	server.admin_api = admin_api_create(&subjects);
	server.invoke_api = invoke_api_create(service->invoke_server, fd, service->functions,
	                                      server.admin_api, err);
	if (!server.invoke_api || owned == -1)
		return server.invoke_api;
	server.http_front = http_front_create(service->invoke_server, service->loop,
	                                      steal_fd(&owned), service->functions, service->config,
	                                      err);
	return server.http_front;
}

static int run(int fd, int http_fd)
{
	struct error err;
	unsigned port = http_listen_port(fd);
	unsigned http_port = http_fd == -1 ? 0 : http_listen_port(http_fd);

	if (!open_fronts(fd, http_fd, &err) ||
	    !service_watch_signals(&server.service, on_signal, &err)) {
		log_error("%s", err.text);
		functions_stop(server.service.functions, on_stopped);
		if (!server.is_stopped)
			loop_run(server.service.loop);
		return EXIT_USAGE;
	}
	tell_addresses(server.service.config, port, http_port);
	tell_functions();
	loop_run(server.service.loop);
	return EXIT_FINE;
}

int cmd_serve(const struct config *config)
{
	struct error err;
	autoclose int fd = http_listen(config->listen, &err);
	autoclose int http_fd = fd != -1 && config->http ? http_listen(config->http, &err) : -1;
	int code;

	server.has_terminal = is_on_terminal();
	if (fd == -1 || (config->http && http_fd == -1)) {
		log_error("%s", err.text);
		return EXIT_USAGE;
	}
	code = service_init(&server.service, config, STDOUT_FILENO);
	if (code == EXIT_FINE)
		code = run(steal_fd(&fd), steal_fd(&http_fd));
	http_front_destroy(server.http_front);
	invoke_api_destroy(server.invoke_api);
	admin_api_destroy(server.admin_api);
	service_finish(&server.service);
	return code;
}
