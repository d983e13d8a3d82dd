/* SPDX-License-Identifier: Apache-2.0 */
/* measurement - what was measured of a function, run by run */
#include "emulator/measurement.h"

#include <stdlib.h>
#include <string.h>

#include "emulator/buffer.h"

#define FIRST_ROOM 64

void measurement_init(struct measurement *measurement)
{
	*measurement = (struct measurement){ .cold_count = 0 };
}

void measurement_finish(struct measurement *measurement)
{
	free(measurement->cold);
	free(measurement->warm);
	measurement_init(measurement);
}

/* Room for one more; doubles where 'count' is FIRST_ROOM times a power of two. */
static void *grow(void *runs, size_t count, size_t size)
{
	if (count % FIRST_ROOM == 0 && (count & (count - 1)) == 0)
		runs = xrealloc(runs, (count ? 2 * count : FIRST_ROOM) * size);
	memset((char *)runs + count * size, 0, size);
	return runs;
}

struct cold_start *measurement_add_cold(struct measurement *measurement)
{
	measurement->cold = grow(measurement->cold, measurement->cold_count,
	                         sizeof(*measurement->cold));
	return &measurement->cold[measurement->cold_count++];
}

struct warm_invoke *measurement_add_warm(struct measurement *measurement)
{
	measurement->warm = grow(measurement->warm, measurement->warm_count,
	                         sizeof(*measurement->warm));
	return &measurement->warm[measurement->warm_count++];
}
