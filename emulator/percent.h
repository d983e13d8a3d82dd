/* SPDX-License-Identifier: Apache-2.0 */
/*
 * percent - the escapes of URLs, undone: "%41" is "A".
 *
 * Strictly where a name must be one, and else as the servers of AWS do, which leave alone what is
 * no escape.
 */
#ifndef EMULATOR_PERCENT_H
#define EMULATOR_PERCENT_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

/* In place. Returns false when a '%' begins no escape, or one of a NUL byte. */
bool percent_decode(char *text);

/* Appends 'text' decoded; a '%' that begins no escape stays. */
void percent_append_decoded(struct buffer *out, const char *text, size_t length,
                            bool plus_is_blank);

#endif
