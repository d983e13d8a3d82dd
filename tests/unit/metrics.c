/* SPDX-License-Identifier: Apache-2.0 */
/* metrics - what is counted, and the page that tells it */
#include "emulator/metrics.h"

#include "emulator/clock.h"
#include "emulator/metrics_page.h"
#include "emulator/prometheus.h"
#include "tests/unit/test.h"

#define US CLOCK_NS_PER_US
#define MS CLOCK_NS_PER_MS
#define S CLOCK_NS_PER_S

/* ---- counting ---- */

static void test_durations_fall_into_their_bucket(void)
{
	static const struct {
		uint64_t ns;
		unsigned bucket;
	} cases[] = {
		{ 0, 0 },        { 100 * US, 0 },     { 100 * US + 1, 1 },
		{ 250 * US, 1 }, { 1 * S, 12 },       { 1 * S + 1, 13 },
		{ 900 * S, 20 }, { 900 * S + 1, 21 }, { UINT64_MAX / 2, 21 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct metrics metrics = { .billed_ms = 0 };

		metrics_count_init(&metrics, cases[i].ns);
		CHECK_INT(metrics.init.buckets[cases[i].bucket], 1);
		CHECK_INT(metrics.init.count, 1);
		CHECK_INT(metrics.init.sum_ns, cases[i].ns);
	}
}

static void test_bounds_rise(void)
{
	for (unsigned i = 1; i < METRICS_BUCKETS; i++)
		CHECK(metrics_bounds_ns[i] > metrics_bounds_ns[i - 1]);
}

static void test_invocations_add_up(void)
{
	struct metrics metrics = { .billed_ms = 0 };
	const struct metrics_invocation all[] = {
		{ .start = METRICS_COLD,
		  .duration_ns = 3 * MS,
		  .billed_ms = 4,
		  .memory_peak_bytes = 20 },
		{ .start = METRICS_WARM,
		  .duration_ns = 2 * MS,
		  .billed_ms = 2,
		  .memory_peak_bytes = 10,
		  .error_type = METRICS_UNHANDLED },
		{ .start = METRICS_WARM,
		  .duration_ns = 3 * S,
		  .billed_ms = 3000,
		  .error_type = "Sandbox.Timedout" },
		{ .start = METRICS_WARM,
		  .duration_ns = 1 * MS,
		  .billed_ms = 1,
		  .error_type = METRICS_UNHANDLED },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		metrics_count_invocation(&metrics, &all[i]);
	CHECK_INT(metrics.invoke[METRICS_COLD].count, 1);
	CHECK_INT(metrics.invoke[METRICS_RESTORED].count, 0);
	CHECK_INT(metrics.invoke[METRICS_WARM].count, 3);
	CHECK_INT(metrics.invoke[METRICS_WARM].sum_ns, 3003 * MS);
	CHECK_INT(metrics.billed_ms, 3007);
	CHECK_INT(metrics.memory_peak_bytes, 20);
	CHECK_INT(metrics.errors.count, 2);
	CHECK_STR(metrics.errors.items[0].type, "Unhandled");
	CHECK_INT(metrics.errors.items[0].count, 2);
	CHECK_STR(metrics.errors.items[1].type, "Sandbox.Timedout");
	CHECK_INT(metrics.errors.items[1].count, 1);
}

static void test_types_are_bounded(void)
{
	struct metrics metrics = { .billed_ms = 0 };

	for (unsigned i = 0; i < 3 * METRICS_TYPES; i++) {
		char type[32];

		snprintf(type, sizeof(type), "Runtime.Made%u", i % (2 * METRICS_TYPES));
		metrics_count_init_error(&metrics, type);
	}
	CHECK_INT(metrics.init_errors.count, METRICS_TYPES);
	CHECK_INT(metrics.init_errors.items[0].count, 2);
	CHECK_INT(metrics.init_errors.others, METRICS_TYPES);
}

/* One that does not fit is still the same one the next time. */
static void test_a_type_of_any_length_is_one_type(void)
{
	struct metrics metrics = { .billed_ms = 0 };
	char type[400];

	memset(type, 'a', sizeof(type) - 1);
	type[sizeof(type) - 1] = '\0';
	for (int i = 0; i < 3; i++)
		metrics_count_init_error(&metrics, type);
	CHECK_INT(metrics.init_errors.count, 1);
	CHECK_INT(metrics.init_errors.items[0].count, 3);
}

static void test_nobody_counts(void)
{
	metrics_count_invocation(NULL, &(struct metrics_invocation){ .duration_ns = 1 });
	metrics_count_throttle(NULL, METRICS_THROTTLE_ACCOUNT);
	metrics_count_environment(NULL);
	metrics_count_setup(NULL, 1);
	metrics_count_init(NULL, 1);
	metrics_count_init_error(NULL, "Runtime.ExitError");
	metrics_count_extension_error(NULL, "Extension.Crash");
	metrics_count_emf(NULL, true);
	metrics_count_xray(NULL, true);
}

/* ---- the page ---- */

static struct buffer text = BUFFER_INIT;

static const char *page_of(const struct metrics *metrics, const struct metrics_now *now)
{
	const struct metrics_page page = {
		.function = "my\"function\\",
		.memory_bytes = 134217728,
		.metrics = metrics,
		.now = *now,
	};

	buffer_clear(&text);
	metrics_page_append(&text, &page, 1);
	return text.data;
}

/* A whole line of the page. */
static bool has_line(const char *line)
{
	const char *at = text.data;
	size_t length = strlen(line);

	while ((at = strstr(at, line))) {
		if ((at == text.data || at[-1] == '\n') && at[length] == '\n')
			return true;
		at += length;
	}
	printf("# no line: %s\n", line);
	return false;
}

#define LABEL "function=\"my\\\"function\\\\\""

static void test_page_of_nothing(void)
{
	const struct metrics metrics = { .billed_ms = 0 };
	const struct metrics_now now = { .environments = { [METRICS_STARTING] = 1 } };

	page_of(&metrics, &now);
	CHECK(has_line("lrie_invocations_total{" LABEL "} 0"));
	CHECK(has_line("lrie_environments{" LABEL ",state=\"starting\"} 1"));
	CHECK(has_line("lrie_environments{" LABEL ",state=\"idle\"} 0"));
	CHECK(has_line("lrie_memory_size_bytes{" LABEL "} 134217728"));
	CHECK(has_line("# TYPE lrie_invocation_errors_total counter"));
	CHECK(!strstr(text.data, "lrie_invocation_errors_total{"));
	CHECK(!strstr(text.data, "lrie_memory_peak_bytes"));
	buffer_finish(&text);
}

static void test_page_of_restores(void)
{
	struct metrics metrics = { .billed_ms = 0 };
	const struct metrics_now now = { .waiting = 0 };

	page_of(&metrics, &now);
	CHECK(!has_line("# TYPE lrie_restore_duration_seconds histogram"));
	metrics_count_restore(&metrics, 5 * MS);
	metrics_count_restore_error(&metrics, "Runtime.HookError");
	metrics_count_invocation(&metrics, &(struct metrics_invocation){ .start = METRICS_RESTORED,
	                                                                 .duration_ns = 3 * MS });
	page_of(&metrics, &now);
	CHECK(has_line("lrie_invocations_total{" LABEL "} 1"));
	CHECK(has_line("lrie_cold_starts_total{" LABEL "} 0"));
	CHECK(has_line("lrie_invoke_duration_seconds_count{" LABEL ",start=\"restored\"} 1"));
	CHECK(has_line("lrie_restore_duration_seconds_sum{" LABEL "} 0.005000000"));
	CHECK(has_line("lrie_restore_errors_total{" LABEL ",type=\"Runtime.HookError\"} 1"));
}

/* Prometheus wants all samples of a family behind its head, which stands there once. */
static void test_page_of_several(void)
{
	struct metrics metrics = { .memory_peak_bytes = 5 };
	const struct metrics none = { .billed_ms = 0 };
	const struct metrics_page pages[] = {
		{ .function = "a", .memory_bytes = 1, .metrics = &none },
		{ .function = "b", .memory_bytes = 2, .metrics = &metrics },
		{ .function = "c", .memory_bytes = 3, .metrics = &none },
	};

	metrics_count_restore(&metrics, 5 * MS);
	buffer_clear(&text);
	metrics_page_append(&text, pages, 3);
	CHECK(strstr(text.data, "\n# TYPE lrie_memory_size_bytes gauge\n"
	                        "lrie_memory_size_bytes{function=\"a\"} 1\n"
	                        "lrie_memory_size_bytes{function=\"b\"} 2\n"
	                        "lrie_memory_size_bytes{function=\"c\"} 3\n# HELP "));
	CHECK(strstr(text.data, "\n# TYPE lrie_memory_peak_bytes gauge\n"
	                        "lrie_memory_peak_bytes{function=\"b\"} 5\n# HELP "));
	CHECK(has_line("lrie_restore_duration_seconds_count{function=\"b\"} 1"));
	CHECK(!strstr(text.data, "lrie_restore_duration_seconds_count{function=\"a\"}"));
	buffer_finish(&text);
}

static void test_page_of_much(void)
{
	struct metrics metrics = { .billed_ms = 0 };
	const struct metrics_now now = { .waiting = 7 };

	metrics_count_environment(&metrics);
	metrics_count_setup(&metrics, 1500 * US);
	metrics_count_init(&metrics, 40 * MS);
	metrics_count_init_error(&metrics, "Runtime.ExitError");
	metrics_count_throttle(&metrics, METRICS_THROTTLE_RESERVED);
	metrics_count_invocation(&metrics,
	                         &(struct metrics_invocation){ .start = METRICS_COLD,
	                                                       .duration_ns = 1000200 * US,
	                                                       .billed_ms = 1041,
	                                                       .memory_peak_bytes = 4096 });
	for (int i = 0; i < 2; i++)
		metrics_count_invocation(&metrics, &(struct metrics_invocation){
							   .duration_ns = 200 * US,
							   .billed_ms = 1,
							   .error_type = "Runtime.A\"\n\xff" });
	metrics_count_emf(&metrics, false);
	metrics_count_extension_error(&metrics, "Extension.Crash");
	page_of(&metrics, &now);
	CHECK(has_line("lrie_emf_lines_total{" LABEL ",valid=\"true\"} 0"));
	CHECK(has_line("lrie_emf_lines_total{" LABEL ",valid=\"false\"} 1"));
	CHECK(has_line("lrie_xray_documents_total{" LABEL ",valid=\"true\"} 0"));
	CHECK(has_line("lrie_extension_errors_total{" LABEL ",type=\"Extension.Crash\"} 1"));
	CHECK(has_line("lrie_invocations_total{" LABEL "} 3"));
	CHECK(has_line("lrie_cold_starts_total{" LABEL "} 1"));
	CHECK(has_line("lrie_invocation_errors_total{" LABEL
	               ",type=\"Runtime.A\\\"\\n\xef\xbf\xbd\"} 2"));
	CHECK(has_line("lrie_throttles_total{" LABEL
	               ",reason=\"ReservedFunctionConcurrentInvocationLimitExceeded\"} 1"));
	CHECK(has_line("lrie_invoke_duration_seconds_bucket{" LABEL
	               ",start=\"warm\",le=\"0.0001\"} 0"));
	CHECK(has_line("lrie_invoke_duration_seconds_bucket{" LABEL
	               ",start=\"warm\",le=\"0.00025\"} 2"));
	CHECK(has_line("lrie_invoke_duration_seconds_bucket{" LABEL
	               ",start=\"warm\",le=\"900\"} 2"));
	CHECK(has_line("lrie_invoke_duration_seconds_bucket{" LABEL
	               ",start=\"warm\",le=\"+Inf\"} 2"));
	CHECK(has_line("lrie_invoke_duration_seconds_sum{" LABEL ",start=\"cold\"} 1.000200000"));
	CHECK(has_line("lrie_invoke_duration_seconds_count{" LABEL ",start=\"cold\"} 1"));
	CHECK(has_line("lrie_billed_duration_seconds_total{" LABEL "} 1.043000000"));
	CHECK(has_line("lrie_environments_started_total{" LABEL "} 1"));
	CHECK(has_line("lrie_setup_duration_seconds_bucket{" LABEL ",le=\"0.0025\"} 1"));
	CHECK(has_line("lrie_init_duration_seconds_sum{" LABEL "} 0.040000000"));
	CHECK(has_line("lrie_init_errors_total{" LABEL ",type=\"Runtime.ExitError\"} 1"));
	CHECK(has_line("lrie_invocations_waiting{" LABEL "} 7"));
	CHECK(has_line("lrie_memory_peak_bytes{" LABEL "} 4096"));
	buffer_finish(&text);
}

static void test_types_that_were_too_many_are_told(void)
{
	struct metrics metrics = { .init_errors = { .others = 5 } };
	const struct metrics_now now = { .waiting = 0 };

	page_of(&metrics, &now);
	CHECK(has_line("lrie_init_errors_total{" LABEL ",type=\"other\"} 5"));
	buffer_finish(&text);
}

TEST_MAIN(test_durations_fall_into_their_bucket, test_bounds_rise, test_invocations_add_up,
          test_types_are_bounded, test_a_type_of_any_length_is_one_type, test_nobody_counts,
          test_page_of_nothing, test_page_of_restores, test_page_of_several, test_page_of_much,
          test_types_that_were_too_many_are_told)
