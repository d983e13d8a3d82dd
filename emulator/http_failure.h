/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_failure - what a site says when there is no answer of the function, or one that is none.
 *
 * Source: spec invoke-api.md §5.
 */
#ifndef EMULATOR_HTTP_FAILURE_H
#define EMULATOR_HTTP_FAILURE_H

#include "emulator/http_answer.h"

enum http_failure {
	HTTP_FAILURE_FUNCTION,  /* an error, a crash, its own time-out, an answer too large */
	HTTP_FAILURE_TIMEOUT,   /* of the site; the function goes on */
	HTTP_FAILURE_THROTTLED, /* that of a URL is Lambda's own error: invoke_error_throttled() */
	HTTP_FAILURE_SERVICE,   /* lrie itself cannot */
	HTTP_FAILURE_BODY,      /* that of the request is beyond the site's limit */
	HTTP_FAILURE_EVENT,     /* the event made of it is beyond Lambda's */
};

/* 'size' is that of the body or event, else without meaning. */
void http_answer_fail(struct http_answer *answer, const struct http_site *site,
                      enum http_failure failure, uint64_t size);

#endif
