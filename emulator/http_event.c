/* SPDX-License-Identifier: Apache-2.0 */
/* http_event - an HTTP request as the event that a function gets */
#include "emulator/http_event.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "emulator/arn.h"
#include "emulator/base64.h"
#include "emulator/clock.h"
#include "emulator/identifier.h"
#include "emulator/json.h"
#include "emulator/percent.h"
#include "emulator/utf8.h"

/* ---- the request ---- */

void http_request_init(struct http_request *request, const struct http_site *site)
{
	*request = (struct http_request){ .site = site, .query = "", .body = "" };
	http_fields_init(&request->headers);
}

void http_request_finish(struct http_request *request)
{
	http_fields_finish(&request->headers);
}

/* What is told of them beside the map of headers. */
static const char **place_of(struct http_request *request, const char *name)
{
	if (strcasecmp(name, "User-Agent") == 0)
		return &request->user_agent;
	if (strcasecmp(name, "Content-Type") == 0)
		return &request->content_type;
	if (strcasecmp(name, "Content-Encoding") == 0)
		return &request->content_encoding;
	if (strcasecmp(name, "X-Forwarded-For") == 0)
		return &request->forwarded_for;
	return NULL;
}

/* Those of one connection end with it; those of the front itself are not the client's to set. */
static bool is_left_out(const struct http_request *request, const char *name)
{
	static const char *const names[] = {
		"Keep-Alive",
		"Proxy-Connection",
		"TE",
		"Trailer",
		"Transfer-Encoding",
		"Upgrade",
		"Expect",
		"X-Forwarded-For",
		"X-Forwarded-Port",
		"X-Forwarded-Proto",
		"X-Amzn-Trace-Id",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return strcasecmp(name, "Connection") == 0 && request->site->format != HTTP_FORMAT_ALB;
}

static void add_field(struct http_request *request, const char *name, const char *value)
{
	http_fields_add(&request->headers, name, strlen(name), value, strlen(value));
}

void http_request_add_header(struct http_request *request, const char *name, const char *value)
{
	const char **place = place_of(request, name);

	if (place)
		*place = value;
	if (!is_left_out(request, name))
		add_field(request, name, value);
}

/* What AWS's front adds. The texts live in 'storage'. */
static void add_own_headers(struct http_request *request, struct buffer *storage)
{
	const char *client = request->forwarded_for;
	char root[64] = "";
	size_t trace, port;

	trace_header_field(request->trace_header, "Root", root, sizeof(root));
	buffer_append_format(storage, "%s%s%s%cRoot=%s%c%u", client ? client : "",
	                     client ? ", " : "", request->source_ip, '\0', root, '\0',
	                     request->port);
	trace = strlen(storage->data) + 1;
	port = trace + strlen(storage->data + trace) + 1;
	add_field(request, "X-Amzn-Trace-Id", storage->data + trace);
	add_field(request, "X-Forwarded-For", storage->data);
	add_field(request, "X-Forwarded-Port", storage->data + port);
	add_field(request, "X-Forwarded-Proto", "http");
}

/* ---- maps ---- */

enum values { VALUES_JOINED, VALUES_LAST, VALUES_ALL };

static void append_text(struct buffer *out, const char *data, size_t length)
{
	json_text_open(out);
	json_text_add(out, data, length);
	json_text_close(out);
}

static void append_joined(struct buffer *out, const struct http_field *field)
{
	json_text_open(out);
	json_text_add(out, field->value, field->value_length);
	while ((field = field->next)) {
		json_text_add(out, ",", 1);
		json_text_add(out, field->value, field->value_length);
	}
	json_text_close(out);
}

static void append_values(struct buffer *out, const struct http_field *field, enum values values)
{
	switch (values) {
	case VALUES_JOINED:
		append_joined(out, field);
		break;
	case VALUES_LAST:
		while (field->next)
			field = field->next;
		append_text(out, field->value, field->value_length);
		break;
	case VALUES_ALL:
		buffer_append(out, "[", 1);
		for (; field; field = field->next)
			append_text(out, field->value, field->value_length);
		json_array_end(out);
		break;
	}
}

/* Names of headers are of ASCII. */
static void make_lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text | 0x20);
}

static bool is_cookie(const struct http_field *field)
{
	return field->name_length == 6 && strncasecmp(field->name, "Cookie", 6) == 0;
}

static bool has_own_cookies(const struct http_request *request)
{
	return request->site->format == HTTP_FORMAT_URL ||
	       request->site->format == HTTP_FORMAT_HTTP_API;
}

static void append_headers(struct buffer *out, const char *member,
                           const struct http_request *request, enum values values)
{
	const struct http_fields *headers = &request->headers;

	json_object_open(out, member);
	for (size_t i = 0; i < headers->count; i++) {
		const struct http_field *field = &headers->items[i];
		size_t before = out->length;

		if (field->is_repeated || (has_own_cookies(request) && is_cookie(field)))
			continue;
		json_object_name(out, field->name, field->name_length);
		if (request->site->format != HTTP_FORMAT_REST_API)
			make_lower(out->data + before);
		append_values(out, field, values);
	}
	json_object_end(out);
}

/* "a=1; b=2", in one header or several. */
static void append_cookies(struct buffer *out, const struct http_request *request)
{
	const struct http_fields *headers = &request->headers;
	const struct http_field *field = NULL;

	for (size_t i = 0; i < headers->count && !field; i++)
		if (is_cookie(&headers->items[i]))
			field = &headers->items[i];
	if (!field)
		return;
	json_array_open(out, "cookies");
	for (; field; field = field->next) {
		const char *at = field->value;

		for (at += strspn(at, "; "); *at; at += strspn(at, "; ")) {
			size_t length = strcspn(at, ";"), whole = length;

			while (length > 0 && at[length - 1] == ' ')
				length--;
			append_text(out, at, length);
			at += whole;
		}
	}
	json_array_end(out);
}

static void append_arguments(struct buffer *out, const char *member,
                             const struct http_fields *arguments, enum values values)
{
	json_object_open(out, member);
	for (size_t i = 0; i < arguments->count; i++) {
		const struct http_field *field = &arguments->items[i];

		if (field->is_repeated)
			continue;
		json_object_name(out, field->name, field->name_length);
		append_values(out, field, values);
	}
	json_object_end(out);
}

/* ---- the body ---- */

static bool is_text_type(const char *type, bool takes_suffixes)
{
	static const char *const types[] = { "application/json", "application/javascript",
		                             "application/xml" };
	size_t length = type ? strcspn(type, "; \t") : 0;

	if (length >= 5 && strncasecmp(type, "text/", 5) == 0)
		return true;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (length == strlen(types[i]) && strncasecmp(type, types[i], length) == 0)
			return true;
	return takes_suffixes && ((length > 5 && strncasecmp(type + length - 5, "+json", 5) == 0) ||
	                          (length > 4 && strncasecmp(type + length - 4, "+xml", 4) == 0));
}

static bool is_binary(const struct http_request *request)
{
	enum http_format format = request->site->format;
	const char *encoding = request->content_encoding;

	if (request->body_length == 0)
		return false;
	if (format == HTTP_FORMAT_REST_API)
		return http_site_is_binary(request->site, request->content_type);
	return (encoding && strcasecmp(encoding, "identity") != 0) ||
	       !is_text_type(request->content_type, format != HTTP_FORMAT_ALB) ||
	       !utf8_is_valid(request->body, request->body_length);
}

static void append_body(struct buffer *out, const struct http_request *request)
{
	bool is_base64 = is_binary(request);

	buffer_reserve(out, request->body_length / 3 * (is_base64 ? 4 : 3) + 64);
	json_object_name(out, "body", 4);
	json_text_open(out);
	if (is_base64)
		base64_encode(out, request->body, request->body_length);
	else
		json_text_add(out, request->body, request->body_length);
	json_text_close(out);
	json_object_bool(out, "isBase64Encoded", is_base64);
}

/* ---- what all contexts have ---- */

/* "12/Mar/2020:19:03:58 +0000" */
static void append_time(struct buffer *out, const char *member, const struct http_request *request)
{
	time_t seconds = (time_t)(request->wall_ns / CLOCK_NS_PER_S);
	struct tm utc;
	char text[64];

	gmtime_r(&seconds, &utc);
	strftime(text, sizeof(text), "%d/%b/%Y:%H:%M:%S +0000", &utc);
	json_object_text(out, member, text);
}

static void append_epoch(struct buffer *out, const char *member, const struct http_request *request)
{
	json_object_number(out, member, request->wall_ns / CLOCK_NS_PER_MS);
}

static void append_domain(struct buffer *out, const struct http_site *site)
{
	json_object_name(out, "domainName", 10);
	json_text_open(out);
	http_site_append_domain(out, site);
	json_text_close(out);
}

/* What stands below the site's route, behind its '/'; NULL: nothing does. */
static const char *path_below(const struct http_request *request)
{
	const char *rest = request->path + strlen(request->site->route);

	return rest[0] == '/' && rest[1] != '\0' ? rest + 1 : NULL;
}

/* "/orders/{proxy+}" */
static void append_route(struct buffer *out, const struct http_request *request)
{
	const char *route = request->site->route, *below = path_below(request);

	json_text_add(out, route, strlen(route));
	buffer_append_text(out, below ? "/{proxy+}" : *route ? "" : "/");
}

static void append_path_parameters(struct buffer *out, const char *below)
{
	autobuffer struct buffer decoded = BUFFER_INIT;

	percent_append_decoded(&decoded, below, strlen(below), false);
	json_object_open(out, "pathParameters");
	json_object_bytes(out, "proxy", decoded.data, decoded.length);
	json_object_end(out);
}

/* ---- payload 2.0 ---- */

/* All of a URL's paths are its function's, and below a route they are as without it. */
static const char *path_of_url(const struct http_request *request)
{
	const char *path = request->path + strlen(request->site->route);

	return request->site->format != HTTP_FORMAT_URL ? request->path : *path ? path : "/";
}

static void append_route_key(struct buffer *out, const struct http_request *request)
{
	json_object_name(out, "routeKey", 8);
	json_text_open(out);
	if (request->site->format == HTTP_FORMAT_URL || !*request->site->route) {
		buffer_append_text(out, "$default");
	} else {
		buffer_append_text(out, "ANY ");
		append_route(out, request);
	}
	json_text_close(out);
}

static void append_context_2_0(struct buffer *out, const struct http_request *request)
{
	const struct http_site *site = request->site;
	bool is_url = site->format == HTTP_FORMAT_URL;

	json_object_open(out, "requestContext");
	json_object_text(out, "accountId", is_url ? "anonymous" : site->account_id);
	json_object_text(out, "apiId", site->id);
	append_domain(out, site);
	json_object_text(out, "domainPrefix", site->id);
	json_object_open(out, "http");
	json_object_text(out, "method", request->method);
	json_object_text(out, "path", path_of_url(request));
	json_object_text(out, "protocol", "HTTP/1.1");
	json_object_text(out, "sourceIp", request->source_ip);
	json_object_text(out, "userAgent", request->user_agent ? request->user_agent : "");
	json_object_end(out);
	json_object_text(out, "requestId", request->request_id);
	append_route_key(out, request);
	json_object_text(out, "stage", "$default");
	append_time(out, "time", request);
	append_epoch(out, "timeEpoch", request);
	json_object_end(out);
}

static void append_2_0(struct buffer *out, const struct http_request *request,
                       const struct http_fields *arguments)
{
	const char *below = path_below(request);

	json_object_text(out, "version", "2.0");
	append_route_key(out, request);
	json_object_text(out, "rawPath", path_of_url(request));
	json_object_text(out, "rawQueryString", request->query);
	append_cookies(out, request);
	append_headers(out, "headers", request, VALUES_JOINED);
	if (arguments->count > 0)
		append_arguments(out, "queryStringParameters", arguments, VALUES_JOINED);
	append_context_2_0(out, request);
	if (request->site->format == HTTP_FORMAT_HTTP_API && *request->site->route && below)
		append_path_parameters(out, below);
	if (request->body_length > 0)
		append_body(out, request);
	else
		json_object_bool(out, "isBase64Encoded", false);
}

/* ---- payload 1.0 ---- */

/* Nobody has proved to be anybody. */
static void append_identity(struct buffer *out, const struct http_request *request)
{
	json_object_open(out, "identity");
	json_object_null(out, "cognitoIdentityPoolId");
	json_object_null(out, "accountId");
	json_object_null(out, "cognitoIdentityId");
	json_object_null(out, "caller");
	json_object_text(out, "sourceIp", request->source_ip);
	json_object_null(out, "principalOrgId");
	json_object_null(out, "accessKey");
	json_object_null(out, "cognitoAuthenticationType");
	json_object_null(out, "cognitoAuthenticationProvider");
	json_object_null(out, "userArn");
	json_object_text_or_null(out, "userAgent", request->user_agent);
	json_object_null(out, "user");
	json_object_end(out);
}

static void append_resource(struct buffer *out, const char *member,
                            const struct http_request *request)
{
	json_object_name(out, member, strlen(member));
	json_text_open(out);
	append_route(out, request);
	json_text_close(out);
}

static void append_name(struct buffer *out, const char *member, const struct http_request *request)
{
	char name[7];

	http_site_name(name, 6, http_site_seed(request->site, member));
	json_object_text(out, member, name);
}

/* "JKJaXmPLvHcESHA=" */
void http_event_append_gateway_id(struct buffer *out, const char *request_id)
{
	base64_encode(out, request_id, strnlen(request_id, 11));
}

static void append_extended_id(struct buffer *out, const struct http_request *request)
{
	json_object_name(out, "extendedRequestId", 17);
	json_text_open(out);
	http_event_append_gateway_id(out, request->request_id);
	json_text_close(out);
}

static void append_context_1_0(struct buffer *out, const struct http_request *request)
{
	const struct http_site *site = request->site;

	json_object_open(out, "requestContext");
	append_name(out, "resourceId", request);
	append_resource(out, "resourcePath", request);
	json_object_text(out, "httpMethod", request->method);
	append_extended_id(out, request);
	append_time(out, "requestTime", request);
	json_object_name(out, "path", 4);
	json_text_open(out);
	buffer_append_text(out, "/" HTTP_STAGE);
	json_text_add(out, request->path, strlen(request->path));
	json_text_close(out);
	json_object_text(out, "accountId", site->account_id);
	json_object_text(out, "protocol", "HTTP/1.1");
	json_object_text(out, "stage", HTTP_STAGE);
	json_object_text(out, "domainPrefix", site->id);
	append_epoch(out, "requestTimeEpoch", request);
	json_object_text(out, "requestId", request->request_id);
	append_identity(out, request);
	append_domain(out, site);
	append_name(out, "deploymentId", request);
	json_object_text(out, "apiId", site->id);
	json_object_end(out);
}

static void append_query_1_0(struct buffer *out, const struct http_fields *arguments)
{
	if (arguments->count == 0) {
		json_object_null(out, "queryStringParameters");
		json_object_null(out, "multiValueQueryStringParameters");
		return;
	}
	append_arguments(out, "queryStringParameters", arguments, VALUES_LAST);
	append_arguments(out, "multiValueQueryStringParameters", arguments, VALUES_ALL);
}

static void append_1_0(struct buffer *out, const struct http_request *request,
                       const struct http_fields *arguments)
{
	const char *below = path_below(request);

	append_resource(out, "resource", request);
	json_object_text(out, "path", request->path);
	json_object_text(out, "httpMethod", request->method);
	append_headers(out, "headers", request, VALUES_LAST);
	append_headers(out, "multiValueHeaders", request, VALUES_ALL);
	append_query_1_0(out, arguments);
	if (below)
		append_path_parameters(out, below);
	else
		json_object_null(out, "pathParameters");
	json_object_null(out, "stageVariables");
	append_context_1_0(out, request);
	if (request->body_length > 0) {
		append_body(out, request);
	} else {
		json_object_null(out, "body");
		json_object_bool(out, "isBase64Encoded", false);
	}
}

/* ---- the load balancer's ---- */

/* Names of target groups have 32 characters at most. */
static void append_target_group(struct buffer *out, const struct http_site *site)
{
	json_object_name(out, "targetGroupArn", 14);
	json_text_open(out);
	buffer_append_format(out, "arn:%s:elasticloadbalancing:%s:%s:targetgroup/%.32s/%016" PRIx64,
	                     arn_partition(site->region), site->region, site->account_id,
	                     site->function_name, http_site_seed(site, "targetgroup"));
	json_text_close(out);
}

static void append_alb(struct buffer *out, const struct http_request *request,
                       const struct http_fields *arguments)
{
	bool is_multi = request->site->is_multi_value;
	enum values values = is_multi ? VALUES_ALL : VALUES_LAST;

	json_object_open(out, "requestContext");
	json_object_open(out, "elb");
	append_target_group(out, request->site);
	json_object_end(out);
	json_object_end(out);
	json_object_text(out, "httpMethod", request->method);
	json_object_text(out, "path", request->path);
	append_arguments(out,
	                 is_multi ? "multiValueQueryStringParameters" : "queryStringParameters",
	                 arguments, values);
	append_headers(out, is_multi ? "multiValueHeaders" : "headers", request, values);
	append_body(out, request);
}

void http_event_append(struct buffer *out, struct http_request *request)
{
	autobuffer struct buffer storage = BUFFER_INIT;
	struct http_fields arguments;

	http_fields_init(&arguments);
	http_fields_add_query(&arguments, request->query, request->site->format != HTTP_FORMAT_ALB);
	http_fields_group(&arguments, false);
	add_own_headers(request, &storage);
	http_fields_group(&request->headers, true);
	json_object_begin(out);
	switch (request->site->format) {
	case HTTP_FORMAT_URL:
	case HTTP_FORMAT_HTTP_API:
		append_2_0(out, request, &arguments);
		break;
	case HTTP_FORMAT_REST_API:
		append_1_0(out, request, &arguments);
		break;
	case HTTP_FORMAT_ALB:
		append_alb(out, request, &arguments);
		break;
	}
	json_object_end(out);
	http_fields_finish(&arguments);
}
