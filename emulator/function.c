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
	unsigned count, room, next_id;
	struct line line;
	struct loop_timer handover;
	struct loop_timer patience; /* of those who wait in line */
	struct loop_timer age;      /* when the oldest environment is too old */
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

/* Whose invocations these are, unless the function has a limit of its own; NULL: nobody counts. */
static struct account *account_of(const struct function *function)
{
	return config_of(function)->concurrency ? NULL : function->current->context.account;
}

/* Whether the account's limit was chosen: then it is held as on Lambda, and nobody waits. */
static bool is_held_to_account(const struct function *function)
{
	const struct account *account = account_of(function);

	return account && account->limit;
}

static unsigned provisioned(const struct config *config)
{
	return config->initialization == PLATFORM_PROVISIONED_CONCURRENCY
	               ? (unsigned)config->provisioned
	               : 0;
}

/* Environments at once. */
static unsigned limit_of(const struct function *function)
{
	const struct config *config = config_of(function);
	uint64_t limit = config->concurrency            ? config->concurrency
	                 : is_held_to_account(function) ? account_pool(account_of(function))
	                                                : FUNCTION_ENVIRONMENTS;

	if (config->only_apis != CONFIG_APIS_OFF)
		return 1; /* there is one address, and one debugger */
	return limit > provisioned(config) ? (unsigned)limit : provisioned(config);
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
		function->room += 1 + function->count;
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
	return busy >= limit_of(function);
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

static const char account_reason[] = "ConcurrentInvocationLimitExceeded";

/* It is not run at all; 'throttle' is Lambda's reason for that, or NULL. */
static void refuse(struct invocation *invocation, const struct fault *fault, const char *throttle)
{
	struct answer answer = {
		.body = BUFFER_INIT, .is_error = true, .fault = fault, .throttle = throttle
	};

	fault_body(&answer.body, fault, invocation->request_id);
	invocation_answer(invocation, &answer);
	invocation->ops->on_done(invocation, NULL);
	invocation_unref(invocation);
}

/* One that has waited for its turn in vain. */
static void throttle(struct function *function, struct invocation *invocation)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure", "Rate Exceeded.");

	metrics_count_throttle(&function->metrics, METRICS_THROTTLE_ACCOUNT);
	refuse(invocation, &fault, account_reason);
}

static void begin_invocation(struct function *function, unsigned at)
{
	struct environment *env = function->environments[at];
	struct invocation *invocation = line_leave(&function->line);

	move_to_front(function, at);
	invocation->account = account_enter(account_of(function));
	environment_invoke(env, invocation);
	invocation_unref(invocation);
}

/* Gives work to whoever can take it, in the order of arrival. Who has a place and no share of the
 * account is refused: others may use that for as long as they like. */
static void advance_line(struct function *function)
{
	while (function->line.first) {
		int at = find_free(function);

		if (at == -1)
			return;
		if (account_is_full(account_of(function)))
			throttle(function, line_leave(&function->line));
		else
			begin_invocation(function, (unsigned)at);
	}
	loop_timer_stop(&function->handover);
}

/* Starts environments for those who wait, beyond 'spared' who will be served soon anyway. */
static void add_environments(struct function *function, unsigned spared)
{
	while (function->line.length > spared && !account_is_full(account_of(function)) &&
	       count_in_use(function) < limit_of(function)) {
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
	for (unsigned at = function->count; at > 0 && !function->line.first; at--) {
		struct environment *env = function->environments[at - 1];

		if (!environment_is_busy(env) && !environment_is_retired(env))
			environment_stop(env);
	}
	if (function->count > 0)
		return;
	function->stopping = true;
	loop_timer_stop(&function->wind_up); /* what has just ended has started it again */
	loop_timer_stop(&function->handover);
	loop_timer_stop(&function->patience);
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
		else if (function->line.first)
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

/* Whether all who wait do so for runtimes that are about to come back. */
static bool line_is_about_to_move(const struct function *function)
{
	return function->line.length <= count_finishing(function);
}

/* Who may wait for a runtime that is about to come back, does so in any case. */
static enum function_verdict judge_waiting(const struct function *function)
{
	bool is_next = line_is_about_to_move(function);

	if (account_is_full(account_of(function)))
		return FUNCTION_ACCOUNT_EXCEEDED;
	if (config_of(function)->concurrency && !is_next)
		return FUNCTION_CONCURRENCY_EXCEEDED;
	if (is_held_to_account(function) && !is_next)
		return FUNCTION_ACCOUNT_EXCEEDED;
	return line_is_bounded(&function->line) ? FUNCTION_ACCEPTED : FUNCTION_LINE_IS_FULL;
}

static uint64_t patience_ns(const struct function *function)
{
	return config_of(function)->max_wait_ms * CLOCK_NS_PER_MS;
}

/* It may fire for somebody who does not wait any more. */
static void watch_line(struct function *function)
{
	uint64_t limit_ns = patience_ns(function);

	if (limit_ns && function->line.first && !function->patience.loop)
		loop_timer_start(function->current->context.loop, &function->patience,
		                 line_waits_since(&function->line) + limit_ns);
}

static void on_patience_over(struct loop_timer *timer)
{
	struct function *function = container_of(timer, struct function, patience);
	uint64_t now = clock_now(), limit_ns = patience_ns(function);
	struct invocation *overdue;

	if (limit_ns && limit_ns <= now) {
		while ((overdue = line_leave_overdue(&function->line, now - limit_ns)))
			throttle(function, overdue);
	}
	watch_line(function);
}

static void wait_for_handover(struct function *function)
{
	unsigned finishing = count_finishing(function);

	if (finishing > 0 && function->line.length <= finishing && !function->handover.loop)
		loop_timer_start(function->current->context.loop, &function->handover,
		                 clock_now() + HANDOVER_NS);
}

static enum function_verdict wait_in_line(struct function *function, struct invocation *invocation)
{
	enum function_verdict verdict = judge_waiting(function);

	if (verdict == FUNCTION_ACCEPTED) {
		invocation->queued_ns = clock_now();
		wait_for_handover(function);
		watch_line(function);
		return verdict;
	}
	line_withdraw(&function->line, invocation);
	metrics_count_throttle(&function->metrics, verdict == FUNCTION_CONCURRENCY_EXCEEDED
	                                                   ? METRICS_THROTTLE_RESERVED
	                                                   : METRICS_THROTTLE_ACCOUNT);
	return verdict;
}

static enum function_verdict refuse_all(struct function *function)
{
	metrics_count_throttle(&function->metrics, METRICS_THROTTLE_RESERVED);
	return FUNCTION_CONCURRENCY_EXCEEDED;
}

enum function_verdict function_submit(struct function *function, struct invocation *invocation)
{
	if (function->stopping || function->retiring)
		return FUNCTION_IS_STOPPING;
	if (config_of(function)->is_throttled)
		return refuse_all(function);
	line_join(&function->line, invocation);
	if (!account_is_full(account_of(function))) {
		advance_line(function);
		add_environments(function, count_finishing(function));
	}
	return function->line.first ? wait_in_line(function, invocation) : FUNCTION_ACCEPTED;
}

bool function_withdraw(struct function *function, const struct invocation *invocation)
{
	return !line_is_about_to_move(function) && line_withdraw(&function->line, invocation);
}

/* As long as it takes until those who wait have begun and one more can, if all takes as long as it
 * did so far. */
unsigned function_retry_after_s(const struct function *function)
{
	uint64_t timeout_ns = config_of(function)->timeout_ms * CLOCK_NS_PER_MS;
	uint64_t wait_ns = metrics_mean_duration_ns(&function->metrics) *
	                   (function->line.length + 1) / limit_of(function);

	if (wait_ns > timeout_ns)
		wait_ns = timeout_ns;
	return (unsigned)((wait_ns + CLOCK_NS_PER_S - 1) / CLOCK_NS_PER_S);
}

const char *function_throttle_reason(enum function_verdict verdict)
{
	switch (verdict) {
	case FUNCTION_CONCURRENCY_EXCEEDED:
		return "ReservedFunctionConcurrentInvocationLimitExceeded";
	case FUNCTION_ACCOUNT_EXCEEDED:
	case FUNCTION_LINE_IS_FULL:
		return account_reason;
	case FUNCTION_ACCEPTED:
	case FUNCTION_IS_STOPPING:
		break;
	}
	return NULL;
}

/* It may be gone, and out of the list, at once. */
static void retire(struct function *function, struct environment *env)
{
	struct invocation *next, *returned = environment_retire(env);

	for (; returned; returned = next) {
		next = returned->next;
		account_leave(&returned->account);
		if (!returned->queued_ns)
			returned->queued_ns = clock_now();
		line_rejoin(&function->line, returned);
	}
	watch_line(function);
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

static void begin_generation(struct function *function, const struct environment_context *context)
{
	struct generation *generation = xcalloc(1, sizeof(*generation));

	generation->function = function;
	generation->context = *context;
	generation->context.on_change = on_change;
	generation->context.on_journal = on_journal;
	generation->context.metrics = &function->metrics;
	function->current = generation;
}

static void add_first_environments(struct function *function, bool at_once)
{
	const struct config *config = config_of(function);

	for (unsigned i = 0; i < provisioned(config); i++)
		add_environment(function, config->initialization);
	if (provisioned(config) == 0 && at_once && !config->is_throttled)
		add_environment(function, beyond(function));
}

struct function *function_create(const struct environment_context *context)
{
	struct function *function = xcalloc(1, sizeof(*function));

	function->next_id = 1;
	line_init(&function->line);
	function->handover.on_due = on_handover;
	function->wind_up.on_due = on_wind_up;
	function->patience = (struct loop_timer){ .on_due = on_patience_over, .is_virtual = true };
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
	struct metrics_now now = { .waiting = function->line.length };

	for (unsigned at = 0; at < function->count; at++)
		now.environments[state_of(function->environments[at])]++;
	return now;
}

/* Who waits in line cannot be told from those whom it waits for: these may be given up. */
enum advance_work function_work(const struct function *function,
                                const struct advance_moments *moments)
{
	enum advance_work most = ADVANCE_NO_WORK;

	for (const struct invocation *it = function->line.first; it; it = it->next) {
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
	struct invocation *invocation;

	while ((invocation = line_leave(&function->line)))
		refuse(invocation, &fault, NULL);
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
	loop_timer_stop(&function->patience);
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
