/* SPDX-License-Identifier: Apache-2.0 */
/* utf8 - where a character ends, and whether it is one */
#include "emulator/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_length(const char *at, const char *end, const char **bad)
{
	unsigned char first = (unsigned char)*at;
	unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	*bad = at;
	if ((first >= 0x80 && first < 0xc2) || first > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		*bad = at + i;
		if (*bad == end || (unsigned char)**bad < low || (unsigned char)**bad > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return length;
}

/* Most texts are mostly ASCII, which goes by a word at a time. */
static const char *pass_ascii(const char *at, const char *end)
{
	uint64_t word;

	while (end - at >= (ptrdiff_t)sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
		at += sizeof(word);
	}
	while (at < end && (unsigned char)*at < 0x80)
		at++;
	return at;
}

bool utf8_is_valid(const char *data, size_t length)
{
	const char *end = data + length, *at = pass_ascii(data, end), *bad;

	while (at < end) {
		size_t step = utf8_length(at, end, &bad);

		if (step == 0)
			return false;
		at += step;
		if (at < end && (unsigned char)*at < 0x80)
			at = pass_ascii(at, end);
	}
	return true;
}
