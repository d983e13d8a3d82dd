/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_guest - a runtime that somebody else starts, an IDE or a debugger (--only-apis)
 *
 * In the box is a stand-in. The guest is the process that asks for events; it is known by its
 * connection, and its end by a descriptor of it. With that this life ends, and all is as with any
 * other runtime, but for the next life: it begins at once. Where nobody can tell whose a connection
 * is, the next one that asks for an event gets the one that is not answered.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/log.h"
#include "emulator/stand_in.h"
#include "sandbox/fd.h"

/* Runtimes that are scripts ask by a program such as curl, which ends as soon as it has the event.
 */
#define HELPER_NS (100 * CLOCK_NS_PER_MS)

/* ---- what it needs to know ---- */

static bool is_plain(const char *text)
{
	return text[0] && !text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                                     "0123456789_-./:=@%+,")];
}

/* As a shell reads it. */
static void append_quoted(struct buffer *line, const char *text)
{
	if (is_plain(text)) {
		buffer_append_text(line, text);
		return;
	}
	buffer_append_text(line, "'");
	for (; *text; text++) {
		if (*text == '\'')
			buffer_append_text(line, "'\\''");
		else
			buffer_append(line, text, 1);
	}
	buffer_append_text(line, "'");
}

static bool is_variable(const char *variable, const char *const *names)
{
	for (; *names; names++) {
		size_t length = strlen(*names);

		if (strncmp(variable, *names, length) == 0 && variable[length] == '=')
			return true;
	}
	return false;
}

/* What a program of this machine has already, and what is nobody else's business. */
static bool is_told(const struct environment *env, const char *variable)
{
	static const char *const needed[] = { "AWS_LAMBDA_RUNTIME_API", "_HANDLER", NULL };
	static const char *const own[] = { "PATH",
		                           "LD_LIBRARY_PATH",
		                           "AWS_ACCESS_KEY_ID",
		                           "AWS_SECRET_ACCESS_KEY",
		                           "AWS_SESSION_TOKEN",
		                           NULL };

	if (env->context->config->only_apis == CONFIG_APIS_ALL_VARIABLES)
		return !is_variable(variable, own);
	return is_variable(variable, needed);
}

/* On standard output, to be pasted as it is. */
static void tell_variables(const struct environment *env)
{
	autobuffer struct buffer lines = BUFFER_INIT;
	const char **variables = environment_make_variables(env, false);

	for (const char **at = variables; *at; at++) {
		const char *value = strchr(*at, '=') + 1;

		if (!is_told(env, *at))
			continue;
		buffer_append_format(&lines, "export %.*s", (int)(value - *at), *at);
		append_quoted(&lines, value);
		buffer_append_text(&lines, "\n");
	}
	free(variables);
	output_write(env->context->output, lines.data, lines.length);
}

/* ---- the stand-in ---- */

bool environment_has_guest(const struct environment *env)
{
	return env->context->config->only_apis != CONFIG_APIS_OFF;
}

void environment_fill_stand_in(struct environment *env, struct sandbox_program *program)
{
	static const char *const argv[] = { STAND_IN_NAME, NULL };
	static const char *const paths[] = { STAND_IN_PATH, NULL };

	program->argv = argv;
	program->paths = paths;
	program->cwd = "/";
	if (env->guest.has_told)
		return;
	env->guest.has_told = true;
	tell_variables(env);
	log_notice("waiting for a runtime with these variables; there are no time-outs");
}

/* ---- the guest ---- */

void environment_forget_guest(struct environment *env)
{
	loop_watch_stop(&env->guest.end);
	fd_close(&env->guest.process);
	env->guest.pid = 0;
}

/* Whether there is an event that nobody has answered. */
static bool has_open_event(const struct environment *env)
{
	enum runtime_state state = env->slots[0].state;

	return runtime_state_has_event(state) && state != RUNTIME_RESPONSE_SENT;
}

/* Whoever is there when the answer is, is none. */
static bool may_be_a_helper(const struct environment *env)
{
	const struct invocation *invocation = env->slots[0].invocation;

	return has_open_event(env) &&
	       (env->guest.has_helpers || clock_now() < invocation->phase.started_ns + HELPER_NS);
}

static void tell_of_helper(struct environment *env)
{
	if (!env->guest.may_have_helpers)
		log_notice("the process that took the event has ended: if it was the runtime, its "
		           "next one gets the same event");
	env->guest.may_have_helpers = true;
}

/* At once, so that it gets no event any more; but what it has sent before still counts. */
static void fail_with_guest(struct environment *env)
{
	struct fault fault = fault_exit(0, false);

	log_notice("the runtime has ended; waiting for another");
	env->fatal_is_told = true;
	env->exit_turns = EXIT_TURNS;
	environment_fail_soon(env, &fault, clock_now(), clock_now());
}

static void on_guest_ended(struct loop_watch *watch, uint32_t events)
{
	struct environment *env = container_of(watch, struct environment, guest.end);

	(void)events;
	environment_forget_guest(env);
	if (environment_is_ending(env) || env->fatal.status != FAULT_NONE)
		return;
	if (may_be_a_helper(env))
		tell_of_helper(env);
	else
		fail_with_guest(env);
}

static bool is_alive(int process)
{
	struct pollfd end = { .fd = process, .events = POLLIN };

	return process != -1 && poll(&end, 1, 0) == 0;
}

/* An environment has one runtime. Of two, each would get what the other has, and neither of those
 * who start them would know. One that takes several events may be several processes. */
static bool is_taken(const struct environment *env)
{
	return !environment_is_concurrent(env) && is_alive(env->guest.process) &&
	       (has_open_event(env) || env->port->waiting > 0);
}

static void tell_other(struct environment *env, pid_t pid)
{
	if (env->guest.other != pid)
		log_warning("a second runtime asks for events, process %d, and is refused: end "
		            "the first one, process %d, or this",
		            (int)pid, (int)env->guest.pid);
	env->guest.other = pid;
}

bool environment_meet_guest(struct environment *env, int connection)
{
	pid_t pid = env->guest.pid;
	struct error err;

	if (environment_is_ending(env) || !env->box)
		return true;
	autoclose int process = sandbox_open_peer(connection, &pid);
	if (process != -1 && pid != env->guest.pid && is_taken(env)) {
		tell_other(env, pid);
		return false;
	}
	environment_forget_guest(env);
	/* One that took an event and ended, and yet there was an answer. */
	if (env->guest.may_have_helpers && !has_open_event(env))
		env->guest.has_helpers = true;
	env->guest.process = steal_fd(&process);
	env->guest.pid = pid;
	env->guest.end.on_ready = on_guest_ended;
	if (env->guest.process != -1 && !loop_watch_start(env->context->loop, &env->guest.end,
	                                                  env->guest.process, EPOLLIN, &err))
		log_info("%s", err.text);
	return true;
}
