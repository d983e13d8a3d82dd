/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_page - the metrics of a function as a page that Prometheus scrapes */
#include "emulator/metrics_page.h"

#include <inttypes.h>
#include <stdio.h>

#include "emulator/clock.h"
#include "emulator/prometheus.h"

/* A page that is being made: each sample bears the name of the function. */
struct page {
	struct buffer *out;
	const char *function;
};

/* ---- samples ---- */

/* The start of a sample; 'label' may be NULL. A value and a newline follow. */
static void append_name(const struct page *page, const char *name, const char *label,
                        const char *value)
{
	buffer_append_format(page->out, "%s{", name);
	prometheus_label(page->out, "function", page->function);
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

static void append_counter(const struct page *page, const char *name, const char *help,
                           uint64_t number)
{
	prometheus_family(page->out, name, "counter", help);
	append_sample(page, name, NULL, NULL, number);
}

static void append_gauge(const struct page *page, const char *name, const char *help,
                         uint64_t number)
{
	prometheus_family(page->out, name, "gauge", help);
	append_sample(page, name, NULL, NULL, number);
}

static void append_types(const struct page *page, const char *name, const char *help,
                         const struct metrics_types *types)
{
	prometheus_family(page->out, name, "counter", help);
	for (unsigned i = 0; i < types->count; i++)
		append_sample(page, name, "type", types->items[i].type, types->items[i].count);
	if (types->others > 0)
		append_sample(page, name, "type", "other", types->others);
}

/* ---- histograms ---- */

/* "name_bucket{function="f",start="cold",le="0.25"} " */
static void append_bucket(const struct page *page, const char *name, const char *start,
                          const char *bound, uint64_t cumulative)
{
	struct buffer *out = page->out;

	buffer_append_format(out, "%s_bucket{", name);
	prometheus_label(out, "function", page->function);
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

/* ---- the page ---- */

static void append_invocations(const struct page *page, const struct metrics *metrics)
{
	static const char *const reasons[] = {
		[METRICS_THROTTLE_RESERVED] = "ReservedFunctionConcurrentInvocationLimitExceeded",
		[METRICS_THROTTLE_LINE] = "ConcurrentInvocationLimitExceeded",
	};
	static const char invoke[] = "lrie_invoke_duration_seconds";
	const struct metrics_histogram *warm = &metrics->invoke[METRICS_WARM];
	const struct metrics_histogram *cold = &metrics->invoke[METRICS_COLD];
	const struct metrics_histogram *restored = &metrics->invoke[METRICS_RESTORED];

	append_counter(page, "lrie_invocations_total", "Invocations that have a REPORT line.",
	               warm->count + cold->count + restored->count);
	append_counter(page, "lrie_cold_starts_total",
	               "Invocations with an Init Duration, or with an init inside of Duration.",
	               cold->count);
	append_types(
		page, "lrie_invocation_errors_total",
		"Invocations that failed, by error type; Unhandled is the handler's own error.",
		&metrics->errors);
	prometheus_family(page->out, "lrie_throttles_total", "counter",
	                  "Requests answered with 429, by reason.");
	for (unsigned i = 0; i < METRICS_THROTTLE_COUNT; i++)
		append_sample(page, "lrie_throttles_total", "reason", reasons[i],
		              metrics->throttles[i]);
	prometheus_family(page->out, invoke, "histogram", "What REPORT calls Duration.");
	append_histogram(page, invoke, "cold", cold);
	append_histogram(page, invoke, "warm", warm);
	if (restored->count > 0)
		append_histogram(page, invoke, "restored", restored);
	prometheus_family(page->out, "lrie_billed_duration_seconds_total", "counter",
	                  "What REPORT calls Billed Duration.");
	append_name(page, "lrie_billed_duration_seconds_total", NULL, NULL);
	append_seconds(page, metrics->billed_ms * CLOCK_NS_PER_MS);
}

static void append_inits(const struct page *page, const struct metrics *metrics)
{
	static const char setup[] = "lrie_setup_duration_seconds";
	static const char init[] = "lrie_init_duration_seconds";

	append_counter(page, "lrie_environments_started_total",
	               "Execution environments that were started.", metrics->environments);
	prometheus_family(page->out, setup, "histogram",
	                  "Box asked for to first program executed, which Lambda does not count.");
	append_histogram(page, setup, NULL, &metrics->setup);
	prometheus_family(page->out, init, "histogram",
	                  "First program executed to end of init, of each init that ended well.");
	append_histogram(page, init, NULL, &metrics->init);
	append_types(page, "lrie_init_errors_total", "Inits that failed, by error type.",
	             &metrics->init_errors);
	append_types(page, "lrie_extension_errors_total",
	             "Extensions whose failure ended an environment's processes, by error type.",
	             &metrics->extension_errors);
}

/* Only where there is SnapStart: to all others it would be noise. */
static void append_restores(const struct page *page, const struct metrics *metrics)
{
	static const char restore[] = "lrie_restore_duration_seconds";

	if (metrics->restore.count == 0 && metrics->restore_errors.count == 0)
		return;
	prometheus_family(page->out, restore, "histogram",
	                  "What REPORT calls Restore Duration, of each restore that ended well.");
	append_histogram(page, restore, NULL, &metrics->restore);
	append_types(page, "lrie_restore_errors_total", "Restores that failed, by error type.",
	             &metrics->restore_errors);
}

static void append_checked(const struct page *page, const char *name, const char *help,
                           uint64_t valid, uint64_t invalid)
{
	prometheus_family(page->out, name, "counter", help);
	append_sample(page, name, "valid", "true", valid);
	append_sample(page, name, "valid", "false", invalid);
}

static void append_records(const struct page *page, const struct metrics *metrics)
{
	append_checked(page, "lrie_emf_lines_total",
	               "Lines of the function that hold metrics for CloudWatch.",
	               metrics->emf_valid, metrics->emf_invalid);
	append_checked(page, "lrie_xray_documents_total",
	               "Documents of the function for X-Ray, with --xray.", metrics->xray_valid,
	               metrics->xray_invalid);
}

static void append_now(const struct page *page, const struct metrics_now *now)
{
	static const char *const states[] = {
		[METRICS_STARTING] = "starting", [METRICS_IDLE] = "idle",   [METRICS_BUSY] = "busy",
		[METRICS_STOPPING] = "stopping", [METRICS_RESET] = "reset",
	};

	prometheus_family(page->out, "lrie_environments", "gauge",
	                  "Execution environments, by state.");
	for (unsigned i = 0; i < METRICS_STATE_COUNT; i++)
		append_sample(page, "lrie_environments", "state", states[i], now->environments[i]);
	append_gauge(page, "lrie_events_queued",
	             "Events of type Event that wait for an attempt or are in one.", now->events);
	append_gauge(page, "lrie_invocations_waiting", "Invocations that wait in line.",
	             now->waiting);
}

void metrics_page_append(struct buffer *out, const struct metrics_page *request)
{
	const struct page page = { .out = out, .function = request->function };
	const struct metrics *metrics = request->metrics;

	append_invocations(&page, metrics);
	append_inits(&page, metrics);
	append_restores(&page, metrics);
	append_records(&page, metrics);
	append_now(&page, &request->now);
	append_gauge(&page, "lrie_memory_size_bytes", "Memory of an environment, as configured.",
	             request->memory_bytes);
	if (metrics->memory_peak_bytes > 0)
		append_gauge(&page, "lrie_memory_peak_bytes",
		             "The most that any environment has used; what REPORT calls Max Memory "
		             "Used.",
		             metrics->memory_peak_bytes);
	prometheus_family(out, "lrie_info", "gauge", "The version of lrie.");
	append_sample(&page, "lrie_info", "version", PACKAGE_VERSION, 1);
}
