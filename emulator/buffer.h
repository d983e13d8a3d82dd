/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buffer - bytes that grow.
 *
 * 'data' is never NULL and always terminated behind 'length', so that text can
 * be used as a C string. Running out of memory ends the program; whoever lets a
 * client choose a size bounds it first. BUFFER_INIT or buffer_init() before use.
 */
#ifndef EMULATOR_BUFFER_H
#define EMULATOR_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "sandbox/error.h"

struct buffer {
	char *data;
	size_t length;
	size_t capacity; /* 0 while nothing is allocated */
};

extern char buffer_nothing[1];
/* clang-format off */
#define BUFFER_INIT { .data = buffer_nothing }
/* clang-format on */

void buffer_init(struct buffer *buffer);
void buffer_finish(struct buffer *buffer);
#define autobuffer __attribute__((cleanup(buffer_finish)))

/* Empties it and keeps the storage. */
void buffer_clear(struct buffer *buffer);

/* Makes room for 'more' bytes behind 'length' in one step, without slack. */
void buffer_reserve(struct buffer *buffer, size_t more);

void buffer_append(struct buffer *buffer, const void *data, size_t length);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);

/* Forgets what is behind the first 'length' bytes. */
void buffer_cut(struct buffer *buffer, size_t length);

/* Removes 'length' bytes from the front. */
void buffer_consume(struct buffer *buffer, size_t length);

/* Hands the bytes on as malloc()ed storage, never NULL, and empties the buffer. 'length' may be
 * NULL. */
char *buffer_steal(struct buffer *buffer, size_t *length);

/* Moves the content of 'from' into 'to', whose own content is released. */
void buffer_move(struct buffer *to, struct buffer *from);

/* malloc and friends that end the program instead of returning NULL. */
void *xcalloc(size_t count, size_t size);
void *xmalloc(size_t size);
void *xrealloc(void *pointer, size_t size);
char *xstrdup(const char *text);
char *xstrdup_if(const char *text); /* NULL of NULL */
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
