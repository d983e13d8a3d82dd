/* SPDX-License-Identifier: Apache-2.0 */
/* arn - the reader of function names, which are a part of a request's path */
#include "emulator/arn.h"
#include "emulator/percent.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is made of a name leads to it again. */
static void check_it_leads_back(const struct function_name *name)
{
	autobuffer struct buffer arn = BUFFER_INIT;
	struct function_name again;

	if (!*name->name || strpbrk(name->name, "/%: \r\n") ||
	    (*name->qualifier && !qualifier_is_valid(name->qualifier)))
		abort();
	arn_append(&arn, "eu-central-1", "123456789012", name->name,
	           *name->qualifier ? name->qualifier : NULL);
	buffer_append(&arn, "", 1);
	if (!function_name_parse(arn.data, &again) || strcmp(name->name, again.name) != 0 ||
	    strcmp(name->qualifier, again.qualifier) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct function_name name;

	if (!text)
		abort();
	qualifier_is_valid(text);
	if (percent_decode(text) && function_name_parse(text, &name))
		check_it_leads_back(&name);
	free(text);
	return 0;
}
