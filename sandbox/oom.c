/* SPDX-License-Identifier: Apache-2.0 */
/* oom - whom the memory limit has killed: a program, or a child of one */
#include "sandbox/oom.h"

/* Five CPU periods, see cgroup.h. */
#define CALM_NS UINT64_C(500000000)

#define FIRST_WAIT_MS 10
#define LAST_WAIT_MS 160

/* Version 1 of cgroups announces that the limit is hit before it kills, if it does: most of a
 * second. A victim may be frozen and die seconds later; who gives up then loses nothing, since its
 * end is told. */
#define LOOKS_FOR_KILLS 8
#define LOOKS 40

static uint64_t untold(const struct oom *oom, uint64_t kills)
{
	return kills > oom->told ? kills - oom->told : 0;
}

void oom_news(struct oom *oom)
{
	oom->looks = 0;
}

unsigned oom_wait_ms(const struct oom *oom, uint64_t kills)
{
	unsigned ms = FIRST_WAIT_MS;

	if (oom->looks >= (untold(oom, kills) ? LOOKS : LOOKS_FOR_KILLS))
		return 0;
	for (unsigned i = 0; i < oom->looks && ms < LAST_WAIT_MS; i++)
		ms *= 2;
	return ms;
}

static unsigned tell(struct oom *oom, uint64_t count)
{
	oom->told += count;
	oom->calm_ns = 0;
	return (unsigned)count;
}

unsigned oom_look(struct oom *oom, uint64_t kills, bool is_dying, uint64_t now_ns)
{
	uint64_t count = untold(oom, kills);

	oom->looks++;
	if (!count || is_dying) {
		oom->calm_ns = 0;
		return 0;
	}
	if (!oom->calm_ns) {
		oom->calm_ns = now_ns;
		oom->calm_kills = count;
	}
	/* What came later has its own time; a program may have claimed one meanwhile. */
	if (now_ns - oom->calm_ns < CALM_NS)
		return 0;
	return tell(oom, oom->calm_kills < count ? oom->calm_kills : count);
}

bool oom_claim(struct oom *oom, uint64_t kills)
{
	if (!untold(oom, kills))
		return false;
	tell(oom, 1);
	return true;
}

unsigned oom_rest(struct oom *oom, uint64_t kills)
{
	return tell(oom, untold(oom, kills));
}
