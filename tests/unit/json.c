/* SPDX-License-Identifier: Apache-2.0 */
/* json - what is JSON, what is not and where, and how strings are written */
#include "emulator/json.h"

#include <math.h>

#include "emulator/json_check.h"
#include "emulator/utf8.h"

#include <stdlib.h>

#include "tests/unit/test.h"

#define PREFIX "Could not parse request body into json: Could not parse payload into json: "
#define SOURCE "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
#define AT(line, column) "\n at " SOURCE "line: " #line ", column: " #column "]"
#define VALUES "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

/* The text goes into a block of exactly its size, so that the sanitizer sees each step too far. */
static bool check(const char *text, size_t length, struct buffer *reason)
{
	char *copy = malloc(length > 0 ? length : 1);
	bool ok;

	memcpy(copy, text, length);
	ok = json_check(copy, length, reason);
	free(copy);
	return ok;
}

static void test_valid(void)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"-0.0e-0",
		"1",
		"123456789012345678901234567890",
		"1.5",
		"1e5",
		"1E+5",
		"1.25e-10",
		"\"\"",
		"\"a\"",
		"\"0123456\"",
		"\"01234567\"",
		"\"012345678\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\"",
		"\"\\ud83d\\ude00\"",
		"\"\\ud83d\"",
		"\"\\u0000\"",
		"\"\x7f\"",
		"\"\xc2\x80\xdf\xbf\"",
		"\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
		"\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
		"\"1234567\xe2\x82\xac 1234567\xe2\x82\xac\"",
		" \t\r\n{} \t\r\n",
		"                         [                 ]                 ",
		"[1,2,3]",
		"[ 1 , 2 , 3 ]",
		"{\"a\":1}",
		"{ \"a\" : 1 , \"b\" : [ ] }",
		"{\"\":\"\"}",
		"{\"a\":1,\"a\":2}",
		"[[],{},[[]],{\"a\":{}},[{}]]",
		"[[1],[2,[3]],{\"a\":[4,{\"b\":5}]}]",
		"[null,true,false,\"\",0]",
		"\xef\xbb\xbf{}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		autobuffer struct buffer reason = BUFFER_INIT;

		test_case(texts[i]);
		CHECK(check(texts[i], strlen(texts[i]), &reason));
		CHECK_STR(reason.data, "");
	}
}

static void test_reason(void)
{
	static const struct {
		const char *text;
		const char *reason;
	} cases[] = {
		{ "x",
		  "Unexpected character ('x' (code 120)): expected a valid value " VALUES AT(1,
		                                                                             1) },
		{ "'test'",
		  "Unexpected character (''' (code 39)): expected a valid value " VALUES AT(1, 1) },
		{ "Hello World", "Unrecognized token 'Hello': was expecting " VALUES AT(1, 1) },
		{ "nul", "Unrecognized token 'nul': was expecting " VALUES AT(1, 1) },
		{ "nulll", "Unrecognized token 'nulll': was expecting " VALUES AT(1, 1) },
		{ "True", "Unrecognized token 'True': was expecting " VALUES AT(1, 1) },
		{ "NaN", "Unrecognized token 'NaN': was expecting " VALUES AT(1, 1) },
		{ "\n \nx",
		  "Unexpected character ('x' (code 120)): expected a valid value " VALUES AT(3,
		                                                                             1) },
		{ "\r\n\r\n  +1",
		  "Unexpected character ('+' (code 43)): expected a valid value " VALUES AT(3, 3) },
		{ "\r\rx",
		  "Unexpected character ('x' (code 120)): expected a valid value " VALUES AT(3,
		                                                                             1) },
		{ ".5",
		  "Unexpected character ('.' (code 46)): expected a valid value " VALUES AT(1, 1) },
		{ "\x01",
		  "Unexpected character ((CTRL-CHAR, code 1)): expected a valid value " VALUES AT(
			  1, 1) },
		{ "\xc2\x85",
		  "Unexpected character ((CTRL-CHAR, code 133)): expected a valid value " VALUES AT(
			  1, 1) },
		{ "\xc3\xa9",
		  "Unexpected character ('\xc3\xa9' (code 233)): expected a valid value " VALUES AT(
			  1, 1) },
		{ "\xe2\x82\xac",
		  "Unexpected character ('\xe2\x82\xac' (code 8364 / 0x20ac)): expected a valid "
		  "value " VALUES AT(1, 1) },
		{ "", "No content to map due to end-of-input" AT(1, 1) },
		{ "  ", "No content to map due to end-of-input" AT(1, 3) },
		{ "{", "Unexpected end-of-input: expected close marker for Object (start marker "
		       "at " SOURCE "line: 1, column: 1])" AT(1, 2) },
		{ "[1,\n [",
		  "Unexpected end-of-input: expected close marker for Array (start marker "
		  "at " SOURCE "line: 2, column: 2])" AT(2, 3) },
		{ "[1,", "Unexpected end-of-input: expected close marker for Array (start marker "
		         "at " SOURCE "line: 1, column: 1])" AT(1, 4) },
		{ "}", "Unexpected character ('}' (code 125)): expected a value" AT(1, 1) },
		{ "[1,]", "Unexpected character (']' (code 93)): expected a value" AT(1, 4) },
		{ "{\"a\":}", "Unexpected character ('}' (code 125)): expected a value" AT(1, 6) },
		{ "[,1]", "Unexpected character (',' (code 44)): expected a value" AT(1, 2) },
		{ "{a:1}", "Unexpected character ('a' (code 97)): was expecting double-quote to "
		           "start field name" AT(1, 2) },
		{ "{\"a\":1,}", "Unexpected character ('}' (code 125)): was expecting double-quote "
		                "to start field name" AT(1, 8) },
		{ "{\"a\" 1}", "Unexpected character ('1' (code 49)): was expecting a colon to "
		               "separate field name and value" AT(1, 6) },
		{ "[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate "
		           "Array entries" AT(1, 4) },
		{ "{\"a\":1 \"b\":2}", "Unexpected character ('\"' (code 34)): was expecting comma "
		                       "to separate Object entries" AT(1, 8) },
		{ "[1}", "Unexpected close marker '}': expected ']' (for Array starting at " SOURCE
		         "line: 1, column: 1])" AT(1, 3) },
		{ "{\"a\":1]",
		  "Unexpected close marker ']': expected '}' (for Object starting at " SOURCE
		  "line: 1, column: 1])" AT(1, 7) },
		{ "{}x", "Unexpected character ('x' (code 120)): expected end-of-input behind the "
		         "value" AT(1, 3) },
		{ "1 2", "Unexpected character ('2' (code 50)): expected end-of-input behind the "
		         "value" AT(1, 3) },
		{ "01", "Invalid numeric value: Leading zeroes not allowed" AT(1, 2) },
		{ "--1", "Unexpected character ('-' (code 45)) in numeric value: expected digit "
		         "(0-9) to follow minus sign, for valid numeric value" AT(1, 2) },
		{ "1.a", "Unexpected character ('a' (code 97)) in numeric value: Decimal point not "
		         "followed by a digit" AT(1, 3) },
		{ "1e+x", "Unexpected character ('x' (code 120)) in numeric value: Exponent "
		          "indicator not followed by a digit" AT(1, 4) },
		{ "-", "Unexpected end-of-input in a Number value" AT(1, 2) },
		{ "1.", "Unexpected end-of-input in a Number value" AT(1, 3) },
		{ "\"a",
		  "Unexpected end-of-input: was expecting closing quote for a string value" AT(1,
		                                                                               3) },
		{ "\"\\",
		  "Unexpected end-of-input: was expecting closing quote for a string value" AT(1,
		                                                                               3) },
		{ "\"\\u12", "Unexpected end-of-input: was expecting closing quote for a string "
		             "value" AT(1, 6) },
		{ "\"\\x41\"", "Unrecognized character escape ('x' (code 120))" AT(1, 3) },
		{ "\"\\u12g4\"", "Unexpected character ('g' (code 103)): expected a hex-digit for "
		                 "character escape sequence" AT(1, 6) },
		{ "\"a\nb\"",
		  "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped "
		  "using backslash to be included in string value" AT(1, 3) },
		{ "\"0123456\t\"",
		  "Illegal unquoted character ((CTRL-CHAR, code 9)): has to be "
		  "escaped using backslash to be included in string value" AT(1, 9) },
		{ "\x87", "Invalid UTF-8 start byte 0x87" AT(1, 1) },
		{ "\"\x87\"", "Invalid UTF-8 start byte 0x87" AT(1, 2) },
		{ "\"\xc0\xaf\"", "Invalid UTF-8 start byte 0xc0" AT(1, 2) },
		{ "\"\xf5\x80\x80\x80\"", "Invalid UTF-8 start byte 0xf5" AT(1, 2) },
		{ "\"\xe0\x9f\xbf\"", "Invalid UTF-8 middle byte 0x9f" AT(1, 3) },
		{ "\"\xed\xa0\x80\"", "Invalid UTF-8 middle byte 0xa0" AT(1, 3) },
		{ "\"\xf4\x90\x80\x80\"", "Invalid UTF-8 middle byte 0x90" AT(1, 3) },
		{ "\"\xe2\x82\"", "Invalid UTF-8 middle byte 0x22" AT(1, 4) },
		{ "\"\xe2\x82", "Unexpected end-of-input in a UTF-8 character" AT(1, 4) },
		{ "{\"\xff\":1}", "Invalid UTF-8 start byte 0xff" AT(1, 3) },
		{ "{\"a\xff", "Invalid UTF-8 start byte 0xff" AT(1, 4) },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer reason = BUFFER_INIT;
		autobuffer struct buffer expected = BUFFER_INIT;

		buffer_append_format(&expected, "%s%s", PREFIX, cases[i].reason);
		test_case(cases[i].text);
		CHECK(!check(cases[i].text, strlen(cases[i].text), &reason));
		CHECK_STR(reason.data, expected.data);
	}
}

static void test_nul_bytes(void)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	CHECK(!check("\0", 1, &reason));
	CHECK(!check("{}\0", 3, &reason));
	CHECK(!check("\"a\0b\"", 5, &reason));
	CHECK(!check("\"\\\0\"", 4, &reason));
	CHECK(!check("[1,\0]", 5, &reason));
}

/* Each text is cut at each place: never valid, never read beyond its end. */
static void test_every_cut_is_refused(void)
{
	static const char text[] = "{\"a\":[1.5e-3,true,false,null,\"\\u00e9\xe2\x82\xac\\n\"],"
				   "\"b\":{\"c\":-0,\"d\":\"01234567 01234567\"}}";

	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		autobuffer struct buffer reason = BUFFER_INIT;

		CHECK(!check(text, length, &reason));
		CHECK(reason.length > strlen(PREFIX));
	}
}

/* Any byte at any place: no crash, and a reason whenever it is refused. */
static void test_every_changed_byte_is_survived(void)
{
	char text[] = "{\"a\":[1.5e-3,true,null,\"\\u00e9\xe2\x82\xac\\n\"],\"b\":{\"c\":-0}}";

	for (size_t place = 0; place < sizeof(text) - 1; place++) {
		char kept = text[place];

		for (int byte = 0; byte < 256; byte++) {
			autobuffer struct buffer reason = BUFFER_INIT;
			bool ok;

			text[place] = (char)byte;
			ok = check(text, sizeof(text) - 1, &reason);
			CHECK_INT(ok, reason.length == 0);
		}
		text[place] = kept;
	}
}

static void test_depth(void)
{
	autobuffer struct buffer reason = BUFFER_INIT;
	char text[4004];

	memset(text, '[', 1000);
	memset(text + 1000, ']', 1000);
	CHECK(check(text, 2000, &reason));
	memset(text, '[', 1001);
	memset(text + 1001, ']', 1001);
	CHECK(!check(text, 2002, &reason));
	CHECK_STR(reason.data,
	          PREFIX "Document nesting depth (1001) exceeds the maximum allowed (1000, from "
	                 "`StreamReadConstraints.getMaxNestingDepth()`)" AT(1, 1001));
	buffer_clear(&reason);
	for (size_t i = 0; i < 1001; i++)
		memcpy(text + i * 4, "[{},", 4);
	CHECK(!check(text, sizeof(text), &reason));
}

static void test_long_token_is_cut(void)
{
	autobuffer struct buffer reason = BUFFER_INIT;
	char text[100000];

	memset(text, 'a', sizeof(text));
	CHECK(!check(text, sizeof(text), &reason));
	CHECK(reason.length < 700);
	CHECK(strstr(reason.data, "aaa...': was expecting ") != NULL);
}

static void test_object(void)
{
	autobuffer struct buffer out = BUFFER_INIT;

	json_object_begin(&out);
	json_object_end(&out);
	CHECK_STR(out.data, "{}");
	buffer_clear(&out);
	json_object_begin(&out);
	json_object_text(&out, "errorType", "a\"b\\c/d\n\t\x01\x7f<>&{");
	json_object_text(&out, "{", "{");
	json_object_text(&out, "gr\xc3\xbc\xc3\x9f", "");
	json_object_end(&out);
	CHECK_STR(out.data, "{\"errorType\":\"a\\\"b\\\\c/d\\n\\t\\u0001\x7f<>&{\",\"{\":\"{\","
	                    "\"gr\xc3\xbc\xc3\x9f\":\"\"}");
}

static void test_bytes_and_json(void)
{
	autobuffer struct buffer out = BUFFER_INIT;

	json_object_begin(&out);
	json_object_bytes(&out, "line", "a\0b\r\n", 5);
	json_object_bytes(&out, "plain", "\ta \"line\"\n and more", 10);
	json_object_bytes(&out, "none", "more", 0);
	json_object_json(&out, "record", "{\"a\":[1]}, not this", 9);
	json_object_end(&out);
	CHECK_STR(out.data, "{\"line\":\"a\\u0000b\\r\\n\",\"plain\":\"\\ta \\\"line\\\"\\n\","
	                    "\"none\":\"\",\"record\":{\"a\":[1]}}");
}

static void test_text_in_pieces(void)
{
	autobuffer struct buffer out = BUFFER_INIT;

	json_object_begin(&out);
	json_object_name(&out, "a\0b", 3);
	json_text_open(&out);
	json_text_close(&out);
	json_object_name(&out, "", 0);
	json_text_open(&out);
	json_text_add(&out, "long enough for words,\b\f", 24);
	json_text_add(&out, "", 0);
	json_text_add(&out, "\xe2\x82\xac\xff\xe2\x82\xac\"", 8);
	json_text_close(&out);
	json_array_open(&out, "items");
	json_text_open(&out);
	json_text_add(&out, "1", 1);
	json_text_close(&out);
	json_text_open(&out);
	json_text_close(&out);
	json_array_end(&out);
	json_object_end(&out);
	CHECK_STR(out.data, "{\"a\\u0000b\":\"\",\"\":\"long enough for words,\\b\\f\xe2\x82\xac"
	                    "\xef\xbf\xbd\xe2\x82\xac\\\"\",\"items\":[\"1\",\"\"]}");
}

/* Wherever in a word of the machine it stands. */
static void test_each_byte_in_each_place(void)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t place = 0; place < 20; place++) {
			autobuffer struct buffer out = BUFFER_INIT, reason = BUFFER_INIT;
			char text[20];

			memset(text, 'x', sizeof(text));
			text[place] = (char)byte;
			json_object_begin(&out);
			json_object_bytes(&out, "a", text, sizeof(text));
			json_object_end(&out);
			CHECK(check(out.data, out.length, &reason));
			CHECK_INT(utf8_is_valid(text, sizeof(text)), byte < 0x80);
		}
	}
	CHECK(utf8_is_valid("0123456\xe2\x82\xac 0123456\xc3\xa9", 20));
	CHECK(!utf8_is_valid("0123456\xe2\x82", 9));
	CHECK(utf8_is_valid("", 0));
}

static void test_text_that_is_not_utf8(void)
{
	static const struct {
		const char *text;
		const char *json;
	} cases[] = {
		{ "\xff", "{\"a\":\"\xef\xbf\xbd\"}" },
		{ "x\xe2\x82", "{\"a\":\"x\xef\xbf\xbd\xef\xbf\xbd\"}" },
		{ "\xc0\xaf.", "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd.\"}" },
		{ "\xed\xa0\x80", "{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}" },
		{ "\xf0\x9f\x98\x80", "{\"a\":\"\xf0\x9f\x98\x80\"}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer out = BUFFER_INIT;
		autobuffer struct buffer reason = BUFFER_INIT;

		json_object_begin(&out);
		json_object_text(&out, "a", cases[i].text);
		json_object_end(&out);
		CHECK_STR(out.data, cases[i].json);
		CHECK(json_check(out.data, out.length, &reason));
	}
}

static void test_remove_member(void)
{
	static const struct {
		const char *text;
		const char *rest; /* NULL: refused */
	} cases[] = {
		{ "{}", "{}" },
		{ "{\"x\":1}", "{}" },
		{ "{\"a\":1}", "{\"a\":1}" },
		{ " { \"a\" : 1 , \"x\" : 2 } ", "{\"a\" : 1}" },
		{ "{\"x\":{\"a\":[\"}\",{\"x\":1}]},\"b\":2}", "{\"b\":2}" },
		{ "{\"a\":1,\"x\":\"\\\"}\",\"b\":[1,{\"x\":2}]}",
		  "{\"a\":1,\"b\":[1,{\"x\":2}]}" },
		{ "{\"x\":null,\"x\":[[]],\"X\":-1.5e3}", "{\"X\":-1.5e3}" },
		{ "{\"a\":123456789012345678901234567890,\"x\":true}",
		  "{\"a\":123456789012345678901234567890}" },
		{ "{\"xx\":1,\"\":2}", "{\"xx\":1,\"\":2}" },
		{ "\xef\xbb\xbf{\"x\":1}", "{}" },
		{ "[]", NULL },
		{ "\"x\"", NULL },
		{ "1", NULL },
		{ "", NULL },
		{ "{\"x\":1", NULL },
		{ "{\"x\":1}}", NULL },
		{ "this is no error", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer text = BUFFER_INIT;

		buffer_append_text(&text, cases[i].text);
		test_case(cases[i].text);
		CHECK_INT(json_remove_member(&text, "x"), cases[i].rest != NULL);
		CHECK_STR(text.data, cases[i].rest ? cases[i].rest : cases[i].text);
	}
}

static void test_decimals_and_texts(void)
{
	autobuffer struct buffer text = BUFFER_INIT;

	json_object_begin(&text);
	json_object_decimal(&text, "a", 0);
	json_object_decimal(&text, "b", 1);
	json_object_decimal(&text, "c", 1233960);
	json_object_decimal(&text, "d", 5000000);
	json_object_decimal(&text, "e", UINT64_MAX);
	json_array_open(&text, "f");
	json_array_text(&text, "x");
	json_array_text(&text, "\"\xff");
	json_array_end(&text);
	json_object_end(&text);
	CHECK_STR(text.data, "{\"a\":0.0,\"b\":0.001,\"c\":1233.96,\"d\":5000.0,"
	                     "\"e\":18446744073709551.615,\"f\":[\"x\",\"\\\"\xef\xbf\xbd\"]}");
}

/* ---- reading ---- */

static void test_numbers_survive_being_written(void)
{
	autobuffer struct buffer text = BUFFER_INIT;
	static const double values[] = { 0, 0.1, 1.0 / 3, 1e-300, 123456789.125, -5 };
	double value;

	json_object_begin(&text);
	json_array_open(&text, "values");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		json_array_double(&text, values[i]);
	json_array_double(&text, NAN);
	json_array_end(&text);
	json_object_double(&text, "one", 0.1);
	json_object_double(&text, "none", INFINITY);
	json_object_end(&text);

	struct json *json = json_read(text.data, text.length, NULL);
	const struct json *array = json_member(json, "values");
	CHECK_INT(json_length(array), 7);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		CHECK(json_number(json_item(array, i), &value) && value == values[i]);
	CHECK(!json_number(json_item(array, 6), &value));
	CHECK(!json_item(array, 7));
	CHECK(json_number(json_member(json, "one"), &value) && value == 0.1);
	CHECK(!json_number(json_member(json, "none"), &value));
	json_destroy(json);
}

static void test_parts_that_are_not_there(void)
{
	static const char text[] =
		"{\"a\":{\"b\":\"c\"},\"n\":null,\"z\":\"a\\u0000b\",\"big\":1e999}";
	struct json *json = json_read(text, strlen(text), NULL);
	double value;

	CHECK_STR(json_text(json_member(json_member(json, "a"), "b")), "c");
	CHECK(!json_member(json, "x") && !json_member(json_member(json, "x"), "y"));
	CHECK(!json_text(json_member(json, "a")) && !json_text(NULL));
	CHECK(!json_text(json_member(json, "z"))); /* it would be cut */
	CHECK(!json_member(json, "n"));
	CHECK(!json_number(json_member(json, "big"), &value));
	CHECK_INT(json_length(json), 0);
	CHECK(!json_item(json, 0) && !json_item(NULL, 0));
	CHECK_STR(json_member_name(json, 0), "a");
	CHECK_STR(json_member_name(json, 3), "big");
	CHECK(!json_member_name(json, 4) && !json_member_name(NULL, 0));
	json_destroy(json);
	json_destroy(NULL);
}

static void test_what_cannot_be_read(void)
{
	static const char *const texts[] = { "",    "{",    "[1,2",     "{'a':1}", "1 2", "{} x",
		                             "nul", "[1,]", "\"\xff\"", "// x",    "NaN" };
	char deep[100];
	struct error err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		test_case(texts[i]);
		CHECK(!json_read(texts[i], strlen(texts[i]), &err));
		CHECK(strstr(err.text, "line: 1, column: ") != NULL);
	}
	test_case("words");
	CHECK(!json_read("{\n1", 3, &err));
	CHECK_STR(err.text, "Unexpected character ('1' (code 49)): was expecting double-quote to "
	                    "start field name at line: 2, column: 1");
	test_case("deep");
	memset(deep, '[', 50);
	memset(deep + 50, ']', 50);
	CHECK(!json_read(deep, sizeof(deep), &err));
}

static void test_whole_numbers(void)
{
	static const double whole[] = { 0,      -0.0,    1,      -7,    0x1p53 - 1,
		                        0x1p53, -0x1p53, 0x1p62, 1e300, -1e300 };
	static const double broken[] = { 0.5, -0.5, 1e-300, 0x1p52 - 0.5, -2.25, NAN };

	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
		CHECK(json_is_whole(whole[i]));
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
		CHECK(!json_is_whole(broken[i]));
}

TEST_MAIN(test_decimals_and_texts, test_numbers_survive_being_written,
          test_parts_that_are_not_there, test_what_cannot_be_read, test_valid, test_reason,
          test_nul_bytes, test_every_cut_is_refused, test_every_changed_byte_is_survived,
          test_depth, test_long_token_is_cut, test_object, test_bytes_and_json, test_text_in_pieces,
          test_each_byte_in_each_place, test_text_that_is_not_utf8, test_remove_member,
          test_whole_numbers)
