/* SPDX-License-Identifier: Apache-2.0 */
/* http_event - what functions are told of requests, in each of the four formats */
#include "emulator/http_event.h"

#include <stdlib.h>

#include "emulator/json_check.h"
#include "tests/unit/test.h"

#define MAX_HEADERS 8

struct given {
	enum http_format format;
	bool is_multi_value;
	const char *route;
	const char *binary_types;
	const char *method, *path, *query, *body;
	size_t body_length; /* 0: that of 'body' */
	const char *headers[2 * MAX_HEADERS + 1];
};

static void make_event(struct buffer *out, const struct given *given)
{
	autobuffer struct buffer reason = BUFFER_INIT;
	struct http_request request;
	struct http_site site;

	http_site_init(&site, given->format, "eu-west-1", "123456789012", "shop");
	site.is_multi_value = given->is_multi_value;
	site.route = given->route ? given->route : "";
	site.binary_types = given->binary_types;
	http_request_init(&request, &site);
	request.method = given->method ? given->method : "GET";
	request.path = given->path ? given->path : "/";
	request.query = given->query ? given->query : "";
	request.body = given->body ? given->body : "";
	request.body_length = given->body_length ? given->body_length : strlen(request.body);
	request.source_ip = "127.0.0.1";
	request.port = 8080;
	request.request_id = "5b2a3c1e-0d4f-4a6b-8c7d-9e0f1a2b3c4d";
	request.trace_header = "Root=1-5e6722a7-0123456789abcdef01234567;Parent=0123456789abcdef;"
			       "Sampled=0";
	request.wall_ns = UINT64_C(1583348638390999999);
	for (const char *const *header = given->headers; *header; header += 2)
		http_request_add_header(&request, header[0], header[1]);
	http_event_append(out, &request);
	http_request_finish(&request);
	CHECK(json_check(out->data, out->length, &reason));
	CHECK_STR(reason.data, "");
}

static void check_event(const struct given *given, const char *expected)
{
	autobuffer struct buffer out = BUFFER_INIT;

	make_event(&out, given);
	CHECK_STR(out.data, expected);
}

/* Whether the event has this text in it, or, with '!' before it, has not. */
static void check_part(const struct given *given, const char *part)
{
	autobuffer struct buffer out = BUFFER_INIT;
	bool is_wanted = part[0] != '!';

	test_case(part);
	make_event(&out, given);
	if (!CHECK((strstr(out.data, part + !is_wanted) != NULL) == is_wanted))
		printf("# %s\n", out.data);
}

/* ---- whole events ---- */

static void test_whole_url(void)
{
	check_event(&(struct given){ .method = "POST",
	                             .path = "/my/path",
	                             .query = "a=1&a=2&b=x",
	                             .body = "{\"a\":\"\xe2\x82\xac\"}",
	                             .headers = { "Host", "localhost:8080", "Header1", "v1",
	                                          "HEADER2", "v1", "header2", "v2", "Cookie",
	                                          "c1=1; c2=2", "User-Agent", "agent",
	                                          "Content-Type",
	                                          "application/json; charset=utf-8" } },
	            "{\"version\":\"2.0\",\"routeKey\":\"$default\",\"rawPath\":\"/my/path\","
	            "\"rawQueryString\":\"a=1&a=2&b=x\",\"cookies\":[\"c1=1\",\"c2=2\"],"
	            "\"headers\":{\"host\":\"localhost:8080\",\"header1\":\"v1\",\"header2\":\"v1"
	            ",v2\",\"user-agent\":\"agent\",\"content-type\":\"application/json; charset="
	            "utf-8\",\"x-amzn-trace-id\":\"Root=1-5e6722a7-0123456789abcdef01234567\","
	            "\"x-forwarded-for\":\"127.0.0.1\",\"x-forwarded-port\":\"8080\",\"x-forwarde"
	            "d-proto\":\"http\"},\"queryStringParameters\":{\"a\":\"1,2\",\"b\":\"x\"}"
	            ",\"requestContext\":{\"accountId\":\"anonymous\",\"apiId\":\"ehfq44qohg0iaju"
	            "553s5bubd4ateobdx\",\"domainName\":\"ehfq44qohg0iaju553s5bubd4ateobdx.lambda"
	            "-url.eu-west-1.on.aws\",\"domainPrefix\":\"ehfq44qohg0iaju553s5bubd4ateobdx\""
	            ",\"http\":{\"method\":\"POST\",\"path\":\"/my/path\",\"protocol\":\"HTTP/1.1"
	            "\",\"sourceIp\":\"127.0.0.1\",\"userAgent\":\"agent\"},\"requestId\":\"5b2a3"
	            "c1e-0d4f-4a6b-8c7d-9e0f1a2b3c4d\",\"routeKey\":\"$default\",\"stage\":\"$def"
	            "ault\",\"time\":\"04/Mar/2020:19:03:58 +0000\",\"timeEpoch\":1583348638390}"
	            ",\"body\":\"{\\\"a\\\":\\\"\xe2\x82\xac\\\"}\",\"isBase64Encoded\":false}");
}

static void test_whole_http_api(void)
{
	check_event(&(struct given){ .format = HTTP_FORMAT_HTTP_API,
	                             .route = "/orders",
	                             .path = "/orders/a%2Fb/c+d%20e" },
	            "{\"version\":\"2.0\",\"routeKey\":\"ANY /orders/{proxy+}\",\"rawPath\":\"/or"
	            "ders/a%2Fb/c+d%20e\",\"rawQueryString\":\"\",\"headers\":{\"x-amzn-trace-id\""
	            ":\"Root=1-5e6722a7-0123456789abcdef01234567\",\"x-forwarded-for\":\"127.0.0."
	            "1\",\"x-forwarded-port\":\"8080\",\"x-forwarded-proto\":\"http\"},"
	            "\"requestContext\":{\"accountId\":\"123456789012\",\"apiId\":\"l5s5wh0qkx\","
	            "\"domainName\":\"l5s5wh0qkx.execute-api.eu-west-1.amazonaws.com\","
	            "\"domainPrefix\":\"l5s5wh0qkx\",\"http\":{\"method\":\"GET\",\"path\":\"/ord"
	            "ers/a%2Fb/c+d%20e\",\"protocol\":\"HTTP/1.1\",\"sourceIp\":\"127.0.0.1\","
	            "\"userAgent\":\"\"},\"requestId\":\"5b2a3c1e-0d4f-4a6b-8c7d-9e0f1a2b3c4d\","
	            "\"routeKey\":\"ANY /orders/{proxy+}\",\"stage\":\"$default\",\"time\":\"04/M"
	            "ar/2020:19:03:58 +0000\",\"timeEpoch\":1583348638390},\"pathParameters\":{\""
	            "proxy\":\"a/b/c+d e\"},\"isBase64Encoded\":false}");
}

static void test_whole_rest_api(void)
{
	check_event(&(struct given){ .format = HTTP_FORMAT_REST_API,
	                             .path = "/proxy-value",
	                             .query = "a=1&a=%32",
	                             .headers = { "Accept", "*/*", "tEsT-HEADeR", "aValUE",
	                                          "test-header", "bValUE" } },
	            "{\"resource\":\"/{proxy+}\",\"path\":\"/proxy-value\",\"httpMethod\":\"GET\""
	            ",\"headers\":{\"Accept\":\"*/*\",\"tEsT-HEADeR\":\"bValUE\",\"X-Amzn-Trace-I"
	            "d\":\"Root=1-5e6722a7-0123456789abcdef01234567\",\"X-Forwarded-For\":\"127.0"
	            ".0.1\",\"X-Forwarded-Port\":\"8080\",\"X-Forwarded-Proto\":\"http\"}"
	            ",\"multiValueHeaders\":{\"Accept\":[\"*/*\"],\"tEsT-HEADeR\":[\"aValUE\","
	            "\"bValUE\"],\"X-Amzn-Trace-Id\":[\"Root=1-5e6722a7-0123456789abcdef01234567\""
	            "],\"X-Forwarded-For\":[\"127.0.0.1\"],\"X-Forwarded-Port\":[\"8080\"],"
	            "\"X-Forwarded-Proto\":[\"http\"]},\"queryStringParameters\":{\"a\":\"2\"}"
	            ",\"multiValueQueryStringParameters\":{\"a\":[\"1\",\"2\"]},\"pathParameters\""
	            ":{\"proxy\":\"proxy-value\"},\"stageVariables\":null,\"requestContext\":{\"r"
	            "esourceId\":\"r48psk\",\"resourcePath\":\"/{proxy+}\",\"httpMethod\":\"GET\""
	            ",\"extendedRequestId\":\"NWIyYTNjMWUtMGQ=\",\"requestTime\":\"04/Mar/2020:19"
	            ":03:58 +0000\",\"path\":\"/prod/proxy-value\",\"accountId\":\"123456789012\""
	            ",\"protocol\":\"HTTP/1.1\",\"stage\":\"prod\",\"domainPrefix\":\"l5s5wh0qkx\""
	            ",\"requestTimeEpoch\":1583348638390,\"requestId\":\"5b2a3c1e-0d4f-4a6b-8c7d-"
	            "9e0f1a2b3c4d\",\"identity\":{\"cognitoIdentityPoolId\":null,\"accountId\":nu"
	            "ll,\"cognitoIdentityId\":null,\"caller\":null,\"sourceIp\":\"127.0.0.1\","
	            "\"principalOrgId\":null,\"accessKey\":null,\"cognitoAuthenticationType\":nul"
	            "l,\"cognitoAuthenticationProvider\":null,\"userArn\":null,\"userAgent\":null"
	            ",\"user\":null},\"domainName\":\"l5s5wh0qkx.execute-api.eu-west-1.amazonaws."
	            "com\",\"deploymentId\":\"ghjrop\",\"apiId\":\"l5s5wh0qkx\"},\"body\":null,"
	            "\"isBase64Encoded\":false}");
}

static void test_whole_alb(void)
{
	check_event(&(struct given){ .format = HTTP_FORMAT_ALB,
	                             .path = "/lambda",
	                             .query = "query=12%2034&query=a+b",
	                             .headers = { "Accept", "text/html", "Connection", "keep-alive",
	                                          "Cookie", "a=1", "ACCEPT", "*/*" } },
	            "{\"requestContext\":{\"elb\":{\"targetGroupArn\":\"arn:aws:elasticloadbalanc"
	            "ing:eu-west-1:123456789012:targetgroup/shop/ecaa647bce58c7cb\"}},\"httpMetho"
	            "d\":\"GET\",\"path\":\"/lambda\",\"queryStringParameters\":{\"query\":\"a+b\""
	            "},\"headers\":{\"accept\":\"*/*\",\"connection\":\"keep-alive\",\"cookie\":\""
	            "a=1\",\"x-amzn-trace-id\":\"Root=1-5e6722a7-0123456789abcdef01234567\","
	            "\"x-forwarded-for\":\"127.0.0.1\",\"x-forwarded-port\":\"8080\",\"x-forwarde"
	            "d-proto\":\"http\"},\"body\":\"\",\"isBase64Encoded\":false}");
}

static void test_whole_alb_multi(void)
{
	check_event(&(struct given){ .format = HTTP_FORMAT_ALB,
	                             .is_multi_value = true,
	                             .path = "/lambda",
	                             .query = "query=12%2034&query=a+b",
	                             .headers = { "Accept", "text/html", "ACCEPT", "*/*" } },
	            "{\"requestContext\":{\"elb\":{\"targetGroupArn\":\"arn:aws:elasticloadbalanc"
	            "ing:eu-west-1:123456789012:targetgroup/shop/ecaa647bce58c7cb\"}},\"httpMetho"
	            "d\":\"GET\",\"path\":\"/lambda\",\"multiValueQueryStringParameters\":{\"quer"
	            "y\":[\"12%2034\",\"a+b\"]},\"multiValueHeaders\":{\"accept\":[\"text/html\","
	            "\"*/*\"],\"x-amzn-trace-id\":[\"Root=1-5e6722a7-0123456789abcdef01234567\"],"
	            "\"x-forwarded-for\":[\"127.0.0.1\"],\"x-forwarded-port\":[\"8080\"],"
	            "\"x-forwarded-proto\":[\"http\"]},\"body\":\"\",\"isBase64Encoded\":false}");
}

/* ---- rules, one by one ---- */

static const struct {
	struct given given;
	const char *part;
} rules[] = {
	/* headers and cookies of 2.0 */
	{ { .headers = { "A", "1", "B", "2", "a", "3" } }, "\"a\":\"1,3\",\"b\":\"2\"" },
	{ { .headers = { "Cookie", " a=1;b=2 ;; c=\"x\" ", "cookie", "d=4" } },
	  "\"cookies\":[\"a=1\",\"b=2\",\"c=\\\"x\\\"\",\"d=4\"]" },
	{ { .headers = { "Cookie", "a=1" } }, "!\"cookie\"" },
	{ { .headers = { "A", "1" } }, "!cookies" },
	{ { .headers = { "A", "\xe9" } }, "\"a\":\"\xef\xbf\xbd\"" },
	{ { .headers = { "X-Forwarded-For", "10.0.0.1", "X-Forwarded-Proto", "https" } },
	  "\"x-forwarded-for\":\"10.0.0.1, 127.0.0.1\",\"x-forwarded-port\":\"8080\","
	  "\"x-forwarded-proto\":\"http\"" },
	{ { .headers = { "X-Amzn-Trace-Id", "Root=1-other" } }, "!other" },
	{ { .headers = { "Connection", "close", "Transfer-Encoding", "chunked" } }, "!close" },
	{ { .headers = { "Connection", "close", "Transfer-Encoding", "chunked" } }, "!chunked" },

	/* paths and queries */
	{ { .path = "/pa2%Fth/1" }, "\"rawPath\":\"/pa2%Fth/1\"" },
	{ { .path = "/a%2Fb//\xe2\x82\xac" }, "\"path\":\"/a%2Fb//\xe2\x82\xac\"" },
	{ { .path = "/shop", .route = "/shop" }, "\"rawPath\":\"/\"" },
	{ { .path = "/shop/", .route = "/shop" }, "\"rawPath\":\"/\"" },
	{ { .path = "/shop/a?", .route = "/shop" }, "\"rawPath\":\"/a?\"" },
	{ { .query = "" }, "\"rawQueryString\":\"\"" },
	{ { .query = "" }, "!queryStringParameters" },
	{ { .query = "&&" }, "!queryStringParameters" },
	{ { .query = "a" }, "\"queryStringParameters\":{\"a\":\"\"}" },
	{ { .query = "=b&a==&" }, "\"queryStringParameters\":{\"\":\"b\",\"a\":\"=\"}" },
	{ { .query = "a=1&%61=2&A=3&b=%2C" },
	  "\"queryStringParameters\":{\"a\":\"1,2\",\"A\":\"3\",\"b\":\",\"}" },
	{ { .query = "a=1+2%2B&b=%&c=%4&d=%zz" },
	  "{\"a\":\"1 2+\",\"b\":\"%\",\"c\":\"%4\",\"d\":\"%zz\"}" },
	{ { .query = "a%00b=%e2%82%ac%ff" }, "{\"a\\u0000b\":\"\xe2\x82\xac\xef\xbf\xbd\"}" },
	{ { .query = "a=%22" }, "\"rawQueryString\":\"a=%22\"" },

	/* bodies of 2.0 */
	{ { .body = "" }, "!\"body\"" },
	{ { .body = "" }, "\"isBase64Encoded\":false" },
	{ { .body = "a=b", .headers = { "Content-Type", "application/x-www-form-urlencoded" } },
	  "\"body\":\"YT1i\",\"isBase64Encoded\":true" },
	{ { .body = "abc" }, "\"body\":\"YWJj\",\"isBase64Encoded\":true" },
	{ { .body = "abc", .headers = { "Content-Type", "TEXT/x" } },
	  "\"body\":\"abc\",\"isBase64Encoded\":false" },
	{ { .body = "abc", .headers = { "Content-Type", "application/javascript" } }, "\"abc\"" },
	{ { .body = "abc", .headers = { "Content-Type", "application/xml;x" } }, "\"abc\"" },
	{ { .body = "abc", .headers = { "Content-Type", "a/b+json ; x" } }, "\"abc\"" },
	{ { .body = "abc", .headers = { "Content-Type", "image/svg+xml" } }, "\"abc\"" },
	{ { .body = "abc", .headers = { "Content-Type", "application/jsonp" } }, "\"YWJj\"" },
	{ { .body = "abc", .headers = { "Content-Type", "multipart/form-data; boundary=x" } },
	  "\"YWJj\"" },
	{ { .body = "abc", .headers = { "Content-Type", "text/plain", "Content-Encoding", "br" } },
	  "\"YWJj\"" },
	{ { .body = "abc",
	    .headers = { "Content-Type", "text/plain", "Content-Encoding", "Identity" } },
	  "\"abc\"" },
	{ { .body = "\xff", .headers = { "Content-Type", "text/plain" } }, "\"/w==\"" },
	{ { .body = "\0\"", .body_length = 2, .headers = { "Content-Type", "text/plain" } },
	  "\"\\u0000\\\"\"" },

	/* routes of API Gateway */
	{ { .format = HTTP_FORMAT_HTTP_API }, "\"routeKey\":\"$default\"" },
	{ { .format = HTTP_FORMAT_HTTP_API }, "!pathParameters" },
	{ { .format = HTTP_FORMAT_HTTP_API, .route = "/a", .path = "/a" },
	  "\"routeKey\":\"ANY /a\",\"rawPath\":\"/a\"" },
	{ { .format = HTTP_FORMAT_REST_API, .path = "/" }, "{\"resource\":\"/\",\"path\":\"/\"" },
	{ { .format = HTTP_FORMAT_REST_API, .path = "/" }, "\"pathParameters\":null" },
	{ { .format = HTTP_FORMAT_REST_API, .path = "/a/b%20c", .route = "/a" },
	  "{\"resource\":\"/a/{proxy+}\",\"path\":\"/a/b%20c\"" },
	{ { .format = HTTP_FORMAT_REST_API, .path = "/a/b%20c", .route = "/a" },
	  "\"pathParameters\":{\"proxy\":\"b c\"}" },
	{ { .format = HTTP_FORMAT_REST_API, .path = "/a/b", .route = "/a" },
	  "\"path\":\"/prod/a/b\"" },

	/* 1.0 */
	{ { .format = HTTP_FORMAT_REST_API },
	  "\"queryStringParameters\":null,\"multiValueQueryStringParameters\":null" },
	{ { .format = HTTP_FORMAT_REST_API, .headers = { "Cookie", "a=1; b=2" } },
	  "\"Cookie\":\"a=1; b=2\"" },
	{ { .format = HTTP_FORMAT_REST_API, .headers = { "User-Agent", "x" } },
	  "\"userAgent\":\"x\"" },
	{ { .format = HTTP_FORMAT_REST_API, .body = "abc" },
	  "\"body\":\"abc\",\"isBase64Encoded\":false" },
	{ { .format = HTTP_FORMAT_REST_API, .body = "\xff" }, "\"body\":\"\xef\xbf\xbd\"" },
	{ { .format = HTTP_FORMAT_REST_API, .body = "abc", .binary_types = "image/png,*/*" },
	  "\"body\":\"YWJj\",\"isBase64Encoded\":true" },
	{ { .format = HTTP_FORMAT_REST_API,
	    .body = "abc",
	    .binary_types = "image/*",
	    .headers = { "Content-Type", "Image/PNG; q=1" } },
	  "\"YWJj\"" },
	{ { .format = HTTP_FORMAT_REST_API,
	    .body = "abc",
	    .binary_types = "image/png",
	    .headers = { "Content-Type", "image/pngx" } },
	  "\"abc\"" },

	/* the load balancer */
	{ { .format = HTTP_FORMAT_ALB }, "\"queryStringParameters\":{}" },
	{ { .format = HTTP_FORMAT_ALB }, "\"body\":\"\",\"isBase64Encoded\":false" },
	{ { .format = HTTP_FORMAT_ALB, .query = "a=%20&a=+" },
	  "\"queryStringParameters\":{\"a\":\"+\"}" },
	{ { .format = HTTP_FORMAT_ALB, .body = "abc", .headers = { "Content-Type", "a/b+json" } },
	  "\"YWJj\"" },
	{ { .format = HTTP_FORMAT_ALB,
	    .body = "abc",
	    .headers = { "Content-Type", "application/json", "Content-Encoding", "gzip" } },
	  "\"YWJj\"" },
	{ { .format = HTTP_FORMAT_ALB, .is_multi_value = true }, "!\"headers\"" },
	{ { .format = HTTP_FORMAT_ALB, .is_multi_value = true }, "!\"queryStringParameters\"" },
};

static void test_rules(void)
{
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		check_part(&rules[i].given, rules[i].part);
}

/* What is about one connection ends with it, and what the front says is not for a client to say. */
static void test_headers_that_are_not_passed_on(void)
{
	static const char *const names[] = { "Keep-Alive",       "Proxy-Connection", "te",
		                             "Trailer",          "Upgrade",          "expect",
		                             "X-Forwarded-Port", "x-forwarded-proto" };

	for (int format = HTTP_FORMAT_URL; format <= HTTP_FORMAT_ALB; format++) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			check_part(&(struct given){ .format = (enum http_format)format,
			                            .headers = { names[i], "not-this" } },
			           "!not-this");
		check_part(&(struct given){ .format = (enum http_format)format,
		                            .headers = { "Connection", "not-this" } },
		           format == HTTP_FORMAT_ALB ? "\"connection\":\"not-this\"" : "!not-this");
	}
}

/* ---- names ---- */

static void test_names_are_those_of_the_function(void)
{
	struct http_site first, again, other;

	http_site_init(&first, HTTP_FORMAT_URL, "us-east-1", "123456789012", "a");
	http_site_init(&again, HTTP_FORMAT_URL, "us-east-1", "123456789012", "a");
	http_site_init(&other, HTTP_FORMAT_URL, "us-east-1", "123456789012", "b");
	CHECK_STR(first.id, again.id);
	CHECK(strcmp(first.id, other.id) != 0);
	CHECK_INT(strlen(first.id), 32);
	http_site_init(&other, HTTP_FORMAT_REST_API, "us-east-1", "123456789012", "a");
	CHECK_INT(strlen(other.id), 10);
}

/* A client that sends as many as it can costs no more than sorting them. */
static void test_many_headers(void)
{
	autobuffer struct buffer out = BUFFER_INIT;
	struct http_request request;
	struct http_site site;
	char names[26][2];

	http_site_init(&site, HTTP_FORMAT_URL, "us-east-1", "123456789012", "a");
	http_request_init(&request, &site);
	request.method = "GET";
	request.path = "/";
	request.source_ip = "::1";
	request.request_id = request.trace_header = "";
	for (int i = 0; i < 100000; i++) {
		char *name = names[i % 26];

		name[0] = (char)('a' + i % 26);
		name[1] = '\0';
		http_request_add_header(&request, name, "v");
	}
	http_event_append(&out, &request);
	CHECK(strstr(out.data, "\"z\":\"v,v,v,v"));
	http_request_finish(&request);
}

TEST_MAIN(test_whole_url, test_whole_http_api, test_whole_rest_api, test_whole_alb,
          test_whole_alb_multi, test_rules, test_headers_that_are_not_passed_on,
          test_names_are_those_of_the_function, test_many_headers)
