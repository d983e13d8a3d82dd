/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_part - the parts of a JSON text, one after the other
 *
 * The text is known to be JSON, so only strings and brackets are looked at. The end is
 * held against nevertheless: whoever breaks that promise gets a wrong answer, and no more.
 */
#include "emulator/json_part.h"

#include <assert.h>
#include <string.h>

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

static void pass_string(struct json_walk *walk)
{
	pass(walk);
	while (walk->at < walk->end && *walk->at != '"') {
		if (*walk->at == '\\')
			pass(walk);
		if (walk->at < walk->end)
			pass(walk);
	}
	if (walk->at < walk->end)
		pass(walk);
}

static void pass_brackets(struct json_walk *walk)
{
	size_t depth = 0;

	do {
		if (is_at(walk, "\"")) {
			pass_string(walk);
			continue;
		}
		if (is_at(walk, "{["))
			depth++;
		else if (is_at(walk, "}]"))
			depth--;
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
