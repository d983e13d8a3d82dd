/* SPDX-License-Identifier: Apache-2.0 */
/* base64 - RFC 4648 section 4, with padding. */
#ifndef EMULATOR_BASE64_H
#define EMULATOR_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

void base64_encode(struct buffer *out, const void *data, size_t length);

/* Appends the decoded bytes. Returns false, and appends nothing, when 'text' is not base64. */
bool base64_decode(struct buffer *out, const char *text, size_t length);

#endif
