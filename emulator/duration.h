/* SPDX-License-Identifier: Apache-2.0 */
/*
 * duration - lengths of time as people write them: "90s", "2m", "1h30m", "500ms".
 */
#ifndef EMULATOR_DURATION_H
#define EMULATOR_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "sandbox/error.h"

/* Whole numbers with a unit each (h, m, s, ms), larger units first, each at most once. Returns
 * false and fills 'err' when 'text' is none, is negative, or does not fit. */
bool duration_parse(const char *text, uint64_t *ns, struct error *err);

#endif
