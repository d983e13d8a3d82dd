/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_api - the Runtime API 2018-06-01 over HTTP.
 *
 * Translates the calls of a runtime into calls of its environment, and the
 * verdicts into status, headers and bodies to the byte (spec runtime-api.md).
 * Each life of an environment has an address of its own.
 */
#ifndef EMULATOR_RUNTIME_API_H
#define EMULATOR_RUNTIME_API_H

#include "emulator/environment.h"
#include "emulator/http_server.h"

/* Pool for the request head: Lambda-Runtime-Function-XRay-Error-Cause alone may have 1 MiB. */
#define RUNTIME_API_HEAD_LIMIT (((size_t)1 << 20) + ((size_t)32 << 10))

struct runtime_api;

/* 'server' and 'config' must outlive it, and it the environments. Fails when the configured
 * address cannot be had. */
struct runtime_api *runtime_api_create(struct http_server *server, const struct config *config,
                                       struct error *err);

/* NULL is fine. */
void runtime_api_destroy(struct runtime_api *api);

/* What environments open their addresses with. */
struct runtime_ports *runtime_api_ports(struct runtime_api *api);

#endif
