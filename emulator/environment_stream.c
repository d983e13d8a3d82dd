/* SPDX-License-Identifier: Apache-2.0 */
/* environment_stream - answers that the runtime makes bit by bit, and those that break off */
#include "emulator/clock.h"
#include "emulator/environment_private.h"

/* Who crashes breaks off what it sends, too, and its end is heard of a moment later: once more than
 * 100 ms, on a busy machine. */
#define BREAK_GRACE_NS (500 * CLOCK_NS_PER_MS)

void environment_runtime_stream(struct environment *env, struct invocation *invocation,
                                struct response_source *source, const char *content_type)
{
	const struct environment_context *context = env->context;
	bool is_slow = context->config->stream_bandwidth == CONFIG_BANDWIDTH_AWS;

	response_stream_create(invocation, context->loop, source, content_type,
	                       is_slow ? RESPONSE_STREAM_RATE : 0);
}

bool environment_runtime_piece(struct invocation *invocation, const char *data, size_t length)
{
	if (!response_stream_pass(invocation->stream, data, length))
		return false;
	invocation->produced_bytes = invocation->stream->length;
	return true;
}

static void answer_broken(struct slot *slot)
{
	struct fault fault = slot->unusable;

	loop_timer_stop(&slot->broken);
	environment_runtime_answer_fault(slot->env, invocation_ref(slot->invocation), &fault,
	                                 false);
}

void slot_on_broken(struct loop_timer *timer)
{
	answer_broken(container_of(timer, struct slot, broken));
}

void environment_runtime_break_off(struct environment *env, struct invocation *invocation,
                                   const struct fault *fault)
{
	struct slot *slot = environment_find_slot_of(env, invocation);

	invocation_unref(invocation);
	if (!slot)
		return;
	slot->state = RUNTIME_RESPONSE_SENT;
	slot->unusable = *fault;
	loop_timer_start(env->context->loop, &slot->broken, clock_now() + BREAK_GRACE_NS);
}

void slot_settle_broken(struct slot *slot)
{
	if (slot->broken.loop)
		answer_broken(slot);
}
