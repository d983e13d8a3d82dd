/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment - one execution environment: a box, its runtime, and its life
 *
 * A life is one box from start to end; an environment has one after another. What
 * happens in a life is in environment_life.c.
 */
#include "emulator/environment.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/log.h"
#include "emulator/observer.h"

#define BIT(n) (1U << (n))

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
	log_debug("%s: %s -> %s", env->label, state_name[env->state], state_name[next]);
	env->state = next;
}

/* ---- coming and going ---- */

static void on_idle(struct loop_timer *timer)
{
	struct environment *env = container_of(timer, struct environment, idle);

	log_info("%s: without work for too long (--idle-timeout), ending", env->label);
	environment_stop(env);
}

/* Which function it is of is said where a file has given them names. */
static void name_environment(struct environment *env, const struct config *config)
{
	snprintf(env->label, sizeof(env->label), "environment %u%s%.64s", env->id,
	         config->file ? " of " : "", config->file ? config->function_name : "");
	if (config->file)
		snprintf(env->prefix, sizeof(env->prefix), "%.64s: ", config->function_name);
}

struct environment *environment_create(struct environment_context *context, unsigned id,
                                       enum platform_initialization initialization)
{
	struct environment *env = xcalloc(1, sizeof(*env));

	env->context = context;
	env->id = id;
	name_environment(env, context->config);
	env->state = ENVIRONMENT_STARTING;
	env->guest.process = -1;
	env->initialization = initialization;
	env->created_ns = clock_now();
	env->idle = (struct loop_timer){ .on_due = on_idle, .is_virtual = true };
	environment_make_slots(env);
	env->limit.on_due = environment_on_limit;
	env->verdict.on_due = environment_on_verdict;
	journal_init(&env->journal, context->config, context->output);
	env->journal.names_lines = context->names_lines;
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
	free(env->slots);
	free(env->late);
	free(env);
}

void environment_destroy(struct environment *env)
{
	assert(env->state == ENVIRONMENT_GONE);
	loop_dispose(env->context->loop, &env->garbage, free_environment);
}

void environment_stop(struct environment *env)
{
	env->retiring = true;
	loop_timer_stop(&env->idle);
	for (unsigned i = 0; i < env->slot_count; i++) {
		if (env->slots[i].invocation)
			slot_cut_short(&env->slots[i]);
	}
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

struct invocation *environment_retire(struct environment *env)
{
	struct invocation *returned = NULL;

	env->retiring = true;
	for (unsigned i = 0; i < env->slot_count; i++)
		returned = slot_take_back(&env->slots[i], returned);
	if (!environment_is_busy(env))
		environment_stop(env);
	return returned;
}

uint64_t environment_born_ns(const struct environment *env)
{
	return env->initialization == PLATFORM_SNAP_START ? env->restore.ended_ns : env->created_ns;
}

bool environment_is_retired(const struct environment *env)
{
	return env->retiring;
}

void environment_end_if_done(struct environment *env)
{
	if (!env->retiring || environment_is_busy(env) || env->state != ENVIRONMENT_SERVING)
		return;
	env->context->on_change(env->context, env);
	environment_stop(env);
}

enum environment_state environment_state(const struct environment *env)
{
	return env->state;
}

enum platform_initialization environment_initialization(const struct environment *env)
{
	return env->initialization;
}

/* ---- invocations ---- */

bool environment_is_free(const struct environment *env)
{
	return !env->retiring && environment_find_free_slot(env);
}

bool environment_is_finishing(const struct environment *env)
{
	const struct invocation *invocation = env->slots[0].invocation;

	/* One of several is free as soon as it is answered. */
	return env->state == ENVIRONMENT_SERVING && !environment_is_concurrent(env) && invocation &&
	       invocation->is_answered;
}

static enum advance_work slot_work(const struct slot *slot, const struct advance_moments *moments)
{
	const struct invocation *invocation = slot->invocation;

	if (!invocation)
		return ADVANCE_NO_WORK;
	if (invocation->is_unattended && invocation->phase.received_ns >= moments->began_ns)
		return ADVANCE_OWN_WORK;
	return invocation->phase.received_ns > moments->given_up_ns ? ADVANCE_OTHERS_WORK
	                                                            : ADVANCE_NO_WORK;
}

/* Init has a limit of its own, unless it is a part of an invocation. */
enum advance_work environment_work(const struct environment *env,
                                   const struct advance_moments *moments)
{
	enum advance_work most = ADVANCE_NO_WORK;

	if (env->state == ENVIRONMENT_STOPPING ||
	    (env->state == ENVIRONMENT_STARTING && !env->suppressed))
		return ADVANCE_OWN_WORK;
	for (unsigned i = 0; i < env->slot_count; i++) {
		enum advance_work work = slot_work(&env->slots[i], moments);

		if (work > most)
			most = work;
	}
	return most;
}

/* A snapshot is restored first. */
static void start_work(struct slot *slot)
{
	struct environment *env = slot->env;

	if (env->fatal.status == FAULT_NONE && environment_awaits_restore(env))
		environment_restore(env);
	if (environment_can_deliver(env))
		slot_deliver(slot);
}

void environment_invoke(struct environment *env, struct invocation *invocation)
{
	struct slot *slot = environment_find_free_slot(env);

	assert(environment_is_free(env));
	loop_timer_stop(&env->idle);
	slot->invocation = invocation_ref(invocation);
	invocation->version = env->context->config->function_version;
	invocation->phase.received_ns = clock_now();
	switch (env->state) {
	case ENVIRONMENT_SERVING:
		start_work(slot); /* else it waits for the runtime, or for the next life */
		break;
	case ENVIRONMENT_RESET:
		environment_enter(env, ENVIRONMENT_STARTING);
		environment_start_life(env, environment_suppresses_init(env));
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
	const struct slot *slot = &env->slots[0];

	return !environment_is_concurrent(env) && runtime_state_has_event(slot->state)
	               ? slot->state
	               : env->runtime;
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
	if (env->initialization != PLATFORM_ON_DEMAND)
		environment_drain_output(env); /* INIT_REPORT comes after it */
	env->init_is_news = !env->suppressed && env->initialization == PLATFORM_ON_DEMAND &&
	                    !environment_has_guest(env);
	buffer_clear(&env->told);
	if (env->init.started_ns) /* else its duration is not known yet */
		environment_report_init_success(env);
	if (!env->suppressed)
		loop_timer_stop(&env->limit);
	environment_enter(env, ENVIRONMENT_SERVING);
	if (env->context->on_usage && !env->init.started_ns)
		environment_hear_box(env); /* the count begins with the start */
	environment_look_at_usage(env, ENVIRONMENT_INIT_ENDED);
}

/* Nothing is to be done: until the next invocation, or for good after a while. */
static void rest(struct environment *env)
{
	const struct config *config = env->context->config;
	uint64_t idle_ms = config->idle_timeout_ms;

	/* Of lrie bench it is about what is simulated. */
	if (idle_ms > 0 && config->command == CONFIG_SERVE &&
	    (env->initialization == PLATFORM_ON_DEMAND || environment_was_restored(env)) &&
	    !env->retiring)
		loop_timer_start(env->context->loop, &env->idle,
		                 clock_now() + idle_ms * CLOCK_NS_PER_MS);
}

/* The runtime waits. What it waits for may have come already: while init ran, or from an asker
 * who submits in on_done. */
void environment_find_work(struct environment *env)
{
	if (environment_is_free(env))
		env->context->on_change(env->context, env);
	for (unsigned i = 0; i < env->slot_count; i++) {
		if (slot_is_waiting(&env->slots[i]))
			start_work(&env->slots[i]);
	}
	environment_end_if_done(env);
	if (!environment_is_busy(env) && env->state == ENVIRONMENT_SERVING) {
		environment_set_activity(env, ACTIVITY_IDLE);
		freezer_rest(&env->freezer);
		rest(env);
	}
}

/* Of a runtime that takes several invocations the first /next alone tells (runtime-api.md §9). */
static bool init_is_over(const struct environment *env)
{
	return (env->runtime == RUNTIME_READY || env->runtime == RUNTIME_RESTORE_READY) &&
	       (environment_is_concurrent(env) || extensions_are_ready(&env->extensions));
}

void environment_look_for_end(struct environment *env)
{
	struct slot *slot = &env->slots[0];

	if (env->culprit)
		return; /* an extension has failed: it ends otherwise, once that has been judged */
	if (env->state == ENVIRONMENT_STARTING && init_is_over(env)) {
		environment_set_activity(env, ACTIVITY_IDLE);
		end_init(env);
	} else if (env->state == ENVIRONMENT_SERVING && slot->runtime_is_done &&
	           !extensions_are_busy(&env->extensions)) {
		environment_set_activity(env, ACTIVITY_IDLE);
		slot_finish(slot, clock_now(), &slot->unusable);
	} else {
		return;
	}
	if (env->state == ENVIRONMENT_SERVING)
		environment_find_work(env);
}

/* The first /next: the runtime's part of init is over. */
static void end_runtime_init(struct environment *env)
{
	env->runtime = RUNTIME_READY;
	env->init.runtime_done_ns = clock_now();
	environment_tell_init_runtime_done(env, NULL);
	environment_look_for_end(env);
}

enum runtime_verdict environment_runtime_next(struct environment *env)
{
	enum runtime_state before = environment_runtime_state(env);
	struct slot *slot = &env->slots[0];

	if (!runtime_call_is_allowed(before, RUNTIME_CALL_NEXT))
		return RUNTIME_INVALID_STATE;
	/* Who has until SIGKILL to say goodbye is not told of a mistake before. */
	if (environment_is_ending(env))
		return shutdown_is_under_way(&env->shutdown) ? RUNTIME_ACCEPTED
		                                             : RUNTIME_INVALID_STATE;
	if (before == RUNTIME_STARTED) {
		end_runtime_init(env);
	} else if (before == RUNTIME_RUNNING) {
		env->port->ops->deliver(env->port, slot->invocation, true);
	} else if (before == RUNTIME_RESPONSE_SENT) {
		slot_settle_broken(slot);
		slot->state = RUNTIME_READY;
		slot_end_runtime_part(slot, clock_now(), &slot->unusable);
		environment_look_for_end(env);
	} else if (before == RUNTIME_RESTORING) {
		environment_end_restore(env);
	} else if (environment_is_concurrent(env) && env->state == ENVIRONMENT_SERVING) {
		environment_find_work(env);
	}
	return RUNTIME_ACCEPTED;
}

enum runtime_verdict environment_runtime_begin_answer(struct environment *env, const char *id,
                                                      enum runtime_call call,
                                                      struct invocation **invocation)
{
	struct slot *slot = environment_find_slot_by_id(env, id);

	assert(call == RUNTIME_CALL_RESPONSE || call == RUNTIME_CALL_ERROR);
	/* A wrong id is always 400, never 403: it is looked at first, as Lambda does. */
	if (!slot)
		return environment_is_late(env, id) ? RUNTIME_TOO_LATE : RUNTIME_INVALID_REQUEST_ID;
	if (!runtime_call_is_allowed(slot->state, call))
		return environment_is_concurrent(env) ? RUNTIME_INVALID_REQUEST_ID
		                                      : RUNTIME_INVALID_STATE;
	slot->state = call == RUNTIME_CALL_RESPONSE ? RUNTIME_INVOCATION_RESPONSE
	                                            : RUNTIME_INVOCATION_ERROR_RESPONSE;
	slot->invocation->phase.first_byte_ns = clock_now();
	*invocation = invocation_ref(slot->invocation);
	return RUNTIME_ACCEPTED;
}

bool environment_wants_cause(const struct environment *env)
{
	return observer_wants_cause(env->context->observer);
}

void environment_runtime_cause(struct environment *env, const struct invocation *invocation,
                               char *cause)
{
	observer_tell_cause(env->context->observer, env, invocation ? invocation->request_id : NULL,
	                    cause);
}

static void take_answer(struct slot *slot, struct answer *answer)
{
	struct environment *env = slot->env;

	slot->state = RUNTIME_RESPONSE_SENT;
	slot->invocation->phase.answered_ns = clock_now();
	if (!answer->fault && !slot->invocation->stream)
		slot->invocation->produced_bytes = answer->body.length;
	invocation_answer(slot->invocation, answer);
	if (!environment_is_concurrent(env))
		return;
	slot_finish(slot, clock_now(), &slot->unusable);
	if (env->state == ENVIRONMENT_SERVING)
		environment_find_work(env);
}

bool environment_runtime_answer(struct environment *env, struct invocation *invocation,
                                struct answer *answer)
{
	struct slot *slot = environment_find_slot_of(env, invocation);

	invocation_unref(invocation);
	if (slot)
		take_answer(slot, answer);
	else
		buffer_finish(&answer->body);
	return slot;
}

bool environment_runtime_answer_fault(struct environment *env, struct invocation *invocation,
                                      const struct fault *fault, bool empty)
{
	struct answer answer = { .body = BUFFER_INIT, .is_error = true, .fault = fault };
	struct slot *slot = environment_find_slot_of(env, invocation);

	if (!empty)
		fault_body(&answer.body, fault, invocation->request_id);
	if (slot)
		slot->unusable = *fault;
	return environment_runtime_answer(env, invocation, &answer);
}

enum runtime_verdict environment_runtime_init_error(struct environment *env, const char *type,
                                                    struct buffer *body)
{
	struct fault fault = fault_init_error(type);

	if (environment_is_ending(env) ||
	    !runtime_call_is_allowed(env->runtime, RUNTIME_CALL_INIT_ERROR))
		return RUNTIME_INVALID_STATE;
	if (env->runtime == RUNTIME_RESTORING)
		return environment_runtime_restore_error(env, type);
	env->runtime = RUNTIME_INIT_ERROR;
	env->has_init_error = environment_fail_reported(env, NULL, &fault);
	if (env->has_init_error)
		buffer_move(&env->init_error, body);
	return RUNTIME_ACCEPTED;
}
