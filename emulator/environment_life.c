/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_life - one box from start to end
 *
 * Whatever ends a life before its time goes through fail_now(), where the first
 * fatal error wins, as in Lambda: what the kill then causes is not news.
 */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/log.h"
#include "emulator/observer.h"
#include "emulator/variables.h"
#include "sandbox/fd.h"

/* A box that is not built by then never will be. */
#define BOX_LIMIT_NS (5 * CLOCK_NS_PER_S)

/* How long an answer that is still arriving from a dead runtime may take. */
#define EXIT_UPLOAD_GRACE_NS (1 * CLOCK_NS_PER_S)

/* A program that has told of its failure exits by then, or is not waited for. */
#define REPORTED_GRACE_NS (300 * CLOCK_NS_PER_MS)

static void on_lines(struct program_output *output, const char *data, size_t length)
{
	struct environment *env = container_of(output, struct environment, output);

	journal_lines(&env->journal, JOURNAL_FUNCTION, data, length);
}

/* ---- the end of a life ---- */

void environment_drain_output(struct environment *env)
{
	program_output_drain(&env->output);
	framed_output_drain(&env->frames);
	for (unsigned i = 0; i < env->extensions.count; i++)
		program_output_read(&env->programs[i].output); /* it may be in mid-sentence */
}

static void on_life_ended(struct environment *env);

/* What the programs say of being killed is not the function's output. */
static void close_output(struct environment *env)
{
	program_output_close(&env->output);
	framed_output_close(&env->frames);
	for (unsigned i = 0; i < env->extensions.count; i++)
		program_output_close(&env->programs[i].output);
}

static void close_port(struct environment *env)
{
	if (env->port)
		env->port->ops->close(env->port);
	env->port = NULL;
}

static void kill_box(struct environment *env)
{
	shutdown_stop(&env->shutdown);
	environment_end_telemetry(env);
	close_output(env);
	environment_forget_guest(env);
	/* It dies while its port is closed; a runtime that sees that first connects in vain, and
	 * complains. */
	if (env->box)
		sandbox_kill(env->box);
	close_port(env);
	observer_leave_box(env->context->observer, env);
	if (!env->box)
		on_life_ended(env);
}

static void on_shutdown_over(struct shutdown *shutdown)
{
	kill_box(container_of(shutdown, struct environment, shutdown));
}

/* The extensions are to see the runtime's last words before they hear of the end. */
static void on_runtime_over(struct shutdown *shutdown)
{
	struct environment *env = container_of(shutdown, struct environment, shutdown);

	environment_drain_output(env);
	if (environment_flush_telemetry(env))
		shutdown_notify(shutdown);
}

/* In the words of the SHUTDOWN event. */
static const char *end_reason(const struct environment *env)
{
	switch (env->fatal.status) {
	case FAULT_NONE:
		break;
	case FAULT_TIMEOUT:
		return "timeout";
	case FAULT_ERROR:
	case FAULT_FAILURE:
		return "failure";
	}
	return "spindown";
}

static void start_shutdown(struct environment *env)
{
	env->shutdown.on_runtime_over = on_runtime_over;
	env->shutdown.on_over = on_shutdown_over;
	env->shutdown.loop = env->context->loop;
	env->shutdown.box = env->box;
	env->shutdown.port = env->port;
	env->shutdown.extensions = &env->extensions;
	env->shutdown.reason = end_reason(env);
	shutdown_start(&env->shutdown);
	/* Internal extensions hear of no end: they have the runtime's time for this. */
	environment_flush_telemetry(env);
}

void environment_stop_box(struct environment *env)
{
	environment_enter(env, ENVIRONMENT_STOPPING);
	loop_timer_stop(&env->limit);
	loop_timer_stop(&env->verdict);
	freezer_stop(&env->freezer);
	if (env->box && env->port && shutdown_is_due(&env->extensions))
		start_shutdown(env);
	else
		kill_box(env);
}

static void fail_init(struct environment *env)
{
	env->init.ended_ns = env->fatal_ns;
	metrics_count_init_error(env->context->metrics, env->fatal.type);
	if (!env->init.runtime_done_ns) {
		env->init.runtime_done_ns = env->fatal_ns;
		environment_tell_init_runtime_done(env, &env->fatal);
	}
	if (env->culprit)
		environment_tell_extension(env, env->culprit);
	environment_tell_init_report(env, &env->fatal);
}

bool environment_is_ending(const struct environment *env)
{
	return env->state != ENVIRONMENT_STARTING && env->state != ENVIRONMENT_SERVING;
}

bool environment_suppresses_init(const struct environment *env)
{
	return !environment_has_guest(env) && !environment_is_concurrent(env) &&
	       env->initialization != PLATFORM_SNAP_START;
}

/* Nobody will try its init again for them. */
static void start_all_clocks(struct environment *env)
{
	for (unsigned i = 0; i < env->slot_count; i++) {
		if (env->slots[i].invocation && !env->slots[i].is_started)
			slot_start_clock(&env->slots[i], env->fatal_ns);
	}
}

static bool has_begun(const struct environment *env)
{
	for (unsigned i = 0; i < env->slot_count; i++) {
		if (env->slots[i].is_started)
			return true;
	}
	return false;
}

static const char *end_of_life(const struct environment *env)
{
	if (env->state == ENVIRONMENT_STARTING)
		return "could not initialise";
	return environment_is_restoring(env) ? "could not be restored"
	                                     : "ended between invocations";
}

static void warn_of_failure(const struct environment *env)
{
	log_warning("%s %s: %s", env->label, end_of_life(env), env->fatal.message);
}

/*
 * An invocation whose clock does not run yet outlives the failure: it waits for
 * the next life, where init runs again as part of it, and only then can fail.
 * With SnapStart there is no such init, and so it may fail at once.
 */
static void fail_now(struct environment *env)
{
	environment_drain_output(env);
	if (env->culprit)
		metrics_count_extension_error(env->context->metrics, env->fatal.type);
	/* Without a box no init has begun. */
	if (env->state == ENVIRONMENT_STARTING &&
	    (env->init.started_ns || env->fatal.status != FAULT_FAILURE))
		fail_init(env);
	if ((env->state == ENVIRONMENT_STARTING || env->waits_since_start) &&
	    !environment_suppresses_init(env) && !environment_is_restoring(env))
		start_all_clocks(env);
	if (has_begun(env))
		environment_fail_invocations(env);
	else if (!env->fatal_is_told)
		warn_of_failure(env);
	if (environment_is_restoring(env))
		environment_fail_restore(env);
	if (!environment_is_ending(env)) /* else the asker has stopped it, in on_done */
		environment_stop_box(env);
}

static void set_fatal(struct environment *env, const struct fault *fault, uint64_t at_ns)
{
	if (env->fatal.status != FAULT_NONE)
		return;
	env->fatal = *fault;
	env->fatal_ns = at_ns;
	env->fatal_machine_ns = clock_machine();
}

void environment_fail_soon(struct environment *env, const struct fault *fault, uint64_t at_ns,
                           uint64_t due_ns)
{
	if (environment_is_ending(env))
		return;
	set_fatal(env, fault, at_ns);
	/* What comes later may hurry the end, not put it off. */
	if (!env->verdict.loop || due_ns < env->verdict.due_ns)
		loop_timer_start(env->context->loop, &env->verdict, due_ns);
}

bool environment_fail_reported(struct environment *env, const struct extension *reporter,
                               const struct fault *fault)
{
	uint64_t now = clock_now();

	if (env->fatal.status == FAULT_ERROR && env->culprit == reporter) {
		env->fatal = *fault;
		return true;
	}
	if (env->fatal.status != FAULT_NONE || environment_is_ending(env))
		return false;
	env->culprit = reporter;
	environment_fail_soon(env, fault, now, now + REPORTED_GRACE_NS);
	return true;
}

bool environment_is_uploading(const struct environment *env)
{
	for (unsigned i = 0; i < env->slot_count; i++) {
		if (env->slots[i].state == RUNTIME_INVOCATION_RESPONSE ||
		    env->slots[i].state == RUNTIME_INVOCATION_ERROR_RESPONSE)
			return true;
	}
	return false;
}

void environment_on_verdict(struct loop_timer *timer)
{
	struct environment *env = container_of(timer, struct environment, verdict);
	uint64_t now = clock_now();
	uint64_t waited_ns = clock_machine() - env->fatal_machine_ns;

	if (env->exit_turns > 0) {
		env->exit_turns--;
		loop_timer_start(env->context->loop, timer, now);
	} else if (environment_is_uploading(env) && waited_ns < EXIT_UPLOAD_GRACE_NS) {
		loop_timer_start(env->context->loop, timer, now + CLOCK_NS_PER_MS);
	} else {
		fail_now(env);
	}
}

static uint64_t init_limit_ms(const struct environment *env)
{
	const struct config *config = env->context->config;

	return env->initialization == PLATFORM_ON_DEMAND ? config->init_timeout_ms
	                                                 : config->early_init_timeout_ms;
}

void environment_limit_init(struct environment *env, uint64_t started_ns)
{
	env->limit.is_virtual = true;
	loop_timer_start(env->context->loop, &env->limit,
	                 started_ns + init_limit_ms(env) * CLOCK_NS_PER_MS);
}

static struct fault fault_of_limit(const struct environment *env)
{
	if (environment_is_restoring(env))
		return environment_restore_timeout(env);
	if (!env->init.started_ns)
		return fault_make(FAULT_FAILURE, "Sandbox.Failure",
		                  "the sandbox is not ready in time");
	return fault_timeout(init_limit_ms(env));
}

void environment_on_limit(struct loop_timer *timer)
{
	struct environment *env = container_of(timer, struct environment, limit);
	struct fault fault = fault_of_limit(env);

	environment_fail_now(env, &fault);
}

void environment_fail_now(struct environment *env, const struct fault *fault)
{
	set_fatal(env, fault, clock_now());
	fail_now(env);
}

void environment_on_box_failed(struct environment *env, const struct error *error)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure", "%s", error->text);

	env->fatal_is_told = true;
	log_error("%s: %s", env->label, error->text);
	environment_fail_soon(env, &fault, clock_now(), clock_now());
}

void environment_on_box_gone(struct environment *env)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure",
	                                "the sandbox ended unexpectedly");

	loop_watch_stop(&env->box_watch);
	freezer_stop(&env->freezer);
	sandbox_destroy(env->box);
	env->box = NULL;
	if (shutdown_is_under_way(&env->shutdown))
		kill_box(env);
	else if (env->state == ENVIRONMENT_STOPPING)
		on_life_ended(env);
	else
		environment_fail_soon(env, &fault, clock_now(), clock_now());
}

/* ---- the beginning of a life ---- */

const char **environment_make_variables(const struct environment *env, bool is_extension)
{
	const struct environment_context *context = env->context;
	struct variables_place place = {
		.runtime_api = env->port->address,
		.log_stream = env->log_stream,
		.task_root = package_task_root(context->package),
		.runtime_root = package_runtime_root(context->package),
		.is_extension = is_extension,
		.initialization = env->initialization,
		.credentials_token = env->port->credentials_token,
		.xray_daemon = observer_xray_address(context->observer, env->port->inside),
		.log_descriptor = context->config->log_descriptor ? FRAMED_OUTPUT_DESCRIPTOR : 0,
	};

	return variables_make(context->config, &place);
}

/* Asks for the runtime, whose stdout, and log descriptor if it is not -1, these become. */
static bool ask_for_runtime(struct environment *env, struct sandbox_program *program, int output,
                            int frames, struct error *err)
{
	struct sandbox_descriptor descriptor = { frames, FRAMED_OUTPUT_DESCRIPTOR };
	const char **envp = environment_make_variables(env, false);

	program->envp = envp;
	program->output = output;
	program->descriptors = &descriptor;
	program->descriptor_count = frames != -1;
	env->shutdown.runtime_is_alive = sandbox_exec(env->box, RUNTIME_PROGRAM, program, err);
	free(envp);
	return env->shutdown.runtime_is_alive;
}

/* Makes the pipes that the runtime writes to. */
static bool start_with_output(struct environment *env, struct sandbox_program *program,
                              struct error *err)
{
	struct environment_context *context = env->context;
	autoclose int output = program_output_open(&env->output, context->loop, err);
	autoclose int frames = -1;

	if (output == -1)
		return false;
	if (context->config->log_descriptor) {
		frames = framed_output_open(&env->frames, &env->journal, env->label, context->loop,
		                            err);
		if (frames == -1)
			return false;
	}
	return ask_for_runtime(env, program, output, frames, err);
}

bool environment_start_runtime(struct environment *env, struct error *err)
{
	struct sandbox_program program = { .output = -1 };
	struct fault fault;

	env->runtime_is_asked = true;
	if (environment_has_guest(env)) {
		environment_fill_stand_in(env, &program);
		return start_with_output(env, &program, err);
	}
	if (!package_fill_program(env->context->package, &program, &fault)) {
		if (!env->init.started_ns)
			env->init.started_ns = clock_now();
		environment_fail_soon(env, &fault, clock_now(), clock_now());
		return true;
	}
	return start_with_output(env, &program, err);
}

static bool start_programs(struct environment *env, struct error *err)
{
	if (!environment_launch_extensions(env, err))
		return false;
	if (env->fatal.status == FAULT_NONE && extensions_are_registered(&env->extensions) &&
	    !environment_start_runtime(env, err))
		return false;
	environment_tell_init_start(env);
	return true;
}

bool environment_has_xray(const struct environment *env)
{
	return observer_xray_address(env->context->observer, true);
}

static void on_box_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	environment_hear_box(container_of(watch, struct environment, box_watch));
}

static bool start_box(struct environment *env, struct error *err)
{
	struct environment_context *context = env->context;
	struct sandbox_spec spec;

	env->port = context->ports->open(context->ports, env, err);
	if (!env->port)
		return false;
	environment_offer_credentials(env);
	box_fill_spec(context->config, context->package, &spec);
	spec.listen_port = env->port->inside;
	spec.tmp = env->tmp;
	if (env->port->inside && environment_has_xray(env))
		spec.datagram_port = OBSERVER_XRAY_PORT;
	spec.counts_usage = context->on_usage != NULL;
	spec.counts_files = context->on_usage && context->counts_files;
	env->box = sandbox_create(context->host, &spec, err);
	if (!env->box)
		return false;
	env->box_watch = (struct loop_watch){ .on_ready = on_box_ready };
	if (!loop_watch_start(context->loop, &env->box_watch, sandbox_fd(env->box), EPOLLIN, err)) {
		/* Nobody would hear that it is gone. */
		sandbox_destroy(env->box);
		env->box = NULL;
		return false;
	}
	/* Lambda freezes none that takes several invocations. */
	freezer_start(&env->freezer, context->loop,
	              context->config->freeze && !environment_is_concurrent(env) ? env->box : NULL);
	return start_programs(env, err);
}

static void clear_life(struct environment *env)
{
	env->runtime = RUNTIME_STARTED;
	env->init = (struct init_phase){ .asked_ns = clock_now() };
	env->restore = (struct restore_phase){ .started_ns = 0 };
	env->init_is_news = env->restore_is_news = env->throttled = false;
	env->fatal = (struct fault){ .status = FAULT_NONE };
	env->fatal_ns = 0;
	env->fatal_is_told = false;
	env->exit_turns = 0;
	env->has_init_error = false;
	buffer_finish(&env->init_error);
	env->output = (struct program_output){ .on_lines = on_lines };
	env->frames = (struct framed_output){ .has_warned = false };
	env->runtime_is_asked = env->extensions_are_off = false;
	env->extensions.count = 0;
	env->culprit = NULL;
	env->shutdown = (struct shutdown){ .runtime_is_alive = false };
}

void environment_start_life(struct environment *env, bool suppressed)
{
	struct error err;

	clear_life(env);
	env->suppressed = suppressed;
	env->waits_since_start = env->initialization == PLATFORM_SNAP_START &&
	                         environment_is_busy(env);
	environment_open_telemetry(env);
	env->limit.is_virtual = false; /* a box takes the machine's time */
	if (suppressed)
		slot_start_clock(&env->slots[0], env->init.asked_ns);
	else
		loop_timer_start(env->context->loop, &env->limit,
		                 env->init.asked_ns + BOX_LIMIT_NS);
	if (!start_box(env, &err))
		environment_on_box_failed(env, &err);
}

static void on_life_ended(struct environment *env)
{
	if (env->retiring) {
		environment_enter(env, ENVIRONMENT_GONE);
		env->context->on_change(env->context, env);
		return;
	}
	environment_enter(env, ENVIRONMENT_RESET);
	/* A guest comes when it likes, and is to find an address that answers. */
	if (!environment_is_busy(env) && !environment_has_guest(env)) {
		env->context->on_change(env->context, env);
		return;
	}
	environment_enter(env, ENVIRONMENT_STARTING);
	environment_start_life(env, environment_suppresses_init(env));
}
