/* SPDX-License-Identifier: Apache-2.0 */
/* bench - cold starts and warm invocations of one or more functions, in turns */
#include "emulator/bench.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/log_tail.h"
#include "emulator/metric.h"

struct bench {
	struct bench_function *functions;
	size_t count;
	const struct bench_plan *plan;
	const struct bench_ops *ops;
	struct bench_failure *failure;
	struct loop *loop;

	size_t round; /* 0 is not counted */
	size_t place; /* in the round */
	uint64_t began_ns;
	bool stopping;

	/* the turn */
	struct bench_function *subject;
	struct function *running;
	size_t warm; /* invocations that are still to come */
	bool is_warm;
	bool ending;
	struct cold_usage usage;
	uint64_t look_ns;       /* what a look took between init and first invocation */
	struct loop_timer step; /* whatever follows, outside of the core's own calls */
};

/* There is one in the process: the core's callbacks find it here. */
static struct bench bench;

static void schedule(void (*step)(struct loop_timer *timer))
{
	bench.step.on_due = step;
	loop_timer_start(bench.loop, &bench.step, clock_now());
}

/* ---- what is measured ---- */

static bool is_counted(void)
{
	return bench.round > 0;
}

static void on_usage(struct environment_context *context, enum environment_moment moment,
                     const struct sandbox_usage *usage, uint64_t took_ns)
{
	struct measurement *measurement = &bench.subject->measurement;
	uint64_t *figures = moment == ENVIRONMENT_INIT_ENDED ? bench.usage.init : bench.usage.all;

	memcpy(figures, usage->figures, sizeof(usage->figures));
	if (moment == ENVIRONMENT_INIT_ENDED)
		bench.look_ns = took_ns;
	for (unsigned i = 0; i < SANDBOX_USAGE_COUNT; i++) {
		/* Files only where they were asked for: why they are unknown elsewhere is clear. */
		if (!measurement->missing[i] && (i != SANDBOX_USAGE_FILES || context->counts_files))
			measurement->missing[i] = usage->missing[i];
	}
}

/* Init while the runtime was not running yet, or done; they are not told apart by the turn's end
 * alone, since without extensions both are the same moment. */
static uint64_t extensions_of(const struct init_phase *init)
{
	uint64_t before = init->runtime_ns - init->started_ns;
	uint64_t behind = init->ended_ns - init->runtime_done_ns;

	return before + behind > 0 ? before + behind : SANDBOX_UNKNOWN;
}

static void note_cold(const struct invocation *invocation)
{
	const struct invocation_figures *figures = &invocation->figures;
	const struct init_phase *init = &figures->init;
	struct cold_start *cold = measurement_add_cold(&bench.subject->measurement);
	/* An extension may call what is the runtime's. */
	uint64_t contact_ns = init->contact_ns > init->runtime_ns ? init->contact_ns
	                                                          : init->runtime_ns;

	uint64_t handover_ns = invocation->phase.started_ns - init->ended_ns - bench.look_ns;

	*cold = (struct cold_start){
		.setup_ns = init->started_ns - init->asked_ns + handover_ns,
		.contact_ns = contact_ns - init->runtime_ns,
		.code_ns = init->runtime_done_ns - contact_ns,
		.extensions_ns = extensions_of(init),
		.init_ns = init_phase_duration_ns(init),
		.invoke_ns = figures->duration_ns,
		.total_ns = invocation->phase.ended_ns - init->asked_ns - bench.look_ns,
		.billed_ms = figures->billed_ms,
		.memory_peak_bytes = figures->memory_peak_bytes,
		.usage = bench.usage,
	};
}

static void note_uncounted(void)
{
	struct measurement *measurement = &bench.subject->measurement;

	if (bench.is_warm)
		return;
	measurement->uncounted = bench.usage;
	measurement->has_uncounted = true;
}

static void note_warm(const struct invocation *invocation)
{
	const struct invocation_figures *figures = &invocation->figures;
	struct measurement *measurement = &bench.subject->measurement;

	*measurement_add_warm(measurement) = (struct warm_invoke){
		.invoke_ns = figures->duration_ns, .billed_ms = figures->billed_ms
	};
	/* The peak is the environment's, which began with the last cold start. */
	measurement->cold[measurement->cold_count - 1]
		.memory_peak_bytes = figures->memory_peak_bytes;
}

static void note(const struct invocation *invocation)
{
	if (!is_counted())
		note_uncounted();
	else if (bench.is_warm)
		note_warm(invocation);
	else
		note_cold(invocation);
}

/* ---- a turn ---- */

static void submit(void);
static void end_turn(struct loop_timer *timer);

static void fail(void)
{
	bench.failure->function = bench.subject;
	bench.failure->turn = bench.round;
	bench.failure->is_warm = bench.is_warm;
}

static void on_answered(struct invocation *invocation, struct answer *answer)
{
	(void)invocation;
	if (!answer->is_error || bench.stopping || bench.failure->function)
		return;
	fail();
	buffer_move(&bench.failure->answer, &answer->body);
}

/* A function whose init fails may work nevertheless, since Lambda tries again in the invocation.
 * What it then takes is no cold start that could be compared to others. */
static bool had_to_try_again(const struct invocation *invocation)
{
	return !bench.is_warm && !invocation->figures.init.ended_ns;
}

static void on_done(struct invocation *invocation, const struct log_tail *tail)
{
	bool counts = tail && !bench.stopping && !bench.failure->function;

	if (counts && had_to_try_again(invocation)) {
		fail();
		buffer_append_text(&bench.failure->answer,
		                   "its init failed, and the second one was part of the "
		                   "invocation");
	} else if (counts) {
		note(invocation);
	}
	if (bench.failure->function && tail)
		log_tail_copy(tail, &bench.failure->log);
	invocation_unref(invocation);
	if (bench.ending)
		return;
	if (bench.failure->function || bench.stopping || bench.warm == 0) {
		schedule(end_turn);
		return;
	}
	bench.warm--;
	bench.is_warm = true;
	submit();
}

static const struct invocation_ops asker = { .on_answered = on_answered, .on_done = on_done };

static void submit(void)
{
	struct invocation *invocation = invocation_make(bench.subject->context->config, &asker);
	enum function_verdict verdict;

	buffer_append(&invocation->event, bench.subject->event, bench.subject->event_length);
	verdict = function_submit(bench.running, invocation);
	assert(verdict == FUNCTION_ACCEPTED); /* one at a time always finds room */
	(void)verdict;
}

/* The warm invocations are spread evenly: what one turn has too few another has more. */
static size_t share_of_warm(size_t turn)
{
	const struct bench_plan *plan = bench.plan;

	if (turn == 0)
		return plan->warm > 0;
	return turn * plan->warm / plan->cold - (turn - 1) * plan->warm / plan->cold;
}

static void start_turn(void)
{
	size_t place = bench.round % 2 ? bench.place : bench.count - 1 - bench.place;
	struct environment_context context;

	bench.subject = &bench.functions[place];
	bench.warm = share_of_warm(bench.round);
	bench.is_warm = bench.ending = false;
	context = *bench.subject->context;
	context.on_usage = on_usage;
	context.counts_files = !is_counted();
	bench.running = function_create(&context);
	function_start(bench.running, true);
	submit();
}

/* ---- one after the other ---- */

static bool is_precise(const struct bench_function *function)
{
	size_t count;
	double *values = metric_values(METRIC_COLD_INIT, &function->measurement, &count);
	struct stats stats = stats_of(values, count, bench.plan->seed);
	double reach = bench.plan->until * stats.median;

	free(values);
	/* Not so while there is no interval: NAN is no less than anything. */
	return stats.high - stats.median <= reach && stats.median - stats.low <= reach;
}

static bool all_are_precise(void)
{
	for (size_t i = 0; i < bench.count; i++) {
		if (!is_precise(&bench.functions[i]))
			return false;
	}
	return true;
}

static size_t rounds(void)
{
	const struct bench_plan *plan = bench.plan;

	return plan->until > 0 && plan->most > plan->cold ? plan->most : plan->cold;
}

/* Whether another round is due; asked between rounds only. */
static bool goes_on(void)
{
	const struct bench_plan *plan = bench.plan;

	if (bench.round > rounds())
		return false;
	if (plan->limit_ns && bench.round > 1 && clock_now() - bench.began_ns > plan->limit_ns)
		return false;
	return bench.round <= plan->cold || !all_are_precise();
}

static void next_turn(struct loop_timer *timer)
{
	(void)timer;
	function_destroy(bench.running);
	bench.running = NULL;
	if (is_counted() && !bench.failure->function && !bench.stopping)
		bench.ops->on_turn(bench.ops, (bench.round - 1) * bench.count + bench.place + 1,
		                   rounds() * bench.count);
	if (++bench.place == bench.count) {
		bench.place = 0;
		bench.round++;
	}
	if (bench.failure->function || bench.stopping || (bench.place == 0 && !goes_on()))
		loop_stop(bench.loop);
	else
		start_turn();
}

static void on_stopped(struct function_end *end)
{
	(void)end;
	schedule(next_turn);
}

static void end_turn(struct loop_timer *timer)
{
	static struct function_end end = { .on_stopped = on_stopped };

	(void)timer;
	bench.ending = true;
	function_stop(bench.running, &end);
}

/* ---- from outside ---- */

bool bench_run(struct bench_function *functions, size_t count, const struct bench_plan *plan,
               const struct bench_ops *ops, struct bench_failure *failure)
{
	assert(count > 0 && plan->cold > 0);
	*failure = (struct bench_failure){ .answer = BUFFER_INIT, .log = BUFFER_INIT };
	bench = (struct bench){ .functions = functions,
		                .count = count,
		                .plan = plan,
		                .ops = ops,
		                .failure = failure,
		                .loop = functions->context->loop,
		                .began_ns = clock_now() };
	start_turn();
	loop_run(bench.loop);
	return !failure->function;
}

void bench_stop(void)
{
	bench.stopping = true;
	if (!bench.ending)
		schedule(end_turn);
}

void bench_failure_finish(struct bench_failure *failure)
{
	buffer_finish(&failure->answer);
	buffer_finish(&failure->log);
}
