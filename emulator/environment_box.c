/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_box - what a box tells: of itself, of the programs in it, and of their memory
 *
 * An exit is not judged at once but a turn of the loop later: what a runtime
 * sent before it exited may still lie in a socket, and an answer that was
 * posted is an answer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/log.h"
#include "emulator/observer.h"
#include "emulator/preflight.h"

static const char *const activity_words[] = {
	[ACTIVITY_INIT] = "during init",
	[ACTIVITY_INVOKE] = "during invoke",
	[ACTIVITY_IDLE] = "while idle",
	[ACTIVITY_RESTORE] = "during restore",
};

static void on_started(struct environment *env, const struct sandbox_event *event)
{
	if (event->id == RUNTIME_PROGRAM)
		env->init.runtime_ns = event->at_ns;
	if (env->init.started_ns)
		return; /* with the first extension */
	env->init.started_ns = event->at_ns;
	metrics_count_setup(env->context->metrics, event->at_ns - env->init.asked_ns);
	/* The runtime's first /next may be read before this event is. */
	if (env->state == ENVIRONMENT_SERVING)
		environment_report_init_success(env);
	if (env->state == ENVIRONMENT_STARTING && !env->suppressed)
		environment_limit_init(env, event->at_ns);
}

/* Says it once: the next init will fail in the same way until somebody acts. */
static void explain_exec_failure(struct environment *env, const struct sandbox_event *event)
{
	autobuffer struct buffer words = BUFFER_INIT;

	env->fatal_is_told = true;
	if (event->bad_cwd)
		preflight_explain_cwd(env->context->package, &words);
	else
		preflight_explain(env->context->config, env->context->package, event->error.code,
		                  &words);
	if (strcmp(words.data, env->told.data) == 0 && env->told.length > 0)
		return;
	log_error("%s%s%s%s", env->prefix, event->error.text, words.length > 0 ? ": " : "",
	          words.data);
	buffer_move(&env->told, &words);
}

static void on_runtime_exec_failed(struct environment *env, const struct sandbox_event *event)
{
	struct sandbox_program program;
	struct fault fault;

	env->shutdown.runtime_is_alive = false;
	if (!env->init.started_ns)
		env->init.started_ns = event->at_ns;
	explain_exec_failure(env, event);
	if (event->bad_cwd)
		fault = fault_make(FAULT_ERROR, "Runtime.InvalidWorkingDir", "%s",
		                   event->error.text);
	else if (package_fill_program(env->context->package, &program, &fault))
		fault = fault_exec(program.argv[0], event->error.code);
	environment_fail_soon(env, &fault, event->at_ns, clock_now());
}

static void on_runtime_exited(struct environment *env, const struct sandbox_event *event)
{
	struct fault fault = fault_exit(event->status, event->out_of_memory);

	if (shutdown_is_under_way(&env->shutdown)) {
		shutdown_runtime_exited(&env->shutdown);
		return;
	}
	env->shutdown.runtime_is_alive = false;
	environment_measure_memory(env);
	if (event->out_of_memory)
		log_warning("%s: out of memory: the function needs more than %" PRIu64
		            " MB (--memory)",
		            env->label, env->context->config->memory_bytes >> 20);
	env->exit_turns = EXIT_TURNS;
	environment_fail_soon(env, &fault, event->at_ns, clock_now());
}

/* If only a child dies, the function goes on (spec environment-and-limits.md §4). */
static void on_oom(const struct environment *env, unsigned kills)
{
	char who[32] = "a process";

	if (kills > 1)
		snprintf(who, sizeof(who), "%u processes", kills);
	log_warning("%s: out of memory: the limit of %" PRIu64
	            " MB killed %s that the function had started, not its runtime; --memory gives "
	            "it more",
	            env->label, env->context->config->memory_bytes >> 20, who);
}

static void on_ready(struct environment *env, const struct sandbox_event *event)
{
	struct error err;

	env->init.ready_ns = event->at_ns;
	if (!env->port->inside)
		return;
	if (!env->port->ops->listen(env->port, sandbox_take_listener(env->box), &err) ||
	    (environment_has_xray(env) &&
	     !observer_enter_box(env->context->observer, env,
	                         sandbox_take_datagram_listener(env->box), &err)))
		environment_on_box_failed(env, &err);
}

/* Whose program it is: an extension's place in the list follows from its number. */
static void on_exec_failed(struct environment *env, const struct sandbox_event *event)
{
	if (event->id == RUNTIME_PROGRAM)
		on_runtime_exec_failed(env, event);
	else
		environment_extension_exec_failed(env, event->id - EXTENSION_PROGRAM(0), event);
}

static void on_exited(struct environment *env, const struct sandbox_event *event)
{
	if (event->id == RUNTIME_PROGRAM)
		on_runtime_exited(env, event);
	else
		environment_extension_exited(env, event->id - EXTENSION_PROGRAM(0), event);
}

static void on_box_event(struct environment *env, const struct sandbox_event *event)
{
	switch (event->type) {
	case SANDBOX_READY:
		on_ready(env, event);
		break;
	case SANDBOX_STARTED:
		on_started(env, event);
		break;
	case SANDBOX_EXEC_FAILED:
		on_exec_failed(env, event);
		break;
	case SANDBOX_EXITED:
		on_exited(env, event);
		break;
	case SANDBOX_OOM:
		on_oom(env, event->kills);
		break;
	case SANDBOX_CONNECTED:
		environment_on_connected(env, event);
		break;
	case SANDBOX_DENIED:
		box_tell_denial(env->prefix, &event->denial, activity_words[event->denial.phase]);
		break;
	case SANDBOX_WRITE_REFUSED:
		box_tell_write(env->prefix, &event->write, activity_words[event->write.phase]);
		break;
	case SANDBOX_FAILED:
		environment_on_box_failed(env, &event->error);
		break;
	case SANDBOX_GONE:
		environment_on_box_gone(env);
		break;
	}
}

/* What the kill causes is not news; what was counted before it is. */
static bool is_news(const struct environment *env, const struct sandbox_event *event)
{
	return env->state != ENVIRONMENT_STOPPING || shutdown_is_under_way(&env->shutdown) ||
	       event->type == SANDBOX_GONE || event->type == SANDBOX_DENIED ||
	       event->type == SANDBOX_WRITE_REFUSED || event->type == SANDBOX_OOM ||
	       event->type == SANDBOX_CONNECTED;
}

void environment_hear_box(struct environment *env)
{
	struct sandbox_event event;

	while (env->box && sandbox_next_event(env->box, &event)) {
		event.at_ns = clock_of_machine(event.at_ns);
		if (is_news(env, &event))
			on_box_event(env, &event);
	}
}
