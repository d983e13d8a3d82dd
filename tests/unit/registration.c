/* SPDX-License-Identifier: Apache-2.0 */
/* registration - bodies that are taken, and the words for those that are not */
#include "emulator/registration.h"

#include <string.h>

#include "tests/unit/test.h"

#define MAX_EVENTS 2

static const struct {
	const char *body;
	bool is_external;
	const char *type;    /* NULL: it is taken */
	const char *message; /* NULL: whatever is said */
	unsigned count;
	enum extension_event_kind events[MAX_EVENTS];
} cases[] = {
	{ "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}",
	  true,
	  NULL,
	  NULL,
	  2,
	  { EXTENSION_INVOKE, EXTENSION_SHUTDOWN } },
	{ "{\"events\":[\"SHUTDOWN\",\"INVOKE\"]}",
	  true,
	  NULL,
	  NULL,
	  2,
	  { EXTENSION_SHUTDOWN, EXTENSION_INVOKE } },
	{ "{\"events\":[\"INVOKE\",\"INVOKE\"]}", false, NULL, NULL, 1, { EXTENSION_INVOKE } },
	{ "{\"events\":[]}", false, NULL, NULL, 0, { 0 } },
	{ "{\"events\":null}", false, NULL, NULL, 0, { 0 } },
	{ "{}", false, NULL, NULL, 0, { 0 } },
	{ " {\"unknown\":{\"events\":[\"FOO\"]}} ", false, NULL, NULL, 0, { 0 } },
	{ "{\"events\":[],\"configurationKeys\":[]}", false, NULL, NULL, 0, { 0 } },
	{ "{\"events\":[],\"configurationKeys\":[\"A\"]}",
	  true,
	  "InvalidRequestFormat",
	  "configurationKeys are deprecated; use environment variables instead",
	  0,
	  { 0 } },
	{ "{\"events\":[\"SHUTDOWN\"]}",
	  false,
	  "Extension.InvalidEventType",
	  "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
	  0,
	  { 0 } },
	{ "{\"events\":[\"FOO\"]}",
	  true,
	  "Extension.InvalidEventType",
	  "FOO: ErrorInvalidEventType",
	  0,
	  { 0 } },
	{ "{\"events\":[\"\"]}",
	  true,
	  "Extension.InvalidEventType",
	  ": ErrorInvalidEventType",
	  0,
	  { 0 } },
	{ "{\"events\":[\"INVOKE\",1]}",
	  true,
	  "InvalidRequestFormat",
	  "events: each must be a string",
	  0,
	  { 0 } },
	{ "{\"events\":[\"INVOKE\\u0000\"]}",
	  true,
	  "InvalidRequestFormat",
	  "events: each must be a string",
	  0,
	  { 0 } },
	{ "{\"events\":{}}",
	  true,
	  "InvalidRequestFormat",
	  "events must be an array of strings",
	  0,
	  { 0 } },
	{ "{\"events\":\"INVOKE\"}",
	  true,
	  "InvalidRequestFormat",
	  "events must be an array of strings",
	  0,
	  { 0 } },
	{ "[]", true, "InvalidRequestFormat", "the body must be a JSON object", 0, { 0 } },
	{ "null", true, "InvalidRequestFormat", NULL, 0, { 0 } },
	{ "", true, "InvalidRequestFormat", NULL, 0, { 0 } },
	{ "{\"events\":[", true, "InvalidRequestFormat", NULL, 0, { 0 } },
	{ "{} {}", true, "InvalidRequestFormat", NULL, 0, { 0 } },
};

static void test_bodies(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct registration_refusal refusal = { .type = NULL };
		struct registration_origin origin = { .is_external = cases[i].is_external };
		struct registration registration;
		const char *body = cases[i].body;

		test_case(body);
		CHECK_INT(registration_parse(&registration, body, strlen(body), &origin, &refusal),
		          !cases[i].type);
		CHECK_STR(refusal.type, cases[i].type);
		if (cases[i].message)
			CHECK_STR(refusal.why.text, cases[i].message);
		if (cases[i].type)
			continue;
		CHECK_INT(registration.count, cases[i].count);
		for (unsigned e = 0; e < cases[i].count; e++)
			CHECK_INT(registration.events[e], cases[i].events[e]);
	}
}

/* Where several invocations run at once, an event of one of them has no meaning. */
static void test_concurrent_environments(void)
{
	static const struct {
		const char *body;
		bool is_external;
		const char *message; /* NULL: it is taken */
	} rows[] = {
		{ "{\"events\":[\"SHUTDOWN\"]}", true, NULL },
		{ "{\"events\":[\"SHUTDOWN\",\"INVOKE\"]}", true, "INVOKE: ErrorInvalidEventType" },
		{ "{}", false, NULL },
		{ "{\"events\":[\"INVOKE\"]}", false, "No events allowed for internal extensions" },
		{ "{\"events\":[\"SHUTDOWN\"]}", false,
		  "No events allowed for internal extensions" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct registration_origin origin = { rows[i].is_external, true };
		struct registration_refusal refusal = { .type = NULL };
		struct registration registration;
		const char *body = rows[i].body;

		test_case(body);
		CHECK_INT(registration_parse(&registration, body, strlen(body), &origin, &refusal),
		          !rows[i].message);
		CHECK_STR(refusal.type, rows[i].message ? "Extension.InvalidEventType" : NULL);
		if (rows[i].message)
			CHECK_STR(refusal.why.text, rows[i].message);
	}
}

static void test_features(void)
{
	CHECK(registration_accepts("accountId", "accountId"));
	CHECK(registration_accepts("a,accountId,b", "accountId"));
	CHECK(registration_accepts(" a ,\taccountId ", "accountId"));
	CHECK(!registration_accepts(NULL, "accountId"));
	CHECK(!registration_accepts("", "accountId"));
	CHECK(!registration_accepts(" , ,", "accountId"));
	CHECK(!registration_accepts("accountid", "accountId"));
	CHECK(!registration_accepts("accountIds,xaccountId,account", "accountId"));
}

TEST_MAIN(test_bodies, test_concurrent_environments, test_features)
