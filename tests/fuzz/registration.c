/* SPDX-License-Identifier: Apache-2.0 */
/* registration - the reader of register requests, which come from an extension */
#include "emulator/registration.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse(const char *body, size_t size, const struct registration_origin *origin)
{
	struct registration_refusal refusal = { .type = NULL };
	struct registration it;

	if (!registration_parse(&it, body, size, origin, &refusal)) {
		if (!refusal.type || !*refusal.why.text)
			abort();
		return;
	}
	if (it.count > EXTENSION_EVENT_COUNT || (it.count == 2 && it.events[0] == it.events[1]))
		abort();
	for (unsigned i = 0; i < it.count; i++) {
		if (it.events[i] == EXTENSION_SHUTDOWN && !origin->is_external)
			abort();
		if (it.events[i] == EXTENSION_INVOKE && origin->is_concurrent)
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *body = (const char *)data;
	char *features = strndup(body, size);

	if (!features)
		abort();
	for (int i = 0; i < 4; i++)
		parse(body, size, &(struct registration_origin){ i & 1, i & 2 });
	registration_accepts(features, "accountId");
	free(features);
	return 0;
}
