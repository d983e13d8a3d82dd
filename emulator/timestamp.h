/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp - moments as text: "2026-10-08T07:30:27.768Z".
 */
#ifndef EMULATOR_TIMESTAMP_H
#define EMULATOR_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMESTAMP_SIZE 32 /* with the terminating NUL */

/* A wall time in nanoseconds since the epoch, as UTC with three digits of a second, cut. */
void timestamp_format(uint64_t wall_ns, char text[static TIMESTAMP_SIZE]);

/* Whether it is a date and time as RFC 3339 has them, any zone and fraction included. */
bool timestamp_is_valid(const char *text, size_t length);

#endif
