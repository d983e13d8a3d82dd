/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment - one execution environment: a box, its runtime, and its life
 *
 * A life is one box from start to end; an environment has one after another. What
 * happens in a life is in environment_life.c.
 */
#include "emulator/environment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/log.h"

#define BIT(n) (1U << (n))

/* A runtime that has reported a failed init is about to exit, and may have more to say. */
#define INIT_ERROR_GRACE_NS (300 * CLOCK_NS_PER_MS)

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

void environment_enter(struct environment *env, enum environment_state next)
{
	assert(allowed[env->state] & BIT(next));
	log_debug("environment %u: %s -> %s", env->id, state_name[env->state], state_name[next]);
	env->state = next;
}

/* ---- the invocation ---- */

void environment_start_clock(struct environment *env, uint64_t now)
{
	uint64_t timeout_ms = env->context->config->timeout_ms;

	env->current_started = true;
	env->current->phase.started_ns = now;
	env->current->deadline_ms = clock_wall_ms() + timeout_ms;
	loop_timer_start(env->context->loop, &env->limit, now + timeout_ms * CLOCK_NS_PER_MS);
}

void environment_set_activity(struct environment *env, enum activity activity)
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
	environment_set_activity(env, ACTIVITY_INVOKE);
	if (!env->init_is_news && !env->suppressed)
		journal_clear_tail(&env->journal);
	if (!env->current_started)
		environment_start_clock(env, clock_now());
	env->runtime = RUNTIME_RUNNING;
	env->port->ops->deliver(env->port, env->current);
	environment_announce(env);
	environment_tell_extensions(env);
}

static void release_invocation(struct environment *env)
{
	struct invocation *invocation = env->current;
	bool started = env->current_started;

	env->current = NULL;
	env->current_started = env->current_announced = env->runtime_is_done = false;
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

/* The runtime's part of the invocation is over, by its next /next or by 'fault'. */
static void end_runtime_part(struct environment *env, uint64_t at_ns, const struct fault *fault)
{
	if (env->runtime_is_done)
		return;
	env->runtime_is_done = true;
	env->current->phase.runtime_done_ns = at_ns;
	environment_drain_output(env);
	environment_announce(env);
	environment_tell_runtime_done(env, fault);
}

void environment_finish_invocation(struct environment *env, uint64_t ended_ns,
                                   const struct fault *fault)
{
	assert(env->current_started);
	loop_timer_stop(&env->limit);
	env->current->phase.ended_ns = ended_ns;
	if (env->init_is_news)
		look_at_usage(env, ENVIRONMENT_FIRST_ENDED);
	end_runtime_part(env, ended_ns, fault);
	if (env->extensions.count > 0)
		environment_drain_output(env); /* of those that were at work until now */
	environment_measure_memory(env);
	environment_report_invocation(env, fault);
	environment_count_invocation(env, fault);
	env->init_is_news = env->suppressed = false;
	release_invocation(env);
}

void environment_answer_failure(struct environment *env)
{
	struct answer answer = { .body = BUFFER_INIT, .is_error = true, .fault = &env->fatal };

	if (!env->has_init_error) {
		invocation_answer_fault(env->current, &env->fatal);
		return;
	}
	buffer_move(&answer.body, &env->init_error);
	invocation_answer(env->current, &answer);
}

static void on_idle(struct loop_timer *timer)
{
	struct environment *env = container_of(timer, struct environment, idle);

	log_info("environment %u: without work for too long (--idle-timeout), ending", env->id);
	environment_stop(env);
}

struct environment *environment_create(struct environment_context *context, unsigned id,
                                       enum platform_initialization initialization)
{
	struct environment *env = xcalloc(1, sizeof(*env));

	env->context = context;
	env->id = id;
	env->state = ENVIRONMENT_STARTING;
	env->initialization = initialization;
	env->idle.on_due = on_idle;
	env->limit.on_due = environment_on_limit;
	env->verdict.on_due = environment_on_verdict;
	journal_init(&env->journal, context->config, context->output);
	environment_create_telemetry(env);
	if (context->on_journal)
		context->on_journal(context, env, &env->journal);
	buffer_init(&env->told);
	buffer_init(&env->init_error);
	box_make_log_stream(context->config, env->log_stream);
	env->tmp = sandbox_tmp_create();
	environment_start_life(env, false);
	return env;
}

static void free_environment(struct loop_garbage *garbage)
{
	struct environment *env = container_of(garbage, struct environment, garbage);

	telemetry_destroy(env->telemetry);
	journal_finish(&env->journal);
	buffer_finish(&env->told);
	buffer_finish(&env->init_error);
	sandbox_tmp_destroy(env->tmp);
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
		environment_finish_invocation(env, clock_now(), &fault);
	else
		release_invocation(env);
}

void environment_stop(struct environment *env)
{
	env->retiring = true;
	loop_timer_stop(&env->idle);
	if (env->current)
		cut_invocation_short(env);
	switch (env->state) {
	case ENVIRONMENT_STARTING:
	case ENVIRONMENT_SERVING:
		environment_stop_box(env);
		break;
	case ENVIRONMENT_RESET:
		environment_enter(env, ENVIRONMENT_GONE);
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
	loop_timer_stop(&env->idle);
	env->current = invocation_ref(invocation);
	invocation->phase.received_ns = clock_now();
	switch (env->state) {
	case ENVIRONMENT_SERVING:
		if (env->fatal.status == FAULT_NONE)
			deliver(env); /* else it waits for the next life */
		break;
	case ENVIRONMENT_RESET:
		environment_enter(env, ENVIRONMENT_STARTING);
		environment_start_life(env, true);
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
	/* Who has none is spared a phase of them that would be a microsecond long. */
	env->init.ended_ns = env->extensions.count > 0 ? clock_now() : env->init.runtime_done_ns;
	env->init_is_news = !env->suppressed && env->initialization == PLATFORM_ON_DEMAND;
	buffer_clear(&env->told);
	if (env->init.started_ns) /* else its duration is not known yet */
		environment_report_init_success(env);
	if (!env->suppressed)
		loop_timer_stop(&env->limit);
	environment_enter(env, ENVIRONMENT_SERVING);
	if (env->context->on_usage && !env->init.started_ns)
		environment_hear_box(env); /* the count begins with the start */
	look_at_usage(env, ENVIRONMENT_INIT_ENDED);
}

/* Nothing is to be done: until the next invocation, or for good after a while. */
static void rest(struct environment *env)
{
	const struct config *config = env->context->config;
	uint64_t idle_ms = config->idle_timeout_ms;

	/* Of lrie bench it is about what is simulated. */
	if (idle_ms > 0 && config->command == CONFIG_SERVE &&
	    env->initialization == PLATFORM_ON_DEMAND && !env->retiring)
		loop_timer_start(env->context->loop, &env->idle,
		                 clock_now() + idle_ms * CLOCK_NS_PER_MS);
}

/* The runtime waits. What it waits for may have come already: while init ran, or from an asker
 * who submits in on_done. */
static void find_work(struct environment *env)
{
	if (!env->current)
		env->context->on_change(env->context, env);
	else if (env->fatal.status == FAULT_NONE && env->runtime == RUNTIME_READY)
		deliver(env);
	if (!env->current) {
		freezer_rest(&env->freezer);
		rest(env);
	}
}

void environment_look_for_end(struct environment *env)
{
	if (env->state == ENVIRONMENT_STARTING && env->runtime == RUNTIME_READY &&
	    extensions_are_ready(&env->extensions))
		end_init(env);
	else if (env->state == ENVIRONMENT_SERVING && env->runtime_is_done &&
	         !extensions_are_busy(&env->extensions))
		environment_finish_invocation(env, clock_now(), &env->unusable);
	else
		return;
	environment_set_activity(env, ACTIVITY_IDLE);
	if (env->state == ENVIRONMENT_SERVING)
		find_work(env);
}

enum runtime_verdict environment_runtime_next(struct environment *env)
{
	enum runtime_state before = env->runtime;

	if (environment_is_ending(env) || !runtime_call_is_allowed(before, RUNTIME_CALL_NEXT))
		return RUNTIME_INVALID_STATE;
	if (before == RUNTIME_RUNNING) {
		env->port->ops->deliver(env->port, env->current);
		return RUNTIME_ACCEPTED;
	}
	env->runtime = RUNTIME_READY;
	if (before != RUNTIME_STARTED && before != RUNTIME_RESPONSE_SENT)
		return RUNTIME_ACCEPTED;
	if (before == RUNTIME_STARTED) {
		env->init.runtime_done_ns = clock_now();
		environment_tell_init_runtime_done(env, NULL);
	} else {
		end_runtime_part(env, clock_now(), &env->unusable);
	}
	environment_look_for_end(env);
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
	assert(environment_is_uploading(env));
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

	if (environment_is_ending(env) ||
	    !runtime_call_is_allowed(env->runtime, RUNTIME_CALL_INIT_ERROR))
		return RUNTIME_INVALID_STATE;
	env->runtime = RUNTIME_INIT_ERROR;
	env->has_init_error = true;
	buffer_move(&env->init_error, body);
	if (env->fatal.status == FAULT_ERROR)
		env->fatal = fault; /* it was posted before the exit, and read after it */
	else
		environment_fail_soon(env, &fault, now, now + INIT_ERROR_GRACE_NS);
	return RUNTIME_ACCEPTED;
}
