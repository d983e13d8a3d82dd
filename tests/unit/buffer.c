/* SPDX-License-Identifier: Apache-2.0 */
/* buffer - bytes that grow: always terminated, never copied to be handed on. */
#include <stdlib.h>

#include "emulator/buffer.h"
#include "tests/unit/test.h"

static void test_empty(void)
{
	autobuffer struct buffer buffer = BUFFER_INIT;

	CHECK_STR(buffer.data, "");
	CHECK_INT(buffer.length, 0);
	buffer_clear(&buffer);
	buffer_consume(&buffer, 10);
	buffer_append(&buffer, "", 0);
	CHECK_INT(buffer.capacity, 0);
	CHECK(buffer.data == buffer_nothing);
}

static void test_append(void)
{
	autobuffer struct buffer buffer = BUFFER_INIT;

	buffer_append_text(&buffer, "one ");
	buffer_append(&buffer, "two\0", 3);
	buffer_append_format(&buffer, " %d%s", 3, "");
	CHECK_STR(buffer.data, "one two 3");
	CHECK_INT(buffer.length, 9);
	buffer_append(&buffer, "\0x", 2);
	CHECK_INT(buffer.length, 11);
	CHECK_INT(buffer.data[11], '\0');
}

/* Each length once, so that the text ends just before, at and behind the capacity. */
static void test_format_around_capacity(void)
{
	for (int width = 0; width < 200; width++) {
		autobuffer struct buffer buffer = BUFFER_INIT;

		buffer_append_text(&buffer, "<");
		buffer_append_format(&buffer, "%*s>", width, "");
		if (!CHECK_INT(buffer.length, width + 2) ||
		    !CHECK_INT(buffer.data[width + 1], '>') ||
		    !CHECK_INT(strlen(buffer.data), width + 2))
			return;
	}
}

static void test_many_appends(void)
{
	autobuffer struct buffer buffer = BUFFER_INIT;

	for (int i = 0; i < 100000; i++)
		buffer_append(&buffer, "0123456789", 10);
	CHECK_INT(buffer.length, 1000000);
	CHECK_INT(strlen(buffer.data), 1000000);
	CHECK(buffer.capacity < 2000000);
}

static void test_reserve_has_no_slack(void)
{
	autobuffer struct buffer buffer = BUFFER_INIT;
	char *storage;

	buffer_reserve(&buffer, 1000);
	storage = buffer.data;
	CHECK_INT(buffer.capacity, 1001);
	CHECK_STR(buffer.data, "");
	for (int i = 0; i < 1000; i++)
		buffer_append(&buffer, "x", 1);
	CHECK(buffer.data == storage);
	CHECK_INT(buffer.capacity, 1001);
}

static void test_consume(void)
{
	autobuffer struct buffer buffer = BUFFER_INIT;

	buffer_append_text(&buffer, "head and tail");
	buffer_consume(&buffer, 0);
	buffer_consume(&buffer, 9);
	CHECK_STR(buffer.data, "tail");
	buffer_consume(&buffer, 4);
	CHECK_STR(buffer.data, "");
	CHECK_INT(buffer.length, 0);
}

static void test_steal(void)
{
	autobuffer struct buffer buffer = BUFFER_INIT;
	size_t length;
	char *storage, *taken;

	taken = buffer_steal(&buffer, &length);
	CHECK_STR(taken, "");
	CHECK_INT(length, 0);
	free(taken);

	buffer_append_text(&buffer, "mine");
	storage = buffer.data;
	taken = buffer_steal(&buffer, &length);
	CHECK(taken == storage);
	CHECK_INT(length, 4);
	CHECK_STR(buffer.data, "");
	free(taken);
}

static void test_move(void)
{
	autobuffer struct buffer from = BUFFER_INIT;
	autobuffer struct buffer to = BUFFER_INIT;
	char *storage;

	buffer_append_text(&from, "new");
	buffer_append_text(&to, "old");
	storage = from.data;
	buffer_move(&to, &from);
	CHECK(to.data == storage);
	CHECK_STR(to.data, "new");
	CHECK_STR(from.data, "");
	buffer_move(&to, &to);
	CHECK_STR(to.data, "new");
}

static void test_allocation(void)
{
	char *text = xasprintf("%s-%d", "id", 7);
	char *copy = xstrdup(text);
	char *zeroed = xcalloc(0, 0);

	CHECK_STR(text, "id-7");
	CHECK_STR(copy, "id-7");
	CHECK(zeroed);
	free(text);
	free(copy);
	free(zeroed);
}

TEST_MAIN(test_empty, test_append, test_format_around_capacity, test_many_appends,
          test_reserve_has_no_slack, test_consume, test_steal, test_move, test_allocation)
