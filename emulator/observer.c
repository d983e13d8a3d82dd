/* SPDX-License-Identifier: Apache-2.0 */
/* observer - listens to all environments of a function */
#include "emulator/observer.h"

#include <assert.h>
#include <stdlib.h>

#include "emulator/clock.h"
#include "emulator/emf.h"
#include "emulator/log.h"
#include "emulator/output.h"
#include "emulator/report.h"

/* One environment. */
struct subject {
	struct journal_listener listener;
	struct observer *observer;
	const struct environment *env;
	struct journal *journal;
	struct metrics *metrics;
	bool has_init; /* an init has begun since the last REPORT */
	struct subject *next;
};

struct observer {
	const struct config *config;
	struct output *emf; /* NULL: not asked for */
	struct subject *subjects;
	bool told[EMF_VERDICT_COUNT]; /* mistakes in lines of the function */
};

/* ---- lines ---- */

static void tell_mistake(struct observer *observer, enum emf_verdict verdict, const char *reason)
{
	if (observer->told[verdict])
		return;
	observer->told[verdict] = true;
	log_warning("CloudWatch will take no metrics from a line of the function: %s", reason);
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
		tell_mistake(subject->observer, verdict, reason.text);
}

/* ---- events ---- */

static const char *error_type(const struct platform_report *report)
{
	if (!platform_succeeded(report->fault))
		return report->fault->type;
	return report->is_error ? METRICS_UNHANDLED : NULL;
}

static void write_emf(const struct subject *subject, const struct platform_event *event)
{
	const struct config *config = subject->observer->config;
	const struct platform_report *report = &event->report;
	autobuffer struct buffer line = BUFFER_INIT;
	const struct emf_record record = {
		.wall_ms = event->wall_ns / CLOCK_NS_PER_MS,
		.function_name = config->function_name,
		.version = config->function_version,
		.request_id = report->request_id,
		.is_cold = subject->has_init,
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

static void on_platform(struct journal_listener *listener, const struct platform_event *event)
{
	struct subject *subject = container_of(listener, struct subject, listener);

	if (event->type == PLATFORM_INIT_START)
		subject->has_init = true;
	if (event->type != PLATFORM_REPORT)
		return;
	if (subject->observer->emf)
		write_emf(subject, event);
	subject->has_init = false;
}

/* ---- life ---- */

struct observer *observer_create(const struct config *config, struct loop *loop, struct error *err)
{
	struct observer *observer = xcalloc(1, sizeof(*observer));

	observer->config = config;
	if (config->emf) {
		observer->emf = output_open(loop, config->emf, err);
		if (!observer->emf) {
			free(observer);
			return NULL;
		}
	}
	return observer;
}

void observer_destroy(struct observer *observer, unsigned grace_ms)
{
	if (!observer)
		return;
	assert(!observer->subjects);
	output_destroy(observer->emf, grace_ms);
	free(observer);
}

void observer_attach(struct observer *observer, const struct environment *env,
                     struct journal *journal, struct metrics *metrics)
{
	struct subject *subject;

	if (!observer)
		return;
	subject = xcalloc(1, sizeof(*subject));
	*subject = (struct subject){
		.listener = { .on_platform = on_platform, .on_record = on_record },
		.observer = observer,
		.env = env,
		.journal = journal,
		.metrics = metrics,
		.next = observer->subjects,
	};
	observer->subjects = subject;
	journal_attach(journal, &subject->listener);
}

void observer_forget(struct observer *observer, const struct environment *env)
{
	struct subject **place;
	struct subject *subject;

	if (!observer)
		return;
	for (place = &observer->subjects; (*place)->env != env; place = &(*place)->next)
		;
	subject = *place;
	*place = subject->next;
	journal_detach(subject->journal, &subject->listener);
	free(subject);
}
