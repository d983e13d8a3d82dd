/* SPDX-License-Identifier: Apache-2.0 */
/* function_file - what a file of functions says, in which line, and what is wrong with it */
#include "emulator/function_file.h"

#include "emulator/json_part.h"
#include "tests/unit/files.h"
#include "tests/unit/test.h"

static bool read_file(struct function_file *file, const char *text, struct error *err)
{
	*err = (struct error){ .text = "" };
	files_put("suite.json", text, strlen(text));
	return function_file_read(file, "suite.json", CONFIG_BENCH, err);
}

/* "handler=a env=B=1": what is set, in order. */
static void append_settings(struct buffer *out, const struct function_settings *settings)
{
	for (size_t i = 0; i < settings->count; i++)
		buffer_append_format(out, "%s%s=%s", out->length ? " " : "",
		                     settings->items[i].option ? settings->items[i].option->name
		                                               : "argument",
		                     settings->items[i].text);
}

static void check_settings(const struct function_settings *settings, const char *expected)
{
	autobuffer struct buffer text = BUFFER_INIT;

	append_settings(&text, settings);
	CHECK_STR(text.data, expected);
}

static void test_each_kind_of_value(void)
{
	struct function_file file;
	struct error err;

	files_begin();
	bool read = read_file(
		&file,
		"\xef\xbb\xbf{\n \"memory\": 512, \"bootstrap\": \"sub/boot\",\n"
		" \"functions\": [\n"
		"  {\"name\": \"a\", \"timeout\": 0.5, \"layer\": [\"x\", \"/y\"],\n"
		"   \"env\": {\"AA\": \"\\u00e9\", \"BB\": 1, \"CC\": true},\n"
		"   \"arguments\": [\"-v\", \"\"], \"event\": {\"k\": [1, 2]}},\n"
		"  {\"name\": \"b\", \"memory\": [128, 256], \"env\": [\"DD=x\"],\n"
		"   \"event\": \"-\", \"fail-if\": \"cold.init>1s\", \"layer\": \"z\"}\n"
		" ] }\n",
		&err);
	CHECK_STR(err.text, "");
	if (CHECK(read) && CHECK_INT(file.count, 2)) {
		check_settings(&file.common, "memory=512 bootstrap=sub/boot");
		check_settings(&file.entries[0].settings,
		               "function-name=a timeout=0.5 layer=x layer=/y env=AA=\xc3\xa9 "
		               "env=BB=1 env=CC=true argument=-v argument= event={\"k\": [1, 2]}");
		check_settings(&file.entries[1].settings,
		               "function-name=b memory=128,256 env=DD=x event=- "
		               "fail-if=cold.init>1s layer=z");
		CHECK_STR(file.entries[0].name, "a");
		CHECK_INT(file.entries[1].line, 7);
		CHECK_STR(file.entries[0].settings.items[0].source, "'suite.json' line 4, name");
		CHECK_STR(file.entries[0].settings.items[5].source, "'suite.json' line 5, env");
	}
	function_file_finish(&file);
	files_end((const char *const[]){ "suite.json" }, 1);
}

static void test_paths_are_relative_to_the_file(void)
{
	static const char text[] = "{\"functions\":[{\"name\":\"a\",\"bootstrap\":\"b\","
				   "\"task-root\":\"/root\",\"event\":\"e\",\"handler\":\"h\","
				   "\"extensions\":\"x\",\"log-descriptor\":true,"
				   "\"bind\":\"function:/x\",\"on-success\":\"function:a\","
				   "\"on-failure\":\"http://h/\",\"dead-letters\":\"d\"}]}";
	struct function_file file;
	struct error err = { .text = "" };

	files_begin();
	CHECK_INT(mkdir("sub", 0755), 0);
	files_put("sub/suite.json", text, strlen(text));
	files_put("sub/e", "{}", 2);
	if (CHECK(function_file_read(&file, "sub/suite.json", CONFIG_BENCH, &err)))
		check_settings(
			&file.entries[0].settings,
			"function-name=a bootstrap=sub/b task-root=/root event=sub/e "
			"handler=h extensions=sub/x log-descriptor=true bind=sub/function:/x "
			"on-success=function:a on-failure=http://h/ dead-letters=sub/d");
	CHECK_STR(err.text, "");
	function_file_finish(&file);
	files_end((const char *const[]){ "sub/suite.json", "sub/e", "sub" }, 3);
}

static void test_mistakes_tell_their_line(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "{\n\"functions\": ]", "'suite.json': Unexpected character (']'" },
		{ "{\n\"functions\": ]", "at line: 2, column: 14" },
		{ "[]", "'suite.json': it is no object with 'functions'" },
		{ "{}", "there are no 'functions' in it" },
		{ "{\"functions\":[]}", "there are no 'functions' in it" },
		{ "{\n\"functions\":{}}", "line 2: 'functions' must be an array of objects" },
		{ "{\"functions\":[\n1]}", "line 2: 'functions' must be an array of objects" },
		{ "{\"functions\":[{}]}", "line 1: the function has no name" },
		{ "{\"functions\":[{\"name\":1}]}", "line 1: 'name' must be a string" },
		{ "{\"functions\":[{\"name\":\"a\"},\n{\"name\":\"a\"}]}",
		  "line 2: the name 'a' is that of the function in line 1, too" },
		{ "{\"functions\":[{\"name\":\"a\",\n\"memry\":1}]}",
		  "line 2: unknown member 'memry': did you mean 'memory'?" },
		{ "{\"functions\":[{\"function-name\":\"a\"}]}", "did you mean 'name'?" },
		{ "{\"export-svg\":1}",
		  "unknown member 'export-svg': lrie.json(5) tells what there is" },
		{ "{\"config\":\"f.json\"}", "unknown member 'config'" },
		{ "{\"name\":1}", "line 1: 'name' goes into each of 'functions'" },
		{ "{\"Name\":1}", "unknown member 'Name': did you mean 'name'?" },
		{ "{\"function\":[]}", "unknown member 'function': did you mean 'functions'?" },
		{ "{\"args\":[]}", "unknown member 'args': lrie.json(5)" },
		{ "3", "'suite.json': it is neither an object nor an array" },
		{ "null", "'suite.json': it is neither an object nor an array" },
		{ "{\"functions\":[{\"listen\":\"x\"}]}",
		  "line 1: 'listen' is not about one function: it goes beside 'functions'" },
		{ "{\"functions\":[{\"name\":\"a\",\"functions\":[]}]}",
		  "line 1: 'functions' goes outside of functions" },
		{ "{\"functions\":[{\"handler\":\"a\",\n\"h\\u0061ndler\":\"a\"}]}",
		  "line 2: 'handler' is there a second time" },
		{ "{\"handler\":null}", "'handler' must be a string, a number or a boolean" },
		{ "{\"handler\":[\"a\"]}", "'handler' must be a string, a number or a boolean" },
		{ "{\"layer\":{}}", "'layer' must be a string, or an array of strings" },
		{ "{\"layer\":[[]]}", "'layer' must be a string, or an array of strings" },
		{ "{\"arguments\":{}}", "'arguments' must be a string, or an array of strings" },
		{ "{\"handler\":\"\\u0000\"}", "a string has a NUL in it" },
		{ "{\"env\":{\"AA\":[]}}", "the value of the variable \"AA\" must be a string" },
		{ "{\"env\":{\n\"A\":1}}", "'A' is no name for a variable" },
		{ "{\"env\":\"AA\"}", "'AA'" },
		{ "{\"event\":\"none\"}", "open the event 'none': No such file" },
	};
	struct function_file file;
	struct error err;

	files_begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].text);
		CHECK(!read_file(&file, cases[i].text, &err));
		if (!CHECK(strstr(err.text, cases[i].words)))
			CHECK_STR(err.text, cases[i].words);
		function_file_finish(&file);
	}
	test_case("no file");
	CHECK(!function_file_read(&file, "none.json", CONFIG_BENCH, &err));
	CHECK_STR(err.text, "open 'none.json': No such file or directory");
	function_file_finish(&file);
	files_end((const char *const[]){ "suite.json" }, 1);
}

static void test_there_is_a_limit(void)
{
	autobuffer struct buffer text = BUFFER_INIT;
	struct function_file file;
	struct error err;

	files_begin();
	buffer_append_text(&text, "{\"functions\":[{\"name\":\"f\"}");
	for (int i = 0; i < 1000; i++)
		buffer_append_format(&text, ",\n{\"name\":\"f%d\"}", i);
	buffer_append_text(&text, "]}");
	CHECK(!read_file(&file, text.data, &err));
	CHECK_STR(err.text, "'suite.json' line 1001: more than 1000 functions");
	function_file_finish(&file);
	files_end((const char *const[]){ "suite.json" }, 1);
}

static void test_parts_of_a_text(void)
{
	static const char text[] =
		" { \"a\" : [1, [\"]\\\"\"], {}], \n\"b\\\"\":\"x\",\n\n\"c\":true }";
	static const struct {
		const char *name, *value;
		unsigned line;
		enum json_kind kind;
	} expected[] = { { "\"a\"", "[1, [\"]\\\"\"], {}]", 1, JSON_ARRAY },
		         { "\"b\\\"\"", "\"x\"", 2, JSON_STRING },
		         { "\"c\"", "true", 4, JSON_BOOLEAN } };
	struct json_part whole = json_part_whole(text, strlen(text)), name, value;
	struct json_walk walk;
	size_t count = 0;

	CHECK_INT(json_part_kind(&whole), JSON_OBJECT);
	json_walk_begin(&walk, &whole);
	for (; json_walk_next(&walk, &name, &value) && count < 3; count++) {
		autobuffer struct buffer member = BUFFER_INIT;

		buffer_append_format(&member, "%.*s %.*s", (int)name.length, name.text,
		                     (int)value.length, value.text);
		char *words = xasprintf("%s %s", expected[count].name, expected[count].value);
		CHECK_STR(member.data, words);
		CHECK_INT(value.line, expected[count].line);
		CHECK_INT(json_part_kind(&value), expected[count].kind);
		free(words);
	}
	CHECK_INT(count, 3);
}

/* Whoever gives a text that is no JSON gets an end, and no byte behind the text is read. */
static void test_every_cut_of_a_text_is_survived(void)
{
	static const char text[] = "{\"a\":[\"\\u0041\",{\"b\":\"\\\\\"}],\"c\":-1e5}";

	for (size_t length = 1; length <= strlen(text); length++) {
		char *copy = xmalloc(length);
		memcpy(copy, text, length);
		struct json_part whole = json_part_whole(copy, length), name, value;
		struct json_walk walk;
		size_t count = 0;

		json_walk_begin(&walk, &whole);
		while (json_walk_next(&walk, &name, &value) && count < length)
			count++;
		CHECK(count <= 2);
		free(copy);
	}
}

TEST_MAIN(test_each_kind_of_value, test_paths_are_relative_to_the_file,
          test_mistakes_tell_their_line, test_there_is_a_limit, test_parts_of_a_text,
          test_every_cut_of_a_text_is_survived)
