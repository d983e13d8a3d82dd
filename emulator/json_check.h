/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_check - whether bytes are JSON, and where they stop being it.
 *
 * Payloads are not parsed: this only walks over their bytes, since Lambda
 * refuses an event that is not JSON before any function sees it.
 */
#ifndef EMULATOR_JSON_CHECK_H
#define EMULATOR_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

/*
 * Whether 'data' is one JSON text (RFC 8259) in valid UTF-8. If not, 'reason'
 * gets the words that Lambda uses (spec invoke-api.md, InvalidRequestContentException):
 * "Could not parse request body into json: Could not parse payload into json: Unexpected
 * character ('x' (code 120)): expected a valid value (...)\n at [Source: ...; line: 1, column: 1]".
 * Nesting deeper than 1000 is refused, as AWS's parser does. Never allocates
 * by the input's size.
 */
bool json_check(const char *data, size_t length, struct buffer *reason);

/* Such a reason, of which it leaves out what is about Lambda's body and Java's settings:
 * "Unexpected character (...) at line: 2, column: 1". */
void json_check_append_plain(struct buffer *out, const char *reason);

/* How many of the bytes from 'at' on stand for themselves in a JSON string: up to the first that is
 * a control character, '"', '\\', or not ASCII. */
size_t json_plain_length(const char *at, const char *end);

/* Removes each member 'name' from the object in 'text'; the others keep their bytes. Returns false,
 * and changes nothing, when 'text' is no JSON object. */
bool json_remove_member(struct buffer *text, const char *name);

#endif
