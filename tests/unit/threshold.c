/* SPDX-License-Identifier: Apache-2.0 */
/* threshold - what a benchmark must hold, read and judged; and the names of metrics */
#include "emulator/threshold.h"

#include <math.h>
#include <stdlib.h>

#include "emulator/clock.h"
#include "tests/unit/test.h"

#define MB ((uint64_t)1 << 20)

static void test_thresholds_are_read(void)
{
	static const struct {
		const char *text;
		enum metric_id metric;
		enum metric_statistic statistic;
		bool above, or_equal;
		enum threshold_bound kind;
		double bound;
	} cases[] = {
		{ "cold.init.p90>300ms", METRIC_COLD_INIT, STATISTIC_P90, true, false,
		  THRESHOLD_ABSOLUTE, 300 },
		{ "cold.init>1.5s", METRIC_COLD_INIT, STATISTIC_MEDIAN, true, false,
		  THRESHOLD_ABSOLUTE, 1500 },
		{ "cold.init.median >= 250 us", METRIC_COLD_INIT, STATISTIC_MEDIAN, true, true,
		  THRESHOLD_ABSOLUTE, 0.25 },
		{ " warm.invoke.max < 2ms ", METRIC_WARM_INVOKE, STATISTIC_MAX, false, false,
		  THRESHOLD_ABSOLUTE, 2 },
		{ "memory.peak>80%", METRIC_MEMORY_PEAK, STATISTIC_MAX, true, false,
		  THRESHOLD_OF_MEMORY, 0.8 },
		{ "memory.peak.p50>1GB", METRIC_MEMORY_PEAK, STATISTIC_MEDIAN, true, false,
		  THRESHOLD_ABSOLUTE, 1024 },
		{ "memory.peak>+5%", METRIC_MEMORY_PEAK, STATISTIC_MAX, true, false,
		  THRESHOLD_CHANGE, 0.05 },
		{ "cold.total.p99>+10%", METRIC_COLD_TOTAL, STATISTIC_P99, true, false,
		  THRESHOLD_CHANGE, 0.1 },
		{ "cold.init.cpu>5ms", METRIC_INIT_CPU, STATISTIC_MEDIAN, true, false,
		  THRESHOLD_ABSOLUTE, 5 },
		{ "cold.init.cpu.system.max>5ms", METRIC_INIT_SYSTEM, STATISTIC_MAX, true, false,
		  THRESHOLD_ABSOLUTE, 5 },
		{ "cold.read.bytes>40MB", METRIC_COLD_READ, STATISTIC_MEDIAN, true, false,
		  THRESHOLD_ABSOLUTE, 40 },
		{ "cold.faults.major>0", METRIC_COLD_MAJOR_FAULTS, STATISTIC_MEDIAN, true, false,
		  THRESHOLD_ABSOLUTE, 0 },
		{ "cold.files >= 300", METRIC_COLD_FILES, STATISTIC_MEDIAN, true, true,
		  THRESHOLD_ABSOLUTE, 300 },
		{ "cold.files>+10%", METRIC_COLD_FILES, STATISTIC_MEDIAN, true, false,
		  THRESHOLD_CHANGE, 0.1 },
		{ "cold.total<=-10%", METRIC_COLD_TOTAL, STATISTIC_MEDIAN, false, true,
		  THRESHOLD_CHANGE, -0.1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct threshold threshold;
		struct error err = { .code = 0 };

		test_case(cases[i].text);
		if (!CHECK(threshold_parse(cases[i].text, &threshold, &err))) {
			printf("# %s\n", err.text);
			continue;
		}
		CHECK_INT(threshold.metric, cases[i].metric);
		CHECK_INT(threshold.statistic, cases[i].statistic);
		CHECK_INT(threshold.above, cases[i].above);
		CHECK_INT(threshold.or_equal, cases[i].or_equal);
		CHECK_INT(threshold.kind, cases[i].kind);
		CHECK(fabs(threshold.bound - cases[i].bound) < 1e-12);
	}
}

static void test_a_threshold_may_be_about_one_function(void)
{
	struct threshold threshold;
	struct error err;

	CHECK(threshold_parse("cold.init.p90>300ms", &threshold, &err));
	CHECK(threshold_is_about(&threshold, "node") && threshold_is_about(&threshold, ""));
	CHECK(threshold_parse("node: cold.init.p90>300ms", &threshold, &err));
	CHECK(threshold_is_about(&threshold, "node"));
	CHECK(!threshold_is_about(&threshold, "nod") && !threshold_is_about(&threshold, "node2"));
	CHECK_INT(threshold.statistic, STATISTIC_P90);
	CHECK_STR(threshold.text, "node: cold.init.p90>300ms");
	CHECK(threshold_parse("/a b:c (2):warm.invoke>=1s", &threshold, &err));
	CHECK(threshold_is_about(&threshold, "/a b:c (2)"));
	CHECK(threshold.above && threshold.or_equal && threshold.metric == METRIC_WARM_INVOKE);
}

static void test_mistakes_are_named(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "unknown metric ''" },
		{ "cold.inti>5ms", "unknown metric 'cold.inti' (known are cold.setup, " },
		{ "cold.inti>5ms", ".init.files, .files; then .min, " },
		{ "cold.init.faults.minro.p95 >= 1000", ".p99 or .max)" },
		{ "cold.init.p42>5ms", "unknown metric 'cold.init.p42'" },
		{ "cold.init.>5ms", "unknown metric 'cold.init.'" },
		{ "cold.initp90>5ms", "unknown metric 'cold.initp90'" },
		{ "cold.init", "'>' or '<' is missing" },
		{ "cold.init=5ms", "'>' or '<' is missing" },
		{ "cold.init>", "a number is missing" },
		{ "cold.init>ms", "a number is missing" },
		{ "cold.init>nanms", "a number is missing" },
		{ "cold.init>infms", "a number is missing" },
		{ "cold.init>0x10ms", "a number is missing" },
		{ "cold.init>1e3ms", "a number is missing" },
		{ "cold.init>5", "cold.init takes us, ms, s or +%" },
		{ "cold.init>5MB", "cold.init takes us, ms, s or +%" },
		{ "cold.files>5MB", "cold.files takes a number alone or +%" },
		{ "cold.read.bytes>5", "cold.read.bytes takes KB, MB, GB or +%" },
		{ "cold.read.bytes>80%", "a part of what?" },
		{ "cold.init>5minutes", "cold.init takes us, ms, s or +%" },
		{ "memory.peak>5ms", "memory.peak takes KB, MB, GB, % or +%" },
		{ "cold.init>5 ms or so", "there is more behind the unit" },
		{ "cold.init>80%", "a part of what?" },
		{ "cold.init>+5ms", "a change is in %" },
		{ "node:>5ms", "unknown metric ''" },
		{ "node:cold.inti>5ms", "unknown metric 'cold.inti'" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct threshold threshold;
		struct error err = { .code = 0 };

		test_case(cases[i].text);
		CHECK(!threshold_parse(cases[i].text, &threshold, &err));
		if (!CHECK(strstr(err.text, cases[i].words) != NULL))
			printf("# %s\n", err.text);
	}
}

static void test_values_are_judged(void)
{
	static const struct {
		const char *text;
		double value, baseline;
		enum threshold_verdict verdict;
		const char *words;
	} cases[] = {
		{ "cold.init.p90>300ms", 312.44, NAN, THRESHOLD_BROKEN,
		  "cold.init.p90 is 312.4 ms, above 300 ms" },
		{ "cold.files>300", 312, NAN, THRESHOLD_BROKEN,
		  "cold.files.p50 is 312, above 300" },
		{ "cold.init.p90>300ms", 299, NAN, THRESHOLD_HOLDS,
		  "cold.init.p90 is 299 ms, below 300 ms" },
		{ "cold.init>300ms", 300, NAN, THRESHOLD_HOLDS,
		  "cold.init.p50 is 300 ms, at 300 ms" },
		{ "cold.init>=300ms", 300, NAN, THRESHOLD_BROKEN,
		  "cold.init.p50 is 300 ms, at 300 ms" },
		{ "warm.invoke<1ms", 0.5, NAN, THRESHOLD_BROKEN,
		  "warm.invoke.p50 is 0.5 ms, below 1 ms" },
		{ "memory.peak>80%", 110, NAN, THRESHOLD_BROKEN,
		  "memory.peak.max is 110 MB, above 102.4 MB (80% of the memory)" },
		{ "memory.peak>80%", 100, NAN, THRESHOLD_HOLDS,
		  "memory.peak.max is 100 MB, below 102.4 MB (80% of the memory)" },
		{ "cold.init>+10%", 112, 100, THRESHOLD_BROKEN,
		  "cold.init.p50 is 112 ms, above 110 ms (+10% of the baseline)" },
		{ "cold.init>+10%", 109, 100, THRESHOLD_HOLDS,
		  "cold.init.p50 is 109 ms, below 110 ms (+10% of the baseline)" },
		{ "cold.init>+10%", 109, NAN, THRESHOLD_UNKNOWN,
		  "cold.init.p50 is 109 ms, and the baseline has no such figure" },
		{ "cold.init.p99>1ms", NAN, 100, THRESHOLD_UNKNOWN,
		  "cold.init.p99 is not known: it takes at least 200 values" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		autobuffer struct buffer words = BUFFER_INIT;
		struct threshold threshold;
		struct error err;

		test_case(cases[i].text);
		CHECK(threshold_parse(cases[i].text, &threshold, &err));
		const struct threshold_reference reference = { .value = cases[i].baseline,
			                                       .name = "the baseline" };
		CHECK_INT(threshold_judge(&threshold, cases[i].value, 128 * MB, &reference, &words),
		          cases[i].verdict);
		CHECK_STR(words.data, cases[i].words);
	}
}

static void test_metrics_are_columns_of_the_runs(void)
{
	struct measurement measurement;
	size_t count;

	measurement_init(&measurement);
	for (uint64_t i = 1; i <= 300; i++) {
		*measurement_add_cold(&measurement) = (struct cold_start){
			.init_ns = i * CLOCK_NS_PER_MS,
			.billed_ms = 2 * i,
			.memory_peak_bytes = i % 2 ? 0 : i * MB
		};
		measurement_add_warm(&measurement)->invoke_ns = i * CLOCK_NS_PER_US;
	}
	measurement_add_warm(&measurement)->billed_ms = 7;

	double *values = metric_values(METRIC_COLD_INIT, &measurement, &count);
	CHECK_INT(count, 300);
	CHECK(values[0] == 1 && values[299] == 300);
	free(values);
	values = metric_values(METRIC_MEMORY_PEAK, &measurement, &count);
	CHECK_INT(count, 150); /* what was not measured is no value */
	CHECK(values[0] == 2 && values[149] == 300);
	free(values);
	values = metric_values(METRIC_WARM_INVOKE, &measurement, &count);
	CHECK_INT(count, 301);
	CHECK(values[0] == 0.001 && values[300] == 0);
	free(values);
	values = metric_values(METRIC_WARM_BILLED, &measurement, &count);
	CHECK(values[300] == 7);
	free(values);
	measurement_finish(&measurement);
	values = metric_values(METRIC_COLD_TOTAL, &measurement, &count);
	CHECK_INT(count, 0);
	free(values);
}

static double first_value(enum metric_id metric, const struct measurement *measurement)
{
	size_t count;
	double *values = metric_values(metric, measurement, &count), first = count ? *values : -1;

	free(values);
	return first;
}

/* Each metric tells its own figure, in its unit, and what is unknown is no value. */
static void test_metrics_tell_what_was_used(void)
{
	static const struct {
		enum metric_id init, all;
		enum sandbox_usage_figure figure;
		double unit;
	} cases[] = {
		{ METRIC_INIT_CPU, METRIC_COLD_CPU, SANDBOX_USAGE_CPU_NS, 1e6 },
		{ METRIC_INIT_SYSTEM, METRIC_COLD_SYSTEM, SANDBOX_USAGE_SYSTEM_NS, 1e6 },
		{ METRIC_COUNT, METRIC_COLD_THROTTLED, SANDBOX_USAGE_THROTTLED_NS, 1e6 },
		{ METRIC_INIT_MINOR_FAULTS, METRIC_COLD_MINOR_FAULTS, SANDBOX_USAGE_MINOR_FAULTS,
		  1 },
		{ METRIC_INIT_MAJOR_FAULTS, METRIC_COLD_MAJOR_FAULTS, SANDBOX_USAGE_MAJOR_FAULTS,
		  1 },
		{ METRIC_INIT_READ, METRIC_COLD_READ, SANDBOX_USAGE_READ_BYTES, 1 << 20 },
		{ METRIC_INIT_STORAGE, METRIC_COLD_STORAGE, SANDBOX_USAGE_STORAGE_BYTES, 1 << 20 },
		{ METRIC_INIT_MAPPED, METRIC_COLD_MAPPED, SANDBOX_USAGE_MAPPED_BYTES, 1 << 20 },
		{ METRIC_INIT_FILES, METRIC_COLD_FILES, SANDBOX_USAGE_FILES, 1 },
	};
	struct measurement measurement;

	measurement_init(&measurement);
	struct cold_start *cold = measurement_add_cold(&measurement);
	measurement.has_uncounted = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = (uint64_t)((double)(10 + i) * cases[i].unit);
		bool is_files = cases[i].figure == SANDBOX_USAGE_FILES;
		struct cold_usage *usage = is_files ? &measurement.uncounted : &cold->usage;

		test_case(metric_table[cases[i].all].name);
		usage->init[cases[i].figure] = value;
		usage->all[cases[i].figure] = 10 * value;
		CHECK(metric_is_usage(cases[i].all));
		CHECK(first_value(cases[i].all, &measurement) == 10 * (double)(10 + i));
		if (cases[i].init != METRIC_COUNT)
			CHECK(first_value(cases[i].init, &measurement) == (double)(10 + i));
		CHECK(!metric_missing(cases[i].all, &measurement));
		usage->all[cases[i].figure] = SANDBOX_UNKNOWN;
		measurement.missing[cases[i].figure] = "no";
		CHECK(first_value(cases[i].all, &measurement) == -1);
		CHECK_STR(metric_missing(cases[i].all, &measurement), "no");
		CHECK_INT(metric_runs(cases[i].all, 20, 30), is_files ? 1 : 20);
	}
	CHECK(!metric_is_usage(METRIC_COLD_INIT) &&
	      !metric_missing(METRIC_COLD_INIT, &measurement));
	measurement_finish(&measurement);
}

static void test_a_figure_that_cannot_be_had(void)
{
	autobuffer struct buffer words = BUFFER_INIT;
	struct threshold threshold;

	CHECK(threshold_parse("cold.files>300", &threshold, NULL));
	CHECK_INT(threshold_give_up(&threshold, "it takes root", &words), THRESHOLD_UNKNOWN);
	CHECK_STR(words.data, "cold.files.p50 is not known: it takes root");
}

static void test_every_metric_has_a_name(void)
{
	for (unsigned i = 0; i < METRIC_COUNT; i++) {
		enum metric_statistic statistic;
		enum metric_id metric;
		struct error err;

		CHECK(metric_table[i].name && metric_table[i].what);
		CHECK(metric_parse(metric_table[i].name, strlen(metric_table[i].name), &metric,
		                   &statistic, &err));
		CHECK_INT(metric, i);
	}
	CHECK_INT(statistic_needs(STATISTIC_P90), 20);
	CHECK_INT(statistic_needs(STATISTIC_P99), 200);
	CHECK_INT(statistic_needs(STATISTIC_MAX), 1);
}

TEST_MAIN(test_thresholds_are_read, test_a_threshold_may_be_about_one_function,
          test_mistakes_are_named, test_values_are_judged, test_metrics_are_columns_of_the_runs,
          test_metrics_tell_what_was_used, test_a_figure_that_cannot_be_had,
          test_every_metric_has_a_name)
