/* SPDX-License-Identifier: Apache-2.0 */
/* report - the platform's lines, byte for byte */
#include "emulator/report.h"

#include "emulator/clock.h"
#include "tests/unit/test.h"

#define ID "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
#define MS CLOCK_NS_PER_MS
#define US CLOCK_NS_PER_US
#define MB ((uint64_t)1 << 20)

static void check_line(const struct platform_event *event, const char *expected)
{
	autobuffer struct buffer text = BUFFER_INIT;

	report_line(&text, event);
	CHECK_STR(text.data, expected);
	CHECK_INT(text.length, strlen(expected));
}

static void test_start_and_end(void)
{
	struct platform_event start = {
		.type = PLATFORM_START,
		.start = { .request_id = ID, .version = "$LATEST" },
	};
	struct platform_event end = { .type = PLATFORM_END, .end.request_id = ID };

	check_line(&start, "START RequestId: " ID " Version: $LATEST\n");
	check_line(&end, "END RequestId: " ID "\n");
}

static void check_report(const struct platform_report *report, const char *expected)
{
	struct platform_event event = { .type = PLATFORM_REPORT, .report = *report };

	check_line(&event, expected);
}

static void test_cold(void)
{
	struct platform_report report = {
		.request_id = ID,
		.duration_ns = 3010 * US,
		.init_ns = 110100 * US,
		.memory_bytes = 128 * MB,
		.memory_peak_bytes = 35 * MB + 1,
	};

	check_report(&report, "REPORT RequestId: " ID "\tDuration: 3.01 ms\tBilled Duration: 114 "
	                      "ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: "
	                      "110.10 ms\t\n");
}

static void test_warm(void)
{
	struct fault none = { .status = FAULT_NONE };
	struct platform_report report = {
		.request_id = ID,
		.duration_ns = 1,
		.memory_bytes = 10240 * MB,
		.memory_peak_bytes = 36 * MB,
		.fault = &none,
	};

	check_report(&report, "REPORT RequestId: " ID "\tDuration: 0.00 ms\tBilled Duration: 1 ms\t"
	                      "Memory Size: 10240 MB\tMax Memory Used: 36 MB\t\n");
}

static void test_memory_that_was_not_measured_is_left_out(void)
{
	struct platform_report report = { .request_id = ID,
		                          .duration_ns = MS,
		                          .memory_bytes = 128 * MB };

	check_report(&report, "REPORT RequestId: " ID "\tDuration: 1.00 ms\tBilled Duration: 1 ms\t"
	                      "Memory Size: 128 MB\t\n");
}

static void test_timeout(void)
{
	struct fault fault = fault_timeout(3000);
	struct platform_report report = {
		.request_id = ID,
		.duration_ns = 3000 * MS,
		.init_ns = 402040 * US,
		.memory_bytes = 128 * MB,
		.memory_peak_bytes = 73 * MB,
		.fault = &fault,
	};

	check_report(&report, "REPORT RequestId: " ID "\tDuration: 3000.00 ms\tBilled Duration: "
	                      "3403 ms\tMemory Size: 128 MB\tMax Memory Used: 73 MB\tInit "
	                      "Duration: 402.04 ms\tStatus: timeout\n");
}

static void test_error(void)
{
	struct fault fault = fault_init_error("Runtime.UserCodeSyntaxError");
	struct platform_report report = {
		.request_id = ID,
		.duration_ns = 1338340 * US,
		.memory_bytes = 128 * MB,
		.memory_peak_bytes = 71 * MB,
		.fault = &fault,
	};

	check_report(&report,
	             "REPORT RequestId: " ID "\tDuration: 1338.34 ms\tBilled Duration: "
	             "1339 ms\tMemory Size: 128 MB\tMax Memory Used: 71 MB\tStatus: error\t"
	             "Error Type: Runtime.UserCodeSyntaxError\n");
}

static void check_init_report(const struct platform_init_end *init, const char *expected)
{
	struct platform_event event = { .type = PLATFORM_INIT_REPORT, .init_end = *init };

	check_line(&event, expected);
}

static void test_init_report(void)
{
	struct fault fault = fault_timeout(10000);
	struct platform_init_end init = { .duration_ns = 9999790 * US, .fault = &fault };

	check_init_report(&init,
	                  "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout\n");
	fault = fault_exit(1 << 8, false);
	init.duration_ns = 1329490 * US;
	init.phase = PLATFORM_PHASE_INVOKE;
	check_init_report(&init, "INIT_REPORT Init Duration: 1329.49 ms\tPhase: invoke\t"
	                         "Status: error\tError Type: Runtime.ExitError\n");
}

static void test_init_report_of_a_good_init(void)
{
	struct platform_init_end init = { .duration_ns = 150790 * US };

	check_init_report(&init, "");
	init.initialization = PLATFORM_PROVISIONED_CONCURRENCY;
	check_init_report(&init, "INIT_REPORT Init Duration: 150.79 ms\tPhase: init\n");
}

/* The examples of spec lifecycle-and-logs.md §4, and the edges. */
static void test_billed(void)
{
	static const struct {
		uint64_t init_us, duration_us, billed_ms;
	} cases[] = {
		{ 133610, 80000, 214 },
		{ 1233960, 463512, 1698 },
		{ 2370, 423980, 427 },
		{ 402040, 3000000, 3403 },
		{ 0, 0, 1 },
		{ 0, 1, 1 },
		{ 0, 1000, 1 },
		{ 0, 1001, 2 },
		{ 500, 500, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_INT(report_billed_ms(cases[i].init_us * US, cases[i].duration_us * US),
		          cases[i].billed_ms);
	CHECK_INT(report_billed_ms(0, 1000 * US + 1), 2);
}

TEST_MAIN(test_start_and_end, test_cold, test_warm, test_memory_that_was_not_measured_is_left_out,
          test_timeout, test_error, test_init_report, test_init_report_of_a_good_init, test_billed)
