/* SPDX-License-Identifier: Apache-2.0 */
/* environment_report - what is told of an environment's life and invocations */
#include "emulator/clock.h"
#include "emulator/environment_private.h"
#include "emulator/report.h"

static enum platform_phase platform_phase(const struct environment *env)
{
	return env->suppressed ? PLATFORM_PHASE_INVOKE : PLATFORM_PHASE_INIT;
}

void environment_tell_init_start(struct environment *env)
{
	const struct config *config = env->context->config;
	struct platform_event event = {
		.type = PLATFORM_INIT_START,
		.at_ns = clock_now(),
		.init_start.initialization = env->initialization,
		.init_start.phase = platform_phase(env),
		.init_start.function_name = config->function_name,
		.init_start.function_version = config->function_version,
		.init_start.log_stream = env->log_stream,
		.init_start.memory_bytes = config->memory_bytes,
	};

	journal_platform(&env->journal, &event);
}

/* The runtime is done with init: with its first /next, or by 'fault'. */
void environment_tell_init_runtime_done(struct environment *env, const struct fault *fault)
{
	struct platform_event event = {
		.type = PLATFORM_INIT_RUNTIME_DONE,
		.at_ns = env->init.runtime_done_ns,
		.init_end.initialization = env->initialization,
		.init_end.phase = platform_phase(env),
		.init_end.fault = fault,
	};

	journal_platform(&env->journal, &event);
}

void environment_tell_extension(struct environment *env, const struct extension *extension)
{
	const char *names[EXTENSION_EVENT_COUNT];
	struct platform_event event = {
		.type = PLATFORM_EXTENSION,
		.at_ns = clock_now(),
		.extension = {
			.name = extension->name,
			.state = extension_state_name(extension->state),
			.events = { names, extension->event_count },
			.error_type = *extension->error_type ? extension->error_type : NULL,
		},
	};

	for (unsigned i = 0; i < extension->event_count; i++)
		names[i] = extension_event_name(extension->events[i]);
	journal_platform(&env->journal, &event);
}

void environment_tell_init_report(struct environment *env, const struct fault *fault)
{
	struct platform_event event = {
		.type = PLATFORM_INIT_REPORT,
		.at_ns = env->init.ended_ns,
		.init_end.initialization = env->initialization,
		.init_end.phase = platform_phase(env),
		.init_end.fault = fault,
		.init_end.duration_ns = init_phase_duration_ns(&env->init),
	};

	/* Of a guest it would be the time that somebody took to start it. */
	if (!environment_has_guest(env))
		journal_platform(&env->journal, &event);
}

void environment_report_init_success(struct environment *env)
{
	if (!environment_has_guest(env))
		metrics_count_init(env->context->metrics, init_phase_duration_ns(&env->init));
	environment_tell_init_report(env, NULL);
	environment_close_telemetry(env);
}

void environment_tell_restore_start(struct environment *env)
{
	const struct config *config = env->context->config;
	struct platform_event event = {
		.type = PLATFORM_RESTORE_START,
		.at_ns = env->restore.started_ns,
		.init_start.function_name = config->function_name,
		.init_start.function_version = config->function_version,
		.init_start.log_stream = env->log_stream,
		.init_start.memory_bytes = config->memory_bytes,
	};

	journal_platform(&env->journal, &event);
}

void environment_tell_restore_end(struct environment *env, const struct fault *fault)
{
	struct platform_event event = {
		.type = PLATFORM_RESTORE_RUNTIME_DONE,
		.at_ns = env->restore.ended_ns,
		.init_end.fault = fault,
		.init_end.duration_ns = restore_phase_duration_ns(&env->restore),
	};

	journal_platform(&env->journal, &event);
	event.type = PLATFORM_RESTORE_REPORT;
	journal_platform(&env->journal, &event);
}

void slot_announce(struct slot *slot)
{
	struct platform_event event = {
		.type = PLATFORM_START,
		.at_ns = slot->invocation->phase.started_ns,
		.start.request_id = slot->invocation->request_id,
		.start.function_arn = slot->invocation->function_arn,
		.start.version = slot->env->context->config->function_version,
		.start.tenant_id = slot->invocation->tenant_id,
		.start.trace_header = slot->invocation->trace_header,
		.start.trace_caller = slot->invocation->trace_caller,
		.start.received_ns = slot->invocation->phase.received_ns,
	};

	if (slot->is_announced)
		return;
	slot->is_announced = true;
	journal_platform(&slot->env->journal, &event);
}

/* The runtime is done with the invocation: with its next /next, or by 'fault'. */
void slot_tell_runtime_done(const struct slot *slot, const struct fault *fault)
{
	const struct invocation *current = slot->invocation;
	const struct invoke_phase *phase = &current->phase;
	struct platform_event event = {
		.type = PLATFORM_RUNTIME_DONE,
		.at_ns = phase->runtime_done_ns,
		.runtime_done = {
			.request_id = current->request_id,
			.tenant_id = current->tenant_id,
			.trace_header = current->trace_header,
			.fault = fault,
			.duration_ns = phase->runtime_done_ns - phase->started_ns,
			.produced_bytes = current->produced_bytes,
			.response_latency = { phase->started_ns, phase->first_byte_ns },
			.response_duration = { phase->first_byte_ns, phase->answered_ns },
			.runtime_overhead = { phase->answered_ns, phase->runtime_done_ns },
		},
	};

	journal_platform(&slot->env->journal, &event);
}

/* The invoke phase is over, and these are its figures. */
static void tell_report(const struct slot *slot, const struct platform_report *report)
{
	struct platform_event end = {
		.type = PLATFORM_END,
		.at_ns = slot->invocation->phase.ended_ns,
		.end = { .request_id = report->request_id, .fault = report->fault },
	};
	struct platform_event fault = end;
	struct platform_event event = {
		.type = PLATFORM_REPORT,
		.at_ns = end.at_ns,
		.report = *report,
	};

	fault.type = PLATFORM_FAULT;
	if (report->fault == &slot->env->fatal && slot->env->fatal.status == FAULT_ERROR)
		journal_platform(&slot->env->journal, &fault);
	journal_platform(&slot->env->journal, &end);
	journal_platform(&slot->env->journal, &event);
}

static bool memory_is_limited(const struct environment *env)
{
	return sandbox_host_wall(env->context->host, SANDBOX_WALL_MEMORY)->standing != SANDBOX_NO;
}

void environment_measure_memory(struct environment *env)
{
	uint64_t limit = env->context->config->memory_bytes;
	uint64_t peak;

	if (!env->box || environment_has_guest(env) || !sandbox_memory_peak(env->box, &peak))
		return;
	/* Pages of files that others have read already are resident but not charged. */
	if (peak > limit && memory_is_limited(env))
		peak = limit;
	if (peak > env->memory_peak_bytes)
		env->memory_peak_bytes = peak;
}

/* How long the extensions took when the runtime was done. */
static struct platform_span extension_overhead(const struct slot *slot)
{
	const struct invoke_phase *phase = &slot->invocation->phase;

	if (slot->env->extensions.count == 0)
		return (struct platform_span){ .start_ns = 0 };
	return (struct platform_span){ phase->runtime_done_ns, phase->ended_ns };
}

void slot_report(struct slot *slot, const struct fault *fault)
{
	const struct config *config = slot->env->context->config;
	struct platform_report report = {
		.request_id = slot->invocation->request_id,
		.tenant_id = slot->invocation->tenant_id,
		.trace_header = slot->invocation->trace_header,
		.duration_ns = invoke_phase_duration_ns(&slot->invocation->phase,
		                                        config->timeout_ms * CLOCK_NS_PER_MS),
		.init_ns = slot->env->init_is_news ? init_phase_duration_ns(&slot->env->init) : 0,
		.restore_ns = slot->env->restore_is_news
		                      ? restore_phase_duration_ns(&slot->env->restore)
		                      : 0,
		.memory_bytes = config->memory_bytes,
		.memory_peak_bytes = slot->env->memory_peak_bytes,
		.fault = fault,
		.is_error = slot->invocation->is_error,
		.extension_overhead = extension_overhead(slot),
	};

	if (fault->status == FAULT_TIMEOUT)
		report.duration_ns = config->timeout_ms * CLOCK_NS_PER_MS;
	slot->invocation->figures = (struct invocation_figures){
		.duration_ns = report.duration_ns,
		.billed_ms = report_billed_ms(&report),
		.memory_peak_bytes = report.memory_peak_bytes,
	};
	if (slot->env->init_is_news)
		slot->invocation->figures.init = slot->env->init;
	tell_report(slot, &report);
}

static enum metrics_start kind_of_start(const struct environment *env)
{
	if (env->restore_is_news)
		return METRICS_RESTORED;
	return env->init_is_news || env->suppressed ? METRICS_COLD : METRICS_WARM;
}

void slot_count_invocation(const struct slot *slot, const struct fault *fault)
{
	const struct invocation *invocation = slot->invocation;
	struct metrics_invocation told = {
		.start = kind_of_start(slot->env),
		.duration_ns = invocation->figures.duration_ns,
		.billed_ms = invocation->figures.billed_ms,
		.memory_peak_bytes = invocation->figures.memory_peak_bytes,
		.error_type = metrics_error_type(fault, invocation->is_error),
	};

	metrics_count_invocation(slot->env->context->metrics, &told);
}
