/* SPDX-License-Identifier: Apache-2.0 */
/* moment - the smallest program that can tell when it began: writes its monotonic clock, in ns */
#include <stdint.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	uint64_t at_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	return write(STDOUT_FILENO, &at_ns, sizeof(at_ns)) != sizeof(at_ns);
}
