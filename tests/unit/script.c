/* SPDX-License-Identifier: Apache-2.0 */
/* script - the first line of a script, as the kernel reads it */
#include "emulator/script.h"

#include "tests/unit/test.h"

static void test_lines(void)
{
	static const struct {
		const char *head, *interpreter, *argument;
		bool has_crlf;
	} cases[] = {
		{ "#!/bin/sh\n", "/bin/sh", "", false },
		{ "#!/bin/sh", "/bin/sh", "", false },
		{ "#! \t/bin/sh \t-e x  \nmore", "/bin/sh", "-e x", false },
		{ "#!/bin/sh\r\n", "/bin/sh", "", true },
		{ "#!/bin/sh -e\r\n", "/bin/sh", "-e", true },
		{ "#!/bin/sh\r", "/bin/sh\r", "", false }, /* no end of line */
		{ "#!", "", "", false },
		{ "#!\n/bin/sh\n", "", "", false },
		{ "#!  \r\n", "", "", true },
	};
	struct script script;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].head);
		if (!CHECK(script_parse(&script, cases[i].head, strlen(cases[i].head))))
			continue;
		CHECK_STR(script.interpreter, cases[i].interpreter);
		CHECK_STR(script.argument, cases[i].argument);
		CHECK_INT(script.has_crlf, cases[i].has_crlf);
		CHECK(!script.is_cut);
	}
	CHECK(!script_parse(&script, "#", 1));
	CHECK(!script_parse(&script, "", 0));
	CHECK(!script_parse(&script, " #!/bin/sh\n", 11));
}

static void test_limits(void)
{
	char head[600];
	struct script script;

	memset(head, 'x', sizeof(head));
	memcpy(head, "#!/", 3);
	CHECK(script_parse(&script, head, sizeof(head)));
	CHECK(script.is_cut);
	head[100] = ' '; /* what is cut is the argument, which the kernel allows */
	CHECK(script_parse(&script, head, sizeof(head)));
	CHECK(!script.is_cut);
	CHECK_INT(strlen(script.interpreter), 98);
	CHECK(script_parse(&script, "#!/bin/sh\0x\n", 12));
	CHECK_STR(script.interpreter, "/bin/sh");
}

static void test_env(void)
{
	static const struct {
		const char *argument, *program; /* NULL: none, or nobody knows */
		bool split;
	} cases[] = {
		{ "node", "node", false },
		{ "node --flag", "node --flag", false },
		{ "-S node --flag", "node", true },
		{ "-SA=1 B=2 node", "node", true },
		{ "-S", NULL, true },
		{ "-S A=1", NULL, true },
		{ "-i node", NULL, false },
		{ "", NULL, false },
		{ "-S \"a b\"", NULL, true },
		{ "-S ${X}", NULL, true },
		{ "A=1", NULL, false },
	};
	char program[64];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool split, found;

		test_case(cases[i].argument);
		found = script_env_program(cases[i].argument, program, sizeof(program), &split);
		CHECK_STR(found ? program : NULL, cases[i].program);
		CHECK_INT(split, cases[i].split);
	}
	bool split;

	CHECK(!script_env_program("longer", program, 6, &split));
}

TEST_MAIN(test_lines, test_limits, test_env)
