/* SPDX-License-Identifier: Apache-2.0 */
/* observer - listens to all environments */
#include "emulator/observer.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/clock.h"
#include "emulator/emf.h"
#include "emulator/identifier.h"
#include "emulator/log.h"
#include "emulator/output.h"
#include "emulator/report.h"
#include "emulator/xray_daemon.h"

/* What X-Ray is to hear of an invocation; moments are clock_now() nanoseconds. */
struct trace {
	char request_id[UUID_SIZE];
	char trace_id[XRAY_TRACE_SIZE];
	char segment_id[XRAY_ID_SIZE], caller_id[XRAY_ID_SIZE];
	char function_arn[256];
	uint64_t received_ns, started_ns, answered_ns, ended_ns;
	struct platform_span init; /* of the init that belongs to it; else zeroes */
	char *cause;               /* of its failure, as JSON; or NULL */
	struct trace *next;
};

/* One environment. */
struct subject {
	struct journal_listener listener;
	struct observer *observer;
	const struct environment *env;
	const struct config *config;
	struct journal *journal;
	struct metrics *metrics;
	bool is_suppressed;   /* an init has begun inside of an invocation since the last REPORT */
	struct trace *traces; /* of invocations that are sampled and under way */
	struct platform_span init;  /* since the last START; zeroes when there was none */
	char *init_cause;           /* why it failed, as JSON; or NULL */
	struct xray_socket *inside; /* of a box with its own network; or NULL */
	struct subject *next;
};

struct observer {
	struct output *emf;       /* NULL: not asked for */
	struct xray_daemon *xray; /* NULL: not asked for */
	struct subject *subjects;
	bool told[EMF_VERDICT_COUNT]; /* mistakes in lines of the function */
};

/* ---- lines ---- */

static void tell_mistake(const struct subject *subject, enum emf_verdict verdict,
                         const char *reason)
{
	struct observer *observer = subject->observer;
	if (observer->told[verdict])
		return;
	observer->told[verdict] = true;
	log_warning("CloudWatch will take no metrics from a line of %s: %s",
	            subject->config->file ? subject->config->function_name : "the function",
	            reason);
}

static void on_record(struct journal_listener *listener, enum journal_source source,
                      uint64_t wall_ns, const char *data, size_t length)
{
	struct subject *subject = container_of(listener, struct subject, listener);
	struct error reason;
	enum emf_verdict verdict;

	(void)source;
	if (!emf_may_be(data, length))
		return;
	verdict = emf_check(data, length - 1, wall_ns / CLOCK_NS_PER_MS, &reason);
	if (verdict == EMF_NONE)
		return;
	metrics_count_emf(subject->metrics, verdict == EMF_VALID);
	if (verdict != EMF_VALID)
		tell_mistake(subject, verdict, reason.text);
}

/* ---- events ---- */

static const char *error_type(const struct platform_report *report)
{
	return metrics_error_type(report->fault, report->is_error);
}

static void write_emf(const struct subject *subject, const struct platform_event *event)
{
	const struct config *config = subject->config;
	const struct platform_report *report = &event->report;
	autobuffer struct buffer line = BUFFER_INIT;
	const struct emf_record record = {
		.wall_ms = event->wall_ns / CLOCK_NS_PER_MS,
		.function_name = config->function_name,
		.version = config->function_version,
		.request_id = report->request_id,
		.is_cold = report->init_ns > 0 || subject->is_suppressed,
		.duration_ns = report->duration_ns,
		.billed_ms = report_billed_ms(report),
		.init_ns = report->init_ns,
		.memory_bytes = report->memory_bytes,
		.memory_peak_bytes = report->memory_peak_bytes,
		.error_type = error_type(report),
	};

	emf_append(&line, &record);
	output_write(subject->observer->emf, line.data, line.length);
}

/* ---- traces ---- */

static struct trace **find_trace(struct subject *subject, const char *request_id)
{
	struct trace **place = &subject->traces;

	while (*place && strcmp((*place)->request_id, request_id) != 0)
		place = &(*place)->next;
	return place;
}

static void forget_trace(struct trace **place)
{
	struct trace *trace = *place;

	*place = trace->next;
	free(trace->cause);
	free(trace);
}

static bool is_sampled(const char *header, struct trace *trace)
{
	return header && trace_header_is_sampled(header) &&
	       trace_header_field(header, "Root", trace->trace_id, sizeof(trace->trace_id)) &&
	       trace_header_field(header, "Parent", trace->segment_id, sizeof(trace->segment_id));
}

/* The init before it is its own, whether it is sampled or not. */
static void begin_trace(struct subject *subject, const struct platform_start *start)
{
	struct trace sampled = { .init = subject->init, .cause = subject->init_cause };
	struct trace *trace;

	subject->init = (struct platform_span){ .start_ns = 0 };
	subject->init_cause = NULL;
	if (!is_sampled(start->trace_header, &sampled)) {
		free(sampled.cause);
		return;
	}
	trace = xmalloc(sizeof(*trace));
	*trace = sampled;
	trace->received_ns = start->received_ns;
	snprintf(trace->request_id, sizeof(trace->request_id), "%s", start->request_id);
	snprintf(trace->caller_id, sizeof(trace->caller_id), "%s", start->trace_caller);
	snprintf(trace->function_arn, sizeof(trace->function_arn), "%s", start->function_arn);
	trace->next = subject->traces;
	subject->traces = trace;
	xray_daemon_begin(subject->observer->xray, trace->trace_id, trace->segment_id,
	                  trace->request_id);
}

static void note_init(struct subject *subject, const struct platform_event *event)
{
	if (event->init_end.duration_ns > 0)
		subject->init = (struct platform_span){
			.start_ns = event->at_ns - event->init_end.duration_ns,
			.end_ns = event->at_ns,
		};
}

static void note_answer(struct subject *subject, const struct platform_runtime_done *done)
{
	struct trace *trace = *find_trace(subject, done->request_id);

	if (!trace)
		return;
	trace->started_ns = done->response_latency.start_ns;
	trace->answered_ns = done->response_duration.end_ns;
	trace->ended_ns = done->runtime_overhead.end_ns;
}

static struct xray_span span(const char *id, uint64_t start_ns, uint64_t end_ns)
{
	struct xray_span span = { .start_ns = start_ns ? clock_wall_ns(start_ns) : 0,
		                  .end_ns = end_ns ? clock_wall_ns(end_ns) : 0 };

	if (id)
		memcpy(span.id, id, sizeof(span.id));
	else
		hex_make(span.id, XRAY_ID_SIZE - 1);
	return span;
}

/* An answer that never came is the end of the phase. */
static void fill_spans(struct xray_invocation *invocation, const struct trace *trace,
                       uint64_t end_ns)
{
	uint64_t ended_ns = trace->ended_ns ? trace->ended_ns : end_ns;
	uint64_t answered_ns = trace->answered_ns ? trace->answered_ns : ended_ns;
	uint64_t begun_ns = trace->started_ns;

	/* A suppressed init is part of the phase, but the handler has not begun. */
	if (trace->init.end_ns > begun_ns)
		begun_ns = trace->init.end_ns;
	invocation->lambda = span(NULL, trace->received_ns, answered_ns);
	invocation->function = span(trace->segment_id, trace->started_ns, end_ns);
	invocation->init = span(NULL, trace->init.start_ns, trace->init.end_ns);
	invocation->invocation = span(NULL, begun_ns, answered_ns);
	invocation->overhead = span(NULL, trace->answered_ns, end_ns);
}

static void write_trace(const struct subject *subject, const struct trace *trace,
                        const struct platform_event *event)
{
	const struct config *config = subject->config;
	const struct platform_report *report = &event->report;
	struct xray_invocation invocation = {
		.function_name = config->function_name,
		.function_arn = trace->function_arn,
		.account_id = config->account_id,
		.request_id = report->request_id,
		.is_fault = error_type(report),
		.cause = trace->cause,
	};

	if (!platform_succeeded(report->fault)) {
		invocation.error_type = report->fault->type;
		invocation.error_message = report->fault->message;
	}
	memcpy(invocation.trace_id, trace->trace_id, sizeof(invocation.trace_id));
	memcpy(invocation.caller_id, trace->caller_id, sizeof(invocation.caller_id));
	fill_spans(&invocation, trace, event->at_ns);
	xray_daemon_end(subject->observer->xray, &invocation);
}

static void end_trace(struct subject *subject, const struct platform_event *event)
{
	struct trace **place = find_trace(subject, event->report.request_id);

	if (!*place)
		return;
	write_trace(subject, *place, event);
	forget_trace(place);
}

static void forget_init(struct subject *subject)
{
	free(subject->init_cause);
	subject->init_cause = NULL;
	subject->init = (struct platform_span){ .start_ns = 0 };
}

static void trace_event(struct subject *subject, const struct platform_event *event)
{
	if (event->type == PLATFORM_INIT_START)
		forget_init(subject);
	else if (event->type == PLATFORM_INIT_REPORT)
		note_init(subject, event);
	else if (event->type == PLATFORM_START)
		begin_trace(subject, &event->start);
	else if (event->type == PLATFORM_RUNTIME_DONE)
		note_answer(subject, &event->runtime_done);
	else if (event->type == PLATFORM_REPORT)
		end_trace(subject, event);
}

#define TEXT_OF(number) #number
#define ADDRESS_INSIDE(port) "127.0.0.1:" TEXT_OF(port)

const char *observer_xray_address(const struct observer *observer, bool is_inside)
{
	if (!observer || !observer->xray)
		return NULL;
	return is_inside ? ADDRESS_INSIDE(OBSERVER_XRAY_PORT) : xray_daemon_address(observer->xray);
}

bool observer_wants_cause(const struct observer *observer)
{
	return observer && observer->xray;
}

static struct subject **find(struct observer *observer, const struct environment *env)
{
	struct subject **place = &observer->subjects;

	while ((*place)->env != env)
		place = &(*place)->next;
	return place;
}

bool observer_enter_box(struct observer *observer, const struct environment *env, int socket,
                        struct error *err)
{
	struct subject *subject = *find(observer, env);

	assert(!subject->inside);
	subject->inside = xray_daemon_take_socket(observer->xray, socket, err);
	return subject->inside;
}

void observer_leave_box(struct observer *observer, const struct environment *env)
{
	struct subject *subject;

	if (!observer || !observer->xray)
		return;
	subject = *find(observer, env);
	xray_socket_close(subject->inside);
	subject->inside = NULL;
}

void observer_tell_cause(struct observer *observer, const struct environment *env,
                         const char *request_id, char *cause)
{
	struct subject *subject = *find(observer, env);
	struct trace *trace = request_id ? *find_trace(subject, request_id) : NULL;
	char **place = trace ? &trace->cause : &subject->init_cause;

	if (request_id && !trace) { /* it is not sampled */
		free(cause);
		return;
	}
	free(*place);
	*place = cause;
}

/* ---- listening ---- */

static void on_platform(struct journal_listener *listener, const struct platform_event *event)
{
	struct subject *subject = container_of(listener, struct subject, listener);

	if (subject->observer->xray)
		trace_event(subject, event);
	if (event->type == PLATFORM_INIT_START)
		subject->is_suppressed = event->init_start.phase == PLATFORM_PHASE_INVOKE;
	if (event->type != PLATFORM_REPORT)
		return;
	if (subject->observer->emf)
		write_emf(subject, event);
	subject->is_suppressed = false;
}

/* ---- life ---- */

struct observer *observer_create(const struct config *config, struct loop *loop, struct error *err)
{
	struct observer *observer = xcalloc(1, sizeof(*observer));

	if (config->emf)
		observer->emf = output_open(loop, config->emf, err);
	if (config->xray && (observer->emf || !config->emf))
		observer->xray = xray_daemon_create(loop, config->xray, err);
	if ((observer->emf || !config->emf) && (observer->xray || !config->xray))
		return observer;
	observer_destroy(observer, 0);
	return NULL;
}

void observer_destroy(struct observer *observer, unsigned grace_ms)
{
	if (!observer)
		return;
	assert(!observer->subjects);
	output_destroy(observer->emf, grace_ms);
	xray_daemon_destroy(observer->xray, grace_ms);
	free(observer);
}

void observer_attach(struct observer *observer, const struct environment *env,
                     const struct config *config, struct journal *journal, struct metrics *metrics)
{
	struct subject *subject;

	if (!observer)
		return;
	subject = xcalloc(1, sizeof(*subject));
	*subject = (struct subject){
		.listener = { .on_platform = on_platform, .on_record = on_record },
		.observer = observer,
		.env = env,
		.config = config,
		.journal = journal,
		.metrics = metrics,
		.next = observer->subjects,
	};
	observer->subjects = subject;
	if (observer->xray)
		xray_daemon_count_in(observer->xray, metrics);
	journal_attach(journal, &subject->listener);
}

void observer_forget(struct observer *observer, const struct environment *env)
{
	struct subject **place, *subject;

	if (!observer)
		return;
	place = find(observer, env);
	subject = *place;
	*place = subject->next;
	journal_detach(subject->journal, &subject->listener);
	while (subject->traces)
		forget_trace(&subject->traces);
	forget_init(subject);
	assert(!subject->inside);
	free(subject);
}
