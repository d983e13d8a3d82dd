/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_part - the parts of a JSON text, one after the other
 *
 * The text is known to be JSON, so only strings and brackets are looked at. The end is
 * held against nevertheless: whoever breaks that promise gets a wrong answer, and no more.
 */
#include "emulator/json_part.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "emulator/json_check.h"

/* ---- passing over what stands at walk->at ---- */

static bool is_at(const struct json_walk *walk, const char *characters)
{
	return walk->at < walk->end && *walk->at && strchr(characters, *walk->at);
}

static void pass(struct json_walk *walk)
{
	walk->line += *walk->at == '\n';
	walk->at++;
}

/* Blanks, and what stands between parts. */
static void pass_between(struct json_walk *walk)
{
	while (is_at(walk, " \t\r\n,:"))
		pass(walk);
}

/* Behind the string at 'at'. There is no line break in one. */
static const char *behind_string(const char *at, const char *end)
{
	at++;
	while (at < end) {
		at += json_plain_length(at, end);
		if (at < end && *at == '"')
			return at + 1;
		at += at < end && *at == '\\' ? 2 : 1;
	}
	return end;
}

static void pass_string(struct json_walk *walk)
{
	walk->at = behind_string(walk->at, walk->end);
}

static void pass_brackets(struct json_walk *walk)
{
	size_t depth = 0;

	do {
		char c = *walk->at;

		if (c == '"') {
			pass_string(walk);
			continue;
		}
		depth += c == '{' || c == '[';
		depth -= c == '}' || c == ']';
		pass(walk);
	} while (depth > 0 && walk->at < walk->end);
}

static struct json_part pass_part(struct json_walk *walk)
{
	struct json_part part = { .text = walk->at, .line = walk->line };

	if (is_at(walk, "\""))
		pass_string(walk);
	else if (is_at(walk, "{["))
		pass_brackets(walk);
	else
		while (walk->at < walk->end && !is_at(walk, " \t\r\n,:]}"))
			pass(walk);
	part.length = (size_t)(walk->at - part.text);
	return part;
}

/* ---- from outside ---- */

struct json_part json_part_whole(const char *text, size_t length)
{
	struct json_walk walk = { .at = text, .end = text + length, .line = 1 };

	pass_between(&walk);
	return pass_part(&walk);
}

enum json_kind json_part_kind(const struct json_part *part)
{
	switch (part->length > 0 ? part->text[0] : 'n') {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOLEAN;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

void json_walk_begin(struct json_walk *walk, const struct json_part *part)
{
	enum json_kind kind = json_part_kind(part);

	assert(kind == JSON_OBJECT || kind == JSON_ARRAY);
	*walk = (struct json_walk){ .at = part->text + 1,
		                    .end = part->text + part->length,
		                    .line = part->line,
		                    .has_names = kind == JSON_OBJECT };
}

bool json_walk_next(struct json_walk *walk, struct json_part *name, struct json_part *value)
{
	pass_between(walk);
	if (walk->at == walk->end || is_at(walk, "]}"))
		return false;
	if (walk->has_names) {
		*name = pass_part(walk);
		pass_between(walk);
	}
	*value = pass_part(walk);
	return true;
}

/* ---- what strings stand for: never more bytes than they have, so that room is made once ---- */

static char *put_utf8(char *to, uint32_t code)
{
	size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

	for (size_t i = length; i-- > 1; code >>= 6)
		to[i] = (char)(0x80 | (code & 0x3f));
	to[0] = (char)(length == 1 ? code : (0xf00u >> length & 0xff) | code);
	return to + length;
}

/* The four digits of the \u at 'at'; U+FFFD when there is none. */
static uint32_t read_unit(const char *at, const char *end)
{
	uint32_t code = 0;

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return 0xfffd;
	for (int i = 2; i < 6; i++) {
		char c = at[i];

		code = code << 4 | (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return code & 0xffff;
}

/* '*at' is at the backslash of a \u, and then behind it, or behind the other half of a pair. */
static char *put_unit(char *to, const char **at, const char *end)
{
	uint32_t code = read_unit(*at, end), low;

	*at = end - *at < 6 ? end : *at + 6;
	if (code < 0xd800 || code > 0xdfff)
		return put_utf8(to, code);
	low = read_unit(*at, end);
	if (code > 0xdbff || low < 0xdc00 || low > 0xdfff)
		return put_utf8(to, 0xfffd);
	*at += 6;
	return put_utf8(to, 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff)));
}

static char *put_escape(char *to, const char **at, const char *end)
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	const char *letter;

	if (end - *at < 2) {
		*at = end;
		return to;
	}
	if ((*at)[1] == 'u')
		return put_unit(to, at, end);
	letter = (*at)[1] ? strchr(letters, (*at)[1]) : NULL;
	*to = letter ? bytes[letter - letters] : (*at)[1];
	*at += 2;
	return to + 1;
}

void json_part_append_text(struct buffer *out, const struct json_part *string)
{
	const char *at = string->text + 1, *end = string->text + string->length - 1;
	char *to;

	buffer_reserve(out, string->length);
	to = out->data + out->length;
	while (at < end) {
		const char *escape = memchr(at, '\\', (size_t)(end - at));
		size_t plain = (size_t)((escape ? escape : end) - at);

		memcpy(to, at, plain);
		to += plain;
		at += plain;
		if (escape)
			to = put_escape(to, &at, end);
	}
	*to = '\0';
	out->length = (size_t)(to - out->data);
}

bool json_part_is(const struct json_part *string, const char *text)
{
	autobuffer struct buffer plain = BUFFER_INIT;
	size_t length = strlen(text);

	if (!memchr(string->text, '\\', string->length))
		return string->length == length + 2 && memcmp(string->text + 1, text, length) == 0;
	/* Each byte takes six at most, so that nothing long is looked into. */
	if (string->length > 6 * length + 2)
		return false;
	json_part_append_text(&plain, string);
	return plain.length == length && memcmp(plain.data, text, length) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

void json_part_append_compact(struct buffer *out, const struct json_part *part)
{
	const char *at = part->text, *end = at + part->length;

	buffer_reserve(out, part->length);
	while (at < end) {
		const char *from = at;

		while (at < end && !is_blank(*at))
			at = *at == '"' ? behind_string(at, end) : at + 1;
		buffer_append(out, from, (size_t)(at - from));
		while (at < end && is_blank(*at))
			at++;
	}
}
