/* SPDX-License-Identifier: Apache-2.0 */
/* route - which row of a table a request finds */
#include "emulator/route.h"

#include "tests/unit/test.h"

enum { NEXT = 1, RESPONSE, ERROR, INVOKE, INVOKE_URL, LAST };

static const struct route routes[] = {
	{ "GET", "/runtime/invocation/next", NEXT },
	{ "POST", "/runtime/invocation/{}/response", RESPONSE },
	{ "POST", "/runtime/invocation/{}/error", ERROR },
	{ "POST", "/functions/{}", INVOKE },
	{ "PUT", "/functions/{}", INVOKE_URL },
	{ "GET", "/a/{}", LAST },
	{ .method = NULL },
};

static void test_table(void)
{
	static const struct {
		const char *method, *path;
		enum route_result result;
		int id;
		const char *argument;
	} cases[] = {
		{ "GET", "/runtime/invocation/next", ROUTE_FOUND, NEXT, "" },
		{ "POST", "/runtime/invocation/abc/response", ROUTE_FOUND, RESPONSE, "abc" },
		{ "POST", "/runtime/invocation/abc/error", ROUTE_FOUND, ERROR, "abc" },
		{ "POST", "/runtime/invocation/next/error", ROUTE_FOUND, ERROR, "next" },
		{ "POST", "/functions/f%3A1", ROUTE_FOUND, INVOKE, "f:1" },
		{ "PUT", "/functions/f", ROUTE_FOUND, INVOKE_URL, "f" },
		{ "POST", "/functions/0123456789abcde", ROUTE_FOUND, INVOKE, "0123456789abcde" },
		{ "POST", "/functions/{}", ROUTE_FOUND, INVOKE, "{}" },
		{ "GET", "/a/a%2Fb", ROUTE_FOUND, LAST, "a/b" },

		{ "POST", "/runtime/invocation/next", ROUTE_WRONG_METHOD, 0, "" },
		{ "get", "/runtime/invocation/next", ROUTE_WRONG_METHOD, 0, "" },
		{ "DELETE", "/functions/f", ROUTE_WRONG_METHOD, 0, "" },

		{ "GET", "", ROUTE_UNKNOWN, 0, "" },
		{ "GET", "/", ROUTE_UNKNOWN, 0, "" },
		{ "GET", "/runtime/invocation/next/", ROUTE_UNKNOWN, 0, "" },
		{ "GET", "/runtime/invocation/nex", ROUTE_UNKNOWN, 0, "" },
		{ "GET", "runtime/invocation/next", ROUTE_UNKNOWN, 0, "" },
		{ "POST", "/runtime/invocation//response", ROUTE_UNKNOWN, 0, "" },
		{ "POST", "/runtime/invocation/a/b/response", ROUTE_UNKNOWN, 0, "" },
		{ "POST", "/runtime/invocation/abc", ROUTE_UNKNOWN, 0, "" },
		{ "POST", "/functions/", ROUTE_UNKNOWN, 0, "" },
		{ "POST", "/functions/f/", ROUTE_UNKNOWN, 0, "" },

		{ "POST", "/functions/0123456789abcdef", ROUTE_BAD_ARGUMENT, INVOKE, NULL },
		{ "POST", "/functions/f%", ROUTE_BAD_ARGUMENT, INVOKE, NULL },
		{ "POST", "/functions/f%zz", ROUTE_BAD_ARGUMENT, INVOKE, NULL },
		{ "POST", "/functions/f%00", ROUTE_BAD_ARGUMENT, INVOKE, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char argument[16] = "left over";
		int id = 0;

		test_case(cases[i].path);
		CHECK_INT(route_find(routes, cases[i].method, cases[i].path, &id, argument,
		                     sizeof(argument)),
		          cases[i].result);
		CHECK_INT(id, cases[i].id);
		if (cases[i].argument)
			CHECK_STR(argument, cases[i].argument);
	}
}

static void test_empty_table(void)
{
	static const struct route none[] = { { .method = NULL } };
	char argument[4];
	int id = 7;

	CHECK_INT(route_find(none, "GET", "/", &id, argument, sizeof(argument)), ROUTE_UNKNOWN);
	CHECK_INT(id, 7);
	CHECK_STR(argument, "");
}

TEST_MAIN(test_table, test_empty_table)
