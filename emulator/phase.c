/* SPDX-License-Identifier: Apache-2.0 */
/* phase - durations out of timestamps */
#include "emulator/phase.h"

static uint64_t elapsed(uint64_t from_ns, uint64_t to_ns)
{
	return from_ns && to_ns > from_ns ? to_ns - from_ns : 0;
}

uint64_t init_phase_duration_ns(const struct init_phase *phase)
{
	return elapsed(phase->started_ns, phase->ended_ns);
}

uint64_t restore_phase_duration_ns(const struct restore_phase *phase)
{
	return elapsed(phase->started_ns, phase->ended_ns);
}

uint64_t invoke_phase_duration_ns(const struct invoke_phase *phase, uint64_t limit_ns)
{
	uint64_t duration = elapsed(phase->started_ns, phase->ended_ns);

	return duration < limit_ns ? duration : limit_ns;
}
