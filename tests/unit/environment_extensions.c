/* SPDX-License-Identifier: Apache-2.0 */
/* environment_extensions - an environment with extensions, story by story */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "emulator/environment.h"
#include "tests/unit/story.h"

/* ---- steps of a story ---- */

/* With that many external extensions: "a", "b", ... */
static void begin(unsigned count)
{
	static const char *const names[] = {
		"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"
	};

	stage_open();
	if (count > 0)
		stage_put_extensions(names, count);
	create(PLATFORM_ON_DEMAND);
}

static struct extension *find(const char *name)
{
	return extensions_find(environment_extensions(env), name);
}

static enum extension_verdict registers(const char *name, unsigned count)
{
	static const enum extension_event_kind kinds[] = { EXTENSION_INVOKE, EXTENSION_SHUTDOWN };
	struct extension *extension;

	return environment_register_extension(env, name, kinds, count, &extension);
}

static void waits(const char *name)
{
	CHECK(environment_extension_may_wait(env, find(name)));
	environment_extension_next(env, find(name));
}

/* One external extension that wants all events, and a runtime, in 20 ms. */
static void init_with_one(void)
{
	begin(1);
	fake_box_ready(box());
	fake_extension_started(box(), 0);
	settle();
	pass_ms(10);
	CHECK_INT(registers("a", 2), EXTENSION_ACCEPTED);
	fake_box_started(box());
	settle();
	waits("a");
	pass_ms(10);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(environment_state(env), ENVIRONMENT_SERVING);
}

/* ---- stories ---- */

static void test_the_runtime_starts_when_all_have_registered(void)
{
	begin(2);
	fake_box_ready(box());
	settle();
	CHECK_INT(box()->id, 0);
	CHECK_STR(box()->extensions[0].path, "/opt/extensions/a");
	CHECK_STR(box()->extensions[1].path, "/opt/extensions/b");
	CHECK_INT(registers("a", 2), EXTENSION_ACCEPTED);
	CHECK_INT(box()->id, 0);
	CHECK_INT(registers("b", 0), EXTENSION_ACCEPTED);
	CHECK_INT(box()->id, 1);
	end_patiently();
}

static void test_init_ends_when_all_wait(void)
{
	begin(1);
	fake_box_ready(box());
	fake_extension_started(box(), 0);
	settle();
	pass_ms(10);
	registers("a", 0);
	fake_box_started(box());
	settle();
	pass_ms(10);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(environment_state(env), ENVIRONMENT_STARTING);
	pass_ms(5);
	waits("a");
	CHECK_INT(environment_state(env), ENVIRONMENT_SERVING);
	CHECK_STR(fake_output_take(), "EXTENSION\tName: a\tState: Ready\tEvents: []\n");

	struct asker *asker = ask("r1");
	CHECK_INT(port()->notices[0], 0); /* it does not want to hear of it */
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	CHECK_STR(fake_output_take(),
	          "START RequestId: r1 Version: $LATEST\n"
	          "END RequestId: r1\n"
	          "REPORT RequestId: r1\tDuration: 0.00 ms\t"
	          "Billed Duration: 25 ms" MEMORY "Init Duration: 25.00 ms\t\n");
	asker_destroy(asker);
	end_patiently();
}

static void test_the_caller_does_not_wait_for_extensions(void)
{
	init_with_one();
	struct asker *asker = ask("r1");

	CHECK_INT(port()->deliveries, 1);
	CHECK_INT(port()->notices[0], 1);
	CHECK_INT(port()->noticed[0].kind, EXTENSION_INVOKE);
	CHECK_STR(port()->noticed[0].invocation->request_id, "r1");
	CHECK_INT(port()->noticed[0].deadline_ms, asker->invocation->deadline_ms);
	pass_ms(3);
	runtime_respond(port(), "r1", "{}");
	CHECK_INT(asker->answered, 1);
	runtime_next(port());
	CHECK_INT(asker->done, 0); /* the extension is at work */
	CHECK(!environment_is_free(env) && environment_is_finishing(env));
	pass_ms(4);
	waits("a");
	CHECK_INT(asker->done, 1);
	CHECK(environment_is_free(env));
	CHECK_STR(fake_output_take(),
	          "EXTENSION\tName: a\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n"
	          "START RequestId: r1 Version: $LATEST\n"
	          "END RequestId: r1\n"
	          "REPORT RequestId: r1\tDuration: 7.00 ms\tBilled Duration: 27 ms" MEMORY
	          "Init Duration: 20.00 ms\t\n");
	asker_destroy(asker);
	end_patiently();
}

static void test_an_extension_that_never_comes_back_is_a_timeout(void)
{
	init_with_one();
	struct asker *asker = ask("r1");

	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	pass_ms(3000);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, ""); /* its answer stands */
	CHECK_INT(environment_state(env), ENVIRONMENT_STOPPING);
	CHECK(box()->signalled[1] & 1u << SIGTERM);
	pass_ms(2000);
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);
	asker_destroy(asker);
	end_patiently();
}

static void test_a_shutdown_step_by_step(void)
{
	init_with_one();
	environment_stop(env);
	CHECK_INT(box()->signalled[1], 1u << SIGTERM);
	CHECK(!environment_extension_may_wait(env, find("a"))); /* it waits already */
	pass_ms(299);
	CHECK_INT(port()->notices[0], 0);
	pass_ms(1);
	CHECK(box()->signalled[1] & 1u << SIGKILL);
	CHECK_INT(port()->notices[0], 1);
	CHECK_INT(port()->noticed[0].kind, EXTENSION_SHUTDOWN);
	CHECK_STR(port()->noticed[0].reason, "spindown");
	CHECK_INT(port()->noticed[0].deadline_ms, clock_wall_ms() + 1700);
	CHECK(!box()->is_killed);
	fake_extension_exited(box(), 0, EXIT_STATUS(0));
	settle();
	CHECK(is_gone);
	end_patiently();
}

/* It has answered, and hears of its end before it asks for more: no reason to tell it of an error.
 */
static void test_a_runtime_that_asks_in_a_shutdown_waits(void)
{
	init_with_one();
	struct asker *asker = ask("r1");

	runtime_respond(port(), "r1", "{}");
	environment_stop(env);
	CHECK_INT(box()->signalled[1], 1u << SIGTERM);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(port()->deliveries, 1);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(port()->deliveries, 1);
	pass_ms(2000);
	CHECK(is_gone);
	asker_destroy(asker);
	end_patiently();
}

static void test_a_shutdown_is_over_in_two_seconds(void)
{
	init_with_one();
	environment_stop(env);
	fake_box_exited(box(), SIGTERM, false);
	settle();
	CHECK_INT(port()->notices[0], 1); /* as soon as the runtime is gone */
	CHECK_INT(box()->signalled[1], 1u << SIGTERM);
	pass_ms(1999);
	CHECK(!is_gone);
	pass_ms(1);
	CHECK(is_gone);
	end_patiently();
}

static void test_who_does_not_want_to_hear_of_it_is_killed(void)
{
	begin(2);
	fake_box_ready(box());
	settle();
	registers("a", 2);
	registers("b", 1);
	fake_box_started(box());
	settle();
	waits("a");
	waits("b");
	runtime_next(port());
	environment_stop(env);
	fake_box_exited(box(), SIGTERM, false);
	settle();
	CHECK_INT(box()->signalled[2], 0);
	CHECK_INT(box()->signalled[3], 1u << SIGKILL);
	end_patiently();
}

static void test_internal_ones_give_the_runtime_half_a_second(void)
{
	begin(0);
	fake_box_ready(box());
	fake_box_started(box());
	settle();
	CHECK_INT(registers("inner", 1), EXTENSION_ACCEPTED);
	CHECK_INT(registers("inner", 1), EXTENSION_NAME_TAKEN);
	waits("inner");
	runtime_next(port());
	CHECK_INT(environment_state(env), ENVIRONMENT_SERVING);
	CHECK_INT(registers("late", 0), EXTENSION_REGISTRATION_CLOSED);
	environment_stop(env);
	CHECK_INT(box()->signalled[1], 1u << SIGTERM);
	pass_ms(499);
	CHECK(!is_gone);
	pass_ms(1);
	CHECK(is_gone);
	end_patiently();
}

static void test_no_extensions_no_shutdown(void)
{
	begin(0);
	fake_box_ready(box());
	fake_box_started(box());
	settle();
	runtime_next(port());
	environment_stop(env);
	settle();
	CHECK(is_gone);
	end_patiently();
}

static void test_a_crash_resets_the_environment(void)
{
	init_with_one();
	struct asker *asker = ask("r1");

	fake_extension_exited(box(), 0, EXIT_STATUS(3));
	settle();
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, "Extension.Crash");
	CHECK_STR(asker->body, "{\"errorType\":\"Extension.Crash\",\"errorMessage\":"
	                       "\"RequestId: r1 Error: exit status 3\"}");
	asker_destroy(asker);

	/* Nobody is left to be told: the runtime gets its signal. */
	CHECK_INT(environment_state(env), ENVIRONMENT_STOPPING);
	CHECK_INT(box()->signalled[1], 1u << SIGTERM);
	fake_box_exited(box(), EXIT_STATUS(0), false);
	settle();
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);

	/* The next life begins with the extensions again. */
	asker = ask("r2");
	CHECK_STR(box()->extensions[0].path, "/opt/extensions/a");
	CHECK_INT(find("a")->state, EXTENSION_STARTED);
	environment_stop(env);
	settle();
	asker_destroy(asker);
	end_patiently();
}

static void test_an_error_posted_before_the_exit_is_what_counts(void)
{
	begin(1);
	fake_box_ready(box());
	fake_extension_started(box(), 0);
	settle();
	registers("a", 1);
	fake_extension_exited(box(), 0, EXIT_STATUS(1));
	fake_turn_watches(stage.context.loop, 0);
	CHECK(environment_extension_error(env, find("a"), EXTENSION_CALL_INIT_ERROR,
	                                  "Extension.NoKey"));
	settle();
	CHECK_STR(fake_output_take(),
	          "EXTENSION\tName: a\tState: InitError\tEvents: [INVOKE]\t"
	          "Error Type: Extension.NoKey\n"
	          "INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\t"
	          "Error Type: Extension.InitError\n");
	end_patiently();
}

/* ... of the same program. Of another's, the first failure counts. */
static void test_a_crash_before_the_runtimes_error_is_what_counts(void)
{
	begin(1);
	fake_box_ready(box());
	fake_extension_started(box(), 0);
	settle();
	registers("a", 1);
	fake_box_started(box());
	fake_extension_exited(box(), 0, EXIT_STATUS(1));
	fake_turn_watches(stage.context.loop, 0);
	CHECK_INT(runtime_init_error(port(), "Runtime.NoModule", "{}"), RUNTIME_ACCEPTED);
	settle();
	CHECK_STR(fake_output_take(),
	          "EXTENSION\tName: a\tState: Registered\tEvents: [INVOKE]\t"
	          "Error Type: Extension.Crash\n"
	          "INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\t"
	          "Error Type: Extension.Crash\n");
	CHECK_INT(environment_state(env), ENVIRONMENT_STOPPING); /* and is not put off */
	end_patiently();
}

static void test_errors_end_it_after_a_while(void)
{
	init_with_one();
	CHECK(!environment_extension_error(env, find("a"), EXTENSION_CALL_INIT_ERROR, "x"));
	CHECK(environment_extension_error(env, find("a"), EXTENSION_CALL_EXIT_ERROR, "x"));
	CHECK(environment_extension_error(env, find("a"), EXTENSION_CALL_EXIT_ERROR, "x"));
	CHECK(!environment_extension_may_wait(env, find("a")));
	pass_ms(300);
	CHECK_INT(environment_state(env), ENVIRONMENT_STOPPING);
	end_patiently();
}

static void test_an_init_in_which_one_failed_does_not_succeed(void)
{
	begin(1);
	fake_box_ready(box());
	fake_extension_started(box(), 0);
	settle();
	registers("a", 1);
	fake_box_started(box());
	settle();
	CHECK(environment_extension_error(env, find("a"), EXTENSION_CALL_INIT_ERROR, "x"));
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(environment_state(env), ENVIRONMENT_STARTING);
	pass_ms(300);
	CHECK_INT(environment_state(env), ENVIRONMENT_STOPPING);
	end_patiently();
}

static void test_an_invocation_in_which_one_failed_has_a_fault(void)
{
	init_with_one();
	struct asker *asker = ask("r1");

	runtime_respond(port(), "r1", "{}");
	CHECK(environment_extension_error(env, find("a"), EXTENSION_CALL_EXIT_ERROR, "x"));
	runtime_next(port());
	CHECK_INT(asker->done, 0);
	pass_ms(300);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, ""); /* its answer stands */
	CHECK(strstr(fake_output_take(), "\tStatus: error\tError Type: Extension.ExitError\n"));
	asker_destroy(asker);
	end_patiently();
}

static void test_one_that_cannot_be_executed_fails_the_init(void)
{
	begin(2);
	fake_box_ready(box());
	fake_extension_exec_failed(box(), 1, EACCES);
	settle();
	CHECK_STR(fake_output_take(),
	          "EXTENSION\tName: b\tState: LaunchError\tEvents: []\t"
	          "Error Type: PermissionDenied\n"
	          "INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\t"
	          "Error Type: Extension.LaunchError\n");
	end_patiently();
}

static void test_an_eleventh_fails_the_init(void)
{
	begin(11);
	fake_box_ready(box());
	settle();
	CHECK(strstr(fake_output_take(), "Status: error\tError Type: Extension.LaunchError\n"));
	end_patiently();
}

static void test_it_never_registers(void)
{
	begin(1);
	fake_box_ready(box());
	fake_extension_started(box(), 0);
	settle();
	pass_ms(10000);
	CHECK_STR(fake_output_take(),
	          "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n");
	end_patiently();
}

static void test_one_that_lost_its_call_gets_its_event_later(void)
{
	init_with_one();
	environment_extension_left(env, find("a"));
	struct asker *asker = ask("r1");

	CHECK_INT(port()->notices[0], 0);
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	CHECK_INT(asker->done, 0);
	waits("a");
	CHECK_INT(port()->notices[0], 1);
	waits("a");
	CHECK_INT(asker->done, 1);
	asker_destroy(asker);
	end_patiently();
}

static void test_what_extensions_print_is_in_the_log(void)
{
	init_with_one();
	fake_output_take();
	fake_extension_print(box(), 0, "hello\n");
	settle();
	CHECK_STR(fake_output_take(), "hello\n");

	/* The end of an invocation is none of its own lines. */
	struct asker *asker = ask("r1");

	fake_extension_print(box(), 0, "one ");
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	waits("a");
	CHECK(!strstr(fake_output_take(), "one"));
	fake_extension_print(box(), 0, "line\n");
	settle();
	CHECK_STR(fake_output_take(), "one line\n");
	asker_destroy(asker);
	end_patiently();
}

static void test_it_is_frozen_with_its_extensions(void)
{
	init_with_one();
	pass_ms(2);
	CHECK(box()->is_frozen);
	struct asker *asker = ask("r1"); /* the stage asserts that it is thawed */

	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	pass_ms(100);
	CHECK(!box()->is_frozen); /* the extension is at work */
	waits("a");
	pass_ms(2);
	CHECK(box()->is_frozen);
	asker_destroy(asker);
	end_patiently();
}

TEST_MAIN(test_the_runtime_starts_when_all_have_registered, test_init_ends_when_all_wait,
          test_the_caller_does_not_wait_for_extensions,
          test_an_extension_that_never_comes_back_is_a_timeout, test_a_shutdown_step_by_step,
          test_a_runtime_that_asks_in_a_shutdown_waits, test_a_shutdown_is_over_in_two_seconds,
          test_who_does_not_want_to_hear_of_it_is_killed,
          test_internal_ones_give_the_runtime_half_a_second, test_no_extensions_no_shutdown,
          test_a_crash_resets_the_environment, test_an_error_posted_before_the_exit_is_what_counts,
          test_a_crash_before_the_runtimes_error_is_what_counts, test_errors_end_it_after_a_while,
          test_an_init_in_which_one_failed_does_not_succeed,
          test_an_invocation_in_which_one_failed_has_a_fault,
          test_one_that_cannot_be_executed_fails_the_init, test_an_eleventh_fails_the_init,
          test_it_never_registers, test_one_that_lost_its_call_gets_its_event_later,
          test_what_extensions_print_is_in_the_log, test_it_is_frozen_with_its_extensions)
