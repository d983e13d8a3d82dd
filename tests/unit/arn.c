/* SPDX-License-Identifier: Apache-2.0 */
/* arn - all forms of a function's name, and what only looks like one */
#include "emulator/arn.h"

#include "tests/unit/test.h"

#define NAME64 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg"

static void test_names(void)
{
	static const struct {
		const char *text;
		struct function_name name;
	} cases[] = {
		{ "function", { .name = "function" } },
		{ "a", { .name = "a" } },
		{ "my-func_1", { .name = "my-func_1" } },
		{ "my.func", { .name = "my.func" } },
		{ NAME64, { .name = NAME64 } },
		{ "f:$LATEST", { .name = "f", .qualifier = "$LATEST" } },
		{ "f:$LATEST.PUBLISHED", { .name = "f", .qualifier = "$LATEST.PUBLISHED" } },
		{ "f:12", { .name = "f", .qualifier = "12" } },
		{ "f:live-1", { .name = "f", .qualifier = "live-1" } },
		{ "function:$LATEST", { .name = "function", .qualifier = "$LATEST" } },
		{ "function:live", { .name = "function", .qualifier = "live" } },
		{ "123456789012", { .name = "123456789012" } },
		{ "123456789012:live", { .name = "123456789012", .qualifier = "live" } },
		{ "123456789012:function", { .name = "123456789012", .qualifier = "function" } },
		{ "123456789012:function:f", { .account = "123456789012", .name = "f" } },
		{ "123456789012:function:f:7",
		  { .account = "123456789012", .name = "f", .qualifier = "7" } },
		{ "arn:aws:lambda:us-east-1:123456789012:function:f",
		  { .region = "us-east-1", .account = "123456789012", .name = "f" } },
		{ "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
		  { .region = "us-east-1",
		    .account = "123456789012",
		    .name = "f",
		    .qualifier = "$LATEST" } },
		{ "arn:aws-us-gov:lambda:us-gov-west-1:012345678912:function:" NAME64,
		  { .region = "us-gov-west-1", .account = "012345678912", .name = NAME64 } },
		{ "arn:aws:lambda:local:012345678912:function:f",
		  { .region = "local", .account = "012345678912", .name = "f" } },
		{ "arn", { .name = "arn" } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct function_name name;

		test_case(cases[i].text);
		if (!CHECK(function_name_parse(cases[i].text, &name)))
			continue;
		CHECK_STR(name.region, cases[i].name.region);
		CHECK_STR(name.account, cases[i].name.account);
		CHECK_STR(name.name, cases[i].name.name);
		CHECK_STR(name.qualifier, cases[i].name.qualifier);
	}
}

static void test_what_is_no_name(void)
{
	static const char *const texts[] = {
		"",
		":",
		":f",
		"f:",
		"f::1",
		"f:1:2",
		"f:1:",
		"f g",
		"f\n",
		"f/g",
		"f%41",
		"\xc3\xa9",
		NAME64 "x",
		"f:$latest",
		"f:$LATEST2",
		"f:$",
		"$LATEST",
		"f:a.b",
		"12345678901:function:f",
		"1234567890123:function:f",
		"12345678901a:function:f",
		"123456789012:function:",
		"123456789012:function:f:",
		"123456789012:function:f:1:2",
		"123456789012:functions:f",
		"arn:",
		"arn:aws",
		"arn:aws:lambda",
		"arn:aws:lambda:us-east-1:123456789012",
		"arn:aws:lambda:us-east-1:123456789012:function",
		"arn:aws:lambda:us-east-1:123456789012:function:",
		"arn:aws:lambda:us-east-1:123456789012:function:f:",
		"arn:aws:lambda:us-east-1:123456789012:layer:f",
		"arn:aws:lambda:us-east-1::function:f",
		"arn:aws:lambda::123456789012:function:f",
		"arn:aws:lambda:US-EAST-1:123456789012:function:f",
		"arn:aws:sqs:us-east-1:123456789012:function:f",
		"arn:azure:lambda:us-east-1:123456789012:function:f",
		"arn::lambda:us-east-1:123456789012:function:f",
		"ARN:aws:lambda:us-east-1:123456789012:function:f",
		"arn:aws:lambda:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:123456789012:"
		"function:f",
		"arn:awsaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:lambda:us-"
		"east-1:"
		"123456789012:function:f",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct function_name name;

		test_case(texts[i]);
		CHECK(!function_name_parse(texts[i], &name));
	}
}

static void test_length_is_bounded(void)
{
	char text[4096];
	struct function_name name;

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	CHECK(!function_name_parse(text, &name));
	memcpy(text, "f:", 2);
	CHECK(!function_name_parse(text, &name));
	text[2 + 129] = '\0';
	CHECK(!function_name_parse(text, &name));
	text[2 + 128] = '\0';
	CHECK(function_name_parse(text, &name));
}

static void test_arn(void)
{
	static const struct {
		const char *region;
		const char *qualifier;
		const char *arn;
	} cases[] = {
		{ "us-east-1", NULL, "arn:aws:lambda:us-east-1:012345678912:function:f" },
		{ "us-east-1", "$LATEST",
		  "arn:aws:lambda:us-east-1:012345678912:function:f:$LATEST" },
		{ "cn-north-1", NULL, "arn:aws-cn:lambda:cn-north-1:012345678912:function:f" },
		{ "us-gov-west-1", "1",
		  "arn:aws-us-gov:lambda:us-gov-west-1:012345678912:function:f:1" },
		{ "us-iso-east-1", NULL,
		  "arn:aws-iso:lambda:us-iso-east-1:012345678912:function:f" },
		{ "us-isob-east-1", NULL,
		  "arn:aws-iso-b:lambda:us-isob-east-1:012345678912:function:f" },
		{ "local", NULL, "arn:aws:lambda:local:012345678912:function:f" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer arn = BUFFER_INIT;

		arn_append(&arn, cases[i].region, "012345678912", "f", cases[i].qualifier);
		CHECK_STR(arn.data, cases[i].arn);
	}
}

TEST_MAIN(test_names, test_what_is_no_name, test_length_is_bounded, test_arn)
