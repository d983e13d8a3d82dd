/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test - the few macros of a unit test, and its TAP output.
 *
 *	static void test_empty(void)
 *	{
 *		CHECK_INT(buffer_size(&buffer), 0);
 *	}
 *
 *	TEST_MAIN(test_empty, test_full)
 *
 * A check that fails prints where it stands and both values, makes its test "not ok" and goes on;
 * it is also an expression, so that `if (!CHECK(ptr)) return;` reads as it should. In a table of
 * cases, test_case() names the row that the checks after it belong to.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What is known of the test that runs; one test runs at a time. */
static struct {
	bool failed;
	const char *skipped;    /* reason, NULL when it was not skipped */
	const char *case_label; /* row of a table, borrowed from the test; NULL outside of one */
} test_now;

typedef void test_function(void);

/* True when 'cond' holds. */
#define CHECK(cond) test_check(!!(cond), __FILE__, __LINE__, #cond)

/* True when both are the same string; NULL equals NULL only. */
#define CHECK_STR(actual, expected) \
	test_check_str((actual), (expected), __FILE__, __LINE__, #actual)

/* True when both are the same whole number (or enum, bool, char). */
#define CHECK_INT(actual, expected) \
	test_check_int((intmax_t)(actual), (intmax_t)(expected), __FILE__, __LINE__, #actual)

/* Ends the test; it counts as skipped, for 'reason', unless a check has failed before. */
#define SKIP(reason)                         \
	do {                                 \
		test_now.skipped = (reason); \
		return;                      \
	} while (0)

/* The whole of main(): runs each test in the order given. */
#define TEST_MAIN(...)                                                                    \
	int main(void)                                                                    \
	{                                                                                 \
		test_function *const tests[] = { __VA_ARGS__ };                           \
		return test_run_all(tests, sizeof(tests) / sizeof(*tests), #__VA_ARGS__); \
	}

/* Names the row that the next checks belong to, until the next call or the end of the test. */
__attribute__((unused)) static void test_case(const char *label)
{
	test_now.case_label = label;
}

/* Begins the report of a failed check; the caller prints the values. */
__attribute__((unused)) static void test_fail_at(const char *file, int line)
{
	test_now.failed = true;
	printf("# %s:%d: ", file, line);
	if (test_now.case_label)
		printf("[%s] ", test_now.case_label);
}

/* Prints one line of TAP comment, whatever the string holds. */
__attribute__((unused)) static void test_print_quoted(const char *text)
{
	if (!text) {
		printf("NULL");
		return;
	}
	putchar('"');
	for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
		if (*at == '"' || *at == '\\')
			printf("\\%c", *at);
		else if (*at == '\n')
			printf("\\n");
		else if (*at < 0x20 || *at == 0x7f)
			printf("\\x%02x", *at);
		else
			putchar(*at);
	}
	putchar('"');
}

__attribute__((unused)) static bool test_check(bool holds, const char *file, int line,
                                               const char *text)
{
	if (holds)
		return true;
	test_fail_at(file, line);
	printf("%s: is false\n", text);
	return false;
}

__attribute__((unused)) static bool test_check_str(const char *actual, const char *expected,
                                                   const char *file, int line, const char *text)
{
	if (actual == expected || (actual && expected && strcmp(actual, expected) == 0))
		return true;
	test_fail_at(file, line);
	printf("%s\n#        is ", text);
	test_print_quoted(actual);
	printf("\n# should be ");
	test_print_quoted(expected);
	putchar('\n');
	return false;
}

__attribute__((unused)) static bool test_check_int(intmax_t actual, intmax_t expected,
                                                   const char *file, int line, const char *text)
{
	if (actual == expected)
		return true;
	test_fail_at(file, line);
	printf("%s: is %jd, not %jd\n", text, actual, expected);
	return false;
}

/* Runs one test and prints its line. 'name' is not terminated: 'size' bytes. */
static bool test_run(test_function *test, size_t number, const char *name, size_t size)
{
	memset(&test_now, 0, sizeof(test_now));
	test();
	printf("%sok %zu - %.*s", test_now.failed ? "not " : "", number, (int)size, name);
	if (test_now.skipped && !test_now.failed)
		printf(" # SKIP %s", test_now.skipped);
	putchar('\n');
	return !test_now.failed;
}

/* 'names' are the arguments of TEST_MAIN as written: "test_a, test_b". */
static int test_run_all(test_function *const tests[], size_t count, const char *names)
{
	bool passed = true;

	/* By line: a test that dies has told all it knew, and one that forks prints nothing twice.
	 */
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		size_t size = strcspn(names, ", \t");
		if (!test_run(tests[i], i + 1, names, size))
			passed = false;
		names += size;
		names += strspn(names, ", \t");
	}
	return passed ? 0 : 1;
}

#endif
