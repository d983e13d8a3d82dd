/* SPDX-License-Identifier: Apache-2.0 */
/* doctor_report - text that fits a terminal and cannot play with it, JSON that is whole */
#include "emulator/doctor_report.h"

#include <stdio.h>

#include "emulator/json_check.h"
#include "tests/unit/test.h"

static struct doctor_report report;
static struct doctor_function functions[2];

/* All walls stand. */
static void begin(void)
{
	report = (struct doctor_report){ .kernel = "6.1.0",
		                         .architecture = "x86_64",
		                         .sandbox = "auto" };
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++)
		report.walls[wall] = (struct sandbox_wall_state){ .standing = SANDBOX_YES,
			                                          .mechanism = "a mechanism" };
}

static void lose(enum sandbox_wall wall, const char *detail)
{
	report.walls[wall] = (struct sandbox_wall_state){ .standing = SANDBOX_NO };
	snprintf(report.walls[wall].detail, sizeof(report.walls[wall].detail), "%s", detail);
}

static unsigned count(const char *text, const char *part)
{
	unsigned found = 0;

	while ((text = strstr(text, part))) {
		found++;
		text += strlen(part);
	}
	return found;
}

static void check_lines(const char *text, size_t limit)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		if (length > limit)
			CHECK_INT(length, limit);
		text += length + (text[length] == '\n');
	}
}

static void check_json(const struct buffer *json)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	if (!json_check(json->data, json->length, &reason))
		CHECK_STR(reason.data, "");
}

static void test_every_wall_is_told(void)
{
	autobuffer struct buffer text = BUFFER_INIT, json = BUFFER_INIT;

	begin();
	doctor_report_text(&text, &report, false);
	doctor_report_json(&json, &report, 0);
	for (int wall = 0; wall < SANDBOX_WALL_COUNT; wall++) {
		CHECK(strstr(text.data, sandbox_wall_name((enum sandbox_wall)wall)));
		CHECK(strstr(text.data, sandbox_wall_summary((enum sandbox_wall)wall)));
		CHECK(strstr(json.data, sandbox_wall_name((enum sandbox_wall)wall)));
	}
	CHECK_INT(count(text.data, " yes "), SANDBOX_WALL_COUNT);
	CHECK(!strchr(text.data, '\033'));
	check_lines(text.data, 80);
	check_json(&json);
	CHECK(strstr(json.data, "\"preflight\":null"));
}

static void test_reasons_are_told_once_and_wrapped(void)
{
	static const char reason[] = "a reason of so many words that one line of eighty columns "
				     "cannot hold it; and a remedy";
	autobuffer struct buffer text = BUFFER_INIT;

	begin();
	lose(SANDBOX_WALL_FILES, reason);
	lose(SANDBOX_WALL_TMP, reason);
	lose(SANDBOX_WALL_MEMORY, reason);
	report.required = 1u << SANDBOX_WALL_TMP | 1u << SANDBOX_WALL_IPC;
	doctor_report_text(&text, &report, false);
	CHECK_INT(count(text.data, "a reason of"), 2);
	CHECK_INT(count(text.data, "it is required"), 1);
	check_lines(text.data, 80);
	CHECK(doctor_report_misses_wall(&report));
	report.required = 1u << SANDBOX_WALL_IPC;
	CHECK(!doctor_report_misses_wall(&report));
	buffer_clear(&text);
	doctor_report_text(&text, &report, true);
	CHECK(strstr(text.data, "\033[1;31mno\033[m"));
}

static void test_findings(void)
{
	autobuffer struct buffer text = BUFFER_INIT, json = BUFFER_INIT;
	struct finding *finding;

	begin();
	functions[0] = (struct doctor_function){ .preflight = { .architecture = "arm64" } };
	report.functions = functions;
	report.count = 1;
	finding = findings_add(&functions[0].preflight.findings, FINDING_HINT, "a-hint", NULL);
	finding_problem(finding, "the lesser one");
	finding = findings_add(&functions[0].preflight.findings, FINDING_ERROR, "an-error",
	                       "/x\n\033[2J\xff/b");
	finding_problem(finding, "'%s' is bad", "/x\n\033[2J\xc2\x9b\xff/b");
	finding_exec(finding, "/var/task/b", 8);
	finding_log(finding, "a line");
	finding_fix(finding, "a fix");
	findings_sort(&functions[0].preflight.findings);
	CHECK_STR(functions[0].preflight.findings.items[0].check, "an-error");
	CHECK_INT(functions[0].preflight.findings.items[0].code, 8);
	doctor_report_text(&text, &report, false);
	CHECK(strstr(text.data, "error: '/x\\x0a\\x1b[2J\\xc2"));
	CHECK(strstr(text.data, "\n  Lambda:  Runtime.InvalidEntrypoint: fork/exec /var/task/b: "
	                        "exec format error\n"));
	CHECK(strstr(text.data, "\n  its log: a line\n  fix:     a fix\n"));
	CHECK(strstr(text.data, "\n1 error, 0 warnings, 1 hint\n"));
	CHECK(!strchr(text.data, '\033'));
	doctor_report_json(&json, &report, 1);
	check_json(&json);
	CHECK(strstr(json.data, "\"architecture\":\"arm64\",\"cut_short\":null"));
	CHECK(strstr(json.data, "\"check\":\"an-error\",\"file\":\"/x\\n\\u001b[2J"));
	CHECK(strstr(json.data, "\"exit_code\":1}"));
	CHECK(!strstr(json.data, "\"functions\""));
	preflight_finish(&functions[0].preflight);
}

static void test_several_functions(void)
{
	autobuffer struct buffer text = BUFFER_INIT, json = BUFFER_INIT;

	begin();
	for (size_t i = 0; i < 2; i++) {
		functions[i] = (struct doctor_function){ .name = i ? "two" : "one",
			                                 .preflight = { .architecture = "arm64" } };
		finding_problem(findings_add(&functions[i].preflight.findings, FINDING_ERROR, "e",
		                             NULL),
		                "it is bad");
	}
	report.functions = functions;
	report.count = 2;
	doctor_report_text(&text, &report, false);
	CHECK(strstr(text.data, "\nPre-flight of one for Lambda, arm64\n\nerror: it is bad\n"
	                        "\nPre-flight of two for Lambda, arm64\n\nerror: it is bad\n"
	                        "\n2 errors, 0 warnings, 0 hints\n"));
	doctor_report_json(&json, &report, 1);
	check_json(&json);
	CHECK(strstr(json.data, "\"preflight\":null,\"functions\":[{\"name\":\"one\",\"preflight\":"
	                        "{\"bootstrap\":null,"));
	for (size_t i = 0; i < 2; i++)
		preflight_finish(&functions[i].preflight);
}

TEST_MAIN(test_every_wall_is_told, test_reasons_are_told_once_and_wrapped, test_findings,
          test_several_functions)
