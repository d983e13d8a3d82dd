/* SPDX-License-Identifier: Apache-2.0 */
/* duration - the reader of lengths of time, which callers send */
#include "emulator/duration.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct error err = { .code = 0 };
	uint64_t ns;

	if (!text)
		abort();
	if (!duration_parse(text, &ns, &err) && !*err.text)
		abort();
	free(text);
	return 0;
}
