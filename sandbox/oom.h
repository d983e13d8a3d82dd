/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oom - whom the memory limit has killed: a program, or a child of one.
 *
 * The kernel says how many it killed, and nothing of whom. A program that ends by SIGKILL while a
 * kill is not accounted for was the one; if none does, it was a child. But the kernel counts a kill
 * before it sends the signal (__oom_kill_process), and who kills is a process of the box, which may
 * have to wait in between for a CPU period or two. So a kill is a child's when no program was seen
 * to die for several periods after it.
 *
 * Pure: counts and times come from the caller, in nanoseconds.
 */
#ifndef SANDBOX_OOM_H
#define SANDBOX_OOM_H

#include <stdbool.h>
#include <stdint.h>

/* Of one box; zeroed at first. */
struct oom {
	uint64_t told;    /* kills that are accounted for */
	uint64_t calm_ns; /* since when no program dies, as far as anybody looked; 0: not known */
	uint64_t calm_kills; /* those that were not accounted for then */
	unsigned looks;      /* since the last news */
};

/* There may have been a kill: it is time to look, again and again. */
void oom_news(struct oom *oom);

/* In how many milliseconds to look next, after oom_news() or oom_look(); 0: not any more. */
unsigned oom_wait_ms(const struct oom *oom, uint64_t kills);

/*
 * A look: 'kills' is the kernel's count, and whether a program was dying was found out after it was
 * read. Returns how many are to be told of as those of children.
 */
unsigned oom_look(struct oom *oom, uint64_t kills, bool is_dying, uint64_t now_ns);

/* A program has ended by SIGKILL, or is doing so: whether it was the limit. */
bool oom_claim(struct oom *oom, uint64_t kills);

/* Nobody is left: how many kills nobody has claimed. */
unsigned oom_rest(struct oom *oom, uint64_t kills);

#endif
