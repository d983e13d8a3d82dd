/* SPDX-License-Identifier: Apache-2.0 */
/* env_file - files of NAME=VALUE lines, for --env-file. */
#include "emulator/env_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sandbox/fd.h"

#define SIZE_LIMIT ((size_t)1 << 20)
#define BLOCK 65536

static bool read_all(int fd, struct buffer *text)
{
	ssize_t got;

	do {
		buffer_reserve(text, BLOCK);
		got = read(fd, text->data + text->length, BLOCK);
		if (got == -1)
			return false;
		text->length += (size_t)got;
		text->data[text->length] = '\0';
	} while (got > 0 && text->length <= SIZE_LIMIT);
	if (got > 0)
		errno = EFBIG;
	return got == 0;
}

bool env_file_open(struct env_file *file, const char *path, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

	*file = (struct env_file){ .path = path, .text = BUFFER_INIT };
	if (fd == -1)
		return error_set(err, errno, "open '%s'", path);
	if (!read_all(fd, &file->text))
		return error_set(err, errno, "read '%s'", path);
	if (memchr(file->text.data, '\0', file->text.length))
		return error_set(err, 0, "'%s' is not a text file", path);
	return true;
}

void env_file_close(struct env_file *file)
{
	buffer_finish(&file->text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static char *skip_blanks(char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

static void cut_blanks(char *text)
{
	size_t length = strlen(text);

	while (length > 0 && is_blank(text[length - 1]))
		text[--length] = '\0';
}

/* The next line, terminated in place; NULL at the end. */
static char *next_line(struct env_file *file)
{
	char *line = file->text.data + file->next;
	size_t length = strcspn(line, "\n");

	if (file->next >= file->text.length)
		return NULL;
	line[length] = '\0';
	file->next += length + 1;
	file->line++;
	return line;
}

static char *skip_export(char *line)
{
	bool exports = strncmp(line, "export", 6) == 0 && is_blank(line[6]);

	return exports ? skip_blanks(line + 6) : line;
}

/* Takes the quotes off 'value', in place. Returns false when they do not match. */
static bool unquote(char *value)
{
	size_t length = strlen(value);

	if (*value != '"' && *value != '\'')
		return true;
	if (length < 2 || strchr(value + 1, *value) != value + length - 1)
		return false;
	memmove(value, value + 1, length - 2);
	value[length - 2] = '\0';
	return true;
}

/* Makes "NAME=VALUE" of a line, in place; NULL and a reason when it is none. */
static char *parse_line(char *line, const char **reason)
{
	char *item = skip_export(line);
	char *equals = strchr(item, '=');
	char *value;

	*reason = "not NAME=VALUE";
	if (!equals || equals == item || is_blank(equals[-1]))
		return NULL;
	*reason = "quotes that do not match";
	value = skip_blanks(equals + 1);
	cut_blanks(value);
	if (!unquote(value))
		return NULL;
	memmove(equals + 1, value, strlen(value) + 1);
	return item;
}

bool env_file_next(struct env_file *file, const char **item, struct error *err)
{
	const char *reason;
	char *line;

	do {
		line = next_line(file);
		*item = NULL;
		if (!line)
			return true;
		line = skip_blanks(line);
	} while (!*line || *line == '#');
	*item = parse_line(line, &reason);
	if (!*item)
		return error_set(err, 0, "%s:%u: %s", file->path, file->line, reason);
	return true;
}
