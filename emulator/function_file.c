/* SPDX-License-Identifier: Apache-2.0 */
/* function_file - several functions in one file */
#include "emulator/function_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "emulator/destination_address.h"
#include "emulator/function_variable.h"
#include "emulator/json.h"
#include "emulator/json_part.h"
#include "emulator/option_value.h"
#include "emulator/whole_file.h"

#define FILE_LIMIT ((size_t)1 << 20)
#define FUNCTIONS_LIMIT 1000

static const char byte_order_mark[] = "\xef\xbb\xbf";

/* What "name" stands for. */
#define NAME_OPTION "function-name"

/* What no option is called, and the place of an option's bit behind it. */
enum { SEEN_NAME, SEEN_ARGUMENTS, SEEN_FUNCTIONS, SEEN_OPTIONS };

struct reader {
	const char *path;
	enum config_command command;
	struct function_file *file;
	struct error *err;
};

static bool fail(struct reader *reader, unsigned line)
{
	return error_prefix(reader->err, "'%s' line %u", reader->path, line);
}

static bool is_called(const struct option *option, const char *name)
{
	return option && strcmp(option->name, name) == 0;
}

/* ---- texts ---- */

/* Where a path that stands in the file leads to. */
static char *resolve(const struct reader *reader, const char *path)
{
	const char *slash = strrchr(reader->path, '/');

	if (path[0] == '/' || !slash)
		return xstrdup(path);
	return xasprintf("%.*s%s", (int)(slash - reader->path) + 1, reader->path, path);
}

/* Where a path may stand, other things may: standard input, a server, another function. */
static bool is_path(const struct option *option, const char *text)
{
	if (option_is_destination(option))
		return destination_address_kind(text) == DESTINATION_FILE;
	return *text && strcmp(text, "-") != 0;
}

/* A string as it is meant, anything else as it is written. Returns NULL and fills 'err' when
 * there is a NUL in it, which no option can have. */
static char *decode(struct reader *reader, const struct json_part *part)
{
	if (json_part_kind(part) != JSON_STRING)
		return xasprintf("%.*s", (int)part->length, part->text);

	struct json *json = json_read(part->text, part->length, reader->err);
	const char *text = json_text(json);
	char *copy = xstrdup_if(text);

	if (!text && json)
		error_set(reader->err, 0, "a string has a NUL in it");
	json_destroy(json);
	return copy;
}

/* ---- settings ---- */

/* Takes over 'text'. */
static void add(struct reader *reader, struct function_settings *settings,
                const struct option *option, char *text, unsigned line)
{
	const char *name = !option                          ? "arguments"
	                   : is_called(option, NAME_OPTION) ? "name"
	                                                    : option->name;

	settings->items = xrealloc(settings->items,
	                           (settings->count + 1) * sizeof(*settings->items));
	settings->items[settings->count++] = (struct function_setting){
		.option = option,
		.text = text,
		.source = xasprintf("'%s' line %u, %s", reader->path, line, name)
	};
}

static bool refuse(struct reader *reader, const char *name, const char *expected)
{
	return error_set(reader->err, 0, "'%s' must be %s", name, expected);
}

/* What the option's own parser leaves to the one who uses the value, and who knows no line. */
static bool check(struct reader *reader, const struct option *option, const char *text)
{
	if (is_called(option, "env"))
		return function_variable_check(text, true, reader->err);
	/* A string is a file here: JSON itself needs no quotes around it. */
	if (is_called(option, "event") && option->commands & BIT(reader->command) &&
	    strcmp(text, "-") != 0 && access(text, R_OK) == -1)
		return error_set(reader->err, errno, "open the event '%s'", text);
	return true;
}

/* A string, number or boolean, as an option takes it. */
static bool add_scalar(struct reader *reader, struct function_settings *settings,
                       const struct option *option, const struct json_part *value)
{
	enum json_kind kind = json_part_kind(value);
	char *text;

	if (kind == JSON_OBJECT || kind == JSON_ARRAY || kind == JSON_NULL)
		return refuse(reader, option ? option->name : "arguments",
		              option && !option_is_list(option)
		                      ? "a string, a number or a boolean"
		                      : "a string, or an array of strings");
	text = decode(reader, value);
	if (!text)
		return false;
	if (option && option_is_path(option) && is_path(option, text)) {
		char *path = resolve(reader, text);
		free(text);
		text = path;
	}
	add(reader, settings, option, text, value->line);
	return check(reader, option, text);
}

static bool add_items(struct reader *reader, struct function_settings *settings,
                      const struct option *option, const struct json_part *array)
{
	struct json_walk walk;
	struct json_part none, item;

	json_walk_begin(&walk, array);
	while (json_walk_next(&walk, &none, &item)) {
		if (!add_scalar(reader, settings, option, &item))
			return false;
	}
	return true;
}

/* Several memory sizes are one value, with commas between them. */
static bool add_sizes(struct reader *reader, struct function_settings *settings,
                      const struct option *option, const struct json_part *array)
{
	struct buffer text = BUFFER_INIT;
	struct json_walk walk;
	struct json_part none, item;

	json_walk_begin(&walk, array);
	while (json_walk_next(&walk, &none, &item))
		buffer_append_format(&text, "%s%.*s", text.length ? "," : "", (int)item.length,
		                     item.text);
	add(reader, settings, option, buffer_steal(&text, NULL), array->line);
	return true;
}

/* { "NAME": "value" }: the names are the function's, and looked at when they are given. */
static bool add_variables(struct reader *reader, struct function_settings *settings,
                          const struct option *option, const struct json_part *object)
{
	struct json_walk walk;
	struct json_part name, value;

	json_walk_begin(&walk, object);
	while (json_walk_next(&walk, &name, &value)) {
		enum json_kind kind = json_part_kind(&value);
		char *key, *text = NULL;

		if (kind == JSON_OBJECT || kind == JSON_ARRAY || kind == JSON_NULL)
			return error_set(reader->err, 0,
			                 "the value of the variable %.*s must be a string",
			                 (int)name.length, name.text);
		key = decode(reader, &name);
		if (key)
			text = decode(reader, &value);
		char *item = text ? xasprintf("%s=%s", key, text) : NULL;
		free(key);
		free(text);
		if (!item)
			return false;
		add(reader, settings, option, item, value.line);
		if (!check(reader, option, item))
			return false;
	}
	return true;
}

static bool add_value(struct reader *reader, struct function_settings *settings,
                      const struct option *option, const struct json_part *value)
{
	enum json_kind kind = json_part_kind(value);

	if (is_called(option, "event") && (kind == JSON_OBJECT || kind == JSON_ARRAY)) {
		add(reader, settings, option, xasprintf("%.*s", (int)value->length, value->text),
		    value->line);
		return true;
	}
	if (is_called(option, "env") && kind == JSON_OBJECT)
		return add_variables(reader, settings, option, value);
	if (is_called(option, "memory") && kind == JSON_ARRAY)
		return add_sizes(reader, settings, option, value);
	if (kind == JSON_ARRAY && (!option || option_is_list(option)))
		return add_items(reader, settings, option, value);
	return add_scalar(reader, settings, option, value);
}

/* ---- members ---- */

/* Members that are no options. */
static const char *const own_names[] = { "name", "functions", "arguments", NULL };

static void compare(const char *name, const char *known, unsigned *best, const char **closest)
{
	unsigned distance = option_value_distance(name, known);

	if (distance <= *best) {
		*best = distance;
		*closest = known;
	}
}

static const char *closest_name(const char *name)
{
	unsigned best = (unsigned)strlen(name) / 3 + 1;
	const char *closest = NULL;

	if (strcmp(name, NAME_OPTION) == 0)
		return "name";
	for (size_t i = 0; i < option_count; i++) {
		if (option_is_of_file(&option_table[i]))
			compare(name, option_table[i].name, &best, &closest);
	}
	for (const char *const *own = own_names; *own; own++)
		compare(name, *own, &best, &closest);
	return closest;
}

static bool fail_unknown(struct reader *reader, const char *name)
{
	const char *closest = closest_name(name);

	if (closest && strcmp(name, closest) == 0) /* it is one elsewhere */
		return error_set(reader->err, 0, "'%s' goes %s", name,
		                 strcmp(name, own_names[0]) == 0 ? "into each of 'functions'"
		                                                 : "outside of functions");
	if (closest)
		return error_set(reader->err, 0, "unknown member '%.64s': did you mean '%s'?", name,
		                 closest);
	return error_set(reader->err, 0, "unknown member '%.64s': lrie.json(5) tells what there is",
	                 name);
}

/* Which member it is; '*option' is NULL for those that are no options. */
static bool find_member(struct reader *reader, const char *name, bool is_common,
                        const struct option **option, unsigned *member)
{
	*option = NULL;
	if (strcmp(name, is_common ? "functions" : "name") == 0) {
		*member = is_common ? SEEN_FUNCTIONS : SEEN_NAME;
		return true;
	}
	if (strcmp(name, "arguments") == 0) {
		*member = SEEN_ARGUMENTS;
		return true;
	}
	*option = option_find(name, strlen(name));
	if (!*option || !option_is_of_file(*option))
		return fail_unknown(reader, name);
	if (!is_common && !option_is_of_function(*option))
		return error_set(reader->err, 0,
		                 "'%s' is not about one function: it goes beside 'functions'",
		                 name);
	*member = SEEN_OPTIONS + (unsigned)(*option - option_table);
	return true;
}

static bool read_name(struct reader *reader, struct function_settings *settings, char **name,
                      const struct json_part *value)
{
	if (json_part_kind(value) != JSON_STRING)
		return refuse(reader, "name", "a string");
	*name = decode(reader, value);
	if (!*name)
		return false;
	add(reader, settings, option_find(NAME_OPTION, strlen(NAME_OPTION)), xstrdup(*name),
	    value->line);
	return true;
}

/* What the members of one object are put into. The functions are read last, when all that holds
 * for them is known. */
struct target {
	struct function_settings *settings;
	char **name;                 /* NULL: it is no function */
	struct json_part *functions; /* NULL: it is one */
	bool *seen;
};

static bool read_member(struct reader *reader, const struct target *target, const char *name,
                        const struct json_part *value)
{
	const struct option *option;
	unsigned member;

	if (!find_member(reader, name, target->functions, &option, &member))
		return false;
	if (target->seen[member])
		return error_set(reader->err, 0, "'%s' is there a second time", name);
	target->seen[member] = true;
	if (member == SEEN_NAME)
		return read_name(reader, target->settings, target->name, value);
	if (member != SEEN_FUNCTIONS)
		return add_value(reader, target->settings, option, value);
	if (json_part_kind(value) != JSON_ARRAY)
		return refuse(reader, "functions", "an array of objects");
	*target->functions = *value;
	return true;
}

static bool read_members(struct reader *reader, struct target *target,
                         const struct json_part *object)
{
	struct json_part name, value;
	struct json_walk walk;
	bool fine = true;

	target->seen = xcalloc(SEEN_OPTIONS + option_count, sizeof(*target->seen));
	json_walk_begin(&walk, object);
	while (fine && json_walk_next(&walk, &name, &value)) {
		char *text = decode(reader, &name);
		fine = text && read_member(reader, target, text, &value);
		if (!fine)
			fail(reader, name.line);
		free(text);
	}
	free(target->seen);
	return fine;
}

/* ---- functions ---- */

static bool check_name(struct reader *reader, const struct function_entry *entry)
{
	const struct function_file *file = reader->file;

	if (!entry->name) {
		error_set(reader->err, 0, "the function has no name");
		return fail(reader, entry->line);
	}
	for (const struct function_entry *other = file->entries; other < entry; other++) {
		if (strcmp(other->name, entry->name) != 0)
			continue;
		error_set(reader->err, 0,
		          "the name '%.64s' is that of the function in line %u, too", entry->name,
		          other->line);
		return fail(reader, entry->line);
	}
	return true;
}

static bool read_entry(struct reader *reader, const struct json_part *object)
{
	struct function_file *file = reader->file;
	struct function_entry *entry = &file->entries[file->count];
	struct target target = { .settings = &entry->settings, .name = &entry->name };

	if (json_part_kind(object) != JSON_OBJECT)
		refuse(reader, "functions", "an array of objects");
	else if (file->count == FUNCTIONS_LIMIT)
		error_set(reader->err, 0, "more than %d functions", FUNCTIONS_LIMIT);
	else {
		*entry = (struct function_entry){ .line = object->line };
		file->count++;
		return read_members(reader, &target, object) && check_name(reader, entry);
	}
	return fail(reader, object->line);
}

static bool read_entries(struct reader *reader, const struct json_part *array)
{
	struct json_part none, item;
	struct json_walk walk;

	reader->file->entries = xcalloc(FUNCTIONS_LIMIT + 1, sizeof(*reader->file->entries));
	json_walk_begin(&walk, array);
	while (json_walk_next(&walk, &none, &item)) {
		if (!read_entry(reader, &item))
			return false;
	}
	return true;
}

static bool read_text(struct reader *reader, const char *text, size_t length)
{
	struct json_part whole, functions = { .length = 0 };
	struct target target = { .settings = &reader->file->common, .functions = &functions };
	struct json *json = json_read(text, length, reader->err);

	if (!json)
		return error_prefix(reader->err, "'%s'", reader->path);
	json_destroy(json);
	whole = json_part_whole(text, length);
	if (json_part_kind(&whole) != JSON_OBJECT)
		return error_set(reader->err, 0, "'%s': it is no object with 'functions'",
		                 reader->path);
	if (!read_members(reader, &target, &whole))
		return false;
	if (functions.length > 0 && !read_entries(reader, &functions))
		return false;
	return reader->file->count > 0 ||
	       error_set(reader->err, 0, "'%s': there are no 'functions' in it", reader->path);
}

/* ---- from outside ---- */

static void finish_settings(struct function_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++) {
		free(settings->items[i].text);
		free(settings->items[i].source);
	}
	free(settings->items);
}

bool function_file_read(struct function_file *file, const char *path, enum config_command command,
                        struct error *err)
{
	autobuffer struct buffer text = BUFFER_INIT;
	struct reader reader = { .path = path, .command = command, .file = file, .err = err };

	*file = (struct function_file){ .count = 0 };
	if (!whole_file_read(path, FILE_LIMIT, &text, err))
		return false;
	/* Editors of some systems begin a text with it. */
	size_t mark = strncmp(text.data, byte_order_mark, strlen(byte_order_mark)) == 0
	                      ? strlen(byte_order_mark)
	                      : 0;
	return read_text(&reader, text.data + mark, text.length - mark);
}

void function_file_finish(struct function_file *file)
{
	for (size_t i = 0; i < file->count; i++) {
		finish_settings(&file->entries[i].settings);
		free(file->entries[i].name);
	}
	finish_settings(&file->common);
	free(file->entries);
	*file = (struct function_file){ .count = 0 };
}
