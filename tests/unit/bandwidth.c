/* SPDX-License-Identifier: Apache-2.0 */
/* bandwidth - the burst, the rate behind it, and clocks that do what they like. */
#include "emulator/bandwidth.h"

#include "tests/unit/test.h"

#define S UINT64_C(1000000000)
#define MIB (UINT64_C(1) << 20)

static struct bandwidth bandwidth;

static void test_no_limit(void)
{
	bandwidth_init(&bandwidth, 0, 6 * MIB, 5 * S);
	CHECK_INT(bandwidth_take(&bandwidth, UINT64_C(1) << 40, 5 * S), 0);
	CHECK_INT(bandwidth_take(&bandwidth, UINT64_C(1) << 40, 1), 0);
}

static void test_burst_then_rate(void)
{
	bandwidth_init(&bandwidth, 2 * MIB, 6 * MIB, 5 * S);
	CHECK_INT(bandwidth_take(&bandwidth, 5 * MIB, 5 * S), 0);
	CHECK_INT(bandwidth_take(&bandwidth, MIB, 5 * S), 0);
	CHECK_INT(bandwidth_take(&bandwidth, MIB, 5 * S), S / 2);
	CHECK_INT(bandwidth_take(&bandwidth, 0, 5 * S + S / 2), 0);
	CHECK_INT(bandwidth_take(&bandwidth, 4 * MIB, 5 * S + S / 2), 2 * S);
	CHECK_INT(bandwidth_take(&bandwidth, 0, 7 * S), S / 2);
}

static void test_it_fills_again_and_no_further(void)
{
	bandwidth_init(&bandwidth, 2 * MIB, 6 * MIB, 5 * S);
	CHECK_INT(bandwidth_take(&bandwidth, 6 * MIB, 5 * S), 0);
	CHECK_INT(bandwidth_take(&bandwidth, 2 * MIB, 6 * S), 0);
	CHECK_INT(bandwidth_take(&bandwidth, 6 * MIB, 1000 * S), 0);
	CHECK_INT(bandwidth_take(&bandwidth, 2 * MIB, 1000 * S), S);
	CHECK_INT(bandwidth_take(&bandwidth, 6 * MIB, UINT64_MAX), 0);
	CHECK_INT(bandwidth_take(&bandwidth, 2 * MIB, UINT64_MAX), S);
}

/* However often it is asked: not a byte is lost, and none is won. */
static void test_small_steps(void)
{
	static const uint64_t rates[] = { 2 * MIB, 1, 3, 999999937, 1000000000 };

	for (int i = 0; i < 5; i++) {
		uint64_t now = 5 * S, wait = 0, taken = 0;

		bandwidth_init(&bandwidth, rates[i], 0, now);
		for (int step = 0; step < 100000; step++, now += 7919) {
			wait = bandwidth_take(&bandwidth, 0, now);
			if (wait > 0)
				continue;
			wait = bandwidth_take(&bandwidth, 1, now);
			taken++;
		}
		/* Each byte is paid for, the last one perhaps not yet. */
		CHECK(taken * S / rates[i] <= now - 5 * S + S / rates[i] + 8000);
		if (rates[i] > 1000000)
			continue;
		CHECK_INT(taken, 1 + (now - 5 * S) * rates[i] / S);
	}
}

/* It waits, and does not run away. */
static void test_clock_goes_back(void)
{
	bandwidth_init(&bandwidth, 2 * MIB, 6 * MIB, 50 * S);
	CHECK_INT(bandwidth_take(&bandwidth, 6 * MIB, 50 * S), 0);
	CHECK_INT(bandwidth_take(&bandwidth, 2 * MIB, 10 * S), S);
	CHECK_INT(bandwidth_take(&bandwidth, 0, 11 * S), 0);
}

TEST_MAIN(test_no_limit, test_burst_then_rate, test_it_fills_again_and_no_further, test_small_steps,
          test_clock_goes_back)
