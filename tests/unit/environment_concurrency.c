/* SPDX-License-Identifier: Apache-2.0 */
/* environment_concurrency - several invocations at once in one environment, story by story */
#include <signal.h>
#include <stdlib.h>

#include "emulator/environment.h"
#include "tests/unit/story.h"

/* ---- steps of a story ---- */

static void begin(void)
{
	stage_open();
	stage.config.max_concurrency = 3;
	stage.config.early_init_timeout_ms = 130000;
	stage.config.initialization = PLATFORM_MANAGED_INSTANCES;
	create(PLATFORM_MANAGED_INSTANCES);
	start();
}

static void end(void)
{
	if (!is_gone)
		environment_stop(env);
	settle();
	CHECK(is_gone);
	fake_output_take();
	stage_close();
}

static void check_result(struct asker *asker, const char *fault, const char *body)
{
	CHECK_INT(asker->answered, 1);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, fault);
	CHECK_STR(asker->body, body);
	asker_destroy(asker);
}

/* ---- stories ---- */

static void test_each_next_gets_an_event_of_its_own(void)
{
	begin();
	runtime_next(port());
	runtime_next(port());
	struct asker *one = ask("r1"), *two = ask("r2");

	CHECK_INT(port()->deliveries, 2);
	CHECK_STR(port()->delivered, "r2");
	CHECK(environment_is_free(env)); /* for a third one */

	struct asker *three = ask("r3");

	CHECK_INT(port()->deliveries, 2); /* nobody waits for it yet */
	CHECK(!environment_is_free(env));
	runtime_next(port());
	CHECK_STR(port()->delivered, "r3");

	/* They are answered in any order, and a slot is free with its answer. */
	CHECK_INT(runtime_respond(port(), "r2", "2"), RUNTIME_ACCEPTED);
	check_result(two, "", "2");
	CHECK(environment_is_free(env));
	CHECK_INT(runtime_respond(port(), "r3", "3"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_respond(port(), "r1", "1"), RUNTIME_ACCEPTED);
	check_result(three, "", "3");
	check_result(one, "", "1");
	end();
}

static void test_an_answer_counts_once(void)
{
	begin();
	runtime_next(port());
	struct asker *one = ask("r1");

	CHECK_INT(runtime_respond(port(), "unknown", "1"), RUNTIME_INVALID_REQUEST_ID);
	CHECK_INT(runtime_respond(port(), "r1", "1"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_respond(port(), "r1", "1"), RUNTIME_INVALID_REQUEST_ID);
	CHECK_INT(runtime_error(port(), "r1", "1"), RUNTIME_INVALID_REQUEST_ID);
	check_result(one, "", "1");
	end();
}

static void test_a_timeout_ends_one_of_them(void)
{
	begin();
	runtime_next(port());
	runtime_next(port());
	struct asker *one = ask("r1");

	fake_pass(stage.context.loop, 2000 * MS);
	struct asker *two = ask("r2");

	fake_output_take();
	fake_pass(stage.context.loop, 1000 * MS);
	CHECK_STR(one->fault, "Sandbox.Timedout");
	CHECK(strstr(fake_output_take(), "REPORT RequestId: r1\tDuration: 3000.00 ms\t"));
	CHECK_INT(environment_state(env), ENVIRONMENT_SERVING);
	CHECK_INT(runtime_respond(port(), "r1", "1"), RUNTIME_TOO_LATE);
	CHECK_INT(runtime_respond(port(), "r2", "2"), RUNTIME_ACCEPTED);
	check_result(two, "", "2");
	asker_destroy(one);
	end();
}

static void test_a_timeout_while_the_answer_arrives(void)
{
	begin();
	runtime_next(port());
	struct asker *one = ask("r1");

	CHECK_INT(runtime_begin(port(), "r1", RUNTIME_CALL_RESPONSE), RUNTIME_ACCEPTED);
	fake_pass(stage.context.loop, 3000 * MS);
	CHECK_STR(one->fault, "Sandbox.Timedout");
	runtime_finish(port(), "1", false);
	CHECK_INT(one->answered, 1);
	asker_destroy(one);
	end();
}

static void test_a_crash_fails_all(void)
{
	begin();
	runtime_next(port());
	runtime_next(port());
	struct asker *one = ask("r1"), *two = ask("r2"), *three = ask("r3");

	fake_box_exited(box(), EXIT_STATUS(1), false);
	settle();
	CHECK_STR(one->fault, "Runtime.ExitError");
	CHECK_STR(two->fault, "Runtime.ExitError");
	CHECK_INT(three->answered, 0); /* it had not begun: it waits for the next life */
	fake_box_ready(box());
	fake_box_started(box());
	settle();
	runtime_next(port());
	CHECK_STR(port()->delivered, "r3");
	runtime_respond(port(), "r3", "3");
	check_result(three, "", "3");
	asker_destroy(one);
	asker_destroy(two);
	end();
}

static void test_no_init_inside_an_invocation(void)
{
	begin();
	struct asker *one = ask("r1"), *two = ask("r2");

	fake_box_exited(box(), EXIT_STATUS(1), false);
	settle();
	CHECK_STR(fake_output_take(),
	          "INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\t"
	          "Error Type: Runtime.ExitError\n"
	          "START RequestId: r1 Version: $LATEST\n"
	          "END RequestId: r1\n"
	          "REPORT RequestId: r1\tDuration: 0.00 ms\tBilled Duration: 1 ms\t"
	          "Memory Size: 128 MB\tStatus: error\tError Type: Runtime.ExitError\n"
	          "START RequestId: r2 Version: $LATEST\n"
	          "END RequestId: r2\n"
	          "REPORT RequestId: r2\tDuration: 0.00 ms\tBilled Duration: 1 ms\t"
	          "Memory Size: 128 MB\tStatus: error\tError Type: Runtime.ExitError\n");
	CHECK_STR(one->fault, "Runtime.ExitError");
	CHECK_STR(two->fault, "Runtime.ExitError");
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);
	asker_destroy(one);
	asker_destroy(two);
	end();
}

static void test_it_is_never_frozen(void)
{
	begin();
	runtime_next(port());
	fake_pass(stage.context.loop, 1000 * MS);
	CHECK(!box()->is_frozen);
	end();
}

static void test_stopped_with_some_at_work(void)
{
	begin();
	runtime_next(port());
	struct asker *one = ask("r1"), *two = ask("r2");

	environment_stop(env);
	settle();
	CHECK_STR(one->fault, "Sandbox.Failure");
	CHECK_STR(two->fault, "Sandbox.Failure");
	asker_destroy(one);
	asker_destroy(two);
	end();
}

TEST_MAIN(test_each_next_gets_an_event_of_its_own, test_an_answer_counts_once,
          test_a_timeout_ends_one_of_them, test_a_timeout_while_the_answer_arrives,
          test_a_crash_fails_all, test_no_init_inside_an_invocation, test_it_is_never_frozen,
          test_stopped_with_some_at_work)
