/* SPDX-License-Identifier: Apache-2.0 */
/* subscription - what an extension asks of the Telemetry API or the Logs API */
#include "emulator/subscription.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/json.h"

/* The Runtime API's own, which no extension can listen at. */
#define RESERVED_PORT 9001

static const char *const schema_names[] = {
	[SUBSCRIPTION_2020_08_15] = "2020-08-15", [SUBSCRIPTION_2021_03_18] = "2021-03-18",
	[SUBSCRIPTION_2022_07_01] = "2022-07-01", [SUBSCRIPTION_2022_12_13] = "2022-12-13",
	[SUBSCRIPTION_2025_01_29] = "2025-01-29",
};

static const struct {
	enum subscription_schema first, last;
	bool has_default; /* 'first' */
	const char *words;
} schemas[] = {
	[SUBSCRIPTION_LOGS] = { SUBSCRIPTION_2020_08_15, SUBSCRIPTION_2021_03_18, true,
	                        "2020-08-15 or 2021-03-18" },
	[SUBSCRIPTION_TELEMETRY] = { SUBSCRIPTION_2022_07_01, SUBSCRIPTION_2025_01_29, false,
	                             "2022-07-01, 2022-12-13 or 2025-01-29" },
};

static const char *const type_names[] = {
	[SUBSCRIPTION_PLATFORM] = "platform",
	[SUBSCRIPTION_FUNCTION] = "function",
	[SUBSCRIPTION_EXTENSION] = "extension",
};

/* The reference page says 1000 for the default of maxItems, the guide 10000. */
static const struct bound {
	const char *name;
	size_t field;
	unsigned least, most, otherwise;
} bounds[] = {
	{ "maxItems", offsetof(struct subscription, max_items), 1000, 10000, 10000 },
	{ "maxBytes", offsetof(struct subscription, max_bytes), 262144, 1048576, 262144 },
	{ "timeoutMs", offsetof(struct subscription, timeout_ms), 25, 30000, 1000 },
};

/* What is being read, and what was found wrong. */
struct reading {
	struct subscription *to;
	struct buffer *reasons;
	bool is_wrong;
};

/* Always returns false. */
static bool object_to(struct reading *reading, const char *format, ...) PRINTF_LIKE(2, 3);

static bool object_to(struct reading *reading, const char *format, ...)
{
	char reason[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reason, sizeof(reason), format, arguments);
	va_end(arguments);
	if (reading->is_wrong)
		buffer_append_text(reading->reasons, "; ");
	buffer_append_text(reading->reasons, reason);
	reading->is_wrong = true;
	return false;
}

/* ---- schema, types, buffering ---- */

static void read_schema(struct reading *reading, const struct json *json)
{
	enum subscription_api api = reading->to->api;
	const char *text = json_text(json);

	if (!json && schemas[api].has_default) {
		reading->to->schema = schemas[api].first;
		return;
	}
	if (!json) {
		object_to(reading, "schemaVersion is not provided");
		return;
	}
	for (unsigned schema = schemas[api].first; text && schema <= schemas[api].last; schema++) {
		if (strcmp(text, schema_names[schema]) == 0) {
			reading->to->schema = (enum subscription_schema)schema;
			return;
		}
	}
	object_to(reading, "schemaVersion should be %s", schemas[api].words);
}

static bool find_type(const char *text, enum subscription_type *type)
{
	for (unsigned i = 0; text && i < SUBSCRIPTION_TYPE_COUNT; i++) {
		if (strcmp(text, type_names[i]) == 0) {
			*type = (enum subscription_type)i;
			return true;
		}
	}
	return false;
}

static bool read_type(struct reading *reading, const struct json *json)
{
	struct subscription *to = reading->to;
	enum subscription_type type;

	if (!find_type(json_text(json), &type))
		return object_to(reading, "types should be platform, function or extension");
	if (subscription_wants(to, type))
		return object_to(reading, "types should be unique");
	to->types[to->type_count++] = type;
	return true;
}

static void read_types(struct reading *reading, const struct json *json)
{
	size_t count = json_length(json);
	bool all_well = true;

	if (count == 0)
		object_to(reading, "types should not be empty");
	/* One reason is enough, and there is no end of items. */
	for (size_t i = 0; i < count && all_well; i++)
		all_well = read_type(reading, json_item(json, i));
}

/* A whole number between 0 and 2^53, beyond which not all are. */
static bool whole_number(const struct json *json, double *value)
{
	return json_number(json, value) && *value >= 0 && *value <= 9007199254740992.0 &&
	       json_is_whole(*value);
}

static void read_bound(struct reading *reading, const struct json *json, const struct bound *bound)
{
	unsigned *field = (unsigned *)((char *)reading->to + bound->field);
	double value;

	*field = bound->otherwise;
	if (!json)
		return;
	if (!whole_number(json, &value) || value < bound->least || value > bound->most)
		object_to(reading, "%s should be between %u and %u", bound->name, bound->least,
		          bound->most);
	else
		*field = (unsigned)value;
}

static void read_buffering(struct reading *reading, const struct json *json)
{
	if (json && !json_is_object(json))
		object_to(reading, "buffering should be an object");
	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		read_bound(reading, json_member(json, bounds[i].name), &bounds[i]);
}

/* ---- destination ---- */

static void read_port(struct reading *reading, double port)
{
	if (port < 1 || port > UINT16_MAX)
		object_to(reading, "port should be between 1 and %d", UINT16_MAX);
	else if (port == RESERVED_PORT)
		object_to(reading, "port %d is reserved", RESERVED_PORT);
	else
		reading->to->port = (uint16_t)port;
}

/* What would end the request line of the POST early, or is no part of a URI that is sent. */
static bool is_target(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~' || *text == '#')
			return false;
	}
	return true;
}

static void read_target(struct reading *reading, const char *text)
{
	struct subscription *to = reading->to;
	const char *slash = *text == '/' ? "" : "/";

	if (strlen(text) + 1 >= sizeof(to->target))
		object_to(reading, "URI path should be shorter than %zu bytes",
		          sizeof(to->target) - 1);
	else if (!is_target(text))
		object_to(reading, "URI path is invalid");
	else
		snprintf(to->target, sizeof(to->target), "%s%s", slash, text);
}

static void read_host(struct reading *reading, const char *text, size_t length)
{
	static const char *const hosts[] = { SUBSCRIPTION_HOST, SUBSCRIPTION_SHORT_HOST };

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strlen(hosts[i]) == length && strncasecmp(text, hosts[i], length) == 0) {
			snprintf(reading->to->host, sizeof(reading->to->host), "%s", hosts[i]);
			return;
		}
	}
	object_to(reading, "URI host should be %s or %s", SUBSCRIPTION_HOST,
	          SUBSCRIPTION_SHORT_HOST);
}

/* "http://HOST:PORT[/path][?query]" */
static void read_uri(struct reading *reading, const char *uri)
{
	static const char scheme[] = "http://";
	const char *host, *end;
	size_t digits;

	if (strncasecmp(uri, scheme, sizeof(scheme) - 1) != 0) {
		object_to(reading, "URI scheme should be http");
		return;
	}
	host = uri + sizeof(scheme) - 1;
	end = host + strcspn(host, ":/?#");
	read_host(reading, host, (size_t)(end - host));
	digits = *end == ':' ? strspn(end + 1, "0123456789") : 0;
	if (digits == 0) {
		object_to(reading, "URI port is not provided");
		return;
	}
	read_port(reading, strtod(end + 1, NULL));
	end += 1 + digits;
	if (*end && *end != '/' && *end != '?')
		object_to(reading, "URI port is invalid");
	else
		read_target(reading, end);
}

/* The Logs API's choice of how. */
static void read_manner(struct reading *reading, const struct json *destination)
{
	const struct json *method = json_member(destination, "method");
	const struct json *encoding = json_member(destination, "encoding");
	const char *text = method ? json_text(method) : "POST";

	if (!text || (strcmp(text, "POST") != 0 && strcmp(text, "PUT") != 0))
		object_to(reading, "method should be POST or PUT");
	else
		reading->to->put = strcmp(text, "PUT") == 0;
	text = encoding ? json_text(encoding) : "JSON";
	if (!text || strcmp(text, "JSON") != 0)
		object_to(reading, "encoding should be JSON");
}

static void read_http(struct reading *reading, const struct json *destination)
{
	const char *uri = json_text(json_member(destination, "URI"));

	reading->to->protocol = SUBSCRIPTION_HTTP;
	if (uri)
		read_uri(reading, uri);
	else
		object_to(reading, "URI is not provided");
	if (reading->to->api == SUBSCRIPTION_LOGS)
		read_manner(reading, destination);
}

static void read_tcp(struct reading *reading, const struct json *destination)
{
	const struct json *json = json_member(destination, "port");
	double port;

	reading->to->protocol = SUBSCRIPTION_TCP;
	if (!json)
		object_to(reading, "port is not provided");
	else
		read_port(reading, whole_number(json, &port) ? port : 0);
}

static void read_destination(struct reading *reading, const struct json *json)
{
	const char *protocol = json_text(json_member(json, "protocol"));

	if (!json)
		object_to(reading, "destination is not provided");
	else if (protocol && strcmp(protocol, "HTTP") == 0)
		read_http(reading, json);
	else if (protocol && strcmp(protocol, "TCP") == 0)
		read_tcp(reading, json);
	else
		object_to(reading, "destination protocol should be HTTP or TCP");
}

/* ---- the whole ---- */

static void read_all(struct reading *reading, const struct json *json)
{
	/* The order of what is known of Lambda's text: a URI before the types. */
	read_destination(reading, json_member(json, "destination"));
	read_types(reading, json_member(json, "types"));
	read_buffering(reading, json_member(json, "buffering"));
	read_schema(reading, json_member(json, "schemaVersion"));
}

bool subscription_parse(struct subscription *subscription, enum subscription_api api,
                        const char *body, size_t length, struct buffer *reasons)
{
	struct reading reading = { .to = subscription, .reasons = reasons };
	struct error err;
	struct json *json = json_read(body, length, &err);

	memset(subscription, 0, sizeof(*subscription));
	subscription->api = api;
	if (json && json_is_object(json))
		read_all(&reading, json);
	else
		object_to(&reading, "the body should be a JSON object%s%s", json ? "" : ": ",
		          json ? "" : err.text);
	json_destroy(json);
	return !reading.is_wrong;
}

bool subscription_wants(const struct subscription *subscription, enum subscription_type type)
{
	for (unsigned i = 0; i < subscription->type_count; i++) {
		if (subscription->types[i] == type)
			return true;
	}
	return false;
}

const char *subscription_type_name(enum subscription_type type)
{
	return type_names[type];
}
