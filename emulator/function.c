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

/* What environments are made of, until the last of them is gone. */
struct generation {
	struct environment_context context;
	struct function *function;
	unsigned count; /* of its environments */
	struct loop_garbage garbage;
};

struct function {
	struct generation *current;
	struct environment **environments; /* most recently used first; old ones among them */
	unsigned count, room, limit, next_id;
	struct invocation *first, **last; /* the line */
	unsigned waiting;
	struct loop_timer handover;
	struct loop_timer age; /* when the oldest environment is too old */
	struct metrics metrics;
	struct loop_timer wind_up;
	bool at_once, replacing, retiring, stopping;
	struct function_end *end;
};

/* ---- generations ---- */

static const struct config *config_of(const struct function *function)
{
	return function->current->context.config;
}

static void end_generation(struct loop_garbage *garbage)
{
	struct generation *generation = container_of(garbage, struct generation, garbage);
	struct context_owner *owner = generation->context.owner;

	free(generation);
	if (owner)
		owner->on_unused(owner);
}

/* Its environments go after the turn of the loop, and it after them. */
static void leave_generation(struct generation *generation)
{
	generation->count--;
	if (generation->count == 0 && generation != generation->function->current)
		loop_dispose(generation->context.loop, &generation->garbage, end_generation);
}

/* ---- ages ---- */

static uint64_t age_limit_ns(const struct function *function)
{
	return config_of(function)->max_environment_age_ms * CLOCK_NS_PER_MS;
}

/* 0: never. */
static uint64_t too_old_at(const struct function *function, const struct environment *env)
{
	uint64_t born_ns = environment_born_ns(env);

	return born_ns && !environment_is_retired(env) ? born_ns + age_limit_ns(function) : 0;
}

/* An environment has come or gone, or was restored. */
static void watch_ages(struct function *function)
{
	uint64_t first_ns = UINT64_MAX;

	if (!age_limit_ns(function) || function->stopping)
		return;
	for (unsigned at = 0; at < function->count; at++) {
		uint64_t at_ns = too_old_at(function, function->environments[at]);

		if (at_ns && at_ns < first_ns)
			first_ns = at_ns;
	}
	if (first_ns != UINT64_MAX)
		loop_timer_start(function->current->context.loop, &function->age, first_ns);
	else
		loop_timer_stop(&function->age);
}

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

	if (function->count > function->room) {
		function->room += 1 + function->limit;
		function->environments = xrealloc(function->environments,
		                                  function->room * sizeof(*function->environments));
	}
	metrics_count_environment(&function->metrics);
	function->current->count++;
	function->environments[at] = environment_create(&function->current->context,
	                                                function->next_id++, initialization);
	move_to_front(function, at);
	watch_ages(function);
}

static void on_journal(struct environment_context *context, struct environment *env,
                       struct journal *journal)
{
	observer_attach(context->observer, env, context->config, journal, context->metrics);
}

/* How those begin that are needed beyond what was provisioned. */
static enum platform_initialization beyond(const struct function *function)
{
	enum platform_initialization type = config_of(function)->initialization;

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

/* Those that are about to end for good take nobody's place. */
static unsigned count_in_use(const struct function *function)
{
	unsigned in_use = 0;

	for (unsigned at = 0; at < function->count; at++)
		in_use += !environment_is_retired(function->environments[at]) ||
		          environment_is_busy(function->environments[at]);
	return in_use;
}

/* Old environments that are still at work may leave no concurrency for new ones. */
static bool is_exhausted(const struct function *function)
{
	unsigned busy = 0;

	if (function->count == function->current->count)
		return false;
	for (unsigned at = 0; at < function->count; at++)
		busy += environment_is_busy(function->environments[at]);
	return busy >= function->limit;
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

	if (is_exhausted(function))
		return -1;
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
	while (function->waiting > spared && count_in_use(function) < function->limit) {
		add_environment(function, beyond(function));
		advance_line(function);
	}
}

/* One has gone, or will not come back, that may have kept a new one from its place. */
static void serve_line(struct function *function)
{
	if (function->replacing)
		return;
	advance_line(function);
	add_environments(function, count_finishing(function));
}

static void on_handover(struct loop_timer *timer)
{
	struct function *function = container_of(timer, struct function, handover);

	add_environments(function, 0);
}

/* ---- its last environments ---- */

static void on_wind_up(struct loop_timer *timer)
{
	struct function *function = container_of(timer, struct function, wind_up);

	/* From the end: some are gone, and out of the list, at once. */
	for (unsigned at = function->count; at > 0 && function->waiting == 0; at--) {
		struct environment *env = function->environments[at - 1];

		if (!environment_is_busy(env) && !environment_is_retired(env))
			environment_stop(env);
	}
	if (function->count > 0)
		return;
	function->stopping = true;
	loop_timer_stop(&function->wind_up); /* what has just ended has started it again */
	loop_timer_stop(&function->handover);
	loop_timer_stop(&function->age);
	function->end->on_stopped(function->end);
}

/* Not now: an environment may be in the middle of something. */
static void wind_up_soon(struct function *function)
{
	if (function->retiring && !function->stopping)
		loop_timer_start(function->current->context.loop, &function->wind_up, clock_now());
}

static void on_change(struct environment_context *context, struct environment *env)
{
	struct generation *generation = container_of(context, struct generation, context);
	struct function *function = generation->function;

	if (environment_state(env) == ENVIRONMENT_GONE) {
		forget_environment(function, env);
		observer_forget(context->observer, env);
		environment_destroy(env);
		leave_generation(generation);
		if (function->stopping && function->count == 0)
			function->end->on_stopped(function->end);
		else if (function->first)
			serve_line(function);
		wind_up_soon(function);
		return;
	}
	watch_ages(function);
	wind_up_soon(function);
	if (environment_is_retired(env))
		serve_line(function);
	else
		advance_line(function);
}

/* ---- from outside ---- */

enum function_verdict function_submit(struct function *function, struct invocation *invocation)
{
	if (function->stopping || function->retiring)
		return FUNCTION_IS_STOPPING;
	join_line(function, invocation);
	advance_line(function);
	add_environments(function, count_finishing(function));
	if (function->waiting == 0)
		return FUNCTION_ACCEPTED;

	/* It waits for a runtime that is about to come back, or for its turn. */
	invocation->queued_ns = clock_now();
	bool reserved = config_of(function)->concurrency > 0;
	unsigned finishing = count_finishing(function);

	if (finishing > 0 && function->waiting <= finishing && !function->handover.loop)
		loop_timer_start(function->current->context.loop, &function->handover,
		                 clock_now() + HANDOVER_NS);
	if ((!reserved || function->waiting <= finishing) && function->waiting <= FUNCTION_LINE)
		return FUNCTION_ACCEPTED;
	withdraw(function, invocation);
	metrics_count_throttle(&function->metrics,
	                       reserved ? METRICS_THROTTLE_RESERVED : METRICS_THROTTLE_LINE);
	return reserved ? FUNCTION_CONCURRENCY_EXCEEDED : FUNCTION_LINE_IS_FULL;
}

/* Before those who have never left the line, and in their order among themselves. */
static void rejoin_line(struct function *function, struct invocation *invocation)
{
	struct invocation **place = &function->first;

	while (*place && (*place)->phase.received_ns &&
	       (*place)->phase.received_ns <= invocation->phase.received_ns)
		place = &(*place)->next;
	invocation->next = *place;
	if (!*place)
		function->last = &invocation->next;
	*place = invocation;
	function->waiting++;
}

/* It may be gone, and out of the list, at once. */
static void retire(struct function *function, struct environment *env)
{
	struct invocation *next, *returned = environment_retire(env);

	for (; returned; returned = next) {
		next = returned->next;
		rejoin_line(function, returned);
	}
}

static void retire_all(struct function *function)
{
	for (unsigned at = function->count; at > 0; at--)
		retire(function, function->environments[at - 1]);
}

/* Returns how many of them were provisioned. */
static unsigned retire_old(struct function *function)
{
	unsigned provisioned_ones = 0;
	uint64_t now = clock_now();

	for (unsigned at = function->count; at > 0; at--) {
		struct environment *env = function->environments[at - 1];
		uint64_t at_ns = too_old_at(function, env);

		if (!at_ns || at_ns > now)
			continue;
		provisioned_ones += environment_initialization(env) ==
		                    PLATFORM_PROVISIONED_CONCURRENCY;
		retire(function, env);
	}
	return provisioned_ones;
}

/* What was provisioned is to be there again; the others are replaced when they are needed. */
static void on_age(struct loop_timer *timer)
{
	struct function *function = container_of(timer, struct function, age);
	unsigned missing;

	function->replacing = true;
	missing = retire_old(function);
	function->replacing = false;
	for (unsigned i = 0; i < missing; i++)
		add_environment(function, PLATFORM_PROVISIONED_CONCURRENCY);
	watch_ages(function);
	serve_line(function);
}

/* ---- what environments are made of ---- */

static unsigned provisioned(const struct config *config)
{
	return config->initialization == PLATFORM_PROVISIONED_CONCURRENCY
	               ? (unsigned)config->provisioned
	               : 0;
}

static void begin_generation(struct function *function, const struct environment_context *context)
{
	const struct config *config = context->config;
	struct generation *generation = xcalloc(1, sizeof(*generation));

	generation->function = function;
	generation->context = *context;
	generation->context.on_change = on_change;
	generation->context.on_journal = on_journal;
	generation->context.metrics = &function->metrics;
	function->current = generation;
	function->limit = config->concurrency ? (unsigned)config->concurrency
	                                      : FUNCTION_ENVIRONMENTS;
	if (function->limit < provisioned(config))
		function->limit = provisioned(config);
}

static void add_first_environments(struct function *function, bool at_once)
{
	const struct config *config = config_of(function);

	for (unsigned i = 0; i < provisioned(config); i++)
		add_environment(function, config->initialization);
	if (provisioned(config) == 0 && at_once)
		add_environment(function, beyond(function));
}

struct function *function_create(const struct environment_context *context)
{
	struct function *function = xcalloc(1, sizeof(*function));

	function->next_id = 1;
	function->last = &function->first;
	function->handover.on_due = on_handover;
	function->wind_up.on_due = on_wind_up;
	function->age = (struct loop_timer){ .on_due = on_age, .is_virtual = true };
	begin_generation(function, context);
	return function;
}

void function_start(struct function *function, bool at_once)
{
	function->at_once = at_once;
	add_first_environments(function, at_once);
}

unsigned function_replace_environments(struct function *function,
                                       const struct environment_context *context)
{
	struct generation *old = function->current;
	unsigned replaced = old->count;

	begin_generation(function, context);
	if (old->count == 0)
		loop_dispose(context->loop, &old->garbage, end_generation);
	if (function->stopping || function->retiring)
		return 0;
	function->replacing = true;
	retire_all(function);
	function->replacing = false;
	add_first_environments(function, function->at_once || replaced > 0);
	serve_line(function);
	return replaced;
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

/* Who waits in line cannot be told from those whom it waits for: these may be given up. */
enum advance_work function_work(const struct function *function,
                                const struct advance_moments *moments)
{
	enum advance_work most = ADVANCE_NO_WORK;

	for (const struct invocation *it = function->first; it; it = it->next) {
		if (it->queued_ns > moments->given_up_ns)
			most = ADVANCE_OTHERS_WORK;
	}
	for (unsigned at = 0; at < function->count; at++) {
		enum advance_work work = environment_work(function->environments[at], moments);

		if (work > most)
			most = work;
	}
	return most;
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

void function_retire(struct function *function, struct function_end *end)
{
	assert(!function->stopping && !function->retiring);
	function->retiring = true;
	function->end = end;
	wind_up_soon(function);
}

void function_stop(struct function *function, struct function_end *end)
{
	assert(!function->stopping);
	function->stopping = true;
	function->end = end;
	loop_timer_stop(&function->handover);
	loop_timer_stop(&function->age);
	loop_timer_stop(&function->wind_up);
	refuse_line(function);
	if (function->count == 0)
		end->on_stopped(end);
	for (unsigned at = function->count; at > 0; at--)
		environment_stop(function->environments[at - 1]);
}

void function_destroy(struct function *function)
{
	if (!function)
		return;
	assert(function->count == 0);
	end_generation(&function->current->garbage);
	free(function->environments);
	free(function);
}
