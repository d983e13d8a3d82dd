/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - the JSON that lrie reads and writes. The one home of json-c.
 *
 * Payloads are not parsed: json_check() only walks over their bytes, since
 * Lambda refuses an event that is not JSON before any function sees it.
 */
#ifndef EMULATOR_JSON_H
#define EMULATOR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* A flat object with text members, built in order: json_object_begin(),
 * json_object_text()..., json_object_end(). Bytes that are not UTF-8 become U+FFFD. */
void json_object_begin(struct buffer *out);
void json_object_text(struct buffer *out, const char *name, const char *value);
void json_object_end(struct buffer *out);

/* Members of other kinds. What json_object_open() begins is ended by json_object_end(). */
void json_object_number(struct buffer *out, const char *name, uint64_t value);
void json_object_bool(struct buffer *out, const char *name, bool value);
void json_object_null(struct buffer *out, const char *name);
void json_object_text_or_null(struct buffer *out, const char *name, const char *value);
void json_object_open(struct buffer *out, const char *name);

/* A member that is an array of objects: each is begun by json_array_item() and ended by
 * json_object_end(). */
void json_array_open(struct buffer *out, const char *name);
void json_array_item(struct buffer *out);
void json_array_end(struct buffer *out);

/* Removes each member 'name' from the object in 'text'; the others keep their bytes. Returns false,
 * and changes nothing, when 'text' is no JSON object. */
bool json_remove_member(struct buffer *text, const char *name);

#endif
