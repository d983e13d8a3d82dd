/* SPDX-License-Identifier: Apache-2.0 */
/* identifier - request ids, trace ids and other names drawn at random. */
#include "emulator/identifier.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "emulator/buffer.h"
#include "emulator/clock.h"
#include "emulator/log.h"

static struct {
	unsigned char bytes[4096];
	size_t left;
} pool;

static void fill_pool(void)
{
	while (pool.left < sizeof(pool.bytes)) {
		ssize_t got = getrandom(pool.bytes + pool.left, sizeof(pool.bytes) - pool.left, 0);

		if (got >= 0) {
			pool.left += (size_t)got;
		} else if (errno != EINTR) {
			log_error("getrandom: %s", strerror(errno));
			exit(EXIT_FAILURE);
		}
	}
}

static unsigned char random_byte(void)
{
	if (pool.left == 0)
		fill_pool();
	return pool.bytes[--pool.left];
}

static void put_byte(char *text, unsigned char byte)
{
	static const char digits[] = "0123456789abcdef";

	text[0] = digits[byte >> 4];
	text[1] = digits[byte & 15];
}

void hex_make(char *text, size_t digits)
{
	for (size_t i = 0; i < digits; i += 2) {
		char pair[2];

		put_byte(pair, random_byte());
		memcpy(text + i, pair, digits - i < 2 ? 1 : 2);
	}
	text[digits] = '\0';
}

/* Where the groups of a UUID end: 8-4-4-4-12. */
static bool is_dash_place(size_t place)
{
	return place == 8 || place == 13 || place == 18 || place == 23;
}

void uuid_make(char uuid[static UUID_SIZE])
{
	size_t place = 0;

	for (int i = 0; i < 16; i++) {
		unsigned char byte = random_byte();

		if (i == 6)
			byte = (byte & 0x0f) | 0x40; /* version 4 */
		if (i == 8)
			byte = (byte & 0x3f) | 0x80; /* variant of RFC 9562 */
		if (is_dash_place(place))
			uuid[place++] = '-';
		put_byte(uuid + place, byte);
		place += 2;
	}
	uuid[place] = '\0';
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool uuid_is_valid(const char *text)
{
	for (size_t i = 0; i < UUID_SIZE - 1; i++) {
		if (is_dash_place(i) ? text[i] != '-' : !is_hex(text[i]))
			return false;
	}
	return text[UUID_SIZE - 1] == '\0';
}

void trace_header_make(char header[static TRACE_HEADER_SIZE])
{
	char root[25], parent[17];

	hex_make(root, 24);
	hex_make(parent, 16);
	snprintf(header, TRACE_HEADER_SIZE, "Root=1-%08" PRIx32 "-%s;Parent=%s;Sampled=0",
	         (uint32_t)(clock_wall_ms() / 1000), root, parent);
}

/* The value of the field 'name' in "name=value;name=value", in any case. */
static const char *find_field(const char *fields, const char *name, size_t *length)
{
	size_t name_length = strlen(name);

	while (*fields) {
		fields += strspn(fields, "; ");
		if (strncasecmp(fields, name, name_length) == 0 && fields[name_length] == '=') {
			fields += name_length + 1;
			*length = strcspn(fields, "; ");
			return fields;
		}
		fields += strcspn(fields, ";");
	}
	return NULL;
}

/* "1-" 8 digits "-" 24 digits */
static bool is_root(const char *text, size_t length)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	return length == 35 && strncmp(text, "1-", 2) == 0 && strspn(text + 2, digits) == 8 &&
	       text[10] == '-' && strspn(text + 11, digits) == 24;
}

bool trace_header_complete(const char *given, char *header, size_t size)
{
	size_t root_length, parent_length, sampled_length, lineage_length;
	const char *root = find_field(given, "Root", &root_length);
	const char *parent = find_field(given, "Parent", &parent_length);
	const char *sampled = find_field(given, "Sampled", &sampled_length);
	const char *lineage = find_field(given, "Lineage", &lineage_length);
	char made[17];
	int length;

	if (!root || !is_root(root, root_length))
		return false;
	if (!parent) {
		hex_make(made, 16);
		parent = made;
		parent_length = 16;
	}
	length = snprintf(header, size, "Root=%.35s;Parent=%.*s;Sampled=%.*s%s%.*s", root,
	                  (int)parent_length, parent, sampled ? (int)sampled_length : 1,
	                  sampled ? sampled : "0", lineage ? ";Lineage=" : "",
	                  lineage ? (int)lineage_length : 0, lineage ? lineage : "");
	return length > 0 && (size_t)length < size;
}

static void copy_caller(const char *given, char caller[static TRACE_PARENT_SIZE])
{
	size_t length;
	const char *parent = find_field(given, "Parent", &length);
	bool is_id = parent && length == TRACE_PARENT_SIZE - 1 &&
	             strspn(parent, "0123456789abcdefABCDEF") >= length;

	memcpy(caller, is_id ? parent : "", is_id ? length : 1);
	caller[TRACE_PARENT_SIZE - 1] = '\0';
}

bool trace_header_descend(const char *given, char *header, size_t size,
                          char caller[static TRACE_PARENT_SIZE])
{
	autobuffer struct buffer fields = BUFFER_INIT;
	size_t root_length, sampled_length, lineage_length;
	const char *root = find_field(given, "Root", &root_length);
	const char *sampled = find_field(given, "Sampled", &sampled_length);
	const char *lineage = find_field(given, "Lineage", &lineage_length);

	if (!root)
		return false;
	buffer_append_format(&fields, "Root=%.*s", (int)root_length, root);
	if (sampled)
		buffer_append_format(&fields, ";Sampled=%.*s", (int)sampled_length, sampled);
	else
		buffer_append_text(&fields, ";Sampled=1");
	if (lineage)
		buffer_append_format(&fields, ";Lineage=%.*s", (int)lineage_length, lineage);
	if (!trace_header_complete(fields.data, header, size))
		return false;
	copy_caller(given, caller);
	return true;
}

bool trace_header_is_sampled(const char *header)
{
	size_t length;
	const char *sampled = find_field(header, "Sampled", &length);

	return sampled && length == 1 && *sampled == '1' && find_field(header, "Root", &length) &&
	       length > 0;
}

bool trace_header_field(const char *header, const char *name, char *value, size_t size)
{
	size_t length;
	const char *field = find_field(header, name, &length);

	if (!field || length >= size)
		return false;
	memcpy(value, field, length);
	value[length] = '\0';
	return true;
}
