/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault - a failure of the function, in Lambda's own words.
 *
 * Lambda's supervisor is written in Go, so its messages carry Go's names of
 * signals and errors ("signal: killed", "fork/exec ...: exec format error").
 */
#include "emulator/fault.h"

#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "emulator/json.h"

#define TOO_LARGE "Function.ResponseSizeTooLarge"
#define ARRAY_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static void append_text(char *text, size_t size, const char *more)
{
	size_t length = strlen(text);

	snprintf(text + length, size - length, "%s", more);
}

struct fault fault_make(enum fault_status status, const char *type, const char *format, ...)
{
	struct fault fault = { .status = status };
	va_list arguments;

	snprintf(fault.type, sizeof(fault.type), "%s", type);
	va_start(arguments, format);
	vsnprintf(fault.message, sizeof(fault.message), format, arguments);
	va_end(arguments);
	return fault;
}

/* NULL where Go has no name and prints the number: it knows only the first fifteen. */
static const char *signal_name(int number)
{
	static const char *const names[] = {
		[SIGHUP] = "hangup",
		[SIGINT] = "interrupt",
		[SIGQUIT] = "quit",
		[SIGILL] = "illegal instruction",
		[SIGTRAP] = "trace/breakpoint trap",
		[SIGABRT] = "aborted",
		[SIGBUS] = "bus error",
		[SIGFPE] = "floating point exception",
		[SIGKILL] = "killed",
		[SIGUSR1] = "user defined signal 1",
		[SIGSEGV] = "segmentation fault",
		[SIGUSR2] = "user defined signal 2",
		[SIGPIPE] = "broken pipe",
		[SIGALRM] = "alarm clock",
		[SIGTERM] = "terminated",
	};

	return number > 0 && (size_t)number < ARRAY_LENGTH(names) ? names[number] : NULL;
}

/* "exit status 3", "signal: killed": as Go prints it. */
static void describe_end(int wait_status, char *text, size_t size)
{
	const char *core = WCOREDUMP(wait_status) ? " (core dumped)" : "";
	int number = WTERMSIG(wait_status);

	if (!WIFSIGNALED(wait_status))
		snprintf(text, size, "exit status %d", WEXITSTATUS(wait_status));
	else if (signal_name(number))
		snprintf(text, size, "signal: %s%s", signal_name(number), core);
	else
		snprintf(text, size, "signal: signal %d%s", number, core);
}

static bool ended_by_itself(int wait_status)
{
	return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
}

struct fault fault_exit(int wait_status, bool out_of_memory)
{
	char end[64];

	if (out_of_memory)
		return fault_make(FAULT_ERROR, "Runtime.OutOfMemory",
		                  "Runtime exited with error: signal: killed");
	if (ended_by_itself(wait_status))
		return fault_make(FAULT_ERROR, "Runtime.ExitError",
		                  "Runtime exited without providing a reason");
	describe_end(wait_status, end, sizeof(end));
	return fault_make(FAULT_ERROR, "Runtime.ExitError", "Runtime exited with error: %s", end);
}

struct fault fault_crash(int wait_status)
{
	char end[64] = "exit code 0";

	if (!ended_by_itself(wait_status))
		describe_end(wait_status, end, sizeof(end));
	return fault_make(FAULT_ERROR, "Extension.Crash", "%s", end);
}

struct fault fault_exec(const char *path, int code)
{
	char reason[128];

	/* Go's texts are those of libc with a small first letter. */
	snprintf(reason, sizeof(reason), "%s", strerror(code));
	reason[0] = (char)tolower((unsigned char)reason[0]);
	return fault_make(FAULT_ERROR, "Runtime.InvalidEntrypoint", "fork/exec %s: %s", path,
	                  reason);
}

struct fault fault_no_bootstrap(const char *const *paths, unsigned count)
{
	struct fault fault = fault_make(FAULT_ERROR, "Runtime.InvalidEntrypoint",
	                                "Couldn't find valid bootstrap(s): [");

	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			append_text(fault.message, sizeof(fault.message), " ");
		append_text(fault.message, sizeof(fault.message), paths[i]);
	}
	append_text(fault.message, sizeof(fault.message), "]");
	return fault;
}

struct fault fault_timeout(uint64_t timeout_ms)
{
	return fault_make(FAULT_TIMEOUT, "Sandbox.Timedout", "Task timed out after %.2f seconds",
	                  (double)timeout_ms / 1e3);
}

struct fault fault_init_error(const char *type)
{
	struct fault fault = fault_make(FAULT_ERROR, "", "Runtime reported a failed init");

	fault_sanitise_type(type, fault.type, sizeof(fault.type));
	return fault;
}

struct fault fault_restore_error(const char *type)
{
	struct fault fault = fault_make(FAULT_ERROR, "", "Runtime reported a failed restore");

	fault_sanitise_type(type, fault.type, sizeof(fault.type));
	return fault;
}

struct fault fault_restore_timeout(uint64_t timeout_ms)
{
	return fault_make(FAULT_TIMEOUT, "Runtime.RestoreHookUserTimeout",
	                  "Restore timed out after %.2f seconds", (double)timeout_ms / 1e3);
}

struct fault fault_response_too_large(uint64_t limit)
{
	return fault_make(FAULT_ERROR, TOO_LARGE,
	                  "Response payload size exceeded maximum allowed payload size "
	                  "(%" PRIu64 " bytes).",
	                  limit);
}

static bool is_capital(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
	return is_capital(c) || (c >= 'a' && c <= 'z');
}

/* Whether 'type' holds "<prefix>" and a name: [A-Z][a-zA-Z]+, anywhere. */
static bool has_name_behind(const char *type, const char *prefix)
{
	const char *at = type;

	while ((at = strstr(at, prefix))) {
		at += strlen(prefix);
		if (is_capital(at[0]) && is_letter(at[1]))
			return true;
	}
	return false;
}

void fault_sanitise_type(const char *type, char *out, size_t size)
{
	if (!type)
		type = "";
	if (!has_name_behind(type, "Runtime.") && !has_name_behind(type, "Function."))
		type = strncmp(type, "Function.", 9) == 0 ? "Function.Unknown" : "Runtime.Unknown";
	snprintf(out, size, "%s", type);
	/* The type ends up between the TABs of REPORT, where it must not add a field of its own. */
	for (char *c = out; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	}
}

/* The one body that Lambda writes in the other order, and without the request id. */
static void too_large_body(struct buffer *out, const struct fault *fault)
{
	json_object_begin(out);
	json_object_text(out, "errorMessage", fault->message);
	json_object_text(out, "errorType", fault->type);
	json_object_end(out);
}

void fault_body(struct buffer *out, const struct fault *fault, const char *request_id)
{
	char message[sizeof(fault->message) + 128];

	if (strcmp(fault->type, TOO_LARGE) == 0) {
		too_large_body(out, fault);
		return;
	}
	snprintf(message, sizeof(message), "RequestId: %s Error: %s", request_id, fault->message);
	json_object_begin(out);
	json_object_text(out, "errorType", fault->type);
	json_object_text(out, "errorMessage", message);
	json_object_end(out);
}
