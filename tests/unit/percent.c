/* SPDX-License-Identifier: Apache-2.0 */
/* percent - escapes of URLs, and what only looks like one */
#include "emulator/percent.h"

#include "tests/unit/test.h"

static void test_in_place(void)
{
	static const struct {
		const char *text;
		const char *decoded; /* NULL: refused */
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "a+b", "a+b" },
		{ "%24LATEST", "$LATEST" },
		{ "arn%3Aaws%3alambda", "arn:aws:lambda" },
		{ "%25", "%" },
		{ "%2525", "%25" },
		{ "a%20", "a " },
		{ "%ff%FE", "\xff\xfe" },
		{ "%41%42%43", "ABC" },
		{ "%0a", "\n" },
		{ "%2F..%2f", "/../" },
		{ "%", NULL },
		{ "a%", NULL },
		{ "a%4", NULL },
		{ "%4g", NULL },
		{ "%g4", NULL },
		{ "%%41", NULL },
		{ "% 41", NULL },
		{ "%-1", NULL },
		{ "%+1", NULL },
		{ "%0x", NULL },
		{ "%00", NULL },
		{ "a%00b", NULL },
		{ "%u0041", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];
		bool ok;

		snprintf(text, sizeof(text), "%s", cases[i].text);
		ok = percent_decode(text);
		test_case(cases[i].text);
		CHECK_INT(ok, cases[i].decoded != NULL);
		if (ok && cases[i].decoded)
			CHECK_STR(text, cases[i].decoded);
	}
}

static void test_what_is_no_escape_stays(void)
{
	static const struct {
		const char *text;
		bool plus_is_blank;
		const char *decoded;
	} cases[] = {
		{ "", true, "" },
		{ "a+b", true, "a b" },
		{ "a+b", false, "a+b" },
		{ "+%2B+", true, " + " },
		{ "%24%e2%82%AC", false, "$\xe2\x82\xac" },
		{ "%2525", true, "%25" },
		{ "%", true, "%" },
		{ "a%", true, "a%" },
		{ "a%4", true, "a%4" },
		{ "%4g%g4", true, "%4g%g4" },
		{ "%%41", true, "%A" },
		{ "%+1", true, "% 1" },
		{ "%@1%`1%G1", true, "%@1%`1%G1" },
	};
	autobuffer struct buffer nul = BUFFER_INIT;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer out = BUFFER_INIT;

		test_case(cases[i].text);
		percent_append_decoded(&out, cases[i].text, strlen(cases[i].text),
		                       cases[i].plus_is_blank);
		CHECK_STR(out.data, cases[i].decoded);
	}
	test_case(NULL);
	percent_append_decoded(&nul, "%00%41", 5, true); /* the '1' is another's */
	CHECK_INT(nul.length, 3);
	CHECK(memcmp(nul.data, "\0%4", 3) == 0);
}

TEST_MAIN(test_in_place, test_what_is_no_escape_stays)
