/* SPDX-License-Identifier: Apache-2.0 */
/* http_prelude - the JSON with which a streamed HTTP answer begins */
#include "emulator/http_prelude.h"

#include <string.h>

void http_prelude_init(struct http_prelude *prelude)
{
	*prelude = (struct http_prelude){ .state = HTTP_PRELUDE_OPEN };
	buffer_init(&prelude->json);
}

void http_prelude_finish(struct http_prelude *prelude)
{
	buffer_finish(&prelude->json);
}

/* Up to the first NUL, which no JSON text has in it. */
static size_t take_json(struct http_prelude *prelude, const char *data, size_t length)
{
	const char *nul = memchr(data, '\0', length);

	if (nul)
		length = (size_t)(nul - data);
	if (length > HTTP_PRELUDE_LIMIT - prelude->json.length)
		prelude->state = HTTP_PRELUDE_BROKEN;
	else
		buffer_append(&prelude->json, data, length);
	return length;
}

size_t http_prelude_take(struct http_prelude *prelude, const char *data, size_t length)
{
	size_t taken = 0;

	if (prelude->state != HTTP_PRELUDE_OPEN)
		return 0;
	if (prelude->delimiter == 0)
		taken = take_json(prelude, data, length);
	while (prelude->state == HTTP_PRELUDE_OPEN && taken < length) {
		if (data[taken++] != '\0')
			prelude->state = HTTP_PRELUDE_BROKEN;
		else if (++prelude->delimiter == HTTP_PRELUDE_DELIMITER)
			prelude->state = HTTP_PRELUDE_COMPLETE;
	}
	return taken;
}
