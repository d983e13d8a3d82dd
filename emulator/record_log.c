/* SPDX-License-Identifier: Apache-2.0 */
/* record_log - records one after the other in a file */
#include "emulator/record_log.h"

#include <string.h>

#include <zlib.h>

#define MAGIC "lrielog1"
#define MAGIC_LENGTH 8

/* ---- numbers ---- */

static void put_u32(char *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (char)(value >> (24 - 8 * i));
}

static uint32_t get_u32(const char *from)
{
	uint32_t value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 8 | (unsigned char)from[i];
	return value;
}

static uint32_t checksum(uint32_t before, const void *data, size_t length)
{
	/* zlib begins anew when there is no data. */
	return length > 0 ? (uint32_t)crc32_z(before, data, length) : before;
}

/* ---- writing ---- */

void record_log_head(char head[RECORD_LOG_HEAD], uint32_t marker)
{
	memcpy(head, MAGIC, MAGIC_LENGTH);
	put_u32(head + MAGIC_LENGTH, marker);
	put_u32(head + 12, checksum(0, head, 12));
}

bool record_log_read_head(const char *data, size_t length, uint32_t *marker)
{
	if (length < RECORD_LOG_HEAD || memcmp(data, MAGIC, MAGIC_LENGTH) != 0 ||
	    get_u32(data + 12) != checksum(0, data, 12))
		return false;
	*marker = get_u32(data + MAGIC_LENGTH);
	return true;
}

void record_log_frame(char frame[RECORD_LOG_FRAME], uint32_t marker, const struct iovec *parts,
                      size_t count)
{
	size_t length = 0;
	uint32_t sum;

	for (size_t i = 0; i < count; i++)
		length += parts[i].iov_len;
	put_u32(frame, marker);
	put_u32(frame + 4, (uint32_t)length);
	sum = checksum(0, frame, 8);
	for (size_t i = 0; i < count; i++)
		sum = checksum(sum, parts[i].iov_base, parts[i].iov_len);
	put_u32(frame + 8, sum);
}

/* ---- reading ---- */

/* Where the next record may begin, behind the first byte; at the end of the data it may be a
 * beginning of the marker. 'length' if nowhere. */
static size_t find_marker(uint32_t marker, const char *data, size_t length, bool is_end)
{
	char wanted[4];
	const char *found;

	put_u32(wanted, marker);
	found = length > 1 ? memmem(data + 1, length - 1, wanted, sizeof(wanted)) : NULL;
	if (found)
		return (size_t)(found - data);
	return is_end || length <= 3 ? length : length - 3;
}

static struct record_log_part part(enum record_log_kind kind, size_t length)
{
	return (struct record_log_part){ .kind = kind, .length = length };
}

static struct record_log_part damaged(uint32_t marker, const char *data, size_t length, bool is_end)
{
	return part(RECORD_LOG_DAMAGED, find_marker(marker, data, length, is_end));
}

/* The file ends before the record: it is torn, unless there is another behind its beginning. */
static struct record_log_part unfinished(uint32_t marker, const char *data, size_t length,
                                         bool is_end)
{
	if (!is_end)
		return part(RECORD_LOG_MORE, 0);
	if (find_marker(marker, data, length, true) < length)
		return damaged(marker, data, length, true);
	return part(RECORD_LOG_TORN, length);
}

static bool begins_with_marker(uint32_t marker, const char *data, size_t length)
{
	char wanted[4];

	put_u32(wanted, marker);
	return memcmp(data, wanted, length < sizeof(wanted) ? length : sizeof(wanted)) == 0;
}

struct record_log_part record_log_next(uint32_t marker, const char *data, size_t length,
                                       bool is_end)
{
	uint32_t body;

	if (length == 0)
		return part(is_end ? RECORD_LOG_NOTHING : RECORD_LOG_MORE, 0);
	if (!begins_with_marker(marker, data, length))
		return damaged(marker, data, length, is_end);
	if (length < RECORD_LOG_FRAME)
		return unfinished(marker, data, length, is_end);
	body = get_u32(data + 4);
	if (body > RECORD_LOG_LIMIT)
		return damaged(marker, data, length, is_end);
	if (length - RECORD_LOG_FRAME < body)
		return unfinished(marker, data, length, is_end);
	if (get_u32(data + 8) != checksum(checksum(0, data, 8), data + RECORD_LOG_FRAME, body))
		return damaged(marker, data, length, is_end);
	return (struct record_log_part){ .kind = RECORD_LOG_RECORD,
		                         .length = RECORD_LOG_FRAME + body,
		                         .body = data + RECORD_LOG_FRAME,
		                         .body_length = body };
}
