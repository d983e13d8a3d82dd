/* SPDX-License-Identifier: Apache-2.0 */
/* json_part - the parts of a text, and what its strings stand for */
#include "emulator/json_part.h"

#include "tests/unit/test.h"

static struct json_part whole(const char *text)
{
	return json_part_whole(text, strlen(text));
}

static void test_strings(void)
{
	static const struct {
		const char *json;
		const char *text;
	} cases[] = {
		{ "\"\"", "" },
		{ "\"plain\"", "plain" },
		{ "\"a\\\"\\\\\\/b\\b\\f\\n\\r\\tc\"", "a\"\\/b\b\f\n\r\tc" },
		{ "\"\\u0041\\u00e9\\u20aC\\ud83d\\ude00.\"",
		  "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80." },
		{ "\"\\ud83d\"", "\xef\xbf\xbd" },
		{ "\"\\ud83dx\"", "\xef\xbf\xbdx" },
		{ "\"\\ude00\\ud83d\\u0041\"", "\xef\xbf\xbd\xef\xbf\xbd"
		                               "A" },
		{ "\"\xe2\x82\xac\\n\xe2\x82\xac\"", "\xe2\x82\xac\n\xe2\x82\xac" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_part part = whole(cases[i].json);
		autobuffer struct buffer out = BUFFER_INIT;

		test_case(cases[i].json);
		json_part_append_text(&out, &part);
		CHECK_STR(out.data, cases[i].text);
		CHECK(json_part_is(&part, cases[i].text));
		CHECK(!json_part_is(&part, "other"));
	}
}

static void test_nul_in_a_string(void)
{
	struct json_part part = whole("\"a\\u0000\"");
	autobuffer struct buffer out = BUFFER_INIT;

	json_part_append_text(&out, &part);
	CHECK_INT(out.length, 2);
	CHECK(!json_part_is(&part, "a"));
}

static void test_names(void)
{
	struct json_part part = whole(" { \"status\\u0043ode\" : 200 } "), name, value;
	struct json_walk walk;

	json_walk_begin(&walk, &part);
	CHECK(json_walk_next(&walk, &name, &value));
	CHECK(json_part_is(&name, "statusCode"));
	CHECK(!json_part_is(&name, "status"));
	CHECK_INT(json_part_kind(&value), JSON_NUMBER);
	CHECK(!json_walk_next(&walk, &name, &value));
}

static void test_compact(void)
{
	static const struct {
		const char *json;
		const char *compact;
	} cases[] = {
		{ " { \"a\" : [ 1 , 2.50 , \" b \\\" \" ] ,\r\n\t\"c d\" : null } ",
		  "{\"a\":[1,2.50,\" b \\\" \"],\"c d\":null}" },
		{ "[]", "[]" },
		{ "\" x \"", "\" x \"" },
		{ " -1e5 ", "-1e5" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_part part = whole(cases[i].json);
		autobuffer struct buffer out = BUFFER_INIT;

		json_part_append_compact(&out, &part);
		CHECK_STR(out.data, cases[i].compact);
	}
}

TEST_MAIN(test_strings, test_nul_in_a_string, test_names, test_compact)
