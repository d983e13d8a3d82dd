/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hosts - the /etc/hosts of a box.
 *
 * That of this machine, at most a mebibyte of it, behind one line of the box's own: 'sandbox' and
 * 'sandbox.localdomain' are the box itself, as on Lambda, where telemetry is sent to by that name.
 */
#ifndef SANDBOX_HOSTS_H
#define SANDBOX_HOSTS_H

#include <stdbool.h>

#include "sandbox/error.h"

/* Writes what is at 'path' of this machine, if that can be read, with the box's line to 'target',
 * an empty file. */
bool hosts_write(const char *path, int target, struct error *err);

#endif
