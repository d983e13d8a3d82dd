/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invoke_request - what a request to invoke a function asks for, checked.
 *
 * A request is refused as early as Lambda does, and in its order: first what the model of the API
 * does not allow in its name and its headers, then a function that does not exist, its size, its
 * JSON. Source: spec invoke-api.md §1.
 */
#ifndef EMULATOR_INVOKE_REQUEST_H
#define EMULATOR_INVOKE_REQUEST_H

#include <stdbool.h>

#include "emulator/functions.h"
#include "emulator/http_server.h"
#include "emulator/invocation.h"

struct invoke_request {
	char name[3 * 256 + 1];         /* FunctionName of the path; all of it may be encoded */
	struct served_function *served; /* who is called; not held */
	bool is_stream;                 /* InvokeWithResponseStream; set by the caller */
	bool wants_log;                 /* with its answer; an event has none */
	bool is_dry_run, is_event;
};

/* Fills in 'invocation', which is as invocation_create() makes it, and, but for the name,
 * 'request'. The whole request has arrived; what is wrong with it is replied, and false comes back.
 */
bool invoke_request_take(struct invoke_request *request, struct http_exchange *exchange,
                         const struct functions *functions, struct invocation *invocation);

#endif
