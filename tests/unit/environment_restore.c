/* SPDX-License-Identifier: Apache-2.0 */
/* environment_restore - an environment with SnapStart, story by story */
#include <signal.h>
#include <stdlib.h>

#include "emulator/environment.h"
#include "emulator/freezer.h"
#include "tests/unit/story.h"

static struct metrics metrics;

/* ---- steps of a story ---- */

static void create_snapshot_to_be(void)
{
	stage.context.metrics = &metrics;
	metrics = (struct metrics){ .environments = 0 };
	create(PLATFORM_SNAP_START);
}

static void begin(void)
{
	stage_open();
	create_snapshot_to_be();
}

/* A runtime that knows of SnapStart, after 'ms' of init. */
static void make_snapshot(uint64_t ms)
{
	start();
	pass_ms(ms);
	CHECK_INT(runtime_restore_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(environment_state(env), ENVIRONMENT_SERVING);
}

static void check_answer(struct asker *asker, const char *fault, bool is_of_restore)
{
	CHECK_INT(asker->answered, 1);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, fault);
	CHECK_INT(asker->is_of_restore, is_of_restore);
	asker_destroy(asker);
}

static void invoke_well(const char *id, uint64_t ms)
{
	struct asker *asker = ask(id);

	pass_ms(ms);
	CHECK_INT(runtime_respond(port(), id, "{}"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	check_answer(asker, "", false);
}

/* ---- stories ---- */

/* Nobody else's, and no other life's. */
static void test_each_life_has_a_token(void)
{
	begin();
	char first[CREDENTIALS_TOKEN_SIZE];

	memcpy(first, port()->base.credentials_token, sizeof(first));
	CHECK_INT(strlen(first), 64);
	start();
	fake_box_exited(box(), EXIT_STATUS(1), false);
	settle();
	struct asker *asker = ask("r1");

	CHECK_INT(strlen(port()->base.credentials_token), 64);
	CHECK(strcmp(port()->base.credentials_token, first) != 0);
	environment_stop(env);
	settle();
	check_answer(asker, "Sandbox.Failure", false);
	end_patiently();
}

static void test_the_first_invocation_restores(void)
{
	begin();
	make_snapshot(400);
	CHECK_INT(environment_runtime_state(env), RUNTIME_RESTORE_READY);
	check_lines("INIT_REPORT Init Duration: 400.00 ms\tPhase: init\n");
	pass_ms(5);
	CHECK(box()->is_frozen);

	struct asker *asker = ask("r1");
	CHECK_INT(port()->restores, 1);
	CHECK_INT(port()->deliveries, 0);
	CHECK_INT(environment_runtime_state(env), RUNTIME_RESTORING);
	pass_ms(7);
	fake_box_print(box(), "hook\n");
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(port()->deliveries, 1);
	CHECK_INT(asker->invocation->deadline_ms, FAKE_START_WALL_MS + 400 + 5 + 7 + 3000);
	pass_ms(20);
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	CHECK_STR(asker->tail, "hook\n"
	                       "RESTORE_REPORT Restore Duration: 7.00 ms\n"
	                       "START RequestId: r1 Version: $LATEST\n"
	                       "END RequestId: r1\n"
	                       "REPORT RequestId: r1\tDuration: 20.00 ms\t"
	                       "Billed Duration: 27 ms" MEMORY "Restore Duration: 7.00 ms\t"
	                       "Billed Restore Duration: 7 ms\t\n");
	check_lines(asker->tail);
	check_answer(asker, "", false);

	invoke_well("r2", 3); /* an ordinary one */
	check_lines("START RequestId: r2 Version: $LATEST\n"
	            "END RequestId: r2\n"
	            "REPORT RequestId: r2\tDuration: 3.00 ms\tBilled Duration: 3 ms" MEMORY "\n");
	CHECK_INT(metrics.invoke[METRICS_RESTORED].count, 1);
	CHECK_INT(metrics.invoke[METRICS_WARM].count, 1);
	CHECK_INT(metrics.invoke[METRICS_COLD].count, 0);
	CHECK_INT(metrics.restore.sum_ns, 7 * MS);
	CHECK_INT(metrics.billed_ms, 30);
	end_patiently();
}

static void test_a_runtime_that_knows_nothing_of_it_is_thawed(void)
{
	begin();
	start();
	pass_ms(10);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	pass_ms(5);
	CHECK(box()->is_frozen);
	fake_output_take();
	invoke_well("r1", 4);
	CHECK_INT(port()->restores, 0);
	check_lines("RESTORE_REPORT Restore Duration: 0.00 ms\n"
	            "START RequestId: r1 Version: $LATEST\n"
	            "END RequestId: r1\n"
	            "REPORT RequestId: r1\tDuration: 4.00 ms\tBilled Duration: 4 ms" MEMORY "\n");
	end_patiently();
}

static void test_one_that_came_during_init_is_restored_at_once(void)
{
	begin();
	struct asker *asker = ask("r1");

	make_snapshot(30);
	CHECK_INT(environment_runtime_state(env), RUNTIME_RESTORING);
	pass_ms(2);
	runtime_next(port());
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	check_lines("INIT_REPORT Init Duration: 30.00 ms\tPhase: init\n"
	            "RESTORE_REPORT Restore Duration: 2.00 ms\n"
	            "START RequestId: r1 Version: $LATEST\n"
	            "END RequestId: r1\n"
	            "REPORT RequestId: r1\tDuration: 0.00 ms\tBilled Duration: 3 ms" MEMORY
	            "Restore Duration: 2.00 ms\tBilled Restore Duration: 2 ms\t\n");
	check_answer(asker, "", false);
	end_patiently();
}

static void test_calls_out_of_order(void)
{
	begin();
	start();
	CHECK_INT(runtime_restore_error(port(), NULL), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_restore_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_restore_next(port()), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_next(port()), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_init_error(port(), NULL, "{}"), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_respond(port(), "r1", "{}"), RUNTIME_INVALID_REQUEST_ID);

	struct asker *asker = ask("r1");
	CHECK_INT(runtime_restore_next(port()), RUNTIME_INVALID_STATE);
	CHECK_INT(runtime_respond(port(), "r1", "{}"), RUNTIME_INVALID_REQUEST_ID);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_restore_error(port(), NULL), RUNTIME_INVALID_STATE);
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	check_answer(asker, "", false);
	end_patiently();
}

/* Restores for "r1", in 5 ms so far. */
static struct asker *restore(void)
{
	begin();
	make_snapshot(10);
	fake_output_take();
	struct asker *asker = ask("r1");

	pass_ms(5);
	return asker;
}

/* ... and the invocation after a restore that has failed finds a new snapshot. */
static void check_recovery(void)
{
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);
	CHECK_INT(changes, 2);
	struct asker *asker = ask("r2");

	make_snapshot(50);
	CHECK_INT(asker->answered, 0);
	pass_ms(1);
	runtime_next(port());
	pass_ms(3);
	runtime_respond(port(), "r2", "{}");
	runtime_next(port());
	check_lines("INIT_REPORT Init Duration: 50.00 ms\tPhase: init\n"
	            "RESTORE_REPORT Restore Duration: 1.00 ms\n"
	            "START RequestId: r2 Version: $LATEST\n"
	            "END RequestId: r2\n"
	            "REPORT RequestId: r2\tDuration: 3.00 ms\tBilled Duration: 4 ms" MEMORY
	            "Restore Duration: 1.00 ms\tBilled Restore Duration: 1 ms\t\n");
	check_answer(asker, "", false);
	end_patiently();
}

static void test_the_runtime_reports_a_failed_restore(void)
{
	struct asker *asker = restore();

	CHECK_INT(runtime_restore_error(port(), "Runtime.AfterRestoreError"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(port()), RUNTIME_INVALID_STATE);
	CHECK_INT(asker->answered, 0); /* it may have more to say */
	fake_box_exited(box(), EXIT_STATUS(65), false);
	settle();
	check_lines("RESTORE_REPORT Restore Duration: 5.00 ms\tStatus: error\t"
	            "Error Type: Runtime.AfterRestoreError\n");
	CHECK(!asker->tail);
	check_answer(asker, "Runtime.AfterRestoreError", true);
	CHECK_STR(metrics.restore_errors.items[0].type, "Runtime.AfterRestoreError");
	CHECK_INT(metrics.restore.count, 0);
	check_recovery();
}

static void test_it_may_report_that_as_a_failed_init(void)
{
	struct asker *asker = restore();

	CHECK_INT(runtime_init_error(port(), "Runtime.HookError", "{}"), RUNTIME_ACCEPTED);
	CHECK_INT(environment_runtime_state(env), RUNTIME_RESTORE_ERROR);
	pass_ms(300); /* and need not exit */
	check_lines("RESTORE_REPORT Restore Duration: 5.00 ms\tStatus: error\t"
	            "Error Type: Runtime.HookError\n");
	check_answer(asker, "Runtime.HookError", true);
	check_recovery();
}

static void test_the_runtime_exits_during_restore(void)
{
	struct asker *asker = restore();

	fake_box_exited(box(), EXIT_STATUS(3), false);
	settle();
	check_lines("RESTORE_REPORT Restore Duration: 5.00 ms\tStatus: error\t"
	            "Error Type: Runtime.ExitError\n");
	check_answer(asker, "Runtime.ExitError", true);
	check_recovery();
}

/* The exit is heard of first. */
static void test_what_was_posted_before_the_exit_counts(void)
{
	struct asker *asker = restore();

	fake_box_exited(box(), EXIT_STATUS(65), false);
	fake_turn_watches(stage.context.loop, 0);
	CHECK_INT(runtime_restore_error(port(), "Runtime.HookError"), RUNTIME_ACCEPTED);
	settle();
	check_answer(asker, "Runtime.HookError", true);
	fake_output_take();
	check_recovery();
}

/* A /next from beyond the grave: nobody is there to take the event. */
static void test_a_dead_runtime_is_not_restored(void)
{
	struct asker *asker = restore();

	fake_box_exited(box(), EXIT_STATUS(0), false);
	fake_turn_watches(stage.context.loop, 0);
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(port()->deliveries, 0);
	settle();
	check_answer(asker, "Runtime.ExitError", true);
	fake_output_take();
	check_recovery();
}

static void test_a_hook_that_hangs_is_a_timeout(void)
{
	struct asker *asker = restore();

	pass_ms(9994);
	CHECK_INT(asker->answered, 0);
	pass_ms(1);
	check_lines("RESTORE_REPORT Restore Duration: 10000.00 ms\tStatus: timeout\n");
	check_answer(asker, "Runtime.RestoreHookUserTimeout", true);
	check_recovery();
}

static void test_a_failed_init_is_told_to_who_waits(void)
{
	begin();
	struct asker *asker = ask("r1");

	start();
	pass_ms(5);
	CHECK_INT(runtime_init_error(port(), "Runtime.NoModule", "{\"why\":1}"), RUNTIME_ACCEPTED);
	fake_box_exited(box(), EXIT_STATUS(64), false);
	settle();
	CHECK_STR(asker->body, "{\"why\":1}");
	check_answer(asker, "Runtime.NoModule", false);
	check_lines("INIT_REPORT Init Duration: 5.00 ms\tPhase: init\tStatus: error\t"
	            "Error Type: Runtime.NoModule\n"
	            "START RequestId: r1 Version: $LATEST\n"
	            "END RequestId: r1\n"
	            "REPORT RequestId: r1\tDuration: 0.00 ms\tBilled Duration: 1 ms"
	            "\tMemory Size: 128 MB\tStatus: error\tError Type: Runtime.NoModule\n");
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);

	asker = ask("r2"); /* tries once more, and is told, too */
	start();
	fake_box_exited(box(), EXIT_STATUS(1), false);
	settle();
	check_answer(asker, "Runtime.ExitError", false);
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);
	end_patiently();
}

static void test_a_box_that_cannot_be_made_is_told_to_who_waits(void)
{
	begin();
	start();
	fake_box_exited(box(), EXIT_STATUS(1), false);
	settle();
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);
	fake_box_create_fails = true;
	struct asker *asker = ask("r1");

	settle();
	check_answer(asker, "Sandbox.Failure", false);
	end_patiently();
}

/* Nobody has seen that snapshot, and nobody shall see it fail. */
static void test_a_snapshot_that_dies_is_made_anew(void)
{
	begin();
	make_snapshot(10);
	fake_box_exited(box(), EXIT_STATUS(1), false);
	fake_turn_watches(stage.context.loop, 0);
	fake_output_take();
	struct asker *asker = ask("r1");

	settle();
	CHECK_INT(asker->answered, 0);
	make_snapshot(20);
	runtime_next(port());
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	check_answer(asker, "", false);
	end_patiently();
}

/* ... but not for ever. */
static void test_one_that_dies_again_is_told(void)
{
	begin();
	start();
	fake_box_exited(box(), EXIT_STATUS(1), false);
	settle();
	struct asker *asker = ask("r1");

	start();
	fake_box_exited(box(), EXIT_STATUS(1), false);
	fake_turn_watches(stage.context.loop, 0);
	CHECK_INT(runtime_restore_next(port()), RUNTIME_ACCEPTED);
	settle();
	check_answer(asker, "Runtime.ExitError", false);
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);
	end_patiently();
}

static void test_init_has_the_longer_limit(void)
{
	begin();
	start();
	pass_ms(129999);
	CHECK_INT(environment_state(env), ENVIRONMENT_STARTING);
	pass_ms(1);
	check_lines("INIT_REPORT Init Duration: 130000.00 ms\tPhase: init\tStatus: timeout\n");
	CHECK_INT(environment_state(env), ENVIRONMENT_RESET);
	end_patiently();
}

static void test_lrie_ends_during_restore(void)
{
	struct asker *asker = restore();

	environment_stop(env);
	settle();
	check_answer(asker, "Sandbox.Failure", false);
	end_patiently();
}

static void test_a_snapshot_does_not_end_for_want_of_work(void)
{
	stage_open();
	stage.config.command = CONFIG_SERVE;
	stage.config.idle_timeout_ms = 1000;
	create_snapshot_to_be();
	make_snapshot(10);
	pass_ms(5000);
	CHECK_INT(environment_state(env), ENVIRONMENT_SERVING);
	struct asker *asker = ask("r1");

	runtime_next(port());
	runtime_respond(port(), "r1", "{}");
	runtime_next(port());
	check_answer(asker, "", false);
	pass_ms(1000);
	CHECK(is_gone);
	end_patiently();
}

static void test_with_an_extension(void)
{
	static const char *const names[] = { "a" };
	static const enum extension_event_kind kinds[] = { EXTENSION_INVOKE };
	struct extension *extension;

	stage_open();
	stage_put_extensions(names, 1);
	create_snapshot_to_be();
	fake_box_ready(box());
	fake_extension_started(box(), 0);
	settle();
	environment_register_extension(env, "a", kinds, 1, &extension);
	fake_box_started(box());
	settle();
	CHECK_INT(runtime_restore_next(port()), RUNTIME_ACCEPTED);
	CHECK_INT(environment_state(env), ENVIRONMENT_STARTING);
	environment_extension_next(env, extension);
	CHECK_INT(environment_state(env), ENVIRONMENT_SERVING);
	fake_output_take();

	struct asker *asker = ask("r1");
	CHECK_INT(port()->notices[0], 0); /* hooks first */
	fake_extension_exited(box(), 0, EXIT_STATUS(1));
	settle();
	check_lines("RESTORE_REPORT Restore Duration: 0.00 ms\tStatus: error\t"
	            "Error Type: Extension.Crash\n");
	check_answer(asker, "Extension.Crash", true);
	end_patiently();
}

TEST_MAIN(test_each_life_has_a_token, test_the_first_invocation_restores,
          test_a_runtime_that_knows_nothing_of_it_is_thawed,
          test_one_that_came_during_init_is_restored_at_once, test_calls_out_of_order,
          test_the_runtime_reports_a_failed_restore, test_it_may_report_that_as_a_failed_init,
          test_the_runtime_exits_during_restore, test_what_was_posted_before_the_exit_counts,
          test_a_dead_runtime_is_not_restored, test_a_hook_that_hangs_is_a_timeout,
          test_a_failed_init_is_told_to_who_waits,
          test_a_box_that_cannot_be_made_is_told_to_who_waits,
          test_a_snapshot_that_dies_is_made_anew, test_one_that_dies_again_is_told,
          test_init_has_the_longer_limit, test_lrie_ends_during_restore,
          test_a_snapshot_does_not_end_for_want_of_work, test_with_an_extension)
