/* SPDX-License-Identifier: Apache-2.0 */
/* subscription - which requests are taken, with which defaults, and what is said of the others */
#include "emulator/subscription.h"

#include <stdlib.h>

#include "tests/unit/test.h"

#define HTTP "\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"http://sandbox.localdomain:8080\"}"
#define URI(uri) "\"destination\":{\"protocol\":\"HTTP\",\"URI\":\"" uri "\"}"
#define TCP "\"destination\":{\"protocol\":\"TCP\",\"port\":9999}"
#define TYPES "\"types\":[\"platform\"]"
#define SCHEMA "\"schemaVersion\":\"2022-12-13\""
#define BODY(destination) "{" SCHEMA "," TYPES "," destination "}"
#define BUFFERING(members) "{" SCHEMA "," TYPES "," HTTP ",\"buffering\":" members "}"

static bool parse(struct subscription *subscription, enum subscription_api api, const char *body,
                  struct buffer *reasons)
{
	buffer_clear(reasons);
	return subscription_parse(subscription, api, body, strlen(body), reasons);
}

static void test_the_example_of_the_guide(void)
{
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it;

	CHECK(parse(&it, SUBSCRIPTION_TELEMETRY,
	            "{\"schemaVersion\":\"2025-01-29\","
	            "\"types\":[\"function\",\"platform\",\"extension\"],"
	            "\"buffering\":{\"maxItems\":1000,\"maxBytes\":1048576,\"timeoutMs\":100}," HTTP
	            "}",
	            &reasons));
	CHECK_INT(it.api, SUBSCRIPTION_TELEMETRY);
	CHECK_INT(it.schema, SUBSCRIPTION_2025_01_29);
	CHECK_INT(it.type_count, 3);
	CHECK_INT(it.types[0], SUBSCRIPTION_FUNCTION);
	CHECK_INT(it.types[1], SUBSCRIPTION_PLATFORM);
	CHECK_INT(it.types[2], SUBSCRIPTION_EXTENSION);
	CHECK_INT(it.max_items, 1000);
	CHECK_INT(it.max_bytes, 1048576);
	CHECK_INT(it.timeout_ms, 100);
	CHECK_INT(it.protocol, SUBSCRIPTION_HTTP);
	CHECK_INT(it.port, 8080);
	CHECK_STR(it.host, "sandbox.localdomain");
	CHECK_STR(it.target, "/");
	CHECK(!it.put);
	CHECK_STR(reasons.data, "");
}

static void test_defaults(void)
{
	static const char *const bodies[] = {
		BODY(HTTP),
		BUFFERING("{}"),
		BUFFERING("null"),
		BUFFERING("{\"maxItems\":null,\"timeoutMs\":null,\"maxBytes\":null,\"other\":1}"),
	};
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it, first = { .port = 0 };

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		test_case(bodies[i]);
		CHECK(parse(&it, SUBSCRIPTION_TELEMETRY, bodies[i], &reasons));
		CHECK_INT(it.max_items, 10000);
		CHECK_INT(it.max_bytes, 262144);
		CHECK_INT(it.timeout_ms, 1000);
		if (i == 0)
			first = it;
		CHECK(memcmp(&it, &first, sizeof(it)) == 0);
	}
}

static void test_wanted_types(void)
{
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it;

	CHECK(parse(&it, SUBSCRIPTION_LOGS, "{\"types\":[\"function\"]," TCP "}", &reasons));
	CHECK(subscription_wants(&it, SUBSCRIPTION_FUNCTION));
	CHECK(!subscription_wants(&it, SUBSCRIPTION_PLATFORM));
	CHECK(!subscription_wants(&it, SUBSCRIPTION_EXTENSION));
	CHECK_STR(subscription_type_name(SUBSCRIPTION_EXTENSION), "extension");
}

static void test_destinations(void)
{
	static const struct {
		const char *body, *host, *target;
		enum subscription_protocol protocol;
		uint16_t port;
	} cases[] = {
		{ BODY(HTTP), "sandbox.localdomain", "/", SUBSCRIPTION_HTTP, 8080 },
		{ BODY(URI("http://sandbox:1/a/b?c=d")), "sandbox", "/a/b?c=d", SUBSCRIPTION_HTTP,
		  1 },
		{ BODY(URI("HTTP://Sandbox.LocalDomain:65535/")), "sandbox.localdomain", "/",
		  SUBSCRIPTION_HTTP, 65535 },
		{ BODY(URI("http://sandbox:80?x")), "sandbox", "/?x", SUBSCRIPTION_HTTP, 80 },
		{ BODY(TCP), "", "", SUBSCRIPTION_TCP, 9999 },
		/* Of the Logs API alone. */
		{ BODY("\"destination\":{\"protocol\":\"HTTP\",\"method\":\"GET\","
		       "\"encoding\":7,\"URI\":\"http://sandbox:80\"}"),
		  "sandbox", "/", SUBSCRIPTION_HTTP, 80 },
	};
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].body);
		CHECK(parse(&it, SUBSCRIPTION_TELEMETRY, cases[i].body, &reasons));
		CHECK_STR(reasons.data, "");
		CHECK_INT(it.protocol, cases[i].protocol);
		CHECK_INT(it.port, cases[i].port);
		CHECK_STR(it.host, cases[i].host);
		CHECK_STR(it.target, cases[i].target);
		CHECK(!it.put);
	}
}

static void test_logs_api(void)
{
	static const struct {
		const char *schema, *manner;
		enum subscription_schema expected;
		bool put;
	} cases[] = {
		{ "", "", SUBSCRIPTION_2020_08_15, false },
		{ "\"schemaVersion\":null,", "", SUBSCRIPTION_2020_08_15, false },
		{ "\"schemaVersion\":\"2020-08-15\",", ",\"method\":\"POST\"",
		  SUBSCRIPTION_2020_08_15, false },
		{ "\"schemaVersion\":\"2021-03-18\",", ",\"method\":\"PUT\",\"encoding\":\"JSON\"",
		  SUBSCRIPTION_2021_03_18, true },
	};
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *body = xasprintf("{%s" TYPES ",\"destination\":{\"protocol\":\"HTTP\","
		                       "\"URI\":\"http://sandbox:8080/lambda_logs\"%s}}",
		                       cases[i].schema, cases[i].manner);

		test_case(body);
		CHECK(parse(&it, SUBSCRIPTION_LOGS, body, &reasons));
		CHECK_INT(it.schema, cases[i].expected);
		CHECK_INT(it.put, cases[i].put);
		CHECK_STR(it.target, "/lambda_logs");
		free(body);
	}
}

static void test_what_is_refused(void)
{
	static const struct {
		enum subscription_api api;
		const char *body, *reasons;
	} cases[] = {
		{ SUBSCRIPTION_TELEMETRY,
		  "{" SCHEMA ",\"types\":[]," URI("http://sandbox.localdomain") "}",
		  "URI port is not provided; types should not be empty" },
		{ SUBSCRIPTION_TELEMETRY, "{}",
		  "destination is not provided; types should not be empty; schemaVersion is not "
		  "provided" },
		{ SUBSCRIPTION_LOGS, "{}",
		  "destination is not provided; types should not be empty" },
		{ SUBSCRIPTION_TELEMETRY, "[]", "the body should be a JSON object" },

		{ SUBSCRIPTION_TELEMETRY, "{" SCHEMA ",\"types\":[\"Platform\"]," HTTP "}",
		  "types should be platform, function or extension" },
		{ SUBSCRIPTION_TELEMETRY, "{" SCHEMA ",\"types\":[1,2]," HTTP "}",
		  "types should be platform, function or extension" },
		{ SUBSCRIPTION_TELEMETRY, "{" SCHEMA ",\"types\":\"platform\"," HTTP "}",
		  "types should not be empty" },
		{ SUBSCRIPTION_TELEMETRY,
		  "{" SCHEMA ",\"types\":[\"platform\",\"function\",\"platform\"]," HTTP "}",
		  "types should be unique" },

		{ SUBSCRIPTION_TELEMETRY, "{\"schemaVersion\":\"2021-03-18\"," TYPES "," HTTP "}",
		  "schemaVersion should be 2022-07-01, 2022-12-13 or 2025-01-29" },
		{ SUBSCRIPTION_LOGS, BODY(HTTP),
		  "schemaVersion should be 2020-08-15 or 2021-03-18" },
		{ SUBSCRIPTION_LOGS, "{\"schemaVersion\":20200815," TYPES "," HTTP "}",
		  "schemaVersion should be 2020-08-15 or 2021-03-18" },

		{ SUBSCRIPTION_TELEMETRY, BODY("\"destination\":{}"),
		  "destination protocol should be HTTP or TCP" },
		{ SUBSCRIPTION_TELEMETRY, BODY("\"destination\":\"HTTP\""),
		  "destination protocol should be HTTP or TCP" },
		{ SUBSCRIPTION_TELEMETRY, BODY("\"destination\":{\"protocol\":\"http\"}"),
		  "destination protocol should be HTTP or TCP" },
		{ SUBSCRIPTION_TELEMETRY, BODY("\"destination\":{\"protocol\":\"HTTP\"}"),
		  "URI is not provided" },
		{ SUBSCRIPTION_TELEMETRY, BODY("\"destination\":{\"protocol\":\"TCP\"}"),
		  "port is not provided" },
		{ SUBSCRIPTION_TELEMETRY, BODY("\"destination\":{\"protocol\":\"TCP\",\"port\":0}"),
		  "port should be between 1 and 65535" },
		{ SUBSCRIPTION_TELEMETRY,
		  BODY("\"destination\":{\"protocol\":\"TCP\",\"port\":80.5}"),
		  "port should be between 1 and 65535" },
		{ SUBSCRIPTION_TELEMETRY,
		  BODY("\"destination\":{\"protocol\":\"TCP\",\"port\":\"80\"}"),
		  "port should be between 1 and 65535" },
		{ SUBSCRIPTION_TELEMETRY,
		  BODY("\"destination\":{\"protocol\":\"TCP\",\"port\":9001}"),
		  "port 9001 is reserved" },

		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:9001")),
		  "port 9001 is reserved" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:65536")),
		  "port should be between 1 and 65535" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:99999999999999999999/")),
		  "port should be between 1 and 65535" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:")),
		  "URI port is not provided" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:-1")),
		  "URI port is not provided" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:80x")), "URI port is invalid" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("https://sandbox:80")),
		  "URI scheme should be http" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("")), "URI scheme should be http" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://127.0.0.1:80")),
		  "URI host should be sandbox.localdomain or sandbox" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://u@sandbox:80")),
		  "URI host should be sandbox.localdomain or sandbox" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://")),
		  "URI host should be sandbox.localdomain or sandbox; URI port is not provided" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:80/a b")),
		  "URI path is invalid" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:80/a\\r\\nX: y")),
		  "URI path is invalid" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:80/#a")),
		  "URI path is invalid" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:80/\\u00e9")),
		  "URI path is invalid" },
		{ SUBSCRIPTION_TELEMETRY, BODY(URI("http://sandbox:80/\\u0000")),
		  "URI is not provided" },

		{ SUBSCRIPTION_LOGS,
		  "{" TYPES ",\"destination\":{\"protocol\":\"HTTP\",\"method\":\"GET\","
		  "\"encoding\":\"XML\",\"URI\":\"http://sandbox:80\"}}",
		  "method should be POST or PUT; encoding should be JSON" },

		{ SUBSCRIPTION_TELEMETRY, BUFFERING("[]"), "buffering should be an object" },
		{ SUBSCRIPTION_TELEMETRY,
		  BUFFERING("{\"maxItems\":999,\"maxBytes\":262143,\"timeoutMs\":24}"),
		  "maxItems should be between 1000 and 10000; maxBytes should be between 262144 "
		  "and 1048576; timeoutMs should be between 25 and 30000" },
		{ SUBSCRIPTION_TELEMETRY,
		  BUFFERING("{\"maxItems\":10001,\"maxBytes\":1048577,\"timeoutMs\":30001}"),
		  "maxItems should be between 1000 and 10000; maxBytes should be between 262144 "
		  "and 1048576; timeoutMs should be between 25 and 30000" },
		{ SUBSCRIPTION_TELEMETRY, BUFFERING("{\"timeoutMs\":\"100\"}"),
		  "timeoutMs should be between 25 and 30000" },
		{ SUBSCRIPTION_TELEMETRY, BUFFERING("{\"timeoutMs\":-100}"),
		  "timeoutMs should be between 25 and 30000" },
		{ SUBSCRIPTION_TELEMETRY, BUFFERING("{\"timeoutMs\":1e300}"),
		  "timeoutMs should be between 25 and 30000" },
	};
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		test_case(cases[i].body);
		CHECK(!parse(&it, cases[i].api, cases[i].body, &reasons));
		CHECK_STR(reasons.data, cases[i].reasons);
	}
}

static void test_what_is_no_json_is_told_with_its_place(void)
{
	static const char *const bodies[] = { "", "{", "{'types':[]}", "{} x", "\xff" };
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it;

	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		test_case(bodies[i]);
		CHECK(!parse(&it, SUBSCRIPTION_TELEMETRY, bodies[i], &reasons));
		CHECK(strncmp(reasons.data, "the body should be a JSON object: ", 34) == 0);
	}
}

static void test_a_long_path(void)
{
	static char path[SUBSCRIPTION_TARGET_SIZE + 1];
	autobuffer struct buffer reasons = BUFFER_INIT;
	struct subscription it;

	for (size_t length = SUBSCRIPTION_TARGET_SIZE - 3; length < sizeof(path); length++) {
		memset(path, 'a', length);
		path[length] = '\0';
		path[0] = '/';
		char *body = xasprintf(BODY(URI("http://sandbox:80%s")), path);
		bool fits = length < SUBSCRIPTION_TARGET_SIZE - 1;

		CHECK_INT(parse(&it, SUBSCRIPTION_TELEMETRY, body, &reasons), fits);
		CHECK_STR(reasons.data, fits ? "" : "URI path should be shorter than 1023 bytes");
		free(body);
	}
}

TEST_MAIN(test_the_example_of_the_guide, test_defaults, test_wanted_types, test_destinations,
          test_logs_api, test_what_is_refused, test_what_is_no_json_is_told_with_its_place,
          test_a_long_path)
