/* SPDX-License-Identifier: Apache-2.0 */
/* ledger - what is told at once, what later, and what once only */
#include "sandbox/ledger.h"

#include <stdlib.h>

#include "tests/unit/test.h"

#define S 1000000000ull

static struct ledger *ledger;
static struct sandbox_event event;

static void begin(void)
{
	struct error err;

	ledger = ledger_create(&err);
	if (!ledger)
		exit(1);
}

static void end(void)
{
	ledger_destroy(ledger);
}

static bool refuse(int number, uint64_t now)
{
	return ledger_count(ledger_kind(ledger, number, NULL), now, &event);
}

static struct sandbox_write write_of(const char *name, const char *path)
{
	struct sandbox_write write = { .pid = 7 };

	snprintf(write.name, sizeof(write.name), "%s", name);
	snprintf(write.path, sizeof(write.path), "%s", path);
	return write;
}

static bool fail_write(const char *name, const char *path, uint64_t now)
{
	struct sandbox_write write = write_of(name, path);

	return ledger_write(ledger, &write, now, &event);
}

static void test_the_first_is_told_at_once(void)
{
	begin();
	CHECK(ledger_due_ns(ledger) == UINT64_MAX);
	CHECK(refuse(1, 1));
	CHECK_INT(event.type, SANDBOX_DENIED);
	CHECK_INT(event.denial.count, 1);
	CHECK(!event.denial.is_repeated);
	CHECK(refuse(2, 1)); /* another kind */
	ledger_set_phase(ledger, 1);
	CHECK(refuse(1, 1)); /* another phase */
	CHECK_INT(event.denial.phase, 1);
	end();
}

static void test_others_follow_in_growing_distances(void)
{
	static const unsigned due[] = { 1, 3, 7, 15, 31, 63, 127, 191, 255 };
	size_t told = 0;

	begin();
	refuse(1, 0);
	for (unsigned tenths = 1; tenths < 2560; tenths++) {
		uint64_t now = tenths * (S / 10);
		if (!refuse(1, now) && !ledger_take(ledger, now, &event))
			continue;
		CHECK(told < 9 && now == due[told] * S);
		CHECK(event.denial.is_repeated);
		told++;
	}
	CHECK_INT(told, 9);
	end();
}

/* One call every two seconds is no news every two seconds. */
static void test_slow_repetition_is_told_seldom(void)
{
	unsigned lines = 0;

	begin();
	for (unsigned second = 0; second < 600; second += 2)
		lines += refuse(1, second * S) || ledger_take(ledger, second * S, &event);
	CHECK(lines >= 8 && lines <= 16);
	end();
}

static void test_after_a_long_silence_it_is_news_again(void)
{
	begin();
	refuse(1, 0);
	for (unsigned i = 1; i < 1000; i++)
		refuse(1, S + i);
	CHECK(refuse(1, 1000 * S));
	CHECK(!refuse(1, 1000 * S + 1));
	CHECK(ledger_due_ns(ledger) == 1001 * S);
	end();
}

static void test_the_rest_is_told_in_the_end(void)
{
	unsigned count = 0;

	begin();
	for (int number = 0; number < 5; number++) {
		refuse(number, 1);
		refuse(number, 2);
	}
	CHECK(!ledger_take(ledger, 3, &event));
	while (ledger_take(ledger, UINT64_MAX, &event))
		count += event.denial.count;
	CHECK_INT(count, 5);
	end();
}

static void test_only_the_first_caller_is_asked_for(void)
{
	begin();
	struct ledger_kind *kind = ledger_kind(ledger, 1, NULL);
	CHECK(ledger_caller(kind) != NULL);
	ledger_count(kind, 1, &event);
	struct caller *caller = ledger_caller(kind);
	CHECK(caller != NULL);
	*caller = (struct caller){ .pid = 9, .name = "x" };
	ledger_count(kind, 2, &event);
	CHECK(ledger_caller(kind) == NULL);
	CHECK(ledger_take(ledger, 2 * S, &event));
	CHECK_INT(event.denial.pid, 9);
	end();
}

static void test_a_write_is_told_once_per_path_and_name(void)
{
	begin();
	ledger_set_phase(ledger, 2);
	CHECK(fail_write("node", "/x", 1));
	CHECK_INT(event.type, SANDBOX_WRITE_REFUSED);
	CHECK_STR(event.write.path, "/x");
	CHECK_STR(event.write.name, "node");
	CHECK_INT(event.write.count, 1);
	CHECK_INT(event.write.phase, 2);
	CHECK(!fail_write("node", "/x", 100 * S));
	CHECK(fail_write("node", "/y", 2));
	CHECK(fail_write("deno", "/x", 2));
	CHECK(fail_write("node/", "x", 2)); /* name and path are kept apart */
	CHECK(ledger_due_ns(ledger) == UINT64_MAX);
	end();
}

static void test_what_lacks_the_same_folder_is_told_once(void)
{
	struct sandbox_write one = write_of("deno", "/home/a/b"), other = one;

	begin();
	snprintf(other.path, sizeof(other.path), "/home/a/c/d");
	one.missing = other.missing = 7;
	CHECK(ledger_write(ledger, &one, 1, &event));
	CHECK_INT(event.write.missing, 7);
	CHECK(!ledger_write(ledger, &other, 1, &event));
	CHECK(!fail_write("deno", "/home/a", 1)); /* the attempt to make it */
	CHECK(fail_write("node", "/home/a", 1));
	CHECK(fail_write("deno", "/home/a/b", 1)); /* it is there, then */
	end();
}

static void test_many_paths_are_summed_up(void)
{
	unsigned lines = 0, others = 0;
	char path[32];

	begin();
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		if (!fail_write("node", path, 1 + (uint64_t)i))
			continue;
		lines++;
		others += event.write.path[0] ? 0 : event.write.count;
	}
	CHECK_INT(lines, LEDGER_WRITES + 1);
	while (ledger_take(ledger, UINT64_MAX, &event)) {
		CHECK_STR(event.write.path, "");
		others += event.write.count;
	}
	CHECK_INT(others, 10000 - LEDGER_WRITES);
	CHECK(!fail_write("node", "/1", 2)); /* still known */
	end();
}

static void test_what_one_box_told_is_no_news_from_another(void)
{
	static struct ledger_told told;
	struct sandbox_write x = write_of("node", "/x"), y = write_of("node", "/y"), rest = { 0 };
	char path[32];

	CHECK(ledger_is_news(&told, &x));
	CHECK(ledger_is_news(&told, &y));
	CHECK(!ledger_is_news(&told, &x));
	CHECK(ledger_is_news(&told, &rest) && ledger_is_news(&told, &rest));
	for (int i = 0; i < 10000; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		struct sandbox_write write = write_of("node", path);
		CHECK(ledger_is_news(&told, &write));
	}
	CHECK(!ledger_is_news(&told, &x));
}

TEST_MAIN(test_the_first_is_told_at_once, test_others_follow_in_growing_distances,
          test_slow_repetition_is_told_seldom, test_after_a_long_silence_it_is_news_again,
          test_the_rest_is_told_in_the_end, test_only_the_first_caller_is_asked_for,
          test_a_write_is_told_once_per_path_and_name, test_what_lacks_the_same_folder_is_told_once,
          test_many_paths_are_summed_up, test_what_one_box_told_is_no_news_from_another)
