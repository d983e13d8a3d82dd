/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random - numbers that look random, the same for the same seed on every machine.
 *
 * xoshiro256**, seeded by splitmix64 (Blackman and Vigna). For statistics, never for
 * secrets or identifiers: those are identifier.h's.
 */
#ifndef EMULATOR_RANDOM_H
#define EMULATOR_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
	uint64_t state[4];
};

void random_seed(struct random *random, uint64_t seed);

/* Below 'limit', which is far below 2^32: the bias is then nobody's concern. */
size_t random_below(struct random *random, size_t limit);

/* From 0 on, below 1. */
double random_unit(struct random *random);

#endif
