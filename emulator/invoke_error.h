/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invoke_error - the errors of the Invoke API, as replies.
 *
 * Those of the API itself; what the function does wrong is an answer. Whether the text is the
 * member "message" or "Message" depends on the error, and some SDKs look. Source: spec
 * invoke-api.md §1.
 */
#ifndef EMULATOR_INVOKE_ERROR_H
#define EMULATOR_INVOKE_ERROR_H

#include "emulator/http_server.h"

/* 'name' is the exception, 'message_name' the member that 'message' is put in. */
void invoke_error_reply(struct http_exchange *exchange, unsigned status, const char *name,
                        const char *message_name, const char *message);

/* For a path that is no route. Those of AWS's APIs begin with a date, and their clients want an
 * error that they can read; others get what Lambda's servers say. */
void invoke_error_unknown(struct http_exchange *exchange);

/* InvalidParameterValueException and InvalidRequestContentException. */
void invoke_error_parameter(struct http_exchange *exchange, const char *message);
void invoke_error_content(struct http_exchange *exchange, const char *message);

/* What Lambda's API layer says of a value that its model does not allow. */
void invoke_error_validation(struct http_exchange *exchange, const char *value, const char *member,
                             const char *constraint);

/* TooManyRequestsException, for want of what 'reason' says. 'retry_after_s' is for the header of
 * that name; 0: nobody knows. */
void invoke_error_throttled(struct http_exchange *exchange, const char *reason,
                            unsigned retry_after_s);

#endif
