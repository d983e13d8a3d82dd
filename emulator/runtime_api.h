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

extern const struct port_api runtime_api;

/* For struct runtime_port_ops. */
void runtime_api_deliver(struct runtime_port *port, struct invocation *invocation, bool to_all);

#endif
