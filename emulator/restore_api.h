/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore_api - the part of the Runtime API that SnapStart adds (spec runtime-api.md §8).
 *
 * A runtime whose function begins in another way finds none of it: 404.
 */
#ifndef EMULATOR_RESTORE_API_H
#define EMULATOR_RESTORE_API_H

#include "emulator/api_port.h"

extern const struct port_api restore_api;

/* For struct runtime_port_ops. */
void restore_api_release(struct runtime_port *port);

#endif
