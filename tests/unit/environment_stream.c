/* SPDX-License-Identifier: Apache-2.0 */
/* environment_stream - answers that come bit by bit, story by story */
#include <signal.h>
#include <stdlib.h>

#include "emulator/environment.h"
#include "tests/unit/story.h"

#define MIB ((size_t)1 << 20)

/* ---- steps of a story ---- */

static void begin_with(enum config_bandwidth bandwidth, uint64_t max_concurrency)
{
	stage_open();
	stage.config.stream_bandwidth = bandwidth;
	stage.config.max_concurrency = max_concurrency;
	create(PLATFORM_ON_DEMAND);
	start();
	CHECK_INT(runtime_next(port()), RUNTIME_ACCEPTED);
}

static void begin(void)
{
	begin_with(CONFIG_BANDWIDTH_UNLIMITED, 0);
}

/* An asker that takes pieces, of a runtime that streams. */
static struct asker *ask_for_stream(const char *id)
{
	struct asker *asker = asker_create_for_pieces(id);

	environment_invoke(env, asker->invocation);
	CHECK_INT(runtime_begin(port(), id, RUNTIME_CALL_RESPONSE), RUNTIME_ACCEPTED);
	runtime_stream(port(), "text/plain");
	return asker;
}

static void check_end(struct asker *asker, const char *fault, const char *got, const char *body)
{
	CHECK_INT(asker->answered, 1);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, fault);
	CHECK_STR(asker->got.data, got);
	CHECK_STR(asker->body, body);
	asker_destroy(asker);
}

/* ---- stories ---- */

static void test_pieces_are_passed_on(void)
{
	begin();
	struct asker *asker = ask_for_stream("r1");
	struct invocation *invocation = invocation_ref(asker->invocation);

	CHECK_INT(asker->heads, 0);
	pass_ms(5);
	CHECK(runtime_piece(port(), "one "));
	CHECK_INT(asker->heads, 1);
	CHECK(asker->is_streamed);
	CHECK_STR(asker->content_type, "text/plain");
	CHECK_STR(asker->got.data, "one ");
	pass_ms(7);
	CHECK(runtime_piece(port(), "two"));
	CHECK_STR(asker->got.data, "one two");
	CHECK_INT(asker->answered, 0);
	pass_ms(11);
	runtime_finish(port(), "", false);
	CHECK_INT(asker->answered, 1);
	CHECK(!asker->is_error);
	runtime_next(port());
	CHECK_INT(asker->heads, 1);
	CHECK_INT(invocation->phase.first_byte_ns - invocation->phase.started_ns, 5 * MS);
	CHECK_INT(invocation->phase.answered_ns - invocation->phase.first_byte_ns, 18 * MS);
	CHECK_INT(invocation->produced_bytes, 7);
	invocation_unref(invocation);
	check_end(asker, "", "one two", "");
	end_patiently();
}

static void test_a_whole_answer_is_one_piece(void)
{
	begin();
	struct asker *asker = asker_create_for_pieces("r1");

	environment_invoke(env, asker->invocation);
	runtime_respond(port(), "r1", "{\"a\":1}");
	CHECK_INT(asker->heads, 1);
	CHECK(!asker->is_streamed);
	CHECK_STR(asker->content_type, "text/fixture");
	CHECK_INT(asker->pieces, 1);
	runtime_next(port());
	check_end(asker, "", "{\"a\":1}", "");
	end_patiently();
}

static void test_an_empty_stream_has_a_head(void)
{
	begin();
	struct asker *asker = ask_for_stream("r1");

	runtime_finish(port(), "", false);
	CHECK_INT(asker->heads, 1);
	CHECK(asker->is_streamed);
	CHECK_INT(asker->pieces, 0);
	runtime_next(port());
	check_end(asker, "", "", "");
	end_patiently();
}

static void test_errors_have_no_head(void)
{
	begin();
	struct asker *asker = asker_create_for_pieces("r1");

	environment_invoke(env, asker->invocation);
	runtime_error(port(), "r1", "{\"errorType\":\"E\"}");
	runtime_next(port());
	CHECK_INT(asker->heads, 0);
	CHECK(asker->is_error);
	check_end(asker, "", "", "{\"errorType\":\"E\"}");

	asker = ask_for_stream("r2"); /* in trailers, before the first piece */
	runtime_finish(port(), "{\"errorType\":\"E\"}", true);
	runtime_next(port());
	CHECK_INT(asker->heads, 0);
	CHECK(asker->is_error);
	check_end(asker, "", "", "{\"errorType\":\"E\"}");
	end_patiently();
}

static void test_an_error_in_midstream(void)
{
	begin();
	struct asker *asker = ask_for_stream("r1");

	runtime_piece(port(), "half");
	runtime_finish(port(), "{\"errorType\":\"E\"}", true);
	CHECK(asker->is_error);
	runtime_next(port());
	CHECK(strstr(asker->tail, "\tStatus: error\tError Type: ") == NULL);
	check_end(asker, "", "half", "{\"errorType\":\"E\"}");
	end_patiently();
}

static void test_the_time_is_up_in_midstream(void)
{
	begin();
	struct asker *asker = ask_for_stream("r1");

	asker->pauses = true;
	runtime_piece(port(), "half");
	CHECK(port()->is_paused);
	pass_ms(2999);
	CHECK_INT(asker->answered, 0);
	pass_ms(1);
	CHECK(asker->is_error);
	CHECK(strstr(asker->tail, "\tStatus: timeout"));
	check_end(asker, "Sandbox.Timedout", "half",
	          "{\"errorType\":\"Sandbox.Timedout\",\"errorMessage\":\"RequestId: r1 Error: "
	          "Task timed out after 3.00 seconds\"}");
	end_patiently();
}

static void test_too_much(void)
{
	begin();
	struct asker *asker = ask_for_stream("r1");

	for (int i = 0; i < 200; i++)
		CHECK(runtime_bytes(port(), MIB));
	CHECK(!runtime_bytes(port(), 1));
	CHECK_INT(asker->answered, 0);
	runtime_give_up_size(port());
	CHECK_INT(asker->got_length, 200 * MIB);
	CHECK_STR(asker->fault, "Function.ResponseSizeTooLarge");
	CHECK(strstr(asker->body, "(209715200 bytes)."));
	runtime_next(port());
	CHECK_INT(asker->done, 1);
	asker_destroy(asker);
	end_patiently();
}

/* ---- flow ---- */

static void test_the_asker_holds_it_up(void)
{
	begin();
	struct asker *asker = ask_for_stream("r1");

	invocation_resume(asker->invocation); /* was not paused */
	asker->pauses = true;
	runtime_piece(port(), "1");
	CHECK(port()->is_paused);
	invocation_pause(asker->invocation);
	runtime_piece(port(), "2"); /* was on its way */
	CHECK(port()->is_paused);
	CHECK_STR(asker->got.data, "12");
	invocation_resume(asker->invocation);
	CHECK(!port()->is_paused);
	runtime_piece(port(), "3");
	CHECK(port()->is_paused);
	runtime_finish(port(), "", false); /* the end needs no room */
	CHECK(!port()->is_paused);
	runtime_next(port());
	check_end(asker, "", "123", "");
	end_patiently();
}

/* To pause an invocation whose answer does not come in pieces does nothing. */
static void test_pause_without_a_stream(void)
{
	begin();
	struct asker *asker = asker_create_for_pieces("r1");

	invocation_pause(asker->invocation);
	environment_invoke(env, asker->invocation);
	asker->pauses = true;
	runtime_respond(port(), "r1", "whole");
	runtime_next(port());
	check_end(asker, "", "whole", "");
	end_patiently();
}

static void test_bandwidth_of_lambda(void)
{
	begin_with(CONFIG_BANDWIDTH_AWS, 0);
	struct asker *asker = ask_for_stream("r1");

	for (int i = 0; i < 6; i++)
		runtime_bytes(port(), MIB);
	CHECK(!port()->is_paused);
	runtime_bytes(port(), MIB); /* half a second too early */
	CHECK(port()->is_paused);
	pass_ms(499);
	CHECK(port()->is_paused);
	pass_ms(1);
	CHECK(!port()->is_paused);
	asker->pauses = true;
	runtime_bytes(port(), MIB);
	pass_ms(501);
	CHECK(port()->is_paused); /* by the asker */
	invocation_resume(asker->invocation);
	CHECK(!port()->is_paused);
	runtime_bytes(port(), 2 * MIB);
	runtime_finish(port(), "", false);
	CHECK(!port()->is_paused);
	runtime_next(port());
	CHECK_INT(asker->got_length, 10 * MIB);
	asker_destroy(asker);
	end_patiently();
}

/* ---- ends ---- */

/* The runtime goes on: it has broken off, and that is all. */
static void test_it_breaks_off(void)
{
	for (int i = 0; i < 2; i++) {
		begin();
		struct asker *asker = ask_for_stream("r1");

		runtime_piece(port(), "half");
		runtime_truncate(port());
		CHECK_INT(asker->answered, 0);
		if (i == 0)
			runtime_next(port());
		else
			pass_ms(500);
		CHECK_INT(asker->answered, 1);
		if (i == 1)
			runtime_next(port());
		CHECK(strstr(asker->tail, "Error Type: Runtime.TruncatedResponse"));
		check_end(asker, "Runtime.TruncatedResponse", "half",
		          "{\"errorType\":\"Runtime.TruncatedResponse\",\"errorMessage\":"
		          "\"RequestId: r1 Error: truncated\"}");
		end_patiently();
	}
}

/* A crash is the reason, whether the broken connection or the exit is seen first. */
static void test_it_crashes(void)
{
	for (int i = 0; i < 2; i++) {
		begin();
		struct asker *asker = ask_for_stream("r1");

		runtime_piece(port(), "half");
		if (i == 0)
			runtime_truncate(port());
		fake_box_exited(box(), SIGSEGV, false);
		fake_turn(stage.context.loop, 0);
		if (i == 1) {
			pass_ms(3);
			runtime_truncate(port());
		}
		pass_ms(10);
		CHECK(strstr(asker->tail, "Error Type: Runtime.ExitError"));
		check_end(asker, "Runtime.ExitError", "half",
		          "{\"errorType\":\"Runtime.ExitError\",\"errorMessage\":\"RequestId: r1 "
		          "Error: Runtime exited with error: signal: segmentation fault\"}");
		end_patiently();
	}
}

static void test_lrie_ends_in_midstream(void)
{
	begin();
	struct asker *asker = ask_for_stream("r1");

	asker->pauses = true;
	runtime_piece(port(), "half");
	environment_stop(env);
	settle();
	CHECK_STR(asker->got.data, "half");
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, "Sandbox.Failure");
	asker_destroy(asker);
	end_patiently();
}

/* It lives on, and what it still writes is of no use. */
static void test_late_pieces_of_one_of_several(void)
{
	begin_with(CONFIG_BANDWIDTH_AWS, 2);
	struct asker *asker = ask_for_stream("r1");
	struct stage_port *first = port();

	runtime_bytes(first, 7 * MIB);
	CHECK(first->is_paused);
	asker->pauses = true;
	pass_ms(1000);
	runtime_piece(first, "half");
	CHECK(first->is_paused);
	pass_ms(2000);
	CHECK_INT(asker->done, 1);
	CHECK_STR(asker->fault, "Sandbox.Timedout");
	CHECK(!first->is_paused);
	CHECK(runtime_bytes(first, 7 * MIB));
	CHECK(!first->is_paused);
	CHECK_INT(asker->got_length, 7 * MIB + 4);
	runtime_finish(first, "", false);
	CHECK_INT(asker->answered, 1);
	asker_destroy(asker);

	runtime_next(port());
	asker = ask_for_stream("r2");
	runtime_piece(port(), "well");
	runtime_truncate(port());
	pass_ms(500);
	check_end(asker, "Runtime.TruncatedResponse", "well",
	          "{\"errorType\":\"Runtime.TruncatedResponse\",\"errorMessage\":"
	          "\"RequestId: r2 Error: truncated\"}");
	end_patiently();
}

TEST_MAIN(test_pieces_are_passed_on, test_a_whole_answer_is_one_piece,
          test_an_empty_stream_has_a_head, test_errors_have_no_head, test_an_error_in_midstream,
          test_the_time_is_up_in_midstream, test_too_much, test_the_asker_holds_it_up,
          test_pause_without_a_stream, test_bandwidth_of_lambda, test_it_breaks_off,
          test_it_crashes, test_lrie_ends_in_midstream, test_late_pieces_of_one_of_several)
