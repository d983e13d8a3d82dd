/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup - limits on all processes of a box together: memory, CPU, their number; and freezing
 * them.
 *
 * lrie makes one parent group in every hierarchy it needs, below the group it runs
 * in itself, see cgroup_parent.h, and one group in it for each box. A controller is
 * used in the version in which this machine has it; cgroup_v1.c and cgroup_v2.c
 * know how each says what is meant here.
 */
#ifndef SANDBOX_CGROUP_H
#define SANDBOX_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sandbox/error.h"
#include "sandbox/message.h"

/* The freezer is a controller in version 1 only. In version 2 every group can be frozen, if nothing
 * else; it is preferred, since it takes a tenth of the time and its frozen processes can be killed.
 */
enum cgroup_controller {
	CGROUP_MEMORY,
	CGROUP_CPU,
	CGROUP_PIDS,
	CGROUP_FREEZER,
	CGROUP_CONTROLLERS,
};

struct cgroup_limits {
	uint64_t memory_bytes; /* 0: none, in all three */
	unsigned cpu_millis;   /* when throttled; a group begins at full speed */
	unsigned processes;
	bool freezes; /* it will be frozen */
};

/* ---- the parent groups ------------------------------------------------- */

struct cgroup_host;

/* Never fails: what cannot be used is told by cgroup_host_mechanism(). */
struct cgroup_host *cgroup_host_create(void);
void cgroup_host_destroy(struct cgroup_host *host);

/* "cgroup v1" or "cgroup v2", or NULL and in 'why' the reason. */
const char *cgroup_host_mechanism(const struct cgroup_host *host, enum cgroup_controller controller,
                                  struct error *why);

/* Stops using a controller that turned out not to work. */
void cgroup_host_give_up(struct cgroup_host *host, enum cgroup_controller controller,
                         const struct error *why);

/* ---- the group of a box ------------------------------------------------- */

struct cgroup;

/*
 * Makes the group 'number' (unique in the process) with the limits that can be
 * used here. Returns NULL when one that should work does not: 'failed' then
 * names it.
 */
struct cgroup *cgroup_create(struct cgroup_host *host, unsigned number,
                             const struct cgroup_limits *limits, enum cgroup_controller *failed,
                             struct error *err);

/*
 * Removes the group. All processes must be gone; since the kernel may still be
 * busy with them, this may wait a few milliseconds, and leave what cannot be
 * removed to cgroup_host_destroy(). NULL is fine.
 */
void cgroup_destroy(struct cgroup *group);

/*
 * How a process gets in. A process enters by writing "0" to each descriptor. When
 * the function returns CGROUP_BORN_IN, the last one is a folder instead, and the
 * child is created in it (CLONE_INTO_CGROUP). 'fds' are the caller's.
 */
enum cgroup_entry { CGROUP_WRITE_ALL, CGROUP_BORN_IN };

bool cgroup_open_entries(const struct cgroup *group, struct message_fds *fds,
                         enum cgroup_entry *entry, struct error *err);

/* ---- measuring and steering ---------------------------------------------- */

void cgroup_throttle(struct cgroup *group, bool throttled);

/*
 * Freezes all processes of the group, or thaws them. Returns at once; each process follows when the
 * kernel comes to it. A process that enters a frozen group is frozen, too. Does nothing where
 * nothing can be frozen. 190 microseconds for both in version 1, 12 in version 2.
 */
void cgroup_freeze(struct cgroup *group, bool frozen);

/* Tries it. Returns false and fills 'why' when it has no effect. */
bool cgroup_can_freeze(struct cgroup *group, struct error *why);

/* Whether frozen processes live on when they are killed, until somebody thaws them: version 1. */
bool cgroup_host_frozen_survive(const struct cgroup_host *host);

/* Opens what cgroup_thaw_by() takes, so that somebody else can thaw the group when lrie is gone.
 * Returns -1 when it cannot be frozen, or dies without that. */
int cgroup_open_thaw(const struct cgroup *group);
void cgroup_thaw_by(int fd);

/* Processes and threads in the group. False when unknown. Half a microsecond. */
bool cgroup_task_count(const struct cgroup *group, unsigned *count);

/* Opens a file of the group for reading, in the folder of version 2 or the first of version 1 that
 * has it. Returns -1 where none does. The caller's. */
int cgroup_open_file(const struct cgroup *group, bool version_2, const char *name);

/* The number that a file, kept open, holds now. */
bool cgroup_read_number(int fd, uint64_t *number);

/* The number behind 'key' at the beginning of a line of 'text', or 0. */
uint64_t cgroup_value(const char *text, const char *key);

/* ---- for the other cgroup files ------------------------------------------------------------- */

struct cgroup_memory_stat;

#define CGROUP_CPU_PERIOD_US 20000 /* Lambda's own, by observation */

/* What a version calls things, and how it limits. */
struct cgroup_version {
	const char *name;
	const char *cpu_file;       /* takes what format_cpu() makes */
	const char *oom_file;       /* holds a line "oom_kill N" */
	const char *peak_file;      /* may be missing */
	const char *usage_file;     /* what is charged now */
	const char *limit_files[2]; /* are raised from the last to the first; both may be missing */
	const char *entry_file;
	const char *freeze_file; /* takes one of the next two, and then begins with it */
	const char *frozen, *thawed;
	bool frozen_survive; /* see cgroup_host_frozen_survive() */
	bool born_in;        /* the folder itself is an entry */

	bool (*limit)(int dir, enum cgroup_controller controller,
	              const struct cgroup_limits *limits, struct error *err);

	/* 'millis' 0: full speed */
	void (*format_cpu)(char *text, size_t size, unsigned millis);

	/* Takes what a memory.stat says apart, and what else is in the folder. */
	void (*parse_memory)(int dir, const char *stat, struct cgroup_memory_stat *memory);

	/* Opens what cgroup_memory_watch() watches for 'events', or returns -1. */
	int (*watch_oom)(int dir, uint32_t *events);
};

/* Where a controller is: the group we run in, and the root that limits climbing. */
struct cgroup_place {
	const struct cgroup_version *version; /* NULL: not on this machine */
	char mount[512];
	char own[1536]; /* absolute, begins with 'mount' */
};

/* The folder of the group's memory controller and its version, or -1. Owned by the group. */
int cgroup_memory_dir(const struct cgroup *group, const struct cgroup_version **version);

const char *cgroup_controller_name(enum cgroup_controller controller);

/* Sets 'file' of the group 'dir' to a number. */
bool cgroup_set_number(int dir, const char *file, uint64_t number, struct error *err);

#endif
