/* SPDX-License-Identifier: Apache-2.0 */
/* http_event - requests, whose paths, queries, headers and bodies come from anywhere */
#include "emulator/http_event.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/json_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PARTS 16

/* The bytes up to the next NUL, which is passed; the body may have more of them. */
static const char *next_part(const char **at, const char *end)
{
	const char *part = *at;

	*at += strlen(part);
	*at += *at < end;
	return part;
}

static void make_event(struct buffer *out, const struct http_site *site, const char *at,
                       const char *end)
{
	struct http_request request;

	http_request_init(&request, site);
	request.method = next_part(&at, end);
	request.path = next_part(&at, end);
	request.query = next_part(&at, end);
	request.trace_header = next_part(&at, end);
	request.source_ip = "127.0.0.1";
	request.request_id = "5b2a3c1e-0d4f-4a6b-8c7d-9e0f1a2b3c4d";
	if (strncmp(request.path, site->route, strlen(site->route)) != 0)
		request.path = site->route;
	for (int i = 0; i < PARTS && *at; i++) {
		const char *name = next_part(&at, end);

		http_request_add_header(&request, name, next_part(&at, end));
	}
	request.body = at;
	request.body_length = (size_t)(end - at);
	http_event_append(out, &request);
	http_request_finish(&request);
}

/* The first byte says which site it is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autobuffer struct buffer out = BUFFER_INIT, reason = BUFFER_INIT;
	struct http_site site;
	char *text;

	if (size == 0)
		return 0;
	http_site_init(&site, (enum http_format)(data[0] & 3), "us-east-1", "123456789012", "f");
	site.is_multi_value = data[0] & 4;
	site.route = data[0] & 8 ? "/a" : "";
	site.binary_types = data[0] & 16 ? "image/*,a/b" : NULL;
	text = xcalloc(size, 1);
	memcpy(text, data + 1, size - 1);
	make_event(&out, &site, text, text + size - 1);
	free(text);
	if (!json_check(out.data, out.length, &reason))
		abort();
	return 0;
}
