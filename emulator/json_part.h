/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_part - the parts of a JSON text, one after the other, and the lines that they are in.
 *
 * For files that people write: a tree, as json_read() makes one, no longer tells in
 * which line something stood, nor that a name was there twice. A part is a piece of
 * the text, as it was written; json_read() takes it. Nothing is copied or allocated unless
 * it is appended to a buffer. It also suits what functions answer, of which a tree
 * would take many times the size.
 */
#ifndef EMULATOR_JSON_PART_H
#define EMULATOR_JSON_PART_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

enum json_kind {
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_BOOLEAN,
	JSON_NULL,
};

/* One value of a text, or the name of a member, which is a string. */
struct json_part {
	const char *text; /* from its first byte on: a string with its quotes */
	size_t length;    /* to its last */
	unsigned line;    /* in which it begins, from 1 */
};

/* The value that a whole text is. The text must be one that json_check() takes. */
struct json_part json_part_whole(const char *text, size_t length);

enum json_kind json_part_kind(const struct json_part *part);

/* Appends the text that a string stands for. Half of a surrogate pair becomes U+FFFD. */
void json_part_append_text(struct buffer *out, const struct json_part *string);

/* Whether a string stands for 'text'. */
bool json_part_is(const struct json_part *string, const char *text);

/* Appends any part without the blanks between its tokens. */
void json_part_append_compact(struct buffer *out, const struct json_part *part);

/* Where a walk through an object or an array has got to. */
struct json_walk {
	const char *at, *end;
	unsigned line;
	bool has_names;
};

/* 'part' is an object or an array. */
void json_walk_begin(struct json_walk *walk, const struct json_part *part);

/* The next member or item; of an item 'name' is left as it is. Returns false behind the last. */
bool json_walk_next(struct json_walk *walk, struct json_part *name, struct json_part *value);

#endif
