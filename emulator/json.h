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

/* A text that may hold anything, NUL too. */
void json_object_bytes(struct buffer *out, const char *name, const char *data, size_t length);

/* A text that is given in pieces, each of whole characters: behind json_object_name(), or as an
 * item of an array. A name may hold anything, too. */
void json_object_name(struct buffer *out, const char *name, size_t length);
void json_text_open(struct buffer *out);
void json_text_add(struct buffer *out, const char *data, size_t length);
void json_text_close(struct buffer *out);

/* A value that is JSON already. */
void json_object_json(struct buffer *out, const char *name, const char *json, size_t length);

/* Members of other kinds. What json_object_open() begins is ended by json_object_end(). */
void json_object_number(struct buffer *out, const char *name, uint64_t value);
void json_object_bool(struct buffer *out, const char *name, bool value);
/* Seventeen digits, so that what is read is what was written; NAN and infinity become null. */
void json_object_double(struct buffer *out, const char *name, double value);
/* In thousandths: 1233960 is 1233.96, 5000000 is 5000.0. */
void json_object_decimal(struct buffer *out, const char *name, uint64_t thousandths);
void json_object_null(struct buffer *out, const char *name);
void json_object_text_or_null(struct buffer *out, const char *name, const char *value);
void json_object_open(struct buffer *out, const char *name);

/* A member that is an array of objects: each is begun by json_array_item() and ended by
 * json_object_end(). */
void json_array_open(struct buffer *out, const char *name);
void json_array_item(struct buffer *out);
void json_array_end(struct buffer *out);

/* An item that is a number, a text, or an array: that is begun here and ended by
 * json_array_end(). */
void json_array_double(struct buffer *out, double value);
void json_array_text(struct buffer *out, const char *value);
void json_array_nest(struct buffer *out);

/* ---- reading ---- */

struct json;

/*
 * Reads one JSON text, nested at most 32 deep, as a tree. Returns NULL and fills 'err'
 * with what is wrong and where. Who may choose the length bounds it first.
 */
struct json *json_read(const char *text, size_t length, struct error *err);
void json_destroy(struct json *json); /* NULL is fine */

/* Parts of a tree live as long as it does. NULL when there is no such part, also of NULL. */
const struct json *json_member(const struct json *json, const char *name);
/* The name of an object's member, by its place in the text; NULL behind the last. */
const char *json_member_name(const struct json *json, size_t index);
const struct json *json_item(const struct json *json, size_t index);

/* Returns false when it is no number, or NULL. */
bool json_number(const struct json *json, double *value);

/* Whether it has no fraction: for floor() alone libm would be loaded at each start. */
bool json_is_whole(double value);

/* NULL when it is no string, or has a NUL in it. */
const char *json_text(const struct json *json);

bool json_is_true(const struct json *json);
bool json_is_object(const struct json *json);
bool json_is_array(const struct json *json);

/* Appends a tree as text, on one line. */
void json_append(struct buffer *out, const struct json *json);

/* How many values a text has at most. A tree takes up to 400 bytes for each. */
size_t json_count_values(const char *text, size_t length);

/* 0 when it is no array. */
size_t json_length(const struct json *json);

#endif
