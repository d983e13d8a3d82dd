/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_v2 - version 2: one hierarchy, in which controllers are handed down
 *
 * A group whose children have controllers may hold no processes of its own (the
 * root is exempt). lrie's own group holds lrie. There are three ways out, and
 * they are tried in this order:
 *
 *  - the controllers are handed down already, or can be: nothing to do;
 *  - lrie is alone in its group, as after "systemd-run --scope -p Delegate=yes"
 *    or in a container: it moves itself into a leaf beside the boxes;
 *  - others are there too, as in a login session: the boxes go below the nearest
 *    group further up that holds no processes and may be written to. For a user
 *    of a desktop this is the slice of his applications, for root that of his user.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/cgroup_memory.h"
#include "sandbox/cgroup_v2.h"
#include "sandbox/fd.h"

#define CONTROL_FILE "cgroup.subtree_control"
#define PROCS_FILE "cgroup.procs"
#define FREEZE_FILE "cgroup.freeze"
#define MEMORY_FILE "memory.max"
#define OOM_FILE "memory.events"
#define LEAF "self"

/* The largest that a page fault brings on common machines; with 64 KB pages, 512 MB. */
#define HUGE_PAGE_BYTES ((uint64_t)sysconf(_SC_PAGESIZE) * (uint64_t)sysconf(_SC_PAGESIZE) / 8)

/* ---- limits ---------------------------------------------------------------- */

static bool limit_memory(int dir, uint64_t bytes, struct error *err)
{
	if (!cgroup_set_number(dir, MEMORY_FILE, bytes, err))
		return false;
	/* Absent without swap: nothing is lost but precision. */
	fd_write_file(dir, "memory.swap.max", "0");
	return true;
}

static bool limit(int dir, enum cgroup_controller controller, const struct cgroup_limits *limits,
                  struct error *err)
{
	switch (controller) {
	case CGROUP_MEMORY:
		return !limits->memory_bytes || limit_memory(dir, limits->memory_bytes, err);
	case CGROUP_CPU:
		/* Nothing yet, but it must be there. */
		return faccessat(dir, "cpu.max", W_OK, 0) == 0 ||
		       error_set(err, errno, "open 'cpu.max'");
	case CGROUP_PIDS:
		return !limits->processes ||
		       cgroup_set_number(dir, "pids.max", limits->processes, err);
	case CGROUP_FREEZER:
	case CGROUP_CONTROLLERS:
		break;
	}
	return true;
}

static void format_cpu(char *text, size_t size, unsigned millis)
{
	if (millis)
		snprintf(text, size, "%u %u", millis * (CGROUP_CPU_PERIOD_US / 1000),
		         CGROUP_CPU_PERIOD_US);
	else
		snprintf(text, size, "max %u", CGROUP_CPU_PERIOD_US);
}

/* All of the kernel's share in one number there is since Linux 5.18. */
static uint64_t kernel_bytes(const char *text)
{
	uint64_t all = cgroup_value(text, "kernel");

	return all ? all
	           : cgroup_value(text, "slab") + cgroup_value(text, "kernel_stack") +
	                       cgroup_value(text, "pagetables");
}

static void parse_memory(int dir, const char *stat, struct cgroup_memory_stat *memory)
{
	uint64_t file = cgroup_value(stat, "file"), shmem = cgroup_value(stat, "shmem");

	(void)dir;
	*memory = (struct cgroup_memory_stat){
		.anonymous_bytes = cgroup_value(stat, "anon"),
		.shared_bytes = shmem,
		.cache_bytes = file > shmem ? file - shmem : 0,
		.kernel_bytes = kernel_bytes(stat) + cgroup_value(stat, "sock"),
		.huge_bytes = cgroup_value(stat, "thp_fault_alloc") * HUGE_PAGE_BYTES,
	};
}

/* The kernel tells of changes at most every 10 ms, the last of them late rather than not. */
static int watch_oom(int dir, uint32_t *events)
{
	*events = EPOLLPRI;
	return openat(dir, OOM_FILE, O_RDONLY | O_CLOEXEC);
}

const struct cgroup_version cgroup_v2 = {
	.name = "cgroup v2",
	.cpu_file = "cpu.max",
	.oom_file = OOM_FILE,
	.peak_file = "memory.peak",
	.usage_file = "memory.current",
	.limit_files = { MEMORY_FILE, NULL },
	.entry_file = PROCS_FILE,
	.freeze_file = FREEZE_FILE,
	.frozen = "1",
	.thawed = "0",
	.born_in = true,
	.limit = limit,
	.format_cpu = format_cpu,
	.parse_memory = parse_memory,
	.watch_oom = watch_oom,
};

/* ---- where the boxes go ------------------------------------------------------ */

static bool has_word(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; (at = strstr(at, word)); at += length) {
		bool begins = at == words || at[-1] == ' ';
		if (begins && strchr(" \n", at[length]))
			return true;
	}
	return false;
}

/*
 * Hands the controllers of 'path' down to its children. Returns the mask of those
 * that are, and in errno why one is not. Memory decides: the others can be handed
 * down from a group with processes too, but that would make its children threaded,
 * and then they could hold neither memory limits nor processes.
 */
static unsigned hand_down(const char *path)
{
	char file[1600], active[256], word[32];
	unsigned mask = 0;
	int code = 0;

	snprintf(file, sizeof(file), "%s/%s", path, CONTROL_FILE);
	if (fd_read_file(AT_FDCWD, file, active, sizeof(active)) == -1)
		return 0;
	for (unsigned i = 0; i < CGROUP_FREEZER; i++) {
		const char *name = cgroup_controller_name((enum cgroup_controller)i);
		snprintf(word, sizeof(word), "+%s", name);
		if (has_word(active, name) || fd_write_file(AT_FDCWD, file, word))
			mask |= 1u << i;
		else
			code = errno;
		if (!(mask & (1u << CGROUP_MEMORY)))
			break;
	}
	errno = code;
	return mask;
}

static bool make_parent(struct cgroup_parent *parent, const char *path, unsigned *usable,
                        struct error *err)
{
	char below[1600];

	if (!cgroup_parent_make(parent, path, err))
		return false;
	snprintf(below, sizeof(below), "%s/%s", path, parent->name);
	*usable = hand_down(below);
	return true;
}

/* Whether this process is the only one in the group. */
static bool is_alone(const char *path)
{
	char file[1600], procs[64];

	snprintf(file, sizeof(file), "%s/%s", path, PROCS_FILE);
	ssize_t length = fd_read_file(AT_FDCWD, file, procs, sizeof(procs));
	const char *line_end = length > 0 ? strchr(procs, '\n') : NULL;
	return line_end && line_end[1] == '\0' && atol(procs) == (long)getpid();
}

static bool move_into_leaf(struct cgroup_parent *parent, const char *path, unsigned *usable,
                           struct error *err)
{
	char below[1600];

	if (!cgroup_parent_make(parent, path, err))
		return false;
	if ((mkdirat(parent->dir, LEAF, 0755) == -1 && errno != EEXIST) ||
	    !fd_write_file(parent->dir, LEAF "/" PROCS_FILE, "0"))
		return error_set(err, errno, "move into '%s/%s/" LEAF "'", path, parent->name);
	*usable = hand_down(path);
	snprintf(below, sizeof(below), "%s/%s", path, parent->name);
	*usable &= hand_down(below);
	return true;
}

/* Cuts the last part off. Returns false at the root of the hierarchy. */
static bool climb(char *path, const char *mount)
{
	char *slash = strrchr(path, '/');

	if (strcmp(path, mount) == 0 || !slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/*
 * Which of the three ways was open to a dead lrie depended on who else was in its group;
 * what it left may lie further up than where this one settles.
 */
static void sweep_above(const struct cgroup_place *place)
{
	char path[sizeof(place->own)];

	memcpy(path, place->own, sizeof(path));
	while (climb(path, place->mount))
		cgroup_sweep(path, &cgroup_v2);
}

bool cgroup_v2_prepare(struct cgroup_parent *parent, const struct cgroup_place *place,
                       unsigned *usable, struct error *err)
{
	char path[sizeof(place->own)];

	sweep_above(place);
	memcpy(path, place->own, sizeof(path));
	if (hand_down(path) & (1u << CGROUP_MEMORY))
		return make_parent(parent, path, usable, err);
	if (errno == EBUSY && is_alone(path))
		return move_into_leaf(parent, path, usable, err);
	error_set(err, errno, "hand the memory controller of '%s' down", path);
	while (climb(path, place->mount)) {
		struct error further;
		if (!(hand_down(path) & (1u << CGROUP_MEMORY)))
			continue;
		if (make_parent(parent, path, usable, &further))
			return true;
	}
	return false;
}

/* Linux 5.2 */
bool cgroup_v2_can_freeze(const struct cgroup_parent *parent, struct error *err)
{
	return faccessat(parent->dir, FREEZE_FILE, W_OK, 0) == 0 ||
	       error_set(err, errno, "open '" FREEZE_FILE "'");
}

void cgroup_v2_restore(struct cgroup_parent *parent)
{
	char word[32];

	if (faccessat(parent->dir, LEAF, F_OK, 0) == -1)
		return;
	/* The group above takes processes again when nothing is handed down any more. */
	for (unsigned i = 0; i < CGROUP_FREEZER; i++) {
		snprintf(word, sizeof(word), "-%s",
		         cgroup_controller_name((enum cgroup_controller)i));
		fd_write_file(parent->dir, CONTROL_FILE, word);
		fd_write_file(parent->above, CONTROL_FILE, word);
	}
	fd_write_file(parent->above, PROCS_FILE, "0");
	unlinkat(parent->dir, LEAF, AT_REMOVEDIR);
}
