/* SPDX-License-Identifier: Apache-2.0 */
/*
 * extensions_api - the Extensions API 2020-01-01 over HTTP.
 *
 * Translates the calls of extensions into calls of their environment, and the
 * verdicts into status, headers and bodies to the byte (spec extensions-telemetry.md §1).
 */
#ifndef EMULATOR_EXTENSIONS_API_H
#define EMULATOR_EXTENSIONS_API_H

#include "emulator/api_port.h"

extern const struct port_api extensions_api;

/* For struct runtime_port_ops. */
void extensions_api_notify(struct runtime_port *port, const struct extension *extension,
                           const struct extension_event *event);

/*
 * Who calls, by its Lambda-Extension-Identifier, for all APIs of extensions. When it is nobody the
 * call is answered and NULL comes back. 'unknown' is said of an id that nobody has; NULL: a text
 * that names the id.
 */
struct extension *extensions_api_find_caller(struct port_call *call, const char *unknown);

#endif
