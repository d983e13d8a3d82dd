/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry_api - the Telemetry API 2022-07-01 and the Logs API 2020-08-15 over HTTP.
 *
 * Extensions subscribe at the address of the Runtime API, while init runs. With
 * --telemetry=stub they are told what AWS's own emulator tells them: that there
 * is no telemetry here (spec extensions-telemetry.md §3).
 */
#ifndef EMULATOR_TELEMETRY_API_H
#define EMULATOR_TELEMETRY_API_H

#include "emulator/api_port.h"

extern const struct port_api telemetry_api;

#endif
