/* SPDX-License-Identifier: Apache-2.0 */
/* invoke_error - the errors of the Invoke API, as replies */
#include "emulator/invoke_error.h"

#include <stdio.h>

#include "emulator/buffer.h"
#include "emulator/front.h"
#include "emulator/json.h"

void invoke_error_reply(struct http_exchange *exchange, unsigned status, const char *name,
                        const char *message_name, const char *message)
{
	struct buffer body = BUFFER_INIT;

	json_object_begin(&body);
	json_object_text(&body, "Type", status < 500 ? "User" : "Service");
	json_object_text(&body, message_name, message);
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-ErrorType", name);
	http_exchange_reply(exchange, status, &body);
}

/* "/2015-03-31/functions" is of an API of AWS. */
static bool begins_with_date(const char *path)
{
	for (const char *form = "/0000-00-00/"; *form; form++, path++)
		if (*form == '0' ? *path < '0' || *path > '9' : *path != *form)
			return false;
	return true;
}

void invoke_error_unknown(struct http_exchange *exchange)
{
	char message[300];

	if (!begins_with_date(http_exchange_path(exchange))) {
		front_reply_unknown(exchange);
		return;
	}
	snprintf(message, sizeof(message),
	         "lrie knows of Invoke and InvokeWithResponseStream only, not of %.16s %.160s",
	         http_exchange_method(exchange), http_exchange_path(exchange));
	invoke_error_reply(exchange, 404, "UnknownOperationException", "Message", message);
}

void invoke_error_parameter(struct http_exchange *exchange, const char *message)
{
	invoke_error_reply(exchange, 400, "InvalidParameterValueException", "message", message);
}

void invoke_error_content(struct http_exchange *exchange, const char *message)
{
	invoke_error_reply(exchange, 400, "InvalidRequestContentException", "message", message);
}

/* What Lambda's API layer says of a value that its model does not allow. */
void invoke_error_validation(struct http_exchange *exchange, const char *value, const char *member,
                             const char *constraint)
{
	struct buffer body = BUFFER_INIT;
	autobuffer struct buffer message = BUFFER_INIT;

	buffer_append_format(&message,
	                     "1 validation error detected: Value '%.300s' at '%s' failed to "
	                     "satisfy constraint: %s",
	                     value, member, constraint);
	json_object_begin(&body);
	json_object_text(&body, "message", message.data);
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-ErrorType", "ValidationException");
	http_exchange_reply(exchange, 400, &body);
}

void invoke_error_throttled(struct http_exchange *exchange, const char *reason,
                            unsigned retry_after_s)
{
	struct buffer body = BUFFER_INIT;
	char seconds[16];

	json_object_begin(&body);
	json_object_text(&body, "Reason", reason);
	json_object_text(&body, "Type", "User");
	json_object_text(&body, "message", "Rate Exceeded.");
	json_object_end(&body);
	http_exchange_add_header(exchange, "Content-Type", "application/json");
	http_exchange_add_header(exchange, "x-amzn-ErrorType", "TooManyRequestsException");
	if (retry_after_s > 0) {
		snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
		http_exchange_add_header(exchange, "Retry-After", seconds);
	}
	http_exchange_reply(exchange, 429, &body);
}
