/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bandwidth - how fast bytes may pass: a bucket of them, filled at a steady rate.
 *
 * A full bucket passes at once, which is the burst; after that bytes pass as
 * they are filled in. Whoever takes more than there is waits until the debt is
 * paid, so that pieces are never cut.
 */
#ifndef EMULATOR_BANDWIDTH_H
#define EMULATOR_BANDWIDTH_H

#include <stdint.h>

struct bandwidth {
	uint64_t bytes_per_s; /* 0: no limit */
	uint64_t burst;
	int64_t level;    /* bytes that may pass; below 0 they have passed too early */
	uint64_t at_ns;   /* the level is that of then */
	uint64_t rest_ns; /* ... and of so much time, that was not enough for a byte */
};

/* Full, at 'now_ns'. */
void bandwidth_init(struct bandwidth *bandwidth, uint64_t bytes_per_s, uint64_t burst,
                    uint64_t now_ns);

/* 'bytes' pass. Returns for how many nanoseconds no more should; 0: go on. */
uint64_t bandwidth_take(struct bandwidth *bandwidth, uint64_t bytes, uint64_t now_ns);

#endif
