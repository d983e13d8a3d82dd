/* SPDX-License-Identifier: Apache-2.0 */
/* invocation - one event on its way through the function */
#include "emulator/invocation.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/arn.h"

struct invocation *invocation_create(const struct invocation_ops *ops)
{
	struct invocation *invocation = xcalloc(1, sizeof(*invocation));

	invocation->ops = ops;
	invocation->references = 1;
	buffer_init(&invocation->event);
	uuid_make(invocation->request_id);
	return invocation;
}

void invocation_prepare(struct invocation *invocation, const struct config *config)
{
	autobuffer struct buffer arn = BUFFER_INIT;
	char trace[TRACE_HEADER_SIZE];

	trace_header_make(trace);
	if (config->xray)
		memcpy(trace + strlen(trace) - 1, "1", 1); /* Sampled */
	invocation->trace_header = xstrdup(trace);
	arn_append(&arn, config->region, config->account_id, config->function_name, NULL);
	invocation->function_arn = buffer_steal(&arn, NULL);
}

struct invocation *invocation_make(const struct config *config, const struct invocation_ops *ops)
{
	struct invocation *invocation = invocation_create(ops);

	invocation_prepare(invocation, config);
	return invocation;
}

/* A header that a caller may send; beyond that it is not taken. */
#define TRACE_HEADER_LIMIT 1024

void invocation_take_trace(struct invocation *invocation, const struct config *config,
                           const char *given)
{
	char header[TRACE_HEADER_LIMIT];

	if (config->xray
	            ? !trace_header_descend(given, header, sizeof(header), invocation->trace_caller)
	            : !trace_header_complete(given, header, sizeof(header)))
		return;
	free(invocation->trace_header);
	invocation->trace_header = xstrdup(header);
}

struct invocation *invocation_repeat(const struct invocation *invocation,
                                     const struct invocation_ops *ops)
{
	struct invocation *again = invocation_create(ops);

	memcpy(again->request_id, invocation->request_id, sizeof(again->request_id));
	memcpy(again->trace_caller, invocation->trace_caller, sizeof(again->trace_caller));
	buffer_append(&again->event, invocation->event.data, invocation->event.length);
	again->function_arn = xstrdup_if(invocation->function_arn);
	again->trace_header = xstrdup_if(invocation->trace_header);
	again->client_context = xstrdup_if(invocation->client_context);
	again->cognito_identity = xstrdup_if(invocation->cognito_identity);
	again->tenant_id = xstrdup_if(invocation->tenant_id);
	again->is_unattended = invocation->is_unattended;
	return again;
}

struct invocation *invocation_ref(struct invocation *invocation)
{
	invocation->references++;
	return invocation;
}

void invocation_unref(struct invocation *invocation)
{
	if (!invocation || --invocation->references)
		return;
	response_stream_destroy(invocation->stream);
	buffer_finish(&invocation->event);
	free(invocation->function_arn);
	free(invocation->trace_header);
	free(invocation->client_context);
	free(invocation->cognito_identity);
	free(invocation->tenant_id);
	free(invocation);
}

bool invocation_takes_pieces(const struct invocation *invocation)
{
	return invocation->ops->on_chunk != NULL;
}

void invocation_pause(struct invocation *invocation)
{
	if (invocation->stream)
		response_stream_set_full(invocation->stream, true);
}

void invocation_resume(struct invocation *invocation)
{
	if (invocation->stream)
		response_stream_set_full(invocation->stream, false);
}

static void tell_head(struct invocation *invocation, const char *content_type)
{
	const struct response_stream *stream = invocation->stream;
	struct response_head head = {
		.content_type = stream ? stream->content_type : content_type,
		.is_streamed = stream != NULL,
	};

	if (invocation->has_head)
		return;
	invocation->has_head = true;
	invocation->ops->on_response_head(invocation, &head);
}

void invocation_pass(struct invocation *invocation, const char *data, size_t length)
{
	tell_head(invocation, NULL);
	if (length > 0)
		invocation->ops->on_chunk(invocation, data, length);
}

/* All that is left of a result. */
static void pass_rest(struct invocation *invocation, struct answer *answer)
{
	tell_head(invocation, answer->content_type);
	if (answer->body.length > 0)
		invocation->ops->on_chunk(invocation, answer->body.data, answer->body.length);
	buffer_clear(&answer->body);
}

void invocation_answer(struct invocation *invocation, struct answer *answer)
{
	if (!invocation->is_answered) {
		if (!answer->is_error && invocation_takes_pieces(invocation))
			pass_rest(invocation, answer);
		account_leave(&invocation->account);
		invocation->is_answered = true;
		invocation->is_error = answer->is_error;
		if (invocation->stream)
			response_stream_end(invocation->stream);
		invocation->ops->on_answered(invocation, answer);
	}
	buffer_finish(&answer->body);
}

void invocation_answer_fault(struct invocation *invocation, const struct fault *fault)
{
	struct answer answer = { .body = BUFFER_INIT, .is_error = true, .fault = fault };

	assert(fault->status != FAULT_NONE);
	fault_body(&answer.body, fault, invocation->request_id);
	invocation_answer(invocation, &answer);
}
