/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment - one execution environment: a box, its runtime, and its life
 *
 * A life is one box from start to end; an environment has one after another.
 * Whatever ends a life before its time goes through fail_now(), where the first
 * fatal error wins, as in Lambda: what the kill then causes is not news.
 *
 * An exit is not judged at once but a turn of the loop later: what a runtime
 * sent before it exited may still lie in a socket, and an answer that was
 * posted is an answer.
 */
#include "emulator/environment.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "emulator/box.h"
#include "emulator/clock.h"
#include "emulator/freezer.h"
#include "emulator/log.h"
#include "emulator/preflight.h"
#include "emulator/program_output.h"
#include "emulator/report.h"
#include "emulator/variables.h"
#include "sandbox/fd.h"

#define BIT(n) (1U << (n))

/* The program of the box that is the runtime; extensions will have others. */
#define RUNTIME_PROGRAM 1

/* A runtime that has reported a failed init is about to exit, and may have more to say. */
#define INIT_ERROR_GRACE_NS (300 * CLOCK_NS_PER_MS)

/* A box that is not built by then never will be. */
#define BOX_LIMIT_NS (5 * CLOCK_NS_PER_S)

/* Turns of the loop between an exit and its judgement, and how long an answer that is
 * still arriving from a dead runtime may take. */
#define EXIT_TURNS 2
#define EXIT_UPLOAD_GRACE_NS (1 * CLOCK_NS_PER_S)

/* What the programs of the box are doing, for what the box tells of them. */
enum activity { ACTIVITY_INIT, ACTIVITY_INVOKE, ACTIVITY_IDLE };

static const char *const activity_words[] = {
	[ACTIVITY_INIT] = "during init",
	[ACTIVITY_INVOKE] = "during invoke",
	[ACTIVITY_IDLE] = "while idle",
};

struct environment {
	struct environment_context *context;
	unsigned id;
	enum environment_state state;
	bool retiring; /* ends as GONE, not as RESET */
	char log_stream[BOX_LOG_STREAM_SIZE];
	uint64_t memory_peak_bytes; /* of all its lives; 0: not measured */
	struct buffer told;         /* how the last exec failure was explained */

	/* this life */
	struct sandbox *box;
	struct loop_watch box_watch;
	struct freezer freezer;
	struct program_output output;
	struct runtime_port *port;
	enum runtime_state runtime;
	struct init_phase init;
	bool suppressed;          /* its init runs inside an invocation */
	bool init_is_news;        /* the next REPORT tells Init Duration */
	bool throttled;           /* the CPU share of the invoke phase is in force */
	struct fault fatal;       /* what ends this life; FAULT_NONE while all is well */
	uint64_t fatal_ns;        /* when it happened */
	bool fatal_is_told;       /* in words, on stderr */
	unsigned exit_turns;      /* turns left before 'fatal' is acted on */
	struct buffer init_error; /* body of /init/error; it becomes the caller's answer */
	bool has_init_error;

	/* this invocation */
	struct invocation *current;
	bool current_started;   /* its clock runs */
	bool current_announced; /* START is written */
	struct fault unusable;  /* why its answer could not be used */

	struct loop_timer limit;   /* init limit, or the function's time-out */
	struct loop_timer verdict; /* acts on 'fatal' */
	struct journal journal;
	struct loop_garbage garbage;
};

static const unsigned allowed[] = {
	[ENVIRONMENT_STARTING] = BIT(ENVIRONMENT_SERVING) | BIT(ENVIRONMENT_STOPPING),
	[ENVIRONMENT_SERVING] = BIT(ENVIRONMENT_STOPPING),
	[ENVIRONMENT_STOPPING] = BIT(ENVIRONMENT_RESET) | BIT(ENVIRONMENT_GONE),
	[ENVIRONMENT_RESET] = BIT(ENVIRONMENT_STARTING) | BIT(ENVIRONMENT_GONE),
	[ENVIRONMENT_GONE] = 0,
};

static const char *const state_name[] = {
	[ENVIRONMENT_STARTING] = "STARTING", [ENVIRONMENT_SERVING] = "SERVING",
	[ENVIRONMENT_STOPPING] = "STOPPING", [ENVIRONMENT_RESET] = "RESET",
	[ENVIRONMENT_GONE] = "GONE",
};

static void enter(struct environment *env, enum environment_state next)
{
	assert(allowed[env->state] & BIT(next));
	log_debug("environment %u: %s -> %s", env->id, state_name[env->state], state_name[next]);
	env->state = next;
}

/* ---- what is said ---- */

static void on_lines(struct program_output *output, const char *data, size_t length)
{
	struct environment *env = container_of(output, struct environment, output);

	journal_lines(&env->journal, JOURNAL_FUNCTION, data, length);
}

static enum platform_phase platform_phase(const struct environment *env)
{
	return env->suppressed ? PLATFORM_PHASE_INVOKE : PLATFORM_PHASE_INIT;
}

static void tell_init_start(struct environment *env)
{
	const struct config *config = env->context->config;
	struct platform_event event = {
		.type = PLATFORM_INIT_START,
		.at_ns = clock_now(),
		.init_start.phase = platform_phase(env),
		.init_start.function_name = config->function_name,
		.init_start.function_version = config->function_version,
		.init_start.log_stream = env->log_stream,
		.init_start.memory_bytes = config->memory_bytes,
	};

	journal_platform(&env->journal, &event);
}

/* The runtime is done with init: with its first /next, or by 'fault'. */
static void tell_init_runtime_done(struct environment *env, const struct fault *fault)
{
	struct platform_event event = {
		.type = PLATFORM_INIT_RUNTIME_DONE,
		.at_ns = env->init.ended_ns,
		.init_end.phase = platform_phase(env),
		.init_end.fault = fault,
	};

	journal_platform(&env->journal, &event);
}

static void tell_init_report(struct environment *env, const struct fault *fault)
{
	struct platform_event event = {
		.type = PLATFORM_INIT_REPORT,
		.at_ns = env->init.ended_ns,
		.init_end.phase = platform_phase(env),
		.init_end.fault = fault,
		.init_end.duration_ns = init_phase_duration_ns(&env->init),
	};

	journal_platform(&env->journal, &event);
}

static void report_init_success(struct environment *env)
{
	metrics_count_init(env->context->metrics, init_phase_duration_ns(&env->init));
	tell_init_report(env, NULL);
}

static void announce(struct environment *env)
{
	struct platform_event event = {
		.type = PLATFORM_START,
		.at_ns = env->current->phase.started_ns,
		.start.request_id = env->current->request_id,
		.start.function_arn = env->current->function_arn,
		.start.version = env->context->config->function_version,
		.start.tenant_id = env->current->tenant_id,
		.start.trace_header = env->current->trace_header,
	};

	if (env->current_announced)
		return;
	env->current_announced = true;
	journal_platform(&env->journal, &event);
}

/* The runtime is done with the invocation: with its next /next, or by 'fault'. */
static void tell_runtime_done(struct environment *env, const struct fault *fault)
{
	const struct invocation *current = env->current;
	const struct invoke_phase *phase = &current->phase;
	struct platform_event event = {
		.type = PLATFORM_RUNTIME_DONE,
		.at_ns = phase->ended_ns,
		.runtime_done = {
			.request_id = current->request_id,
			.tenant_id = current->tenant_id,
			.trace_header = current->trace_header,
			.fault = fault,
			.duration_ns = invoke_phase_duration_ns(phase, UINT64_MAX),
			.produced_bytes = current->produced_bytes,
			.response_latency = { phase->started_ns, phase->first_byte_ns },
			.response_duration = { phase->first_byte_ns, phase->answered_ns },
			.runtime_overhead = { phase->answered_ns, phase->ended_ns },
		},
	};

	journal_platform(&env->journal, &event);
}

/* The invoke phase is over, and these are its figures. */
static void tell_report(struct environment *env, const struct platform_report *report)
{
	struct platform_event end = {
		.type = PLATFORM_END,
		.at_ns = env->current->phase.ended_ns,
		.end = { .request_id = report->request_id, .fault = report->fault },
	};
	struct platform_event event = {
		.type = PLATFORM_REPORT,
		.at_ns = end.at_ns,
		.report = *report,
	};

	journal_platform(&env->journal, &end);
	journal_platform(&env->journal, &event);
}

/* ---- the invocation ---- */

static void start_clock(struct environment *env, uint64_t now)
{
	uint64_t timeout_ms = env->context->config->timeout_ms;

	env->current_started = true;
	env->current->phase.started_ns = now;
	env->current->deadline_ms = clock_wall_ms() + timeout_ms;
	loop_timer_start(env->context->loop, &env->limit, now + timeout_ms * CLOCK_NS_PER_MS);
}

static void set_activity(struct environment *env, enum activity activity)
{
	if (env->box)
		sandbox_set_phase(env->box, activity);
}

/* Hands the event to the runtime, which waits for it. */
static void deliver(struct environment *env)
{
	if (!env->throttled) {
		/* CPU follows the phase: init ran at full speed. */
		sandbox_set_cpu(env->box, SANDBOX_CPU_THROTTLED);
		env->throttled = true;
	}
	freezer_wake(&env->freezer);
	set_activity(env, ACTIVITY_INVOKE);
	if (!env->init_is_news && !env->suppressed)
		journal_clear_tail(&env->journal);
	if (!env->current_started)
		start_clock(env, clock_now());
	env->runtime = RUNTIME_RUNNING;
	env->port->ops->deliver(env->port, env->current);
	announce(env);
}

static bool memory_is_limited(const struct environment *env)
{
	return sandbox_host_wall(env->context->host, SANDBOX_WALL_MEMORY)->standing != SANDBOX_NO;
}

static void measure_memory(struct environment *env)
{
	uint64_t limit = env->context->config->memory_bytes;
	uint64_t peak;

	if (!env->box || !sandbox_memory_peak(env->box, &peak))
		return;
	/* Pages of files that others have read already are resident but not charged. */
	if (peak > limit && memory_is_limited(env))
		peak = limit;
	if (peak > env->memory_peak_bytes)
		env->memory_peak_bytes = peak;
}

static void report_invocation(struct environment *env, const struct fault *fault)
{
	const struct config *config = env->context->config;
	struct platform_report report = {
		.request_id = env->current->request_id,
		.tenant_id = env->current->tenant_id,
		.trace_header = env->current->trace_header,
		.duration_ns = invoke_phase_duration_ns(&env->current->phase,
		                                        config->timeout_ms * CLOCK_NS_PER_MS),
		.init_ns = env->init_is_news ? init_phase_duration_ns(&env->init) : 0,
		.memory_bytes = config->memory_bytes,
		.memory_peak_bytes = env->memory_peak_bytes,
		.fault = fault,
	};

	if (fault->status == FAULT_TIMEOUT)
		report.duration_ns = config->timeout_ms * CLOCK_NS_PER_MS;
	env->current->figures = (struct invocation_figures){
		.duration_ns = report.duration_ns,
		.billed_ms = report_billed_ms(report.init_ns, report.duration_ns),
		.memory_peak_bytes = report.memory_peak_bytes,
	};
	if (env->init_is_news)
		env->current->figures.init = env->init;
	tell_report(env, &report);
}

static void count_invocation(const struct environment *env, const struct fault *fault)
{
	const struct invocation *invocation = env->current;
	struct metrics_invocation told = {
		.start = env->init_is_news || env->suppressed ? METRICS_COLD : METRICS_WARM,
		.duration_ns = invocation->figures.duration_ns,
		.billed_ms = invocation->figures.billed_ms,
		.memory_peak_bytes = invocation->figures.memory_peak_bytes,
	};

	if (fault->status != FAULT_NONE)
		told.error_type = fault->type;
	else if (invocation->is_error)
		told.error_type = METRICS_UNHANDLED;
	metrics_count_invocation(env->context->metrics, &told);
}

static void release_invocation(struct environment *env)
{
	struct invocation *invocation = env->current;
	bool started = env->current_started;

	env->current = NULL;
	env->current_started = env->current_announced = false;
	env->unusable = (struct fault){ .status = FAULT_NONE };
	invocation->ops->on_done(invocation, started ? journal_tail(&env->journal) : NULL);
	if (!env->current_announced) /* else the next one was submitted in on_done */
		journal_clear_tail(&env->journal);
	invocation_unref(invocation);
}

/* Not on Lambda's clocks: what it takes is told to whoever wants it. */
static void look_at_usage(struct environment *env, enum environment_moment moment)
{
	struct environment_context *context = env->context;
	struct sandbox_usage usage;
	uint64_t begin;

	if (!context->on_usage || !env->box)
		return;
	begin = clock_now();
	sandbox_usage(env->box, &usage);
	context->on_usage(context, moment, &usage, clock_now() - begin);
}

/* Ends the invoke phase. The asker has its answer already, or gets it by 'fault'. */
static void finish_invocation(struct environment *env, uint64_t ended_ns, const struct fault *fault)
{
	struct invocation *invocation = env->current;

	assert(env->current_started);
	loop_timer_stop(&env->limit);
	invocation->phase.ended_ns = ended_ns;
	if (env->init_is_news)
		look_at_usage(env, ENVIRONMENT_FIRST_ENDED);
	program_output_drain(&env->output);
	measure_memory(env);
	announce(env);
	tell_runtime_done(env, fault);
	report_invocation(env, fault);
	count_invocation(env, fault);
	env->init_is_news = env->suppressed = false;
	release_invocation(env);
}

static void answer_failure(struct environment *env)
{
	struct answer answer = { .body = BUFFER_INIT, .is_error = true, .fault = &env->fatal };

	if (!env->has_init_error) {
		invocation_answer_fault(env->current, &env->fatal);
		return;
	}
	buffer_move(&answer.body, &env->init_error);
	invocation_answer(env->current, &answer);
}

/* ---- the end of a life ---- */

static void on_life_ended(struct environment *env);

static void stop_box(struct environment *env)
{
	enter(env, ENVIRONMENT_STOPPING);
	loop_timer_stop(&env->limit);
	loop_timer_stop(&env->verdict);
	freezer_stop(&env->freezer);
	/* What the programs say of being killed is not the function's output. */
	program_output_close(&env->output);
	if (env->port)
		env->port->ops->close(env->port);
	env->port = NULL;
	if (env->box)
		sandbox_kill(env->box);
	else
		on_life_ended(env);
}

static void fail_init(struct environment *env)
{
	env->init.ended_ns = env->fatal_ns;
	metrics_count_init_error(env->context->metrics, env->fatal.type);
	tell_init_runtime_done(env, &env->fatal);
	tell_init_report(env, &env->fatal);
}

static bool is_ending(const struct environment *env)
{
	return env->state != ENVIRONMENT_STARTING && env->state != ENVIRONMENT_SERVING;
}

/*
 * An invocation whose clock does not run yet outlives the failure: it waits for
 * the next life, where init runs again as part of it, and only then can fail.
 */
static void fail_now(struct environment *env)
{
	program_output_drain(&env->output);
	/* Without a box no init has begun. */
	if (env->state == ENVIRONMENT_STARTING &&
	    (env->init.started_ns || env->fatal.status != FAULT_FAILURE))
		fail_init(env);
	if (env->current_started) {
		answer_failure(env);
		finish_invocation(env, env->fatal_ns, &env->fatal);
	} else if (!env->fatal_is_told) {
		log_warning("environment %u %s: %s", env->id,
		            env->state == ENVIRONMENT_STARTING ? "could not initialise"
		                                               : "ended between invocations",
		            env->fatal.message);
	}
	if (!is_ending(env)) /* else the asker has stopped it, in on_done */
		stop_box(env);
}

static void set_fatal(struct environment *env, const struct fault *fault, uint64_t at_ns)
{
	if (env->fatal.status != FAULT_NONE)
		return;
	env->fatal = *fault;
	env->fatal_ns = at_ns;
}

static void fail_soon(struct environment *env, const struct fault *fault, uint64_t at_ns,
                      uint64_t due_ns)
{
	if (is_ending(env))
		return;
	set_fatal(env, fault, at_ns);
	loop_timer_start(env->context->loop, &env->verdict, due_ns);
}

static bool is_uploading(const struct environment *env)
{
	return env->runtime == RUNTIME_INVOCATION_RESPONSE ||
	       env->runtime == RUNTIME_INVOCATION_ERROR_RESPONSE;
}

static void on_verdict(struct loop_timer *timer)
{
	struct environment *env = container_of(timer, struct environment, verdict);
	uint64_t now = clock_now();

	if (env->exit_turns > 0) {
		env->exit_turns--;
		loop_timer_start(env->context->loop, timer, now);
	} else if (is_uploading(env) && now < env->fatal_ns + EXIT_UPLOAD_GRACE_NS) {
		loop_timer_start(env->context->loop, timer, now + CLOCK_NS_PER_MS);
	} else {
		fail_now(env);
	}
}

static struct fault fault_of_limit(const struct environment *env)
{
	if (env->current_started)
		return fault_timeout(env->context->config->timeout_ms);
	if (!env->init.started_ns)
		return fault_make(FAULT_FAILURE, "Sandbox.Failure",
		                  "the sandbox is not ready in time");
	return fault_timeout(env->context->config->init_timeout_ms);
}

static void on_limit(struct loop_timer *timer)
{
	struct environment *env = container_of(timer, struct environment, limit);
	struct fault fault = fault_of_limit(env);

	set_fatal(env, &fault, clock_now());
	fail_now(env);
}

/* ---- events of the box ---- */

static void on_started(struct environment *env, const struct sandbox_event *event)
{
	const struct config *config = env->context->config;

	env->init.started_ns = event->at_ns;
	metrics_count_setup(env->context->metrics, event->at_ns - env->init.asked_ns);
	/* The runtime's first /next may be read before this event is. */
	if (env->state == ENVIRONMENT_SERVING)
		report_init_success(env);
	if (env->state == ENVIRONMENT_STARTING && !env->suppressed)
		loop_timer_start(env->context->loop, &env->limit,
		                 event->at_ns + config->init_timeout_ms * CLOCK_NS_PER_MS);
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
	log_error("%s%s%s", event->error.text, words.length > 0 ? ": " : "", words.data);
	buffer_move(&env->told, &words);
}

static void on_exec_failed(struct environment *env, const struct sandbox_event *event)
{
	struct sandbox_program program;
	struct fault fault;

	if (!env->init.started_ns)
		env->init.started_ns = event->at_ns;
	explain_exec_failure(env, event);
	if (event->bad_cwd)
		fault = fault_make(FAULT_ERROR, "Runtime.InvalidWorkingDir", "%s",
		                   event->error.text);
	else if (package_fill_program(env->context->package, &program, &fault))
		fault = fault_exec(program.argv[0], event->error.code);
	fail_soon(env, &fault, event->at_ns, clock_now());
}

static void on_exited(struct environment *env, const struct sandbox_event *event)
{
	struct fault fault = fault_exit(event->status, event->out_of_memory);

	measure_memory(env);
	if (event->out_of_memory)
		log_warning("environment %u: out of memory: the function needs more than %" PRIu64
		            " MB (--memory)",
		            env->id, env->context->config->memory_bytes >> 20);
	env->exit_turns = EXIT_TURNS;
	fail_soon(env, &fault, event->at_ns, clock_now());
}

/* If only a child dies, the function goes on (spec environment-and-limits.md §4). */
static void on_oom(const struct environment *env, unsigned kills)
{
	char who[32] = "a process";

	if (kills > 1)
		snprintf(who, sizeof(who), "%u processes", kills);
	log_warning("environment %u: out of memory: the limit of %" PRIu64
	            " MB killed %s that the function had started, not its runtime; --memory gives "
	            "it more",
	            env->id, env->context->config->memory_bytes >> 20, who);
}

static void on_box_failed(struct environment *env, const struct error *error)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure", "%s", error->text);

	env->fatal_is_told = true;
	log_error("environment %u: %s", env->id, error->text);
	fail_soon(env, &fault, clock_now(), clock_now());
}

static void on_box_gone(struct environment *env)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure",
	                                "the sandbox ended unexpectedly");

	loop_watch_stop(&env->box_watch);
	freezer_stop(&env->freezer);
	sandbox_destroy(env->box);
	env->box = NULL;
	if (env->state == ENVIRONMENT_STOPPING)
		on_life_ended(env);
	else
		fail_soon(env, &fault, clock_now(), clock_now());
}

static void on_ready(struct environment *env, const struct sandbox_event *event)
{
	struct error err;

	env->init.ready_ns = event->at_ns;
	if (env->port->inside &&
	    !env->port->ops->listen(env->port, sandbox_take_listener(env->box), &err))
		on_box_failed(env, &err);
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
	case SANDBOX_DENIED:
		box_tell_denial(&event->denial, activity_words[event->denial.phase]);
		break;
	case SANDBOX_WRITE_REFUSED:
		box_tell_write(&event->write, activity_words[event->write.phase]);
		break;
	case SANDBOX_FAILED:
		on_box_failed(env, &event->error);
		break;
	case SANDBOX_GONE:
		on_box_gone(env);
		break;
	}
}

static void on_box_ready(struct loop_watch *watch, uint32_t events)
{
	struct environment *env = container_of(watch, struct environment, box_watch);
	struct sandbox_event event;

	(void)events;
	while (env->box && sandbox_next_event(env->box, &event)) {
		/* What the kill causes is not news; what was counted before it is. */
		if (env->state != ENVIRONMENT_STOPPING || event.type == SANDBOX_GONE ||
		    event.type == SANDBOX_DENIED || event.type == SANDBOX_WRITE_REFUSED)
			on_box_event(env, &event);
	}
}

/* ---- the beginning of a life ---- */

static bool start_runtime(struct environment *env, struct error *err)
{
	struct environment_context *context = env->context;
	struct sandbox_program program = { .output = -1 };
	struct fault fault;

	if (!package_fill_program(context->package, &program, &fault)) {
		env->init.started_ns = clock_now();
		tell_init_start(env);
		fail_soon(env, &fault, clock_now(), clock_now());
		return true;
	}
	autoclose int output = program_output_open(&env->output, context->loop, err);
	if (output == -1)
		return false;

	struct variables_place place = {
		.runtime_api = env->port->address,
		.log_stream = env->log_stream,
		.task_root = package_task_root(context->package),
		.runtime_root = package_runtime_root(context->package),
	};
	const char **envp = variables_make(context->config, &place);

	program.envp = envp;
	program.output = output;
	bool asked = sandbox_exec(env->box, RUNTIME_PROGRAM, &program, err);

	free(envp);
	if (asked)
		tell_init_start(env);
	return asked;
}

static bool start_box(struct environment *env, struct error *err)
{
	struct environment_context *context = env->context;
	struct sandbox_spec spec;

	env->port = context->ports->open(context->ports, env, err);
	if (!env->port)
		return false;
	box_fill_spec(context->config, context->package, &spec);
	spec.listen_port = env->port->inside;
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
	freezer_start(&env->freezer, context->loop, context->config->freeze ? env->box : NULL);
	return start_runtime(env, err);
}

static void clear_life(struct environment *env)
{
	env->runtime = RUNTIME_STARTED;
	env->init = (struct init_phase){ .asked_ns = clock_now() };
	env->init_is_news = env->throttled = false;
	env->fatal = (struct fault){ .status = FAULT_NONE };
	env->fatal_ns = 0;
	env->fatal_is_told = false;
	env->exit_turns = 0;
	env->has_init_error = false;
	buffer_finish(&env->init_error);
	env->output = (struct program_output){ .on_lines = on_lines };
}

static void start_life(struct environment *env, bool suppressed)
{
	struct error err;

	clear_life(env);
	env->suppressed = suppressed;
	if (suppressed)
		start_clock(env, env->init.asked_ns);
	else
		loop_timer_start(env->context->loop, &env->limit,
		                 env->init.asked_ns + BOX_LIMIT_NS);
	if (!start_box(env, &err))
		on_box_failed(env, &err);
}

static void on_life_ended(struct environment *env)
{
	if (env->retiring) {
		enter(env, ENVIRONMENT_GONE);
		env->context->on_change(env->context, env);
		return;
	}
	enter(env, ENVIRONMENT_RESET);
	if (!env->current) {
		env->context->on_change(env->context, env);
		return;
	}
	enter(env, ENVIRONMENT_STARTING);
	start_life(env, true);
}

struct environment *environment_create(struct environment_context *context, unsigned id)
{
	struct environment *env = xcalloc(1, sizeof(*env));

	env->context = context;
	env->id = id;
	env->state = ENVIRONMENT_STARTING;
	env->limit.on_due = on_limit;
	env->verdict.on_due = on_verdict;
	journal_init(&env->journal, context->config, context->output);
	if (context->on_journal)
		context->on_journal(context, env, &env->journal);
	buffer_init(&env->told);
	buffer_init(&env->init_error);
	box_make_log_stream(context->config, env->log_stream);
	start_life(env, false);
	return env;
}

static void free_environment(struct loop_garbage *garbage)
{
	struct environment *env = container_of(garbage, struct environment, garbage);

	journal_finish(&env->journal);
	buffer_finish(&env->told);
	buffer_finish(&env->init_error);
	free(env);
}

void environment_destroy(struct environment *env)
{
	assert(env->state == ENVIRONMENT_GONE);
	loop_dispose(env->context->loop, &env->garbage, free_environment);
}

static void cut_invocation_short(struct environment *env)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure", "lrie is shutting down");

	invocation_answer_fault(env->current, &fault);
	if (env->current_started)
		finish_invocation(env, clock_now(), &fault);
	else
		release_invocation(env);
}

void environment_stop(struct environment *env)
{
	env->retiring = true;
	if (env->current)
		cut_invocation_short(env);
	switch (env->state) {
	case ENVIRONMENT_STARTING:
	case ENVIRONMENT_SERVING:
		stop_box(env);
		break;
	case ENVIRONMENT_RESET:
		enter(env, ENVIRONMENT_GONE);
		env->context->on_change(env->context, env);
		break;
	case ENVIRONMENT_STOPPING: /* GONE follows */
	case ENVIRONMENT_GONE:
		break;
	}
}

enum environment_state environment_state(const struct environment *env)
{
	return env->state;
}

/* ---- invocations ---- */

bool environment_is_free(const struct environment *env)
{
	return !env->current && !env->retiring;
}

bool environment_is_finishing(const struct environment *env)
{
	return env->current && env->current->is_answered && env->state == ENVIRONMENT_SERVING;
}

void environment_invoke(struct environment *env, struct invocation *invocation)
{
	assert(environment_is_free(env));
	env->current = invocation_ref(invocation);
	invocation->phase.received_ns = clock_now();
	switch (env->state) {
	case ENVIRONMENT_SERVING:
		if (env->fatal.status == FAULT_NONE)
			deliver(env); /* else it waits for the next life */
		break;
	case ENVIRONMENT_RESET:
		enter(env, ENVIRONMENT_STARTING);
		start_life(env, true);
		break;
	case ENVIRONMENT_STARTING:
	case ENVIRONMENT_STOPPING:
		break; /* it waits */
	case ENVIRONMENT_GONE:
		assert(false);
	}
}

/* ---- calls of the runtime ---- */

enum runtime_state environment_runtime_state(const struct environment *env)
{
	return env->runtime;
}

enum sandbox_peer environment_find_peer(const struct environment *env, int connection)
{
	return env->box ? sandbox_find_peer(env->box, connection) : SANDBOX_PEER_UNKNOWN;
}

void environment_runtime_contact(struct environment *env)
{
	if (!env->init.contact_ns)
		env->init.contact_ns = clock_now();
}

static void end_init(struct environment *env)
{
	env->init.ended_ns = clock_now();
	env->init_is_news = !env->suppressed;
	buffer_clear(&env->told);
	tell_init_runtime_done(env, NULL);
	if (env->init.started_ns) /* else its duration is not known yet */
		report_init_success(env);
	if (!env->suppressed)
		loop_timer_stop(&env->limit);
	enter(env, ENVIRONMENT_SERVING);
	if (env->context->on_usage && !env->init.started_ns)
		on_box_ready(&env->box_watch, EPOLLIN); /* the count begins with the start */
	look_at_usage(env, ENVIRONMENT_INIT_ENDED);
}

/* The runtime waits. What it waits for may have come already: while init ran, or from an asker
 * who submits in on_done. */
static void find_work(struct environment *env)
{
	if (!env->current)
		env->context->on_change(env->context, env);
	else if (env->fatal.status == FAULT_NONE && env->runtime == RUNTIME_READY)
		deliver(env);
	if (!env->current)
		freezer_rest(&env->freezer);
}

enum runtime_verdict environment_runtime_next(struct environment *env)
{
	enum runtime_state before = env->runtime;

	if (is_ending(env) || !runtime_call_is_allowed(before, RUNTIME_CALL_NEXT))
		return RUNTIME_INVALID_STATE;
	if (before == RUNTIME_RUNNING) {
		env->port->ops->deliver(env->port, env->current);
		return RUNTIME_ACCEPTED;
	}
	env->runtime = RUNTIME_READY;
	if (before != RUNTIME_STARTED && before != RUNTIME_RESPONSE_SENT)
		return RUNTIME_ACCEPTED;
	set_activity(env, ACTIVITY_IDLE);
	if (before == RUNTIME_STARTED)
		end_init(env);
	else
		finish_invocation(env, clock_now(), &env->unusable);
	if (env->state == ENVIRONMENT_SERVING)
		find_work(env);
	return RUNTIME_ACCEPTED;
}

enum runtime_verdict environment_runtime_begin_answer(struct environment *env, const char *id,
                                                      enum runtime_call call)
{
	assert(call == RUNTIME_CALL_RESPONSE || call == RUNTIME_CALL_ERROR);
	/* A wrong id is always 400, never 403: it is looked at first, as Lambda does. */
	if (!runtime_state_has_event(env->runtime) || strcmp(id, env->current->request_id) != 0)
		return RUNTIME_INVALID_REQUEST_ID;
	if (!runtime_call_is_allowed(env->runtime, call))
		return RUNTIME_INVALID_STATE;
	env->runtime = call == RUNTIME_CALL_RESPONSE ? RUNTIME_INVOCATION_RESPONSE
	                                             : RUNTIME_INVOCATION_ERROR_RESPONSE;
	env->current->phase.first_byte_ns = clock_now();
	return RUNTIME_ACCEPTED;
}

void environment_runtime_answer(struct environment *env, struct answer *answer)
{
	assert(is_uploading(env));
	env->runtime = RUNTIME_RESPONSE_SENT;
	env->current->phase.answered_ns = clock_now();
	if (!answer->fault)
		env->current->produced_bytes = answer->body.length;
	invocation_answer(env->current, answer);
}

void environment_runtime_answer_fault(struct environment *env, const struct fault *fault,
                                      bool empty)
{
	struct answer answer = { .body = BUFFER_INIT, .is_error = true, .fault = fault };

	if (!empty)
		fault_body(&answer.body, fault, env->current->request_id);
	env->unusable = *fault;
	environment_runtime_answer(env, &answer);
}

enum runtime_verdict environment_runtime_init_error(struct environment *env, const char *type,
                                                    struct buffer *body)
{
	struct fault fault = fault_init_error(type);
	uint64_t now = clock_now();

	if (is_ending(env) || !runtime_call_is_allowed(env->runtime, RUNTIME_CALL_INIT_ERROR))
		return RUNTIME_INVALID_STATE;
	env->runtime = RUNTIME_INIT_ERROR;
	env->has_init_error = true;
	buffer_move(&env->init_error, body);
	if (env->fatal.status == FAULT_ERROR)
		env->fatal = fault; /* it was posted before the exit, and read after it */
	else
		fail_soon(env, &fault, now, now + INIT_ERROR_GRACE_NS);
	return RUNTIME_ACCEPTED;
}
