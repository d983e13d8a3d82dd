/* SPDX-License-Identifier: Apache-2.0 */
/* fault - Lambda's types and messages for what goes wrong in a function */
#include "emulator/fault.h"

#include <errno.h>
#include <signal.h>

#include "tests/unit/test.h"

#define EXITED(code) ((code) << 8)
#define CORE_DUMPED 0x80

static void check_fault(const struct fault *fault, const char *type, const char *message)
{
	CHECK_INT(fault->status, FAULT_ERROR);
	CHECK_STR(fault->type, type);
	CHECK_STR(fault->message, message);
}

static void test_exit(void)
{
	static const struct {
		int status;
		const char *message;
	} cases[] = {
		{ EXITED(0), "Runtime exited without providing a reason" },
		{ EXITED(1), "Runtime exited with error: exit status 1" },
		{ EXITED(137), "Runtime exited with error: exit status 137" },
		{ EXITED(255), "Runtime exited with error: exit status 255" },
		{ SIGHUP, "Runtime exited with error: signal: hangup" },
		{ SIGINT, "Runtime exited with error: signal: interrupt" },
		{ SIGQUIT, "Runtime exited with error: signal: quit" },
		{ SIGILL, "Runtime exited with error: signal: illegal instruction" },
		{ SIGTRAP, "Runtime exited with error: signal: trace/breakpoint trap" },
		{ SIGABRT, "Runtime exited with error: signal: aborted" },
		{ SIGABRT | CORE_DUMPED,
		  "Runtime exited with error: signal: aborted (core dumped)" },
		{ SIGBUS, "Runtime exited with error: signal: bus error" },
		{ SIGFPE, "Runtime exited with error: signal: floating point exception" },
		{ SIGKILL, "Runtime exited with error: signal: killed" },
		{ SIGUSR1, "Runtime exited with error: signal: user defined signal 1" },
		{ SIGSEGV, "Runtime exited with error: signal: segmentation fault" },
		{ SIGSEGV | CORE_DUMPED,
		  "Runtime exited with error: signal: segmentation fault (core dumped)" },
		{ SIGUSR2, "Runtime exited with error: signal: user defined signal 2" },
		{ SIGPIPE, "Runtime exited with error: signal: broken pipe" },
		{ SIGALRM, "Runtime exited with error: signal: alarm clock" },
		{ SIGTERM, "Runtime exited with error: signal: terminated" },
		{ 40, "Runtime exited with error: signal: signal 40" },
		{ 40 | CORE_DUMPED, "Runtime exited with error: signal: signal 40 (core dumped)" },
		{ 64, "Runtime exited with error: signal: signal 64" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fault fault = fault_exit(cases[i].status, false);

		test_case(cases[i].message);
		check_fault(&fault, "Runtime.ExitError", cases[i].message);
	}
}

static void test_out_of_memory(void)
{
	struct fault fault = fault_exit(SIGKILL, true);

	check_fault(&fault, "Runtime.OutOfMemory", "Runtime exited with error: signal: killed");
}

/* An extension's says no more than how it ended. */
static void test_crash(void)
{
	struct fault fault = fault_crash(EXITED(0));

	check_fault(&fault, "Extension.Crash", "exit code 0");
	fault = fault_crash(EXITED(3));
	check_fault(&fault, "Extension.Crash", "exit status 3");
	fault = fault_crash(SIGSEGV | CORE_DUMPED);
	check_fault(&fault, "Extension.Crash", "signal: segmentation fault (core dumped)");
}

static void test_exec(void)
{
	static const struct {
		int code;
		const char *message;
	} cases[] = {
		{ ENOENT, "fork/exec /var/task/bootstrap: no such file or directory" },
		{ EACCES, "fork/exec /var/task/bootstrap: permission denied" },
		{ ENOEXEC, "fork/exec /var/task/bootstrap: exec format error" },
		{ ENOTDIR, "fork/exec /var/task/bootstrap: not a directory" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fault fault = fault_exec("/var/task/bootstrap", cases[i].code);

		check_fault(&fault, "Runtime.InvalidEntrypoint", cases[i].message);
	}
}

static void test_long_path_is_cut(void)
{
	char path[5000];
	struct fault fault;

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	fault = fault_exec(path, ENOENT);
	CHECK_INT(strlen(fault.message), sizeof(fault.message) - 1);
	fault = fault_no_bootstrap((const char *const[]){ path, path }, 2);
	CHECK_INT(strlen(fault.message), sizeof(fault.message) - 1);
}

static void test_no_bootstrap(void)
{
	static const char *const paths[] = { "/var/task/bootstrap", "/opt/bootstrap" };
	struct fault fault = fault_no_bootstrap(paths, 2);

	check_fault(&fault, "Runtime.InvalidEntrypoint",
	            "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]");
	fault = fault_no_bootstrap(paths, 1);
	CHECK_STR(fault.message, "Couldn't find valid bootstrap(s): [/var/task/bootstrap]");
	fault = fault_no_bootstrap(paths, 0);
	CHECK_STR(fault.message, "Couldn't find valid bootstrap(s): []");
}

static void test_timeout(void)
{
	static const struct {
		uint64_t ms;
		const char *message;
	} cases[] = {
		{ 3000, "Task timed out after 3.00 seconds" },
		{ 500, "Task timed out after 0.50 seconds" },
		{ 900000, "Task timed out after 900.00 seconds" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fault fault = fault_timeout(cases[i].ms);

		CHECK_INT(fault.status, FAULT_TIMEOUT);
		CHECK_STR(fault.type, "Sandbox.Timedout");
		CHECK_STR(fault.message, cases[i].message);
	}
}

static void test_sanitise_type(void)
{
	static const struct {
		const char *type;
		const char *expected;
	} cases[] = {
		{ NULL, "Runtime.Unknown" },
		{ "", "Runtime.Unknown" },
		{ "ValueError", "Runtime.Unknown" },
		{ "unhandled", "Runtime.Unknown" },
		{ "Runtime.ImportModuleError", "Runtime.ImportModuleError" },
		{ "Function.MyError", "Function.MyError" },
		{ "Function.Ab", "Function.Ab" },
		{ "Function.A", "Function.Unknown" },
		{ "Function.", "Function.Unknown" },
		{ "Function.lower", "Function.Unknown" },
		{ "Function.A1", "Function.Unknown" },
		{ "Runtime.A", "Runtime.Unknown" },
		{ "Runtime.", "Runtime.Unknown" },
		{ "Runtime", "Runtime.Unknown" },
		{ "RuntimeXUserCode", "Runtime.Unknown" },
		{ "xRuntime.UserCode!", "xRuntime.UserCode!" },
		{ "Runtime.1Runtime.Real", "Runtime.1Runtime.Real" },
		{ "Function.xFunction.Real", "Function.xFunction.Real" },
		{ "MyFunction.lower", "Runtime.Unknown" },
		{ "Runtime.Ab\tStatus: success", "Runtime.Ab Status: success" },
		{ "Runtime.Ab\nREPORT", "Runtime.Ab REPORT" },
		{ "Runtime.Ab\x7f", "Runtime.Ab " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char type[64];

		fault_sanitise_type(cases[i].type, type, sizeof(type));
		CHECK_STR(type, cases[i].expected);
	}
}

static void test_long_type_is_cut(void)
{
	char type[300] = "Runtime.";
	struct fault fault;

	memset(type + 8, 'X', sizeof(type) - 9);
	fault = fault_init_error(type);
	CHECK_INT(strlen(fault.type), sizeof(fault.type) - 1);
}

static void test_restore(void)
{
	struct fault fault = fault_restore_error("Runtime.HookError");

	CHECK_INT(fault.status, FAULT_ERROR);
	CHECK_STR(fault.type, "Runtime.HookError");
	CHECK_STR(fault_restore_error(NULL).type, "Runtime.Unknown");
	fault = fault_restore_timeout(10000);
	CHECK_INT(fault.status, FAULT_TIMEOUT);
	CHECK_STR(fault.type, "Runtime.RestoreHookUserTimeout");
	CHECK_STR(fault.message, "Restore timed out after 10.00 seconds");
}

static void check_body(const struct fault *fault, const char *expected)
{
	autobuffer struct buffer body = BUFFER_INIT;

	fault_body(&body, fault, "8476a536-e9f4-11e8-9739-2dfe598c3fcd");
	CHECK_STR(body.data, expected);
	CHECK_INT(body.length, strlen(expected));
}

static void test_body(void)
{
	struct fault fault = fault_timeout(3000);

	check_body(&fault, "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: "
	                   "8476a536-e9f4-11e8-9739-2dfe598c3fcd Error: Task timed out after 3.00 "
	                   "seconds\"}");
	fault = fault_exec("/a\"\\/\x01\xff", EACCES);
	check_body(&fault,
	           "{\"errorType\":\"Runtime.InvalidEntrypoint\",\"errorMessage\":\"RequestId: "
	           "8476a536-e9f4-11e8-9739-2dfe598c3fcd Error: fork/exec /a\\\"\\\\/\\u0001"
	           "\xef\xbf\xbd: permission denied\"}");
}

static void test_too_large_body(void)
{
	struct fault fault = fault_response_too_large(6291556);

	CHECK_INT(fault.status, FAULT_ERROR);
	check_body(&fault, "{\"errorMessage\":\"Response payload size exceeded maximum allowed "
	                   "payload size (6291556 bytes).\",\"errorType\":"
	                   "\"Function.ResponseSizeTooLarge\"}");
}

TEST_MAIN(test_exit, test_out_of_memory, test_crash, test_exec, test_long_path_is_cut,
          test_no_bootstrap, test_timeout, test_restore, test_sanitise_type, test_long_type_is_cut,
          test_body, test_too_large_body)
