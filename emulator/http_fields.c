/* SPDX-License-Identifier: Apache-2.0 */
/* http_fields - names and values of a request, in order */
#include "emulator/http_fields.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/percent.h"

void http_fields_init(struct http_fields *fields)
{
	*fields = (struct http_fields){ .count = 0 };
	buffer_init(&fields->text);
}

void http_fields_finish(struct http_fields *fields)
{
	free(fields->items);
	buffer_finish(&fields->text);
	http_fields_init(fields);
}

void http_fields_add(struct http_fields *fields, const char *name, size_t name_length,
                     const char *value, size_t value_length)
{
	if (fields->count == fields->capacity) {
		fields->capacity = fields->capacity ? 2 * fields->capacity : 16;
		fields->items = xrealloc(fields->items, fields->capacity * sizeof(*fields->items));
	}
	fields->items[fields->count++] = (struct http_field){ .name = name,
		                                              .name_length = name_length,
		                                              .value = value,
		                                              .value_length = value_length };
}

/* ---- queries ---- */

/* Returns the decoded text, which nothing moves any more: room for all was made before. */
static const char *keep_decoded(struct http_fields *fields, const char *text, size_t *length)
{
	size_t before = fields->text.length;

	percent_append_decoded(&fields->text, text, *length, true);
	*length = fields->text.length - before;
	return fields->text.data + before;
}

void http_fields_add_query(struct http_fields *fields, const char *query, bool is_decoded)
{
	if (is_decoded)
		buffer_reserve(&fields->text, strlen(query));
	while (*query) {
		const char *name = query, *value;
		size_t length = strcspn(query, "&");
		const char *equals = memchr(query, '=', length);
		size_t name_length = equals ? (size_t)(equals - query) : length;
		size_t value_length = equals ? length - name_length - 1 : 0;

		value = equals ? equals + 1 : query + length;
		query += length + (query[length] == '&');
		if (length == 0)
			continue;
		if (is_decoded) {
			name = keep_decoded(fields, name, &name_length);
			value = keep_decoded(fields, value, &value_length);
		}
		http_fields_add(fields, name, name_length, value, value_length);
	}
}

/* ---- groups ---- */

static int compare(const struct http_field *a, const struct http_field *b, bool ignores_case)
{
	size_t length = a->name_length < b->name_length ? a->name_length : b->name_length;
	int order = ignores_case ? strncasecmp(a->name, b->name, length)
	                         : memcmp(a->name, b->name, length);

	if (order != 0)
		return order;
	return (a->name_length > b->name_length) - (a->name_length < b->name_length);
}

/* Those of the same name stay in their order, which is that of the array they are in. */
static int compare_places(const struct http_field *a, const struct http_field *b, bool ignores_case)
{
	int order = compare(a, b, ignores_case);

	return order != 0 ? order : (a > b) - (a < b);
}

static int by_name(const void *a, const void *b)
{
	return compare_places(*(struct http_field *const *)a, *(struct http_field *const *)b,
	                      false);
}

static int by_name_in_any_case(const void *a, const void *b)
{
	return compare_places(*(struct http_field *const *)a, *(struct http_field *const *)b, true);
}

void http_fields_group(struct http_fields *fields, bool ignores_case)
{
	struct http_field **sorted;

	if (fields->count < 2)
		return;
	sorted = xmalloc(fields->count * sizeof(*sorted));
	for (size_t i = 0; i < fields->count; i++)
		sorted[i] = &fields->items[i];
	qsort(sorted, fields->count, sizeof(*sorted), ignores_case ? by_name_in_any_case : by_name);
	for (size_t i = 1; i < fields->count; i++) {
		if (compare(sorted[i - 1], sorted[i], ignores_case) != 0)
			continue;
		sorted[i - 1]->next = sorted[i];
		sorted[i]->is_repeated = true;
	}
	free(sorted);
}
