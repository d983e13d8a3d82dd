/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus - the text format that Prometheus and its kin read */
#include "emulator/prometheus.h"

#include <string.h>

#include "emulator/utf8.h"

void prometheus_family(struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_append_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* One character, escaped; a byte that is not UTF-8 would make a reader refuse the whole page. */
static size_t append_character(struct buffer *out, const char *at, const char *end)
{
	const char *bad;
	size_t length = utf8_length(at, end, &bad);

	if (length == 0) {
		buffer_append_text(out, "\xef\xbf\xbd");
		return 1;
	}
	if (*at == '\n')
		buffer_append_text(out, "\\n");
	else if (*at == '\\' || *at == '"')
		buffer_append_format(out, "\\%c", *at);
	else
		buffer_append(out, at, length);
	return length;
}

void prometheus_label(struct buffer *out, const char *name, const char *value)
{
	const char *end = value + strlen(value);

	buffer_append_format(out, "%s=\"", name);
	while (value < end)
		value += append_character(out, value, end);
	buffer_append_text(out, "\"");
}
