/* SPDX-License-Identifier: Apache-2.0 */
/* invoke_request - what a request to invoke a function asks for, checked */
#include "emulator/invoke_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/arn.h"
#include "emulator/base64.h"
#include "emulator/invoke_error.h"
#include "emulator/json_check.h"
#include "emulator/quota.h"

/* Quotas and patterns: spec invoke-api.md §1. */
#define CLIENT_CONTEXT_LIMIT 3583
#define TENANT_ID_LIMIT 256

/* From where to where. */
struct taking {
	struct http_exchange *exchange;
	const struct functions *functions;
	struct invoke_request *request;
	struct invocation *invocation;
	struct function_name name;
	const char *qualifier; /* of the name, or beside it; NULL: none */
};

static void reply_unknown_function(const struct taking *taking)
{
	const struct function_name *name = &taking->name;
	const struct config *config = functions_at(taking->functions, 0)->config;
	autobuffer struct buffer message = BUFFER_INIT;

	buffer_append_text(&message, "Function not found: ");
	arn_append(&message, config->region, *name->account ? name->account : config->account_id,
	           name->name, taking->qualifier ? taking->qualifier : "$LATEST");
	invoke_error_reply(taking->exchange, 404, "ResourceNotFoundException", "Message",
	                   message.data);
}

static void reply_other_region(const struct taking *taking, const char *region, const char *ours)
{
	autobuffer struct buffer message = BUFFER_INIT;

	buffer_append_format(&message,
	                     "Functions from '%s' are not reachable in this region ('%s')", region,
	                     ours);
	invoke_error_reply(taking->exchange, 404, "ResourceNotFoundException", "Message",
	                   message.data);
}

/* Where no file names functions, all that a caller names is here. */
static bool is_here(const struct taking *taking, const struct served_function *served)
{
	const struct function_name *name = &taking->name;
	const struct config *config = (served ? served : functions_at(taking->functions, 0))
	                                      ->config;

	if (config->file && *name->region && strcmp(name->region, config->region) != 0) {
		reply_other_region(taking, name->region, config->region);
		return false;
	}
	if (served &&
	    (!config->file || !*name->account || strcmp(name->account, config->account_id) == 0))
		return true;
	reply_unknown_function(taking);
	return false;
}

/* Who is called, and by what name. */
static bool take_function(struct taking *taking)
{
	struct served_function *served = functions_find(taking->functions, taking->name.name);
	autobuffer struct buffer arn = BUFFER_INIT;

	if (!is_here(taking, served))
		return false;
	taking->request->served = served;
	invocation_prepare(taking->invocation, served->config);
	if (!taking->qualifier)
		return true;
	arn_append(&arn, served->config->region, served->config->account_id, served->name,
	           taking->qualifier);
	free(taking->invocation->function_arn);
	taking->invocation->function_arn = buffer_steal(&arn, NULL);
	return true;
}

/* One that could not be decoded is told as it was sent. */
static void refuse_name(const struct taking *taking, const char *constraint)
{
	static const char before[] = "/functions/";
	const char *sent = strstr(http_exchange_path(taking->exchange), before);
	char text[sizeof(taking->request->name)] = "";

	if (sent)
		snprintf(text, sizeof(text), "%.*s", (int)strcspn(sent + sizeof(before) - 1, "/"),
		         sent + sizeof(before) - 1);
	invoke_error_validation(taking->exchange,
	                        *taking->request->name ? taking->request->name : text,
	                        "functionName", constraint);
}

/* The name of the path and the Qualifier argument must be well formed and agree. */
static bool take_name(struct taking *taking)
{
	static const char pattern[] =
		"Member must satisfy regular expression pattern: "
		"(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?"
		"(\\d{12}:)?(function:)?([a-zA-Z0-9-_\\.]+)"
		"(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?";
	const char *argument = http_exchange_query(taking->exchange, "Qualifier");
	struct function_name *name = &taking->name;

	if (!function_name_parse(taking->request->name, name)) {
		refuse_name(taking, pattern);
		return false;
	}
	if (argument && !qualifier_is_valid(argument)) {
		invoke_error_validation(taking->exchange, argument, "qualifier",
		                        "Member must satisfy regular expression pattern: "
		                        "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+");
		return false;
	}
	if (argument && *name->qualifier && strcmp(argument, name->qualifier) != 0) {
		invoke_error_parameter(taking->exchange,
		                       "The derived qualifier from the function name does not "
		                       "match the specified qualifier.");
		return false;
	}
	taking->qualifier = *name->qualifier ? name->qualifier : argument;
	return true;
}

static bool take_type(struct taking *taking)
{
	static const char types[] = "Member must satisfy enum value set: "
				    "[Event, RequestResponse, DryRun]";
	static const char stream_types[] = "Member must satisfy enum value set: "
					   "[RequestResponse, DryRun]";
	const char *type = http_exchange_header(taking->exchange, "X-Amz-Invocation-Type");
	const char *log = http_exchange_header(taking->exchange, "X-Amz-Log-Type");

	if (type && strcmp(type, "DryRun") == 0) {
		taking->request->is_dry_run = true;
	} else if (type && strcmp(type, "Event") == 0 && !taking->request->is_stream) {
		taking->request->is_event = true;
	} else if (type && *type && strcmp(type, "RequestResponse") != 0) {
		invoke_error_validation(taking->exchange, type, "invocationType",
		                        taking->request->is_stream ? stream_types : types);
		return false;
	}
	if (log && strcmp(log, "Tail") == 0) {
		taking->request->wants_log = true;
	} else if (log && *log && strcmp(log, "None") != 0) {
		invoke_error_validation(taking->exchange, log, "logType",
		                        "Member must satisfy enum value set: [None, Tail]");
		return false;
	}
	return true;
}

/* JSON may hold line breaks between its tokens, and DEL in a string; a header may not. */
static char *context_as_header(const char *json)
{
	struct buffer header = BUFFER_INIT;

	for (; *json; json++) {
		if (*json == 0x7f)
			buffer_append_text(&header, "\\u007f");
		else
			buffer_append(&header, strchr("\n\r\t", *json) ? " " : json, 1);
	}
	return buffer_steal(&header, NULL);
}

static bool take_client_context(struct taking *taking)
{
	const char *encoded = http_exchange_header(taking->exchange, "X-Amz-Client-Context");
	autobuffer struct buffer text = BUFFER_INIT;
	autobuffer struct buffer reason = BUFFER_INIT;

	if (!encoded || !*encoded)
		return true;
	if (strlen(encoded) > CLIENT_CONTEXT_LIMIT) {
		invoke_error_validation(taking->exchange, encoded, "clientContext",
		                        "Member must have length less than or equal to 3583");
		return false;
	}
	if (!base64_decode(&text, encoded, strlen(encoded)) ||
	    text.data[strspn(text.data, " \t\r\n")] != '{' ||
	    !json_check(text.data, text.length, &reason)) {
		invoke_error_content(taking->exchange,
		                     "Client context must be a valid Base64-encoded JSON object.");
		return false;
	}
	taking->invocation->client_context = context_as_header(text.data);
	return true;
}

static bool take_tenant_id(struct taking *taking)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._:/=+-@ ";
	const char *tenant = http_exchange_header(taking->exchange, "X-Amz-Tenant-Id");

	if (!tenant)
		return true;
	if (!*tenant || strlen(tenant) > TENANT_ID_LIMIT || tenant[strspn(tenant, allowed)]) {
		invoke_error_validation(taking->exchange, tenant, "tenantId",
		                        "Member must satisfy regular expression pattern: "
		                        "[a-zA-Z0-9\\._:\\/=+\\-@ ]+");
		return false;
	}
	taking->invocation->tenant_id = xstrdup(tenant);
	return true;
}

/* Each answer names a request, also one that refuses the id that was given. */
static bool take_request_id(struct taking *taking)
{
	const char *given = http_exchange_header(taking->exchange, "x-amzn-RequestId");
	char *id = taking->invocation->request_id;
	bool is_fine = !given || uuid_is_valid(given);

	for (size_t i = 0; given && is_fine && i < UUID_SIZE - 1; i++)
		id[i] = given[i] >= 'A' && given[i] <= 'F' ? (char)(given[i] | 0x20) : given[i];
	http_exchange_add_header(taking->exchange, "X-Amzn-RequestId", id);
	if (!is_fine)
		invoke_error_content(taking->exchange, "The request id must be a UUID.");
	return is_fine;
}

/* The caller's root is kept; a tracing header without its other parts gets them. */
static void take_trace_header(struct taking *taking)
{
	const char *trace = http_exchange_header(taking->exchange, "X-Amzn-Trace-Id");

	if (trace)
		invocation_take_trace(taking->invocation, taking->request->served->config, trace);
}

static void reply_too_large(const struct taking *taking)
{
	char message[100];

	snprintf(message, sizeof(message),
	         "Request must be smaller than %d bytes for the InvokeFunction operation",
	         QUOTA_EVENT);
	invoke_error_reply(taking->exchange, 413, "RequestEntityTooLargeException", "message",
	                   message);
}

static void reply_event_too_large(const struct taking *taking, size_t length)
{
	char message[120];

	snprintf(message, sizeof(message),
	         "%zu byte payload is too large for the Event invocation type (limit %d bytes)",
	         length, QUOTA_QUEUED_EVENT);
	invoke_error_reply(taking->exchange, 413, "RequestEntityTooLargeException", "message",
	                   message);
}

/* RIE hands on any bytes; Lambda refuses what is not JSON and makes {} of nothing. */
static bool take_event(struct taking *taking)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	if (http_exchange_body_state(taking->exchange) == HTTP_BODY_TOO_LARGE) {
		reply_too_large(taking);
		return false;
	}
	http_exchange_take_body(taking->exchange, &taking->invocation->event);
	if (taking->request->is_event && taking->invocation->event.length > QUOTA_QUEUED_EVENT) {
		reply_event_too_large(taking, taking->invocation->event.length);
		return false;
	}
	if (taking->request->served->config->rie)
		return true;
	if (taking->invocation->event.length == 0) {
		buffer_append_text(&taking->invocation->event, "{}");
	} else if (!json_check(taking->invocation->event.data, taking->invocation->event.length,
	                       &reason)) {
		invoke_error_content(taking->exchange, reason.data);
		return false;
	}
	return true;
}

bool invoke_request_take(struct invoke_request *request, struct http_exchange *exchange,
                         const struct functions *functions, struct invocation *invocation)
{
	struct taking taking = { .exchange = exchange,
		                 .functions = functions,
		                 .request = request,
		                 .invocation = invocation };

	if (!take_request_id(&taking) || !take_name(&taking) || !take_type(&taking) ||
	    !take_client_context(&taking) || !take_tenant_id(&taking) || !take_function(&taking))
		return false;
	take_trace_header(&taking);
	return take_event(&taking);
}
