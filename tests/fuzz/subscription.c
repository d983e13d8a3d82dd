/* SPDX-License-Identifier: Apache-2.0 */
/* subscription - the reader of subscribe requests, which come from an extension */
#include "emulator/subscription.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What goes into the head of a request, and into the size of batches. */
static bool is_sound(const struct subscription *it)
{
	return it->type_count >= 1 && it->type_count <= SUBSCRIPTION_TYPE_COUNT &&
	       it->max_items >= 1000 && it->max_bytes <= 1048576 && it->timeout_ms >= 25 &&
	       it->port > 0 && it->port != 9001 && !strpbrk(it->target, " \r\n") &&
	       (it->protocol == SUBSCRIPTION_TCP || (it->target[0] == '/' && it->host[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int api = SUBSCRIPTION_LOGS; api <= SUBSCRIPTION_TELEMETRY; api++) {
		autobuffer struct buffer reasons = BUFFER_INIT;
		struct subscription it;
		bool taken = subscription_parse(&it, (enum subscription_api)api, (const char *)data,
		                                size, &reasons);

		if (taken != (reasons.length == 0) || (taken && !is_sound(&it)))
			abort();
	}
	return 0;
}
