/* SPDX-License-Identifier: Apache-2.0 */
/* bench_export - the forms of a result, names of every kind, and what is read back */
#include "emulator/bench_export.h"

#include <math.h>
#include <stdlib.h>

#include "emulator/bench_baseline.h"
#include "emulator/bench_forecast.h"
#include "emulator/bench_html.h"
#include "emulator/bench_json.h"
#include "emulator/bench_svg.h"
#include "emulator/bench_usage.h"
#include "emulator/clock.h"
#include "emulator/json.h"
#include "tests/unit/test.h"

#define MB ((uint64_t)1 << 20)
#define HOSTILE "a|b\"<c>&'%\n::error::,\\"

static struct measurement measurement;
static struct bench_entry entry;
static char words[] = "cold.init.p50 is 3 ms, above 1 ms";
static struct bench_judgement judgement = { .threshold = "cold.init>1ms",
	                                    .verdict = THRESHOLD_BROKEN,
	                                    .words = words };

/* Of one figure, in all cold starts; SANDBOX_UNKNOWN is allowed. */
static void use(enum sandbox_usage_figure figure, uint64_t init, uint64_t all)
{
	for (size_t i = 0; i < measurement.cold_count; i++) {
		measurement.cold[i].usage.init[figure] = init;
		measurement.cold[i].usage.all[figure] = all;
	}
}

static void use_nothing(enum sandbox_usage_figure figure)
{
	use(figure, SANDBOX_UNKNOWN, SANDBOX_UNKNOWN);
	measurement.missing[figure] = "nobody looked";
}

static void use_something(void)
{
	use(SANDBOX_USAGE_CPU_NS, 3 * CLOCK_NS_PER_MS, 4 * CLOCK_NS_PER_MS);
	use(SANDBOX_USAGE_MINOR_FAULTS, 40, 50);
	use(SANDBOX_USAGE_READ_BYTES, 2 * MB, 5 * MB);
	measurement.has_uncounted = true;
	measurement.uncounted.init[SANDBOX_USAGE_FILES] = 20;
	measurement.uncounted.all[SANDBOX_USAGE_FILES] = 30;
}

/* Five cold starts of 1 to 5 ms, and ten warm invocations of 0.5 ms. */
static struct bench_result make_result(const char *name)
{
	measurement_finish(&measurement);
	for (uint64_t i = 1; i <= 5; i++)
		*measurement_add_cold(
			&measurement) = (struct cold_start){ .init_ns = i * CLOCK_NS_PER_MS,
			                                     .extensions_ns = SANDBOX_UNKNOWN,
			                                     .total_ns = 2 * i * CLOCK_NS_PER_MS,
			                                     .billed_ms = i,
			                                     .memory_peak_bytes = 10 * MB };
	for (unsigned i = 0; i < SANDBOX_USAGE_COUNT; i++)
		use_nothing((enum sandbox_usage_figure)i);
	for (int i = 0; i < 10; i++)
		*measurement_add_warm(&measurement) = (struct warm_invoke){
			.invoke_ns = 500 * CLOCK_NS_PER_US, .billed_ms = 1
		};
	entry = (struct bench_entry){ .name = name,
		                      .measurement = &measurement,
		                      .memory_bytes = 128 * MB,
		                      .tmp_bytes = 512 * MB,
		                      .prices = price_list_find("x86_64") };
	return (struct bench_result){
		.entries = &entry,
		.count = 1,
		.judgements = &judgement,
		.judgement_count = 1,
		.noise = 0.03,
		.seed = 1,
		.machine = { .kernel = "6.1", .architecture = "x86_64", .cpus = 2 }
	};
}

static unsigned count_of(const char *text, const char *what)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		count++;
	return count;
}

static void test_markdown(void)
{
	struct bench_result result = make_result("f");
	autobuffer struct buffer text = BUFFER_INIT;

	bench_markdown(&text, &result);
	CHECK(strstr(text.data, "\n| f | 128 | 3.000 | – | – | 6.000 | 0.500 | – | 10.00 | 0.202 | "
	                        "0.206 |\n") != NULL);
	CHECK(strstr(text.data, "| cold.init\\>1ms | f, 128 MB | ❌ cold.init.p50 is 3 ms, above 1 "
	                        "ms |") != NULL);
	result = make_result(HOSTILE);
	buffer_clear(&text);
	bench_markdown(&text, &result);
	CHECK(strstr(text.data, "| a\\|b\"\\<c\\>&'% ::error::,\\\\ | 128 |") != NULL);
}

static void test_csv(void)
{
	struct bench_result result = make_result(HOSTILE);
	autobuffer struct buffer text = BUFFER_INIT;

	bench_csv(&text, &result);
	CHECK(strncmp(text.data, "function,memory_mb,metric,unit,run,value\r\n", 42) == 0);
	CHECK(strstr(text.data, "\"a|b\"\"<c>&'%\n::error::,\\\",128,cold.init,ms,5,5\r\n") !=
	      NULL);
	CHECK(strstr(text.data, ",warm.invoke,ms,10,0.5\r\n") != NULL);
	/* seven columns of cold starts, two of warm invocations, and memory */
	CHECK_INT(count_of(text.data, "\r\n"), 1 + 7 * 5 + 2 * 10 + 5);
}

static void test_usage_is_told(void)
{
	struct bench_result result = make_result("f");
	autobuffer struct buffer table = BUFFER_INIT, markdown = BUFFER_INIT, csv = BUFFER_INIT,
				 prometheus = BUFFER_INIT, html = BUFFER_INIT;

	use_something();
	bench_usage_table(&table, &entry);
	CHECK_STR(
		table.data,
		"medians                      init     cold\n"
		"CPU time              ms    3.000    4.000   cold[.init].cpu\n"
		"minor page faults              40       50   cold[.init].faults.minor\n"
		"read by calls         MB    2.000    5.000   cold[.init].read.bytes\n"
		"files opened                   20       30   cold[.init].files\n"
		"not measured: CPU time in the kernel (nobody looked); throttled (nobody looked); "
		"major page faults (nobody looked); read from storage (nobody looked); "
		"mapped of files (nobody looked)\n");
	bench_markdown(&markdown, &result);
	CHECK(strstr(markdown.data, "\n\n| a cold start uses | MB | init CPU, ms | CPU | "
	                            "minor faults | read, MB | files |\n"
	                            "|---|--:|--:|--:|--:|--:|--:|\n"
	                            "| f | 128 | 3 | 4 | 50 | 5 | 30 |\n") != NULL);
	bench_csv(&csv, &result);
	CHECK(strstr(csv.data, "\"f\",128,cold.init.read.bytes,MB,5,2\r\n") != NULL);
	CHECK(strstr(csv.data, "\"f\",128,cold.files,count,1,30\r\n") != NULL);
	CHECK(!strstr(csv.data, "cold.faults.major"));
	bench_prometheus(&prometheus, &result);
	CHECK(strstr(prometheus.data, "\nlrie_bench_cold_read_bytes{function=\"f\","
	                              "memory_mb=\"128\",quantile=\"0.5\"} 5242880\n") != NULL);
	CHECK(strstr(prometheus.data, "\nlrie_bench_cold_cpu_seconds_sum{") != NULL);
	CHECK(strstr(prometheus.data, "\nlrie_bench_cold_files_count{") != NULL);
	CHECK(!strstr(prometheus.data, "\nlrie_bench_cold_faults_major"));
	bench_html(&html, &result);
	CHECK(strstr(html.data, "<p class=\"note\">Not measured: CPU time in the kernel (nobody "
	                        "looked); ") != NULL);
}

/* What was not measured is null, with the reason, and not 0. */
static void test_usage_in_json(void)
{
	struct bench_result result = make_result("f");
	autobuffer struct buffer text = BUFFER_INIT;
	struct error err;

	use_something();
	bench_json(&text, &result);
	struct json *json = json_read(text.data, text.length, &err);
	const struct json *function = json_item(json_member(json, "functions"), 0);
	const struct json *metrics = json_member(function, "metrics");
	const struct json *major = json_member(metrics, "cold.faults.major");
	double number;
	CHECK(json_number(json_member(json_member(metrics, "cold.cpu"), "p50"), &number) &&
	      number == 4);
	CHECK(!json_text(json_member(json_member(metrics, "cold.cpu"), "missing")));
	CHECK_STR(json_text(json_member(major, "missing")), "nobody looked");
	CHECK(!json_number(json_member(major, "p50"), &number));
	CHECK_INT(json_length(json_member(major, "values")), 0);
	json_destroy(json);
}

static void test_usage_that_nobody_knows(void)
{
	struct bench_result result = make_result("f");
	autobuffer struct buffer table = BUFFER_INIT, markdown = BUFFER_INIT;

	bench_usage_table(&table, &entry);
	CHECK(strncmp(table.data, "not measured: CPU time (nobody looked)", 38) == 0);
	bench_markdown(&markdown, &result);
	CHECK(!strstr(markdown.data, "a cold start uses"));
}

static void test_junit(void)
{
	struct bench_result result = make_result(HOSTILE);
	autobuffer struct buffer text = BUFFER_INIT;

	bench_junit(&text, &result);
	CHECK(strstr(text.data, "tests=\"1\" failures=\"1\"") != NULL);
	CHECK(strstr(text.data, "classname=\"a|b&#34;&#60;c&#62;&#38;&#39;%?::error::,\\, 128 MB\" "
	                        "name=\"cold.init&#62;1ms\"") != NULL);
	CHECK(strstr(text.data, "<failure message=\"cold.init.p50 is 3 ms, above 1 ms\"/>") !=
	      NULL);
}

static void test_prometheus(void)
{
	struct bench_result result = make_result(HOSTILE);
	autobuffer struct buffer text = BUFFER_INIT;

	bench_prometheus(&text, &result);
	CHECK_INT(count_of(text.data, "# TYPE "), METRIC_COUNT);
	CHECK(strstr(text.data,
	             "\nlrie_bench_cold_init_seconds{function=\"a|b\\\"<c>&'%\\n::error::,"
	             "\\\\\",memory_mb=\"128\",quantile=\"0.5\"} 0.003\n") != NULL);
	CHECK(strstr(text.data, "memory_peak_bytes_count{") && strstr(text.data, "} 10485760\n"));
	CHECK(!strstr(text.data, "quantile=\"0.9\"")); /* five values do not tell it */
	CHECK(!strstr(text.data, "nan"));
}

static void test_annotations(void)
{
	struct bench_result result = make_result(HOSTILE);
	autobuffer struct buffer text = BUFFER_INIT;

	bench_annotations(&text, &result);
	CHECK_STR(text.data,
	          "::error title=lrie bench::a|b\"<c>&'%25%0A::error::,\\: cold.init.p50 "
	          "is 3 ms, above 1 ms\n");
	judgement.verdict = THRESHOLD_HOLDS;
	buffer_clear(&text);
	bench_annotations(&text, &result);
	CHECK_STR(text.data, "");
	judgement.verdict = THRESHOLD_BROKEN;
}

static const struct bench_scenario bursts = {
	.text = "burst:10x1/hour", .cold_rate = -1, .idle_seconds = 600, .provisioned = 4
};

static void test_forecasts_are_exported(void)
{
	struct bench_result result = make_result("f|g");
	autobuffer struct buffer markdown = BUFFER_INIT, csv = BUFFER_INIT, page = BUFFER_INIT;
	autobuffer struct buffer json = BUFFER_INIT;

	bench_forecast_make(&result, &bursts);
	bench_markdown(&markdown, &result);
	CHECK(strstr(markdown.data, "\nA month under burst:10x1/hour, environments ending after "
	                            "600 s without work:\n"));
	CHECK(strstr(markdown.data, "| f\\|g | 128 | 0 | 100.000 % |"));
	CHECK(strstr(markdown.data, "| f\\|g | 128 | 4 | 60.000 % |"));
	CHECK(!strstr(markdown.data, "Cheapest"));
	bench_csv(&csv, &result);
	CHECK(strstr(csv.data, "\"f|g\",128,forecast.cold_rate,1,,1\r\n"));
	CHECK(strstr(csv.data, "\"f|g\",128,provisioned.environments,1,,6\r\n"));
	bench_html(&page, &result);
	CHECK(strstr(page.data, "<h2>A month under burst:10x1/hour"));
	CHECK(strstr(page.data, "<td>60.000 %</td>"));
	bench_json(&json, &result);
	CHECK(strstr(json.data, "\"traffic\":{\"text\":\"burst:10x1/hour\","));
	CHECK(strstr(json.data, "\"provisioned\":4,\"cold_rate\":0.59999999999999998,"));
	CHECK(strstr(json.data, "\"concurrency\":null,") && strstr(json.data, "\"cheapest\":null"));
	bench_forecast_finish(&result);
	buffer_clear(&json);
	bench_json(&json, &result);
	CHECK(strstr(json.data, "\"traffic\":null"));
}

/* With a rate that the user names there is a sum, and nothing that only a simulation can tell. */
static void test_a_sum_of_costs_has_no_latencies(void)
{
	const struct bench_scenario scenario = { .text = "10M/month", .cold_rate = 0.1 };
	struct bench_result result = make_result("f");
	autobuffer struct buffer csv = BUFFER_INIT, json = BUFFER_INIT;

	bench_forecast_make(&result, &scenario);
	bench_csv(&csv, &result);
	CHECK_INT(count_of(csv.data, ",forecast."), 2);
	bench_json(&json, &result);
	CHECK(strstr(json.data, "\"simulated\":false"));
	CHECK(strstr(json.data, "\"p50\":null,\"p99\":null,\"environments\":null,"));
	CHECK(strstr(json.data, "\"requests\":2,")); /* $0.20 a million */
	bench_forecast_finish(&result);
}

static void test_the_best_forecast_is_named(void)
{
	struct bench_result result = make_result("quick");
	struct measurement slow;
	struct bench_entry both[2] = { entry, entry };
	autobuffer struct buffer text = BUFFER_INIT;
	double lead;

	measurement_init(&slow);
	measurement_add_cold(&slow)->billed_ms = 1;
	*measurement_add_warm(&slow) = (struct warm_invoke){ .invoke_ns = 2 * CLOCK_NS_PER_MS,
		                                             .billed_ms = 1000 };
	both[0].name = "slow";
	both[0].measurement = &slow;
	result.entries = both;
	result.count = 2;
	bench_forecast_make(&result, &(struct bench_scenario){
					     .text = "1/s", .cold_rate = -1, .idle_seconds = 600 });
	const struct bench_forecast *best = bench_forecast_best(&result, BENCH_FORECAST_CHEAPEST,
	                                                        &lead);
	CHECK(best && best->entry == 1 && lead > 5);
	best = bench_forecast_best(&result, BENCH_FORECAST_QUICKEST, &lead);
	CHECK(best && best->entry == 1);
	CHECK(lead > 3.99 && lead < 4.01);
	bench_forecast_table(&text, &result);
	CHECK(strstr(text.data,
	             "quickest  quick, 128 MB: the next takes 4.00 times the time at p99\n"));
	bench_forecast_finish(&result);
	measurement_finish(&slow);
}

static void test_pictures_and_pages_take_any_name(void)
{
	struct bench_result result = make_result("<script>alert('&')</script>\x01\"");
	static const char escaped[] =
		"&#60;script&#62;alert(&#39;&#38;&#39;)&#60;/script&#62;?&#34;, 128 MB";
	autobuffer struct buffer svg = BUFFER_INIT, html = BUFFER_INIT;

	bench_svg(&svg, &result);
	CHECK_INT(count_of(svg.data, "<script"), 0);
	CHECK(count_of(svg.data, escaped) == 3);
	CHECK_INT(count_of(svg.data, "<circle "), 5);
	CHECK(!strstr(svg.data, "nan") && !strstr(svg.data, "inf"));
	bench_html(&html, &result);
	CHECK_INT(count_of(html.data, "<script"), 0);
	CHECK(count_of(html.data, escaped) >= 5);
	CHECK_INT(count_of(html.data, "http"), 1); /* the name of SVG; nothing is fetched */
	CHECK(strstr(html.data, "</html>\n") != NULL);
}

/* One start, and starts that all took the same: no scale can be made of their differences. */
static void test_pictures_of_samples_without_spread(void)
{
	struct bench_result result = make_result("f");
	autobuffer struct buffer svg = BUFFER_INIT;

	measurement_finish(&measurement);
	*measurement_add_cold(&measurement) = (struct cold_start){ .init_ns = 5 };
	bench_svg(&svg, &result);
	CHECK(!strstr(svg.data, "nan") && !strstr(svg.data, "inf"));
	measurement_add_cold(&measurement)->init_ns = 5;
	measurement_add_cold(&measurement)->init_ns = 5;
	bench_svg(&svg, &result);
	CHECK(!strstr(svg.data, "nan") && !strstr(svg.data, "inf"));
	*measurement_add_cold(&measurement) = (struct cold_start){ .init_ns = 0 };
	bench_svg(&svg, &result);
	CHECK(!strstr(svg.data, "nan") && !strstr(svg.data, "inf"));
}

static void test_json_is_read_back(void)
{
	struct bench_result result = make_result(HOSTILE);
	autobuffer struct buffer text = BUFFER_INIT, differences = BUFFER_INIT;
	struct error err;
	size_t count;

	bench_json(&text, &result);
	struct bench_baseline *baseline = bench_baseline_read(text.data, text.length, &err);
	if (!CHECK(baseline != NULL)) {
		printf("# %s\n", err.text);
		return;
	}
	const double *values = bench_baseline_values(baseline, &result, 0, METRIC_COLD_INIT,
	                                             &count);
	CHECK_INT(count, 5);
	CHECK(values && values[0] == 1 && values[4] == 5);
	bench_baseline_differences(baseline, &result, &differences);
	CHECK_STR(differences.data, "");
	result.machine.cpus = 4;
	strcpy(result.machine.kernel, "6.18");
	bench_baseline_differences(baseline, &result, &differences);
	CHECK_STR(differences.data, "the baseline's kernel: 6.1, and now: 6.18\n"
	                            "the baseline's CPUs: 2, and now: 4\n");
	/* one function on both sides is the same one, whatever its name */
	entry.name = "renamed";
	CHECK(bench_baseline_values(baseline, &result, 0, METRIC_WARM_INVOKE, &count) &&
	      count == 10);
	bench_baseline_destroy(baseline);
}

static void test_functions_are_found_by_name_and_size(void)
{
	static const char text[] =
		"{\"schema_version\":1,\"functions\":["
		"{\"name\":\"a\",\"memory_mb\":128,\"metrics\":{\"cold.init\":{\"values\":[1]}}},"
		"{\"name\":\"a\",\"memory_mb\":256,\"metrics\":{\"cold.init\":{\"values\":[2,3]}}}]"
		"}";
	struct bench_result result = make_result("a");
	struct bench_baseline *baseline = bench_baseline_read(text, strlen(text), NULL);
	size_t count;

	CHECK(bench_baseline_values(baseline, &result, 0, METRIC_COLD_INIT, &count) && count == 1);
	entry.memory_bytes = 256 * MB;
	CHECK(bench_baseline_values(baseline, &result, 0, METRIC_COLD_INIT, &count) && count == 2);
	CHECK(!bench_baseline_values(baseline, &result, 0, METRIC_COLD_TOTAL, &count));
	CHECK_INT(count, 0);
	entry.memory_bytes = 512 * MB;
	CHECK(!bench_baseline_values(baseline, &result, 0, METRIC_COLD_INIT, &count));
	bench_baseline_destroy(baseline);
}

static void test_what_is_no_baseline(void)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "", "line: 1" },
		{ "[]", "schema_version is missing" },
		{ "{\"schema_version\":\"1\"}", "schema_version is missing" },
		{ "{\"schema_version\":3}", "its schema_version is 3, and this lrie reads 1 to 2" },
		{ "{\"schema_version\":0}", "its schema_version is 0, and this lrie reads 1 to 2" },
		{ "{\"schema_version\":2}", "it has no functions" },
		{ "{\"schema_version\":1}", "it has no functions" },
		{ "{\"schema_version\":1,\"functions\":{}}", "it has no functions" },
		{ "{\"schema_version\":1,\"functions\":[null]}", "no name or no memory_mb" },
		{ "{\"schema_version\":1,\"functions\":[{\"name\":\"f\"}]}",
		  "no name or no memory_mb" },
		{ "{\"schema_version\":1,\"functions\":[{\"name\":\"f\",\"memory_mb\":1,"
		  "\"metrics\":"
		  "{\"cold.init\":{\"values\":[1,\"x\"]}}}]}",
		  "cold.init of 'f' has a value that is no number" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = { .code = 0 };

		test_case(cases[i].text);
		CHECK(!bench_baseline_read(cases[i].text, strlen(cases[i].text), &err));
		if (!CHECK(strstr(err.text, cases[i].words) != NULL))
			printf("# %s\n", err.text);
	}
	bench_baseline_destroy(NULL);
}

TEST_MAIN(test_forecasts_are_exported, test_a_sum_of_costs_has_no_latencies,
          test_the_best_forecast_is_named, test_markdown, test_csv, test_usage_is_told,
          test_usage_in_json, test_usage_that_nobody_knows, test_junit, test_prometheus,
          test_annotations, test_pictures_and_pages_take_any_name,
          test_pictures_of_samples_without_spread, test_json_is_read_back,
          test_functions_are_found_by_name_and_size, test_what_is_no_baseline)
