/* SPDX-License-Identifier: Apache-2.0 */
/* event_queue - events that nobody waits for, story by story; minutes pass at once */
#include "emulator/event_queue.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/fakes.h"
#include "tests/unit/files.h"
#include "tests/unit/test.h"

#define ID "11111111-1111-4111-8111-111111111111"

static struct event_means means;
static struct function *function;
static struct event_queue *queue;
static bool is_stopped;

static const struct invocation_ops no_ops;

static void on_stopped(struct function_end *stopped)
{
	(void)stopped;
	is_stopped = true;
}

static struct function_end function_end = { .on_stopped = on_stopped };

static void settle(void)
{
	fake_settle(stage.context.loop);
}

static void pass_s(uint64_t seconds)
{
	fake_pass(stage.context.loop, seconds * CLOCK_NS_PER_S);
}

static void start(void)
{
	fake_box_ready(fake_boxes);
	fake_box_started(fake_boxes);
	settle();
	runtime_next(stage_ports);
}

static void begin(void)
{
	struct error err;

	stage_open();
	stage.config.retries = 2;
	stage.config.max_event_age_ms = 21600000;
	stage.config.on_success = "success";
	stage.config.on_failure = "failure";
	stage.config.quiet = true; /* what is written are the records */
	is_stopped = false;
	function = function_create(&stage.context);
	function_start(function, true);
	means = (struct event_means){ .loop = stage.context.loop };
	queue = event_queue_create(&stage.config, &means, function, &err);
	CHECK(queue != NULL);
}

static void end(void)
{
	event_queue_stop(queue);
	function_stop(function, &function_end);
	settle();
	CHECK(is_stopped);
	CHECK_INT(event_queue_length(queue), 0);
	event_queue_destroy(queue, 0);
	event_store_close(means.store);
	function_destroy(function);
	fake_output_take();
	stage_close();
}

static bool add(const char *event)
{
	struct invocation *invocation = invocation_make(&stage.config, &no_ops);
	struct error err;
	bool added;

	memcpy(invocation->request_id, ID, sizeof(ID));
	buffer_append_text(&invocation->event, event);
	added = event_queue_add(queue, invocation, &err) == EVENT_ACCEPTED;
	invocation_unref(invocation);
	settle();
	return added;
}

static void fails(void)
{
	CHECK_INT(runtime_error(stage_ports, ID, "{\"errorMessage\":\"no\"}"), RUNTIME_ACCEPTED);
	runtime_next(stage_ports);
	settle();
}

static void answers(void)
{
	CHECK_INT(runtime_respond(stage_ports, ID, "{\"a\":1}"), RUNTIME_ACCEPTED);
	runtime_next(stage_ports);
	settle();
}

#define RECORD(time, condition, count)                                                            \
	"{\"version\":\"1.0\",\"timestamp\":\"" time "\",\"requestContext\":{\"requestId\":\"" ID \
	"\",\"functionArn\":\"arn:aws:lambda:us-east-1:012345678912:function:function:$LATEST\"," \
	"\"condition\":\"" condition "\",\"approximateInvokeCount\":" count                       \
	"},\"requestPayload\":{\"x\": 1}"

static void test_a_good_event(void)
{
	begin();
	start();
	CHECK(add("{\"x\":\n1}"));
	CHECK_INT(stage_ports->deliveries, 1);
	CHECK_INT(event_queue_length(queue), 1);
	answers();
	CHECK_INT(event_queue_length(queue), 0);
	CHECK_STR(fake_output_take(), RECORD("2026-01-01T00:00:00.000Z", "Success",
	                                     "1") ",\"responseContext\":{\"statusCode\":200,"
	                                          "\"executedVersion\":\"$LATEST\"},"
	                                          "\"responsePayload\":{\"a\":1}}\n");
	end();
}

static void test_two_retries_with_the_same_id(void)
{
	begin();
	start();
	add("{\"x\": 1}");
	fails();
	pass_s(59);
	CHECK_INT(stage_ports->deliveries, 1);
	pass_s(1);
	CHECK_INT(stage_ports->deliveries, 2);
	CHECK_STR(stage_ports->delivered, ID);
	fails();
	pass_s(119);
	CHECK_INT(stage_ports->deliveries, 2);
	pass_s(1);
	CHECK_INT(stage_ports->deliveries, 3);
	CHECK_STR(fake_output_take(), "");
	fails();
	CHECK_STR(fake_output_take(),
	          RECORD("2026-01-01T00:03:00.000Z", "RetriesExhausted",
	                 "3") ",\"responseContext\":{\"statusCode\":200,\"executedVersion\":\"$"
	                      "LATEST\","
	                      "\"functionError\":\"Unhandled\"},\"responsePayload\":{"
	                      "\"errorMessage\":\"no\"}}\n");
	CHECK_INT(event_queue_length(queue), 0);
	end();
}

static void test_a_retry_may_go_well(void)
{
	begin();
	start();
	add("1");
	fails();
	pass_s(60);
	answers();
	CHECK(strstr(fake_output_take(),
	             "\"condition\":\"Success\",\"approximateInvokeCount\":2}"));
	end();
}

/* A reload: the event waits on, and what is said now counts. */
static void test_another_configuration(void)
{
	struct config other;
	struct event_queue_change *change;
	struct error err;

	begin();
	start();
	add("{\"x\": 1}");
	fails();
	other = stage.config;
	other.retries = 1;
	other.on_failure = NULL;
	event_queue_abandon(event_queue_prepare(queue, &other, &err));
	event_queue_abandon(NULL);
	change = event_queue_prepare(queue, &other, &err);
	if (CHECK(change))
		event_queue_change(queue, change);
	settle();
	CHECK_INT(event_queue_length(queue), 1);
	pass_s(60);
	CHECK_INT(stage_ports->deliveries, 2);
	fails(); /* for the last time, and nobody is told */
	CHECK_INT(event_queue_length(queue), 0);
	CHECK_STR(fake_output_take(), "");
	add("{\"x\": 1}");
	answers();
	CHECK(strstr(fake_output_take(), "\"Success\""));
	end();
}

static void test_no_retries(void)
{
	begin();
	stage.config.retries = 0;
	start();
	add("1");
	fails();
	CHECK(strstr(fake_output_take(), "RetriesExhausted\",\"approximateInvokeCount\":1}"));
	end();
}

static void test_too_old_for_a_retry(void)
{
	begin();
	stage.config.max_event_age_ms = 100000;
	start();
	add("1");
	fails();
	pass_s(60);
	fails(); /* the next one would be 180 s after its acceptance */
	CHECK(strstr(fake_output_take(), "EventAgeExceeded\",\"approximateInvokeCount\":2}"));
	CHECK_INT(event_queue_length(queue), 0);
	end();
}

/* Not the function's fault: no attempt is counted, and the pauses grow. */
static void test_reserved_concurrency_in_use(void)
{
	begin();
	stage.config.concurrency = 1;
	event_queue_stop(queue);
	event_queue_destroy(queue, 0);
	function_stop(function, &function_end);
	settle();
	function_destroy(function);
	function = function_create(&stage.context);
	function_start(function, true);
	queue = event_queue_create(&stage.config, &means, function, &(struct error){ 0 });
	is_stopped = false;
	start();

	struct asker *asker = asker_create("other");

	CHECK_INT(function_submit(function, asker->invocation), FUNCTION_ACCEPTED);
	add("1");
	CHECK_INT(event_queue_length(queue), 1);
	pass_s(1); /* refused again, then waits two seconds */
	runtime_respond(stage_ports, "other", "{}");
	runtime_next(stage_ports);
	fake_pass(stage.context.loop, 1999 * MS);
	CHECK_STR(stage_ports->delivered, "other");
	fake_pass(stage.context.loop, 1 * MS);
	CHECK_STR(stage_ports->delivered, ID);
	answers();
	CHECK(strstr(fake_output_take(), "Success\",\"approximateInvokeCount\":1}"));
	asker_destroy(asker);
	end();
}

/* That turns a function off: nothing is run, nor tried again. */
static void test_no_concurrency_at_all(void)
{
	begin();
	stage.config.is_throttled = true;
	start();
	CHECK(add("{\"x\": 1}"));
	CHECK_INT(stage_ports->deliveries, 0);
	CHECK_INT(event_queue_length(queue), 0);
	CHECK_STR(fake_output_take(),
	          RECORD("2026-01-01T00:00:00.000Z", "RetriesExhausted", "0") "}\n");
	end();
}

/* ... nor is this: nothing was answered, and nothing is said of an answer. */
static void test_a_machine_that_builds_no_boxes(void)
{
	begin();
	stage.config.max_event_age_ms = 5000;
	start();
	fake_box_create_fails = true;
	add("{\"x\": 1}");
	fake_box_exited(fake_boxes, W_EXITCODE(1, 0), false); /* the first attempt is a crash */
	settle();
	CHECK(strstr(fake_output_take(), "EventAgeExceeded\",\"approximateInvokeCount\":1}"));

	add("{\"x\": 1}");
	pass_s(1);
	pass_s(2);
	CHECK_STR(fake_output_take(),
	          RECORD("2026-01-01T00:00:03.000Z", "EventAgeExceeded", "3") "}\n");
	CHECK_INT(event_queue_length(queue), 0);
	fake_box_create_fails = false;
	end();
}

/* The line of those who wait for an answer stays theirs. */
static void test_it_does_not_crowd_others_out(void)
{
	begin();
	start();
	for (unsigned i = 0; i < FUNCTION_ENVIRONMENTS + 5; i++)
		add("1");
	CHECK_INT(event_queue_length(queue), FUNCTION_ENVIRONMENTS + 5);
	CHECK_INT(function_now(function).waiting, 0);
	end();
}

static void test_there_is_an_end_to_what_it_takes(void)
{
	begin();
	for (unsigned i = 0; i < EVENT_QUEUE_LENGTH; i++) {
		if (!CHECK(add("1")))
			break;
	}
	CHECK(!add("1"));
	end();
}

static void test_dead_letters(void)
{
	struct error err;

	begin();
	event_queue_stop(queue);
	event_queue_destroy(queue, 0);
	stage.config.on_success = stage.config.on_failure = NULL;
	stage.config.dead_letters = "letters";
	stage.config.retries = 0;
	queue = event_queue_create(&stage.config, &means, function, &err);
	start();
	add("{\"x\": 1}");
	fails();
	CHECK_STR(fake_output_take(),
	          "{\"body\":\"{\\\"x\\\": 1}\",\"messageAttributes\":{"
	          "\"RequestID\":{\"stringValue\":\"" ID "\",\"dataType\":\"String\"},"
	          "\"ErrorCode\":{\"stringValue\":\"200\",\"dataType\":\"Number\"},"
	          "\"ErrorMessage\":{\"stringValue\":\"no\",\"dataType\":\"String\"}}}\n");
	end();
}

static void test_a_crash_is_a_function_error(void)
{
	begin();
	start();
	add("1");
	fake_box_exited(fake_boxes, W_EXITCODE(1, 0), false);
	settle();
	pass_s(60);
	start();
	CHECK_STR(stage_ports->delivered, ID);
	answers();
	CHECK(strstr(fake_output_take(),
	             "\"condition\":\"Success\",\"approximateInvokeCount\":2}"));
	end();
}

static void test_stopped_in_every_state(void)
{
	begin();
	add("1"); /* it waits for init */
	end();
	begin();
	start();
	add("1"); /* it is at the runtime */
	end();
	begin();
	start();
	add("1");
	fails(); /* it waits for its retry */
	end();
}

/* ---- functions as destinations ---- */

static struct event_queue *find_self(struct event_peers *peers, const char *name)
{
	(void)peers;
	return strcmp(name, "function") == 0 ? queue : NULL;
}

static struct event_peers self = { .find = find_self };

static void begin_with(const char *on_success)
{
	struct error err;

	begin();
	event_queue_destroy(queue, 0);
	stage.config.on_success = on_success;
	means.peers = &self;
	queue = event_queue_create(&stage.config, &means, function, &err);
	CHECK(queue != NULL);
	start();
}

static void test_a_function_that_is_not_there(void)
{
	begin_with("function:other");
	add("1");
	answers();
	CHECK_INT(event_queue_counts(queue).undelivered, 1);
	end();
}

/* Its own destination: the sixteenth is the last. */
static void test_a_loop_of_functions_ends(void)
{
	begin_with("function:function");
	add("1");
	for (unsigned i = 0; i < EVENT_CHAIN; i++) {
		CHECK_INT(stage_ports->deliveries, i + 1);
		CHECK_INT(runtime_respond(stage_ports, stage_ports->delivered, "{}"),
		          RUNTIME_ACCEPTED);
		runtime_next(stage_ports);
		settle();
	}
	CHECK_INT(stage_ports->deliveries, EVENT_CHAIN);
	CHECK_INT(event_queue_length(queue), 0);
	CHECK_INT(event_queue_counts(queue).succeeded, EVENT_CHAIN);
	CHECK_INT(event_queue_counts(queue).undelivered, 1);
	end();
}

/* ---- a store ---- */

/* The next lrie has a queue, which has not started. */
static bool recreate(void)
{
	struct error err = { 0 };

	event_queue_stop(queue);
	event_queue_destroy(queue, 0);
	event_store_close(means.store);
	means.store = event_store_open("state", stage.context.loop, &err);
	if (!CHECK_STR(err.text, ""))
		return false;
	queue = event_queue_create(&stage.config, &means, function, &err);
	return CHECK(queue);
}

static void reopen(void)
{
	if (!recreate())
		return;
	event_queue_start(queue);
	settle();
}

static void begin_with_store(void)
{
	begin();
	files_begin();
	reopen();
	start();
}

static void end_with_store(void)
{
	static const char *const names[] = { "state/lock",         "state/events-1.log",
		                             "state/events-2.log", "state/events-3.log",
		                             "state/events-4.log", "state" };

	end();
	files_end(names, sizeof(names) / sizeof(names[0]));
}

static void test_what_waits_outlives_lrie(void)
{
	begin_with_store();
	add("{\"x\": 1}");
	fails();
	pass_s(30);
	reopen();
	CHECK_INT(event_queue_length(queue), 1);
	pass_s(29);
	CHECK_INT(stage_ports->deliveries, 1);
	pass_s(1);
	CHECK_INT(stage_ports->deliveries, 2);
	CHECK_STR(stage_ports->delivered, ID);
	fails();
	reopen();
	pass_s(120);
	CHECK_STR(stage_ports->delivered, ID);
	answers();
	CHECK(strstr(fake_output_take(),
	             "\"condition\":\"Success\",\"approximateInvokeCount\":3}"));
	reopen();
	CHECK_INT(event_queue_length(queue), 0);
	end_with_store();
}

/* Age is counted from the acceptance, whoever ran meanwhile. */
static void test_too_old_for_the_next_lrie(void)
{
	begin_with_store();
	stage.config.max_event_age_ms = 100000;
	add("{\"x\": 1}");
	fails();
	event_queue_stop(queue);
	pass_s(101);
	reopen();
	CHECK_INT(event_queue_length(queue), 0);
	CHECK_STR(fake_output_take(),
	          RECORD("2026-01-01T00:01:41.000Z", "EventAgeExceeded", "1") "}\n");
	end_with_store();
}

/* Whatever the clock was when it was kept: it is not older than it is, and waits five minutes at
 * most. */
static void test_a_clock_that_was_a_century_ahead(void)
{
	const uint64_t century_ns = UINT64_C(100) * 365 * 86400 * CLOCK_NS_PER_S;
	const uint64_t later_ns = FAKE_START_WALL_MS * MS + century_ns;
	struct event_record record = { .kind = EVENT_RECORD_EVENT,
		                       .accepted_wall_ns = later_ns,
		                       .progress = { .due_wall_ns = later_ns },
		                       .request_id = ID,
		                       .function_arn = "arn:::::f:function",
		                       .trace_header = "Root=1",
		                       .data = "1",
		                       .length = 1 };
	struct error err;

	begin_with_store();
	record.function = stage.config.function_name;
	CHECK(event_store_add(means.store, &record, &err));
	reopen();
	CHECK_INT(event_queue_length(queue), 1);
	pass_s(299);
	CHECK_INT(stage_ports->deliveries, 0);
	pass_s(1);
	CHECK_INT(stage_ports->deliveries, 1);
	answers();
	CHECK(strstr(fake_output_take(), "Success"));
	end_with_store();
}

#define HOUR_NS ((int64_t)(3600 * CLOCK_NS_PER_S))
#define CENTURY_NS (INT64_C(100) * 365 * 24 * HOUR_NS)

/* While lrie runs, nothing but what is told follows it. */
static void test_a_wall_clock_that_is_set(void)
{
	begin();
	stage.config.max_event_age_ms = 100000;
	start();
	add("{\"x\": 1}");
	fails();
	pass_s(30);
	fake_move_wall(-HOUR_NS);
	pass_s(29);
	CHECK_INT(stage_ports->deliveries, 1);
	pass_s(1);
	CHECK_INT(stage_ports->deliveries, 2);
	answers();
	CHECK(strstr(fake_output_take(), "\"timestamp\":\"2025-12-31T23:01:00.000Z\""));

	add("{\"x\": 1}");
	fails();
	fake_move_wall(HOUR_NS + CENTURY_NS);
	pass_s(59);
	CHECK_INT(stage_ports->deliveries, 3);
	pass_s(1);
	CHECK_INT(stage_ports->deliveries, 4);
	fails(); /* too old by what has passed, and not by what the clock says */
	CHECK(strstr(fake_output_take(), "\"timestamp\":\"2125-12-08T00:02:00.000Z\""));
	end();
}

/* The next lrie knows nothing but the wall clock: an event waits five minutes at most, and is not
 * given up for a clock that is behind. */
static void test_a_wall_clock_that_was_set_back_meanwhile(void)
{
	begin_with_store();
	stage.config.max_event_age_ms = 800000;
	add("{\"x\": 1}");
	fails();
	fake_move_wall(-HOUR_NS);
	reopen();
	pass_s(299);
	CHECK_INT(stage_ports->deliveries, 1);
	pass_s(1);
	CHECK_INT(stage_ports->deliveries, 2);
	fails();
	fake_move_wall(-HOUR_NS);
	reopen();
	pass_s(300);
	CHECK_INT(stage_ports->deliveries, 3);
	answers();
	CHECK(strstr(fake_output_take(), "\"Success\""));
	end_with_store();
}

static void test_a_wall_clock_that_was_set_forward_meanwhile(void)
{
	begin_with_store();
	add("{\"x\": 1}");
	fails();
	fake_move_wall(HOUR_NS);
	reopen();
	CHECK_INT(stage_ports->deliveries, 2); /* it was due */
	fails();
	fake_move_wall(CENTURY_NS);
	reopen();
	CHECK_INT(stage_ports->deliveries, 2);
	CHECK(strstr(fake_output_take(), "EventAgeExceeded\",\"approximateInvokeCount\":2}"));
	end_with_store();
}

/* A reload that fails: what it had made goes, and nothing was done. */
static void test_one_that_never_starts_takes_nothing_up(void)
{
	struct event_record letter = { .kind = EVENT_RECORD_LETTER,
		                       .request_id = ID,
		                       .destination = "http://127.0.0.1:1/gone",
		                       .data = "{}\n",
		                       .length = 3 };
	struct error err;

	begin_with_store();
	add("{\"x\": 1}");
	fails();
	letter.function = stage.config.function_name;
	CHECK(event_store_add(means.store, &letter, &err));
	recreate();
	CHECK_INT(event_queue_length(queue), 0);
	event_queue_destroy(queue, 0);
	CHECK(access("state/undelivered", F_OK) == -1);
	queue = event_queue_create(&stage.config, &means, function, &err);
	event_queue_start(queue);
	CHECK_INT(event_queue_length(queue), 1);
	CHECK_INT(unlink("state/undelivered"), 0);
	end_with_store();
}

static void test_all_that_was_asked_is_kept(void)
{
	struct invocation *invocation;
	struct error err;

	begin_with_store();
	event_queue_stop(queue);
	invocation = invocation_make(&stage.config, &no_ops);
	memcpy(invocation->request_id, ID, sizeof(ID));
	invocation->tenant_id = xstrdup("t");
	invocation->client_context = xstrdup("{\"c\":1}");
	buffer_append_text(&invocation->event, "1");
	CHECK_INT(event_queue_add(queue, invocation, &err), EVENT_ACCEPTED); /* for the next */
	invocation_unref(invocation);
	reopen();
	CHECK_INT(stage_ports->deliveries, 1);
	CHECK_STR(stage_ports->delivered, ID);
	answers();
	end_with_store();
}

/* ---- looking at it ---- */

struct looker {
	struct event_visitor visitor;
	struct buffer text;
	unsigned limit;
};

static bool on_event(struct event_visitor *visitor, const struct event_view *view)
{
	static const char *const states[] = { "ready", "running", "delayed" };
	struct looker *looker = container_of(visitor, struct looker, visitor);

	buffer_append_format(&looker->text, "%u:%s:%u/%u:%us ", (unsigned)view->number,
	                     states[view->state], view->attempts, view->failures,
	                     (unsigned)(view->age_ns / CLOCK_NS_PER_S));
	return --looker->limit > 0;
}

static void test_looking_at_it(void)
{
	struct looker looker = { .visitor.on_event = on_event, .limit = 100, .text = BUFFER_INIT };

	begin();
	start();
	add("1");
	fails();
	pass_s(10);
	add("2");
	event_queue_each(queue, &looker.visitor);
	CHECK_STR(looker.text.data, "1:delayed:1/1:10s 2:running:1/0:0s ");
	buffer_clear(&looker.text);
	looker.visitor.after = 1;
	event_queue_each(queue, &looker.visitor);
	CHECK_STR(looker.text.data, "2:running:1/0:0s ");
	buffer_finish(&looker.text);
	end();
}

TEST_MAIN(test_no_concurrency_at_all, test_a_good_event, test_two_retries_with_the_same_id,
          test_a_retry_may_go_well, test_another_configuration, test_no_retries,
          test_too_old_for_a_retry, test_reserved_concurrency_in_use,
          test_a_machine_that_builds_no_boxes, test_it_does_not_crowd_others_out,
          test_there_is_an_end_to_what_it_takes, test_dead_letters,
          test_a_crash_is_a_function_error, test_stopped_in_every_state,
          test_a_function_that_is_not_there, test_a_loop_of_functions_ends,
          test_what_waits_outlives_lrie, test_too_old_for_the_next_lrie,
          test_a_clock_that_was_a_century_ahead, test_a_wall_clock_that_is_set,
          test_a_wall_clock_that_was_set_back_meanwhile,
          test_a_wall_clock_that_was_set_forward_meanwhile,
          test_one_that_never_starts_takes_nothing_up, test_all_that_was_asked_is_kept,
          test_looking_at_it)
