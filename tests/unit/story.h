/* SPDX-License-Identifier: Apache-2.0 */
/*
 * story - the life of one environment, as its tests tell it.
 *
 * What all of them need: the environment, who hears of its changes, and the steps that every story
 * is made of. How one begins is its file's own, and so is its end where it has to say more.
 */
#ifndef TESTS_UNIT_STORY_H
#define TESTS_UNIT_STORY_H

#include <sys/wait.h>

#include "emulator/environment.h"
#include "tests/unit/fakes.h"
#include "tests/unit/test.h"

#define STORY_UNUSED __attribute__((unused))

#define EXIT_STATUS(code) W_EXITCODE(code, 0)
#define MEMORY "\tMemory Size: 128 MB\t"

static struct environment *env;
static STORY_UNUSED unsigned changes; /* how often on_change told that it is free */
static bool is_gone;

static void on_change(struct environment_context *context, struct environment *changed)
{
	(void)context;
	CHECK(changed == env && !is_gone);
	if (environment_state(changed) == ENVIRONMENT_GONE) {
		is_gone = true;
		environment_destroy(changed);
	} else {
		CHECK(environment_is_free(changed) || environment_is_retired(changed));
		changes++;
	}
}

/* The stage is open and its config is as the story wants it. */
static void create(enum platform_initialization initialization)
{
	stage.context.on_change = on_change;
	changes = 0;
	is_gone = false;
	env = environment_create(&stage.context, 1, initialization);
}

static void settle(void)
{
	fake_settle(stage.context.loop);
}

static STORY_UNUSED void pass_ms(uint64_t ms)
{
	fake_pass(stage.context.loop, ms * MS);
}

static struct sandbox *box(void)
{
	return fake_boxes;
}

static struct stage_port *port(void)
{
	return stage_ports;
}

/* The box stands and the bootstrap runs. */
static STORY_UNUSED void start(void)
{
	fake_box_ready(box());
	fake_box_started(box());
	settle();
}

static STORY_UNUSED struct asker *ask(const char *id)
{
	struct asker *asker = asker_create(id);

	environment_invoke(env, asker->invocation);
	return asker;
}

/* Whatever is left to do, or to say, with the time that a shutdown may take. */
static STORY_UNUSED void end_patiently(void)
{
	if (!is_gone)
		environment_stop(env);
	settle();
	pass_ms(2000);
	CHECK(is_gone);
	fake_output_take();
	stage_close();
}

static STORY_UNUSED void check_lines(const char *expected)
{
	CHECK_STR(fake_output_take(), expected);
}

#endif
