/* SPDX-License-Identifier: Apache-2.0 */
/* identifier - the forms of the names, and that no two are the same */
#include "emulator/identifier.h"

#include <stdlib.h>
#include <time.h>

#include "tests/unit/test.h"

#define DRAWS 2000 /* more than one filling of the pool */

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void test_uuids(void)
{
	static char uuids[DRAWS][UUID_SIZE];

	for (size_t i = 0; i < DRAWS; i++) {
		uuid_make(uuids[i]);
		CHECK(uuid_is_valid(uuids[i]));
		CHECK_INT(uuids[i][14], '4');
		CHECK(strchr("89ab", uuids[i][19]) != NULL);
		CHECK_INT(strspn(uuids[i], "0123456789abcdef-"), UUID_SIZE - 1);
	}
	qsort(uuids, DRAWS, UUID_SIZE, compare);
	for (size_t i = 1; i < DRAWS; i++)
		CHECK(strcmp(uuids[i - 1], uuids[i]) != 0);
}

static void test_valid_uuids(void)
{
	CHECK(uuid_is_valid("8476a536-e9f4-11e8-9739-2dfe598c3fcd"));
	CHECK(uuid_is_valid("8476A536-E9F4-11E8-9739-2DFE598C3FCD"));
	CHECK(uuid_is_valid("00000000-0000-0000-0000-000000000000"));
}

static void test_invalid_uuids(void)
{
	static const char *const texts[] = {
		"",
		"8476a536",
		"8476a536-e9f4-11e8-9739-2dfe598c3fc",
		"8476a536-e9f4-11e8-9739-2dfe598c3fcdd",
		"8476a536-e9f4-11e8-9739-2dfe598c3fcd ",
		" 8476a536-e9f4-11e8-9739-2dfe598c3fc",
		"8476a536-e9f4-11e8-9739-2dfe598c3fcg",
		"8476a536ae9f4-11e8-9739-2dfe598c3fcd",
		"8476a536-e9f4-11e8-9739_2dfe598c3fcd",
		"{8476a536-e9f4-11e8-9739-2dfe598c3fc}",
		"------------------------------------",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		test_case(texts[i]);
		CHECK(!uuid_is_valid(texts[i]));
	}
}

static void test_hex(void)
{
	for (size_t digits = 0; digits <= 33; digits++) {
		char text[35];

		memset(text, '!', sizeof(text));
		hex_make(text, digits);
		CHECK_INT(strspn(text, "0123456789abcdef"), digits);
		CHECK_INT(strlen(text), digits);
		CHECK_INT(text[digits + 1], '!');
	}
}

static void test_trace_header(void)
{
	char header[TRACE_HEADER_SIZE];
	char root[25], parent[17];
	unsigned seconds;
	int end = 0;

	trace_header_make(header);
	CHECK_INT(sscanf(header, "Root=1-%8x-%24[0-9a-f];Parent=%16[0-9a-f];Sampled=0%n", &seconds,
	                 root, parent, &end),
	          3);
	CHECK_INT(strlen(header), end);
	CHECK_INT(strlen(root), 24);
	CHECK_INT(strlen(parent), 16);
	/* time() may lag behind the clock that the header is made by: it is read from a tick. */
	CHECK(seconds <= time(NULL) + 1 && seconds + 60 > time(NULL));
}

#define ROOT "1-5759e988-bd862e3fe1be46a994272793"
#define PARENT "53995c3f42cd8ad8"

static void test_complete_trace_header(void)
{
	static const struct {
		const char *given, *expected; /* NULL: refused; "?" stands for 16 digits */
	} cases[] = {
		{ "Root=" ROOT ";Parent=" PARENT ";Sampled=1",
		  "Root=" ROOT ";Parent=" PARENT ";Sampled=1" },
		{ "Root=" ROOT ";Sampled=1", "Root=" ROOT ";Parent=?;Sampled=1" },
		{ "Root=" ROOT, "Root=" ROOT ";Parent=?;Sampled=0" },
		{ "root=" ROOT "; parent=" PARENT, "Root=" ROOT ";Parent=" PARENT ";Sampled=0" },
		{ "Self=1-67891234-12456789abcdef012345678;Root=" ROOT,
		  "Root=" ROOT ";Parent=?;Sampled=0" },
		{ "Root=" ROOT ";Parent=" PARENT ";Sampled=0;Lineage=a87bd80c:1|68fd508a:5",
		  "Root=" ROOT ";Parent=" PARENT ";Sampled=0;Lineage=a87bd80c:1|68fd508a:5" },
		{ "", NULL },
		{ "Root=", NULL },
		{ "Root=1-5759e988", NULL },
		{ "Root=1-5759e988-bd862e3fe1be46a99427279g", NULL },
		{ "Root=" ROOT "0", NULL },
		{ "Parent=" PARENT ";Sampled=1", NULL },
		{ ";;;==;Root", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *expected = cases[i].expected;
		char header[128] = "";

		test_case(cases[i].given);
		CHECK_INT(trace_header_complete(cases[i].given, header, sizeof(header)),
		          expected != NULL);
		if (!expected)
			continue;
		if (strchr(expected, '?')) {
			char *made = strstr(header, "Parent=") + strlen("Parent=");

			CHECK_INT(strspn(made, "0123456789abcdef"), 16);
			made[0] = '?';
			memmove(made + 1, made + 16, strlen(made + 16) + 1);
		}
		CHECK_STR(header, expected);
	}
	test_case(NULL);
	CHECK(!trace_header_complete("Root=" ROOT, (char[40]){ "" }, 40));
}

static void test_sampled_trace_headers(void)
{
	CHECK(trace_header_is_sampled("Root=" ROOT ";Parent=" PARENT ";Sampled=1"));
	CHECK(trace_header_is_sampled("sampled=1; root=" ROOT));
	CHECK(!trace_header_is_sampled("Root=" ROOT ";Parent=" PARENT ";Sampled=0"));
	CHECK(!trace_header_is_sampled("Root=" ROOT ";Sampled=11"));
	CHECK(!trace_header_is_sampled("Root=" ROOT ";Sampled="));
	CHECK(!trace_header_is_sampled("Root=;Sampled=1"));
	CHECK(!trace_header_is_sampled("Sampled=1"));
	CHECK(!trace_header_is_sampled(""));
}

static void test_fields_of_trace_headers(void)
{
	char value[17];

	CHECK(trace_header_field("Root=" ROOT ";Parent=" PARENT, "Parent", value, sizeof(value)));
	CHECK_STR(value, PARENT);
	CHECK(!trace_header_field("Root=" ROOT ";Parent=" PARENT "0", "Parent", value,
	                          sizeof(value)));
	CHECK(!trace_header_field("Root=" ROOT, "Parent", value, sizeof(value)));
}

static void test_header_of_who_is_called(void)
{
	static const struct {
		const char *given, *before, *behind, *caller; /* what is around the new Parent */
	} cases[] = {
		{ "Root=" ROOT ";Parent=" PARENT ";Sampled=1",
		  "Root=" ROOT ";Parent=", ";Sampled=1", PARENT },
		{ "Root=" ROOT ";Parent=" PARENT ";Sampled=0",
		  "Root=" ROOT ";Parent=", ";Sampled=0", PARENT },
		{ "root=" ROOT ";Lineage=a:1", "Root=" ROOT ";Parent=", ";Sampled=1;Lineage=a:1",
		  "" },
		{ "Root=" ROOT ";Parent=none", "Root=" ROOT ";Parent=", ";Sampled=1", "" },
		{ "Root=" ROOT ";Parent=" PARENT "0", "Root=" ROOT ";Parent=", ";Sampled=1", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char header[TRACE_HEADER_SIZE], caller[TRACE_PARENT_SIZE];
		size_t before = strlen(cases[i].before);

		test_case(cases[i].given);
		CHECK(trace_header_descend(cases[i].given, header, sizeof(header), caller));
		CHECK_STR(caller, cases[i].caller);
		CHECK(strncmp(header, cases[i].before, before) == 0);
		CHECK_INT(strspn(header + before, "0123456789abcdef"), 16);
		CHECK(strncmp(header + before, PARENT, 16) != 0);
		CHECK_STR(header + before + 16, cases[i].behind);
	}
}

static void test_header_of_nobody(void)
{
	char header[TRACE_HEADER_SIZE] = "", caller[TRACE_PARENT_SIZE] = "-";

	CHECK(!trace_header_descend("", header, sizeof(header), caller));
	CHECK(!trace_header_descend("Root=junk", header, sizeof(header), caller));
	CHECK(!trace_header_descend("Root=" ROOT, header, 60, caller));
	CHECK_STR(caller, "-");
}

TEST_MAIN(test_header_of_who_is_called, test_header_of_nobody, test_uuids, test_valid_uuids,
          test_invalid_uuids, test_hex, test_trace_header, test_complete_trace_header,
          test_sampled_trace_headers, test_fields_of_trace_headers)
