/* SPDX-License-Identifier: Apache-2.0 */
/* http_response - the reader of responses, which an extension sends: the same whole and in pieces
 */
#include "emulator/http_response.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t take(struct http_response *response, const char *data, size_t size, size_t step)
{
	size_t used = 0;

	http_response_begin(response);
	while (used < size && response->state == HTTP_RESPONSE_UNFINISHED)
		used += http_response_take(response, data + used,
		                           step < size - used ? step : size - used);
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_response whole, pieces;
	size_t used = take(&whole, (const char *)data, size, size);

	if (used > size || used != take(&pieces, (const char *)data, size, 1))
		abort();
	if (whole.state != pieces.state || whole.status != pieces.status)
		abort();
	if (whole.state == HTTP_RESPONSE_UNFINISHED && used != size)
		abort();
	http_response_end(&whole);
	if (whole.state == HTTP_RESPONSE_UNFINISHED ||
	    (whole.state == HTTP_RESPONSE_BAD && !whole.defect) ||
	    (whole.state == HTTP_RESPONSE_COMPLETE && (whole.status < 200 || whole.status > 599)))
		abort();
	return 0;
}
