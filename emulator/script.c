/* SPDX-License-Identifier: Apache-2.0 */
/* script - the first line of a script, as the kernel reads it */
#include "emulator/script.h"

#include <string.h>

#define BLANKS " \t"

static size_t line_length(const char *head, size_t length)
{
	const char *end = memchr(head, '\n', length);
	const char *nul = memchr(head, '\0', length);

	if (nul && (!end || nul < end))
		end = nul;
	return end ? (size_t)(end - head) : length;
}

static void copy(char *to, const char *from, size_t length)
{
	memcpy(to, from, length);
	to[length] = '\0';
}

bool script_parse(struct script *script, const char *head, size_t length)
{
	char line[SCRIPT_HEAD_SIZE + 1];
	size_t end, name;
	char *at;

	if (length < 2 || memcmp(head, "#!", 2) != 0)
		return false;
	if (length > SCRIPT_HEAD_SIZE - 1)
		length = SCRIPT_HEAD_SIZE - 1;
	*script = (struct script){ .has_crlf = false };
	end = line_length(head, length);
	copy(line, head, end);
	if (end > 2 && line[end - 1] == '\r' && end < length) {
		script->has_crlf = true;
		line[--end] = '\0';
	}
	while (end > 2 && strchr(BLANKS, line[end - 1]))
		line[--end] = '\0';
	at = line + 2 + strspn(line + 2, BLANKS);
	name = strcspn(at, BLANKS);
	script->is_cut = at + name == line + SCRIPT_HEAD_SIZE - 1;
	copy(script->interpreter, at, name);
	at += name;
	at += strspn(at, BLANKS);
	copy(script->argument, at, strlen(at));
	return true;
}

bool script_env_program(const char *argument, char *program, size_t size, bool *split)
{
	size_t length;

	*split = strncmp(argument, "-S", 2) == 0;
	if (*split) {
		argument += 2;
		argument += strspn(argument, BLANKS);
		for (length = strcspn(argument, BLANKS); memchr(argument, '=', length);
		     length = strcspn(argument, BLANKS)) {
			argument += length;
			argument += strspn(argument, BLANKS);
		}
	} else {
		length = strlen(argument);
	}
	/* Other options, quotes and escapes: env understands them, and nothing is claimed. */
	if (length == 0 || length >= size || argument[0] == '-' ||
	    strcspn(argument, "\"'\\$=") < length)
		return false;
	copy(program, argument, length);
	return true;
}
