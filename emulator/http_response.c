/* SPDX-License-Identifier: Apache-2.0 */
/* http_response - where a response to a request of ours ends, and its status */
#include "emulator/http_response.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void http_response_begin(struct http_response *response)
{
	*response = (struct http_response){ .state = HTTP_RESPONSE_UNFINISHED };
}

static void fail(struct http_response *response, const char *defect)
{
	response->state = HTTP_RESPONSE_BAD;
	response->defect = defect;
}

static void complete(struct http_response *response)
{
	response->state = HTTP_RESPONSE_COMPLETE;
}

/* ---- lines ---- */

static bool is_digit(char letter)
{
	return letter >= '0' && letter <= '9';
}

/* "HTTP/1.1 200 OK" */
static void take_status_line(struct http_response *response)
{
	const char *line = response->line;

	/* An empty line before it is a leftover that some servers send. */
	if (!*line && !response->status)
		return;
	if (strncmp(line, "HTTP/1.", 7) != 0 || !is_digit(line[7]) || line[8] != ' ' ||
	    line[9] < '1' || line[9] > '5' || !is_digit(line[10]) || !is_digit(line[11]) ||
	    (line[12] != ' ' && line[12] != '\0')) {
		fail(response, "the status line is no HTTP");
		return;
	}
	response->status = (unsigned)atoi(line + 9);
	response->keeps = line[7] != '0';
	response->part = HTTP_RESPONSE_HEADER;
}

/* Whether one of the words of a list is 'word'. */
static bool has_word(const char *list, const char *word)
{
	static const char separators[] = ", \t";
	size_t length = strlen(word);

	while (*(list += strspn(list, separators))) {
		size_t found = strcspn(list, separators);

		if (found == length && strncasecmp(list, word, length) == 0)
			return true;
		list += found;
	}
	return false;
}

static void take_content_length(struct http_response *response, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	uint64_t length = digits > 0 && digits < 19 ? strtoull(value, NULL, 10) : UINT64_MAX;

	if (digits == 0 || value[digits] != '\0')
		fail(response, "the Content-Length is no number");
	else if (response->has_length && length != response->left)
		fail(response, "there are two Content-Lengths");
	else if (length > HTTP_RESPONSE_BODY_LIMIT)
		fail(response, "the body is too long");
	response->has_length = true;
	response->left = length;
}

/* The value of the header 'name' in this line, or NULL when it is another. */
static char *header_value(char *line, const char *name)
{
	size_t length = strlen(name);
	char *value;

	if (strncasecmp(line, name, length) != 0 || line[length] != ':')
		return NULL;
	value = line + length + 1;
	value += strspn(value, " \t");
	for (size_t end = strlen(value); end > 0 && strchr(" \t", value[end - 1]); end--)
		value[end - 1] = '\0';
	return value;
}

static void take_header(struct http_response *response)
{
	char *value;

	if ((value = header_value(response->line, "Content-Length")))
		take_content_length(response, value);
	else if ((value = header_value(response->line, "Transfer-Encoding")))
		response->is_chunked = has_word(value, "chunked");
	else if ((value = header_value(response->line, "Connection")))
		response->keeps = has_word(value, "keep-alive") ||
		                  (response->keeps && !has_word(value, "close"));
}

static void end_head(struct http_response *response)
{
	size_t head_bytes = response->head_bytes;

	if (response->status < 200) {
		http_response_begin(response);
		response->head_bytes = head_bytes;
		return;
	}
	response->has_head = true;
	if (response->status == 204 || response->status == 304) {
		complete(response);
	} else if (response->is_chunked) {
		response->part = HTTP_RESPONSE_CHUNK_SIZE;
	} else if (!response->has_length) {
		response->part = HTTP_RESPONSE_BODY;
		response->until_close = true;
		response->left = UINT64_MAX;
		response->keeps = false;
	} else if (response->left == 0) {
		complete(response);
	} else {
		response->part = HTTP_RESPONSE_BODY;
	}
}

static void take_chunk_size(struct http_response *response)
{
	size_t digits = strspn(response->line, "0123456789abcdefABCDEF");
	char next = response->line[digits];

	if (digits == 0 || digits > 15 || (next && !strchr("; \t", next))) {
		fail(response, "the size of a chunk is no number");
		return;
	}
	response->left = strtoull(response->line, NULL, 16);
	response->part = response->left > 0 ? HTTP_RESPONSE_CHUNK : HTTP_RESPONSE_TRAILER;
}

static void take_line(struct http_response *response)
{
	switch (response->part) {
	case HTTP_RESPONSE_STATUS_LINE:
		take_status_line(response);
		break;
	case HTTP_RESPONSE_HEADER:
		if (response->line_length > 0)
			take_header(response);
		else
			end_head(response);
		break;
	case HTTP_RESPONSE_CHUNK_SIZE:
		take_chunk_size(response);
		break;
	case HTTP_RESPONSE_CHUNK_END:
		if (response->line_length > 0)
			fail(response, "a chunk is longer than it says");
		response->part = HTTP_RESPONSE_CHUNK_SIZE;
		break;
	case HTTP_RESPONSE_TRAILER:
		if (response->line_length == 0)
			complete(response);
		break;
	case HTTP_RESPONSE_BODY:
	case HTTP_RESPONSE_CHUNK:
		break;
	}
}

/* A NUL would end the line for whoever looks at it: it is part of no valid one. */
static void keep_line(struct http_response *response, const char *data, size_t length)
{
	size_t room = sizeof(response->line) - 1 - response->line_length;

	if (length > room)
		length = room;
	memcpy(response->line + response->line_length, data, length);
	response->line_length += length;
	response->line[response->line_length] = '\0';
}

/* Returns how many bytes were used up: to the end of the line, or all. */
static size_t take_line_bytes(struct http_response *response, const char *data, size_t length)
{
	const char *newline = memchr(data, '\n', length);
	size_t part = newline ? (size_t)(newline - data) : length;
	size_t used = newline ? part + 1 : length;

	response->head_bytes += used;
	if (response->head_bytes > HTTP_RESPONSE_HEAD_LIMIT) {
		fail(response, "the head is too long");
		return used;
	}
	keep_line(response, data, part);
	if (!newline)
		return used;
	if (response->line_length > 0 && response->line[response->line_length - 1] == '\r')
		response->line[--response->line_length] = '\0';
	take_line(response);
	response->line_length = 0;
	response->line[0] = '\0';
	return used;
}

/* ---- bodies ---- */

static size_t take_body_bytes(struct http_response *response, size_t length)
{
	size_t used = length < response->left ? length : (size_t)response->left;

	response->left -= used;
	response->body_bytes += used;
	if (response->body_bytes > HTTP_RESPONSE_BODY_LIMIT)
		fail(response, "the body is too long");
	else if (response->left == 0 && response->part == HTTP_RESPONSE_CHUNK)
		response->part = HTTP_RESPONSE_CHUNK_END;
	else if (response->left == 0)
		complete(response);
	return used;
}

size_t http_response_take(struct http_response *response, const char *data, size_t length)
{
	size_t used = 0;

	while (used < length && response->state == HTTP_RESPONSE_UNFINISHED) {
		if (response->part == HTTP_RESPONSE_BODY || response->part == HTTP_RESPONSE_CHUNK)
			used += take_body_bytes(response, length - used);
		else
			used += take_line_bytes(response, data + used, length - used);
	}
	return used;
}

void http_response_end(struct http_response *response)
{
	if (response->state != HTTP_RESPONSE_UNFINISHED)
		return;
	if (response->until_close)
		complete(response);
	else
		fail(response, response->status ? "the response is cut" : "there is no response");
}
