/* SPDX-License-Identifier: Apache-2.0 */
/*
 * function - owns the environments and hands invocations to them
 *
 * The environments are kept in the order of their last use. An environment
 * whose answer is out but whose runtime has not come back with /next yet is not
 * worth a second cold start: a caller that sends one request after the other
 * would get one whenever it is quicker than the runtime. Such an invocation
 * waits for HANDOVER_NS, then gets its own environment.
 */
#include "emulator/function.h"

#include <assert.h>
#include <stdlib.h>

#include "emulator/clock.h"
#include "emulator/log.h"
#include "emulator/observer.h"

/*
 * At 128 MB a runtime may be throttled for 57 ms at a time (measured), and a bootstrap that starts
 * a curl per call needs more than one such stretch. A cold start is rarely quicker.
 */
#define HANDOVER_NS (200 * CLOCK_NS_PER_MS)

struct function {
	struct environment_context context;
	struct environment **environments; /* most recently used first */
	unsigned count, limit, next_id;
	struct invocation *first, **last; /* the line */
	unsigned waiting;
	struct loop_timer handover;
	struct metrics metrics;
	bool stopping;
	void (*on_stopped)(struct function *function);
};

/* ---- environments ---- */

static void move_to_front(struct function *function, unsigned at)
{
	struct environment *env = function->environments[at];

	for (; at > 0; at--)
		function->environments[at] = function->environments[at - 1];
	function->environments[0] = env;
}

static void add_environment(struct function *function, enum platform_initialization initialization)
{
	unsigned at = function->count++;

	metrics_count_environment(&function->metrics);
	function->environments[at] = environment_create(&function->context, function->next_id++,
	                                                initialization);
	move_to_front(function, at);
}

static void on_journal(struct environment_context *context, struct environment *env,
                       struct journal *journal)
{
	observer_attach(context->observer, env, journal, context->metrics);
}

/* How those begin that are needed beyond what was provisioned. */
static enum platform_initialization beyond(const struct function *function)
{
	enum platform_initialization type = function->context.config->initialization;

	return type == PLATFORM_PROVISIONED_CONCURRENCY ? PLATFORM_ON_DEMAND : type;
}

static void forget_environment(struct function *function, const struct environment *env)
{
	unsigned at = 0;

	while (function->environments[at] != env)
		at++;
	for (function->count--; at < function->count; at++)
		function->environments[at] = function->environments[at + 1];
}

/* The free environment that will get to work soonest, or -1. */
static int find_free(const struct function *function)
{
	static const enum environment_state order[] = {
		ENVIRONMENT_SERVING,
		ENVIRONMENT_STARTING,
		ENVIRONMENT_RESET,
		ENVIRONMENT_STOPPING,
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		for (unsigned at = 0; at < function->count; at++)
			if (environment_state(function->environments[at]) == order[i] &&
			    environment_is_free(function->environments[at]))
				return (int)at;
	return -1;
}

static unsigned count_finishing(const struct function *function)
{
	unsigned finishing = 0;

	for (unsigned at = 0; at < function->count; at++)
		finishing += environment_is_finishing(function->environments[at]);
	return finishing;
}

/* ---- the line ---- */

static void join_line(struct function *function, struct invocation *invocation)
{
	*function->last = invocation_ref(invocation);
	function->last = &invocation->next;
	function->waiting++;
}

static struct invocation *leave_line(struct function *function, struct invocation **place)
{
	struct invocation *invocation = *place;

	*place = invocation->next;
	if (!*place)
		function->last = place;
	invocation->next = NULL;
	function->waiting--;
	return invocation;
}

/* Takes back an invocation that has not found a place. */
static void withdraw(struct function *function, const struct invocation *invocation)
{
	struct invocation **place = &function->first;

	while (*place != invocation)
		place = &(*place)->next;
	invocation_unref(leave_line(function, place));
}

/* Gives work to whoever can take it, in the order of arrival. */
static void advance_line(struct function *function)
{
	while (function->first) {
		int at = find_free(function);

		if (at == -1)
			return;
		struct environment *env = function->environments[at];
		struct invocation *invocation = leave_line(function, &function->first);

		move_to_front(function, (unsigned)at);
		environment_invoke(env, invocation);
		invocation_unref(invocation);
	}
	loop_timer_stop(&function->handover);
}

/* Starts environments for those who wait, beyond 'spared' who will be served soon anyway. */
static void add_environments(struct function *function, unsigned spared)
{
	while (function->waiting > spared && function->count < function->limit) {
		add_environment(function, beyond(function));
		advance_line(function);
	}
}

static void on_handover(struct loop_timer *timer)
{
	struct function *function = container_of(timer, struct function, handover);

	add_environments(function, 0);
}

static void on_change(struct environment_context *context, struct environment *env)
{
	struct function *function = container_of(context, struct function, context);

	if (environment_state(env) == ENVIRONMENT_GONE) {
		forget_environment(function, env);
		observer_forget(context->observer, env);
		environment_destroy(env);
		if (function->stopping && function->count == 0)
			function->on_stopped(function);
		return;
	}
	advance_line(function);
}

/* ---- from outside ---- */

enum function_verdict function_submit(struct function *function, struct invocation *invocation)
{
	if (function->stopping)
		return FUNCTION_IS_STOPPING;
	join_line(function, invocation);
	advance_line(function);
	add_environments(function, count_finishing(function));
	if (function->waiting == 0)
		return FUNCTION_ACCEPTED;

	/* It waits for a runtime that is about to come back, or for its turn. */
	bool reserved = function->context.config->concurrency > 0;
	unsigned finishing = count_finishing(function);

	if (finishing > 0 && function->waiting <= finishing && !function->handover.loop)
		loop_timer_start(function->context.loop, &function->handover,
		                 clock_now() + HANDOVER_NS);
	if ((!reserved || function->waiting <= finishing) && function->waiting <= FUNCTION_LINE)
		return FUNCTION_ACCEPTED;
	withdraw(function, invocation);
	metrics_count_throttle(&function->metrics,
	                       reserved ? METRICS_THROTTLE_RESERVED : METRICS_THROTTLE_LINE);
	return reserved ? FUNCTION_CONCURRENCY_EXCEEDED : FUNCTION_LINE_IS_FULL;
}

struct function *function_create(const struct environment_context *context)
{
	struct function *function = xcalloc(1, sizeof(*function));
	uint64_t reserved = context->config->concurrency;
	unsigned provisioned = context->config->initialization == PLATFORM_PROVISIONED_CONCURRENCY
	                               ? (unsigned)context->config->provisioned
	                               : 0;

	function->context = *context;
	function->context.on_change = on_change;
	function->context.on_journal = on_journal;
	function->context.metrics = &function->metrics;
	function->limit = reserved ? (unsigned)reserved : FUNCTION_ENVIRONMENTS;
	if (function->limit < provisioned)
		function->limit = provisioned;
	function->environments = xcalloc(function->limit, sizeof(*function->environments));
	function->next_id = 1;
	function->last = &function->first;
	function->handover.on_due = on_handover;
	for (unsigned i = 0; i < provisioned; i++)
		add_environment(function, context->config->initialization);
	if (provisioned == 0)
		add_environment(function, beyond(function));
	return function;
}

/* ---- figures ---- */

static enum metrics_state state_of(const struct environment *env)
{
	switch (environment_state(env)) {
	case ENVIRONMENT_STARTING:
		return METRICS_STARTING;
	case ENVIRONMENT_SERVING:
		return environment_is_busy(env) ? METRICS_BUSY : METRICS_IDLE;
	case ENVIRONMENT_RESET:
		return METRICS_RESET;
	case ENVIRONMENT_STOPPING:
	case ENVIRONMENT_GONE:
		break;
	}
	return METRICS_STOPPING;
}

const struct metrics *function_metrics(const struct function *function)
{
	return &function->metrics;
}

struct metrics_now function_now(const struct function *function)
{
	struct metrics_now now = { .waiting = function->waiting };

	for (unsigned at = 0; at < function->count; at++)
		now.environments[state_of(function->environments[at])]++;
	return now;
}

/* ---- the end ---- */

static void refuse_line(struct function *function)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure", "lrie is shutting down");
	struct log_tail *none = NULL;

	while (function->first) {
		struct invocation *invocation = leave_line(function, &function->first);

		invocation_answer_fault(invocation, &fault);
		invocation->ops->on_done(invocation, none);
		invocation_unref(invocation);
	}
}

void function_stop(struct function *function, void (*on_stopped)(struct function *function))
{
	assert(!function->stopping);
	function->stopping = true;
	function->on_stopped = on_stopped;
	loop_timer_stop(&function->handover);
	refuse_line(function);
	for (unsigned at = function->count; at > 0; at--)
		environment_stop(function->environments[at - 1]);
}

void function_destroy(struct function *function)
{
	if (!function)
		return;
	assert(function->count == 0);
	free(function->environments);
	free(function);
}
