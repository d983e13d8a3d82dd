/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_fields - names and values of a request, in order: its headers, or its query.
 *
 * A name may stand there several times; http_fields_group() finds those that are the
 * same, in n log n steps whatever a client sends. Names and values are borrowed, but for
 * those that were decoded, which live as long as the fields.
 */
#ifndef EMULATOR_HTTP_FIELDS_H
#define EMULATOR_HTTP_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

struct http_field {
	const char *name, *value; /* not terminated */
	size_t name_length, value_length;

	/* once they are grouped */
	bool is_repeated;        /* one of the same name stands before it */
	struct http_field *next; /* the next of the same name; NULL behind the last */
};

struct http_fields {
	struct http_field *items;
	size_t count, capacity;
	struct buffer text; /* what was decoded */
};

void http_fields_init(struct http_fields *fields);
void http_fields_finish(struct http_fields *fields);

void http_fields_add(struct http_fields *fields, const char *name, size_t name_length,
                     const char *value, size_t value_length);

/* Adds the arguments of a query "a=1&b=&c". Decoded, "%41" is "A" and "+" a blank; a "%" that
 * begins no escape stays. Once per fields. */
void http_fields_add_query(struct http_fields *fields, const char *query, bool is_decoded);

/* Links those of the same name. None may be added afterwards. */
void http_fields_group(struct http_fields *fields, bool ignores_case);

#endif
