/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json - the JSON that lrie reads and writes. The one home of json-c.
 *
 * For lrie's own files and answers. Payloads are not parsed: see json_check.h.
 */
#ifndef EMULATOR_JSON_H
#define EMULATOR_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulator/buffer.h"

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

#endif
