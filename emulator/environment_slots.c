/* SPDX-License-Identifier: Apache-2.0 */
/*
 * environment_slots - the invocations of an environment, each in a slot of its own
 *
 * From the moment that one is there, through its delivery and its answer, to its
 * REPORT. Where an environment takes several they share nothing but the runtime.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/environment_private.h"

bool environment_is_concurrent(const struct environment *env)
{
	return env->slot_count > 1;
}

bool environment_is_busy(const struct environment *env)
{
	for (unsigned i = 0; i < env->slot_count; i++) {
		if (env->slots[i].invocation)
			return true;
	}
	return false;
}

struct slot *environment_find_free_slot(const struct environment *env)
{
	return environment_find_slot_of(env, NULL);
}

/* The slot whose event the runtime has, and whose id that is. */
struct slot *environment_find_slot_by_id(const struct environment *env, const char *id)
{
	for (unsigned i = 0; i < env->slot_count; i++) {
		struct slot *slot = &env->slots[i];

		if (slot->invocation && runtime_state_has_event(slot->state) &&
		    strcmp(slot->invocation->request_id, id) == 0)
			return slot;
	}
	return NULL;
}

/* NULL when it is no longer here. */
struct slot *environment_find_slot_of(const struct environment *env,
                                      const struct invocation *invocation)
{
	for (unsigned i = 0; i < env->slot_count; i++) {
		if (env->slots[i].invocation == invocation)
			return &env->slots[i];
	}
	return NULL;
}

bool slot_is_waiting(const struct slot *slot)
{
	return slot->invocation && slot->state == RUNTIME_READY && !slot->runtime_is_done;
}

/* Of several /next each gets an event of its own; of one, every repetition gets the same. */
bool environment_can_deliver(const struct environment *env)
{
	return env->state == ENVIRONMENT_SERVING && env->fatal.status == FAULT_NONE &&
	       env->runtime == RUNTIME_READY &&
	       (!environment_is_concurrent(env) || env->port->waiting > 0);
}

void slot_start_clock(struct slot *slot, uint64_t now)
{
	struct environment_context *context = slot->env->context;
	uint64_t timeout_ms = context->config->timeout_ms;

	slot->is_started = true;
	slot->invocation->phase.started_ns = now;
	slot->invocation->deadline_ms = clock_machine_wall_ms() + timeout_ms;
	loop_timer_start(context->loop, &slot->limit, now + timeout_ms * CLOCK_NS_PER_MS);
}

void environment_set_activity(struct environment *env, enum activity activity)
{
	if (env->box)
		sandbox_set_phase(env->box, activity);
}

/* Others may be in the middle of what the log's tail has. */
static bool owns_tail(const struct environment *env)
{
	return !environment_is_concurrent(env);
}

/* Hands the event to the runtime, which waits for it. */
void slot_deliver(struct slot *slot)
{
	struct environment *env = slot->env;

	if (!env->throttled) {
		/* CPU follows the phase: init ran at full speed. */
		sandbox_set_cpu(env->box, SANDBOX_CPU_THROTTLED);
		env->throttled = true;
	}
	freezer_wake(&env->freezer);
	environment_set_activity(env, ACTIVITY_INVOKE);
	if (!env->init_is_news && !env->suppressed && !env->restore_is_news && owns_tail(env))
		journal_clear_tail(&env->journal);
	if (!slot->is_started)
		slot_start_clock(slot, clock_now());
	slot->state = RUNTIME_RUNNING;
	env->port->ops->deliver(env->port, slot->invocation, !environment_is_concurrent(env));
	slot_announce(slot);
	environment_tell_extensions(env);
}

void slot_release(struct slot *slot)
{
	struct environment *env = slot->env;
	struct invocation *invocation = slot->invocation;
	bool started = slot->is_started;

	loop_timer_stop(&slot->limit);
	loop_timer_stop(&slot->broken);
	slot->invocation = NULL;
	slot->state = RUNTIME_READY;
	slot->is_started = slot->is_announced = slot->runtime_is_done = false;
	slot->unusable = (struct fault){ .status = FAULT_NONE };
	env->waits_since_start = false;
	invocation->ops->on_done(invocation, started ? journal_tail(&env->journal) : NULL);
	/* Unless the next one was submitted in on_done. */
	if (!slot->is_announced && owns_tail(env))
		journal_clear_tail(&env->journal);
	invocation_unref(invocation);
}

/* Not on Lambda's clocks: what it takes is told to whoever wants it. */
void environment_look_at_usage(struct environment *env, enum environment_moment moment)
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

/* The runtime's part of the invocation is over, by its next /next or by 'fault'. Of several at
 * once there is no telling which /next ends which: then report has all (spec runtime-api.md §9). */
void slot_end_runtime_part(struct slot *slot, uint64_t at_ns, const struct fault *fault)
{
	if (slot->runtime_is_done)
		return;
	slot->runtime_is_done = true;
	slot->invocation->phase.runtime_done_ns = at_ns;
	environment_drain_output(slot->env);
	slot_announce(slot);
	if (!environment_is_concurrent(slot->env))
		slot_tell_runtime_done(slot, fault);
}

void slot_finish(struct slot *slot, uint64_t ended_ns, const struct fault *fault)
{
	struct environment *env = slot->env;

	assert(slot->is_started);
	loop_timer_stop(&slot->limit);
	slot->invocation->phase.ended_ns = ended_ns;
	if (env->init_is_news)
		environment_look_at_usage(env, ENVIRONMENT_FIRST_ENDED);
	slot_end_runtime_part(slot, ended_ns, fault);
	if (env->extensions.count > 0)
		environment_drain_output(env); /* of those that were at work until now */
	environment_measure_memory(env);
	slot_report(slot, fault);
	slot_count_invocation(slot, fault);
	env->init_is_news = env->suppressed = env->restore_is_news = false;
	slot_release(slot);
}

/* ---- failures ---- */

static void answer_failure(struct slot *slot)
{
	struct environment *env = slot->env;
	struct answer answer = { .body = BUFFER_INIT, .is_error = true, .fault = &env->fatal };

	if (!env->has_init_error) {
		invocation_answer_fault(slot->invocation, &env->fatal);
		return;
	}
	/* Of several, each gets it. */
	buffer_append(&answer.body, env->init_error.data, env->init_error.length);
	invocation_answer(slot->invocation, &answer);
}

void environment_fail_invocations(struct environment *env)
{
	for (unsigned i = 0; i < env->slot_count; i++) {
		struct slot *slot = &env->slots[i];

		if (!slot->is_started)
			continue;
		answer_failure(slot);
		slot_finish(slot, env->fatal_ns, &env->fatal);
	}
}

static void remember_late(struct late_ids *late, const char *id)
{
	memcpy(late->ids[late->next++ % LATE_IDS], id, UUID_SIZE);
}

bool environment_is_late(const struct environment *env, const char *id)
{
	const struct late_ids *late = env->late;

	for (unsigned i = 0; late && i < LATE_IDS; i++) {
		if (strcmp(late->ids[i], id) == 0)
			return true;
	}
	return false;
}

/* A runtime that has others to serve lives on; one that has not is ended, as Lambda does. */
static void on_time_out(struct loop_timer *timer)
{
	struct slot *slot = container_of(timer, struct slot, limit);
	struct environment *env = slot->env;
	struct fault fault = fault_timeout(env->context->config->timeout_ms);

	if (!environment_is_concurrent(env)) {
		environment_fail_now(env, &fault);
		return;
	}
	remember_late(env->late, slot->invocation->request_id);
	invocation_answer_fault(slot->invocation, &fault);
	slot_finish(slot, clock_now(), &fault);
	if (environment_is_free(env))
		env->context->on_change(env->context, env);
	environment_end_if_done(env);
}

void environment_make_slots(struct environment *env)
{
	uint64_t concurrency = env->context->config->max_concurrency;

	env->slot_count = concurrency > 0 ? (unsigned)concurrency : 1;
	env->slots = xcalloc(env->slot_count, sizeof(*env->slots));
	for (unsigned i = 0; i < env->slot_count; i++)
		env->slots[i] = (struct slot){
			.env = env,
			.state = RUNTIME_READY,
			.limit = { .on_due = on_time_out, .is_virtual = true },
			.broken.on_due = slot_on_broken,
		};
	if (environment_is_concurrent(env))
		env->late = xcalloc(1, sizeof(*env->late));
}

void slot_cut_short(struct slot *slot)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure", "lrie is shutting down");

	/* An answered one is as it is: only nobody waits for the runtime's next /next any more. */
	if (slot->invocation->is_answered)
		fault = slot->unusable;
	else
		invocation_answer_fault(slot->invocation, &fault);
	if (slot->is_started)
		slot_finish(slot, clock_now(), &fault);
	else
		slot_release(slot);
}

/* Also one whose clock runs since init is tried again: it has seen nothing of the function. */
struct invocation *slot_take_back(struct slot *slot, struct invocation *others)
{
	struct invocation *invocation = slot->invocation;

	if (!invocation || slot->state != RUNTIME_READY || slot->is_announced)
		return others;
	loop_timer_stop(&slot->limit);
	slot->invocation = NULL;
	slot->is_started = false;
	invocation->phase.started_ns = 0;
	invocation->version = NULL; /* of the environment that it has not begun in */
	invocation->next = others;
	return invocation;
}
