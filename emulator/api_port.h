/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api_port - the address at which the programs of a box reach Lambda's APIs.
 *
 * Each life of an environment has one, for whatever API. The port
 * accepts connections, finds out who calls, and passes each request to the API
 * whose route it is.
 */
#ifndef EMULATOR_API_PORT_H
#define EMULATOR_API_PORT_H

#include "emulator/environment.h"
#include "emulator/extension.h"
#include "emulator/http_server.h"
#include "emulator/route.h"

/* Pool for the request head: Lambda-Runtime-Function-XRay-Error-Cause alone may have 1 MiB. */
#define API_PORT_HEAD_LIMIT (((size_t)1 << 20) + ((size_t)32 << 10))

/* ---- for those who run functions ---- */

struct api_ports;

/* 'server' and 'config' must outlive it, and it the environments. Fails when the configured
 * address cannot be had. */
struct api_ports *api_ports_create(struct http_server *server, const struct config *config,
                                   struct error *err);

/* NULL is fine. */
void api_ports_destroy(struct api_ports *ports);

/* What environments open their addresses with. */
struct runtime_ports *api_ports_runtime_ports(struct api_ports *ports);

/* ---- for the APIs ---- */

/* One request. Embedded at the start of the API's own record of it. */
struct port_call {
	const struct port_api *api;
	struct port *port;
	struct http_exchange *exchange;
	struct port_call *next, **place; /* among those that wait */
};

struct port {
	struct runtime_port base;
	struct environment *env;
	const struct config *config;
	struct port_call *waiting;                     /* for an event, at the Runtime API */
	struct port_call *restoring;                   /* ... to be restored */
	struct port_call *extensions[EXTENSION_LIMIT]; /* ... and at theirs, by their place */
	bool closing;
	bool has_warned_of_credentials; /* that there are none */

	/* private to api_port.c */
	struct http_listener listener;
	struct api_ports *ports;
	bool is_fixed;
	bool is_open;    /* listens */
	bool has_warned; /* of foreigners */
};

struct port_api {
	const struct route *routes;

	/* Whether it is there at all, for this environment. NULL: always. */
	bool (*is_offered)(const struct port *port);

	/* The head has arrived. Makes the record of the call; its 'base' is filled in later, and
	 * the body is not accepted unless this asks for it. */
	struct port_call *(*open)(struct port *port, struct http_exchange *exchange, int route,
	                          const char *argument);

	/* A piece of a body that is taken in pieces; NULL where none is. */
	void (*body)(struct port_call *call, const char *data, size_t length);

	/* All of it has arrived: replies, or keeps the call among those that wait. */
	void (*serve)(struct port_call *call);

	/* It is over, however it ended. Lets it go and frees the record. */
	void (*close)(struct port_call *call);
};

/* Puts a call among those that wait in 'list', or takes it out: fine if it is in none. */
void port_call_hold(struct port_call *call, struct port_call **list);
void port_call_let_go(struct port_call *call);

#endif
