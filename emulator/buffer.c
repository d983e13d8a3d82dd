/* SPDX-License-Identifier: Apache-2.0 */
/* buffer - bytes that grow, and allocation that cannot fail. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/buffer.h"

#define CAPACITY_MIN 64

/* What 'data' points to while nothing is allocated. Nobody writes to it. */
char buffer_nothing[1];

/* Formats nothing and allocates nothing: there is no memory to do so. */
static _Noreturn void out_of_memory(void)
{
	static const char text[] = "lrie: error: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

	(void)ignored;
	_exit(EXIT_FAILURE);
}

void *xcalloc(size_t count, size_t size)
{
	void *fresh = calloc(count ? count : 1, size ? size : 1);

	if (!fresh)
		out_of_memory();
	return fresh;
}

void *xmalloc(size_t size)
{
	void *fresh = malloc(size ? size : 1);

	if (!fresh)
		out_of_memory();
	return fresh;
}

void *xrealloc(void *pointer, size_t size)
{
	void *fresh = realloc(pointer, size ? size : 1);

	if (!fresh)
		out_of_memory();
	return fresh;
}

char *xstrdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xmalloc(size), text, size);
}

char *xstrdup_if(const char *text)
{
	return text ? xstrdup(text) : NULL;
}

char *xasprintf(const char *format, ...)
{
	va_list args;
	char *text;
	int length;

	va_start(args, format);
	length = vasprintf(&text, format, args);
	va_end(args);
	if (length == -1)
		out_of_memory();
	return text;
}

void buffer_init(struct buffer *buffer)
{
	*buffer = (struct buffer)BUFFER_INIT;
}

void buffer_finish(struct buffer *buffer)
{
	if (buffer->capacity)
		free(buffer->data);
	buffer_init(buffer);
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	if (buffer->capacity)
		buffer->data[0] = '\0';
}

static void buffer_resize(struct buffer *buffer, size_t capacity)
{
	bool is_first = !buffer->capacity;

	buffer->data = xrealloc(is_first ? NULL : buffer->data, capacity);
	buffer->capacity = capacity;
	if (is_first)
		buffer->data[0] = '\0';
}

/* What 'more' bytes and the terminator need. */
static size_t buffer_needed(const struct buffer *buffer, size_t more)
{
	if (more >= SIZE_MAX - buffer->length)
		out_of_memory();
	return buffer->length + more + 1;
}

void buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t needed = buffer_needed(buffer, more);

	if (needed > buffer->capacity)
		buffer_resize(buffer, needed);
}

/* As buffer_reserve(), with slack for the next call. Growing by half bounds both the copies and
 * the waste; glibc moves large blocks with mremap(), without touching their pages. */
static void buffer_grow(struct buffer *buffer, size_t more)
{
	size_t needed = buffer_needed(buffer, more);
	size_t capacity = buffer->capacity;

	if (needed <= capacity)
		return;
	capacity = capacity < SIZE_MAX / 2 ? capacity + capacity / 2 : needed;
	if (capacity < CAPACITY_MIN)
		capacity = CAPACITY_MIN;
	buffer_resize(buffer, capacity < needed ? needed : capacity);
}

void buffer_append(struct buffer *buffer, const void *data, size_t length)
{
	if (length == 0)
		return;
	buffer_grow(buffer, length);
	memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
	buffer_append(buffer, text, strlen(text));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
	size_t room = buffer->capacity ? buffer->capacity - buffer->length : 0;
	va_list args, again;
	int length;

	va_start(args, format);
	va_copy(again, args);
	length = vsnprintf(room ? buffer->data + buffer->length : NULL, room, format, args);
	if (length > 0 && (size_t)length >= room) {
		buffer_grow(buffer, (size_t)length);
		vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
	}
	if (length > 0)
		buffer->length += (size_t)length;
	va_end(again);
	va_end(args);
}

void buffer_cut(struct buffer *buffer, size_t length)
{
	assert(length <= buffer->length);
	if (length == buffer->length)
		return;
	buffer->length = length;
	buffer->data[length] = '\0';
}

void buffer_consume(struct buffer *buffer, size_t length)
{
	if (length >= buffer->length) {
		buffer_clear(buffer);
		return;
	}
	if (length == 0)
		return;
	buffer->length -= length;
	memmove(buffer->data, buffer->data + length, buffer->length + 1);
}

char *buffer_steal(struct buffer *buffer, size_t *length)
{
	char *data = buffer->capacity ? buffer->data : xcalloc(1, 1);

	if (length)
		*length = buffer->length;
	buffer_init(buffer);
	return data;
}

void buffer_move(struct buffer *to, struct buffer *from)
{
	if (to == from)
		return;
	buffer_finish(to);
	*to = *from;
	buffer_init(from);
}
