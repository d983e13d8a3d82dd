/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - what it takes to run a function, whatever command asks for it.
 *
 * Loop, output, walls, package, Runtime API and function, made in that order and
 * unmade in the reverse.
 */
#ifndef EMULATOR_SERVICE_H
#define EMULATOR_SERVICE_H

#include "emulator/config.h"
#include "emulator/function.h"
#include "emulator/http_server.h"
#include "emulator/runtime_api.h"

#define SERVICE_SIGNALS 3 /* SIGTERM, SIGINT, SIGHUP */

struct service {
	const struct config *config;
	struct loop *loop;
	struct output *output;
	struct sandbox_host *host;
	struct package *package;
	struct http_server *invoke_server; /* CONFIG_SERVE only */
	struct http_server *runtime_server;
	struct runtime_api *runtime_api;
	struct function *function;
	struct loop_signal signals[SERVICE_SIGNALS];
};

/* Exit codes that all commands share (lrie(1), EXIT STATUS). */
enum {
	EXIT_FINE = 0,
	EXIT_FUNCTION_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_WALL_MISSING = 3,
	EXIT_TIMED_OUT = 124,
};

/*
 * Starts the function; its first init begins. The function's output and Lambda's
 * lines go to 'output_fd'. Returns EXIT_FINE, or prints why not and returns the
 * exit code; service_finish() is due in both cases.
 */
int service_init(struct service *service, const struct config *config, int output_fd);

/* Calls 'on_signal' for each of the signals that end lrie. */
bool service_watch_signals(struct service *service, void (*on_signal)(struct loop_signal *signal),
                           struct error *err);

/* The function must be stopped, if there is one. Fine on a zeroed service. */
void service_finish(struct service *service);

#endif
