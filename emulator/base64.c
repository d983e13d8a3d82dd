/* SPDX-License-Identifier: Apache-2.0 */
/* base64 - RFC 4648 section 4, with padding. */
#include "emulator/base64.h"

#include <stdint.h>

static const char digits[64] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One to three bytes. */
static void encode_group(const unsigned char *bytes, size_t count, char text[static 4])
{
	uint32_t bits = (uint32_t)bytes[0] << 16;

	if (count > 1)
		bits |= (uint32_t)bytes[1] << 8;
	if (count > 2)
		bits |= bytes[2];
	text[0] = digits[bits >> 18];
	text[1] = digits[bits >> 12 & 63];
	text[2] = count > 1 ? digits[bits >> 6 & 63] : '=';
	text[3] = count > 2 ? digits[bits & 63] : '=';
}

void base64_encode(struct buffer *out, const void *data, size_t length)
{
	const unsigned char *bytes = data;

	/* Room for all, and written in place: images of megabytes come this way. */
	buffer_reserve(out, length / 3 * 4 + 4);
	for (size_t i = 0; i < length; i += 3, out->length += 4)
		encode_group(bytes + i, length - i < 3 ? length - i : 3, out->data + out->length);
	out->data[out->length] = '\0';
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* 'count' digits, 2 to 4, become 'count' - 1 bytes. */
static bool decode_group(char *bytes, const char *text, size_t count)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < 4; i++) {
		int value = i < count ? digit_value(text[i]) : 0;

		if (value == -1)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	for (size_t i = 0; i + 1 < count; i++)
		bytes[i] = (char)(bits >> (16 - 8 * i));
	return true;
}

static size_t padding(const char *text, size_t length)
{
	if (length == 0 || text[length - 1] != '=')
		return 0;
	return text[length - 2] == '=' ? 2 : 1;
}

bool base64_decode(struct buffer *out, const char *text, size_t length)
{
	size_t before = out->length, end;

	if (length % 4 != 0)
		return false;
	end = length - padding(text, length);
	buffer_reserve(out, length / 4 * 3);
	for (size_t i = 0; i < length; i += 4) {
		size_t count = end - i < 4 ? end - i : 4;

		if (!decode_group(out->data + out->length, text + i, count)) {
			buffer_cut(out, before);
			return false;
		}
		out->length += count - 1;
	}
	out->data[out->length] = '\0';
	return true;
}
