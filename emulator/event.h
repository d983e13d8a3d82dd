/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event - the event that a command was given: a file, standard input, or JSON text.
 */
#ifndef EMULATOR_EVENT_H
#define EMULATOR_EVENT_H

#include <stdbool.h>

#include "emulator/buffer.h"

/* Appends what --event names: a file, "-" for standard input, or the text itself; "{}" for NULL.
 * Returns false and fills 'err' when it cannot be read, is too large, or is no JSON. */
bool event_read(const char *option, struct buffer *event, struct error *err);

#endif
