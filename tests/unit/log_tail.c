/* SPDX-License-Identifier: Apache-2.0 */
/* log_tail - the last 4096 bytes, however they come in */
#include "emulator/log_tail.h"

#include "tests/unit/test.h"

/* Byte 'at' of a stream that does not repeat within any tail. */
static char byte_at(uint64_t at)
{
	return (char)('!' + (at * 7 + at / 90) % 90);
}

static void add(struct log_tail *tail, uint64_t from, size_t length)
{
	static char bytes[4 * LOG_TAIL_SIZE];

	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_at(from + i);
	log_tail_add(tail, bytes, length);
}

static void check_holds(const struct log_tail *tail, uint64_t total)
{
	autobuffer struct buffer copy = BUFFER_INIT;
	size_t expected = total < LOG_TAIL_SIZE ? total : LOG_TAIL_SIZE;

	log_tail_copy(tail, &copy);
	if (!CHECK_INT(copy.length, expected))
		return;
	for (size_t i = 0; i < expected; i++)
		if (!CHECK_INT(copy.data[i], byte_at(total - expected + i)))
			return;
}

static void test_empty(void)
{
	struct log_tail tail = { .total = 0 };

	check_holds(&tail, 0);
	log_tail_add(&tail, "", 0);
	check_holds(&tail, 0);
}

static void test_pieces(void)
{
	static const size_t sizes[] = { 1,    2,    3,    4095, 4096, 4097, 1,
		                        8191, 8192, 8193, 4096, 100,  12288 };
	struct log_tail tail = { .total = 0 };
	uint64_t total = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		add(&tail, total, sizes[i]);
		total += sizes[i];
		check_holds(&tail, total);
	}
}

static void test_byte_by_byte(void)
{
	struct log_tail tail = { .total = 0 };

	for (uint64_t total = 0; total < 2 * LOG_TAIL_SIZE + 10; total++)
		add(&tail, total, 1);
	check_holds(&tail, 2 * LOG_TAIL_SIZE + 10);
}

static void test_clear(void)
{
	struct log_tail tail = { .total = 0 };

	add(&tail, 5, 5000);
	log_tail_clear(&tail);
	check_holds(&tail, 0);
	add(&tail, 0, 10);
	check_holds(&tail, 10);
}

/* What is there already stays. */
static void test_copy_appends(void)
{
	struct log_tail tail = { .total = 0 };
	autobuffer struct buffer out = BUFFER_INIT;

	log_tail_add(&tail, "world", 5);
	buffer_append_text(&out, "hello ");
	log_tail_copy(&tail, &out);
	CHECK_STR(out.data, "hello world");
}

TEST_MAIN(test_empty, test_pieces, test_byte_by_byte, test_clear, test_copy_appends)
