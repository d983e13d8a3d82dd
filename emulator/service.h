/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service - what it takes to run functions, whatever command asks for it.
 *
 * A service is what all functions share: walls, loop, output, servers and the ports of boxes,
 * made in that order and unmade in the reverse. Commands that serve functions as they
 * are have them from service_init(); others make the workloads of theirs.
 */
#ifndef EMULATOR_SERVICE_H
#define EMULATOR_SERVICE_H

#include "emulator/account.h"
#include "emulator/api_port.h"
#include "emulator/config.h"
#include "emulator/event_delivery.h"
#include "emulator/functions.h"
#include "emulator/http_server.h"
#include "emulator/observer.h"
#include "emulator/signals.h"
#include "emulator/telemetry_delivery.h"
#include "emulator/workload.h"

struct service {
	const struct config *config;
	struct loop *loop;
	struct output *output;
	struct sandbox_host *host;
	struct http_server *invoke_server; /* CONFIG_SERVE only */
	struct http_server *runtime_server;
	struct api_ports *ports;
	struct telemetry_delivery *delivery;
	struct observer *observer;         /* of commands that make records; else NULL */
	struct account account;            /* of all functions */
	struct environment_context shared; /* by all workloads */
	struct event_store *store;         /* NULL: events do not outlive lrie */
	struct event_delivery *letters;    /* service_init() only, else NULL */
	struct workload workload;          /* service_init_box() only */
	struct functions *functions;       /* service_init() only, else NULL */
	struct loop_signal signals[SIGNALS_ENDING];
	struct loop_signal child;
};

/* Exit codes that all commands share (lrie(1), EXIT STATUS). */
enum {
	EXIT_FINE = 0,
	EXIT_FUNCTION_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_WALL_MISSING = 3,
	EXIT_GATE_BROKEN = 99,
	EXIT_TIMED_OUT = 124,
};

/*
 * Makes all but functions. Their output and Lambda's lines go to 'output_fd'. Returns
 * EXIT_FINE, or prints why not and returns the exit code; service_finish() is due in
 * both cases.
 */
int service_open(struct service *service, const struct config *config, int output_fd);

/* The same, and starts the functions of 'config'. */
int service_init(struct service *service, const struct config *config, int output_fd);

/* Makes what a box needs and no more: walls, loop, and the workload of 'config'. */
int service_init_box(struct service *service, const struct config *config);

/* Calls 'on_signal' for each of the signals that end lrie, and reaps orphans. */
bool service_watch_signals(struct service *service, void (*on_signal)(struct loop_signal *signal),
                           struct error *err);

/* The functions must be stopped, if there are any. Fine on a zeroed service. */
void service_finish(struct service *service);

#endif
