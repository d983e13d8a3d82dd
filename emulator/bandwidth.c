/* SPDX-License-Identifier: Apache-2.0 */
/* bandwidth - how fast bytes may pass */
#include "emulator/bandwidth.h"

#include "emulator/clock.h"

void bandwidth_init(struct bandwidth *bandwidth, uint64_t bytes_per_s, uint64_t burst,
                    uint64_t now_ns)
{
	*bandwidth = (struct bandwidth){
		.bytes_per_s = bytes_per_s,
		.burst = burst,
		.level = (int64_t)burst,
		.at_ns = now_ns,
	};
}

/* Whole bytes; of the time that was not enough for one more, nothing is lost. */
static void fill(struct bandwidth *bandwidth, uint64_t now_ns)
{
	uint64_t passed = now_ns > bandwidth->at_ns ? now_ns - bandwidth->at_ns : 0;
	uint64_t missing = (uint64_t)((int64_t)bandwidth->burst - bandwidth->level);
	uint64_t bytes;

	bandwidth->at_ns = now_ns;
	/* Long enough to fill it; and the product below stays within 64 bits. */
	if (passed / CLOCK_NS_PER_S >= missing / bandwidth->bytes_per_s + 1) {
		bandwidth->level = (int64_t)bandwidth->burst;
		bandwidth->rest_ns = 0;
		return;
	}
	passed += bandwidth->rest_ns;
	bytes = passed / CLOCK_NS_PER_S * bandwidth->bytes_per_s +
	        passed % CLOCK_NS_PER_S * bandwidth->bytes_per_s / CLOCK_NS_PER_S;
	bandwidth->rest_ns = passed % CLOCK_NS_PER_S * bandwidth->bytes_per_s % CLOCK_NS_PER_S /
	                     bandwidth->bytes_per_s;
	bandwidth->level += (int64_t)(bytes < missing ? bytes : missing);
}

uint64_t bandwidth_take(struct bandwidth *bandwidth, uint64_t bytes, uint64_t now_ns)
{
	uint64_t debt;

	if (bandwidth->bytes_per_s == 0)
		return 0;
	fill(bandwidth, now_ns);
	bandwidth->level -= (int64_t)bytes;
	if (bandwidth->level >= 0)
		return 0;
	debt = (uint64_t)-bandwidth->level;
	return debt / bandwidth->bytes_per_s * CLOCK_NS_PER_S +
	       (debt % bandwidth->bytes_per_s * CLOCK_NS_PER_S + bandwidth->bytes_per_s - 1) /
	               bandwidth->bytes_per_s;
}
