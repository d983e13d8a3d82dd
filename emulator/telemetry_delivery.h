/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry_delivery - how batches of telemetry get to those who asked for them.
 *
 * HTTP: one POST (or PUT) a batch on a kept connection; any 2xx takes it.
 * TCP: lines on a kept connection; what the kernel has, the subscriber has. If
 * the connection breaks in the middle of a batch, all of it is sent again.
 */
#ifndef EMULATOR_TELEMETRY_DELIVERY_H
#define EMULATOR_TELEMETRY_DELIVERY_H

#include "emulator/telemetry.h"

struct telemetry_delivery;

/* Outlives all telemetry. */
struct telemetry_delivery *telemetry_delivery_create(struct loop *loop);
void telemetry_delivery_destroy(struct telemetry_delivery *delivery); /* NULL is fine */

/* What telemetry is given. */
struct telemetry_sinks *telemetry_delivery_sinks(struct telemetry_delivery *delivery);

#endif
