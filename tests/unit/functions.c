/* SPDX-License-Identifier: Apache-2.0 */
/* functions - who is found by what name, and when environments begin */
#include "emulator/functions.h"

#include <stdlib.h>

#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

static struct functions *functions;
static struct config configs[3];
static unsigned stops;

static void on_stopped(struct functions *stopped)
{
	CHECK(stopped == functions);
	stops++;
}

static void begin(size_t count, const char *const *names)
{
	struct error err;

	stage_open();
	stops = 0;
	functions = functions_create(&stage.context);
	for (size_t i = 0; i < count; i++) {
		configs[i] = stage.config;
		configs[i].function_name = names[i];
		configs[i].file = count > 1 ? "f.json" : NULL;
		CHECK(functions_add(functions, &configs[i], &err));
	}
}

static void end(void)
{
	functions_stop(functions, on_stopped);
	fake_settle(stage.context.loop);
	CHECK_INT(stops, 1);
	functions_destroy(functions, 0);
	stage_close();
}

static unsigned count_environments(void)
{
	unsigned count = 0;

	for (const struct stage_port *port = stage_ports; port; port = port->next)
		count++;
	return count;
}

static void test_one_goes_by_any_name(void)
{
	static const char *const names[] = { "only" };

	begin(1, names);
	CHECK_INT(functions_count(functions), 1);
	CHECK(functions_find(functions, "only") == functions_at(functions, 0));
	CHECK(functions_find(functions, "other") == functions_at(functions, 0));
	CHECK_INT(count_environments(), 0);
	functions_start(functions);
	CHECK_INT(count_environments(), 1);
	end();
}

/* Who writes a file means what it says, even of one function. */
static void test_one_of_a_file_has_a_name(void)
{
	static const char *const names[] = { "only" };

	begin(1, names);
	configs[0].file = "f.json";
	CHECK(functions_find(functions, "only") && !functions_find(functions, "function"));
	end();
}

static void test_several_have_names(void)
{
	static const char *const names[] = { "pear", "apple", "fig" };

	begin(3, names);
	CHECK_INT(functions_count(functions), 3);
	CHECK_STR(functions_at(functions, 0)->name, "apple");
	for (size_t i = 0; i < 3; i++) {
		struct served_function *served = functions_find(functions, names[i]);

		CHECK(served && served->config == &configs[i]);
	}
	CHECK(!functions_find(functions, "zebra") && !functions_find(functions, ""));
	CHECK(!functions_find(functions, "appl") && !functions_find(functions, "apple1"));
	end();
}

/* A hundred functions are no hundred boxes. */
static void test_several_begin_when_they_are_asked(void)
{
	static const char *const names[] = { "a", "b", "c" };
	struct asker *asker;

	begin(3, names);
	configs[1].initialization = PLATFORM_PROVISIONED_CONCURRENCY;
	configs[1].provisioned = 1;
	functions_start(functions);
	CHECK_INT(count_environments(), 1);
	asker = asker_create("1");
	CHECK_INT(function_submit(functions_find(functions, "a")->function, asker->invocation),
	          FUNCTION_ACCEPTED);
	CHECK_INT(count_environments(), 2);
	end();
	CHECK_INT(asker->done, 1);
	asker_destroy(asker);
}

TEST_MAIN(test_one_goes_by_any_name, test_one_of_a_file_has_a_name, test_several_have_names,
          test_several_begin_when_they_are_asked)
