/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xray - the readers of what a function tells X-Ray, and of trace headers
 *
 * The input is a datagram, a cause, an error's body and a header, all in turn. What comes of it is
 * one line of JSON within its limit, or a reason.
 */
#include "emulator/xray.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/identifier.h"
#include "emulator/json_check.h"
#include "sandbox/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *line, size_t length)
{
	autobuffer struct buffer reason = BUFFER_INIT;

	if (length == 0 || memchr(line, '\n', length) != line + length - 1 ||
	    !json_check(line, length, &reason))
		abort();
}

static void read_datagram(const char *datagram, size_t size)
{
	autobuffer struct buffer line = BUFFER_INIT;
	struct xray_document document;
	struct error err = { .text = "" };

	if (!xray_read(datagram, size, &document, &err)) {
		if (!*err.text)
			abort();
		return;
	}
	if (strlen(document.id) != XRAY_ID_SIZE - 1 ||
	    strlen(document.trace_id) != XRAY_TRACE_SIZE - 1 ||
	    (document.is_subsegment && !*document.parent_id))
		abort();
	xray_append_document(&line, &document, "request");
	check_line(line.data, line.length);
}

static void read_cause(const char *text, size_t size)
{
	autobuffer struct buffer cause = BUFFER_INIT, reason = BUFFER_INIT;

	if (!xray_cause(&cause, text, size) && !xray_cause_of_body(&cause, text, size)) {
		if (cause.length > 0)
			abort();
	} else if (cause.length > XRAY_DOCUMENT_LIMIT ||
	           !json_check(cause.data, cause.length, &reason)) {
		abort();
	}
}

static void read_header(const char *text, size_t size)
{
	char *given = strndup(text, size), header[256], caller[TRACE_PARENT_SIZE] = "";

	if (!given)
		abort();
	if (trace_header_descend(given, header, sizeof(header), caller) &&
	    (strlen(caller) % (TRACE_PARENT_SIZE - 1) != 0 ||
	     !trace_header_field(header, "Parent", caller, sizeof(caller)) ||
	     strlen(caller) != TRACE_PARENT_SIZE - 1))
		abort();
	free(given);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	read_datagram(text, size);
	read_cause(text, size);
	read_header(text, size);
	return 0;
}
