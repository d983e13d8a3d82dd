/* SPDX-License-Identifier: Apache-2.0 */
/* functions - who is found by what name, and when environments begin */
#include "emulator/functions.h"

#include <stdlib.h>

#include "emulator/removal.h"
#include "tests/unit/fakes.h"
#include "tests/unit/files.h"

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
	functions = functions_create(&stage.context,
	                             &(struct event_means){ .loop = stage.context.loop });
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

static void test_one_goes_by_any_name(void)
{
	static const char *const names[] = { "only" };

	begin(1, names);
	CHECK_INT(functions_count(functions), 1);
	CHECK(functions_find(functions, "only") == functions_at(functions, 0));
	CHECK(functions_find(functions, "other") == functions_at(functions, 0));
	CHECK_INT(stage_count_ports(), 0);
	functions_start(functions);
	CHECK_INT(stage_count_ports(), 1);
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
	CHECK_INT(stage_count_ports(), 1);
	asker = asker_create("1");
	CHECK_INT(function_submit(functions_find(functions, "a")->function, asker->invocation),
	          FUNCTION_ACCEPTED);
	CHECK_INT(stage_count_ports(), 2);
	end();
	CHECK_INT(asker->done, 1);
	asker_destroy(asker);
}

/* ---- other functions in their place ---- */

/* What a file with that text makes of lrie's functions. */
static struct config *read_text(const char *text)
{
	static char *words[] = { (char *)"lrie", (char *)"--config", (char *)"f.json", NULL };
	struct error err = { .text = "" };
	struct config *config;

	files_put_text("f.json", text);
	config = config_parse(3, words, &err);
	CHECK_STR(err.text, "");
	return config;
}

static struct config *first_configs;

static void begin_file(const char *text)
{
	struct error err;

	files_begin();
	stage_open();
	files_put_text("boot", "#!/bin/sh\n");
	stops = 0;
	functions = functions_create(&stage.context,
	                             &(struct event_means){ .loop = stage.context.loop });
	first_configs = read_text(text);
	for (const struct config *config = first_configs; config; config = config->next)
		CHECK(functions_add(functions, config, &err));
	functions_start(functions);
}

static void end_file(void)
{
	end();
	config_destroy(first_configs);
	files_end((const char *const[]){ "f.json", "boot" }, 2);
}

/* What was heard of an update. */
static struct {
	struct functions_listener listener;
	unsigned count;
	bool done;
	char words[sizeof(((struct error *)0)->text)];
} heard;

static void on_updated(struct functions_listener *listener, const char *news,
                       const struct error *err)
{
	CHECK(listener == &heard.listener);
	heard.count++;
	heard.done = news;
	snprintf(heard.words, sizeof(heard.words), "%s", news ? news : err->text);
}

static void begin_update(const char *text)
{
	heard.listener.on_updated = on_updated;
	heard.count = 0;
	functions_update(functions, read_text(text), &heard.listener);
}

static bool update(const char *text, const char *expected)
{
	begin_update(text);
	CHECK_INT(heard.count, 1);
	CHECK(!functions_are_updating(functions));
	CHECK_STR(heard.words, expected);
	return heard.done;
}

#define FILE_OF(functions) "{\"bootstrap\":\"boot\",\"functions\":[" functions "]}"
#define ONE(more) "{\"name\":\"one\"" more "}"
#define TWO(more) "{\"name\":\"two\"" more "}"

static struct asker *ask(const char *name, const char *id)
{
	struct asker *asker = asker_create(id);
	struct served_function *served = functions_find(functions, name);

	CHECK(served && function_submit(served->function, asker->invocation) == FUNCTION_ACCEPTED);
	return asker;
}

/* The newest environment comes up, and answers that event. */
static void serve(struct asker *asker, const char *id)
{
	struct stage_port *port = stage_ports;

	fake_box_ready(stage_box(port));
	fake_box_started(stage_box(port));
	fake_settle(stage.context.loop);
	CHECK_INT(runtime_next(port), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_respond(port, id, "fine"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(port), RUNTIME_ACCEPTED);
	fake_settle(stage.context.loop);
	CHECK_STR(asker->body, "fine");
	asker_destroy(asker);
}

static void test_an_update_leaves_alone_what_is_the_same(void)
{
	const struct config *config;

	begin_file(FILE_OF(ONE("") "," TWO("")));
	serve(ask("one", "1"), "1");
	config = functions_find(functions, "one")->config;
	CHECK(update(FILE_OF(TWO(",\"timeout\":9") "," ONE(",\"timeout\":3")), "changed two"));
	CHECK(functions_find(functions, "one")->config == config);
	CHECK_INT(functions_find(functions, "two")->config->timeout_ms, 9000);
	CHECK_INT(stage_count_ports(), 1);
	CHECK(update(FILE_OF(TWO(",\"timeout\":9") "," ONE("")), ""));
	/* Once more, so that one goes that was no first one. */
	CHECK(update(FILE_OF(TWO(",\"timeout\":8") "," ONE(",\"memory\":256")),
	             "changed two, one"));
	fake_settle(stage.context.loop);
	CHECK_INT(stage_count_ports(), 1); /* where there was one */
	CHECK_INT(function_metrics(functions_find(functions, "one")->function)->environments, 2);
	end_file();
}

static void test_an_update_adds_and_removes(void)
{
	struct asker *asker;

	begin_file(FILE_OF(ONE("")));
	CHECK_INT(stage_count_ports(), 1);
	asker = ask("one", "1");
	CHECK(update(FILE_OF(TWO("")), "added two; removed one"));
	CHECK(!functions_find(functions, "one") && functions_find(functions, "two"));
	CHECK_INT(functions_count(functions), 1);
	CHECK_INT(stage_count_ports(), 2); /* a single one starts at once */
	fake_settle(stage.context.loop);
	CHECK_INT(asker->done, 0);
	/* The older one serves what it has accepted. */
	fake_box_ready(stage_box(stage_ports->next));
	fake_box_started(stage_box(stage_ports->next));
	fake_settle(stage.context.loop);
	CHECK_INT(runtime_next(stage_ports->next), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_respond(stage_ports->next, "1", "fine"), RUNTIME_ACCEPTED);
	CHECK_INT(runtime_next(stage_ports->next), RUNTIME_ACCEPTED);
	fake_settle(stage.context.loop);
	CHECK_INT(asker->done, 1);
	CHECK_INT(stage_count_ports(), 1);
	asker_destroy(asker);
	/* What goes may be the one that comes, too. */
	CHECK(update(FILE_OF(ONE("") "," TWO("")), "added one"));
	serve(ask("one", "2"), "2");
	end_file();
}

/* Whoever holds one may go on to look at it. */
static void test_who_is_held_stays(void)
{
	struct served_function *held;

	begin_file(FILE_OF(ONE("") "," TWO("")));
	held = served_function_ref(functions_find(functions, "one"));
	CHECK(update(FILE_OF(TWO("")), "removed one"));
	fake_settle(stage.context.loop);
	CHECK_STR(held->config->function_name, "one");
	struct asker *asker = asker_create("late");
	CHECK_INT(function_submit(held->function, asker->invocation), FUNCTION_IS_STOPPING);
	asker_destroy(asker);
	served_function_unref(held);
	end_file();
}

static void test_an_update_that_fails_changes_nothing(void)
{
	begin_file(FILE_OF(ONE("") "," TWO("")));
	CHECK(!update(FILE_OF(ONE(",\"timeout\":9") ",{\"name\":\"new\"}," TWO(
			      ",\"layer\":\"none\"")),
	              "two: layer 'none': No such file or directory"));
	CHECK_INT(functions_find(functions, "one")->config->timeout_ms, 3000);
	CHECK(!functions_find(functions, "new"));
	CHECK_INT(functions_count(functions), 2);
	serve(ask("one", "1"), "1");
	end_file();
}

/* ---- layers that are unpacked ---- */

/* A zip file with the file "a", in which there is an "x". */
#define ZIP_ENTRY "\0\0\0\0\0\0\0\0\x83\x16\xdc\x8c\1\0\0\0\1\0\0\0\1\0\0\0"
static const char zip[] = "PK\3\4\n\0" ZIP_ENTRY "ax"
			  "PK\1\2\n\0\n\0" ZIP_ENTRY "\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
			  "a"
			  "PK\5\6\0\0\0\0\1\0\1\0\x2f\0\0\0\x20\0\0\0\0";

static void begin_zips(void)
{
	begin_file(FILE_OF(ONE("") "," TWO("")));
	files_put("good.zip", zip, sizeof(zip));
	files_put_text("bad.zip", "no zip file");
}

static void end_zips(void)
{
	remove("good.zip");
	remove("bad.zip");
	end_file();
	removal_await();
}

static void settle_update(void)
{
	while (functions_are_updating(functions))
		fake_turn_watches(stage.context.loop, 0);
	CHECK_INT(heard.count, 1);
}

static const struct package *package_of(const char *name)
{
	return functions_find(functions, name)->workload->package;
}

/* What is the same is unpacked once; and until it is, nothing has changed. */
static void test_layers_come_first(void)
{
	struct sandbox_spec one, two;

	begin_zips();
	begin_update(FILE_OF(ONE(",\"layer\":\"good.zip\"") "," TWO(
		",\"layer\":\"good.zip\"") ",{\"name\":\"new\"}"));
	CHECK(functions_are_updating(functions) && heard.count == 0);
	CHECK(!functions_find(functions, "new"));
	serve(ask("one", "1"), "1");
	settle_update();
	CHECK_STR(heard.words, "changed one, two; added new");
	package_fill_spec(package_of("one"), &one);
	package_fill_spec(package_of("two"), &two);
	CHECK_INT(one.layer_count, 1);
	CHECK(one.layers == two.layers);
	end_zips();
}

static void test_layers_that_are_no_good(void)
{
	begin_zips();
	begin_update(FILE_OF(ONE(",\"layer\":\"good.zip\"") "," TWO(",\"layer\":\"bad.zip\"")));
	settle_update();
	CHECK(!heard.done && strncmp(heard.words, "two: layer 'bad.zip': ", 22) == 0);
	CHECK_INT(functions_find(functions, "one")->config->layers.count, 0);
	/* And it may go better. */
	CHECK(update(FILE_OF(ONE("")), "removed two"));
	end_zips();
}

static void test_layers_that_change_meanwhile(void)
{
	begin_zips();
	begin_update(FILE_OF(ONE("") "," TWO(",\"layer\":\"good.zip\"")));
	files_put_text("good.zip", "not any more");
	settle_update();
	CHECK(!heard.done && strncmp(heard.words, "two: layer 'good.zip': ", 23) == 0);
	end_zips();
}

static void test_an_end_while_layers_are_unpacked(void)
{
	begin_zips();
	begin_update(FILE_OF(ONE("") "," TWO(",\"layer\":\"good.zip\"")));
	CHECK(functions_are_updating(functions));
	end_zips();
	CHECK_INT(heard.count, 0);
}

static void test_an_update_that_cannot_listen(void)
{
	begin_zips();
	fake_refuse_watches(0, 1);
	CHECK(!update(FILE_OF(ONE("") "," TWO(",\"layer\":\"good.zip\"")), "two: no more watches"));
	fake_refuse_watches(0, 0);
	end_zips();
}

/* ---- the end ---- */

static void test_an_end_while_some_go(void)
{
	struct asker *asker;

	begin_file(FILE_OF(ONE("") "," TWO("")));
	asker = ask("one", "1");
	CHECK(update(FILE_OF(TWO("")), "removed one"));
	end_file();
	CHECK_INT(asker->done, 1);
	asker_destroy(asker);
}

TEST_MAIN(test_one_goes_by_any_name, test_one_of_a_file_has_a_name, test_several_have_names,
          test_several_begin_when_they_are_asked, test_an_update_leaves_alone_what_is_the_same,
          test_an_update_adds_and_removes, test_who_is_held_stays,
          test_an_update_that_fails_changes_nothing, test_layers_come_first,
          test_layers_that_are_no_good, test_layers_that_change_meanwhile,
          test_an_end_while_layers_are_unpacked, test_an_update_that_cannot_listen,
          test_an_end_while_some_go)
