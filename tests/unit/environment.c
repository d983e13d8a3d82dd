/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment - the lives of an execution environment, story by story
 *
 * Lines are compared byte for byte. In each story time passes only where it
 * says so, hence the exact durations.
 */
#include "emulator/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emulator/phase.h"
#include "tests/unit/story.h"

/* ---- steps of a story ---- */

static void begin(void)
{
	stage_open();
	create(PLATFORM_ON_DEMAND);
}

static void end(void)
{
	if (!is_gone)
		environment_stop(env);
	settle();
	CHECK(is_gone);
	stage_close();
}

/* ... and has been initialised in 'ms'. */
static void init(uint64_t ms)
{
	start();
	pass_ms(ms);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
}

static void exits(int status)
{
	fake_box_exited(box(), status, false);
	settle();
}

static void check_state(enum environment_state expected)
{
	CHECK_INT(environment_state(env), expected);
}

/* Has it been answered and done with, and how? Ends the asker. */
static void check_answer(struct asker *asker, const char *fault, const char *body)
{
	CHECK_INT(asker->answered, 1);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, fault);
	CHECK_INT(asker->is_error, *fault != '\0');
	CHECK_STR(asker->body, body);
	asker_destroy(asker);
}

static void check_result(struct asker *asker, const char *body)
{
	check_answer(asker, "", body);
}

/* A whole warm invocation that takes 'ms'; the runtime has its /next held. */
static void invoke_well(const char *id, uint64_t ms)
{
	struct asker *asker = ask(id);

	pass_ms(ms);
	CHECK_INT(runtime_respond(port(), id, "fine"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_result(asker, "fine");
}

/* The next invocation after a failure: a suppressed init, then success. The peak of memory is that
 * of the environment, so it outlives the reset: 'peak' is how REPORT tells it, or "". */
static void check_recovery_with(const char *peak)
{
	struct asker *asker;
	char text[512];

	settle();
	fake_output_take();
	check_state(ENVIRONMENT_RESET);
	CHECK(environment_is_free(env));
	asker = ask("again");
	check_state(ENVIRONMENT_STARTING);
	init(5);
	check_state(ENVIRONMENT_SERVING);
	pass_ms(2);
	runtime_respond(port(), "again", "fine");
	runtime_next(port());
	snprintf(text, sizeof(text),
	         "START RequestId: again Version: $LATEST\n"
	         "END RequestId: again\n"
	         "REPORT RequestId: again\tDuration: 7.00 ms\tBilled Duration: 7 ms" MEMORY "%s\n",
	         peak);
	check_lines(text);
	check_result(asker, "fine");
}

static void check_recovery(void)
{
	check_recovery_with("");
}

/* ---- what is told to those who listen ---- */

static struct journal *journal;
static struct buffer events = BUFFER_INIT;

static void append_status(const struct fault *fault)
{
	if (!platform_succeeded(fault))
		buffer_append_format(&events, " %s", fault->type);
}

static void append_span(const char *name, const struct platform_span *span)
{
	if (platform_span_happened(span))
		buffer_append_format(&events, " %s %llu", name,
		                     (unsigned long long)(span->end_ns - span->start_ns) / MS);
}

static void append_runtime_done(const struct platform_runtime_done *done)
{
	buffer_append_format(&events, "runtimeDone %s %llu ms %llu bytes", done->request_id,
	                     (unsigned long long)done->duration_ns / MS,
	                     (unsigned long long)done->produced_bytes);
	append_span("latency", &done->response_latency);
	append_span("duration", &done->response_duration);
	append_span("overhead", &done->runtime_overhead);
	append_status(done->fault);
}

static void append_init(const char *name, const struct platform_init_end *init)
{
	buffer_append_format(&events, "%s %s %llu ms", name,
	                     init->phase == PLATFORM_PHASE_INVOKE ? "invoke" : "init",
	                     (unsigned long long)init->duration_ns / MS);
	append_status(init->fault);
}

static void on_platform(struct journal_listener *listener, const struct platform_event *event)
{
	(void)listener;
	switch ((int)event->type) {
	case PLATFORM_INIT_START:
		buffer_append_text(&events, "initStart");
		break;
	case PLATFORM_INIT_RUNTIME_DONE:
		append_init("initRuntimeDone", &event->init_end);
		break;
	case PLATFORM_INIT_REPORT:
		append_init("initReport", &event->init_end);
		break;
	case PLATFORM_START:
		buffer_append_format(&events, "start %s", event->start.request_id);
		break;
	case PLATFORM_RUNTIME_DONE:
		append_runtime_done(&event->runtime_done);
		break;
	case PLATFORM_FAULT:
		buffer_append_text(&events, "fault");
		break;
	case PLATFORM_END:
		return;
	case PLATFORM_REPORT:
		buffer_append_format(&events, "report %llu ms",
		                     (unsigned long long)event->report.duration_ns / MS);
		append_status(event->report.fault);
		break;
	}
	buffer_append_text(&events, "\n");
}

static struct journal_listener listener = { .on_platform = on_platform };

static void on_journal(struct environment_context *context, struct environment *created,
                       struct journal *opened)
{
	(void)context, (void)created;
	journal = opened;
	journal_attach(journal, &listener);
}

/* As begin(), with a listener. */
static void begin_listening(void)
{
	stage_open();
	stage.context.on_journal = on_journal;
	create(PLATFORM_ON_DEMAND);
}

static void check_events(const char *expected)
{
	CHECK_STR(events.data, expected);
	buffer_finish(&events);
	fake_output_take();
}

static void test_events_of_a_cold_and_a_warm_invocation(void)
{
	struct asker *asker;

	begin_listening();
	init(100);
	asker = ask("one");
	pass_ms(5);
	CHECK_INT(runtime_begin(port(), "one", RUNTIME_CALL_RESPONSE), RUNTIME_ACCEPTED);
	pass_ms(3);
	runtime_finish(port(), "twelve bytes", false);
	pass_ms(2);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_result(asker, "twelve bytes");
	invoke_well("two", 7);
	check_events("initStart\n"
	             "initRuntimeDone init 0 ms\n"
	             "initReport init 100 ms\n"
	             "start one\n"
	             "runtimeDone one 10 ms 12 bytes latency 5 duration 3 overhead 2\n"
	             "report 10 ms\n"
	             "start two\n"
	             "runtimeDone two 7 ms 4 bytes latency 7 duration 0 overhead 0\n"
	             "report 7 ms\n");
	end();
}

static void test_events_of_failed_inits(void)
{
	struct asker *asker;

	begin_listening();
	start();
	pass_ms(4);
	exits(EXIT_STATUS(1));
	asker = ask("one");
	settle();
	start();
	pass_ms(6);
	exits(EXIT_STATUS(1));
	CHECK_STR(asker->fault, "Runtime.ExitError");
	asker_destroy(asker);
	check_events("initStart\n"
	             "initRuntimeDone init 0 ms Runtime.ExitError\n"
	             "initReport init 4 ms Runtime.ExitError\n"
	             "initStart\n"
	             "initRuntimeDone invoke 0 ms Runtime.ExitError\n"
	             "initReport invoke 6 ms Runtime.ExitError\n"
	             "start one\n"
	             "runtimeDone one 6 ms 0 bytes Runtime.ExitError\n"
	             "fault\n"
	             "report 6 ms Runtime.ExitError\n");
	end();
}

/* The first /next may be read before the box tells when the runtime was started. */
static void test_events_when_next_overtakes_the_start(void)
{
	struct asker *asker;

	begin_listening();
	fake_box_ready(box());
	settle();
	asker = ask("one");
	fake_box_started(box());
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_events("initStart\n"
	             "initRuntimeDone init 0 ms\n"
	             "start one\n");
	settle();
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	check_result(asker, "fine");
	check_events("initReport init 0 ms\n"
	             "runtimeDone one 0 ms 4 bytes latency 0 duration 0 overhead 0\n"
	             "report 0 ms\n");
	end();
}

/* ---- all is well ---- */

static void test_cold_then_warm(void)
{
	struct asker *asker;

	begin();
	check_state(ENVIRONMENT_STARTING);
	pass_ms(2); /* the box is not part of Init Duration */
	start();
	fake_box_print(box(), "loading\n");
	pass_ms(100);
	CHECK_INT(changes, 0);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(changes, 1);
	check_state(ENVIRONMENT_SERVING);
	CHECK_INT(environment_runtime_state(env), RUNTIME_READY);
	check_lines("loading\n");

	pass_ms(1000); /* idle */
	asker = ask("one");
	CHECK_INT(port()->deliveries, 1);
	CHECK_STR(port()->delivered, "one");
	CHECK(!environment_is_free(env) && !environment_is_finishing(env));
	CHECK_INT(asker->invocation->deadline_ms, FAKE_START_WALL_MS + 1102 + 3000);
	fake_box_print(box(), "working\nhalf a line");
	pass_ms(20);
	box()->memory_peak = (UINT64_C(35) << 20) + 1;
	CHECK_INT(runtime_respond(port(), "one", "{\"a\":1}"), RUNTIME_ACCEPTED);
	CHECK(asker->answered == 1 && asker->done == 0 && environment_is_finishing(env));
	fake_box_print(box(), " and its end");
	pass_ms(3);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_lines("START RequestId: one Version: $LATEST\n"
	            "working\n"
	            "half a line and its end\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 23.00 ms\tBilled Duration: 123 ms" MEMORY
	            "Max Memory Used: 36 MB\tInit Duration: 100.00 ms\t\n");
	CHECK_STR(asker->tail,
	          "loading\n"
	          "START RequestId: one Version: $LATEST\n"
	          "working\n"
	          "half a line and its end\n"
	          "END RequestId: one\n"
	          "REPORT RequestId: one\tDuration: 23.00 ms\tBilled Duration: 123 ms" MEMORY
	          "Max Memory Used: 36 MB\tInit Duration: 100.00 ms\t\n");
	check_result(asker, "{\"a\":1}");
	CHECK_INT(changes, 2);

	fake_box_print(box(), "in the background\n");
	settle();
	check_lines("in the background\n");
	asker = ask("two");
	fake_pass(stage.context.loop, 1234567);
	runtime_respond(port(), "two", "");
	runtime_next(port());
	check_lines("START RequestId: two Version: $LATEST\n"
	            "END RequestId: two\n"
	            "REPORT RequestId: two\tDuration: 1.23 ms\tBilled Duration: 2 ms" MEMORY
	            "Max Memory Used: 36 MB\t\n");
	CHECK_STR(asker->tail,
	          "START RequestId: two Version: $LATEST\n"
	          "END RequestId: two\n"
	          "REPORT RequestId: two\tDuration: 1.23 ms\tBilled Duration: 2 ms" MEMORY
	          "Max Memory Used: 36 MB\t\n");
	check_result(asker, "");
	end();
}

static void test_invoke_waits_for_init(void)
{
	struct asker *asker;

	begin();
	start();
	pass_ms(40);
	CHECK(environment_is_free(env));
	asker = ask("one");
	CHECK(!environment_is_free(env));
	CHECK_INT(port()->deliveries, 0);
	pass_ms(60);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_STR(port()->delivered, "one");
	CHECK_INT(changes, 0);
	CHECK_INT(asker->invocation->deadline_ms, FAKE_START_WALL_MS + 100 + 3000);
	CHECK_INT(asker->invocation->phase.received_ns, FAKE_START_NS + 40 * MS);
	pass_ms(10);
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 10.00 ms\tBilled Duration: 110 ms" MEMORY
	            "Init Duration: 100.00 ms\t\n");
	check_result(asker, "fine");
	CHECK_INT(changes, 1);
	end();
}

static void test_box_gets_limits_and_cpu_by_phase(void)
{
	begin();
	CHECK_INT(box()->memory_bytes, UINT64_C(128) << 20);
	CHECK_INT(box()->cpu_millis, 72);
	CHECK_STR(box()->path, "/var/task/bootstrap");
	init(1);
	CHECK_INT(box()->cpu, SANDBOX_CPU_FULL);
	invoke_well("one", 1);
	CHECK_INT(box()->cpu, SANDBOX_CPU_THROTTLED);
	end();
}

/* ---- calls that are denied ---- */

static int real_stderr, diagnostics;

static void capture_diagnostics(void)
{
	int fds[2];

	CHECK_INT(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(fds[1], STDERR_FILENO);
	close(fds[1]);
	diagnostics = fds[0];
}

static void check_diagnostics(const char *expected)
{
	char text[4096];

	settle();
	ssize_t length = read(diagnostics, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = '\0';
	CHECK_STR(text, expected);
}

static void release_diagnostics(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(diagnostics);
}

static void denied(struct sandbox_denial denial)
{
	fake_box_denied(box(), &denial);
}

#define NODE .name = "node", .pid = 12

static void test_denied_calls_are_told_with_their_phase(void)
{
	struct sandbox_denial ptrace = { NODE, .call = "ptrace(2)", .count = 1 };
	struct sandbox_denial raw = { NODE, .call = "socket(2)", .with = "SOCK_RAW", .count = 1 };

	begin();
	capture_diagnostics();
	start();
	denied(ptrace);
	check_diagnostics("lrie: node (pid 12) called ptrace(2) during init: "
	                  "not permitted on Lambda\n");
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	denied(ptrace);
	check_diagnostics("lrie: node (pid 12) called ptrace(2) while idle: "
	                  "not permitted on Lambda\n");
	struct asker *asker = ask("one");
	denied(raw);
	check_diagnostics("lrie: node (pid 12) called socket(2) with SOCK_RAW during invoke: "
	                  "not permitted on Lambda\n");
	runtime_respond(port(), "one", "fine");
	raw.is_repeated = true;
	raw.count = 999;
	denied(raw); /* between the answer and the next /next */
	check_diagnostics("lrie: node (pid 12) called socket(2) with SOCK_RAW 999 more times "
	                  "during invoke: not permitted on Lambda\n");
	runtime_next(port());
	CHECK_INT(box()->phase, 2);
	check_result(asker, "fine");
	release_diagnostics();
	fake_output_take();
	end();
}

static void test_denied_calls_in_other_words(void)
{
	struct sandbox_denial strict = { NODE, .call = "fanotify_mark(2)", .is_strict = true };
	struct sandbox_denial unknown = { .call = "bpf(2)", .count = 1, .is_repeated = true };
	struct sandbox_denial nameless = { .pid = 12, .call = "bpf(2)", .count = 1 };

	begin();
	capture_diagnostics();
	start();
	denied(strict);
	check_diagnostics("lrie: node (pid 12) called fanotify_mark(2) during init: "
	                  "not known to be permitted on Lambda (--seccomp=strict)\n");
	denied(unknown);
	check_diagnostics("lrie: a process called bpf(2) 1 more time during init: "
	                  "not permitted on Lambda\n");
	denied(nameless);
	check_diagnostics("lrie: a process (pid 12) called bpf(2) during init: "
	                  "not permitted on Lambda\n");
	/* What was counted is told when the box ends, too. */
	fake_box_dies_slowly = true;
	environment_stop(env);
	settle();
	denied(unknown);
	check_diagnostics("lrie: a process called bpf(2) 1 more time during init: "
	                  "not permitted on Lambda\n");
	fake_box_gone(box());
	release_diagnostics();
	fake_output_take();
	end();
}

static void test_failed_writes_are_told_with_their_phase(void)
{
	const struct sandbox_write write = { NODE, .kind = SANDBOX_WRITE_CREATE,
		                             .path = "/var/task/x\n\033\302\233", .count = 1 };

	begin();
	capture_diagnostics();
	start();
	fake_box_write_refused(box(), &write);
	check_diagnostics("lrie: node (pid 12) could not create '/var/task/x?\?\?\?' during init: "
	                  "read-only on Lambda: use /tmp\n");
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	fake_box_write_refused(box(), &write);
	check_diagnostics("lrie: node (pid 12) could not create '/var/task/x?\?\?\?' while idle: "
	                  "read-only on Lambda: use /tmp\n");
	release_diagnostics();
	fake_output_take();
	end();
}

static void test_quiet_keeps_platform_lines_for_the_tail(void)
{
	struct asker *asker;

	begin();
	stage.config.quiet = true;
	init(1);
	asker = ask("one");
	fake_box_print(box(), "mine\n");
	pass_ms(1);
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	check_lines("mine\n");
	CHECK(strncmp(asker->tail, "START RequestId: one Version: $LATEST\nmine\nEND ", 45) == 0);
	check_result(asker, "fine");
	end();
}

/* The function's own error is no failure of the environment: no Status, no reset. */
static void test_handler_error(void)
{
	struct asker *asker;

	begin();
	init(1);
	fake_output_take();
	asker = ask("one");
	pass_ms(1);
	CHECK_INT(runtime_error(port(), "one", "{\"errorType\":\"E\"}"), RUNTIME_ACCEPTED);
	CHECK_INT(environment_runtime_state(env), RUNTIME_RESPONSE_SENT);
	runtime_next(port());
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 1.00 ms\tBilled Duration: 2 ms" MEMORY
	            "Init Duration: 1.00 ms\t\n");
	CHECK(asker->is_error && asker->fault[0] == '\0');
	CHECK_STR(asker->body, "{\"errorType\":\"E\"}");
	asker_destroy(asker);
	invoke_well("two", 1);
	end();
}

/* The runtime's first /next may be read before the event that tells of its start. */
static void test_next_overtakes_the_start_event(void)
{
	begin();
	fake_box_ready(box());
	settle();
	fake_box_started(box());
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	settle();
	check_state(ENVIRONMENT_SERVING);
	pass_ms(60000); /* no limit runs while it is idle */
	check_state(ENVIRONMENT_SERVING);
	CHECK_INT(fake_next_due(stage.context.loop), UINT64_MAX);
	invoke_well("one", 1);
	end();
}

/* ---- init fails ---- */

static void test_init_exits_then_suppressed_init_succeeds(void)
{
	begin();
	start();
	fake_box_print(box(), "Traceback\n");
	pass_ms(150);
	exits(EXIT_STATUS(3));
	check_lines("Traceback\n"
	            "INIT_REPORT Init Duration: 150.00 ms\tPhase: init\tStatus: error\t"
	            "Error Type: Runtime.ExitError\n");
	CHECK(box() == NULL && port() == NULL);
	CHECK_INT(changes, 1);
	check_recovery();
	invoke_well("two", 4);
	check_lines("START RequestId: two Version: $LATEST\n"
	            "END RequestId: two\n"
	            "REPORT RequestId: two\tDuration: 4.00 ms\tBilled Duration: 4 ms" MEMORY "\n");
	end();
}

static void test_init_fails_twice(void)
{
	struct asker *asker;

	begin();
	start();
	pass_ms(10);
	exits(EXIT_STATUS(1));
	fake_output_take();
	asker = ask("one");
	pass_ms(3); /* the box is being built, on the invocation's account */
	start();
	fake_box_print(box(), "again\n");
	pass_ms(20);
	exits(EXIT_STATUS(1));
	check_lines("again\n"
	            "INIT_REPORT Init Duration: 20.00 ms\tPhase: invoke\tStatus: error\t"
	            "Error Type: Runtime.ExitError\n"
	            "START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 23.00 ms\tBilled Duration: 23 ms" MEMORY
	            "Status: error\tError Type: Runtime.ExitError\n");
	CHECK(strstr(asker->tail, "Phase: invoke") && strstr(asker->tail, "Phase: init"));
	check_answer(asker, "Runtime.ExitError",
	             "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":"
	             "\"RequestId: one Error: Runtime exited with error: exit status 1\"}");
	check_recovery();
	end();
}

/* Who waits for an init that fails gets a second one. */
static void test_init_fails_while_an_invocation_waits(void)
{
	struct asker *asker;

	begin();
	start();
	asker = ask("one");
	pass_ms(10);
	exits(EXIT_STATUS(0));
	check_lines("INIT_REPORT Init Duration: 10.00 ms\tPhase: init\tStatus: error\t"
	            "Error Type: Runtime.ExitError\n");
	check_state(ENVIRONMENT_STARTING);
	CHECK_INT(asker->answered, 0);
	CHECK_INT(changes, 0);
	init(30);
	pass_ms(5);
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 35.00 ms\tBilled Duration: 35 ms" MEMORY
	            "\n");
	CHECK(strncmp(asker->tail, "INIT_REPORT Init Duration: 10.00 ms", 35) == 0);
	check_result(asker, "fine");
	end();
}

static void test_init_limit(void)
{
	struct asker *asker;

	begin();
	start();
	pass_ms(9999);
	check_state(ENVIRONMENT_STARTING);
	asker = ask("one");
	pass_ms(1);
	check_lines("INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n");
	check_state(ENVIRONMENT_STARTING);
	init(1);
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	check_result(asker, "fine");
	end();
}

/* The function's time-out bounds a suppressed init, not the init limit. */
static void test_timeout_in_suppressed_init(void)
{
	struct asker *asker;

	begin();
	start();
	exits(EXIT_STATUS(1));
	fake_output_take();
	asker = ask("one");
	pass_ms(10);
	start();
	pass_ms(2989);
	check_lines("");
	pass_ms(1);
	check_lines("INIT_REPORT Init Duration: 2990.00 ms\tPhase: invoke\tStatus: timeout\n"
	            "START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 3000.00 ms\tBilled Duration: 3000 ms" MEMORY
	            "Status: timeout\n");
	check_answer(asker, "Sandbox.Timedout",
	             "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":"
	             "\"RequestId: one Error: Task timed out after 3.00 seconds\"}");
	check_recovery();
	end();
}

/* The time of a suppressed init eats from the invocation's own. */
static void test_timeout_after_suppressed_init(void)
{
	struct asker *asker;

	begin();
	start();
	exits(EXIT_STATUS(1));
	fake_output_take();
	asker = ask("one");
	init(2000);
	CHECK_INT(asker->invocation->deadline_ms, FAKE_START_WALL_MS + 3000);
	pass_ms(999);
	CHECK_INT(asker->answered, 0);
	pass_ms(1);
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 3000.00 ms\tBilled Duration: 3000 ms" MEMORY
	            "Status: timeout\n");
	CHECK_STR(asker->fault, "Sandbox.Timedout");
	asker_destroy(asker);
	check_recovery();
	end();
}

#define INIT_BODY "{\"errorType\":\"Runtime.ImportModuleError\",\"stackTrace\":[]}"

static void test_init_error_then_exit(void)
{
	struct asker *asker;

	begin();
	start();
	pass_ms(10);
	CHECK_INT(runtime_init_error(port(), "Runtime.ImportModuleError", INIT_BODY),
	          RUNTIME_ACCEPTED);
	CHECK_INT(environment_runtime_state(env), RUNTIME_INIT_ERROR);
	CHECK_INT(runtime_init_error(port(), "Runtime.Other", "{}"), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_next(port()), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_begin(port(), "one", RUNTIME_CALL_RESPONSE), RUNTIME_INVALID_REQUEST_ID);
	fake_box_print(box(), "last words\n");
	pass_ms(1);
	exits(EXIT_STATUS(1));
	check_lines("last words\n"
	            "INIT_REPORT Init Duration: 10.00 ms\tPhase: init\tStatus: error\t"
	            "Error Type: Runtime.ImportModuleError\n");

	asker = ask("one");
	start();
	pass_ms(20);
	runtime_init_error(port(), "Runtime.ImportModuleError", INIT_BODY);
	pass_ms(1);
	exits(EXIT_STATUS(1));
	check_lines("INIT_REPORT Init Duration: 20.00 ms\tPhase: invoke\tStatus: error\t"
	            "Error Type: Runtime.ImportModuleError\n"
	            "START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 20.00 ms\tBilled Duration: 20 ms" MEMORY
	            "Status: error\tError Type: Runtime.ImportModuleError\n");
	check_answer(asker, "Runtime.ImportModuleError", INIT_BODY);
	check_recovery();
	end();
}

static void test_init_error_without_exit(void)
{
	struct asker *asker;

	begin();
	start();
	exits(EXIT_STATUS(1));
	fake_output_take();
	asker = ask("one");
	start();
	pass_ms(7);
	runtime_init_error(port(), NULL, "no type");
	pass_ms(299);
	CHECK_INT(asker->answered, 0);
	pass_ms(1);
	check_lines("INIT_REPORT Init Duration: 7.00 ms\tPhase: invoke\tStatus: error\t"
	            "Error Type: Runtime.Unknown\n"
	            "START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 7.00 ms\tBilled Duration: 7 ms" MEMORY
	            "Status: error\tError Type: Runtime.Unknown\n");
	check_answer(asker, "Runtime.Unknown", "no type");
	check_recovery();
	end();
}

/* What was posted before the exit counts, though it is read after it. */
static void test_init_error_is_read_after_the_exit(void)
{
	struct asker *asker;

	begin();
	start();
	exits(EXIT_STATUS(1));
	fake_output_take();
	asker = ask("one");
	start();
	pass_ms(7);
	fake_box_exited(box(), EXIT_STATUS(1), false);
	fake_turn(stage.context.loop, 0);
	CHECK_INT(runtime_init_error(port(), "Runtime.ImportModuleError", INIT_BODY),
	          RUNTIME_ACCEPTED);
	settle(); /* and nobody waits for it to exit again */
	check_lines("INIT_REPORT Init Duration: 7.00 ms\tPhase: invoke\tStatus: error\t"
	            "Error Type: Runtime.ImportModuleError\n"
	            "START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 7.00 ms\tBilled Duration: 7 ms" MEMORY
	            "Status: error\tError Type: Runtime.ImportModuleError\n");
	check_answer(asker, "Runtime.ImportModuleError", INIT_BODY);
	end();
}

static void test_exec_failure(void)
{
	static const struct {
		int code;
		const char *reason;
	} cases[] = {
		{ ENOENT, "no such file or directory" },
		{ EACCES, "permission denied" },
		{ ENOEXEC, "exec format error" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char body[256];
		struct asker *asker;

		test_case(cases[i].reason);
		begin();
		fake_box_ready(box());
		fake_box_exec_failed(box(), cases[i].code);
		settle();
		check_lines("INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\t"
		            "Error Type: Runtime.InvalidEntrypoint\n");
		asker = ask("one");
		fake_box_ready(box());
		fake_box_exec_failed(box(), cases[i].code);
		settle();
		check_lines("INIT_REPORT Init Duration: 0.00 ms\tPhase: invoke\tStatus: error\t"
		            "Error Type: Runtime.InvalidEntrypoint\n"
		            "START RequestId: one Version: $LATEST\n"
		            "END RequestId: one\n"
		            "REPORT RequestId: one\tDuration: 0.00 ms\tBilled Duration: 1 ms" MEMORY
		            "Status: error\tError Type: Runtime.InvalidEntrypoint\n");
		snprintf(body, sizeof(body),
		         "{\"errorType\":\"Runtime.InvalidEntrypoint\",\"errorMessage\":"
		         "\"RequestId: one Error: fork/exec /var/task/bootstrap: %s\"}",
		         cases[i].reason);
		check_answer(asker, "Runtime.InvalidEntrypoint", body);
		check_recovery();
		end();
	}
}

/* It is looked for at each start of a life. */
static void test_no_bootstrap(void)
{
	struct asker *asker;

	begin();
	start();
	exits(EXIT_STATUS(1));
	fake_output_take();
	stage_remove_bootstrap();
	asker = ask("one");
	settle();
	check_lines("INIT_REPORT Init Duration: 0.00 ms\tPhase: invoke\tStatus: error\t"
	            "Error Type: Runtime.InvalidEntrypoint\n"
	            "START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 0.00 ms\tBilled Duration: 1 ms" MEMORY
	            "Status: error\tError Type: Runtime.InvalidEntrypoint\n");
	check_answer(asker, "Runtime.InvalidEntrypoint",
	             "{\"errorType\":\"Runtime.InvalidEntrypoint\",\"errorMessage\":"
	             "\"RequestId: one Error: Couldn't find valid bootstrap(s): "
	             "[/var/task/bootstrap /opt/bootstrap]\"}");
	stage_put_bootstrap();
	check_recovery();
	end();
}

/* ---- an invocation fails ---- */

static void test_timeout(void)
{
	struct asker *asker;

	begin();
	init(402);
	asker = ask("one");
	pass_ms(2999);
	CHECK_INT(asker->answered, 0);
	pass_ms(1);
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 3000.00 ms\tBilled Duration: 3402 ms" MEMORY
	            "Init Duration: 402.00 ms\tStatus: timeout\n");
	check_answer(asker, "Sandbox.Timedout",
	             "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":"
	             "\"RequestId: one Error: Task timed out after 3.00 seconds\"}");
	check_recovery();
	end();
}

/* The caller keeps its answer, but the phase ends only with /next. */
static void test_timeout_after_the_answer(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	pass_ms(1);
	runtime_respond(port(), "one", "fine");
	pass_ms(2999);
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 3000.00 ms\tBilled Duration: 3001 ms" MEMORY
	            "Init Duration: 1.00 ms\tStatus: timeout\n");
	check_result(asker, "fine");
	check_recovery();
	end();
}

static void test_crash(void)
{
	static const struct {
		int status;
		bool out_of_memory;
		const char *type, *message;
	} cases[] = {
		{ EXIT_STATUS(0), false, "Runtime.ExitError",
		  "Runtime exited without providing a reason" },
		{ EXIT_STATUS(127), false, "Runtime.ExitError",
		  "Runtime exited with error: exit status 127" },
		{ SIGSEGV, false, "Runtime.ExitError",
		  "Runtime exited with error: signal: segmentation fault" },
		{ SIGKILL, false, "Runtime.ExitError",
		  "Runtime exited with error: signal: killed" },
		{ SIGKILL, true, "Runtime.OutOfMemory",
		  "Runtime exited with error: signal: killed" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[512];
		struct asker *asker;

		test_case(cases[i].message);
		begin();
		init(1);
		invoke_well("zero", 1);
		fake_output_take();
		asker = ask("one");
		pass_ms(8);
		box()->memory_peak = UINT64_C(128) << 20;
		fake_box_print(box(), "oh no");
		fake_box_exited(box(), cases[i].status, cases[i].out_of_memory);
		settle();
		snprintf(text, sizeof(text),
		         "START RequestId: one Version: $LATEST\n"
		         "oh no\n"
		         "END RequestId: one\n"
		         "REPORT RequestId: one\tDuration: 8.00 ms\tBilled Duration: 8 ms" MEMORY
		         "Max Memory Used: 128 MB\tStatus: error\tError Type: %s\n",
		         cases[i].type);
		check_lines(text);
		snprintf(text, sizeof(text),
		         "{\"errorType\":\"%s\",\"errorMessage\":\"RequestId: one Error: %s\"}",
		         cases[i].type, cases[i].message);
		check_answer(asker, cases[i].type, text);
		check_recovery_with("Max Memory Used: 128 MB\t");
		end();
	}
}

static void test_crash_after_the_answer(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	pass_ms(1);
	runtime_respond(port(), "one", "fine");
	pass_ms(1);
	exits(SIGABRT);
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 2.00 ms\tBilled Duration: 3 ms" MEMORY
	            "Init Duration: 1.00 ms\tStatus: error\tError Type: Runtime.ExitError\n");
	check_result(asker, "fine");
	check_recovery();
	end();
}

/* What it posted before it exited may be read after its exit. */
static void test_answer_is_read_after_the_exit(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	pass_ms(1);
	fake_box_exited(box(), EXIT_STATUS(0), false);
	fake_turn(stage.context.loop, 0);
	CHECK_INT(runtime_respond(port(), "one", "fine"), RUNTIME_ACCEPTED);
	settle();
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 1.00 ms\tBilled Duration: 2 ms" MEMORY
	            "Init Duration: 1.00 ms\tStatus: error\tError Type: Runtime.ExitError\n");
	check_result(asker, "fine");
	check_recovery();
	end();
}

static void test_next_is_read_after_the_exit(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	fake_box_exited(box(), EXIT_STATUS(0), false);
	fake_turn(stage.context.loop, 0);
	runtime_respond(port(), "one", "fine");
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_result(asker, "fine");
	CHECK(strstr(fake_output_take(), "Init Duration: 1.00 ms\t\n"));
	asker = ask("two"); /* it must not be handed to the dead */
	CHECK_INT(port()->deliveries, 1);
	settle();
	CHECK_INT(asker->answered, 0);
	check_state(ENVIRONMENT_STARTING);
	init(1);
	runtime_respond(port(), "two", "fine");
	runtime_next(port());
	check_result(asker, "fine");
	end();
}

static void test_first_next_is_read_after_the_exit(void)
{
	struct asker *asker;

	begin();
	start();
	asker = ask("one");
	fake_box_exited(box(), EXIT_STATUS(0), false);
	fake_turn(stage.context.loop, 0);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(port()->deliveries, 0);
	settle();
	CHECK_INT(asker->answered, 0);
	check_lines("");
	init(1);
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	check_result(asker, "fine");
	end();
}

static void test_exit_while_the_answer_uploads(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	runtime_begin(port(), "one", RUNTIME_CALL_RESPONSE);
	pass_ms(1);
	exits(SIGKILL);
	pass_ms(500);
	CHECK_INT(asker->answered, 0);
	runtime_finish(port(), "large", false);
	pass_ms(1);
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 1.00 ms\tBilled Duration: 2 ms" MEMORY
	            "Init Duration: 1.00 ms\tStatus: error\tError Type: Runtime.ExitError\n");
	check_result(asker, "large");
	check_recovery();
	end();
}

static void test_upload_of_the_dead_never_ends(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	runtime_begin(port(), "one", RUNTIME_CALL_ERROR);
	exits(SIGKILL);
	pass_ms(999);
	CHECK_INT(asker->answered, 0);
	pass_ms(1);
	CHECK_STR(asker->fault, "Runtime.ExitError");
	CHECK(asker->done == 1 && port() == NULL);
	asker_destroy(asker);
	check_recovery();
	end();
}

static void test_unusable_answer(void)
{
	struct fault fault = fault_response_too_large(6291556);
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	runtime_begin(port(), "one", RUNTIME_CALL_RESPONSE);
	port()->is_uploading = false;
	environment_runtime_answer_fault(env, port()->answered, &fault, false);
	runtime_next(port());
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 0.00 ms\tBilled Duration: 1 ms" MEMORY
	            "Init Duration: 1.00 ms\tStatus: error\t"
	            "Error Type: Function.ResponseSizeTooLarge\n");
	CHECK_STR(asker->fault, "Function.ResponseSizeTooLarge");
	CHECK(asker->body[0] == '{');
	asker_destroy(asker);

	asker = ask("two");
	runtime_begin(port(), "two", RUNTIME_CALL_RESPONSE);
	port()->is_uploading = false;
	environment_runtime_answer_fault(env, port()->answered, &fault, true);
	runtime_next(port());
	check_answer(asker, "Function.ResponseSizeTooLarge", "");
	fake_output_take();
	invoke_well("three", 1);
	CHECK(!strstr(fake_output_take(), "Status"));
	end();
}

/* ---- a runtime that does as it likes ---- */

static void test_calls_out_of_order(void)
{
	struct asker *asker;

	begin();
	start();
	CHECK_INT(runtime_begin(port(), "one", RUNTIME_CALL_RESPONSE), RUNTIME_INVALID_REQUEST_ID);
	runtime_next(port());
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED); /* waits beside the first */
	CHECK_INT(runtime_init_error(port(), "E", ""), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_begin(port(), "one", RUNTIME_CALL_ERROR), RUNTIME_INVALID_REQUEST_ID);

	asker = ask("one");
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED); /* the same event again */
	CHECK_INT(port()->deliveries, 2);
	CHECK_STR(port()->delivered, "one");
	CHECK_INT(runtime_begin(port(), "two", RUNTIME_CALL_RESPONSE), RUNTIME_INVALID_REQUEST_ID);
	CHECK_INT(runtime_begin(port(), "", RUNTIME_CALL_ERROR), RUNTIME_INVALID_REQUEST_ID);
	CHECK_INT(runtime_init_error(port(), "E", ""), RUNTIME_INVALID_STATE);

	CHECK_INT(runtime_begin(port(), "one", RUNTIME_CALL_RESPONSE), RUNTIME_ACCEPTED);
	CHECK_INT(environment_runtime_state(env), RUNTIME_INVOCATION_RESPONSE);
	CHECK_INT(runtime_next(port()), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_begin(port(), "one", RUNTIME_CALL_ERROR), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_begin(port(), "two", RUNTIME_CALL_ERROR), RUNTIME_INVALID_REQUEST_ID);
	runtime_finish(port(), "first", false);

	CHECK_INT(environment_runtime_state(env), RUNTIME_RESPONSE_SENT);
	CHECK_INT(runtime_respond(port(), "one", "second"), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_error(port(), "one", "second"), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_respond(port(), "two", "second"), RUNTIME_INVALID_REQUEST_ID);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_respond(port(), "one", "late"), RUNTIME_INVALID_REQUEST_ID);
	check_result(asker, "first");
	end();
}

static void test_exit_while_idle(void)
{
	begin();
	init(1);
	exits(EXIT_STATUS(0));
	check_lines("");
	CHECK_INT(changes, 2);
	check_recovery();
	end();
}

/* ---- the platform fails ---- */

static void check_platform_failure(struct asker *asker)
{
	settle();
	CHECK_INT(asker->answered, 1);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, "Sandbox.Failure");
	CHECK(strstr(asker->tail, "Status: error\tError Type: Sandbox.Failure\n"));
	asker_destroy(asker);
}

static void test_box_cannot_be_built(void)
{
	begin();
	fake_box_failed(box(), "mount '/proc' in the new root: Operation not permitted");
	fake_box_gone(box());
	settle();
	check_lines(""); /* no init has begun */
	struct asker *asker = ask("one");

	fake_box_failed(box(), "mount '/proc' in the new root: Operation not permitted");
	fake_box_gone(box());
	check_platform_failure(asker);
	check_recovery();
	end();
}

/* In a network of its own the box listens, and says so when it is ready. */
static void test_box_listens_for_its_port(void)
{
	begin();
	CHECK_INT(box()->listen_port, 0);
	init(1);
	CHECK(!port()->is_listening);

	stage_inside = 9001;
	exits(EXIT_STATUS(1));
	struct asker *asker = ask("one");
	settle();
	CHECK_INT(box()->listen_port, 9001);
	CHECK(!port()->is_listening);
	init(1);
	CHECK(port()->is_listening && box()->listener == -1);
	CHECK_INT(runtime_respond(port(), "one", "fine"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_result(asker, "fine");
	fake_output_take();
	end();
}

static void test_what_listens_in_the_box_cannot_be_used(void)
{
	begin();
	init(1);
	exits(EXIT_STATUS(1));
	stage_inside = 9001;
	stage_listen_fails = true;
	struct asker *asker = ask("one");
	settle();
	start();
	check_platform_failure(asker);
	stage_listen_fails = false;
	check_recovery();
	end();
}

static void test_box_is_never_ready(void)
{
	begin();
	pass_ms(4999);
	check_state(ENVIRONMENT_STARTING);
	pass_ms(1);
	check_lines(""); /* no init has begun */
	check_recovery();
	end();
}

/* Each thing that a life needs is refused in turn. */
static void test_life_cannot_start(void)
{
	static bool *const refusals[] = {
		&stage_port_fails,
		&fake_box_create_fails,
		&fake_box_exec_fails,
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		begin();
		start();
		exits(EXIT_STATUS(1));
		*refusals[i] = true;
		check_platform_failure(ask("one"));
		*refusals[i] = false;
		check_recovery();
		end();
	}
}

static void test_no_watch_for_box_or_output(void)
{
	for (unsigned spared = 0; spared < 2; spared++) {
		begin();
		start();
		exits(EXIT_STATUS(1));
		fake_refuse_watches(spared, 1);
		check_platform_failure(ask("one"));
		check_recovery();
		end();
	}
}

/* First one of many: there is nothing yet that could be killed. */
static void test_first_life_cannot_start(void)
{
	stage_open();
	fake_box_create_fails = true;
	create(PLATFORM_ON_DEMAND);
	fake_box_create_fails = false;
	settle();
	CHECK_INT(changes, 1);
	check_recovery();
	end();
}

static void test_box_dies(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	fake_box_gone(box());
	check_platform_failure(asker);
	check_recovery();
	fake_box_gone(box()); /* while it is idle */
	check_recovery();
	end();
}

/* The runtime died with the box, but its /next is read later. */
static void test_next_is_read_after_the_box_died(void)
{
	struct asker *asker;

	begin();
	start();
	asker = ask("one");
	fake_box_gone(box());
	fake_turn_watches(stage.context.loop, 0);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(port()->deliveries, 0);
	settle();
	CHECK_INT(asker->answered, 0);
	init(1);
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	check_result(asker, "fine");
	end();
}

/* ---- stop ---- */

static void stop_and_settle(void)
{
	environment_stop(env);
	if (!is_gone)
		environment_stop(env);
	settle();
	CHECK(is_gone);
}

static void test_stop_without_invocation(void)
{
	test_case("box under way");
	begin();
	stop_and_settle();
	stage_close();

	test_case("init under way");
	begin();
	start();
	stop_and_settle();
	stage_close();

	test_case("idle");
	begin();
	init(1);
	stop_and_settle();
	check_lines("");
	stage_close();

	test_case("being killed");
	begin();
	fake_box_dies_slowly = true;
	start();
	exits(SIGSEGV);
	check_state(ENVIRONMENT_STOPPING);
	environment_stop(env);
	settle();
	CHECK(!is_gone && !environment_is_free(env));
	fake_box_gone(box());
	settle();
	CHECK(is_gone);
	stage_close();

	test_case("reset");
	begin();
	start();
	exits(SIGSEGV);
	check_state(ENVIRONMENT_RESET);
	stop_and_settle();
	stage_close();

	test_case("failure not yet acted on");
	begin();
	start();
	fake_box_exited(box(), SIGSEGV, false);
	fake_turn(stage.context.loop, 0);
	stop_and_settle();
	stage_close();

	test_case("no box");
	stage_open();
	stage_port_fails = true;
	create(PLATFORM_ON_DEMAND);
	stop_and_settle();
	stage_close();
}

static void test_stop_with_invocation(void)
{
	struct asker *asker;

	test_case("it waits for init");
	begin();
	start();
	fake_box_print(box(), "loading\n");
	settle();
	asker = ask("one");
	stop_and_settle();
	check_lines("loading\n");
	CHECK_STR(asker->fault, "Sandbox.Failure");
	CHECK(asker->answered == 1 && asker->done == 1 && !asker->tail);
	asker_destroy(asker);
	stage_close();

	test_case("suppressed init");
	begin();
	start();
	exits(SIGSEGV);
	asker = ask("one");
	start();
	stop_and_settle();
	CHECK_STR(asker->fault, "Sandbox.Failure");
	CHECK(asker->answered == 1 && asker->done == 1 && asker->tail);
	asker_destroy(asker);
	stage_close();

	test_case("it is at the runtime");
	begin();
	init(1);
	asker = ask("one");
	pass_ms(1);
	stop_and_settle();
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 1.00 ms\tBilled Duration: 2 ms" MEMORY
	            "Init Duration: 1.00 ms\tStatus: error\tError Type: Sandbox.Failure\n");
	CHECK(asker->answered == 1 && asker->done == 1);
	asker_destroy(asker);
	stage_close();

	test_case("its answer uploads");
	begin();
	init(1);
	asker = ask("one");
	runtime_begin(port(), "one", RUNTIME_CALL_RESPONSE);
	stop_and_settle();
	CHECK(asker->answered == 1 && asker->done == 1);
	asker_destroy(asker);
	stage_close();

	test_case("its answer is out");
	begin();
	init(1);
	asker = ask("one");
	runtime_respond(port(), "one", "fine");
	pass_ms(1);
	stop_and_settle();
	check_lines("START RequestId: one Version: $LATEST\n"
	            "END RequestId: one\n"
	            "REPORT RequestId: one\tDuration: 1.00 ms\tBilled Duration: 2 ms" MEMORY
	            "Init Duration: 1.00 ms\t\n");
	check_result(asker, "fine");
	stage_close();

	test_case("it waits for the next life");
	begin();
	fake_box_dies_slowly = true;
	init(1);
	exits(SIGSEGV);
	asker = ask("one");
	environment_stop(env);
	CHECK(asker->answered == 1 && asker->done == 1 && !asker->tail);
	fake_box_gone(box());
	settle();
	CHECK(is_gone);
	asker_destroy(asker);
	stage_close();
}

static void stop_then(struct asker *asker)
{
	(void)asker;
	environment_stop(env);
}

/* As "lrie invoke" does: one invocation, then the end, from inside on_done. */
static void test_stop_from_on_done(void)
{
	struct asker *asker;

	test_case("after success");
	begin();
	init(1);
	asker = ask("one");
	asker->then = stop_then;
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	settle();
	CHECK(is_gone);
	check_result(asker, "fine");
	stage_close();

	test_case("after a crash");
	begin();
	init(1);
	asker = ask("one");
	asker->then = stop_then;
	exits(SIGSEGV);
	CHECK(is_gone);
	CHECK(asker->answered == 1 && asker->done == 1);
	asker_destroy(asker);
	stage_close();

	test_case("after a box that died");
	begin();
	init(1);
	asker = ask("one");
	asker->then = stop_then;
	fake_box_gone(box());
	settle();
	CHECK(is_gone);
	CHECK(asker->answered == 1 && asker->done == 1);
	asker_destroy(asker);
	stage_close();
}

static struct asker *following;

static void invoke_then(struct asker *asker)
{
	(void)asker;
	if (environment_is_free(env))
		environment_invoke(env, following->invocation);
}

/* As a benchmark does: the next one from inside on_done. */
static void test_invoke_from_on_done(void)
{
	struct asker *asker;

	begin();
	init(1);
	asker = ask("one");
	following = asker_create("two");
	asker->then = invoke_then;
	runtime_respond(port(), "one", "fine");
	runtime_next(port());
	if (following->invocation && environment_is_free(env))
		environment_invoke(env, following->invocation);
	CHECK_INT(port()->deliveries, 2);
	pass_ms(1);
	runtime_respond(port(), "two", "fine");
	runtime_next(port());
	CHECK_STR(following->tail,
	          "START RequestId: two Version: $LATEST\n"
	          "END RequestId: two\n"
	          "REPORT RequestId: two\tDuration: 1.00 ms\tBilled Duration: 1 ms" MEMORY "\n");
	check_result(asker, "fine");
	check_result(following, "fine");
	end();
}

/* ---- freezing ---- */

static void test_idle_boxes_are_frozen(void)
{
	begin();
	init(10);
	CHECK(!box()->is_frozen);
	pass_ms(1);
	CHECK(box()->is_frozen); /* init is over, and nothing waits */
	struct asker *asker = ask("id-1");
	CHECK(!box()->is_frozen); /* stage checks that it was thawed before the event came */
	pass_ms(100);
	CHECK(!box()->is_frozen);
	runtime_respond(port(), "id-1", "{}");
	pass_ms(100);
	CHECK(!box()->is_frozen); /* the invocation ends with the next /next, not before */
	runtime_next(port());
	CHECK(!box()->is_frozen);
	pass_ms(1);
	CHECK(box()->is_frozen);
	pass_ms(100000);
	CHECK_INT(box()->freezes, 2);
	check_state(ENVIRONMENT_SERVING);
	asker_destroy(asker);
	end();
	fake_output_take();
}

static void test_work_that_comes_soon_costs_no_freezing(void)
{
	static const char *const ids[] = { "id-1", "id-2", "id-3" };

	begin();
	init(10);
	for (size_t i = 0; i < 3; i++) {
		struct asker *asker = ask(ids[i]);

		runtime_respond(port(), ids[i], "{}");
		runtime_next(port());
		fake_pass(stage.context.loop, MS - 1);
		asker_destroy(asker);
	}
	CHECK_INT(box()->freezes, 0);
	end();
	fake_output_take();
}

static void test_work_that_waits_is_done_first(void)
{
	begin();
	struct asker *asker = ask("id-1"); /* while init runs */
	init(10);
	pass_ms(100);
	CHECK_INT(box()->freezes, 0);
	runtime_respond(port(), "id-1", "{}");
	runtime_next(port());
	asker_destroy(asker);
	end();
	fake_output_take();
}

static void test_frozen_boxes_end(void)
{
	begin();
	init(10);
	pass_ms(1);
	CHECK(box()->is_frozen);
	end();
	fake_output_take();
}

/* Lambda keeps what was written there. */
static void test_a_reset_keeps_tmp(void)
{
	begin();
	init(10);
	const struct sandbox_tmp *tmp = box()->tmp;
	CHECK(tmp != NULL);
	exits(EXIT_STATUS(1));
	pass_ms(10);
	check_state(ENVIRONMENT_RESET);
	struct asker *asker = ask("id-1");
	start();
	CHECK(box()->tmp == tmp);
	runtime_next(port());
	runtime_respond(port(), "id-1", "{}");
	runtime_next(port());
	runtime_next(port());
	asker_destroy(asker);
	end();
	fake_output_take();
}

/* Nothing of the old life freezes the new one. */
static void test_a_reset_forgets_the_freezing(void)
{
	begin();
	init(10);
	exits(EXIT_STATUS(1)); /* before the quiet time is over */
	pass_ms(10);
	check_state(ENVIRONMENT_RESET);
	struct asker *asker = ask("id-1");
	start();
	pass_ms(100);
	CHECK_INT(box()->freezes, 0);
	runtime_next(port());
	runtime_respond(port(), "id-1", "{}");
	runtime_next(port());
	pass_ms(1);
	CHECK(box()->is_frozen);
	exits(W_EXITCODE(0, SIGKILL)); /* somebody outside killed it */
	pass_ms(10);
	check_state(ENVIRONMENT_RESET);
	asker_destroy(asker);
	end();
	fake_output_take();
}

static void test_freezing_is_switched_off(void)
{
	stage_open();
	stage.config.freeze = false;
	create(PLATFORM_ON_DEMAND);
	init(10);
	pass_ms(100000);
	CHECK_INT(box()->freezes, 0);
	end();
	fake_output_take();
}

/* ---- what is used ---- */

static unsigned looks;
static enum environment_moment last_moment;

static void on_usage(struct environment_context *context, enum environment_moment moment,
                     const struct sandbox_usage *usage, uint64_t took_ns)
{
	CHECK(context == &stage.context);
	looks++;
	last_moment = moment;
	CHECK_INT(usage->figures[SANDBOX_USAGE_CPU_NS], box()->looks);
	CHECK_INT(took_ns, 0); /* time stands still */
}

static void begin_counting(bool counts_files)
{
	stage_open();
	stage.context.on_usage = on_usage;
	stage.context.counts_files = counts_files;
	looks = 0;
	create(PLATFORM_ON_DEMAND);
	CHECK(box()->counts_usage && box()->counts_files == counts_files);
}

static void test_usage_is_looked_at_twice(void)
{
	begin_counting(true);
	init(5);
	CHECK(looks == 1 && last_moment == ENVIRONMENT_INIT_ENDED);
	invoke_well("a", 1);
	CHECK(looks == 2 && last_moment == ENVIRONMENT_FIRST_ENDED);
	invoke_well("b", 1);
	CHECK_INT(looks, 2);
	end();
}

/* The count begins with the start, so that has to be heard of first. */
static void test_usage_when_next_overtakes_the_start(void)
{
	begin_counting(false);
	fake_box_ready(box());
	settle();
	fake_box_started(box());
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(looks, 1);
	end();
}

static void test_usage_is_not_counted_unasked(void)
{
	begin();
	CHECK(!box()->counts_usage && !box()->counts_files);
	init(5);
	invoke_well("a", 1);
	CHECK_INT(box()->looks, 0);
	end();
}

static void test_without_work_it_ends(void)
{
	stage_open();
	stage.config.idle_timeout_ms = 5000;
	create(PLATFORM_ON_DEMAND);
	init(10);
	pass_ms(4999);
	invoke_well("r1", 1);
	pass_ms(4999);
	CHECK(!is_gone);
	pass_ms(2);
	settle();
	CHECK(is_gone);
	fake_output_take();
	end();
}

static void test_provisioned(void)
{
	stage_open();
	stage.config.idle_timeout_ms = 5000;
	stage.config.early_init_timeout_ms = 130000;
	create(PLATFORM_PROVISIONED_CONCURRENCY);
	start();
	pass_ms(20000); /* more than an init on demand may take */
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_lines("INIT_REPORT Init Duration: 20000.00 ms\tPhase: init\n");
	pass_ms(10000);
	CHECK(!is_gone);
	invoke_well("r1", 1);
	check_lines("START RequestId: r1 Version: $LATEST\n"
	            "END RequestId: r1\n"
	            "REPORT RequestId: r1\tDuration: 1.00 ms\tBilled Duration: 1 ms" MEMORY "\n");
	end();
}

TEST_MAIN(test_without_work_it_ends, test_provisioned, test_usage_is_looked_at_twice,
          test_usage_when_next_overtakes_the_start, test_usage_is_not_counted_unasked,
          test_events_of_a_cold_and_a_warm_invocation, test_events_of_failed_inits,
          test_events_when_next_overtakes_the_start, test_idle_boxes_are_frozen,
          test_work_that_comes_soon_costs_no_freezing, test_work_that_waits_is_done_first,
          test_frozen_boxes_end, test_a_reset_forgets_the_freezing, test_a_reset_keeps_tmp,
          test_freezing_is_switched_off, test_cold_then_warm, test_invoke_waits_for_init,
          test_box_gets_limits_and_cpu_by_phase, test_denied_calls_are_told_with_their_phase,
          test_denied_calls_in_other_words, test_failed_writes_are_told_with_their_phase,
          test_quiet_keeps_platform_lines_for_the_tail, test_handler_error,
          test_next_overtakes_the_start_event, test_init_exits_then_suppressed_init_succeeds,
          test_init_fails_twice, test_init_fails_while_an_invocation_waits, test_init_limit,
          test_timeout_in_suppressed_init, test_timeout_after_suppressed_init,
          test_init_error_then_exit, test_init_error_without_exit,
          test_init_error_is_read_after_the_exit, test_exec_failure, test_no_bootstrap,
          test_timeout, test_timeout_after_the_answer, test_crash, test_crash_after_the_answer,
          test_answer_is_read_after_the_exit, test_next_is_read_after_the_exit,
          test_first_next_is_read_after_the_exit, test_exit_while_the_answer_uploads,
          test_upload_of_the_dead_never_ends, test_unusable_answer, test_calls_out_of_order,
          test_exit_while_idle, test_box_cannot_be_built, test_box_listens_for_its_port,
          test_what_listens_in_the_box_cannot_be_used, test_box_is_never_ready,
          test_life_cannot_start, test_no_watch_for_box_or_output, test_first_life_cannot_start,
          test_box_dies, test_next_is_read_after_the_box_died, test_stop_without_invocation,
          test_stop_with_invocation, test_stop_from_on_done, test_invoke_from_on_done)
