/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_restore - SnapStart: from the snapshot to the first event
 *
 * The snapshot is the environment itself, frozen once its init is over: processes
 * cannot be copied, so each is restored once. A runtime that knows of all this waits
 * in /restore/next and has a time to run its hooks; one that does not waits for an
 * event already, and is only thawed.
 */
#include <assert.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/identifier.h"

bool environment_awaits_restore(const struct environment *env)
{
	return env->initialization == PLATFORM_SNAP_START && !env->restore.started_ns;
}

bool environment_is_restoring(const struct environment *env)
{
	return env->restore.started_ns && !env->restore.ended_ns;
}

bool environment_was_restored(const struct environment *env)
{
	return env->restore.ended_ns;
}

/* What is in a variable would be in the snapshot. */
void environment_offer_credentials(struct environment *env)
{
	if (env->initialization == PLATFORM_SNAP_START)
		hex_make(env->port->credentials_token, sizeof(env->port->credentials_token) - 1);
}

/* ---- the way through ---- */

static void succeed(struct environment *env, uint64_t at_ns)
{
	env->restore.ended_ns = at_ns;
	env->restore_is_news = true;
	environment_drain_output(env); /* of its hooks */
	metrics_count_restore(env->context->metrics, restore_phase_duration_ns(&env->restore));
	environment_tell_restore_end(env, NULL);
}

/* CPU stays as init had it: what runs is the rest of it. */
void environment_restore(struct environment *env)
{
	uint64_t awake_ns;

	assert(env->runtime == RUNTIME_READY || env->runtime == RUNTIME_RESTORE_READY);
	env->restore.started_ns = clock_now();
	freezer_wake(&env->freezer);
	awake_ns = clock_now();
	environment_set_activity(env, ACTIVITY_RESTORE);
	journal_clear_tail(&env->journal); /* init was long ago */
	environment_tell_restore_start(env);
	if (env->runtime == RUNTIME_READY) {
		succeed(env, awake_ns);
		return;
	}
	env->runtime = RUNTIME_RESTORING;
	env->limit.is_virtual = true;
	loop_timer_start(env->context->loop, &env->limit,
	                 env->restore.started_ns +
	                         env->context->config->restore_timeout_ms * CLOCK_NS_PER_MS);
	env->port->ops->restore(env->port);
}

void environment_end_restore(struct environment *env)
{
	if (env->fatal.status != FAULT_NONE)
		return; /* it was sent before the end, and read after it: the restore has failed */
	loop_timer_stop(&env->limit);
	env->runtime = RUNTIME_READY;
	succeed(env, clock_now());
	environment_find_work(env);
}

/* ---- failures ---- */

struct fault environment_restore_timeout(const struct environment *env)
{
	return fault_restore_timeout(env->context->config->restore_timeout_ms);
}

static void refuse(struct slot *slot)
{
	struct environment *env = slot->env;
	struct answer answer = {
		.body = BUFFER_INIT,
		.is_error = true,
		.fault = &env->fatal,
		.is_of_restore = true,
	};

	fault_body(&answer.body, &env->fatal, slot->invocation->request_id);
	invocation_answer(slot->invocation, &answer);
	slot_release(slot);
}

void environment_fail_restore(struct environment *env)
{
	env->restore.ended_ns = env->fatal_ns;
	metrics_count_restore_error(env->context->metrics, env->fatal.type);
	environment_tell_restore_end(env, &env->fatal);
	if (env->slots[0].invocation)
		refuse(&env->slots[0]);
}

/* ---- calls of the runtime ---- */

enum runtime_verdict environment_runtime_restore_next(struct environment *env)
{
	if (environment_is_ending(env) ||
	    !runtime_call_is_allowed(env->runtime, RUNTIME_CALL_RESTORE_NEXT))
		return RUNTIME_INVALID_STATE;
	env->runtime = RUNTIME_RESTORE_READY;
	env->init.runtime_done_ns = clock_now();
	environment_tell_init_runtime_done(env, NULL);
	environment_look_for_end(env);
	return RUNTIME_ACCEPTED;
}

enum runtime_verdict environment_runtime_restore_error(struct environment *env, const char *type)
{
	struct fault fault = fault_restore_error(type);

	if (environment_is_ending(env) ||
	    !runtime_call_is_allowed(env->runtime, RUNTIME_CALL_RESTORE_ERROR))
		return RUNTIME_INVALID_STATE;
	env->runtime = RUNTIME_RESTORE_ERROR;
	environment_fail_reported(env, NULL, &fault);
	return RUNTIME_ACCEPTED;
}
