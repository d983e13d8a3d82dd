/* SPDX-License-Identifier: Apache-2.0 */
/* percent - the escapes of URLs, undone */
#include "emulator/percent.h"

#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What the escape at the beginning of 'text' stands for; -1: there is none. */
static int escaped(const char *text, size_t length)
{
	int high, low;

	if (length < 3 || text[0] != '%')
		return -1;
	high = hex_value(text[1]);
	low = hex_value(text[2]);
	return high == -1 || low == -1 ? -1 : high << 4 | low;
}

bool percent_decode(char *text)
{
	const char *end = text + strlen(text), *from = text;

	while (from < end) {
		int byte = *from == '%' ? escaped(from, (size_t)(end - from)) : *from;

		if (*from == '%' && byte <= 0)
			return false;
		from += *from == '%' ? 3 : 1;
		*text++ = (char)byte;
	}
	*text = '\0';
	return true;
}

void percent_append_decoded(struct buffer *out, const char *text, size_t length, bool plus_is_blank)
{
	for (const char *end = text + length; text < end;) {
		const char *from = text;
		int escape;
		char byte;

		while (text < end && *text != '%' && (*text != '+' || !plus_is_blank))
			text++;
		buffer_append(out, from, (size_t)(text - from));
		if (text == end)
			break;
		escape = escaped(text, (size_t)(end - text));
		byte = escape != -1 ? (char)escape : *text == '+' ? ' ' : '%';
		buffer_append(out, &byte, 1);
		text += escape != -1 ? 3 : 1;
	}
}
