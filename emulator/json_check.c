/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_check - whether bytes are JSON, and where they stop being it
 *
 * A scanner of its own, because json-c would build a tree of every payload: it
 * keeps nothing but the places of the brackets that are open. Strings and
 * indentation, most bytes of most events, go by a word at a time. Its messages
 * are those of Jackson, the parser behind Lambda's front end; where they are not
 * documented they are worded in the same manner.
 */
#include "emulator/json_check.h"

#include <stdint.h>
#include <string.h>

#include "emulator/utf8.h"

#define DEPTH_LIMIT 1000
#define TOKEN_SHOWN 256
#define SOURCE "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
#define VALUES "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

/* ---- checking ---- */

struct scan {
	const char *start;
	const char *end;
	struct buffer *reason;
	size_t depth;
	const char *open[DEPTH_LIMIT]; /* the '{' and '[' that are not closed yet */
};

/* All functions below that return a position return NULL after a failure. */

static const uint64_t ones = UINT64_C(0x0101010101010101);
static const uint64_t tops = UINT64_C(0x8080808080808080);

static uint64_t load_word(const char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* The top bit of each byte that is 0; those above the first one may be wrong. */
static uint64_t zero_bytes(uint64_t word)
{
	return (word - ones) & ~word & tops;
}

/* The top bit of each byte that cannot just be passed over inside a string. */
static uint64_t special_bytes(uint64_t word)
{
	uint64_t control = (word - ones * 0x20) & ~word;
	uint64_t quote = zero_bytes(word ^ ones * '"');
	uint64_t backslash = zero_bytes(word ^ ones * '\\');

	return (control | word | quote | backslash) & tops;
}

/* The top bit of each byte that is not a digit; those above the first one may be wrong. */
static uint64_t other_than_digits(uint64_t word)
{
	return ((word + ones * (0x7f - '9')) | (word - ones * '0') | word) & tops;
}

/* The place of the first byte with a bit set; 'bits' must not be 0. */
static size_t first_byte(uint64_t bits)
{
	return (size_t)__builtin_ctzll(bits) / 8;
}

static void append_location(struct buffer *reason, const struct scan *scan, const char *at)
{
	const char *line = scan->start;
	unsigned long number = 1;

	for (const char *c = scan->start; c < at; c++) {
		/* "\r\n" counts once, at its second half */
		if (*c == '\n' || (*c == '\r' && (c + 1 == scan->end || c[1] != '\n'))) {
			number++;
			line = c + 1;
		}
	}
	buffer_append_format(reason, SOURCE "line: %lu, column: %lu]", number,
	                     (unsigned long)(at - line) + 1);
}

static void begin_reason(const struct scan *scan)
{
	buffer_append_text(scan->reason, "Could not parse request body into json: "
	                                 "Could not parse payload into json: ");
}

static const char *end_reason(const struct scan *scan, const char *at)
{
	buffer_append_text(scan->reason, "\n at ");
	append_location(scan->reason, scan, at);
	return NULL;
}

static const char *fail(const struct scan *scan, const char *at, const char *text)
{
	begin_reason(scan);
	buffer_append_text(scan->reason, text);
	return end_reason(scan, at);
}

static const char *fail_byte(const struct scan *scan, const char *at, const char *what)
{
	begin_reason(scan);
	buffer_append_format(scan->reason, "Invalid UTF-8 %s byte 0x%x", what,
	                     (unsigned)(unsigned char)*at);
	return end_reason(scan, at);
}

static uint32_t utf8_decode(const char *at, size_t length)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)at[0] & masks[length];

	for (size_t i = 1; i < length; i++)
		code = code << 6 | ((unsigned char)at[i] & 0x3f);
	return code;
}

static bool continues(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

/* The length of the most common sequences, those without a special second byte; else 0. */
static size_t utf8_common_length(const char *at, const char *end)
{
	unsigned char first = (unsigned char)*at;

	if (end - at < 3 || !continues(at[1]))
		return 0;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first > 0xe0 && first < 0xf0 && first != 0xed && continues(at[2]))
		return 3;
	return 0;
}

/* 'at' is at a byte above 0x7f. The result is behind that character and those like it. */
static const char *pass_utf8(const struct scan *scan, const char *at)
{
	do {
		const char *bad = at;
		size_t length = utf8_common_length(at, scan->end);

		if (length == 0)
			length = utf8_length(at, scan->end, &bad);
		if (length == 0 && bad == scan->end)
			return fail(scan, bad, "Unexpected end-of-input in a UTF-8 character");
		if (length == 0)
			return fail_byte(scan, bad, bad == at ? "start" : "middle");
		at += length;
	} while (at < scan->end && (unsigned char)*at >= 0x80);
	return at;
}

/* Fails with "<before> ('x' (code 120))<after>"; 'at' must not be the end. */
static const char *fail_character(const struct scan *scan, const char *at, const char *before,
                                  const char *after)
{
	const char *bad;
	size_t length = utf8_length(at, scan->end, &bad);
	uint32_t code;

	if (length == 0)
		return pass_utf8(scan, at);
	code = utf8_decode(at, length);
	begin_reason(scan);
	buffer_append_format(scan->reason, "%s (", before);
	if (code < 0x20 || (code >= 0x7f && code < 0xa0))
		buffer_append_format(scan->reason, "(CTRL-CHAR, code %u)", (unsigned)code);
	else
		buffer_append_format(scan->reason, "'%.*s' (code %u", (int)length, at,
		                     (unsigned)code);
	if (code > 0xff)
		buffer_append_format(scan->reason, " / 0x%x", (unsigned)code);
	if (code >= 0xa0 || (code >= 0x20 && code < 0x7f))
		buffer_append_text(scan->reason, ")");
	buffer_append_format(scan->reason, ")%s", after);
	return end_reason(scan, at);
}

static const char *fail_unexpected(const struct scan *scan, const char *at, const char *after)
{
	return fail_character(scan, at, "Unexpected character", after);
}

static bool is_token_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '$';
}

static const char *fail_token(const struct scan *scan, const char *at)
{
	const char *end = at;

	while (end < scan->end && is_token_byte(*end) && end - at < TOKEN_SHOWN)
		end++;
	begin_reason(scan);
	buffer_append_format(scan->reason, "Unrecognized token '%.*s%s': was expecting " VALUES,
	                     (int)(end - at), at, end - at == TOKEN_SHOWN ? "..." : "");
	return end_reason(scan, at);
}

static bool in_object(const struct scan *scan)
{
	return *scan->open[scan->depth - 1] == '{';
}

/* The text ended inside an array or object, or before any value. */
static const char *fail_end(const struct scan *scan)
{
	if (scan->depth == 0)
		return fail(scan, scan->end, "No content to map due to end-of-input");
	begin_reason(scan);
	buffer_append_format(scan->reason,
	                     "Unexpected end-of-input: expected close marker for %s (start marker "
	                     "at ",
	                     in_object(scan) ? "Object" : "Array");
	append_location(scan->reason, scan, scan->open[scan->depth - 1]);
	buffer_append_text(scan->reason, ")");
	return end_reason(scan, scan->end);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *pass_indentation(const struct scan *scan, const char *at)
{
	while (scan->end - at >= 8) {
		uint64_t other = load_word(at) ^ ones * ' ';

		if (other)
			return at + first_byte(other);
		at += 8;
	}
	return at;
}

static const char *pass_space(const struct scan *scan, const char *at)
{
	while (at < scan->end && is_space(*at))
		at = *at == '\n' ? pass_indentation(scan, at + 1) : at + 1;
	return at;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static const char *fail_string_end(const struct scan *scan)
{
	return fail(scan, scan->end,
	            "Unexpected end-of-input: was expecting closing quote for a string value");
}

/* 'at' is at the backslash. */
static const char *pass_escape(const struct scan *scan, const char *at)
{
	if (++at == scan->end)
		return fail_string_end(scan);
	if (*at != 'u')
		return strchr("\"\\/bfnrt", *at) && *at
		               ? at + 1
		               : fail_character(scan, at, "Unrecognized character escape", "");
	at++;
	for (int i = 0; i < 4; i++, at++) {
		if (at == scan->end)
			return fail_string_end(scan);
		if (!is_hex(*at))
			return fail_unexpected(
				scan, at, ": expected a hex-digit for character escape sequence");
	}
	return at;
}

/* To the first byte that may not just be passed over, or close to the end. */
static inline const char *pass_plain(const char *at, const char *end)
{
	while (end - at >= 8) {
		uint64_t special = special_bytes(load_word(at));

		if (special)
			return at + first_byte(special);
		at += 8;
	}
	return at;
}

size_t json_plain_length(const char *at, const char *end)
{
	const char *from = at;

	at = pass_plain(at, end);
	while (at < end && (unsigned char)*at >= ' ' && (unsigned char)*at < 0x80 && *at != '"' &&
	       *at != '\\')
		at++;
	return (size_t)(at - from);
}

/* 'at' is behind the opening quote; the result is behind the closing one. */
static const char *pass_string(const struct scan *scan, const char *at)
{
	while (at) {
		at = pass_plain(at, scan->end);
		if (at == scan->end)
			return fail_string_end(scan);
		if (*at == '"')
			return at + 1;
		if (*at == '\\')
			at = pass_escape(scan, at);
		else if ((unsigned char)*at >= 0x80)
			at = pass_utf8(scan, at);
		else if ((unsigned char)*at < ' ')
			return fail_character(scan, at, "Illegal unquoted character",
			                      ": has to be escaped using backslash to be included "
			                      "in string value");
		else
			at++;
	}
	return NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One digit or more. */
static const char *pass_digits(const struct scan *scan, const char *at, const char *expected)
{
	if (at == scan->end)
		return fail(scan, at, "Unexpected end-of-input in a Number value");
	if (!is_digit(*at))
		return fail_character(scan, at, "Unexpected character", expected);
	while (scan->end - at >= 8) {
		uint64_t other = other_than_digits(load_word(at));

		if (other)
			return at + first_byte(other);
		at += 8;
	}
	while (at < scan->end && is_digit(*at))
		at++;
	return at;
}

static const char *pass_integer(const struct scan *scan, const char *at)
{
	if (at < scan->end && *at == '0') {
		if (++at < scan->end && is_digit(*at))
			return fail(scan, at, "Invalid numeric value: Leading zeroes not allowed");
		return at;
	}
	return pass_digits(scan, at,
	                   " in numeric value: expected digit (0-9) to follow minus sign, for "
	                   "valid numeric value");
}

static const char *pass_exponent(const struct scan *scan, const char *at)
{
	if (at < scan->end && (*at == '+' || *at == '-'))
		at++;
	return pass_digits(scan, at,
	                   " in numeric value: Exponent indicator not followed by a digit");
}

static const char *pass_number(const struct scan *scan, const char *at)
{
	at = pass_integer(scan, *at == '-' ? at + 1 : at);
	if (at && at < scan->end && *at == '.')
		at = pass_digits(scan, at + 1,
		                 " in numeric value: Decimal point not followed by a digit");
	if (at && at < scan->end && (*at == 'e' || *at == 'E'))
		at = pass_exponent(scan, at + 1);
	return at;
}

static const char *pass_word(const struct scan *scan, const char *at, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(scan->end - at) < length || memcmp(at, word, length) != 0)
		return fail_token(scan, at);
	if (scan->end - at > (ptrdiff_t)length && is_token_byte(at[length]))
		return fail_token(scan, at);
	return at + length;
}

/* A value that is neither array nor object. */
static const char *pass_scalar(const struct scan *scan, const char *at)
{
	switch (*at) {
	case '"':
		return pass_string(scan, at + 1);
	case 't':
		return pass_word(scan, at, "true");
	case 'f':
		return pass_word(scan, at, "false");
	case 'n':
		return pass_word(scan, at, "null");
	case ',':
	case ']':
	case '}':
		return fail_unexpected(scan, at, ": expected a value");
	default:
		break;
	}
	if (is_digit(*at) || *at == '-')
		return pass_number(scan, at);
	/* A single letter is an unexpected character in the recorded answers, not a token. */
	if (is_token_byte(*at) && at + 1 < scan->end && is_token_byte(at[1]))
		return fail_token(scan, at);
	return fail_unexpected(scan, at, ": expected a valid value " VALUES);
}

static const char *open_nest(struct scan *scan, const char *at)
{
	if (scan->depth == DEPTH_LIMIT)
		return fail(scan, at,
		            "Document nesting depth (1001) exceeds the maximum allowed (1000, from "
		            "`StreamReadConstraints.getMaxNestingDepth()`)");
	scan->open[scan->depth++] = at;
	return at + 1;
}

/* A member's name and its colon. */
static const char *pass_name(const struct scan *scan, const char *at)
{
	if (*at != '"')
		return fail_unexpected(scan, at,
		                       ": was expecting double-quote to start field name");
	at = pass_string(scan, at + 1);
	if (!at)
		return NULL;
	at = pass_space(scan, at);
	if (at == scan->end)
		return fail_end(scan);
	if (*at != ':')
		return fail_unexpected(scan, at,
		                       ": was expecting a colon to separate field name and value");
	return pass_space(scan, at + 1);
}

static const char *fail_close(const struct scan *scan, const char *at)
{
	begin_reason(scan);
	buffer_append_format(scan->reason,
	                     "Unexpected close marker '%c': expected '%c' (for %s starting at ",
	                     *at, in_object(scan) ? '}' : ']',
	                     in_object(scan) ? "Object" : "Array");
	append_location(scan->reason, scan, scan->open[scan->depth - 1]);
	buffer_append_text(scan->reason, ")");
	return end_reason(scan, at);
}

/* Behind a value: closes what ends here. The result is at the next value, or at
 * the end of the text; then depth is 0. */
static const char *pass_separator(struct scan *scan, const char *at)
{
	while (scan->depth > 0) {
		bool object = in_object(scan);

		at = pass_space(scan, at);
		if (at == scan->end)
			return fail_end(scan);
		if (*at == ',') {
			at = pass_space(scan, at + 1);
			if (at == scan->end)
				return fail_end(scan);
			return object ? pass_name(scan, at) : at;
		}
		if (*at != '}' && *at != ']')
			return fail_unexpected(
				scan, at,
				object ? ": was expecting comma to separate Object entries"
				       : ": was expecting comma to separate Array entries");
		if ((*at == '}') != object)
			return fail_close(scan, at);
		scan->depth--;
		at++;
	}
	return pass_space(scan, at);
}

/* At '[' or '{'. The result is at the first value in it, or behind it if it is empty: then
 * '*closed' is set. */
static const char *pass_open(struct scan *scan, const char *at, bool *closed)
{
	bool object = *at == '{';

	at = open_nest(scan, at);
	if (!at)
		return NULL;
	at = pass_space(scan, at);
	if (at == scan->end)
		return fail_end(scan);
	*closed = *at == (object ? '}' : ']');
	if (*closed) {
		scan->depth--;
		return at + 1;
	}
	return object ? pass_name(scan, at) : at;
}

/* At a value, which is passed with all that follows it up to the next one. */
static const char *pass_value(struct scan *scan, const char *at)
{
	bool closed;

	if (at == scan->end)
		return fail_end(scan);
	if (*at != '{' && *at != '[') {
		at = pass_scalar(scan, at);
		return at ? pass_separator(scan, at) : NULL;
	}
	at = pass_open(scan, at, &closed);
	return at && closed ? pass_separator(scan, at) : at;
}

static void begin_scan(struct scan *scan, const char *data, size_t length, struct buffer *reason)
{
	scan->start = data;
	scan->end = data + length;
	scan->reason = reason;
	scan->depth = 0;
}

/* Where the text begins, behind what may come before it. */
static const char *pass_start(const struct scan *scan)
{
	const char *at = scan->start;

	/* Jackson takes a byte order mark, which editors on Windows leave in files. */
	if (scan->end - at >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
		at += 3;
	return pass_space(scan, at);
}

bool json_check(const char *data, size_t length, struct buffer *reason)
{
	struct scan scan;
	const char *at;

	begin_scan(&scan, data, length, reason);
	at = pass_start(&scan);
	do
		at = pass_value(&scan, at);
	while (at && scan.depth > 0);
	if (at && at < scan.end)
		at = fail_unexpected(&scan, at, ": expected end-of-input behind the value");
	return at != NULL;
}

/* ---- cutting: for text that json_check() has passed ---- */

/* Behind the value at 'at'. */
static const char *skip_value(const struct scan *scan, const char *at)
{
	size_t depth = 0;

	if (*at != '{' && *at != '[')
		return pass_scalar(scan, at);
	do {
		if (*at == '"') {
			at = pass_string(scan, at + 1);
			continue;
		}
		if (*at == '{' || *at == '[')
			depth++;
		else if (*at == '}' || *at == ']')
			depth--;
		at++;
	} while (depth > 0);
	return at;
}

/* Copies the members of the object at 'at' that have another name, as they are. */
static void copy_other_members(const struct scan *scan, const char *at, const char *name,
                               struct buffer *out)
{
	size_t length = strlen(name);

	buffer_append_text(out, "{");
	for (at = pass_space(scan, at + 1); *at != '}'; at = pass_space(scan, at)) {
		const char *member = *at == ',' ? pass_space(scan, at + 1) : at;
		const char *behind = pass_string(scan, member + 1);
		bool same = (size_t)(behind - member) == length + 2 &&
		            memcmp(member + 1, name, length) == 0;

		at = skip_value(scan, pass_name(scan, member));
		if (same)
			continue;
		if (out->length > 1)
			buffer_append_text(out, ",");
		buffer_append(out, member, (size_t)(at - member));
	}
	buffer_append_text(out, "}");
}

bool json_remove_member(struct buffer *text, const char *name)
{
	autobuffer struct buffer unused = BUFFER_INIT;
	autobuffer struct buffer rest = BUFFER_INIT;
	struct scan scan;
	const char *at;

	if (!json_check(text->data, text->length, &unused))
		return false;
	begin_scan(&scan, text->data, text->length, &unused);
	at = pass_start(&scan);
	if (*at != '{')
		return false;
	copy_other_members(&scan, at, name, &rest);
	buffer_move(text, &rest);
	return true;
}

void json_check_append_plain(struct buffer *out, const char *reason)
{
	static const char prefix[] = "Could not parse payload into json: ";
	static const char source[] = "[Source: ", place[] = "; line: ";
	const char *at = strstr(reason, prefix);

	at = at ? at + strlen(prefix) : reason;
	while (*at) {
		const char *line = strncmp(at, source, strlen(source)) == 0 ? strstr(at, place)
		                                                            : NULL;
		if (line) {
			size_t length = strcspn(line + 2, "]");
			buffer_append(out, line + 2, length);
			at = line + 2 + length + (line[2 + length] == ']');
		} else if (*at != '\n') {
			buffer_append(out, at++, 1);
		} else {
			at++;
		}
	}
}
