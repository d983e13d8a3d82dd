/* SPDX-License-Identifier: Apache-2.0 */
/* emf - the reader of metrics in the log of a function */
#include "emulator/emf.h"

#include "sandbox/error.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What lrie writes is valid whatever the names in it are made of. */
static void check_own(const char *text, size_t size)
{
	char *name = strndup(text, size < 64 ? size : 64);
	autobuffer struct buffer line = BUFFER_INIT;
	struct emf_record record = {
		.wall_ms = 1700000000000,
		.function_name = name,
		.version = "$LATEST",
		.request_id = name,
		.duration_ns = size,
		.billed_ms = 1,
		.memory_bytes = 134217728,
		.error_type = name,
	};
	struct error reason;

	if (!name)
		abort();
	emf_append(&line, &record);
	if (*name && emf_check(line.data, line.length - 1, record.wall_ms, &reason) != EMF_VALID)
		abort();
	free(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct error reason = { 0 };
	enum emf_verdict verdict;

	emf_may_be(line, size);
	verdict = emf_check(line, size, 1700000000000, &reason);
	if (verdict > EMF_VALID && !*reason.text)
		abort();
	check_own(line, size);
	return 0;
}
