/* SPDX-License-Identifier: Apache-2.0 */
/*
 * runtime_api - the Runtime API 2018-06-01 over HTTP.
 *
 * Translates the calls of a runtime into calls of its environment, and the
 * verdicts into status, headers and bodies to the byte (spec runtime-api.md).
 */
#ifndef EMULATOR_RUNTIME_API_H
#define EMULATOR_RUNTIME_API_H

#include "emulator/api_port.h"

/* 6 MiB and 100 bytes: exactly this much is accepted (spec runtime-api.md §4). */
#define RUNTIME_API_PAYLOAD_LIMIT 6291556

extern const struct port_api runtime_api;

/* What a call gets that does not fit the runtime's state, and one with a larger body. */
void runtime_api_refuse(struct http_exchange *exchange, enum runtime_state state,
                        enum runtime_call call);
void runtime_api_refuse_size(struct http_exchange *exchange);

/* For struct runtime_port_ops. */
void runtime_api_deliver(struct runtime_port *port, struct invocation *invocation, bool to_all);

#endif
