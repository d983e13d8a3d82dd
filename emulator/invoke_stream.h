/* SPDX-License-Identifier: Apache-2.0 */
/*
 * invoke_stream - how InvokeWithResponseStream answers: an event stream, as the function goes on.
 *
 * Function errors are neither a status nor a header of it: they are in its last
 * message. Source: spec invoke-api.md §2.
 */
#ifndef EMULATOR_INVOKE_STREAM_H
#define EMULATOR_INVOKE_STREAM_H

#include "emulator/http_server.h"
#include "emulator/log_tail.h"

/* Begins the reply of a kept exchange. */
void invoke_stream_begin(struct http_exchange *exchange, const char *version);

/* What the function wrote. Returns whether there is room for more (http_exchange_write()). */
bool invoke_stream_write(struct http_exchange *exchange, const char *data, size_t length);

/* Ends it. 'error' is NULL when all went well; 'tail' unless the caller wants the log. */
void invoke_stream_end(struct http_exchange *exchange, const struct buffer *error,
                       const struct log_tail *tail);

#endif
