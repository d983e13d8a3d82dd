/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry - batches, replays, drops, pauses and flushes, told to sinks that the test plays
 *
 * Time stands still (fake_time.c); a sink keeps the batch that it was given until the test says
 * what became of it.
 */
#include "emulator/telemetry.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

#define SINKS 16
#define LINE "\"type\":\"function\""

struct sink {
	struct telemetry_sink base;
	const char *batch; /* NULL: none is under way */
	size_t length;
	unsigned batches;
	bool is_paused, is_destroyed;
	int fd; /* that it was given; -1: none */
	char refusal[sizeof(((struct error *)0)->text)];
	struct loop_garbage garbage;
};

static struct loop *loop;
static struct config config;
static struct output *output;
static struct journal journal;
static struct telemetry *telemetry;
static struct sink *sinks[SINKS];
static unsigned sink_count, flushed, dials, last_ticket;
static uint16_t dialled;
static bool json_lines;

/* ---- sinks ---- */

static struct sink *sink_of(struct telemetry_sink *base)
{
	return container_of(base, struct sink, base);
}

static void sink_send(struct telemetry_sink *base, const char *data, size_t length)
{
	struct sink *sink = sink_of(base);

	CHECK(!sink->batch && !sink->is_paused && !sink->is_destroyed);
	sink->batch = data;
	sink->length = length;
	sink->batches++;
}

static void sink_connect(struct telemetry_sink *base, int fd)
{
	sink_of(base)->fd = fd;
}

static void sink_refuse(struct telemetry_sink *base, const struct error *why)
{
	snprintf(sink_of(base)->refusal, sizeof(sink_of(base)->refusal), "%s", why->text);
}

static void sink_pause(struct telemetry_sink *base, bool pause)
{
	sink_of(base)->is_paused = pause;
}

static void sink_destroy(struct telemetry_sink *base)
{
	sink_of(base)->is_destroyed = true;
}

static const struct telemetry_sink_ops sink_ops = {
	.send = sink_send,
	.connect = sink_connect,
	.refuse = sink_refuse,
	.pause = sink_pause,
	.destroy = sink_destroy,
};

static struct telemetry_sink *open_sink(struct telemetry_sinks *all,
                                        const struct subscription *subscription)
{
	struct sink *sink = xcalloc(1, sizeof(*sink));

	(void)all, (void)subscription;
	sink->base.ops = &sink_ops;
	sink->fd = -1;
	sinks[sink_count++] = sink;
	return &sink->base;
}

static struct telemetry_sinks factory = { .open = open_sink };

static void finish(struct sink *sink, const char *why)
{
	struct error err;

	if (!CHECK(sink->batch != NULL))
		return;
	sink->batch = NULL;
	if (why)
		error_set(&err, 0, "%s", why);
	sink->base.on_sent(&sink->base, why ? &err : NULL);
}

static void take(struct sink *sink)
{
	finish(sink, NULL);
}

static unsigned count(const struct sink *sink, const char *word)
{
	unsigned found = 0;

	for (const char *at = sink->batch; at && (at = strstr(at, word)); at += strlen(word))
		found++;
	return found;
}

static bool has(const struct sink *sink, const char *word)
{
	return count(sink, word) > 0;
}

/* ---- the stage ---- */

static void on_dial(struct telemetry *it, unsigned ticket, uint16_t port)
{
	CHECK(telemetry_owner(it) == &journal);
	dials++;
	last_ticket = ticket;
	dialled = port;
}

static void on_flushed(struct telemetry *it)
{
	CHECK(it == telemetry);
	flushed++;
}

static void begin(void)
{
	struct error err;

	loop = loop_create(&err);
	output = output_create(loop, STDOUT_FILENO, &err);
	journal_init(&journal, &config, output);
	sink_count = flushed = dials = 0;
	telemetry = telemetry_create(&(struct telemetry_setup){
		.loop = loop,
		.journal = &journal,
		.sinks = &factory,
		.label = "environment 1",
		.json_lines = json_lines,
		.on_dial = on_dial,
		.on_flushed = on_flushed,
		.owner = &journal,
	});
	telemetry_open(telemetry);
}

static void end(void)
{
	telemetry_destroy(telemetry);
	fake_settle(loop);
	for (unsigned i = 0; i < sink_count; i++) {
		CHECK(sinks[i]->is_destroyed);
		free(sinks[i]);
	}
	CHECK(!journal.listeners);
	journal_finish(&journal);
	output_destroy(output, 0);
	loop_destroy(loop);
	json_lines = false;
}

static const struct subscription all_kinds = {
	.api = SUBSCRIPTION_TELEMETRY,
	.schema = SUBSCRIPTION_2022_12_13,
	.types = { SUBSCRIPTION_PLATFORM, SUBSCRIPTION_FUNCTION, SUBSCRIPTION_EXTENSION },
	.type_count = 3,
	.max_items = 1000,
	.max_bytes = 262144,
	.timeout_ms = 100,
	.port = 8080,
};

static const struct subscription lines_only = {
	.api = SUBSCRIPTION_TELEMETRY,
	.schema = SUBSCRIPTION_2022_07_01,
	.types = { SUBSCRIPTION_FUNCTION },
	.type_count = 1,
	.max_items = 1000,
	.max_bytes = 262144,
	.timeout_ms = 100,
	.port = 8081,
};

/* Subscribes, and returns its sink. */
static struct sink *subscribe(const char *name, const struct subscription *subscription)
{
	CHECK_INT(telemetry_subscribe(telemetry, name, subscription), TELEMETRY_ACCEPTED);
	return sinks[sink_count - 1];
}

static void print(const char *line)
{
	journal_lines(&journal, JOURNAL_FUNCTION, line, strlen(line));
}

static void print_many(const char *line, unsigned times)
{
	while (times-- > 0)
		print(line);
}

/* A line of 'length' bytes. */
static void print_long(size_t length)
{
	char *line = xmalloc(length);

	memset(line, 'x', length);
	line[length - 1] = '\n';
	journal_lines(&journal, JOURNAL_FUNCTION, line, length);
	free(line);
}

static void start(const char *id)
{
	struct platform_event event = {
		.type = PLATFORM_START,
		.at_ns = clock_now(),
		.start = { .request_id = id, .version = "$LATEST", .function_arn = "arn" },
	};

	journal_platform(&journal, &event);
}

/* ---- batches ---- */

static void test_a_batch_by_time(void)
{
	begin();
	struct sink *sink = subscribe("agent", &lines_only);
	telemetry_close(telemetry);
	print("one\n");
	fake_pass(loop, 60 * MS);
	print("two\n");
	fake_pass(loop, 39 * MS);
	CHECK(!sink->batch);
	fake_pass(loop, 1 * MS);
	CHECK_STR(sink->batch, "[{\"time\":\"2026-01-01T00:00:00.000Z\",\"type\":\"function\","
	                       "\"record\":\"one\\n\"},{\"time\":\"2026-01-01T00:00:00.060Z\","
	                       "\"type\":\"function\",\"record\":\"two\\n\"}]");
	CHECK_INT(sink->length, strlen(sink->batch));
	take(sink);
	fake_pass(loop, 1000 * MS);
	CHECK_INT(sink->batches, 1);
	end();
}

static void test_a_batch_by_items(void)
{
	begin();
	struct sink *sink = subscribe("agent", &lines_only);
	print_many("line\n", 999);
	CHECK(!sink->batch);
	print_many("line\n", 2);
	CHECK_INT(count(sink, "line"), 1000);
	take(sink);
	CHECK(!sink->batch);
	fake_pass(loop, 100 * MS);
	CHECK_INT(count(sink, "line"), 1);
	take(sink);
	end();
}

static void test_a_batch_by_bytes(void)
{
	begin();
	struct sink *sink = subscribe("agent", &lines_only);
	print_long(200000);
	CHECK(!sink->batch);
	print_long(62100);
	CHECK(sink->batch && sink->length >= 262144 && sink->length < 262400);
	take(sink);

	/* One record alone is never split. */
	print_long(600000);
	CHECK(sink->batch && sink->length > 600000);
	CHECK_INT(count(sink, "time"), 1);
	take(sink);
	end();
}

static void test_lines_over_tcp(void)
{
	struct subscription tcp = lines_only;

	tcp.protocol = SUBSCRIPTION_TCP;
	begin();
	struct sink *sink = subscribe("agent", &tcp);
	print("one\n");
	print("two\n");
	fake_pass(loop, 100 * MS);
	CHECK_STR(sink->batch, "{\"time\":\"2026-01-01T00:00:00.000Z\",\"type\":\"function\","
	                       "\"record\":\"one\\n\"}\n{\"time\":\"2026-01-01T00:00:00.000Z\","
	                       "\"type\":\"function\",\"record\":\"two\\n\"}\n");
	take(sink);
	end();
}

static void test_what_comes_meanwhile_is_one_batch(void)
{
	begin();
	struct sink *sink = subscribe("agent", &lines_only);
	print("one\n");
	fake_pass(loop, 100 * MS);
	for (unsigned i = 0; i < 5; i++) {
		print("two\n");
		fake_pass(loop, 100 * MS);
	}
	CHECK_INT(sink->batches, 1);
	take(sink);
	CHECK_INT(count(sink, "two"), 5);
	take(sink);
	CHECK_INT(sink->batches, 2);
	end();
}

static void test_everybody_gets_what_he_wants(void)
{
	begin();
	struct sink *every = subscribe("a", &all_kinds);
	struct sink *some = subscribe("b", &lines_only);
	print("line\n");
	start("id");
	journal_lines(&journal, JOURNAL_EXTENSION, "mine\n", 5);
	fake_pass(loop, 100 * MS);
	CHECK(has(every, "line") && has(every, "mine") && has(every, "platform"));
	CHECK(has(some, "line") && !has(some, "mine") && !has(some, "platform"));
	take(every);
	take(some);
	end();
}

static void test_json_lines(void)
{
	static const struct {
		const char *line, *record;
	} cases[] = {
		{ "{\"a\":[1]}\n", "\"record\":{\"a\":[1]}}" },
		{ "\t {\"a\":1} \r\n", "\"record\":{\"a\":1}}" },
		{ "[1]\n", "\"record\":\"[1]\\n\"}" },
		{ "{\"a\":1} x\n", "\"record\":\"{\\\"a\\\":1} x\\n\"}" },
		{ "\n", "\"record\":\"\\n\"}" },
		{ "\xff\n", "\"record\":\"\xef\xbf\xbd\\n\"}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].line);
		json_lines = true;
		begin();
		struct sink *objects = subscribe("a", &all_kinds);
		struct sink *texts = subscribe("b", &lines_only);
		print(cases[i].line);
		fake_pass(loop, 100 * MS);
		CHECK(has(objects, cases[i].record));
		CHECK(!has(texts, "\"record\":{"));
		end();
	}
}

static void test_text_lines_stay_text(void)
{
	begin();
	struct sink *sink = subscribe("a", &all_kinds);
	print("{\"a\":1}\n");
	fake_pass(loop, 100 * MS);
	CHECK(has(sink, "\"record\":\"{\\\"a\\\":1}\\n\"}"));
	end();
}

/* ---- subscriptions ---- */

static void test_what_came_before_is_replayed(void)
{
	begin();
	print("early\n");
	start("id");
	fake_pass(loop, 500 * MS);
	struct sink *late = subscribe("a", &lines_only);
	struct sink *later = subscribe("b", &all_kinds);
	print("new\n");
	fake_pass(loop, 100 * MS);
	CHECK(has(late, "early") && has(late, "new") && count(late, "time") == 2);
	CHECK(has(later, "early") && has(later, "new") && has(later, "platform"));
	CHECK(strstr(later->batch, "early") < strstr(later->batch, "platform"));
	CHECK(strstr(later->batch, "platform") < strstr(later->batch, "new"));
	CHECK(has(later, "2026-01-01T00:00:00.000Z") && has(later, "2026-01-01T00:00:00.500Z"));
	end();
}

static void test_a_replay_has_a_bound(void)
{
	begin();
	for (unsigned i = 0; i < 20; i++)
		print_long(100000);
	struct sink *sink = subscribe("a", &all_kinds);
	unsigned records = 0, dropped = 0;

	print("last\n");
	fake_pass(loop, 100 * MS);
	while (sink->batch) {
		records += count(sink, LINE);
		if (has(sink, "droppedRecords"))
			dropped = (unsigned)atoi(strstr(sink->batch, "droppedRecords") + 16);
		take(sink);
	}
	CHECK_INT(records, 11);
	CHECK_INT(dropped, 10);
	end();
}

static void test_after_init_it_is_closed(void)
{
	begin();
	telemetry_close(telemetry);
	CHECK(!telemetry_is_open(telemetry));
	CHECK_INT(telemetry_subscribe(telemetry, "a", &all_kinds), TELEMETRY_CLOSED);
	CHECK(!journal.listeners); /* nobody listens, and so nothing is done */
	print("line\n");
	CHECK(telemetry_flush(telemetry));
	end();
}

static void test_the_last_call_replaces(void)
{
	begin();
	print("early\n");
	struct sink *first = subscribe("a", &all_kinds);
	fake_pass(loop, 100 * MS);
	CHECK(first->batch);
	struct sink *second = subscribe("a", &lines_only);
	CHECK(first->is_destroyed);
	print("new\n");
	fake_pass(loop, 100 * MS);
	CHECK(has(second, "early") && has(second, "new"));
	CHECK(!has(second, "platform"));
	end();
}

static void test_one_api_for_all(void)
{
	struct subscription logs = lines_only;

	logs.api = SUBSCRIPTION_LOGS;
	logs.schema = SUBSCRIPTION_2020_08_15;
	begin();
	subscribe("a", &lines_only);
	CHECK_INT(telemetry_subscribe(telemetry, "b", &logs), TELEMETRY_OTHER_API);
	CHECK_INT(telemetry_subscribe(telemetry, "a", &logs), TELEMETRY_OTHER_API);
	subscribe("b", &all_kinds);
	end();
}

static void test_as_many_as_extensions(void)
{
	char name[8];

	begin();
	for (unsigned i = 0; i < TELEMETRY_SUBSCRIBERS; i++) {
		snprintf(name, sizeof(name), "%u", i);
		subscribe(name, &lines_only);
	}
	CHECK_INT(telemetry_subscribe(telemetry, "more", &lines_only), TELEMETRY_FULL);
	subscribe("3", &lines_only);
	end();
}

static void test_a_new_life_begins_anew(void)
{
	begin();
	struct sink *sink = subscribe("a", &lines_only);
	telemetry_close(telemetry);
	print("old\n");
	telemetry_end(telemetry);
	CHECK(sink->is_destroyed);
	print("between\n");
	telemetry_open(telemetry);
	print("new\n");
	sink = subscribe("a", &lines_only);
	fake_pass(loop, 100 * MS);
	CHECK_INT(count(sink, "time"), 1);
	CHECK(has(sink, "new"));
	end();
}

/* ---- subscribers that do not keep up ---- */

static void test_a_refused_batch_comes_again(void)
{
	static const unsigned pauses[] = { 50, 100, 200, 400, 800, 1600, 2000, 2000 };

	begin();
	struct sink *sink = subscribe("a", &lines_only);
	print("line\n");
	fake_pass(loop, 100 * MS);
	for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
		finish(sink, "it says 500");
		fake_pass(loop, pauses[i] * MS - 1);
		CHECK(!sink->batch);
		fake_pass(loop, 1);
		CHECK(has(sink, "line"));
	}
	take(sink);
	print("more\n");
	fake_pass(loop, 100 * MS);
	finish(sink, "it says 500");
	fake_pass(loop, 50 * MS);
	CHECK(has(sink, "more")); /* after a success the pauses begin anew */
	end();
}

static void test_too_much_is_dropped_and_told(void)
{
	unsigned records = 0;

	begin();
	struct sink *slow = subscribe("slow", &all_kinds);
	struct sink *quick = subscribe("quick", &lines_only);
	for (unsigned i = 0; i < 100; i++) {
		print_long(100000);
		if (quick->batch)
			take(quick);
	}
	fake_pass(loop, 1000 * MS);
	while (slow->batch && !has(slow, "droppedRecords")) {
		records += count(slow, LINE);
		take(slow);
	}
	records += count(slow, LINE);
	CHECK(has(slow, "droppedRecords"));
	CHECK_INT(atoi(strstr(slow->batch, "droppedRecords") + 16), 100 - records);
	CHECK(records >= 40 && records <= 41);
	print("after\n");
	take(slow);
	fake_pass(loop, 100 * MS);
	CHECK(has(slow, "after") && !has(slow, "droppedRecords"));
	end();
}

static void test_the_platform_is_heard_all_the_same(void)
{
	begin();
	struct sink *slow = subscribe("slow", &all_kinds);
	bool is_heard = false;

	for (unsigned i = 0; i < 100; i++)
		print_long(100000);
	start("id");
	fake_pass(loop, 1000 * MS);
	while (slow->batch) {
		if (has(slow, "platform.start")) {
			CHECK(has(slow, "droppedRecords"));
			CHECK(strstr(slow->batch, "droppedRecords") <
			      strstr(slow->batch, "platform.start"));
			is_heard = true;
		}
		take(slow);
	}
	CHECK(is_heard);

	/* But there is an end. */
	for (unsigned i = 0; i < 100; i++)
		print_long(100000);
	for (unsigned i = 0; i < 5000; i++)
		start("id");
	fake_pass(loop, 1000 * MS);
	CHECK(slow->length < TELEMETRY_PLATFORM_BACKLOG);
	end();
}

static void test_who_hears_no_platform_is_not_told(void)
{
	begin();
	struct sink *slow = subscribe("slow", &lines_only);
	for (unsigned i = 0; i < 100; i++)
		print_long(100000);
	fake_pass(loop, 1000 * MS);
	while (slow->batch) {
		CHECK(!has(slow, "dropped"));
		take(slow);
	}
	print("after\n");
	fake_pass(loop, 100 * MS);
	CHECK(has(slow, "after"));
	end();
}

static void test_nothing_is_sent_to_the_frozen(void)
{
	begin();
	struct sink *sink = subscribe("a", &lines_only);
	print("one\n");
	telemetry_freeze(telemetry, true);
	CHECK(sink->is_paused);
	fake_pass(loop, 5000 * MS);
	CHECK(!sink->batch);
	telemetry_freeze(telemetry, false);
	CHECK(has(sink, "one") && !sink->is_paused);
	take(sink);
	end();
}

static void test_connections(void)
{
	struct error why = { .text = "no" };
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	begin();
	struct sink *first = subscribe("a", &lines_only);
	struct sink *second = subscribe("b", &all_kinds);
	first->base.on_dial(&first->base);
	CHECK_INT(dialled, 8081);
	unsigned ticket = last_ticket;
	second->base.on_dial(&second->base);
	CHECK_INT(dialled, 8080);
	telemetry_refuse(telemetry, ticket, &why);
	CHECK_STR(first->refusal, "no");
	CHECK_STR(second->refusal, "");
	telemetry_connect(telemetry, last_ticket, fd);
	CHECK_INT(second->fd, fd);
	CHECK_INT(first->fd, -1);

	/* A descriptor for nobody is closed. */
	telemetry_connect(telemetry, last_ticket + 1, fd);
	CHECK_INT(fcntl(fd, F_GETFD), -1);
	telemetry_refuse(telemetry, last_ticket + 1, &why);
	end();
}

/* ---- the end ---- */

static void test_a_flush_waits_for_everybody(void)
{
	begin();
	struct sink *first = subscribe("a", &lines_only);
	struct sink *second = subscribe("b", &lines_only);
	telemetry_close(telemetry);
	print("line\n");
	CHECK(!telemetry_flush(telemetry));
	CHECK(has(first, "line") && has(second, "line"));
	take(first);
	CHECK_INT(flushed, 0);
	take(second);
	CHECK_INT(flushed, 1);

	/* From now on all leaves at once. */
	print("last\n");
	CHECK(has(first, "last"));
	print("very last\n");
	take(first);
	CHECK(has(first, "very last"));
	take(first);
	CHECK_INT(flushed, 1);
	end();
}

static void test_a_flush_takes_all_batches(void)
{
	begin();
	struct sink *sink = subscribe("a", &lines_only);
	print_many("line\n", 2500);
	CHECK(!telemetry_flush(telemetry));
	take(sink);
	CHECK_INT(flushed, 0);
	take(sink);
	CHECK_INT(flushed, 0);
	CHECK_INT(count(sink, "line"), 500);
	take(sink);
	CHECK_INT(flushed, 1);
	end();
}

static void test_a_flush_of_nothing(void)
{
	begin();
	struct sink *sink = subscribe("a", &lines_only);
	CHECK(telemetry_flush(telemetry));
	CHECK_INT(flushed, 0);
	CHECK_INT(sink->batches, 0);
	end();
}

static void test_a_flush_has_a_limit(void)
{
	begin();
	struct sink *silent = subscribe("a", &lines_only);
	print("line\n");
	CHECK(!telemetry_flush(telemetry));
	fake_pass(loop, TELEMETRY_FLUSH_MS * MS - 1);
	CHECK_INT(flushed, 0);
	fake_pass(loop, 1);
	CHECK_INT(flushed, 1);
	take(silent); /* late is better than never */
	CHECK_INT(flushed, 1);
	end();
}

static void test_a_flush_does_not_wait_for_who_refuses(void)
{
	begin();
	struct sink *sink = subscribe("a", &lines_only);
	print("line\n");
	fake_pass(loop, 100 * MS);
	finish(sink, "no");
	CHECK(!telemetry_flush(telemetry)); /* one more try, at once */
	CHECK(has(sink, "line"));
	finish(sink, "no");
	CHECK_INT(flushed, 1);
	fake_pass(loop, 5000 * MS);
	CHECK(has(sink, "line")); /* it is still tried while there is time */
	take(sink);
	CHECK_INT(flushed, 1);
	end();
}

TEST_MAIN(test_a_batch_by_time, test_a_batch_by_items, test_a_batch_by_bytes, test_lines_over_tcp,
          test_what_comes_meanwhile_is_one_batch, test_everybody_gets_what_he_wants,
          test_json_lines, test_text_lines_stay_text, test_what_came_before_is_replayed,
          test_a_replay_has_a_bound, test_after_init_it_is_closed, test_the_last_call_replaces,
          test_one_api_for_all, test_as_many_as_extensions, test_a_new_life_begins_anew,
          test_a_refused_batch_comes_again, test_too_much_is_dropped_and_told,
          test_the_platform_is_heard_all_the_same, test_who_hears_no_platform_is_not_told,
          test_nothing_is_sent_to_the_frozen, test_connections, test_a_flush_waits_for_everybody,
          test_a_flush_takes_all_batches, test_a_flush_of_nothing, test_a_flush_has_a_limit,
          test_a_flush_does_not_wait_for_who_refuses)
