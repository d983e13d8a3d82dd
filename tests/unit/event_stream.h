/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_stream - takes messages apart, written after the format and not after the encoder: its
 * checksum is the bit by bit definition of CRC-32.
 */
#ifndef TESTS_UNIT_EVENT_STREAM_H
#define TESTS_UNIT_EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct message {
	const unsigned char *headers, *payload;
	size_t headers_length, payload_length, length;
};

static uint32_t message_u32(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t message_crc(const unsigned char *data, size_t length)
{
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < length; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* The message at the start of 'data', or false when there is no whole and sound one. */
static bool message_read(struct message *message, const void *bytes, size_t length)
{
	const unsigned char *data = bytes;
	size_t total, headers;

	if (length < 16 || message_crc(data, 8) != message_u32(data + 8))
		return false;
	total = message_u32(data);
	headers = message_u32(data + 4);
	if (total > length || headers > total - 16 ||
	    message_crc(data, total - 4) != message_u32(data + total - 4))
		return false;
	*message = (struct message){ .headers = data + 12,
		                     .headers_length = headers,
		                     .payload = data + 12 + headers,
		                     .payload_length = total - 16 - headers,
		                     .length = total };
	return true;
}

/* Takes the next header off, a text. */
static bool message_header(struct message *message, const unsigned char **name, size_t *name_length,
                           const unsigned char **value, size_t *value_length)
{
	const unsigned char *at = message->headers;
	size_t left = message->headers_length, size;

	if (left < 1 || at[0] == 0 || left < 1u + at[0] + 3 || at[1 + at[0]] != 7)
		return false;
	*name = at + 1;
	*name_length = at[0];
	at += 1 + at[0] + 1;
	*value_length = (size_t)at[0] << 8 | at[1];
	*value = at + 2;
	size = 1 + *name_length + 3 + *value_length;
	if (size > left)
		return false;
	message->headers += size;
	message->headers_length -= size;
	return true;
}

#endif
