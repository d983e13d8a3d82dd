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

static void test_snap_start(void)
{
	struct platform_report report = {
		.request_id = ID,
		.duration_ns = 2338660 * US,
		.restore_ns = 181500 * US,
		.memory_bytes = 512 * MB,
	};
	struct platform_event start = {
		.type = PLATFORM_RESTORE_START,
		.init_start = { .runtime_version = "java:11.v21", .runtime_version_arn = "arn:x" },
	};
	struct platform_event restored = {
		.type = PLATFORM_RESTORE_REPORT,
		.init_end.duration_ns = 511250 * US,
	};
	struct fault fault = fault_timeout(10000);

	check_report(&report, "REPORT RequestId: " ID "\tDuration: 2338.66 ms\tBilled Duration: "
	                      "2521 ms\tMemory Size: 512 MB\tRestore Duration: 181.50 ms\tBilled "
	                      "Restore Duration: 182 ms\t\n");
	check_line(&start,
	           "RESTORE_START Runtime Version: java:11.v21\tRuntime Version ARN: arn:x\n");
	check_line(&restored, "RESTORE_REPORT Restore Duration: 511.25 ms\n");
	restored.init_end.fault = &fault;
	check_line(&restored, "RESTORE_REPORT Restore Duration: 511.25 ms\tStatus: timeout\n");
}

static void test_init_start_only_with_a_runtime_version(void)
{
	struct platform_event start = {
		.type = PLATFORM_INIT_START,
		.init_start.function_name = "f",
	};

	check_line(&start, "");
	start.init_start.runtime_version = "python:3.12.v27";
	start.init_start.runtime_version_arn = "arn:aws:lambda:us-east-1::runtime:0";
	check_line(&start, "INIT_START Runtime Version: python:3.12.v27\tRuntime Version ARN: "
	                   "arn:aws:lambda:us-east-1::runtime:0\n");
}

static void test_xray_only_when_sampled(void)
{
	struct platform_report report = {
		.request_id = ID,
		.duration_ns = MS,
		.memory_bytes = 128 * MB,
		.trace_header = "Root=1-5759e988-bd862e3fe1be46a994272793;"
				"Parent=53995c3f42cd8ad8;Sampled=1",
	};
	static const char line[] = "REPORT RequestId: " ID
				   "\tDuration: 1.00 ms\tBilled Duration: 1 "
				   "ms\tMemory Size: 128 MB\t\n";
	char both[512];

	snprintf(both, sizeof(both),
	         "%sXRAY TraceId: 1-5759e988-bd862e3fe1be46a994272793\tSegmentId: "
	         "53995c3f42cd8ad8\tSampled: true\n",
	         line);
	check_report(&report, both);
	report.trace_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=1;Sampled=0";
	check_report(&report, line);
	report.trace_header = "Sampled=1";
	check_report(&report, line);
}

static void test_extensions_and_their_subscriptions(void)
{
	static const char *const kinds[] = { "INVOKE", "SHUTDOWN" };
	static const char *const types[] = { "platform", "function", "extension" };
	struct platform_event event = {
		.type = PLATFORM_EXTENSION,
		.extension = { .name = "agent", .state = "Ready", .events = { kinds, 2 } },
	};
	struct platform_event subscription = {
		.type = PLATFORM_SUBSCRIPTION,
		.subscription = { .name = "agent", .types = { types, 3 } },
	};

	check_line(&event, "EXTENSION\tName: agent\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n");
	event.extension = (struct platform_extension){
		.name = "a\nSTART x",
		.state = "LaunchError",
		.error_type = "PermissionDenied",
	};
	check_line(&event, "EXTENSION\tName: a?START x\tState: LaunchError\tEvents: []\t"
	                   "Error Type: PermissionDenied\n");
	check_line(&subscription, "TELEMETRY\tName: agent\tState: Subscribed\tTypes: [Platform, "
	                          "Function, Extension]\n");
	subscription.subscription.is_logs_api = true;
	subscription.subscription.types.count = 1;
	check_line(&subscription, "LOGS\tName: agent\tState: Subscribed\tTypes: [Platform]\n");
}

static void check_legacy(const struct platform_event *event, const char *expected)
{
	autobuffer struct buffer text = BUFFER_INIT;

	report_legacy_line(&text, event);
	CHECK_STR(text.data, expected);
}

static void test_failures_as_they_were(void)
{
	struct fault fault = { .status = FAULT_NONE };
	struct platform_event end = {
		.type = PLATFORM_END,
		.wall_ns = UINT64_C(1704067200000) * MS,
		.end = { .request_id = ID, .fault = &fault },
	};
	struct platform_event report = {
		.type = PLATFORM_REPORT,
		.report = { .request_id = ID,
		            .duration_ns = 3000 * MS,
		            .memory_bytes = 128 * MB,
		            .fault = &fault },
	};

	check_legacy(&end, "END RequestId: " ID "\n");
	fault = fault_timeout(3000);
	check_legacy(&end, "2024-01-01T00:00:00.000Z " ID
	                   " Task timed out after 3.00 seconds\n\nEND RequestId: " ID "\n");
	check_legacy(&report, "REPORT RequestId: " ID "\tDuration: 3000.00 ms\tBilled Duration: "
	                      "3000 ms\tMemory Size: 128 MB\t\n");
	fault = fault_exit(9, false);
	check_legacy(&end, "RequestId: " ID " Error: Runtime exited with error: signal: killed\n"
	                   "Runtime.ExitError\nEND RequestId: " ID "\n");
}

static void test_what_only_telemetry_tells(void)
{
	static const enum platform_event_type types[] = {
		PLATFORM_INIT_RUNTIME_DONE, PLATFORM_RESTORE_RUNTIME_DONE,
		PLATFORM_RUNTIME_DONE,      PLATFORM_FAULT,
		PLATFORM_LOGS_DROPPED,
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		check_line(&(struct platform_event){ .type = types[i] }, "");
}

static uint64_t billed(uint64_t init_ns, uint64_t duration_ns)
{
	struct platform_report report = { .init_ns = init_ns, .duration_ns = duration_ns };

	return report_billed_ms(&report);
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
		CHECK_INT(billed(cases[i].init_us * US, cases[i].duration_us * US),
		          cases[i].billed_ms);
	CHECK_INT(billed(0, 1000 * US + 1), 2);
}

TEST_MAIN(test_start_and_end, test_cold, test_warm, test_memory_that_was_not_measured_is_left_out,
          test_timeout, test_error, test_init_report, test_init_report_of_a_good_init,
          test_snap_start, test_init_start_only_with_a_runtime_version, test_xray_only_when_sampled,
          test_extensions_and_their_subscriptions, test_failures_as_they_were,
          test_what_only_telemetry_tells, test_billed)
