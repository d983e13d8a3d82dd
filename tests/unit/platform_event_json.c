/* SPDX-License-Identifier: Apache-2.0 */
/* platform_event_json - events as JSON, byte for byte; the samples are those of the specification
 */
#include "emulator/platform_event_json.h"

#include "emulator/clock.h"
#include "tests/unit/test.h"

#define ID "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
#define ARN "arn:aws:lambda:eu-central-1:111122223333:function:f"
#define TRACE "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
#define TRACING "\"tracing\":{\"type\":\"X-Amzn-Trace-Id\",\"value\":\"" TRACE "\"}"
#define MS CLOCK_NS_PER_MS
#define US CLOCK_NS_PER_US
#define MB ((uint64_t)1 << 20)

/* "2026-10-08T07:30:27.768Z", and the same moment of the other clock */
#define WALL_NS (UINT64_C(1791444627768) * MS)
#define NOW_NS (UINT64_C(5000) * MS)
#define TIME "{\"time\":\"2026-10-08T07:30:27.768Z\",\"type\":\""

static void check_in(const struct platform_event *event, enum subscription_schema schema,
                     const char *expected)
{
	autobuffer struct buffer text = BUFFER_INIT;
	struct platform_event stamped = *event;

	stamped.wall_ns = WALL_NS;
	stamped.at_ns = NOW_NS;
	CHECK_INT(platform_event_json(&text, &stamped, schema), *expected != '\0');
	CHECK_STR(text.data, expected);
}

/* All versions of telemetry tell the same of the platform. */
static void check_json(const struct platform_event *event, const char *expected)
{
	check_in(event, SUBSCRIPTION_2022_07_01, expected);
	check_in(event, SUBSCRIPTION_2022_12_13, expected);
	check_in(event, SUBSCRIPTION_2025_01_29, expected);
}

static void check_logs(const struct platform_event *event, const char *expected)
{
	check_in(event, SUBSCRIPTION_2020_08_15, expected);
	check_in(event, SUBSCRIPTION_2021_03_18, expected);
}

/* ---- init ---- */

static void test_init_start(void)
{
	struct platform_event event = {
		.type = PLATFORM_INIT_START,
		.init_start = {
			.runtime_version = "nodejs:22.mainline.v122",
			.runtime_version_arn = "arn:aws:lambda:eu-central-1::runtime:0",
			.function_name = "f",
			.function_version = "$LATEST",
			.log_stream = "2026/10/08/f[$LATEST]00",
			.memory_bytes = 256 * MB,
		},
	};

	check_json(&event,
	           TIME "platform.initStart\",\"record\":{\"initializationType\":\"on-demand\","
	                "\"phase\":\"init\",\"runtimeVersion\":\"nodejs:22.mainline.v122\","
	                "\"runtimeVersionArn\":\"arn:aws:lambda:eu-central-1::runtime:0\","
	                "\"functionName\":\"f\",\"functionVersion\":\"$LATEST\","
	                "\"instanceId\":\"2026/10/08/f[$LATEST]00\","
	                "\"instanceMaxMemory\":268435456}}");
	check_logs(&event, "");
	event.init_start.runtime_version = event.init_start.runtime_version_arn = NULL;
	event.init_start.initialization = PLATFORM_PROVISIONED_CONCURRENCY;
	check_json(&event,
	           TIME "platform.initStart\",\"record\":{\"initializationType\":"
	                "\"provisioned-concurrency\",\"phase\":\"init\",\"functionName\":\"f\","
	                "\"functionVersion\":\"$LATEST\","
	                "\"instanceId\":\"2026/10/08/f[$LATEST]00\","
	                "\"instanceMaxMemory\":268435456}}");
}

static void test_init_runtime_done(void)
{
	struct fault fault = fault_exit(1 << 8, false);
	struct platform_event event = {
		.type = PLATFORM_INIT_RUNTIME_DONE,
		.init_end = { .initialization = PLATFORM_SNAP_START,
		              .phase = PLATFORM_PHASE_SNAP_START },
	};

	check_json(&event, TIME "platform.initRuntimeDone\",\"record\":{\"initializationType\":"
	                        "\"snap-start\",\"phase\":\"snap-start\",\"status\":\"success\"}}");
	event.init_end = (struct platform_init_end){ .phase = PLATFORM_PHASE_INVOKE,
		                                     .fault = &fault };
	check_json(&event, TIME "platform.initRuntimeDone\",\"record\":{\"initializationType\":"
	                        "\"on-demand\",\"phase\":\"invoke\",\"status\":\"error\","
	                        "\"errorType\":\"Runtime.ExitError\"}}");
	check_logs(&event, "");
}

static void test_init_report(void)
{
	struct fault fault = fault_timeout(10000);
	struct platform_event event = {
		.type = PLATFORM_INIT_REPORT,
		.init_end = { .fault = &fault, .duration_ns = 10000487 * US },
	};

	check_json(&event, TIME "platform.initReport\",\"record\":{\"initializationType\":"
	                        "\"on-demand\",\"phase\":\"init\",\"status\":\"timeout\","
	                        "\"metrics\":{\"durationMs\":10000.487}}}");
	check_logs(&event, "");
}

static void test_restore(void)
{
	struct fault fault = fault_make(FAULT_FAILURE, "Sandbox.Failure", "no");
	struct platform_event event = {
		.type = PLATFORM_RESTORE_START,
		.init_start = { .function_name = "f",
		                .function_version = "1",
		                .runtime_version = "java:21.v1" },
	};

	check_json(&event, TIME "platform.restoreStart\",\"record\":{\"functionName\":\"f\","
	                        "\"functionVersion\":\"1\",\"runtimeVersion\":\"java:21.v1\"}}");
	event = (struct platform_event){ .type = PLATFORM_RESTORE_RUNTIME_DONE };
	check_json(&event,
	           TIME "platform.restoreRuntimeDone\",\"record\":{\"status\":\"success\"}}");
	event = (struct platform_event){ .type = PLATFORM_RESTORE_REPORT,
		                         .init_end = { .fault = &fault, .duration_ns = 1 } };
	check_json(&event, TIME "platform.restoreReport\",\"record\":{\"status\":\"failure\","
	                        "\"errorType\":\"Sandbox.Failure\","
	                        "\"metrics\":{\"durationMs\":0.0}}}");
}

/* ---- an invocation ---- */

static void test_start(void)
{
	struct platform_event event = {
		.type = PLATFORM_START,
		.start = { .request_id = ID, .function_arn = ARN, .version = "$LATEST" },
	};

	check_json(&event, TIME "platform.start\",\"record\":{\"requestId\":\"" ID
	                        "\",\"functionArn\":\"" ARN "\",\"version\":\"$LATEST\"}}");
	event.start.trace_header = TRACE;
	event.start.tenant_id = "blue \"team\"";
	check_json(&event, TIME "platform.start\",\"record\":{\"requestId\":\"" ID
	                        "\",\"functionArn\":\"" ARN "\",\"version\":\"$LATEST\"," TRACING
	                        ",\"tenantId\":\"blue \\\"team\\\"\"}}");
	check_logs(&event, TIME "platform.start\",\"record\":{\"requestId\":\"" ID
	                        "\",\"version\":\"$LATEST\"}}");
	event.start.trace_header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=1;Sampled=0";
	event.start.tenant_id = NULL;
	check_json(&event, TIME "platform.start\",\"record\":{\"requestId\":\"" ID
	                        "\",\"functionArn\":\"" ARN "\",\"version\":\"$LATEST\"}}");
}

static void test_runtime_done(void)
{
	struct fault fault = fault_timeout(5000);
	struct platform_event event = {
		.type = PLATFORM_RUNTIME_DONE,
		.runtime_done = {
			.request_id = ID,
			.duration_ns = 5001182 * US,
			.fault = &fault,
		},
	};

	check_json(&event, TIME "platform.runtimeDone\",\"record\":{\"requestId\":\"" ID
	                        "\",\"status\":\"timeout\",\"metrics\":{\"durationMs\":5001.182,"
	                        "\"producedBytes\":0}}}");
	check_in(&event, SUBSCRIPTION_2020_08_15, "");
	check_in(&event, SUBSCRIPTION_2021_03_18,
	         TIME "platform.runtimeDone\",\"record\":{\"requestId\":\"" ID
	              "\",\"status\":\"timeout\"}}");
	fault = fault_exit(0, false);
	check_in(&event, SUBSCRIPTION_2021_03_18,
	         TIME "platform.runtimeDone\",\"record\":{\"requestId\":\"" ID
	              "\",\"status\":\"failure\"}}");
}

/* A span begins as long before the event as the clock of durations says. */
static void test_spans(void)
{
	struct platform_event event = {
		.type = PLATFORM_RUNTIME_DONE,
		.runtime_done = {
			.request_id = ID,
			.trace_header = TRACE,
			.tenant_id = "t",
			.duration_ns = 100 * MS,
			.produced_bytes = 42,
			.response_latency = { NOW_NS - 768 * MS, NOW_NS - 700 * MS },
			.response_duration = { NOW_NS - 700 * MS, NOW_NS - 700 * MS },
			.runtime_overhead = { 0, NOW_NS },
		},
	};

	check_json(&event, TIME "platform.runtimeDone\",\"record\":{\"requestId\":\"" ID
	                        "\",\"status\":\"success\"," TRACING ",\"spans\":[{\"name\":"
	                        "\"responseLatency\",\"start\":\"2026-10-08T07:30:27.000Z\","
	                        "\"durationMs\":68.0},{\"name\":\"responseDuration\",\"start\":"
	                        "\"2026-10-08T07:30:27.068Z\",\"durationMs\":0.0}],\"metrics\":"
	                        "{\"durationMs\":100.0,\"producedBytes\":42},\"tenantId\":\"t\"}}");
}

static void test_report(void)
{
	struct platform_event event = {
		.type = PLATFORM_REPORT,
		.report = {
			.request_id = ID,
			.duration_ns = 1233960 * US,
			.init_ns = 463512 * US,
			.memory_bytes = 256 * MB,
			.memory_peak_bytes = 122 * MB + 1,
		},
	};
	static const char metrics[] = "\"metrics\":{\"durationMs\":1233.96,\"billedDurationMs\":"
				      "1698,\"memorySizeMB\":256,"
				      "\"maxMemoryUsedMB\":123,\"initDurationMs\":463.512}";
	char text[512];

	snprintf(text, sizeof(text),
	         TIME "platform.report\",\"record\":{\"requestId\":\"" ID
	              "\",%s,\"status\":\"success\"}}",
	         metrics);
	check_json(&event, text);
	snprintf(text, sizeof(text),
	         TIME "platform.report\",\"record\":{\"requestId\":\"" ID "\",%s," TRACING "}}",
	         metrics);
	event.report.trace_header = TRACE;
	check_logs(&event, text);
}

static void test_report_of_a_timeout(void)
{
	struct fault fault = fault_timeout(5000);
	struct platform_event event = {
		.type = PLATFORM_REPORT,
		.report = {
			.request_id = ID,
			.duration_ns = 5000 * MS,
			.memory_bytes = 128 * MB,
			.memory_peak_bytes = 94 * MB,
			.fault = &fault,
		},
	};

	check_json(&event, TIME "platform.report\",\"record\":{\"requestId\":\"" ID
	                        "\",\"metrics\":{\"durationMs\":5000.0,\"billedDurationMs\":5000,"
	                        "\"memorySizeMB\":128,\"maxMemoryUsedMB\":94},"
	                        "\"status\":\"timeout\"}}");
}

static void test_report_with_all_that_it_may_have(void)
{
	struct fault fault = fault_exit(1 << 8, false);
	struct platform_event event = {
		.type = PLATFORM_REPORT,
		.report = {
			.request_id = ID,
			.tenant_id = "t",
			.trace_header = TRACE,
			.duration_ns = 2338660 * US,
			.restore_ns = 181500 * US,
			.memory_bytes = 512 * MB,
			.fault = &fault,
			.extension_overhead = { NOW_NS - MS, NOW_NS },
		},
	};

	check_json(&event, TIME
	           "platform.report\",\"record\":{\"requestId\":\"" ID
	           "\",\"metrics\":{\"durationMs\":2338.66,\"billedDurationMs\":2521,"
	           "\"memorySizeMB\":512,\"restoreDurationMs\":181.5,"
	           "\"billedRestoreDurationMs\":182},\"spans\":[{\"name\":\"extensionOverhead\","
	           "\"start\":\"2026-10-08T07:30:27.767Z\",\"durationMs\":1.0}]," TRACING
	           ",\"status\":\"error\",\"errorType\":\"Runtime.ExitError\","
	           "\"tenantId\":\"t\"}}");
}

static void test_events_of_the_logs_api(void)
{
	struct platform_event event = { .type = PLATFORM_END, .end.request_id = ID };

	check_json(&event, "");
	check_logs(&event, TIME "platform.end\",\"record\":{\"requestId\":\"" ID "\"}}");
	event.type = PLATFORM_FAULT;
	check_json(&event, "");
	check_logs(&event, TIME "platform.fault\",\"record\":\"RequestId: " ID
	                        " Process exited before completing request\"}");
}

/* ---- extensions ---- */

static void test_extensions(void)
{
	static const char *const kinds[] = { "INVOKE", "SHUTDOWN" };
	static const char ready[] = TIME
		"platform.extension\",\"record\":{\"name\":\"agent\","
		"\"state\":\"Ready\",\"events\":[\"INVOKE\",\"SHUTDOWN\"]}}";
	struct platform_event event = {
		.type = PLATFORM_EXTENSION,
		.extension = { .name = "agent", .state = "Ready", .events = { kinds, 2 } },
	};

	check_json(&event, ready);
	check_logs(&event, ready);
	event.extension = (struct platform_extension){
		.name = "a\nb\xff",
		.state = "LaunchError",
		.error_type = "PermissionDenied",
	};
	check_json(&event, TIME "platform.extension\",\"record\":{\"name\":\"a\\nb\xef\xbf\xbd\","
	                        "\"state\":\"LaunchError\",\"events\":[],"
	                        "\"errorType\":\"PermissionDenied\"}}");
}

static void test_subscriptions(void)
{
	static const char *const types[] = { "platform", "function" };
	struct platform_event event = {
		.type = PLATFORM_SUBSCRIPTION,
		.subscription = { .name = "agent", .types = { types, 2 } },
	};

	check_json(&event, TIME "platform.telemetrySubscription\",\"record\":{\"name\":\"agent\","
	                        "\"state\":\"Subscribed\",\"types\":[\"platform\",\"function\"]}}");
	event.subscription.is_logs_api = true;
	check_logs(&event, TIME "platform.logsSubscription\",\"record\":{\"name\":\"agent\","
	                        "\"state\":\"Subscribed\",\"types\":[\"platform\",\"function\"]}}");
}

static void test_logs_dropped(void)
{
	static const char expected[] = TIME
		"platform.logsDropped\",\"record\":{\"droppedBytes\":12345,"
		"\"droppedRecords\":123,\"reason\":\"slow\"}}";
	struct platform_event event = {
		.type = PLATFORM_LOGS_DROPPED,
		.logs_dropped = { .bytes = 12345, .records = 123, .reason = "slow" },
	};

	check_json(&event, expected);
	check_logs(&event, expected);
}

/* ---- levels ---- */

static void check_level(const struct platform_event *event, enum log_line_level expected)
{
	CHECK_INT(platform_event_level(event), expected);
}

static void test_levels_of_what_went_well(void)
{
	static const struct {
		enum platform_event_type type;
		enum log_line_level level;
	} cases[] = {
		{ PLATFORM_INIT_START, LOG_LINE_DEBUG },
		{ PLATFORM_INIT_RUNTIME_DONE, LOG_LINE_DEBUG },
		{ PLATFORM_INIT_REPORT, LOG_LINE_DEBUG },
		{ PLATFORM_RESTORE_START, LOG_LINE_DEBUG },
		{ PLATFORM_RESTORE_RUNTIME_DONE, LOG_LINE_DEBUG },
		{ PLATFORM_RESTORE_REPORT, LOG_LINE_INFO },
		{ PLATFORM_START, LOG_LINE_INFO },
		{ PLATFORM_RUNTIME_DONE, LOG_LINE_DEBUG },
		{ PLATFORM_REPORT, LOG_LINE_INFO },
		{ PLATFORM_EXTENSION, LOG_LINE_INFO },
		{ PLATFORM_SUBSCRIPTION, LOG_LINE_INFO },
		{ PLATFORM_LOGS_DROPPED, LOG_LINE_WARN },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check_level(&(struct platform_event){ .type = cases[i].type }, cases[i].level);
}

static void test_levels_of_what_failed(void)
{
	struct fault fault = fault_timeout(1);
	struct platform_init_end init = { .fault = &fault };
	struct platform_event event = { .type = PLATFORM_INIT_RUNTIME_DONE, .init_end = init };

	check_level(&event, LOG_LINE_WARN);
	event.type = PLATFORM_INIT_REPORT;
	check_level(&event, LOG_LINE_WARN);
	event.type = PLATFORM_RESTORE_RUNTIME_DONE;
	check_level(&event, LOG_LINE_WARN);
	event.type = PLATFORM_RESTORE_REPORT;
	check_level(&event, LOG_LINE_WARN);
	event = (struct platform_event){ .type = PLATFORM_RUNTIME_DONE,
		                         .runtime_done.fault = &fault };
	check_level(&event, LOG_LINE_WARN);
	event = (struct platform_event){ .type = PLATFORM_REPORT, .report.fault = &fault };
	check_level(&event, LOG_LINE_WARN);
	event = (struct platform_event){ .type = PLATFORM_EXTENSION,
		                         .extension.error_type = "PermissionDenied" };
	check_level(&event, LOG_LINE_WARN);
}

static void test_levels_that_depend_on_more(void)
{
	struct platform_event event = { .type = PLATFORM_INIT_REPORT };

	event.init_end.initialization = PLATFORM_PROVISIONED_CONCURRENCY;
	check_level(&event, LOG_LINE_INFO);
	event = (struct platform_event){ .type = PLATFORM_INIT_START,
		                         .init_start.runtime_version = "x" };
	check_level(&event, LOG_LINE_INFO);
	event.type = PLATFORM_RESTORE_START;
	check_level(&event, LOG_LINE_INFO);
}

TEST_MAIN(test_init_start, test_init_runtime_done, test_init_report, test_restore, test_start,
          test_runtime_done, test_spans, test_report, test_report_of_a_timeout,
          test_report_with_all_that_it_may_have, test_events_of_the_logs_api, test_extensions,
          test_subscriptions, test_logs_dropped, test_levels_of_what_went_well,
          test_levels_of_what_failed, test_levels_that_depend_on_more)
