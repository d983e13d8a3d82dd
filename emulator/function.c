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
#include "emulator/function_private.h"

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

	function_move_to_front(function, at);
	invocation->account = account_enter(function_account(function));
	environment_invoke(env, invocation);
	invocation_unref(invocation);
}

/* Gives work to whoever can take it, in the order of arrival. Who has a place and no share of the
 * account is refused: others may use that for as long as they like. */
static void advance_line(struct function *function)
{
	while (function->line.first) {
		int at = function_find_free(function);

		if (at == -1)
			return;
		if (account_is_full(function_account(function)))
			throttle(function, line_leave(&function->line));
		else
			begin_invocation(function, (unsigned)at);
	}
	loop_timer_stop(&function->handover);
}

/* Starts environments for those who wait, beyond 'spared' who will be served soon anyway. */
static void add_environments(struct function *function, unsigned spared)
{
	while (function->line.length > spared && !account_is_full(function_account(function)) &&
	       function_count_in_use(function) < function_limit(function)) {
		function_add_environment(function, function_beyond(function));
		advance_line(function);
	}
}

/* One has gone, or will not come back, that may have kept a new one from its place. */
void function_serve_line(struct function *function)
{
	if (function->replacing)
		return;
	advance_line(function);
	add_environments(function, function_count_finishing(function));
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

void function_on_change(struct environment_context *context, struct environment *env)
{
	struct generation *generation = container_of(context, struct generation, context);
	struct function *function = generation->function;

	if (environment_state(env) == ENVIRONMENT_GONE) {
		function_forget(generation, env);
		if (function->stopping && function->count == 0)
			function->end->on_stopped(function->end);
		else if (function->line.first)
			function_serve_line(function);
		wind_up_soon(function);
		return;
	}
	function_watch_ages(function);
	wind_up_soon(function);
	if (environment_is_retired(env))
		function_serve_line(function);
	else
		advance_line(function);
}

/* ---- from outside ---- */

/* Whether all who wait do so for runtimes that are about to come back. */
static bool line_is_about_to_move(const struct function *function)
{
	return function->line.length <= function_count_finishing(function);
}

/* Who may wait for a runtime that is about to come back, does so in any case. */
static enum function_verdict judge_waiting(const struct function *function)
{
	bool is_next = line_is_about_to_move(function);

	if (account_is_full(function_account(function)))
		return FUNCTION_ACCOUNT_EXCEEDED;
	if (function_config(function)->concurrency && !is_next)
		return FUNCTION_CONCURRENCY_EXCEEDED;
	if (function_is_held_to_account(function) && !is_next)
		return FUNCTION_ACCOUNT_EXCEEDED;
	return line_is_bounded(&function->line) ? FUNCTION_ACCEPTED : FUNCTION_LINE_IS_FULL;
}

static uint64_t patience_ns(const struct function *function)
{
	return function_config(function)->max_wait_ms * CLOCK_NS_PER_MS;
}

/* It may fire for somebody who does not wait any more. */
void function_watch_line(struct function *function)
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
	function_watch_line(function);
}

static void wait_for_handover(struct function *function)
{
	unsigned finishing = function_count_finishing(function);

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
		function_watch_line(function);
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
	if (function_config(function)->is_throttled)
		return refuse_all(function);
	line_join(&function->line, invocation);
	if (!account_is_full(function_account(function))) {
		advance_line(function);
		add_environments(function, function_count_finishing(function));
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
	uint64_t timeout_ns = function_config(function)->timeout_ms * CLOCK_NS_PER_MS;
	uint64_t wait_ns = metrics_mean_duration_ns(&function->metrics) *
	                   (function->line.length + 1) / function_limit(function);

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

/* ---- the beginning ---- */

struct function *function_create(const struct environment_context *context)
{
	struct function *function = xcalloc(1, sizeof(*function));

	function->next_id = 1;
	line_init(&function->line);
	function->handover.on_due = on_handover;
	function->wind_up.on_due = on_wind_up;
	function->patience = (struct loop_timer){ .on_due = on_patience_over, .is_virtual = true };
	function->age = (struct loop_timer){ .on_due = function_on_age, .is_virtual = true };
	function_begin_generation(function, context);
	return function;
}

void function_start(struct function *function, bool at_once)
{
	function->at_once = at_once;
	function_add_first_environments(function, at_once);
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
	function_end_generation(function->current);
	free(function->environments);
	free(function);
}
