/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invoke_api - the Invoke API 2015-03-31 over HTTP.
 *
 * Translates requests of SDKs, the AWS CLI and curl into invocations, and
 * answers into what Lambda would send (spec invoke-api.md §1). A caller that
 * leaves does not stop its invocation, as on Lambda. What admin_api owns is handed on.
 */
#ifndef EMULATOR_INVOKE_API_H
#define EMULATOR_INVOKE_API_H

#include "emulator/admin_api.h"
#include "emulator/functions.h"
#include "emulator/http_server.h"

/* Heads that SDKs send stay below 8 KiB; client context adds up to 3583 bytes. */
#define INVOKE_API_HEAD_LIMIT ((size_t)32 << 10)

struct invoke_api;

/* Serves 'functions' on the listening socket 'fd', which is taken over (also on failure). All
 * arguments must outlive it. */
struct invoke_api *invoke_api_create(struct http_server *server, int fd,
                                     struct functions *functions, struct admin_api *admin,
                                     struct error *err);

/* Closes the listener and its connections. All invocations must be done. NULL is fine. */
void invoke_api_destroy(struct invoke_api *api);

#endif
