/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_prelude - the JSON with which a streamed HTTP answer begins, and eight NUL bytes behind it.
 *
 * Read as it comes, in pieces of any size. At most HTTP_PRELUDE_LIMIT bytes are kept.
 *
 * Source: spec invoke-api.md §5.1, invoke mode RESPONSE_STREAM.
 */
#ifndef EMULATOR_HTTP_PRELUDE_H
#define EMULATOR_HTTP_PRELUDE_H

#include <stdbool.h>
#include <stddef.h>

#include "emulator/buffer.h"

#define HTTP_PRELUDE_LIMIT 65536
#define HTTP_PRELUDE_DELIMITER 8 /* NUL bytes */

/* The content type of a stream that has one. */
#define HTTP_PRELUDE_TYPE "application/vnd.awslambda.http-integration-response"

enum http_prelude_state {
	HTTP_PRELUDE_OPEN,     /* more has to come */
	HTTP_PRELUDE_COMPLETE, /* 'json' has it, without the NUL bytes */
	HTTP_PRELUDE_BROKEN,   /* too long, or fewer than eight NUL bytes */
};

struct http_prelude {
	enum http_prelude_state state;
	struct buffer json;
	unsigned delimiter; /* NUL bytes so far */
};

void http_prelude_init(struct http_prelude *prelude);
void http_prelude_finish(struct http_prelude *prelude);

/* Takes what belongs to it from the front of 'data'. Returns how many bytes that were; what is
 * behind them belongs to the body, once it is complete. */
size_t http_prelude_take(struct http_prelude *prelude, const char *data, size_t length);

#endif
