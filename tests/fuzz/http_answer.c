/* SPDX-License-Identifier: Apache-2.0 */
/* http_answer - answers of functions, and the beginnings of their streams */
#include "emulator/http_answer.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "emulator/http_head.h"
#include "emulator/http_prelude.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What may be sent as it is: no header that breaks the response, or says where it ends. */
static void check(const struct http_answer *answer)
{
	const char *at = answer->headers.data, *end = at + answer->headers.length;

	if (answer->status < 200 || answer->status > 599)
		abort();
	while (at < end) {
		const char *value = at + strlen(at) + 1;

		if (!http_is_token(at) || !http_is_field_value(value) ||
		    strcasecmp(at, "Content-Length") == 0 || strcasecmp(at, "Connection") == 0 ||
		    strcasecmp(at, "Transfer-Encoding") == 0)
			abort();
		at = value + strlen(value) + 1;
	}
}

static void map(const struct http_site *site, const char *result, size_t size)
{
	struct http_answer answer;

	http_answer_init(&answer);
	http_answer_map(&answer, site, result, size, "image/png");
	check(&answer);
	http_answer_finish(&answer);
}

/* In pieces of that size it must be the same as whole. */
static void read_prelude(const struct http_site *site, const char *data, size_t size, size_t piece)
{
	struct http_prelude prelude;
	struct http_answer answer;
	size_t taken = 0;

	http_prelude_init(&prelude);
	for (size_t at = 0; at < size; at += piece)
		taken += http_prelude_take(&prelude, data + at,
		                           size - at < piece ? size - at : piece);
	if (taken > size || prelude.json.length > HTTP_PRELUDE_LIMIT)
		abort();
	http_answer_init(&answer);
	if (prelude.state == HTTP_PRELUDE_COMPLETE) {
		if (taken != prelude.json.length + 8)
			abort();
		http_answer_map_prelude(&answer, site, prelude.json.data, prelude.json.length);
		check(&answer);
	}
	http_answer_finish(&answer);
	http_prelude_finish(&prelude);
}

/* The first byte says which site it is, and how a stream comes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_site site;
	char *copy;

	if (size == 0)
		return 0;
	http_site_init(&site, (enum http_format)(data[0] & 3), "us-east-1", "123456789012", "f");
	site.is_multi_value = data[0] & 4;
	site.binary_types = data[0] & 8 ? "image/*" : NULL;
	copy = xmalloc(size);
	memcpy(copy, data + 1, size - 1);
	map(&site, copy, size - 1);
	read_prelude(&site, copy, size - 1, 1 + (data[0] >> 4));
	free(copy);
	return 0;
}
