/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics_page - the metrics of functions as a page that Prometheus scrapes
 *
 * All samples of a family stand together, so one row of a table is one family, and each function
 * is asked for its samples of it.
 */
#include "emulator/metrics_page.h"

#include <inttypes.h>
#include <stdio.h>

#include "emulator/clock.h"
#include "emulator/prometheus.h"

/* A page that is being made: each sample bears the name of the function that is looked at. */
struct page {
	struct buffer *out;
	const struct metrics_page *of;
};

/* ---- samples ---- */

/* The start of a sample; 'label' may be NULL. A value and a newline follow. */
static void append_name(const struct page *page, const char *name, const char *label,
                        const char *value)
{
	buffer_append_format(page->out, "%s{", name);
	prometheus_label(page->out, "function", page->of->function);
	if (label) {
		buffer_append_text(page->out, ",");
		prometheus_label(page->out, label, value);
	}
	buffer_append_text(page->out, "} ");
}

static void append_sample(const struct page *page, const char *name, const char *label,
                          const char *value, uint64_t number)
{
	append_name(page, name, label, value);
	buffer_append_format(page->out, "%" PRIu64 "\n", number);
}

/* All digits, so that a sum of months still shows the next millisecond. */
static void append_seconds(const struct page *page, uint64_t ns)
{
	buffer_append_format(page->out, "%" PRIu64 ".%09" PRIu64 "\n", ns / CLOCK_NS_PER_S,
	                     ns % CLOCK_NS_PER_S);
}

static void append_types(const struct page *page, const char *name,
                         const struct metrics_types *types)
{
	for (unsigned i = 0; i < types->count; i++)
		append_sample(page, name, "type", types->items[i].type, types->items[i].count);
	if (types->others > 0)
		append_sample(page, name, "type", "other", types->others);
}

static void append_checked(const struct page *page, const char *name, uint64_t valid,
                           uint64_t invalid)
{
	append_sample(page, name, "valid", "true", valid);
	append_sample(page, name, "valid", "false", invalid);
}

/* ---- histograms ---- */

/* "name_bucket{function="f",start="cold",le="0.25"} " */
static void append_bucket(const struct page *page, const char *name, const char *start,
                          const char *bound, uint64_t cumulative)
{
	struct buffer *out = page->out;

	buffer_append_format(out, "%s_bucket{", name);
	prometheus_label(out, "function", page->of->function);
	if (start)
		buffer_append_format(out, ",start=\"%s\"", start);
	buffer_append_format(out, ",le=\"%s\"} %" PRIu64 "\n", bound, cumulative);
}

static void append_histogram(const struct page *page, const char *name, const char *start,
                             const struct metrics_histogram *histogram)
{
	const char *label = start ? "start" : NULL;
	uint64_t cumulative = 0;

	for (unsigned i = 0; i < METRICS_BUCKETS; i++) {
		char bound[32];

		snprintf(bound, sizeof(bound), "%g",
		         (double)metrics_bounds_ns[i] / (double)CLOCK_NS_PER_S);
		cumulative += histogram->buckets[i];
		append_bucket(page, name, start, bound, cumulative);
	}
	append_bucket(page, name, start, "+Inf", histogram->count);

	autobuffer struct buffer part = BUFFER_INIT;

	buffer_append_format(&part, "%s_sum", name);
	append_name(page, part.data, label, start);
	append_seconds(page, histogram->sum_ns);
	buffer_clear(&part);
	buffer_append_format(&part, "%s_count", name);
	append_sample(page, part.data, label, start, histogram->count);
}

/* ---- what each function has to tell ---- */

static void append_invocations(const struct page *page, const char *name)
{
	const struct metrics_histogram *invoke = page->of->metrics->invoke;

	append_sample(page, name, NULL, NULL,
	              invoke[METRICS_WARM].count + invoke[METRICS_COLD].count +
	                      invoke[METRICS_RESTORED].count);
}

static void append_cold_starts(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->metrics->invoke[METRICS_COLD].count);
}

static void append_errors(const struct page *page, const char *name)
{
	append_types(page, name, &page->of->metrics->errors);
}

static void append_throttles(const struct page *page, const char *name)
{
	static const char *const reasons[] = {
		[METRICS_THROTTLE_RESERVED] = "ReservedFunctionConcurrentInvocationLimitExceeded",
		[METRICS_THROTTLE_ACCOUNT] = "ConcurrentInvocationLimitExceeded",
	};

	for (unsigned i = 0; i < METRICS_THROTTLE_COUNT; i++)
		append_sample(page, name, "reason", reasons[i], page->of->metrics->throttles[i]);
}

static void append_durations(const struct page *page, const char *name)
{
	const struct metrics_histogram *invoke = page->of->metrics->invoke;

	append_histogram(page, name, "cold", &invoke[METRICS_COLD]);
	append_histogram(page, name, "warm", &invoke[METRICS_WARM]);
	if (invoke[METRICS_RESTORED].count > 0)
		append_histogram(page, name, "restored", &invoke[METRICS_RESTORED]);
}

static void append_billed(const struct page *page, const char *name)
{
	append_name(page, name, NULL, NULL);
	append_seconds(page, page->of->metrics->billed_ms * CLOCK_NS_PER_MS);
}

static void append_started(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->metrics->environments);
}

static void append_setup(const struct page *page, const char *name)
{
	append_histogram(page, name, NULL, &page->of->metrics->setup);
}

static void append_init(const struct page *page, const char *name)
{
	append_histogram(page, name, NULL, &page->of->metrics->init);
}

static void append_init_errors(const struct page *page, const char *name)
{
	append_types(page, name, &page->of->metrics->init_errors);
}

static void append_extension_errors(const struct page *page, const char *name)
{
	append_types(page, name, &page->of->metrics->extension_errors);
}

/* Only where there is SnapStart: to all others it would be noise. */
static bool has_restores(const struct metrics_page *of)
{
	return of->metrics->restore.count > 0 || of->metrics->restore_errors.count > 0;
}

static void append_restore(const struct page *page, const char *name)
{
	append_histogram(page, name, NULL, &page->of->metrics->restore);
}

static void append_restore_errors(const struct page *page, const char *name)
{
	append_types(page, name, &page->of->metrics->restore_errors);
}

static void append_emf(const struct page *page, const char *name)
{
	append_checked(page, name, page->of->metrics->emf_valid, page->of->metrics->emf_invalid);
}

static void append_xray(const struct page *page, const char *name)
{
	append_checked(page, name, page->of->metrics->xray_valid, page->of->metrics->xray_invalid);
}

static void append_environments(const struct page *page, const char *name)
{
	static const char *const states[] = {
		[METRICS_STARTING] = "starting", [METRICS_IDLE] = "idle",   [METRICS_BUSY] = "busy",
		[METRICS_STOPPING] = "stopping", [METRICS_RESET] = "reset",
	};

	for (unsigned i = 0; i < METRICS_STATE_COUNT; i++)
		append_sample(page, name, "state", states[i], page->of->now.environments[i]);
}

static void append_events(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->now.events);
}

static void append_accepted(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->events.accepted);
}

static void append_succeeded(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->events.succeeded);
}

static void append_failed(const struct page *page, const char *name)
{
	append_sample(page, name, "condition", "RetriesExhausted", page->of->events.exhausted);
	append_sample(page, name, "condition", "EventAgeExceeded", page->of->events.too_old);
}

static void append_retried(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->events.retried);
}

static void append_dropped(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->events.undelivered);
}

static void append_waiting(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->now.waiting);
}

static void append_memory(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->memory_bytes);
}

static bool has_peak(const struct metrics_page *of)
{
	return of->metrics->memory_peak_bytes > 0;
}

static void append_peak(const struct page *page, const char *name)
{
	append_sample(page, name, NULL, NULL, page->of->metrics->memory_peak_bytes);
}

static void append_info(const struct page *page, const char *name)
{
	append_sample(page, name, "version", PACKAGE_VERSION, 1);
}

/* ---- the page ---- */

/* clang-format off */
static const struct family {
	const char *name, *type, *help;
	void (*append)(const struct page *page, const char *name);
	bool (*is_told)(const struct metrics_page *of); /* NULL: always */
} families[] = {
	{ "lrie_invocations_total", "counter", "Invocations that have a REPORT line.",
	  append_invocations, NULL },
	{ "lrie_cold_starts_total", "counter",
	  "Invocations with an Init Duration, or with an init inside of Duration.",
	  append_cold_starts, NULL },
	{ "lrie_invocation_errors_total", "counter",
	  "Invocations that failed, by error type; Unhandled is the handler's own error.",
	  append_errors, NULL },
	{ "lrie_throttles_total", "counter", "Requests answered with 429, by reason.",
	  append_throttles, NULL },
	{ "lrie_invoke_duration_seconds", "histogram", "What REPORT calls Duration.",
	  append_durations, NULL },
	{ "lrie_billed_duration_seconds_total", "counter", "What REPORT calls Billed Duration.",
	  append_billed, NULL },
	{ "lrie_environments_started_total", "counter",
	  "Execution environments that were started.", append_started, NULL },
	{ "lrie_setup_duration_seconds", "histogram",
	  "Box asked for to first program executed, which Lambda does not count.",
	  append_setup, NULL },
	{ "lrie_init_duration_seconds", "histogram",
	  "First program executed to end of init, of each init that ended well.",
	  append_init, NULL },
	{ "lrie_init_errors_total", "counter", "Inits that failed, by error type.",
	  append_init_errors, NULL },
	{ "lrie_extension_errors_total", "counter",
	  "Extensions whose failure ended an environment's processes, by error type.",
	  append_extension_errors, NULL },
	{ "lrie_restore_duration_seconds", "histogram",
	  "What REPORT calls Restore Duration, of each restore that ended well.",
	  append_restore, has_restores },
	{ "lrie_restore_errors_total", "counter", "Restores that failed, by error type.",
	  append_restore_errors, has_restores },
	{ "lrie_emf_lines_total", "counter",
	  "Lines of the function that hold metrics for CloudWatch.", append_emf, NULL },
	{ "lrie_xray_documents_total", "counter",
	  "Documents of the function for X-Ray, with --xray.", append_xray, NULL },
	{ "lrie_environments", "gauge", "Execution environments, by state.",
	  append_environments, NULL },
	{ "lrie_events_queued", "gauge",
	  "Events of type Event that wait for an attempt or are in one.", append_events, NULL },
	{ "lrie_events_accepted_total", "counter", "Events that were answered with 202.",
	  append_accepted, NULL },
	{ "lrie_events_succeeded_total", "counter", "Events that went well.",
	  append_succeeded, NULL },
	{ "lrie_events_failed_total", "counter", "Events that were given up, by condition.",
	  append_failed, NULL },
	{ "lrie_events_retried_total", "counter", "Attempts behind the first of an event.",
	  append_retried, NULL },
	{ "lrie_event_records_dropped_total", "counter",
	  "What became of an event and was not told: a destination did not take it.",
	  append_dropped, NULL },
	{ "lrie_invocations_waiting", "gauge", "Invocations that wait in line.",
	  append_waiting, NULL },
	{ "lrie_memory_size_bytes", "gauge", "Memory of an environment, as configured.",
	  append_memory, NULL },
	{ "lrie_memory_peak_bytes", "gauge",
	  "The most that any environment has used; what REPORT calls Max Memory Used.",
	  append_peak, has_peak },
	{ "lrie_info", "gauge", "The version of lrie.", append_info, NULL },
};
/* clang-format on */

static void append_family(struct buffer *out, const struct family *family,
                          const struct metrics_page *functions, size_t count)
{
	bool is_begun = false;

	for (size_t i = 0; i < count; i++) {
		const struct page page = { .out = out, .of = &functions[i] };

		if (family->is_told && !family->is_told(page.of))
			continue;
		if (!is_begun)
			prometheus_family(out, family->name, family->type, family->help);
		is_begun = true;
		family->append(&page, family->name);
	}
}

void metrics_page_append(struct buffer *out, const struct metrics_page *functions, size_t count)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		append_family(out, &families[i], functions, count);
}
